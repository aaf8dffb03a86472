"""Clients that ask for too much, too slowly or too often. Ids are those of the threat catalogue."""
import contextlib
import json
import os
import resource
import socket
import time
from pathlib import Path

import pytest

import place
from place import wait_until

STRANGER, NEIGHBOUR, ELSEWHERE = "198.51.100.90", "198.51.100.91", "203.0.113.90"
HEADER = b"Subject: probe\r\n\r\n"

needs_addresses = pytest.mark.skipif(not place.NAMESPACE, reason="needs addresses of its own")


@pytest.fixture
def door(daemon):
    """A relay whose one listener has these limits and timeouts, for its clients too."""
    def start(limits=None, timeouts=None, **options):
        def change(settings):
            lab = settings["listeners"]["lab"]
            lab["limits"] = {"exempt_clients": "no", **(limits or {})}
            lab["timeouts"] = timeouts or {}
            lab.update(options)
        return daemon(change)
    return start


def counters(d):
    return json.loads(d.command("status", "--json").stdout)["counters"]


def mta_pid(d):
    """The process that has the workers."""
    for pid in d.processes():
        names = {(t / "comm").read_text().strip() for t in Path(f"/proc/{pid}/task").iterdir()}
        if "worker-0" in names:
            return pid
    raise AssertionError("no mta process")


def greeting(d, source):
    with d.dial(source) as c:
        return c.greeting


@needs_addresses
def test_connections_in_a_short_time(door):
    """A5: over the limit 421 4.7.0, told and counted; others are served."""
    d = door({"connections_per_minute": 5, "network_connections_per_minute": 8})
    codes = [greeting(d, STRANGER)[0] for _ in range(7)]
    assert codes == [220] * 5 + [421] * 2
    assert greeting(d, STRANGER)[1].startswith("421 4.7.0")
    # The neighbour has what is left of the network's share.
    assert [greeting(d, NEIGHBOUR)[0] for _ in range(4)] == [220] * 3 + [421]
    assert greeting(d, ELSEWHERE)[0] == 220
    assert counters(d)["smtpd_rate_connections"] == 4
    wait_until(lambda: any("smtpd.turned_away" in line and STRANGER in line for line in d.lines), 10, "the event")


@needs_addresses
def test_open_connections(door):
    """A5: as many at once as one client may have; others are served."""
    d = door(max_connections_per_client=3)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(d.dial(STRANGER)) for _ in range(4)]
        assert [c.greeting[0] for c in held] == [220, 220, 220, 421]
        assert greeting(d, NEIGHBOUR)[0] == 220
    assert counters(d)["smtpd_limit_connections"] == 1


def test_messages_and_recipients_in_a_short_time(door):
    """A5: put off by 450 4.7.1, whichever connection asks."""
    d = door({"messages_per_minute": 2, "recipients_per_minute": 3})
    for expected in (["250", "250", "250"], ["250", "250", "450 4.7.1"]):
        with d.dial() as c:
            c.ask_line("EHLO client.example")
            assert c.ask_line("MAIL FROM:<a@sender.good.example>")[0] == 250
            got = [c.ask_line(f"RCPT TO:<r{n}@intake.good.example>")[1]
                   for n in range(len(expected) if expected[-1] != "250" else 1)]
            assert all(text.startswith(want) for text, want in zip(got, expected)), got
    with d.dial() as c:
        c.ask_line("EHLO client.example")
        assert c.ask_line("MAIL FROM:<a@sender.good.example>")[1].startswith("450 4.7.1")
    assert counters(d)["smtpd_rate_messages"] == counters(d)["smtpd_rate_recipients"] == 1


def test_slow_command(door):
    """A2: the deadline is the command's, not the octet's."""
    d = door(timeouts={"command": "3s"})
    with d.dial() as c:
        c.ask_line("EHLO client.example")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for octet in b"NOOP and so on":
                c.send(bytes([octet]))
                time.sleep(0.5)
        assert c.reply()[1].startswith("421 4.4.2")
        assert c.closed()
        assert time.monotonic() - began < 3 * 3 * place.PATIENCE


def test_slow_content(door):
    """A2: less than data_rate over a whole block."""
    d = door({"data_rate": 1000}, {"data": "3s"})
    with d.dial() as c:
        c.open("a@sender.good.example", "v@intake.good.example")
        with contextlib.suppress(ConnectionError):
            for _ in range(8):
                c.send(b"x" * 50 + b"\r\n")
                time.sleep(0.5)
        assert c.reply()[1].startswith("421 4.4.2")
    assert counters(d)["smtpd_timeouts"] == 1 and not d.queue()


def test_slow_handshake(door, world):
    """A2: a ClientHello that does not end."""
    d = door(timeouts={"tls": "2s"})
    with d.dial() as c:
        c.ask_line("EHLO client.example")
        assert c.ask_line("STARTTLS")[0] == 220
        with contextlib.suppress(ConnectionError):
            for octet in b"\x16\x03\x01\x02\x00\x01\x00":
                c.send(bytes([octet]))
                time.sleep(0.5)
        assert c.closed(10)


