"""Hostile clients on a raw socket: smuggling, relay forms, STARTTLS injection, early talkers, other
protocols, long lines. Ids are those of the threat catalogue that the project's tests follow."""
import ssl
import time
import warnings

import pytest

from daemon import Daemon, Dialogue
from place import RELAY, RELAY_PORT, wait_until

ACCEPTED = "intake.good.example"   # the one domain the stranger's listener takes mail for
FOREIGN = "load.good.example"      # reachable, but not for strangers
STRANGER_PORT = RELAY_PORT + 1000
HEADER = b"Subject: probe\r\n\r\n"
PAYLOAD = (b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@" + ACCEPTED.encode() + b">\r\nDATA\r\n"
           b"Subject: smuggled\r\n\r\nsmuggled\r\n.\r\n")


@pytest.fixture(scope="module")
def target(world):
    """A relay with two doors: one for the lab's clients, one for strangers."""
    def settings(folder):
        made = world.settings(folder)
        trusted = made["listeners"]["lab"]
        trusted["max_message_size"] = "1m"
        trusted["limits"] = {"error_delay": 0}  # test_limits.py waits for it
        made["listeners"]["door"] = {**trusted, "clients": [], "bind": [f"{RELAY}:{STRANGER_PORT}"]}
        made["domains"] = {ACCEPTED: {"to": made["routes"].get(ACCEPTED, {}).get("to", "mx")}}
        return made
    with Daemon(settings) as d:
        yield d.start()
    assert not d.complaints(), d.complaints()


@pytest.fixture
def inbox(world, target):
    """What reaches the accepted domain's server during one test."""
    receiver = world.intake.receiver
    wait_until(lambda: not target.queue(), 20, "an empty queue")
    before = len(receiver.messages)
    return lambda: [m.content for m in receiver.messages[before:]]


def settled(target, inbox):
    """The messages that came, once nothing more is on its way."""
    wait_until(lambda: not target.queue(), 20, lambda: f"an empty queue: {target.queue()}")
    return inbox()


def body_of(content):
    return content[content.index(HEADER) + len(HEADER):]


ODD_ENDS = {
    "E1 LF.LF": b"\n.\n", "E2 LF.CRLF": b"\n.\r\n", "E2 CRLF.LF": b"\r\n.\n",
    "E3 CR.CR": b"\r.\r", "E3 CR.LF": b"\r.\n", "E3 LF.CR": b"\n.\r", "E3 CR.CRLF": b"\r.\r\n",
    "E4 CRLF NUL.CRLF": b"\r\n\0.\r\n", "E6 CRCRLF.CRCRLF": b"\r\r\n.\r\r\n",
    "E6 CRLF.CRCRLF": b"\r\n.\r\r\n", "E6 CRLF CR.CRLF": b"\r\n\r.\r\n", "CRLF.CR": b"\r\n.\r",
}


@pytest.mark.parametrize("split", ["one segment", "in pieces"])
@pytest.mark.parametrize("end", ODD_ENDS.values(), ids=ODD_ENDS.keys())
def test_smuggling(target, inbox, end, split):
    """Only CRLF.CRLF ends the data; odd line ends are refused there, and nothing is queued."""
    octets = HEADER + b"text" + end + PAYLOAD
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        step = len(octets) if split == "one segment" else 7
        for at in range(0, len(octets), step):
            c.send(octets[at:at + step])
        code, text = c.reply()
        assert (code, "5.5.2" in text) == (550, True), text
        # In step again: the next reply belongs to the next command.
        assert c.ask_line("NOOP")[0] == 250
        assert c.ask_line("QUIT")[0] == 221
    assert settled(target, inbox) == []


GOOD_BODIES = {
    "E7 empty": b"", "E8 dots": b"..\r\n...\r\n..x\r\n.\r\n", "no text": b"\r\n",
    "a dot in the middle": b"a.b\r\n", "looks like commands": b"QUIT\r\nRSET\r\n",
    "8 bit": b"\xff\xfe\x80\r\n", "control characters": b"\x01\x1b[2J\x7f\t\r\n",
    "998 octets": b"x" * 998 + b"\r\n", "2000 octets": b"y" * 2000 + b"\r\n",
    "100 KiB line": b"z" * 100_000 + b"\r\n",
    **{f"E12 dot at {n}": b"n" * (n - len(HEADER)) + b"\r\n.after\r\n"
       for n in (4095, 4096, 8191, 16383, 16384, 32767, 32768, 65535, 65536)},
}


@pytest.mark.parametrize("body", GOOD_BODIES.values(), ids=GOOD_BODIES.keys())
def test_content_is_relayed_as_it_is(target, inbox, body):
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:]
        assert c.ask(HEADER + stuffed + b".\r\n")[0] == 250
    content, = wait_until(inbox, 20, "the message")
    assert body_of(content) == body


