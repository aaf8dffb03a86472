"""Mail filters on a real daemon: a scripted one, well-behaved and not, then Rspamd and OpenDKIM with a
whole relay behind them."""
import base64
import shutil
import threading

import pytest

import place
from daemon import Dialogue
from fake_milter import CONTINUE, FakeMilter, close, hang, packet
from place import wait_until
from receiver import Receiver

RCPT, SENDER = "rcpt@filtered.example", "sender@signed.example"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
MESSAGE = (b"From: <sender@signed.example>\r\nTo: <rcpt@filtered.example>\r\n"
           b"Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@signed.example>\r\n"
           b"Subject:  two  blanks\r\n\tand a tab \r\n\r\nbody  \r\n\r\n.dot\r\n\r\n")
_PORT, _RECEIVER = 11332, 495


@pytest.fixture
def receiver():
    made = Receiver(place.address(_RECEIVER), place.SMTP_PORT)
    yield made
    made.close()


@pytest.fixture
def filtered(daemon):
    """A daemon whose listener asks these filters: {name: its settings}."""
    def start(**milters):
        def change(settings):
            settings["milters"] = milters
            settings["listeners"]["lab"]["milters"] = list(milters)
            settings["next_hops"]["filtered"] = {
                "hosts": [f"{place.address(_RECEIVER)}:{place.SMTP_PORT}"], "tls": "may"}
            settings["routes"]["filtered.example"] = {"to": "filtered"}
        return daemon(change)
    return start


@pytest.fixture
def fake():
    made = []

    def start(**answers):
        made.append(FakeMilter("127.0.0.1", _PORT + len(made), **answers))
        return made[-1]
    yield start
    for each in made:
        each.stop()


def delivered(receiver):
    messages = wait_until(lambda: [m for v in receiver.visits for m in v.messages], 20, "a delivery")
    return messages[0]


