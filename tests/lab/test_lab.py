"""The delivery cases of cases.py, one test each: what the servers saw, the name asked for in TLS,
the log line, the queue, and `danelaw check`. Then what needs a daemon of its own.

All messages are submitted at once and delivered side by side; each test waits for its own.
"""
import json
import os
import re
import signal
import subprocess

import pytest

import place
from case import DANE, DEFERRED, DELIVERED, HALF_DANE, PLAIN
from cases import CASES
from cases_a import EQUAL_NAMES
from daemon import BINARY, Daemon
from dnslab import UNSIGNED
from dnsquery import Wire
from letters import content_for, submit_one
from meddler import TLSA
from place import wait_until
from world import SENDER_DOMAIN


class Run:
    """One daemon and one message per case."""

    def __init__(self, world):
        self.world = world
        self.daemon = Daemon(self._settings)
        self.wire = Wire() if place.NAMESPACE else None
        self.by_id = {case.id: case for case in world.cases}
        self.queue_ids, self._listing = {}, {}
        self._before = {id(host): len(host.receiver.visits)  # others of `danelaw check`, say
                        for case in world.cases for host in case.hosts}

    def _settings(self, folder):
        return {**self.world.settings(folder), "log": {"level": "debug"}}

    def submit_all(self):
        for case in self.world.cases:
            self.queue_ids[case.id] = submit_one(self.daemon, case)

    def notices_for(self, case_id):
        return [m for m in self.world.sender.receiver.messages
                if m.recipients == [f"{case_id}@{SENDER_DOMAIN}"]]

    def visits(self, host):
        return host.receiver.visits[self._before[id(host)]:]

    def messages(self, host):
        return [message for visit in self.visits(host) for message in visit.messages]

    def row(self, queue_id):
        """A message's row in the queue listing, from a listing that was made after its deferral."""
        row = self._listing.get(queue_id)
        if not row or not row["recipients"][0].get("delay_reason"):
            self._listing = self.daemon.queue()
        return self._listing.get(queue_id)

    def assert_gone(self, case):
        queue_id = self.queue_ids[case.id]
        wait_until(lambda: any("queue.removed" in line and queue_id in line
                               for line in self.daemon.lines), 10, "the message to leave")

    def tlsa_questions(self, case):
        """Names of this case that the relay asked its resolver for TLSA records at."""
        asked = re.findall(r"dns\.lookup: name=(\S+), type=TLSA,", "\n".join(self.daemon.lines))
        return {name for name in asked if belongs(case, name)}

    def close(self):
        if self.wire:
            self.wire.close()


def belongs(case, name):
    domains = {case.domain, *(host.domain for host in case.hosts)}
    return any(f".{name}".endswith(f".{domain}") for domain in domains)


@pytest.fixture(scope="module")
def run(world):
    run = Run(world)
    with run.daemon:
        run.daemon.start()
        run.submit_all()
        yield run
    run.close()
    assert not run.daemon.complaints(), run.daemon.complaints()


def case_parameters():
    for case in CASES:
        marks = [pytest.mark.case(case.id, case.title)]
        if case.needs_namespace and not place.NAMESPACE:
            marks.append(pytest.mark.skip(reason="needs a network namespace"))
        yield pytest.param(case, id=f"{case.id}: {case.title}", marks=marks)


@pytest.mark.parametrize("case", case_parameters())
def test_case(run, case, verdict):
    queue_id = run.queue_ids[case.id]
    attempts = run.daemon.wait_deliveries(queue_id, case.attempts)
    if case.expect in DELIVERED:  # in clear after a failed handshake may take a second attempt
        attempts = wait_until(lambda: (d := run.daemon.deliveries(queue_id)) and
                              d[-1].field("status") == "sent" and d, 15,
                              lambda: f"delivery: {run.daemon.deliveries(queue_id)}")
    last = attempts[-1]
    verdict(last)
    assert last.recipient == f"rcpt@{case.domain}"
    assert last.field("from") == f"{case.id}@{SENDER_DOMAIN}", "a delivery line carries the sender"
    if case.expect in DELIVERED:
        assert_delivered(run, case, last)
    elif case.expect == DEFERRED:
        assert_deferred(run, case, attempts)
    else:
        assert_bounced(run, case, last)
    assert_told(run, case, last)
    assert_silence(run, case)
    assert_questions(run, case)