def test_empty_message(target, inbox):
    """E7: a dot at once; accepted or refused, but in step."""
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        assert c.ask(b".\r\n")[0] in (250, 554)
        assert c.ask_line("NOOP")[0] == 250


@pytest.mark.parametrize("cut", range(1, 5))
def test_end_in_pieces(target, inbox, cut):
    """E12: the true end, split at each offset."""
    end = b"\r\n.\r\n"
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        c.send(HEADER + b"split" + end[:cut])
        time.sleep(0.1)
        assert c.ask(end[cut:])[0] == 250
    content, = wait_until(inbox, 20, "the message")
    assert body_of(content) == b"split\r\n"


def test_octet_by_octet(target, inbox):
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        for octet in HEADER + b"..slowly\r\n.\r\n":
            c.send(bytes([octet]))
        assert c.reply()[0] == 250
    content, = wait_until(inbox, 20, "the message")
    assert body_of(content) == b".slowly\r\n"


RELAY_FORMS = [
    "<v@{f}>", "<v%{f}@relay.example>", "<v%{f}@[{ip}]>", '<"v@{f}">', '<"v%{f}">',
    "<v@{f}@relay.example>", "<v@{f}@[{ip}]>", '<"v@{f}"@relay.example>', '<"v@{f}"@[{ip}]>',
    "<@relay.example:v@{f}>", "<@[{ip}]:v@{f}>", "<{f}!v>", "<{f}!v@relay.example>",
    "<{f}!v@[{ip}]>", "<v@{f}.>", "v@{f}", "< v@{f} >", "<v@{F}>", "<v@{f}@{a}", "<v@{a}@{f}>",
    "<v@x{a}>", "<v@{a}.{f}>", "<v@.{a}>", "<@{a}:v@{f}>", "<v@{a} {f}>", "<v@{f},v@{a}>",
]


@pytest.mark.parametrize("sender", ["<>", "<a@{f}>", "<a@{a}>", "<a@relay.example>", "<a@[{ip}]>"])
def test_no_relay_for_strangers(world, target, sender):
    """R1 to R18: every form ends in 5xx at RCPT, and nothing reaches the foreign server."""
    names = {"f": FOREIGN, "F": FOREIGN.upper(), "a": ACCEPTED, "ip": RELAY}
    before = len(world.load.receiver.visits)
    for form in RELAY_FORMS:
        with Dialogue((RELAY, STRANGER_PORT)) as c:
            assert c.ask_line("EHLO stranger.example")[0] == 250
            code, text = c.ask_line("MAIL FROM:" + sender.format(**names))
            if code != 250:
                continue
            code, text = c.ask_line("RCPT TO:" + form.format(**names))
            assert 500 <= code < 600, (form, text)
            if form == "<v@{f}>":
                assert code == 554 and "5.7.1" in text and "Relay access denied" in text
            assert c.ask_line("DATA")[0] in (503, 554), form
    assert len(world.load.receiver.visits) == before


def test_strangers_may_write_to_our_domain(target, inbox):
    with Dialogue((RELAY, STRANGER_PORT)) as c:
        c.open("stranger@elsewhere.example", f"V@{ACCEPTED.upper()}")
        assert c.ask(HEADER + b"hello\r\n.\r\n")[0] == 250
    assert len(wait_until(inbox, 20, "the message")) == 1


def handshake(c):
    context = ssl._create_unverified_context()
    tls = context.wrap_socket(c.sock, server_hostname="relay.example")
    c.sock, c._buffer = tls, b""
    return c


def test_starttls(target, inbox):
    with target.dial() as c:
        assert "STARTTLS" in c.ask_line("EHLO client.example")[1]
        assert c.ask_line("STARTTLS now")[0] == 501
        assert c.ask_line("STARTTLS")[0] == 220
        handshake(c)
        # Everything from before the handshake is forgotten (RFC 3207 §4.2).
        assert c.ask_line("MAIL FROM:<a@sender.good.example>")[0] == 503
        assert "STARTTLS" not in c.ask_line("EHLO client.example")[1]
        assert c.ask_line("STARTTLS")[0] == 503
        for line in ("MAIL FROM:<a@sender.good.example>", f"RCPT TO:<v@{ACCEPTED}>"):
            assert c.ask_line(line)[0] == 250
        assert c.ask_line("DATA")[0] == 354
        assert c.ask(HEADER + b"over TLS\r\n.\r\n")[0] == 250
    content, = wait_until(inbox, 20, "the message")
    assert b"with ESMTPS" in content


def test_starttls_in_a_transaction(target):
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        c.ask_line("MAIL FROM:<a@sender.good.example>")
        assert c.ask_line("STARTTLS")[0] == 503


