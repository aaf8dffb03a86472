"""kill -9 of the whole process group under load, many times: every message whose 250 a client read
is delivered. Duplicates are allowed (one window, RFC 5321 §6.1) and counted."""
import os
import random
import threading
import time
from collections import Counter

from daemon import Daemon, Dialogue
from place import wait_until

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "30"))
CLIENTS = 6
DOMAIN = "load.good.example"
MARK = b"X-Load: "


class Load:
    """Clients that submit until told to stop, and remember what was acknowledged."""

    def __init__(self, address):
        self.address, self.acknowledged, self.stopping = address, set(), False
        self._lock, self._count = threading.Lock(), 0
        self._threads = [threading.Thread(target=self._client, args=(n,), daemon=True)
                         for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _next(self, client):
        with self._lock:
            self._count += 1
            return f"{client}-{self._count}"

    def _client(self, number):
        chance = random.Random(number)
        while not self.stopping:
            try:
                with Dialogue(self.address) as c:
                    if c.greeting[0] == 220 and c.ask_line("EHLO load.example")[0] == 250:
                        self._session(c, number, chance)
            except (OSError, ValueError):
                pass
            time.sleep(0.01)

    def _session(self, c, number, chance):
        while not self.stopping:
            ident = self._next(number)
            # Mostly small; some large enough to be a file beside the database.
            size = 100_000 if chance.random() < 0.1 else chance.randrange(100, 4000)
            c.send(f"MAIL FROM:<load@sender.good.example>\r\nRCPT TO:<r@{DOMAIN}>\r\nDATA\r\n")
            if [c.reply()[0] for _ in range(3)] != [250, 250, 354]:
                return
            line = b"x" * 70 + b"\r\n"
            code, _ = c.ask(b"Subject: load\r\n" + MARK + ident.encode() + b"\r\n\r\n" +
                            line * (size // 72) + b".\r\n")
            if code != 250:
                return
            with self._lock:
                self.acknowledged.add(ident)

    def stop(self):
        self.stopping = True
        for thread in self._threads:
            thread.join(30)


def ident_of(content):
    return content.split(MARK, 1)[1].split(b"\r\n", 1)[0].decode()


def test_kill_under_load(world, capsys):
    arrived = Counter()
    receiver = world.load.receiver
    receiver._on_message = lambda message: arrived.update([ident_of(message.content)])
    chance = random.Random(int(os.environ.get("CRASH_SEED", "0")) or None)
    per_round = []

    def settings(folder):
        made = world.settings(folder)
        made["delivery"].update({"retry_min": "1s", "retry_max": "1s"})
        return made

    with Daemon(settings) as d:
        d.start()
        load = Load(d.smtp_address)
        for _ in range(ROUNDS):
            before = len(load.acknowledged)
            time.sleep(chance.uniform(0.05, 0.8))
            d.kill()
            per_round.append(len(load.acknowledged) - before)
            assert not d.complaints(killed=True), d.complaints(killed=True)
            d.start()
        wait_until(lambda: len(load.acknowledged) > sum(per_round), 20, "mail after the last start")
        load.stop()
        try:
            wait_until(lambda: not load.acknowledged - set(arrived), 60, "all acknowledged mail")
        except AssertionError:
            missing = load.acknowledged - set(arrived)
            raise AssertionError(f"{len(missing)} of {len(load.acknowledged)} acknowledged messages "
                                 f"never came: {sorted(missing)[:10]}; queue: "
                                 f"{list(d.queue().values())[:3]}") from None
        wait_until(lambda: not d.queue(), 60, lambda: f"an empty queue: {list(d.queue().items())[:3]}")
    receiver._on_message = None
    duplicates = sum(n - 1 for n in arrived.values() if n > 1)
    with capsys.disabled():
        print(f"\n  {ROUNDS} kills, {len(load.acknowledged)} acknowledged "
              f"({min(per_round)} to {max(per_round)} per round), all delivered, "
              f"{duplicates} duplicates, {len(set(arrived) - load.acknowledged)} delivered "
              "without an acknowledgement that was read")
    assert sum(per_round) > ROUNDS, "the load was no load"
