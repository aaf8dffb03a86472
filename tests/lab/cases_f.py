"""3.F: the dialogue. The host has a matching 3 1 1 unless said."""
import ssl

from case import (BOUNCED, DANE, DEFERRED, HANDSHAKE, MAY, NO_MATCH, NO_STARTTLS, NO_TLS, PLAIN,
                  one)
from receiver import Behaviour

_AUDIT = {"tls": "dane", "audit": True, "note": "moving"}
_TOLD = ("smtp.dane_audit: .*note=moving",)


def _server(case_id, title, expect, words="", **how):
    """3 1 1, and a server that behaves like this."""
    more = {k: how.pop(k) for k in ("code", "attempts", "transacts", "line") if k in how}
    if expect == DEFERRED and "transacts" not in more:
        more["visited"] = ("mx",)
    if expect != DANE:
        more["via"] = None
    return one(case_id, title, expect, "311", words=words, behaviour=Behaviour(**how), **more)


CASES = [
    one("F01", "STARTTLS not offered", DEFERRED, "311", attempts=2, **NO_STARTTLS, **NO_TLS),
    _server("F02", "STARTTLS refused", DEFERRED, "refused STARTTLS", code="4.7.",
            starttls="454 4.7.0 TLS not available"),
    _server("F02b", "STARTTLS refused for good", DEFERRED, "refused STARTTLS", code="4.7.",
            starttls="554 5.7.0 no TLS, never"),
    _server("F04", "a server without EHLO", DEFERRED, code="4.7.4",
            replies={"EHLO": "502 5.5.1 what"}),
    _server("F05", "no TLS after 220", DEFERRED, "TLS handshake failed", code="4.7.5",
            starttls="garbage"),
    _server("F05a", "an alert instead of a handshake", DEFERRED, "TLS handshake failed", code="4.7.5",
            starttls="alert"),
    _server("F05i", "a reply injected after 220", DEFERRED, "plaintext arrived", code="4.7.5",
            starttls="inject"),
    _server("F06", "closed after 220", DEFERRED, code="4.", starttls="close"),
    _server("F06b", "silence after 220", DEFERRED, code="4.", starttls="stall"),
    one("F07", "no TLSA, the handshake fails: in clear, on a new connection", PLAIN,
        behaviour=Behaviour(starttls="garbage")),
    _server("F09", "SIZE 1 before TLS, none after: what was offered in clear is forgotten", DANE,
            extensions=("SIZE 1",), extensions_in_tls=("8BITMIME",)),
    one("F10", "no match: QUIT or an alert, never MAIL", DEFERRED, "311-", **NO_MATCH),
    one("F13", "TLS 1.0 only", DEFERRED, "311",
        behaviour=Behaviour(max_tls=ssl.TLSVersion.TLSv1), **HANDSHAKE),
    _server("F14", "a warning that the name is not recognised, then the right certificate", DANE,
            starttls="warn", line={"protocol": "TLSv1.2"}),
    _server("F15", "the server asks for a client's certificate", DANE, asks_certificate=True),
    _server("F16", "550 at RCPT", BOUNCED, "no such user", code="5.1.1", transacts=("mx",),
            replies={"RCPT": "550 5.1.1 no such user here"}),
    _server("F17", "the connection is lost at the final dot", DEFERRED, code="4.4.2",
            transacts=("mx",), close_at="DOT"),
    one("F18", "audit only: no match, told and delivered", MAY, "311-", policy=_AUDIT,
        line={"audit": "DANE_MISMATCH"}, events=_TOLD),
    one("F18a", "audit only: STARTTLS not offered", PLAIN, "311", policy=_AUDIT,
        line={"audit": "STARTTLS_NOT_OFFERED"}, events=_TOLD, **NO_TLS),
    one("F18b", "audit only: TLSA signatures that do not verify", MAY, "311", policy=_AUDIT,
        zone="badtlsa.example", line={"audit": "TLSA_LOOKUP"}, events=_TOLD),
    one("F18c", "audit only: unusable records, STARTTLS not offered", PLAIN, "111", policy=_AUDIT,
        line={"audit": "STARTTLS_NOT_OFFERED"}, events=_TOLD, **NO_TLS),
    one("F18d", "audit only, a match: nothing to tell", DANE, "311", policy=_AUDIT,
        line={"audit": None}),
    one("F18e", "audit only with dane-only: no TLSA", MAY, policy={**_AUDIT, "tls": "dane-only"},
        line={"audit": "DANE_UNAVAILABLE"}, events=_TOLD),
    one("F18f", "an exception that is past its date no longer applies", DEFERRED, "311-",
        policy={**_AUDIT, "until": "2020-01-01"}, events=("policy.expired",), **NO_MATCH),
]
