"""3.A: the MX records and the next hop."""
from case import (BOUNCED, DANE, DEFERRED, GOOD, HALF_DANE, MAY, NO_MATCH, NO_TLS, PLAIN, UNAVAILABLE,
                  UNSIGNED, Case, Host, one)
from dnslab import BAD_ADDRESS, BAD_MX, SIGNED, UNKNOWN_ALGORITHM

# A signed island below an unsigned host, with a trust anchor of its own.
_ISLAND = f"_tcp.mx.a29.{UNSIGNED}"
ZONES = {"badmx.example": BAD_MX, "badaddress.example": BAD_ADDRESS,
         "ed448.example": UNKNOWN_ALGORITHM, _ISLAND: SIGNED}

_VIA_UNSIGNED = {"zone": UNSIGNED, "mx": ("10 mx.{d}.good.example.",), "line": {"mx": "insecure"}}
_MX_FAILED = {"via": None, "code": "4.4.3", "words": "MX lookup .*failed", "asked": ()}
_ACE = "xn--kbenhavn-54a"  # københavn

CASES = [
    one("A01", "a matching 3 1 1", DANE, "311", line={"mx": "secure", "record": "3 1 1", "depth": "0"}),
    Case("A02", "an unsigned MX, a secure host that matches", HALF_DANE,
         [Host("mx", zone=GOOD, tlsa=("311",))], events=("smtp.half_dane",), **_VIA_UNSIGNED),
    Case("A02n", "an unsigned MX: the domain's name is no reference identifier", DEFERRED,
         [Host("mx", zone=GOOD, tlsa=("201",), certificate="domain-leaf")], via=None, visited=("mx",),
         code="4.7.5", words="certificate names .*expected", **_VIA_UNSIGNED),
    Case("A03", "an unsigned MX, a secure host that does not match", DEFERRED,
         [Host("mx", zone=GOOD, tlsa=("311-",))], **_VIA_UNSIGNED, **NO_MATCH),
    one("A05", "MX signatures that do not verify", DEFERRED, "311", zone="badmx.example",
        untouched=("mx",), attempts=2, **_MX_FAILED),
    Case("A06", "SERVFAIL on MX", DEFERRED, [], mx=(), records=("{d} NS servfail.good.example.",),
         attempts=2, **_MX_FAILED),
    Case("A06t", "no answer on MX", DEFERRED, [], mx=(), records=("{d} NS hole.good.example.",),
         needs_namespace=True, **_MX_FAILED),
    Case("A08", "a signed domain without MX: itself", DANE, [Host("", tlsa=("311",))], mx=(), via=""),
    Case("A09", "an unsigned domain without MX, no STARTTLS", PLAIN, [Host("", certificate="")],
         zone=UNSIGNED, mx=(), via=""),
    Case("A10", "a domain that does not exist", BOUNCED, [], mx=(), via=None, code="5.4.4",
         needs_namespace=True),
    Case("A12", "null MX", BOUNCED, [], mx=("0 .",), via=None, code="5.1.10", words="null MX",
         needs_namespace=True),
    one("A13", "null MX beside a host that matches", DANE, "311", mx=("0 .", "10 mx")),
    Case("A14", "null MX with a preference", BOUNCED, [], mx=("10 .",), via=None, code="5.1.10",
         words="null MX", needs_namespace=True),
    one("A15", "an MX that is a number, then a match", DANE, "311", mx=("10 192.0.2.1.", "20 mx")),
    Case("A18", "mx10: SERVFAIL on TLSA, mx20: a match", DANE,
         [Host("mx1", tlsa=("servfail",)), Host("mx2", tlsa=("311",))], via="mx2", untouched=("mx1",)),
    Case("A18m", "mx10: a mismatch, mx20: a match", DANE,
         [Host("mx1", tlsa=("311-",)), Host("mx2", tlsa=("311",))], via="mx2", visited=("mx1",)),
    Case("A18n", "mx10: STARTTLS missing, mx20: a match", DANE,
         [Host("mx1", tlsa=("311",), certificate=""), Host("mx2", tlsa=("311",))], via="mx2",
         visited=("mx1",)),
    Case("A18b", "mx10: refuses the connection, mx20: a match", DANE, [Host("mx2", tlsa=("311",))],
         mx=("10 mx1", "20 mx2"), records=("mx1.{d} A {unused}",), via="mx2", asked=("mx1", "mx2")),
    Case("A18u", "mx10 without TLSA is used before mx20 with one", MAY,
         [Host("mx1"), Host("mx2", tlsa=("311",))], via="mx1", untouched=("mx2",)),
    Case("A18p", "preference before order in the answer", DANE,
         [Host("mx1", tlsa=("311",)), Host("mx2", tlsa=("311",))], mx=("20 mx2", "10 mx1"), via="mx1",
         untouched=("mx2",)),
    Case("A19", "mx10: address signatures that do not verify, mx20: a match", DANE,
         [Host("mx1", zone="badaddress.example", tlsa=("311",)), Host("mx2", tlsa=("311",))],
         mx=("10 mx1.{d}.badaddress.example.", "20 mx2"), via="mx2", untouched=("mx1",),
         asked=("mx2",)),
    Case("A20", "no MX host exists", BOUNCED, [], mx=("10 mx1", "20 mx2"), via=None, code="5.4.4",
         needs_namespace=True),
    one("A25", "an internationalised domain, 2 0 1", DANE, "201", certificate="leaf", label=_ACE,
        line={"name": f"mx.{_ACE}.good.example"}),
    one("A25p", "an internationalised domain with a policy as people write it", MAY, "311-",
        zone=UNSIGNED, label=_ACE, policy="may", policy_name=f"københavn.{UNSIGNED}"),
    one("A25r", "as A25p, the policy keeps the mail", DEFERRED, zone="optout.example", label=_ACE,
        policy="dane-only", policy_name="KØBENHAVN.optout.example", **UNAVAILABLE),
    Case("A26", "dane-only, an unsigned MX", DEFERRED, [Host("mx", zone=GOOD, tlsa=("311",))],
         policy="dane-only", **_VIA_UNSIGNED, **UNAVAILABLE),
    one("A27", "dane-only, no TLSA", DEFERRED, policy="dane-only", **UNAVAILABLE),
    one("A27y", "dane-only, a match", DANE, "311", policy="dane-only"),
    one("A29", "dane-only, an unsigned host whose TLSA has an anchor of its own", DEFERRED,
        zone=UNSIGNED, policy="dane-only", more={_ISLAND: ("_{port} TLSA {tlsa:mx:311}",)},
        **UNAVAILABLE),
    one("A30", "a zone signed with Ed448 only, which the validator lacks: unsigned", PLAIN,
        zone="ed448.example", asked=(), line={"mx": "insecure"}, **NO_TLS),
    Case("A31", "a secure alias of the domain; the certificate names the domain only", DANE,
         [Host("mx", tlsa=("201",), certificate="domain-leaf")], mx=(),
         records=("{d} CNAME other-{d}", "other-{d} MX 10 mx.{d}"), line={"name": "a31.good.example"}),
    Case("A31e", "as A31; the certificate names the alias's target only", DANE,
         [Host("mx", tlsa=("201",), certificate="other-leaf")], mx=(),
         records=("{d} CNAME other-{d}", "other-{d} MX 10 mx.{d}"),
         line={"name": "other-a31e.good.example"}),
    Case("A33", "an alias of the domain into an unsigned one, a secure host that does not match",
         DEFERRED, [Host("mx", tlsa=("311-",))], mx=(), records=("{d} CNAME {d}.unsigned.example.",),
         more={UNSIGNED: ("{d} MX 10 mx.{d}.good.example.",)}, line={"mx": "insecure"}, **NO_MATCH),
    Case("A33y", "as A33, a match", HALF_DANE, [Host("mx", tlsa=("311",))], mx=(),
         records=("{d} CNAME {d}.unsigned.example.",),
         more={UNSIGNED: ("{d} MX 10 mx.{d}.good.example.",)}, line={"mx": "insecure"}),
]

# A22 delivers to many domains that share two hosts; test_lab.py counts who was tried first.
EQUAL_NAMES = tuple(f"a22-{n}.{GOOD}" for n in range(20))
EQUAL = Case("A22", "two hosts of one preference, one does not match: both orders are seen", DANE,
             [Host("mx1", tlsa=("311-",)), Host("mx2", tlsa=("311",))], via="mx2", mx=(),
             records=tuple(f"{name}. MX 10 {host}.{{d}}" for name in EQUAL_NAMES
                           for host in ("mx1", "mx2")))
