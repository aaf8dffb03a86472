"""The delivery cases: for each a destination's DNS and servers, and what must come of it.

Ids are those of the conformance catalogue that the project's tests follow: A next hop and MX,
B addresses, aliases and TLSA lookup, C usability, D DANE-EE, E DANE-TA, F dialogue, X ours.
"""
import ssl
from dataclasses import dataclass, field
from typing import Optional

import dnslab
from receiver import Behaviour

GOOD, UNSIGNED = "good.example", "unsigned.example"

# How a case may end.
DANE, HALF_DANE, ENCRYPT, MAY, PLAIN = "dane", "half-dane", "encrypt", "may", "none"
DEFERRED, BOUNCED = "deferred", "bounced"
DELIVERED = (DANE, HALF_DANE, ENCRYPT, MAY, PLAIN)

ZONES = {
    GOOD: dnslab.SIGNED,
    UNSIGNED: dnslab.UNSIGNED,
    "optout.example": dnslab.OPT_OUT,
    "child.optout.example": dnslab.UNSIGNED,
    "badmx.example": dnslab.BAD_MX,
    "badtlsa.example": dnslab.BAD_TLSA,
    "expiredtlsa.example": dnslab.EXPIRED_TLSA,
    "nodenial.example": dnslab.NO_DENIAL,
}


@dataclass
class Host:
    """One server. tlsa: kinds such as "311"; "311-" is well-formed but does not match; "raw:..." is
    record data as it stands; "servfail" and "hole" delegate the TLSA name to a failing server."""
    name: str = "mx"
    zone: str = ""                 # the case's own unless said
    tlsa: tuple = ()
    certificate: str = "self"      # self, leaf, leaf-alone, expired-leaf, wrong-leaf; "" for no TLS
    behaviour: Optional[Behaviour] = None
    port: int = 0                  # the SMTP port unless said
    owner: str = ""                # where the TLSA records stand, if not at the host's name
    address: str = ""              # filled in when the world is built
    domain: str = ""               # the fully qualified name, filled in as well
    receiver: object = None


@dataclass
class Case:
    id: str
    title: str
    expect: str
    hosts: list = field(default_factory=lambda: [Host()])
    zone: str = GOOD
    mx: Optional[tuple] = None     # "10 mx"; None: one record per host, 10, 20, ...
    records: tuple = ()            # further lines; {d} is the case's label, {tlsa:NAME} a matching 311
    more: dict = field(default_factory=dict)  # lines for other zones
    policy: Optional[str] = None
    next_hop: Optional[list] = None
    via: Optional[str] = "mx"      # the host that must have got the message
    sni: Optional[str] = None      # the expected TLSA base, if not the host's own name; "-" for none
    code: str = ""                 # the enhanced code, or its beginning
    words: str = ""                # a pattern found in the reason, in the log and in the queue listing
    visited: tuple = ()            # hosts that must have been contacted without getting mail
    untouched: tuple = ()          # hosts that must not have been contacted
    attempts: int = 1              # delivery lines to wait for (a second one shows that a cache holds)
    # The high ports need a next hop of the configuration's, whose permanent failures are the
    # operator's to mend and only wait.
    needs_namespace: bool = False

    @property
    def domain(self):
        return f"{self.id.lower()}.{self.zone}"


def one(case_id, title, expect, tlsa=(), **more):
    """A case with one server."""
    host = {k: more.pop(k) for k in ("certificate", "behaviour", "owner", "port") if k in more}
    tlsa = (tlsa,) if isinstance(tlsa, str) else tlsa
    return Case(case_id, title, expect, [Host(tlsa=tlsa, **host)], **more)


_NO_TLS = {"certificate": ""}
_LOOKUP = {"code": "4.7.5", "words": "TLSA lookup .*failed", "untouched": ("mx",), "via": None}
_NO_MATCH = {"code": "4.7.5", "words": "no TLSA record .*matches", "visited": ("mx",), "via": None}
_HANDSHAKE = {"code": "4.7.5", "words": "TLS handshake failed", "visited": ("mx",), "via": None}