def assert_delivered(run, case, delivery):
    host = case.host(case.via)
    assert delivery.field("status") == "sent", delivery.line
    assert delivery.field("tls") == case.expect, delivery.line
    assert delivery.field("dsn").startswith("2."), delivery.line
    relay = delivery.field("relay")
    assert f"[{host.address}]:{host.port}" in relay, delivery.line
    message, = run.messages(host)
    assert message.tls == (case.expect != PLAIN)
    assert message.sender == f"{case.id}@{SENDER_DOMAIN}"
    received, _, rest = message.content.partition(b"From: <")
    assert b"From: <" + rest == content_for(case.id), "content is relayed byte for byte"
    assert received.startswith(b"Received: ") and received.endswith(b"\r\n")
    if case.expect in (DANE, HALF_DANE):
        assert delivery.field("base") == expected_name(case, host), delivery.line
    run.assert_gone(case)


def assert_deferred(run, case, attempts):
    for delivery in attempts:
        assert delivery.field("status") == "deferred", delivery.line
        assert delivery.field("dsn").startswith(case.code or "4."), delivery.line
        assert re.search(case.words, delivery.words), delivery.line
    row = run.row(run.queue_ids[case.id])
    assert row, "a deferred message stays in the queue"
    assert row["queue_name"] in ("deferred", "active"), row
    recipient, = row["recipients"]
    assert recipient["address"] == f"rcpt@{case.domain}"
    assert re.search(case.words, recipient["delay_reason"]), row
    assert recipient["delay_reason"].strip(), "every deferral says why"
    assert not run.notices_for(case.id), "no bounce before the lifetime ends"


def assert_bounced(run, case, delivery):
    assert delivery.field("status") == "bounced", delivery.line
    assert delivery.field("dsn").startswith(case.code), delivery.line
    assert re.search(case.words, delivery.words), delivery.line
    notice, = wait_until(lambda: run.notices_for(case.id), 20, "the notice to the sender")
    text = notice.content.decode("latin-1")
    assert notice.sender == ""
    assert "multipart/report" in text and "message/delivery-status" in text
    assert f"rcpt@{case.domain}" in text
    assert f"Status: {delivery.field('dsn')}" in text
    run.assert_gone(case)


def assert_told(run, case, delivery):
    """Fields of the delivery line, and events about the message."""
    for key, value in case.line.items():
        told = delivery.field(key)
        assert told is None if value is None else (told or "").startswith(value), (key, delivery.line)
    events = [line for line in run.daemon.lines if run.queue_ids[case.id] in line]
    for pattern in case.events:
        assert any(re.search(pattern, line) for line in events), (pattern, events)
    if not any("dane_audit" in pattern for pattern in case.events):
        assert not any("smtp.dane_audit" in line for line in events), events


def assert_silence(run, case):
    """No MAIL where no mail may go, none in clear where TLS is asked for, and the name asked for."""
    for host in case.hosts:
        visits = run.visits(host)
        if host.name in case.untouched:
            assert not visits, f"{host.domain} was contacted: {visits}"
        if host.name in case.visited:
            assert_turned_away(run, case, host, visits)
        if host.name != case.via:
            assert not run.messages(host)
        mailed = [v for v in visits if v.said("MAIL")]
        assert not mailed or host.name == case.via or host.name in case.transacts, visits
        if case.expect == PLAIN:
            assert not any(v.said("STARTTLS") for v in mailed), "in clear: on a connection of its own"
        else:
            assert all(v.tls for v in mailed), visits
        assert_server_name(case, host, visits)


def assert_turned_away(run, case, host, visits):
    """Contacted, once in each attempt, and left with QUIT or an alert."""
    assert visits, f"{host.domain} was not contacted"
    attempts = len(run.daemon.deliveries(run.queue_ids[case.id]))
    assert len(visits) <= attempts + 1, "no second connection, as in clear, after a failure"
    for visit in visits[:attempts]:
        if visit.hello:
            wait_until(lambda v=visit: v.closed, 10, "the end of the connection")
            assert visit.said("QUIT") or visit.tls_error, visit


