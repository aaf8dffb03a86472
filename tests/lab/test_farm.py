"""A farm of misbehaving remote servers (tests/farm/remote.py), all at once behind one relay, and good
ones between them: no message is called delivered before its final dot was answered, none bounces for
trouble that is the server's, and the good ones do not notice."""
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "farm"))

import place  # noqa: E402
import remote  # noqa: E402
import servers  # noqa: E402
from daemon import Daemon, default_settings  # noqa: E402
from place import wait_until  # noqa: E402
from receiver import Receiver  # noqa: E402

CASES = remote.all_cases()
SENDER, GOOD = "writer@back.example", "good.example"
BACK = place.address(500)
FIRST = 501
PATIENT = ("greeting", "command", "data_start", "data_block", "final_dot")  # so that the farm stalls a while


def domain(at):
    return f"c{at}.farm.example"


class Farm:
    """One port per case; notifications and the good mail go to one good server."""

    def __init__(self):
        self.good = Receiver(BACK, place.SMTP_PORT)
        self.servers = [servers.Server(place.address(FIRST), 3000 + at, case.script)
                        for at, case in enumerate(CASES)]

    def settings(self, folder):
        made = default_settings(folder)
        made["next_hops"] = {f"c{at}": {"hosts": [f"{place.address(FIRST)}:{3000 + at}"], "tls": "none"}
                             for at in range(len(CASES))}
        made["next_hops"]["back"] = {"hosts": [f"{BACK}:{place.SMTP_PORT}"], "tls": "none"}
        made["delivery"]["timeouts"].update(dict.fromkeys(PATIENT, "10s"))
        made["routes"] = {domain(at): {"to": f"c{at}"} for at in range(len(CASES))}
        made["routes"]["*"] = {"to": "back"}
        return made

    def close(self):
        for server in (*self.servers, self.good):
            server.close()


def submit(daemon, at, case):
    content = b"Subject: case\r\n\r\ntext\r\n" + (b"x" * 78 + b"\r\n") * (case.size // 80)
    return daemon.submit(SENDER, [f"r{n}@{domain(at)}" for n in range(case.rcpts)], content)


@pytest.fixture(scope="module")
def farm():
    f = Farm()
    yield f
    f.close()


@pytest.fixture(scope="module")
def harvest(farm):
    """The relay with one message to every case under way, and the ids."""
    with Daemon(farm.settings) as d:
        d.start()
        ids = [submit(d, at, case) for at, case in enumerate(CASES)]
        yield d, ids
    assert not d.complaints(), d.complaints()


def test_good_servers_do_not_notice(farm, harvest):
    """While the whole farm is stalling: 40 messages to somebody else arrive, one after the other."""
    daemon, ids = harvest
    for n in range(40):
        queue_id = daemon.submit(SENDER, f"r{n}@{GOOD}", b"Subject: good\r\n\r\ntext\r\n")
        line, = daemon.wait_deliveries(queue_id)
        assert line.field("status").startswith("sent"), line
    stalling = [at for at, case in enumerate(CASES)
                if case.id == "M2" and not daemon.deliveries(ids[at])]
    assert stalling, "nothing was stalling any more, so this has shown nothing"


def status_of(line):
    return line.field("status").split()[0]


def outcomes(case):
    return case.outcome if isinstance(case.outcome, list) else [case.outcome] * case.rcpts


@pytest.mark.parametrize("at", range(len(CASES)), ids=[f"{c.id} {c.shows}" for c in CASES])
def test_server(farm, harvest, at):
    daemon, ids = harvest
    case, server = CASES[at], farm.servers[at]
    if case.outcome == "later":
        wait_until(lambda: any(status_of(d) == "sent" for d in daemon.deliveries(ids[at])), 60, case.shows)
        assert status_of(daemon.deliveries(ids[at])[0]) == "deferred"
        return
    lines = daemon.wait_deliveries(ids[at], case.rcpts, 60)[:case.rcpts]
    by_rcpt = {d.recipient: d for d in lines}
    got = [status_of(by_rcpt[f"r{n}@{domain(at)}"]) for n in range(case.rcpts)]
    assert got == outcomes(case), "\n".join(map(str, lines))
    assert all(case.words in str(line) for line in lines), lines
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(map(str, lines))), "control characters in the log"
    if "sent" in got:
        assert server.took and server.took[0].endswith(b"text\r\n")
