"""Behind a proxy: the PROXY header in both versions, with STARTTLS and with TLS from the start, XCLIENT;
whose limits count, and whom the log and the trace name."""
import socket
import ssl
import struct
import subprocess

import pytest

import place
from daemon import Dialogue
from place import wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY = place.address(30)          # an address of this machine that the proxy connects from
CLIENT, OTHER = "192.0.2.7", "192.0.2.8"


def v1(client=CLIENT):
    return f"PROXY TCP4 {client} 198.51.100.25 40000 25\r\n".encode()


def v2(client=CLIENT, command=0x21, tlvs=b"\x03\x00\x04\x00\x00\x00\x00"):
    block = (socket.inet_aton(client) + socket.inet_aton("198.51.100.25") +
             struct.pack(">HH", 40000, 25) + tlvs)
    return SIGNATURE + struct.pack(">BBH", command, 0x11, len(block)) + block


@pytest.fixture
def relay(daemon, tmp_path):
    """A function that starts a relay behind the proxy; options are the listener's."""
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "30", "-subj", "/CN=mx", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)

    def start(**options):
        def settings(made):
            made["identities"] = {"a": {"certificate_file": str(certificate), "key_file": str(key)}}
            made["listeners"]["lab"].update({"identity": "a", "clients": [f"{OTHER}/32", f"{PROXY}/32"],
                                             "limits": {"exempt_clients": "no"}, **options})
        d = daemon(settings, wait=False)
        wait_until(lambda: any("daemon.ready" in line for line in d.lines), 20, "the relay")
        return d
    return start


def connect(d, header=b"", source=PROXY):
    """A connection that begins with these octets; nothing was read yet."""
    c = Dialogue(d.smtp_address, source, greeting=False)
    c.send(header)
    return c


def relays(c):
    """The reply to a recipient that only the relay's own clients may write to."""
    assert c.ask_line("EHLO client.example")[0] == 250
    assert c.ask_line("MAIL FROM:<a@sender.good.example>")[0] == 250
    return c.ask_line("RCPT TO:<x@[198.51.100.254]>")[0]


HEADERS = {"version 1": v1, "version 2": v2}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_the_client_counts(relay, header):
    d = relay(proxy=[PROXY], max_connections_per_client=2)
    for client, code in ((CLIENT, 554), (OTHER, 250)):
        with connect(d, header(client)) as c:
            assert c.reply()[0] == 220
            assert relays(c) == code
    wait_until(lambda: any(f"smtpd.reject: client={CLIENT}," in line for line in d.lines), 10, "the event")
    held = [connect(d, header(CLIENT)) for _ in range(2)]
    assert [c.reply()[0] for c in held] == [220, 220]
    with connect(d, header(CLIENT)) as third, connect(d, header(OTHER)) as other:
        assert third.reply()[0] == 421, "two connections of one client are its limit"
        assert other.reply()[0] == 220, "whoever else is behind the same proxy has its own"
    for c in held:
        c.close()


class Tls:
    """A client's TLS whose first octets go out in one segment with others."""

    def __init__(self, c, before):
        self.c, self.before = c, before
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ssl._create_unverified_context().wrap_bio(self.incoming, self.outgoing)

    def flush(self):
        self.c.send(self.before + self.outgoing.read())
        self.before = b""

    def step(self, call):
        """The result of call(), for which the server may have to say more."""
        while True:
            try:
                result = call()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.c.sock.recv(65536))

    def read_to(self, end):
        got = b""
        while end not in got:
            got += self.step(self.tls.read)
        return got


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_implicit_tls_in_the_headers_segment(relay, header):
    d = relay(proxy=[PROXY], tls="implicit")
    with connect(d) as c:
        client = Tls(c, header(CLIENT))
        client.step(client.tls.do_handshake)
        assert client.read_to(b"\r\n").startswith(b"220 ")
        client.step(lambda: client.tls.write(b"EHLO client.example\r\n"))
        assert b"250 8BITMIME" in client.read_to(b"250 8BITMIME")


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_starttls_behind_the_header(relay, header):
    d = relay(proxy=[PROXY])
    with connect(d, header(CLIENT)) as c:
        assert c.reply()[0] == 220
        assert c.ask_line("EHLO client.example")[0] == 250
        assert c.ask_line("STARTTLS")[0] == 220
        c.sock = ssl._create_unverified_context().wrap_socket(c.sock)
        assert relays(c) == 554