def expected_name(case, host):
    """The TLSA base domain, or the host's name where there is none."""
    if host.name != case.via or case.sni is None:
        return host.domain
    return None if case.sni == "-" else case.full(case.sni)


def assert_server_name(case, host, visits):
    """SNI is the TLSA base domain (RFC 7672 §8.1)."""
    for visit in visits:
        if visit.hello:
            assert visit.server_name == expected_name(case, host), visit
        if host.behaviour and host.behaviour.starttls == "warn":
            assert visit.warned, "the server did send its warning"


def assert_questions(run, case):
    """TLSA records are asked for at the candidates, and nowhere else: not at hosts whose addresses are
    not signed (RFC 7672 §2.2.2)."""
    if case.asked is None:
        names = [host.name for host in case.hosts if run.world.zones[host.zone].kind != UNSIGNED]
    else:
        names = case.asked
    port = case.hosts[0].port if case.hosts else place.SMTP_PORT
    by_name = {host.name: host.domain for host in case.hosts}
    expected = {f"_{port}._tcp.{by_name.get(name) or case.full(name)}" for name in names}
    assert run.tlsa_questions(case) == expected
    if run.wire and not expected:
        assert not [name for name in run.wire.names(TLSA) if belongs(case, name)]


@pytest.mark.case("A22", "two hosts of one preference, one does not match: both orders are seen")
def test_equal_preferences(world, run, verdict):
    bad, good = world.equal.hosts
    for queue_id in [submit_one(run.daemon, world.equal, name) for name in EQUAL_NAMES]:
        delivery = run.daemon.wait_deliveries(queue_id)[-1]
        assert delivery.field("status") == "sent" and delivery.field("tls") == DANE, delivery
        verdict(delivery)
    assert len(good.receiver.messages) == len(EQUAL_NAMES)
    # Each visit to the host that does not match was the first try of one message.
    assert 0 < len(bad.receiver.visits) < len(EQUAL_NAMES), bad.receiver.visits
    assert not any(v.said("MAIL") for v in bad.receiver.visits)


# What `danelaw check` says of a case's domain: its exit status.
CHECKS = [("A01", 0), ("E01", 0), ("A02", 0), ("B03", 0), ("B02", 0), ("C02", 0),
          ("D05", 1), ("F01", 1), ("F02", 1), ("A12", 1), ("A27", 1), ("A18m", 0),
          ("B07", 3), ("A05", 3), ("A06", 3)]


@pytest.mark.parametrize("case_id, expected", CHECKS, ids=[c for c, _ in CHECKS])
def test_check(run, case_id, expected):
    case = run.by_id.get(case_id) or pytest.skip("needs a network namespace")
    run.daemon.wait_deliveries(run.queue_ids[case_id])
    before = transactions(case)
    told = run.daemon.command("check", case.domain, "--json")
    # 1 is "no", 3 is "undetermined": DNS that fails is trouble, not an answer.
    assert told.returncode == expected, (told.returncode, told.stdout, told.stderr)
    assert json_documents(told.stdout), "the verdict is told"
    plain = run.daemon.command("check", case.domain)
    assert plain.returncode == expected, (plain.returncode, plain.stdout, plain.stderr)
    assert re.search(case.words, plain.stdout), plain.stdout
    assert transactions(case) == before, "a handshake is made, never a transaction"


def transactions(case):
    return sum(v.said("MAIL") for host in case.hosts for v in host.receiver.visits)


def json_documents(text):
    """One document, or one per line."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_expiry_ends_in_a_notice(world, daemon, run):
    """A mismatch waits until the message's lifetime ends; only then it is returned."""
    case = run.by_id["D05"]

    def change(settings):
        settings["delivery"].update({"retry_min": "1s", "retry_max": "1s", "expire": "4s"})
    d = daemon(change)
    before, seen = len(run.notices_for(case.id)), len(case.hosts[0].receiver.visits)
    queue_id = submit_one(d, case)
    first = d.wait_deliveries(queue_id)[0]
    assert first.field("status") == "deferred"
    assert len(run.notices_for(case.id)) == before
    expired = wait_until(lambda: [x for x in d.deliveries(queue_id) if x.field("status") == "expired"],
                         20, lambda: "\n".join(map(str, d.deliveries(queue_id))))
    assert expired
    notice = wait_until(lambda: run.notices_for(case.id)[before:], 20, "the notice")[0]
    assert "no TLSA record" in notice.content.decode("latin-1")
    assert not any(v.said("MAIL") for v in case.hosts[0].receiver.visits[seen:])


