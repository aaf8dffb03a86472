"""3.G: connections and TLS sessions that outlive a delivery, and what they must not be used for; then
records that change between two deliveries."""
import socket
import ssl
import time

import pytest

import cases_g
import place
from case import DANE, GOOD, HALF_DANE, MAY, Case
from letters import submit_one
from place import wait_until
from receiver import Behaviour, Receiver

_IDLE = "60s"
_CHANGING = f"changing.{GOOD}"


@pytest.fixture
def keeping(world, daemon):
    """A daemon that keeps its connections: one worker, whose pool all deliveries share."""
    def settings(made):
        made["workers"] = 1
        made["delivery"]["connection_idle"] = _IDLE
        made["policies"] = {**made["policies"],
                            **{domain: {"tls": level} for domain, level in cases_g.POLICIES.items()}}
        made["next_hops"] = {**made["next_hops"], "shared": {
            "hosts": [f"[{world.shared.hosts[0].domain}]:{place.SMTP_PORT}"]}}
        made["routes"] = {**made["routes"], **{
            domain: {"to": "shared"} for domain in cases_g.BY_HOP}}
    return daemon(settings)


@pytest.fixture
def server(world):
    """The shared server, without the visits of other tests."""
    receiver = world.shared.hosts[0].receiver
    receiver.visits.clear()
    return receiver


def deliver(d, world, domain, level):
    delivery = d.wait_deliveries(submit_one(d, world.shared, domain))[-1]
    assert delivery.field("status") == "sent" and delivery.field("tls") == level, delivery.line
    return delivery


def assert_kept_apart(d, world, server, first, second):
    """Mail for `first` shares a connection; mail for `second` gets its own while that is open."""
    for _ in range(2):
        deliver(d, world, *first)
    shared, = server.visits
    assert len(shared.messages) == 2, "the connection is kept, and used again"
    delivery = deliver(d, world, *second)
    assert len(server.visits) == 2 and len(server.visits[1].messages) == 1, server.visits
    assert len(shared.messages) == 2 and not shared.closed, "it is open all the while"
    return delivery


G05 = pytest.mark.case("G05", "an unauthenticated connection is open: a DANE message gets its own")
G05R = pytest.mark.case("G05r", "a DANE connection is open: an unauthenticated message gets its own")
G05H = pytest.mark.case("G05h", "as G05, both by one configured next hop")
G06 = pytest.mark.case("G06", "a connection for an unsigned domain is open: dane-only gets its own")
G06D = pytest.mark.case("G06d", "as G06 with level dane")
G06H = pytest.mark.case("G06h", "DANE and dane-only by one configured next hop")


@pytest.mark.parametrize("first, second", [
    pytest.param((cases_g.MAY_DOMAIN, MAY), (cases_g.DANE_DOMAIN, DANE), marks=G05),
    pytest.param((cases_g.DANE_DOMAIN, DANE), (cases_g.MAY_DOMAIN, MAY), marks=G05R),
    pytest.param((cases_g.HOP_MAY, MAY), (cases_g.HOP_DANE, DANE), marks=G05H),
    pytest.param((cases_g.HALF_DOMAIN, HALF_DANE), (cases_g.ONLY_DOMAIN, DANE), marks=G06),
    pytest.param((cases_g.HALF_DOMAIN, HALF_DANE), (cases_g.DANE_DOMAIN, DANE), marks=G06D),
    pytest.param((cases_g.HOP_DANE, DANE), (cases_g.HOP_ONLY, DANE), marks=G06H),
])
def test_connections_are_kept_apart(world, keeping, server, verdict, first, second):
    verdict(assert_kept_apart(keeping, world, server, first, second))


# G03: no TLS session is resumed.

def resumes(receiver):
    """Whether a client that wants to resume a session with this server can."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    session = None
    for _ in range(2):
        with socket.create_connection((receiver.address, receiver.port), 10) as sock:
            talk = sock.makefile("rwb", buffering=0)
            for line in (None, b"EHLO client.example\r\n", b"STARTTLS\r\n"):
                if line:
                    talk.write(line)
                while talk.readline()[3:4] == b"-":
                    pass
            with context.wrap_socket(sock, session=session) as tls:
                tls.sendall(b"NOOP\r\n")  # with its answer come the tickets of TLS 1.3
                tls.recv(100)
                session, resumed = tls.session, tls.session_reused
    return resumed


G03 = pytest.mark.case("G03", "TLS 1.2 sessions are offered: full handshakes")
G03B = pytest.mark.case("G03b", "TLS 1.3 tickets are offered: full handshakes")


@pytest.mark.parametrize("version", [pytest.param("TLSv1.2", marks=G03),
                                     pytest.param("TLSv1.3", marks=G03B)])
def test_no_session_is_resumed(world, daemon, verdict, version):
    identity = world.identity("self")
    old = version == "TLSv1.2"
    receiver = Receiver(place.address(48 if old else 49), place.SMTP_PORT, identity,
                        Behaviour(max_tls=ssl.TLSVersion.TLSv1_2 if old else None))
    world.servers.append(receiver)
    name = f"g03-{version.replace('.', '').lower()}.{GOOD}"
    world.dns.add_now(GOOD, [f"{name}. MX 10 mx.{name}.", f"mx.{name}. A {receiver.address}",
                             f"_{receiver.port}._tcp.mx.{name}. TLSA {identity.tlsa('311')}"])
    world.reach(name)
    d = daemon(lambda s: s["delivery"].update({"connection_idle": "0s"}))
    assert resumes(receiver), "this server does resume"
    receiver.visits.clear()
    case = Case("G03", "", DANE)
    for _ in range(2):
        delivery = d.wait_deliveries(submit_one(d, case, name))[-1]
        assert delivery.field("tls") == DANE and delivery.field("depth") == "0", delivery.line
        assert delivery.field("protocol") == version
    assert len(receiver.visits) == 2, receiver.visits
    assert not any(visit.resumed for visit in receiver.visits)
    verdict(delivery)


@pytest.mark.case("P18", "the record changes and changes back: each attempt goes by today's")
def test_records_change(world, daemon, verdict):
    """An open connection, authenticated by the record of before, is not used; and what waited goes when
    the record is mended (RFC 7671 section 13 has the TTL say how old a record may be)."""
    d = daemon(lambda s: s["delivery"].update({"connection_idle": _IDLE}) or s.update({"workers": 1}))
    host = world.changing
    owner, identity = f"_{host.port}._tcp.{host.domain}.", world.identity("self")
    case = Case("P18", "", DANE)

    def publish(kind):
        world.dns.replace_now(GOOD, owner, "TLSA", identity.tlsa("311", wrong=kind == "wrong"))

    publish("right")
    assert d.wait_deliveries(submit_one(d, case, _CHANGING))[-1].field("tls") == DANE
    before = len(host.receiver.visits)
    publish("wrong")
    time.sleep(2.2)  # a TTL of 1 on a clock of whole seconds
    waiting = submit_one(d, case, _CHANGING)
    delivery = d.wait_deliveries(waiting)[0]
    assert delivery.field("dsn") == "4.7.5" and "no TLSA record" in delivery.words, delivery.line
    assert not any(visit.said("MAIL") for visit in host.receiver.visits[before:])
    publish("right")
    sent = wait_until(lambda: [each for each in d.deliveries(waiting) if each.field("status") == "sent"],
                      20, lambda: d.deliveries(waiting))
    assert sent[0].field("tls") == DANE
    verdict(sent[0])
