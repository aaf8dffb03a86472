"""Cases beside the catalogue: P, the fine points that other implementations met; X, ours."""
from case import (BOUNCED, DANE, DEFERRED, ENCRYPT, LOOKUP, MAY, NO_MATCH, NO_STARTTLS, NO_TLS,
                  PKIX, PLAIN, UNSIGNED, Case, Host, one)
from receiver import Behaviour

_OUTLOOK = {"mx": ("10 mx.{d}.unsigned.example.",)}


def _server(case_id, title, expect, code="", words="", **how):
    return one(case_id, title, expect, "311", code=code, words=words, via=None, transacts=("mx",),
               behaviour=Behaviour(**how))


CASES = [
    Case("P01", "a host in an unsigned zone whose server fails on TLSA: it is not asked", MAY,
         [Host("mx", zone=UNSIGNED, tlsa=("servfail",))], asked=(), line={"mx": "secure"}, **_OUTLOOK),
    Case("P02", "as P01 behind a secure alias: TLSA at the alias", DANE,
         [Host("mx", zone=UNSIGNED, tlsa=("311",), owner="alias")], mx=("10 alias",), sni="alias",
         asked=("alias",), records=("alias.{d} CNAME mx.{d}.unsigned.example.",)),
    Case("P04", "mx10 does not exist, unsigned; mx20: a match", DANE, [Host("mx2", tlsa=("311",))],
         mx=("10 nowhere.unsigned.example.", "20 mx2"), via="mx2"),
    Case("P06", "a TLSA alias that passes an unsigned zone: no record", MAY, [Host("mx")],
         records=("_{port}._tcp.mx.{d} CNAME tlsa.{d}.unsigned.example.",
                  "back.{d} TLSA {tlsa:mx:311-}"),
         more={UNSIGNED: ("tlsa.{d} CNAME back.{d}.good.example.",)}),
    Case("P07", "records at an alias and at its target: the target's count", DANE,
         [Host("mx", tlsa=("311",))], mx=("10 alias",), asked=("mx",),
         records=("alias.{d} CNAME mx.{d}", "_{port}._tcp.alias.{d} TLSA {tlsa:mx:311-}")),
    Case("P07e", "an error at the alias's target: the alias is not asked", DEFERRED,
         [Host("mx", tlsa=("servfail",))], mx=("10 alias",), asked=("mx",),
         records=("alias.{d} CNAME mx.{d}", "_{port}._tcp.alias.{d} TLSA {tlsa:mx:311}"), **LOOKUP),
    one("P09", "3 1 1 is stale, 3 1 2 matches", DANE, ("311-", "312"), line={"record": "3 1 2"}),
    one("P09n", "3 1 2 is stale: 3 1 1 does not count", DEFERRED, ("312-", "311"), **NO_MATCH),
    one("P12", "2 1 0, the authority not sent", DANE, "210", certificate="leaf-alone"),
    one("P12n", "2 0 1, the authority not sent", DEFERRED, "201", certificate="leaf-alone",
        **NO_MATCH),
    one("P13", "2 1 0 of the key of a self-signed certificate", DANE, "210@leaf",
        certificate="named-self"),
    one("P13n", "2 0 1 of a self-signed certificate", DEFERRED, "201@leaf", certificate="named-self",
        **{**NO_MATCH, "words": "should be usage 3"}),
    one("P27t", "TLSA with a TTL of nothing", DANE,
        records=("_{port}._tcp.mx.{d} 0 TLSA {tlsa:mx:311}",)),

    one("X01", "an unsigned zone with TLSA records that do not match", MAY, "311-", zone=UNSIGNED),
    one("X02", "greylisting: 451 once, then accepted", DANE, "311", attempts=2,
        behaviour=Behaviour(replies={"RCPT": ["451 4.7.1 greylisted"]})),
    _server("X03", "451 at MAIL, for ever", DEFERRED, "4.3.2", "come back",
            replies={"MAIL": "451 4.3.2 come back later"}),
    one("X04", "421 as the greeting", DEFERRED, "311", via=None, visited=("mx",), code="4.",
        behaviour=Behaviour(greeting="421 4.3.2 not now")),
    _server("X05", "550 at the final dot", BOUNCED, "5.6.0",
            replies={"DOT": "550 5.6.0 not this content"}),
    one("X06", "policy may, a mismatch", MAY, "311-", policy="may"),
    one("X07", "policy encrypt, no STARTTLS", DEFERRED, policy="encrypt", **NO_STARTTLS, **NO_TLS),
    one("X08", "policy none, a server with TLS", PLAIN, policy="none"),
    Case("X09", "a next hop that is an address: no DANE", MAY, [Host("smart", tlsa=("311-",))],
         mx=(), next_hop=["[{address:smart}]:{port}"], via="smart", sni="-", asked=()),
    one("X10", "policy encrypt, a mismatch", ENCRYPT, "311-", policy="encrypt"),
    one("X11", "policy verify, a certificate that the public authorities trust", PKIX, "311-",
        certificate="leaf", policy="verify", line={"name": "mx.x11.good.example"}),
]