def test_dead_resolver_is_restarted(world, daemon, run):
    """The dns process dies: it comes back, open questions are asked again, nothing bounces."""
    d = daemon()
    dns = [pid for pid in d.processes() if b"run-dns" in open(f"/proc/{pid}/cmdline", "rb").read()]
    assert len(dns) == 1
    case = run.by_id["A01"]
    os.kill(dns[0], signal.SIGKILL)
    queue_id = submit_one(d, case)
    sent = wait_until(lambda: [x for x in d.deliveries(queue_id) if x.field("status") == "sent"], 30,
                      lambda: "\n".join(d.lines[-20:]))
    assert sent[0].field("tls") == "dane"
    told = [line for line in d.lines if "daemon.child:" in line]
    assert len(told) == 1, told
    d.lines.remove(told[0])  # the one we caused


def test_null_sender_gets_no_notice(world, daemon, run):
    d = daemon()
    queue_id = d.submit("", f"rcpt@{run.by_id['F16'].domain}", content_for("null"))
    assert d.wait_deliveries(queue_id)[0].field("status") == "bounced"
    wait_until(lambda: not d.queue(), 10, "an empty queue")


def test_queue_survives_a_restart(world, daemon, run):
    """Deferred mail is there after a stop, and goes out when its server is mended."""
    case = run.by_id["F01"]
    d = daemon()
    queue_id = submit_one(d, case)
    d.wait_deliveries(queue_id)
    assert d.stop() == 0
    d.start()
    row = d.queue()[queue_id]
    assert row["sender"] == f"{case.id}@{SENDER_DOMAIN}"
    assert d.command("queue", "delete").returncode == 2, "delete asks for a filter"
    assert d.command("queue", "delete", "--id", queue_id).returncode == 0
    assert queue_id not in d.queue()


def test_hold_and_release(world, daemon, run):
    case = run.by_id["F01"]
    d = daemon()
    queue_id = submit_one(d, case)
    d.wait_deliveries(queue_id)
    assert d.command("queue", "hold", "--id", queue_id).returncode == 0
    wait_until(lambda: d.queue()[queue_id]["queue_name"] == "hold", 10, "hold")
    assert d.command("queue", "release", "--id", queue_id).returncode == 0
    wait_until(lambda: d.queue()[queue_id]["queue_name"] != "hold", 10, "release")


def test_commands_without_a_daemon(world, tmp_path):
    d = Daemon(world.settings)
    with d:
        assert d.command("check-config").returncode == 0
        for command in ("status", "reload", "stop", "queue list"):
            assert d.command(*command.split()).returncode == 4, command


def test_ten_mistakes_are_ten_lines(tmp_path):
    bad = tmp_path / "danelaw.yaml"
    bad.write_text("""hostname: "not a host name"
no_such_option: 1
listeners:
  lan:
    bnid: ["127.0.0.1:2525"]
    bind: ["127.0.0.1:99999"]
    clients: [10.0.0.0/33]
    identity: nobody
    max_message_size: 50q
    tls: maybe
routes:
  "*": {to: nowhere}
delivery:
  retry_min: five
  retry_min: 5m
""")
    done = subprocess.run([BINARY, "check-config", "-c", str(bad)], capture_output=True, text=True)
    assert done.returncode == 2
    lines = [line for line in (done.stdout + done.stderr).splitlines()
             if line.startswith(f"{bad}:")]
    assert len(lines) >= 10, done.stdout + done.stderr
    places = {line.split(": ")[0] for line in lines}
    assert len(places) >= 10
    assert any("bnid" in line and "bind" in line for line in lines), "did you mean"
