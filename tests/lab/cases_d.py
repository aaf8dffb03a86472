"""3.D: DANE-EE(3). The key alone counts: no name, no date, no chain."""
from case import DANE, DEFERRED, NO_MATCH, one

_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _passes(case_id, title, certificate, *tlsa):
    return one(case_id, title, DANE, tlsa or ("311",), certificate=certificate,
               line={"record": "3 ", "depth": "0", "name": None})


CASES = [
    _passes("D01", "3 1 1 and a certificate that names something else", "wrong-leaf"),
    _passes("D02", "3 1 1 and a certificate that expired in 2016", "expired-leaf"),
    _passes("D02b", "3 1 1 and a certificate that ends before it begins", "reversed-leaf"),
    _passes("D03a", "3 1 1 and a certificate not yet valid", "future-leaf"),
    _passes("D03b", "3 1 1 and a certificate for clients only", "client-leaf"),
    _passes("D03c", "3 1 1 and a certificate without a subject", "nameless-leaf"),
    _passes("D03d", "3 1 1 and an authority's certificate", "authority-self"),
    _passes("D04a", "a matching 3 0 0", "self", "300"),
    _passes("D04b", "a matching 3 0 1", "self", "301"),
    _passes("D04c", "a matching 3 0 2", "self", "302"),
    _passes("D04d", "a matching 3 1 0", "self", "310"),
    _passes("D04e", "a matching 3 1 2", "self", "312"),
    one("D05", "3 1 1 that does not match, a certificate that the public authorities trust", DEFERRED,
        "311-", certificate="leaf", attempts=2, **NO_MATCH),
    _passes("D06", "rollover: the next and the present key", "self", "311-", "311"),
    _passes("D10", "3 1 2 does not match, 3 1 0 does: full data always counts", "self", "312-", "310"),
    _passes("D11", "renewed with the same key: 3 0 1 is stale, 3 1 1 matches", "self", "301-", "311"),
    one("D12", "3 1 1 of the intermediate's key", DEFERRED, "311@middle", certificate="middle-leaf",
        **NO_MATCH),
    _passes("D14", "3 1 1 and a certificate signed with SHA-1", "sha1-leaf"),
    one("D16", "3 1 1 of the RSA key, the server prefers its ECDSA key", DEFERRED, "311@rsa",
        certificate="two-keys", **NO_MATCH),
    one("D16y", "as D16, both keys published", DANE, ("311@rsa", "311"), certificate="two-keys"),
    one("D17", "3 1 1 of nothing", DEFERRED, "raw:3 1 1 " + _OF_NOTHING, **NO_MATCH),
]
