"""What a case is: the DNS and the servers of a destination, and what must come of a message to it."""
from dataclasses import dataclass, field
from typing import Optional, Union

from receiver import Behaviour

# How a case may end: the delivery line's tls= of what was delivered, or its status.
DANE, HALF_DANE, PKIX, ENCRYPT, MAY, PLAIN = "dane", "half-dane", "pkix", "encrypt", "may", "none"
DEFERRED, BOUNCED = "deferred", "bounced"
DELIVERED = (DANE, HALF_DANE, PKIX, ENCRYPT, MAY, PLAIN)

GOOD, UNSIGNED = "good.example", "unsigned.example"


@dataclass
class Host:
    """One server.

    tlsa         its records: "311" matches, "311-" is well-formed and does not, "311@middle" is of
                 another certificate (certs.py); usage 2 is of the root unless said. "raw:..." is
                 record data as it stands; "servfail" and "hole" delegate the names below _tcp to a
                 server that fails
    certificate  a kind of certs.py; "" for no TLS
    """
    name: str = "mx"
    zone: str = ""                 # the case's own unless said
    tlsa: tuple = ()
    certificate: str = "self"
    behaviour: Optional[Behaviour] = None
    port: int = 0                  # the SMTP port unless said; -1: the lab's other port
    owner: str = ""                # where the TLSA records stand, if not at the host's name
    # Filled in when the world is built:
    address: str = ""
    domain: str = ""               # the fully qualified name
    receiver: object = None


@dataclass
class Case:
    id: str
    title: str
    expect: str
    hosts: list = field(default_factory=lambda: [Host()])
    zone: str = GOOD
    label: str = ""                # of the domain in the zone; the id in lower case unless said
    # The destination. In lines {d} is the label, {port} the SMTP port, {other} the other one,
    # {address:HOST} an address, {tlsa:HOST:KIND} record data; names are relative to the zone.
    mx: Optional[tuple] = None     # "10 mx"; None: one record per host, 10, 20, ...
    records: tuple = ()            # further lines
    more: dict = field(default_factory=dict)  # lines for other zones
    policy: Union[str, dict, None] = None
    policy_name: str = ""          # the policy's pattern, if not the domain
    next_hop: Optional[list] = None
    # What must happen.
    via: Optional[str] = "mx"      # the host that must have got the message
    sni: Optional[str] = None      # the expected TLSA base, if not the host's own name; "-" for no SNI
    asked: Optional[tuple] = None  # names that TLSA records were asked for; None: every signed host
    code: str = ""                 # the enhanced code, or its beginning
    words: str = ""                # a pattern found in the reason, in the log and in the queue listing
    line: dict = field(default_factory=dict)  # fields of the delivery line, or their beginnings
    events: tuple = ()             # patterns of events that must be told
    visited: tuple = ()            # hosts that must have been contacted without getting mail
    untouched: tuple = ()          # hosts that must not have been contacted
    transacts: tuple = ()          # hosts that may see MAIL although they do not take the message
    attempts: int = 1              # delivery lines to wait for (a second one shows that a cache holds)
    # The high ports need a next hop of the configuration's, whose permanent failures are the
    # operator's to mend and only wait.
    needs_namespace: bool = False

    def __post_init__(self):
        self.label = self.label or self.id.lower()

    @property
    def domain(self):
        return f"{self.label}.{self.zone}"

    def host(self, name):
        return next(h for h in self.hosts if h.name == name)

    def full(self, name):
        """A name of the case's, fully qualified."""
        return name.rstrip(".") if name.endswith(".") else f"{name}.{self.domain}".lstrip(".")


def one(case_id, title, expect, tlsa=(), **more):
    """A case with one server."""
    host = {k: more.pop(k) for k in ("certificate", "behaviour", "owner", "port") if k in more}
    tlsa = (tlsa,) if isinstance(tlsa, str) else tlsa
    return Case(case_id, title, expect, [Host(tlsa=tlsa, **host)], **more)


# What many rows have in common.
NO_TLS = {"certificate": ""}
# A lookup that fails: nothing is contacted.
LOOKUP = {"code": "4.7.5", "words": "TLSA lookup .*failed", "untouched": ("mx",), "via": None}
# A server that is contacted, gets no mail and is not trusted with any.
NO_MATCH = {"code": "4.7.5", "words": "no TLSA record .*matches", "visited": ("mx",), "via": None}
HANDSHAKE = {"code": "4.7.5", "words": "TLS handshake failed", "visited": ("mx",), "via": None}
NO_STARTTLS = {"code": "4.7.4", "words": "TLS is required", "visited": ("mx",), "via": None}
UNAVAILABLE = {"code": "4.7.5", "words": "DANE is required", "untouched": ("mx",), "via": None}


def refused(words):
    """A chain or a name that DANE-TA does not accept."""
    return {"code": "4.7.5", "words": words, "visited": ("mx",), "via": None}
