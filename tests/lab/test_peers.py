"""Real peers from Debian's packages: swaks submits, Postfix receives over DANE with a certificate of
its own, and a message that Postfix sends through Danelaw arrives byte for byte."""
import shutil
import smtplib
import subprocess

import pytest

import postfix
from daemon import Daemon
from place import RELAY, RELAY_PORT, SMTP_PORT, address, wait_until
from world import SENDER_DOMAIN

POSTFIX_DOMAIN, POSTFIX_ADDRESS = "postfix.good.example", address(30)
FROM_POSTFIX = "frompostfix.good.example"
CONTENT = (b"From: <writer@" + SENDER_DOMAIN.encode() + b">\r\n"
           b"To: <reader@example>\r\nSubject: from a real peer\r\n"
           b"Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <peer@lab>\r\n"
           b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
           b"Content-Transfer-Encoding: 8bit\r\n\r\n"
           b".one dot\r\n..two dots\r\n\r\ntrailing space \r\n"
           b"8-bit: \xc3\xa6\xc3\xb8\xc3\xa5\r\n" + b"long " * 180 + b"\r\n.\r\n..\r\nend\r\n")


@pytest.fixture(scope="module")
def peers_daemon(world):
    with Daemon(world.settings) as d:
        yield d.start()
    assert not d.complaints(), d.complaints()


def without_first_received(content):
    """What follows the topmost Received header with its folded lines."""
    assert content.startswith(b"Received: ")
    lines = content.split(b"\r\n")
    first = next(n for n in range(1, len(lines)) if not lines[n].startswith((b" ", b"\t")))
    return b"\r\n".join(lines[first:])


needs_swaks = pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed")


@needs_swaks
@pytest.mark.parametrize("tls", ["plain", "STARTTLS"])
def test_swaks_submits(world, peers_daemon, tls):
    target = world.sender.receiver
    before = len(target.messages)
    done = subprocess.run(
        ["swaks", "--server", RELAY, "--port", str(RELAY_PORT), "--helo", "swaks.example",
         "--from", f"swaks@{SENDER_DOMAIN}", "--to", f"{tls}@{SENDER_DOMAIN}",
         "--body", f"by swaks over {tls}", *(["-tls"] if tls == "STARTTLS" else [])],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert ("TLS started" in done.stdout) == (tls == "STARTTLS"), done.stdout
    wait_until(lambda: len(target.messages) > before, 20, lambda: "\n".join(peers_daemon.lines[-10:]))
    message = target.messages[-1]
    assert f"by swaks over {tls}".encode() in message.content
    keyword = b"with ESMTPS" if tls == "STARTTLS" else b"with ESMTP"  # RFC 3848
    received = message.content[:message.content.index(b"From:")]
    assert keyword in received and (tls == "STARTTLS") == (b"ESMTPS" in received), received


@pytest.fixture(scope="module")
def real_postfix(world):
    if postfix.missing():
        pytest.skip(postfix.missing())
    identity = world.identity("wrong-leaf", "")
    peer = postfix.Postfix(f"mx.{POSTFIX_DOMAIN}", {POSTFIX_ADDRESS: identity}, POSTFIX_DOMAIN,
                           (RELAY, RELAY_PORT))
    try:
        yield peer.start()
    finally:
        peer.stop()


def test_postfix_receives_over_dane(world, peers_daemon, real_postfix):
    queue_id = peers_daemon.submit(f"writer@{SENDER_DOMAIN}", f"reader@{POSTFIX_DOMAIN}", CONTENT)
    delivery = peers_daemon.wait_deliveries(queue_id)[-1]
    assert delivery.field("status") == "sent", f"{delivery}\n{real_postfix.log_text()}"
    assert delivery.field("tls") == "dane"
    assert f"[{POSTFIX_ADDRESS}]" in delivery.field("relay")
    stored = wait_until(real_postfix.received, 20, real_postfix.log_text)[-1]
    assert stored.endswith(CONTENT.replace(b"\r\n", b"\n"))
    assert "TLS connection established from" in real_postfix.log_text()


def test_postfix_sends_through(world, peers_daemon, real_postfix):
    target = world.from_postfix.receiver
    with smtplib.SMTP(POSTFIX_ADDRESS, SMTP_PORT, timeout=30) as smtp:
        smtp.sendmail(f"writer@{SENDER_DOMAIN}", [f"reader@{FROM_POSTFIX}"], CONTENT,
                      mail_options=["BODY=8BITMIME"])
    message = wait_until(lambda: target.messages and target.messages[-1], 30,
                         lambda: real_postfix.log_text() + "\n".join(peers_daemon.lines[-10:]))
    assert message.tls
    by_postfix = without_first_received(message.content)
    assert by_postfix.startswith(b"Received: "), "Postfix's own line is the second"
    assert without_first_received(by_postfix) == CONTENT, "byte for byte"
