"""3.B: addresses, aliases and the TLSA lookup."""
from case import (DANE, DEFERRED, GOOD, LOOKUP, MAY, NO_TLS, PLAIN, UNSIGNED, Case, Host, one)
from dnslab import BAD_TLSA, EXPIRED_TLSA, MEDDLED, NO_DENIAL, OPT_OUT
from dnslab import UNSIGNED as NOT_SIGNED
from receiver import Behaviour

MEDDLED_ZONE = "meddled.example"  # its server is meddler.py
ZONES = {"optout.example": OPT_OUT, "child.optout.example": NOT_SIGNED, "badtlsa.example": BAD_TLSA,
         "expiredtlsa.example": EXPIRED_TLSA, "nodenial.example": NO_DENIAL, MEDDLED_ZONE: MEDDLED}

_NO_ADDRESS = {"via": None, "code": "4.4.3", "asked": ()}
_ALIAS = {"mx": ("10 alias",), "records": ("alias.{d} CNAME mx.{d}",)}
_SMART = {"mx": (), "next_hop": ["[smart.{d}.good.example]:{other}"]}
_IMPLICIT = {"mx": (), "next_hop": ["[smart.{d}.good.example]:465"], "needs_namespace": True}


def _smart(*tlsa, port=-1, **more):
    return [Host("smart", tlsa=tlsa, port=port, **more)]


CASES = [
    one("B02", "no TLSA, a server without TLS", PLAIN, **NO_TLS),
    one("B03", "no TLSA, a server with TLS", MAY),
    one("B05", "a TLSA alias into an unsigned zone, no match there", MAY,
        records=("_{port}._tcp.mx.{d} CNAME _{port}._tcp.mx.{d}.unsigned.example.",),
        more={UNSIGNED: ("_{port}._tcp.mx.{d} TLSA {tlsa:mx:311-}",)}),
    one("B06", "TLSA signatures that do not verify", DEFERRED, "311", zone="badtlsa.example",
        attempts=2, **LOOKUP),
    one("B07", "SERVFAIL on TLSA, asked twice", DEFERRED, "servfail", attempts=2, **LOOKUP),
    one("B07n", "SERVFAIL on TLSA, a server without TLS", DEFERRED, "servfail", **LOOKUP, **NO_TLS),
    one("B08", "no answer on TLSA", DEFERRED, "hole", needs_namespace=True, **LOOKUP),
    one("B09", "TLSA denied without proof", DEFERRED, zone="nodenial.example", **LOOKUP),
    one("B09b", "an unsigned child in an opt-out span", PLAIN, zone="child.optout.example", **NO_TLS),
    one("B09c", "no TLSA in an opt-out zone", MAY, zone="optout.example"),
    one("B10", "TLSA signatures that have expired", DEFERRED, "311", zone="expiredtlsa.example",
        **LOOKUP),
    one("B12", "SERVFAIL on AAAA, a match by IPv4", DANE, "311", zone=MEDDLED_ZONE,
        needs_namespace=True),
    one("B13", "a secure alias: the base is its target", DANE, "311", asked=("mx",), **_ALIAS),
    one("B15", "a secure alias without TLSA at its target", DANE, "311", owner="alias", sni="alias",
        asked=("mx", "alias"), **_ALIAS),
    Case("B20", "secure, unsigned, secure: the base is the first name, whatever is at the end", DANE,
         [Host("mx", tlsa=("311",), owner="alias")], mx=("10 alias",), sni="alias", asked=("alias",),
         records=("alias.{d} CNAME mid.{d}.unsigned.example.",
                  "_{port}._tcp.mx.{d} TLSA {tlsa:mx:311-}"),
         more={UNSIGNED: ("mid.{d} CNAME mx.{d}.good.example.",)}),
    Case("B20n", "an unsigned alias to a secure host: no DANE", MAY,
         [Host("mx", zone=GOOD, tlsa=("311-",))], zone=UNSIGNED, mx=("10 alias",), sni="alias",
         asked=(), records=("alias.{d} CNAME mx.{d}.good.example.",)),
    Case("B22", "an alias loop at the MX host", DEFERRED, [], mx=("10 mx",),
         records=("mx.{d} CNAME mx2.{d}", "mx2.{d} CNAME mx.{d}"), **_NO_ADDRESS),
    Case("B22c", "a chain of twenty aliases at the MX host", DEFERRED, [Host("n20", tlsa=("311",))],
         mx=("10 n0",), records=tuple(f"n{n}.{{d}} CNAME n{n + 1}.{{d}}" for n in range(20)),
         untouched=("n20",), **_NO_ADDRESS),
    one("B24", "a TLSA alias to a shared 2 0 1; the certificate names the host", DANE,
        certificate="leaf", line={"record": "2 0 1", "name": "mx.b24.good.example"},
        records=("_{port}._tcp.mx.{d} CNAME shared.{d}", "shared.{d} TLSA {tlsa:mx:201}")),
    one("B25", "a TLSA alias to a name that does not exist", PLAIN,
        records=("_{port}._tcp.mx.{d} CNAME nowhere.{d}",), **NO_TLS),
    one("B26", "a TLSA alias to a target that fails", DEFERRED,
        records=("_{port}._tcp.mx.{d} CNAME _{port}._tcp.broken.{d}",
                 "_tcp.broken.{d} NS servfail.good.example."), **LOOKUP),
    one("B28", "TLSA from a wildcard", DANE, records=("*._tcp.mx.{d} TLSA {tlsa:mx:311}",)),
    Case("B29", "a host below a DNAME: the base is its target", DANE,
         [Host("mx.new", tlsa=("311",))], mx=("10 mx.old",), records=("old.{d} DNAME new.{d}",),
         via="mx.new"),
    one("B30", "MX data in mixed case", DANE, "311", zone=MEDDLED_ZONE, needs_namespace=True),
    one("B31", "thirty records, an answer by TCP, the last one matches", DANE,
        tuple(f"raw:3 1 1 {n:064x}" for n in range(1, 30)) + ("311",), line={"usable": "30/30"}),
    one("B33", "TLSA data of two octets only", "encrypt", "raw:3 1"),
    Case("B34", "a next hop with a port of its own", DANE, _smart("311"), via="smart", **_SMART),
    Case("B34n", "a next hop whose record at its own port does not match", DEFERRED, _smart("311-"),
         via=None, visited=("smart",), code="4.7.5", words="no TLSA record .*matches", **_SMART),
    Case("B36", "a next hop with TLS from the first octet", DANE,
         _smart("311", port=465, behaviour=Behaviour(implicit=True)), via="smart", **_IMPLICIT),
    Case("B36n", "as B36, no match", DEFERRED,
         _smart("311-", port=465, behaviour=Behaviour(implicit=True)), via=None, visited=("smart",),
         code="4.7.5", words="no TLSA record .*matches", **_IMPLICIT),
]
