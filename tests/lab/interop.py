"""Destinations at foreign servers: one domain for every server, kind of certificate and set of TLSA
records, added to the lab's signed zone while it is served."""
from dataclasses import dataclass

import certs
import exim
import opensmtpd
import peer
import place
import postfix
import stub
from case import DANE, DEFERRED, ENCRYPT, GOOD, MAY
from place import address

# A set of TLSA records, as in cases.Host, and what comes of it at a server with TLS.
SETS = {
    "3-1-1": (("311",), DANE),
    "3-0-1": (("301",), DANE),
    "3-1-2": (("312",), DANE),
    "2-1-1": (("211",), DANE),
    "2-0-1": (("201",), DANE),
    "2-0-0": (("200",), DANE),
    "unusable": (("111", "001"), ENCRYPT),
    "mismatch": (("311-", "201-"), DEFERRED),
    "none": ((), MAY),
}
CERTIFICATES = ("rsa", "ecdsa")
_ADDRESSES = {"postfix": (31, 32), "exim": (33, 34), "opensmtpd": (35, 36)}
PEERS = tuple(_ADDRESSES)

INBOUND = f"inbound.{GOOD}"  # its MX is our relay
BEHIND = address(37)         # where the relay takes that mail


@dataclass(frozen=True)
class Destination:
    peer: str
    certificate: str
    set: str

    @property
    def id(self):
        return f"{self.peer}-{self.certificate}-{self.set}"

    @property
    def domain(self):
        return f"{self.set}.{self.certificate}.{self.peer}.{GOOD}"

    @property
    def host(self):
        return f"mx.{self.domain}"

    @property
    def address(self):
        return address(_ADDRESSES[self.peer][CERTIFICATES.index(self.certificate)])

    def records(self, identity, authority):
        """Its DNS lines, for the server's certificate and the authority that issued it."""
        of = {"2": authority, "0": authority}
        tlsa = (of.get(kind[0], identity).tlsa(kind[:3], wrong=kind.endswith("-"))
                for kind in SETS[self.set][0])
        return [f"{self.domain}. MX 10 {self.host}.", f"{self.host}. A {self.address}",
                *(f"_{place.SMTP_PORT}._tcp.{self.host}. TLSA {data}" for data in tlsa)]


DESTINATIONS = [Destination(name, certificate, each)
                for name in PEERS for certificate in CERTIFICATES for each in SETS]

MISSING = {
    "postfix": lambda: postfix.missing() or stub.missing(),
    "exim": lambda: peer.missing(exim.PACKAGE) or stub.missing(),
    "opensmtpd": lambda: peer.missing(opensmtpd.PACKAGE) or stub.missing(),
}


class Peers:
    """The foreign servers that can be had here, and their destinations."""

    def __init__(self, folder, dns, inbound):
        """inbound: the Identity of our relay, which INBOUND's record is for."""
        self.missing = {name: reason() for name, reason in MISSING.items()}
        self.started, self._identities = {}, {}
        self._resolver = stub.Resolver(folder, dns.anchor)
        dns.add_now(GOOD, [f"{INBOUND}. MX 10 mx.{INBOUND}.", f"mx.{INBOUND}. A {place.RELAY}",
                           f"_{place.RELAY_PORT}._tcp.mx.{INBOUND}. TLSA {inbound.tlsa('311')}"])
        for certificate in CERTIFICATES:
            workshop = certs.Workshop(folder / certificate, certificate)
            here = [d for d in DESTINATIONS if d.certificate == certificate]
            identity = workshop.issued("leaf", *(d.host for d in here))
            self._identities[certificate] = identity
            dns.add_now(GOOD, [line for d in here
                               for line in d.records(identity, workshop.authority)])

    def start(self):
        if not all(self.missing.values()):
            self._resolver.start()
        for name in PEERS:
            if not self.missing[name]:
                self.started[name] = self._make(name)
                self.started[name].start()
        return self

    def _make(self, name):
        listeners = {address(number): self._identities[certificate]
                     for number, certificate in zip(_ADDRESSES[name], CERTIFICATES)}
        hostname = f"{name}.{GOOD}"
        if name == "postfix":
            return postfix.Postfix(hostname, listeners, hostname, resolver=self._resolver)
        kind = {"exim": exim.Exim, "opensmtpd": opensmtpd.OpenSmtpd}[name]
        return kind(hostname, listeners, self._resolver)

    def stop(self):
        for each in self.started.values():
            each.stop()
        self._resolver.stop()
