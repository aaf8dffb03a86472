"""Delivery to servers of other makers from Debian's packages (Postfix, Exim with GnuTLS, OpenSMTPD),
with RSA and ECDSA certificates and every kind of TLSA record; and mail from them, under DANE where they
know it."""
import smtplib

import pytest

import interop
from case import DEFERRED
from daemon import Daemon
from interop import BEHIND, DESTINATIONS, INBOUND, SETS
from place import SMTP_PORT, wait_until
from receiver import Receiver
from world import SENDER_DOMAIN


def sender(destination):
    return f"{destination.id}@{SENDER_DOMAIN}"


def content(destination):
    return (f"From: <{sender(destination)}>\r\nTo: <reader@{destination.domain}>\r\n"
            "Date: Thu, 26 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: <{destination.id}@lab>\r\nSubject: {destination.id}\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n"
            ".one dot\r\n..two dots\r\nFrom the start of a line\r\n\r\ntrailing space \r\n"
            "8-bit: \u00e6\u00f8\u00e5\r\n").encode() + b"long " * 180 + b"\r\n.\r\n..\r\nend\r\n"


class Round:
    """One daemon, one message to every destination whose server is there."""

    def __init__(self, world, peers):
        def settings(folder):
            made = world.settings(folder)
            made["next_hops"] = {**made["next_hops"], "behind": {"hosts": [f"[{BEHIND}]:{SMTP_PORT}"]}}
            made["routes"] = {**made["routes"], INBOUND: {"to": "behind"}}
            return made
        self.daemon, self.peers = Daemon(settings), peers
        self.queue_ids = {}

    def submit_all(self):
        for destination in DESTINATIONS:
            if destination.peer in self.peers.started:
                self.queue_ids[destination] = self.daemon.submit(
                    sender(destination), f"reader@{destination.domain}", content(destination))

    def delivery(self, destination):
        """The first one that came to a host: on a busy machine the DNS may take a second attempt."""
        def at_a_host():
            return [d for d in self.daemon.deliveries(self.queue_ids[destination])
                    if d.field("relay") != "none"]
        return wait_until(at_a_host, 30, lambda: f"a delivery; the last lines:\n{self.last_lines()}")[0]

    def last_lines(self):
        return "\n".join(self.daemon.lines[-10:])


@pytest.fixture(scope="module")
def peers(world, tmp_path_factory):
    peers = interop.Peers(tmp_path_factory.mktemp("interop"), world.dns,
                          world.identity("leaf", "relay.example"))
    try:
        yield peers.start()
    finally:
        peers.stop()


@pytest.fixture(scope="module")
def tour(world, peers):
    tour = Round(world, peers)
    with tour.daemon:
        tour.daemon.start()
        tour.submit_all()
        yield tour
    assert not tour.daemon.complaints(), tour.daemon.complaints()


@pytest.mark.parametrize("destination", DESTINATIONS, ids=[d.id for d in DESTINATIONS])
def test_delivery(tour, peers, destination):
    if peers.missing[destination.peer]:
        pytest.skip(peers.missing[destination.peer])
    server = peers.started[destination.peer]
    delivery = tour.delivery(destination)
    assert f"[{destination.address}]" in delivery.field("relay"), delivery.line
    kinds, expected = SETS[destination.set]
    if expected == DEFERRED:
        assert_kept(server, destination, delivery)
        return
    assert delivery.field("status") == "sent", f"{delivery.line}\n{server.log_text()[-3000:]}"
    assert delivery.field("tls") == expected, delivery.line
    if expected == "dane":
        assert delivery.field("record").startswith(" ".join(kinds[0])), delivery.line
    assert_arrived(server, destination)
    assert server.saw_mail_from(sender(destination)), "the log that tells of MAIL"


def assert_kept(server, destination, delivery):
    """RFC 7672 §2.2: not authenticated, so not even the envelope is told."""
    assert delivery.field("status") == "deferred", delivery.line
    assert delivery.field("dsn") == "4.7.5", delivery.line
    assert "no TLSA record" in delivery.words, delivery.line
    assert not server.saw_mail_from(sender(destination))
    assert not stored(server, destination)


def stored(server, destination):
    mark = f"Message-ID: <{destination.id}@lab>\n".encode()
    return [each for each in server.received() if mark in each]


def assert_arrived(server, destination):
    """Once, and unchanged below the header fields that the way adds."""
    message, = wait_until(lambda: stored(server, destination), 20, server.log_text)
    sent = content(destination).replace(b"\r\n", b"\n")
    assert message.endswith(sent), message
    added = message[:-len(sent)].replace(b"\n\t", b" ").replace(b"\n ", b" ")
    names = {line.split(b":")[0] for line in added.splitlines()}
    assert names <= {b"Received", b"Return-Path", b"Delivered-To", b"X-Original-To"}, names


# What each says of its TLS to us; OpenSMTPD knows no DANE.
AUTHENTICATED = {"postfix": "Verified TLS connection established to mx." + INBOUND,
                 "exim": "CV=dane", "opensmtpd": "mta tls ciphers=TLSv1.3"}


@pytest.mark.parametrize("name", interop.PEERS)
def test_sends_to_us(tour, peers, name):
    if peers.missing[name]:
        pytest.skip(peers.missing[name])
    server, behind = peers.started[name], Receiver(BEHIND, SMTP_PORT)
    try:
        with smtplib.SMTP(next(iter(server.listeners)), SMTP_PORT, timeout=30) as smtp:
            smtp.sendmail(f"from-{name}@{SENDER_DOMAIN}", [f"reader@{INBOUND}"],
                          content(DESTINATIONS[0]), mail_options=["BODY=8BITMIME"])
        message, = wait_until(lambda: behind.messages, 30,
                              lambda: f"{server.log_text()[-3000:]}\n{tour.last_lines()}")
    finally:
        behind.close()
    ours, theirs = received_lines(message.content, content(DESTINATIONS[0]))
    assert b"with ESMTPS" in ours and b"by relay.example" in ours, ours
    assert server.hostname.encode() in theirs, theirs
    wait_until(lambda: AUTHENTICATED[name] in server.log_text(), 10, server.log_text)


def received_lines(message, sent):
    """The Received fields on top of the message as it was sent, unfolded."""
    assert message.endswith(sent), message
    added = message[:-len(sent)].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    lines = added.splitlines()
    assert all(line.startswith(b"Received: ") for line in lines), lines
    return lines
