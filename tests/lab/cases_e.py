"""3.E: DANE-TA(2). A chain to the published authority, dates, purposes and a name."""
from case import DANE, DEFERRED, NO_MATCH, Case, Host, one, refused

_NAME = refused("certificate names .*expected")
_DATE = refused("not valid today|expired")


def _chain(case_id, title, tlsa, certificate, depth, **line):
    return one(case_id, title, DANE, tlsa, certificate=certificate, line={"depth": str(depth), **line})


CASES = [
    _chain("E01", "2 0 1 of the root, all of the chain sent", "201", "middle-root-leaf", 2),
    _chain("E02", "2 1 1 of the intermediate", "211@middle", "middle-leaf", 1),
    _chain("E04", "2 0 0 of the root, which is not sent", "200", "middle-leaf", 2),
    one("E06", "2 1 1 of the intermediate, which is not sent", DEFERRED, "211@middle",
        certificate="middle-leaf-alone", **NO_MATCH),
    _chain("E07", "the certificate names the recipient's domain only", "201", "domain-leaf", 1,
           name="e07.good.example"),
    _chain("E08", "a wildcard for the host's domain", "201", "wildcard-leaf", 1),
    Case("E09", "a wildcard stands for one label", DEFERRED,
         [Host("a.b", tlsa=("201",), certificate="wildcard-leaf")], **{**_NAME, "visited": ("a.b",)}),
    _chain("E13", "no DNS name, the common name is the host", "201", "common-name-leaf", 1),
    one("E13n", "a DNS name: the common name does not count", DEFERRED, "201",
        certificate="other-name-leaf", **_NAME),
    one("E14", "an expired leaf", DEFERRED, "201", certificate="expired-leaf", **_DATE),
    one("E15", "an expired root", DEFERRED, "201@old-root", certificate="old-root-leaf", **_DATE),
    # OpenSSL 3.0 does not look at the dates of a trust anchor that is not self-signed.
    _chain("E16", "2 1 1 of an expired intermediate", "211@old-middle", "old-middle-leaf", 1),
    one("E16n", "an expired intermediate below a 2 0 1", DEFERRED, "201",
        certificate="old-middle-root-leaf", **_DATE),
    one("E17", "2 0 1 and another name", DEFERRED, "201", certificate="wrong-leaf", **_NAME),
    _chain("E19", "2 0 1 matches, 3 1 1 does not", ("201", "311-"), "leaf", 1, record="2 0 1"),
    one("E22", "an authority that must not name the host", DEFERRED, "201@constrained",
        certificate="constrained-leaf", **refused("excluded subtree")),
    one("E23", "a certificate for clients only", DEFERRED, "201", certificate="client-leaf",
        **refused("purpose")),
    one("E25", "a leaf signed with SHA-1", DEFERRED, "201", certificate="sha1-leaf",
        **refused("MD_TOO_WEAK")),
    one("E26", "2 0 2 does not match: 2 0 1 does not count", DEFERRED, ("202-", "201"),
        certificate="leaf", **NO_MATCH),
]