def test_client_that_never_reads(door):
    """A3: replies stop at their bound and so does reading; then the connection is closed."""
    d = door({"junk_commands": 100000}, {"command": "3s"})
    mta = mta_pid(d)
    with d.dial() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.sock.settimeout(2)
        before, sent = resident_kib(mta), 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            while sent < 64 << 20:
                sent += c.sock.send(b"EHLO x.example\r\n" * 4000)
        assert sent < 64 << 20, "it read on and on"
        assert resident_kib(mta) - before < 16384  # a sanitizer keeps what was freed
        wait_until(lambda: counters(d)["smtpd_sessions"] == 0, 30, "the end of the session")


def resident_kib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def test_errors_cost_time(door):
    """A6: half the errors are free, then each reply takes longer; the last is 421."""
    d = door({"errors": 6, "error_delay": "1s"})
    with d.dial() as c:
        c.ask_line("EHLO client.example")
        took = []
        for _ in range(6):
            began = time.monotonic()
            assert c.ask_line("NONSENSE")[0] == 500
            took.append(time.monotonic() - began)
        assert took[3] >= 0.99 and took[4] >= 1.99 and took[5] >= 2.99, took
        assert c.ask_line("NONSENSE")[1].startswith("421 4.7.0")
        assert c.closed()
    assert counters(d)["smtpd_delayed_replies"] == 3
    assert counters(d)["smtpd_too_many_errors"] == 1


def test_errors_of_one_client_delay_no_other(door):
    """A6: a delay is a timer, not a worker that sleeps."""
    d = door({"errors": 2, "error_delay": "10s"})
    with contextlib.ExitStack() as stack:
        for _ in range(8):  # more than there are workers
            c = stack.enter_context(d.dial())
            c.send(b"A\r\nB\r\n")
        began = time.monotonic()
        d.submit("a@sender.good.example", "v@intake.good.example", "Subject: x\r\n\r\nx\r\n")
        assert time.monotonic() - began < 8


@pytest.mark.parametrize("flood", ["NOOP", "RSET", "VRFY x", "EHLO client.example"])
def test_junk_commands(door, flood):
    """A6: commands without use have an end."""
    d = door({"junk_commands": 10})
    with d.dial() as c:
        c.ask_line("EHLO client.example")
        codes = []
        while len(codes) < 50 and (not codes or codes[-1] not in (0, 421)):
            codes.append(c.ask_line(flood)[0])
        assert codes[-1] == 421 and len(codes) <= 11, codes


def test_overload(door):
    """A7: nearly full, idle sessions end with 421; content on its way does not, and it ends by
    itself."""
    d = door({"overload_at": 80}, max_connections=10)
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(d.dial())
        writer.open("a@sender.good.example", "v@intake.good.example")
        idle = [stack.enter_context(d.dial()) for _ in range(7)]
        wait_until(lambda: any("smtpd.overload" in line and "state=begins" in line
                               for line in d.lines), 10, "overload")
        for c in idle:
            assert c.reply()[1].startswith("421 4.3.2")
        assert writer.ask(HEADER + b"late\r\n.\r\n")[0] == 250
        wait_until(lambda: any("smtpd.overload" in line and "state=ends" in line
                               for line in d.lines), 20, "the end of the overload")
        told = [line for line in d.lines if "smtpd.overload" in line]
        assert len(told) == 2, told
        assert counters(d)["smtpd_overload_closed"] == 7 and counters(d)["smtpd_overloaded"] == 0


def busy_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lowest_free(pid):
    used = {int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    return min(set(range(len(used) + 1)) - used)


def test_no_descriptors(door):
    """A8: clients are told to come back, accepting rests instead of spinning, and recovers."""
    d = door()
    mta = mta_pid(d)
    with d.dial() as c:
        c.open("a@sender.good.example", "v@intake.good.example")
        soft, hard = resource.prlimit(mta, resource.RLIMIT_NOFILE)
        resource.prlimit(mta, resource.RLIMIT_NOFILE, (lowest_free(mta), hard))
        busy, began = busy_seconds(mta), time.monotonic()
        assert [greeting(d, None)[0] for _ in range(3)] == [421] * 3
        asking = socket.socket(socket.AF_UNIX)  # waits for the control socket meanwhile
        asking.connect(str(d.folder / "run" / "control.sock"))
        time.sleep(1)
        assert busy_seconds(mta) - busy < 0.3 * (time.monotonic() - began)
        resource.prlimit(mta, resource.RLIMIT_NOFILE, (soft, hard))
        asking.close()
        wait_until(lambda: greeting(d, None)[0] == 220, 10, "a greeting")
        assert c.ask(HEADER + b"x\r\n.\r\n")[0] == 250
    wait_until(lambda: any("smtpd.no_descriptors" in line and "state=ends" in line
                           for line in d.lines), 20, "the end of the want")
    wait_until(lambda: sum("smtpd.no_descriptors" in line for line in d.lines) == 2, 10, "both events")