def test_health_checks_are_the_proxy_itself(relay):
    d = relay(proxy=[PROXY])
    for header in (b"PROXY UNKNOWN\r\n", v2(command=0x20)):
        with connect(d, header) as c:
            assert c.reply()[0] == 220
            assert relays(c) == 250, "the proxy is one of the clients"
    connect(d).close()
    assert not any("smtpd.proxy" in line for line in d.lines)


BAD = {"no header": b"EHLO client.example\r\n", "a bad address": b"PROXY TCP4 x y 1 2\r\n",
       "too long": b"PROXY UNKNOWN " + 100 * b"x", "version 3": SIGNATURE + b"\x31\x11\0\0",
       "65535 octets": SIGNATURE + b"\x21\x11\xff\xff"}


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD.keys())
def test_bad_headers_end_without_a_word(relay, octets):
    d = relay(proxy=[PROXY])
    with connect(d, octets) as c:
        assert c.reply() == (0, ""), "not a word"
    wait_until(lambda: any(f"smtpd.proxy: proxy={PROXY}" in line for line in d.lines), 10, "the event")


def test_a_header_that_does_not_come(relay):
    d = relay(proxy=[PROXY])
    with connect(d) as silent, connect(d, v1()[:20]) as half:
        assert silent.reply() == (0, "")
        assert half.reply() == (0, "")
    wait_until(lambda: sum("took too long" in line for line in d.lines) == 2, 10, "both events")


def test_others_are_not_listened_to(relay):
    """From elsewhere the header is a client that talks before the greeting."""
    d = relay(proxy=[PROXY])
    with connect(d, v1(OTHER), source=place.address(31)) as c:
        code, _ = c.reply()
        assert code in (220, 554)
        assert code == 554 or c.reply()[0] in (0, 500), "it is no command"
    with Dialogue(d.smtp_address, place.address(31)) as c:
        assert relays(c) == 554


def test_xclient(relay):
    d = relay(xclient=[PROXY], max_connections_per_client=2)
    held = []
    for _ in range(2):
        c = Dialogue(d.smtp_address, PROXY)
        assert "XCLIENT" in c.ask_line("EHLO proxy.example")[1]
        assert c.ask_line(f"XCLIENT ADDR={CLIENT} NAME=far.example")[0] == 220
        assert relays(c) == 554, "the proxy's own right is not its client's"
        held.append(c)
    with Dialogue(d.smtp_address, PROXY) as c:
        assert c.greeting[0] == 220, "none of its connections is the proxy's any more"
        c.ask_line("EHLO proxy.example")
        assert c.ask_line(f"XCLIENT ADDR={CLIENT}")[0] == 421, "two are the client's limit"
        assert c.closed()
    for c in held:
        c.close()
    with Dialogue(d.smtp_address, PROXY) as c:
        c.ask_line("EHLO proxy.example")
        assert c.ask_line(f"XCLIENT ADDR={OTHER} LOGIN=somebody")[0] == 220
        assert relays(c) == 250
    wait_until(lambda: any(f"smtpd.xclient: proxy={PROXY}" in line and "user=somebody" in line
                           for line in d.lines), 10, "the event")


def test_xclient_from_others(relay):
    d = relay(xclient=[PROXY])
    with Dialogue(d.smtp_address, place.address(31)) as c:
        assert "XCLIENT" not in c.ask_line("EHLO proxy.example")[1]
        assert c.ask_line(f"XCLIENT ADDR={OTHER}")[0] == 502
        assert relays(c) == 554


def test_reload_while_headers_are_awaited(relay):
    d = relay(proxy=[PROXY])
    with connect(d, v1()[:20]) as c:
        assert d.command("reload").returncode == 0
        c.send(v1()[20:])
        assert c.reply()[0] == 220


def test_stop_while_headers_are_awaited(relay):
    d = relay(proxy=[PROXY])
    with connect(d, v1()[:20]) as c:
        assert d.stop() == 0
        assert c.closed()