def transaction(d, content=MESSAGE):
    """The first answer that refuses, or the one to the dot."""
    with d.dial() as c:
        for line in ("EHLO c.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RCPT}>", "DATA"):
            code, text = c.ask_line(line)
            if code >= 400:
                return code, text
        return c.ask(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")


def test_a_filter_hears_and_changes(filtered, fake, receiver):
    f = fake(E=packet("i", b"\0\0\0\1X-Filter\0seen\0") + packet("b", b"new body\n") + CONTINUE)
    d = filtered(f={"socket": f.socket})
    queue_id = d.submit(SENDER, RCPT, MESSAGE)
    got = delivered(receiver).content
    assert f.letters().startswith("OCHMRTLLLLLNBE"), f.letters()
    assert f.data("L")[-1] == b"Subject\0 two  blanks\n\tand a tab \0", "one blank is eaten"
    assert b"".join(f.data("B")) == b"body  \r\n\r\n.dot\r\n\r\n"
    assert any(data.startswith(b"E") and queue_id.encode() in data for data in f.data("D"))
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"\r\nX-Filter: seen\r\nFrom:" in head, head
    assert body == b"new body\r\n"


def test_a_large_message_is_changed_in_its_file(filtered, fake, receiver):
    f = fake(E=packet("h", b"X-Filter\0seen\0") + CONTINUE)
    d = filtered(f={"socket": f.socket})
    lines = b"".join(b"%064d\r\n" % n for n in range(100000))
    d.submit(SENDER, RCPT, b"Subject: large\r\n\r\n" + lines)
    got = delivered(receiver).content
    assert got.endswith(b"X-Filter: seen\r\n\r\n" + lines)
    assert b"".join(f.data("B")) == lines
    assert max(len(data) for data in f.data("B")) == 65535


def test_a_filter_puts_on_hold(filtered, fake, receiver):
    f = fake(E=packet("q", b"looks bad\0") + CONTINUE)
    d = filtered(f={"socket": f.socket})
    queue_id = d.submit(SENDER, RCPT, MESSAGE)
    row = d.queue()[queue_id]
    assert row["queue_name"] == "hold" and row["danelaw"]["held_for"] == "f: looks bad", row
    assert "held for" in d.command("queue", "show", queue_id).stdout
    assert not receiver.visits


@pytest.mark.parametrize("command, answer, refused", [
    ("M", packet("r"), (550, "5.7.1")),
    ("R", packet("y", b"450 4.2.1 come back\0"), (450, "4.2.1 come back")),
    ("E", packet("y", b"554 5.7.1 spam\0"), (554, "5.7.1 spam")),
    ("E", packet("y", b"250 2.0.0 Ok\0"), (451, "4.7.1")),
    ("E", packet("y", b"550 no\r\n250 2.0.0 Ok: queued\0"), (451, "4.7.1")),
    ("M", packet("Z"), (451, "4.7.1")),
    ("E", b"\x7f\0\0\0c", (451, "4.7.1")),
    ("E", packet("h", b"X\0" + 200000 * b"y" + b"\0"), (451, "4.7.1")),
    ("E", packet("h", b"X\0y\nBcc: victim@a.example\0") + CONTINUE, (451, "4.7.1")),
    ("E", 3000 * packet("h", b"X\0y\0") + CONTINUE, (451, "4.7.1")),
    ("B", close, (451, "4.7.1")),
    ("O", b"220 mail.example ESMTP\r\n", (451, "4.7.1")),
], ids=["reject", "recipient", "own-words", "says-250", "crlf", "unknown", "length", "huge-field",
        "two-fields", "many-changes", "closes", "no-milter"])
def test_refusals_and_misbehaviour(filtered, fake, receiver, command, answer, refused):
    d = filtered(f={"socket": fake(**{command: answer}).socket})
    code, text = transaction(d)
    assert code == refused[0] and text[4:].startswith(refused[1]), text
    assert not d.queue() and not receiver.visits


def test_a_dead_filter(filtered, receiver):
    """on_error says what it costs."""
    nobody = {"socket": f"inet:127.0.0.1:{_PORT}"}
    assert transaction(filtered(f=nobody))[0] == 451
    d = filtered(f={**nobody, "on_error": "accept"})
    assert transaction(d)[0] == 250
    assert delivered(receiver).content.endswith(MESSAGE)
    wait_until(lambda: any("smtpd.milter_failed: milter=f" in line for line in d.lines), 10, "the event")


def test_a_hung_filter_holds_up_only_its_session(filtered, fake):
    first, patience = threading.Event(), {"command": f"{int(4 * place.PATIENCE)}s"}

    def hang_once():
        if first.is_set():
            return CONTINUE
        first.set()
        return hang()
    d = filtered(f={"socket": fake(M=hang_once).socket, "timeouts": patience})
    with Dialogue(d.smtp_address) as waits:
        waits.ask_line("EHLO c.example")
        waits.send(f"MAIL FROM:<{SENDER}>\r\n")
        wait_until(first.is_set, 5, "MAIL at the filter")
        for _ in range(20):
            assert transaction(d)[0] == 250
        code, text = waits.reply()
        assert code == 451, text


# Real ones


def needs(program):
    return pytest.mark.skipif(not shutil.which(program, path="/usr/sbin:/usr/bin"),
                              reason=f"{program} is not installed")


@pytest.fixture
def running():
    made = []

    def keep(one):
        made.append(one)
        return one
    yield keep
    for each in made:
        each.stop()


@needs("rspamd")
def test_rspamd(filtered, receiver, running):
    import filters
    f = running(filters.rspamd())
    d = filtered(rspamd={"socket": f.socket})
    queue_id = d.submit(SENDER, RCPT, MESSAGE)
    got = delivered(receiver).content
    head = got.split(b"\r\n\r\n")[0]
    assert f"X-Rspamd-Queue-Id: {queue_id}".encode() in head, head
    assert got.endswith(b"\r\n\r\nbody  \r\n\r\n.dot\r\n\r\n")
    code, text = transaction(d, MESSAGE + GTUBE + b"\r\n")
    assert code == 554 and text.startswith("554 5.7.1"), text
    assert not any("milter_failed" in line for line in d.lines), "\n".join(d.lines)


def _signing_key():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(serialization.Encoding.PEM,
                                serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption())
    return private, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def _verifies(content, record):
    import dkim
    asked = []

    def dns(name, timeout=5):
        asked.append(name)
        return record
    good = dkim.verify(content, dnsfunc=dns)
    assert asked == [b"lab._domainkey.signed.example."], asked
    return good


@needs("opendkim")
def test_opendkim_signs_what_is_delivered(filtered, fake, receiver, running):
    """Behind a filter that adds a field, so that it signs the changed message; canonicalisation is
    "simple", so that nothing may differ by an octet."""
    pytest.importorskip("dkim")
    import filters
    private, record = _signing_key()
    signer = running(filters.opendkim("signed.example", private))
    before = fake(E=packet("m", b"\0\0\0\1Subject\0changed\n\tby a filter\0") + CONTINUE)
    d = filtered(before={"socket": before.socket}, opendkim={"socket": signer.socket})
    d.submit(SENDER, RCPT, MESSAGE)
    got = delivered(receiver).content
    names = [line.split(b":")[0] for line in got.split(b"\r\n\r\n")[0].split(b"\r\n")
             if line[:1] not in b" \t"]
    assert names[0] == b"DKIM-Signature", names
    assert b"Subject: changed\r\n\tby a filter\r\n" in got
    assert _verifies(got, record)
    assert not _verifies(got.replace(b"body  ", b"body "), record), "the check can fail"
