"""3.C: records that SMTP cannot use. A secure record, usable or not, rules out mail in clear."""
from case import DANE, DEFERRED, ENCRYPT, NO_MATCH, NO_STARTTLS, NO_TLS, one

_32, _31, _33 = "ab" * 32, "ab" * 31, "ab" * 33


def _alone(case_id, title, *records, **more):
    """A destination all of whose records are unusable: TLS or nothing, and nothing is claimed."""
    return one(case_id, title, ENCRYPT, records, line={"usable": f"0/{len(records)}", "record": None},
               **more)


CASES = [
    _alone("C01", "0 0 1 only", "raw:0 0 1 " + _32),
    _alone("C02", "1 1 1 only, though it matches", "111"),
    one("C02n", "unusable only, no STARTTLS", DEFERRED, "111", **NO_STARTTLS, **NO_TLS),
    _alone("C05a", "usage 4 only", "raw:4 1 1 " + _32),
    _alone("C05b", "usage 255 only", "raw:255 1 1 " + _32),
    _alone("C05c", "selector 2 only", "raw:3 2 1 " + _32),
    _alone("C05d", "matching type 3 only", "raw:3 1 3 " + _32),
    _alone("C05e", "matching type 255 only", "raw:3 1 255 " + _32),
    _alone("C06a", "3 1 1 with 31 octets only", "raw:3 1 1 " + _31),
    _alone("C06b", "3 1 1 with 33 octets only", "raw:3 1 1 " + _33),
    _alone("C06c", "3 1 2 with 32 octets only", "raw:3 1 2 " + _32),
    _alone("C06d", "3 1 1 without data only", "raw:3 1 1 "),
    _alone("C07a", "3 0 0 with junk only", "raw:3 0 0 " + "ab" * 40),
    _alone("C07b", "3 1 0 with junk only", "raw:3 1 0 " + "ab" * 40),
    _alone("C07c", "2 0 0 with junk only", "raw:2 0 0 " + "ab" * 40),
    _alone("C07d", "2 1 0 with junk only", "raw:2 1 0 " + "ab" * 40),
    one("C10", "1 1 1 that does not match beside 3 1 1 that does", DANE, ("111-", "311"),
        line={"usable": "1/2", "record": "3 1 1"}),
    one("C12", "an unusable record saves no mismatch", DEFERRED, ("raw:3 1 3 " + _32, "311-"),
        **NO_MATCH),
    _alone("C14", "unusable only, an expired certificate", "111-", certificate="expired-leaf"),
]