def test_starttls_injection(target, inbox):
    """T1: commands sent with STARTTLS never act, before the handshake or after it."""
    injected = (b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<v@" +
                ACCEPTED.encode() + b">\r\n")
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        c.send(injected)
        assert c.reply()[0] in (0, 220, 421, 501, 554)
        assert c.closed(), "octets before the handshake end the session"
    assert settled(target, inbox) == []


def test_handshake_garbage(target):
    """T5: closed, never back in clear."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        assert c.ask_line("STARTTLS")[0] == 220
        c.send(b"EHLO client.example\r\nMAIL FROM:<a@x.example>\r\n")
        assert c.closed()


def test_old_tls_is_refused(target):
    """T8: TLS 1.2 is the floor at the door."""
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():  # old on purpose
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        assert c.ask_line("STARTTLS")[0] == 220
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(c.sock)


def test_early_talker(target, inbox):
    """C8: a client that talks before the greeting is told so, or obeyed in order; never confused."""
    with Dialogue((RELAY, RELAY_PORT), greeting=False) as c:
        c.send(b"EHLO client.example\r\nMAIL FROM:<a@sender.good.example>\r\n")
        code, _ = c.reply()
        assert code in (220, 421, 554)
        if code != 220:
            assert c.closed()


def test_body_before_the_354_is_no_command(target, inbox):
    """After every recipient failed, DATA's body is never read as commands."""
    with Dialogue((RELAY, STRANGER_PORT)) as c:
        c.ask_line("EHLO client.example")
        c.send(b"MAIL FROM:<a@x.example>\r\nRCPT TO:<v@" + FOREIGN.encode() + b">\r\nDATA\r\n")
        assert [c.reply()[0] // 100 for _ in range(3)] == [2, 5, 5]
        c.send(PAYLOAD.replace(b"DATA\r\n", b"") + b"QUIT\r\n")
        c.closed()
    assert settled(target, inbox) == []


FIRST_WORDS = {
    "GET": b"GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n", "POST": b"POST / HTTP/1.1\r\n\r\n",
    "CONNECT": b"CONNECT x.example:25 HTTP/1.1\r\n\r\n", "PUT": b"PUT / HTTP/1.0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("octets", FIRST_WORDS.values(), ids=FIRST_WORDS.keys())
def test_other_protocols(target, inbox, octets):
    """C20: one reply at most, then closed; a mail hidden in the body is not run."""
    with target.dial() as c:
        c.send(octets + b"EHLO x.example\r\n" + PAYLOAD)
        replies = []
        while (reply := c.reply())[0] and len(replies) < 5:
            replies.append(reply)
        assert len(replies) <= 1, replies
        assert all(500 <= code < 600 or code == 421 for code, _ in replies), replies
        assert c.closed()
    assert settled(target, inbox) == []


@pytest.mark.parametrize("command, code", [(b"BDAT %d LAST", 503), (b"BDAT %d", 503), (b"BDAT %dx", 501)])
def test_refused_chunks_are_no_commands(target, inbox, command, code):
    """B1, B2, B4: the octets of a chunk out of sequence are eaten; where their number is unknown it ends."""
    with target.dial() as c:
        assert "CHUNKING" in c.ask_line("EHLO client.example")[1]
        c.send(command % len(PAYLOAD) + b"\r\n" + PAYLOAD)
        assert c.reply()[0] == code
        assert c.closed() if code == 501 else c.ask_line("NOOP")[0] == 250
    assert settled(target, inbox) == []


@pytest.mark.parametrize("octets, ok", [(512, True), (1000, True), (2048, True), (2049, False),
                                        (10_000, False)])
def test_line_lengths(target, octets, ok):
    """C1: up to 2,048 octets are read; one reply for a longer line, whatever it holds."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        code, text = c.ask(b"NOOP " + b"x" * (octets - 7) + b"\r\n")
        assert (code == 250) == ok, text
        if not ok:
            assert code == 500
        assert c.ask_line("NOOP")[0] == 250, "in step"


def test_line_without_end(target):
    """C2: past 64 KiB without an end the connection closes."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        try:
            for _ in range(64):
                c.send(b"x" * 16384)
        except ConnectionError:
            pass
        c.sock.settimeout(10)
        code, _ = c.reply()
        assert code in (0, 421, 500)
        assert c.closed()


SEQUENCES = [
    (["DATA"], 503), (["RCPT TO:<a@intake.good.example>"], 503), (["MAIL FROM:<a@b.example>"], 503),
    (["EHLO c.example", "DATA"], 503), (["EHLO c.example", "RCPT TO:<a@intake.good.example>"], 503),
    (["EHLO c.example", "MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>"], 503),
    (["EHLO c.example", "MAIL FROM:<a@b.example>", "EHLO c.example", "DATA"], 503),
    (["EHLO c.example", "MAIL FROM:<a@b.example>", "RSET", "RCPT TO:<a@intake.good.example>"], 503),
    (["EHLO"], 501), (["HELO"], 501), (["VRFY a@b.example"], 252), (["EXPN list"], 502),
    (["NONSENSE"], 500), (["XCLIENT ADDR=127.0.0.1"], (500, 502)), (["RSET"], 250), (["NOOP"], 250),
    (["EHLO c.example", "MAIL FROM:<a@b.example> SIZE=99999999999999999999999"], (501, 552)),
    (["EHLO c.example", "MAIL FROM:<a@b.example> SIZE=2000000"], 552),
    (["EHLO c.example", "MAIL FROM:<a@b.example> SIZE=1 SIZE=1"], 501),
    (["EHLO c.example", "MAIL FROM:<a@b.example> FOO=bar"], 555),
    (["EHLO c.example", "MAIL FROM:<a@b.example> BODY=BINARYMIME"], (501, 555)),
    (["EHLO c.example", "MAIL FROM:a@b.example"], (250, 501)),
    (["EHLO c.example", "MAIL FROM:<a..b@b.example>"], 501),
    (["EHLO c.example", "MAIL FROM:<a@b.example\x01>"], (500, 501)),
    (["EHLO c.example", "MAIL FROM:<\xfc@b.example>"], (501, 550, 553)),
    (["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<>"], (501, 550, 553)),
]


@pytest.mark.parametrize("lines, expected", SEQUENCES,
                         ids=[" | ".join(lines).encode("unicode_escape").decode()
                              for lines, _ in SEQUENCES])
def test_sequences(target, lines, expected):
    with target.dial() as c:
        for line in lines[:-1]:
            assert c.ask_line(line)[0] == 250, line
        code, text = c.ask_line(lines[-1])
        assert code in (expected if isinstance(expected, tuple) else (expected,)), text


@pytest.mark.parametrize("octets", [b"NOOP\n", b"NO\0OP\r\n", b"NO\rOP\r\n", b"\xff\xfe\r\n"])
def test_odd_command_lines(target, octets):
    """C3: never two replies for one line."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        c.send(octets + b"RSET\r\n")
        codes = [c.reply()[0] for _ in range(1 if octets.endswith(b"P\n") else 2)]
        assert all(code >= 500 or code in (0, 250) for code in codes), codes
        assert codes[0] >= 500 or codes[0] == 0


def test_pipelining(target, inbox):
    """C7: one segment with everything up to DATA; replies in order, one message."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        c.send(b"MAIL FROM:<a@sender.good.example>\r\n" +
               b"".join(b"RCPT TO:<r%d@%s>\r\n" % (n, ACCEPTED.encode()) for n in range(50)) +
               b"DATA\r\n")
        assert [c.reply()[0] for _ in range(52)] == [250] * 51 + [354]
        assert c.ask(HEADER + b"fifty\r\n.\r\nQUIT\r\n")[0] == 250
        assert c.reply()[0] == 221
    wait_until(inbox, 20, "the message")
    assert all(body_of(content) == b"fifty\r\n" for content in inbox())


def test_error_limit(target):
    """A6: a flood of bad commands ends in 421."""
    with target.dial() as c:
        c.ask_line("EHLO client.example")
        codes = []
        while len(codes) < 200 and (not codes or codes[-1] not in (0, 421)):
            codes.append(c.ask_line("NONSENSE")[0])
        assert codes[-1] == 421 and len(codes) < 50, codes[-3:]


def test_size_limit(target, inbox):
    """C18: past max_message_size 552 after the true end, and nothing stored."""
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        c.send(HEADER + (b"x" * 998 + b"\r\n") * 1200)
        assert c.ask(b".\r\n")[0] == 552
    assert settled(target, inbox) == []


@pytest.mark.parametrize("hops, code", [(99, 250), (101, 554)])
def test_hop_limit(target, inbox, hops, code):
    """L1: a mail loop stops at 100 Received lines."""
    with target.dial() as c:
        c.open("a@sender.good.example", f"v@{ACCEPTED}")
        got = c.ask(b"Received: from a by b; now\r\n" * hops + HEADER + b"round\r\n.\r\n")
        assert got[0] == code, got


def test_log_injection(target):
    """I8: one event is one line, whatever a client sends."""
    with target.dial() as c:
        c.ask(b"EHLO \x1b[31mred\x07\r\n")
        c.ask(b"MAIL FROM:<\"a\\\x1b[2J\"@x.example>\r\n")
        c.ask_line("EHLO client.example")
        c.ask_line("MAIL FROM:<a'--@x.example>")
        c.ask_line("RCPT TO:<\"; DROP TABLE messages; --\"@intake.good.example>")
    assert target.queue() is not None
    assert not any("\x1b" in line or "\x07" in line for line in target.lines)
    assert all(line.startswith("danelaw/") for line in target.lines), \
        [line for line in target.lines if not line.startswith("danelaw/")]