CASES = [
    # The match, by every kind of record.
    one("A01", "a matching 3 1 1", DANE, "311"),
    one("D04a", "a matching 3 0 1", DANE, "301"),
    one("D04b", "a matching 3 0 0", DANE, "300"),
    one("D04c", "a matching 3 1 2", DANE, "312"),
    one("D01", "3 1 1 and a certificate that names something else", DANE, "311",
        certificate="wrong-leaf"),
    one("D02", "3 1 1 and an expired certificate", DANE, "311", certificate="expired-leaf"),
    one("D06", "rollover: the next and the present key", DANE, ("311-", "311")),
    one("E01", "a matching 2 0 1", DANE, "201", certificate="leaf"),
    one("E02", "a matching 2 1 1", DANE, "211", certificate="leaf"),
    one("E04", "2 0 0, the authority not in the handshake", DANE, "200", certificate="leaf-alone"),
    one("E19", "2 0 1 matches, 3 1 1 does not", DANE, ("201", "311-"), certificate="leaf"),
    one("C10", "unusable records beside a matching one", DANE, ("111-", "311")),
    one("B31", "thirty records, an answer by TCP", DANE,
        tuple(f"raw:3 1 1 {n:064x}" for n in range(1, 30)) + ("311",)),

    # The mismatch.
    one("D05", "a 3 1 1 that does not match", DEFERRED, "311-", attempts=2, **_NO_MATCH),
    one("D17", "3 1 1 of nothing", DEFERRED,
        "raw:3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", **_NO_MATCH),
    one("C12", "an unusable record saves no mismatch", DEFERRED, ("raw:3 1 3 " + "ab" * 32, "311-"),
        **_NO_MATCH),
    one("E14", "2 0 1 and an expired leaf", DEFERRED, "201", certificate="expired-leaf",
        code="4.7.5", words="not valid today|expired", visited=("mx",), via=None),
    one("E17", "2 0 1 and another name", DEFERRED, "201", certificate="wrong-leaf",
        code="4.7.5", words="certificate names .*expected", visited=("mx",), via=None),
    one("E06", "2 1 1, the authority not in the handshake", DEFERRED, "211",
        certificate="leaf-alone", code="4.7.5", visited=("mx",), via=None),

    # No TLSA record.
    one("B03", "no TLSA, a server with TLS", MAY, sni="-"),
    one("B02", "no TLSA, a server without TLS", PLAIN, **_NO_TLS),
    one("A09", "an unsigned zone, a server without TLS", PLAIN, zone=UNSIGNED, **_NO_TLS),
    one("X01", "an unsigned zone with TLSA records that do not match", MAY, "311-", zone=UNSIGNED,
        sni="-"),
    one("B09b", "an unsigned child in an opt-out span", PLAIN, zone="child.optout.example", **_NO_TLS),
    one("B09c", "no TLSA in an opt-out zone", MAY, zone="optout.example", sni="-"),
    one("B25", "a TLSA alias to a name that does not exist", PLAIN,
        records=("_{port}._tcp.mx.{d} CNAME nowhere.{d}",), **_NO_TLS),
    one("F07", "no TLSA, the handshake fails: in clear, on a new connection", PLAIN,
        behaviour=Behaviour(starttls="garbage")),

    # Records that cannot be used: TLS or nothing.
    one("C02", "1 1 1 only", ENCRYPT, "111"),
    one("C01", "0 0 1 only", ENCRYPT, "raw:0 0 1 " + "ab" * 32),
    one("C05a", "usage 4 only", ENCRYPT, "raw:4 1 1 " + "ab" * 32),
    one("C05b", "selector 2 only", ENCRYPT, "raw:3 2 1 " + "ab" * 32),
    one("C05c", "matching type 255 only", ENCRYPT, "raw:3 1 255 " + "ab" * 32),
    one("C06", "a digest of the wrong length only", ENCRYPT, "raw:3 1 1 " + "ab" * 31),
    one("C07", "3 0 0 with junk only", ENCRYPT, "raw:3 0 0 " + "ab" * 40),
    one("C14", "unusable only, an expired certificate", ENCRYPT, "111-", certificate="expired-leaf"),
    one("C02n", "unusable only, no STARTTLS", DEFERRED, "111", code="4.7.4", visited=("mx",),
        words="TLS is required", via=None, **_NO_TLS),

    # DNS that fails: never used, never bounced.
    one("A05", "MX signatures that do not verify", DEFERRED, "311", zone="badmx.example",
        code="4.4.3", words="MX lookup .*failed", untouched=("mx",), via=None, attempts=2),
    one("B06", "TLSA signatures that do not verify", DEFERRED, "311", zone="badtlsa.example",
        attempts=2, **_LOOKUP),
    one("B10", "TLSA signatures that have expired", DEFERRED, "311", zone="expiredtlsa.example",
        **_LOOKUP),
    one("B07", "SERVFAIL on TLSA, asked twice", DEFERRED, "servfail", attempts=2, **_LOOKUP),
    one("B07n", "SERVFAIL on TLSA, a server without TLS", DEFERRED, "servfail", **_LOOKUP, **_NO_TLS),
    one("B08", "no answer on TLSA", DEFERRED, "hole", needs_namespace=True, **_LOOKUP),
    one("B09", "TLSA denied without proof", DEFERRED, zone="nodenial.example", **_LOOKUP),
    one("B26", "a TLSA alias to a target that fails", DEFERRED,
        records=("_{port}._tcp.mx.{d} CNAME _{port}._tcp.broken.{d}",
                 "_tcp.broken.{d} NS servfail.good.example."), **_LOOKUP),
    Case("A06", "SERVFAIL on MX", DEFERRED, [], mx=(), via=None, code="4.4.3", words="MX lookup .*failed",
         records=("{d} NS servfail.good.example.",), attempts=2),
    Case("B22", "an alias loop at the MX host", DEFERRED, [], mx=("10 mx",), via=None, code="4.4.3",
         records=("mx.{d} CNAME mx2.{d}", "mx2.{d} CNAME mx.{d}")),

    # Dialogues that break while a record asks for TLS.
    one("F01", "3 1 1, STARTTLS not offered", DEFERRED, "311", code="4.7.4", visited=("mx",), via=None,
        words="TLS is required", attempts=2, **_NO_TLS),
    one("F02", "3 1 1, STARTTLS refused", DEFERRED, "311", code="4.7.", visited=("mx",), via=None,
        words="refused STARTTLS", behaviour=Behaviour(starttls="454 4.7.0 TLS not available")),
    one("F02b", "3 1 1, STARTTLS refused for good", DEFERRED, "311", code="4.7.", visited=("mx",),
        via=None, words="refused STARTTLS", behaviour=Behaviour(starttls="554 5.7.0 no TLS, never")),
    one("F04", "3 1 1, a server without EHLO", DEFERRED, "311", code="4.7.4", visited=("mx",), via=None,
        behaviour=Behaviour(replies={"EHLO": "502 5.5.1 what"})),
    one("F05", "3 1 1, no TLS after 220", DEFERRED, "311",
        behaviour=Behaviour(starttls="garbage"), **_HANDSHAKE),
    one("F05i", "3 1 1, a reply injected after 220", DEFERRED, "311", code="4.7.5", via=None,
        words="plaintext arrived", visited=("mx",), behaviour=Behaviour(starttls="inject")),
    one("F06", "3 1 1, closed after 220", DEFERRED, "311", visited=("mx",), via=None, code="4.",
        behaviour=Behaviour(starttls="close")),
    one("F06b", "3 1 1, silence after 220", DEFERRED, "311", visited=("mx",), via=None, code="4.",
        behaviour=Behaviour(starttls="stall")),
    one("F13", "3 1 1, TLS 1.0 only", DEFERRED, "311",
        behaviour=Behaviour(max_tls=ssl.TLSVersion.TLSv1), **_HANDSHAKE),
    one("F16", "DANE, then 550 at RCPT", BOUNCED, "311", via=None, code="5.1.1", words="no such user",
        behaviour=Behaviour(replies={"RCPT": "550 5.1.1 no such user here"})),
    one("F17", "DANE, connection lost at the final dot", DEFERRED, "311", via=None, code="4.4.2",
        behaviour=Behaviour(close_at="DOT")),
    one("X02", "greylisting: 451 once, then accepted", DANE, "311", attempts=2,
        behaviour=Behaviour(replies={"RCPT": ["451 4.7.1 greylisted"]})),
    one("X03", "451 at MAIL, for ever", DEFERRED, "311", via=None, code="4.3.2", words="come back",
        behaviour=Behaviour(replies={"MAIL": "451 4.3.2 come back later"})),
    one("X04", "421 as the greeting", DEFERRED, "311", via=None, visited=("mx",), code="4.",
        behaviour=Behaviour(greeting="421 4.3.2 not now")),
    one("X05", "550 at the final dot", BOUNCED, "311", via=None, code="5.6.0",
        behaviour=Behaviour(replies={"DOT": "550 5.6.0 not this content"})),

    # MX lists.
    Case("A18", "mx10: SERVFAIL on TLSA, mx20: a match", DANE,
         [Host("mx1", tlsa=("servfail",)), Host("mx2", tlsa=("311",))], via="mx2", untouched=("mx1",)),
    Case("A18m", "mx10: a mismatch, mx20: a match", DANE,
         [Host("mx1", tlsa=("311-",)), Host("mx2", tlsa=("311",))], via="mx2", visited=("mx1",)),
    Case("A18n", "mx10: STARTTLS missing, mx20: a match", DANE,
         [Host("mx1", tlsa=("311",), certificate=""), Host("mx2", tlsa=("311",))], via="mx2",
         visited=("mx1",)),
    Case("A18b", "mx10: refuses the connection, mx20: a match", DANE, [Host("mx2", tlsa=("311",))],
         mx=("10 mx1", "20 mx2"), records=("mx1.{d} A {unused}",), via="mx2"),
    Case("A18u", "mx10 without TLSA is used before mx20 with one", MAY,
         [Host("mx1"), Host("mx2", tlsa=("311",))], via="mx1", untouched=("mx2",), sni="-"),
    Case("A20", "no MX host exists", BOUNCED, [], mx=("10 mx1", "20 mx2"), via=None, code="5.4.4",
         needs_namespace=True),
    Case("A12", "null MX", BOUNCED, [], mx=("0 .",), via=None, code="5.1.10", words="null MX",
         needs_namespace=True),
    Case("A10", "a domain that does not exist", BOUNCED, [], mx=(), via=None, code="5.",
         needs_namespace=True),
    Case("A15", "an MX that is a number, then a match", DANE, [Host("mx", tlsa=("311",))],
         mx=("10 192.0.2.1.", "20 mx")),
    Case("A08", "implicit MX", DANE, [Host("", tlsa=("311",))], mx=(), via=""),
    Case("A30", "preference before order in the answer", DANE,
         [Host("mx1", tlsa=("311",)), Host("mx2", tlsa=("311",))], mx=("20 mx2", "10 mx1"), via="mx1",
         untouched=("mx2",)),

    # Aliases, and MX RRsets that are not secure.
    one("B13", "a secure alias: the base is its target", DANE, "311",
        mx=("10 alias",), records=("alias.{d} CNAME mx.{d}",)),
    Case("B15", "a secure alias without TLSA at its target", DANE,
         [Host("mx", tlsa=("311",), owner="alias")], mx=("10 alias",),
         records=("alias.{d} CNAME mx.{d}",), sni="alias"),
    Case("B20", "a secure alias into an unsigned zone: the base is the first name", DANE,
         [Host("mx", zone=UNSIGNED, tlsa=("311",), owner="alias")], mx=("10 alias",),
         records=("alias.{d} CNAME mx.{d}.unsigned.example.",), sni="alias"),
    Case("B20n", "an unsigned alias to a secure host: no DANE", MAY,
         [Host("mx", zone=GOOD, tlsa=("311-",))], zone=UNSIGNED, mx=("10 alias",), sni="-",
         records=("alias.{d} CNAME mx.{d}.good.example.",)),
    Case("B24", "a TLSA alias to a shared record", DANE, [Host("mx")],
         records=("_{port}._tcp.mx.{d} CNAME shared.{d}", "shared.{d} TLSA {tlsa:mx}")),
    Case("A02", "an unsigned MX, a secure host", HALF_DANE, [Host("mx", zone=GOOD, tlsa=("311",))],
         zone=UNSIGNED, mx=("10 mx.{d}.good.example.",)),
    Case("A03", "an unsigned MX, a secure host that does not match", DEFERRED,
         [Host("mx", zone=GOOD, tlsa=("311-",))], zone=UNSIGNED, mx=("10 mx.{d}.good.example.",),
         **_NO_MATCH),

    # Policies and next hops.
    one("A27", "dane-only, no TLSA", DEFERRED, policy="dane-only", code="4.7.5",
        words="DANE is required", via=None),
    one("A27y", "dane-only, a match", DANE, "311", policy="dane-only"),
    Case("A26", "dane-only, an unsigned MX", DEFERRED, [Host("mx", zone=GOOD, tlsa=("311",))],
         zone=UNSIGNED, mx=("10 mx.{d}.good.example.",), policy="dane-only", code="4.7.5",
         words="DANE is required", via=None),
    one("X06", "policy may, a mismatch", MAY, "311-", policy="may", sni=None),
    one("X07", "policy encrypt, no STARTTLS", DEFERRED, policy="encrypt", code="4.7.4",
        words="TLS is required", via=None, visited=("mx",), **_NO_TLS),
    one("X08", "policy none, a server with TLS", PLAIN, policy="none"),
    Case("B34", "a next hop with a port of its own", DANE, [Host("smart", tlsa=("311",), port=-1)],
         mx=(), next_hop=["[smart.{d}.good.example]:{other}"], via="smart"),
    Case("B34n", "a next hop whose record at its own port does not match", DEFERRED,
         [Host("smart", tlsa=("311-",), port=-1)], mx=(), via=None, visited=("smart",),
         next_hop=["[smart.{d}.good.example]:{other}"], code="4.7.5"),
    Case("X09", "a next hop that is an address: no DANE", MAY, [Host("smart", tlsa=("311-",))],
         mx=(), next_hop=["[{address:smart}]:{port}"], via="smart", sni="-"),
]
