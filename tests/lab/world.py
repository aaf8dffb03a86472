"""Builds the cases' world: certificates, zones, receivers, failing DNS servers, configuration."""
import re

import cases
import certs
import dnslab
import place
from cases import GOOD, Host
from faultydns import FaultyDns
from receiver import Receiver

SENDER_DOMAIN = "sender.good.example"
_FIRST_HOST, _UNUSED = 60, 59


class World:
    """The given zones, and in them the given cases with all that they need."""

    def __init__(self, folder, zones, case_list):
        self.folder = folder
        self.workshop = certs.Workshop(folder / "certificates")
        self.dns = dnslab.DnsLab(folder / "dns", place.DNS, place.DNS_PORT)
        self.zones = {name: self.dns.zone(name, kind) for name, kind in zones.items()}
        self.policies, self.next_hops, self.routes = {}, {}, {}
        self._identities, self._next_host = {}, _FIRST_HOST
        self.servers = []
        self.cases = case_list
        for case in self.cases:
            self._add(case)

    # Destinations

    def identity(self, kind, domain):
        """Certificates that name nobody in particular are made once and shared."""
        makers = {
            "self": lambda: self.workshop.self_signed("self", "lab server"),
            "wrong-leaf": lambda: self.workshop.issued("wrong", "somebody.else.example"),
            "expired-leaf": lambda: self.workshop.issued(f"expired-{domain}", domain, expired=True),
            "leaf": lambda: self.workshop.issued(f"leaf-{domain}", domain),
            "leaf-alone": lambda: self.workshop.issued(f"alone-{domain}", domain,
                                                       with_authority=False),
        }
        key = kind if kind in ("self", "wrong-leaf") else (kind, domain)
        if key not in self._identities:
            self._identities[key] = makers[kind]()
        return self._identities[key]

    def _add(self, case):
        label = case.id.lower()
        for host in case.hosts:
            self._add_host(case, host, label)
        zone = self.zones[case.zone]
        expand = self._expander(case, label)
        mx = case.mx
        if mx is None:
            mx = tuple(f"{10 * (n + 1)} {host.name}" for n, host in enumerate(case.hosts))
        zone.add(*(f"{label} MX {_relative(expand(each), label)}" for each in mx))
        zone.add(*(expand(line) for line in case.records))
        self._route(case, expand)

    def _add_host(self, case, host, label):
        host.zone = host.zone or case.zone
        in_zone = f"{host.name}.{label}".lstrip(".")
        host.domain = f"{in_zone}.{host.zone}"
        host.address, self._next_host = place.address(self._next_host), self._next_host + 1
        host.port = place.OTHER_PORT if host.port < 0 else host.port or place.SMTP_PORT
        self.zones[host.zone].add(f"{in_zone} A {host.address}")
        owner_zone = case.zone if host.owner else host.zone
        owner = f"{host.owner}.{label}" if host.owner else in_zone
        for tlsa in host.tlsa:
            self.zones[owner_zone].add(self._tlsa_line(host, owner, tlsa))

    def _tlsa_line(self, host, owner, tlsa):
        name = f"_{host.port}._tcp.{owner}"
        if tlsa in ("servfail", "hole"):
            return f"_tcp.{owner} NS {tlsa}.{GOOD}."
        if tlsa.startswith("raw:"):
            fields = tlsa[4:].split(" ", 3)
            octets = len(fields[3]) // 2
            # In RFC 3597 form, so that the server does not judge it.
            return (f"{name} TYPE52 \\# {octets + 3} "
                    + "".join(f"{int(n):02x}" for n in fields[:3]) + fields[3])
        identity = self.identity(host.certificate or "self", host.domain)
        authority = tlsa[0] in "02" and self.workshop.authority
        return f"{name} TLSA {(authority or identity).tlsa(tlsa[:3], wrong=tlsa.endswith('-'))}"

    def _expander(self, case, label):
        by_name = {host.name: host for host in case.hosts}

        def expand(text):
            text = text.replace("{d}", label).replace("{port}", str(place.SMTP_PORT))
            text = text.replace("{other}", str(place.OTHER_PORT))
            text = text.replace("{unused}", place.address(_UNUSED))
            text = re.sub(r"{address:(\w+)}", lambda m: by_name[m[1]].address, text)
            return re.sub(r"{tlsa:(\w+)}", lambda m: self.identity(
                by_name[m[1]].certificate, by_name[m[1]].domain).tlsa("311"), text)
        return expand

    def _route(self, case, expand):
        if case.policy:
            self.policies[case.domain] = {"tls": case.policy, "note": f"case {case.id}"}
        hosts = case.next_hop and [expand(each) for each in case.next_hop]
        if not hosts and place.SMTP_PORT != 25:
            hosts = [f"{case.domain}:{place.SMTP_PORT}"]
        if hosts:
            hop = f"hop-{case.id.lower()}"
            self.next_hops[hop] = {"hosts": hosts}
            self.routes[case.domain] = {"to": hop}

    # Its life

    def start(self):
        self.dns.start()
        for case in self.cases:
            for host in case.hosts:
                self.serve(host)
        return self

    def serve(self, host, on_message=None):
        identity = self.identity(host.certificate, host.domain) if host.certificate else None
        host.receiver = Receiver(host.address, host.port, identity, host.behaviour, on_message)
        self.servers.append(host.receiver)
        return host.receiver

    def stop(self):
        for thing in self.servers:
            thing.close()
        self.dns.stop()

    def settings(self, folder):
        """The daemon's configuration for this world."""
        from daemon import default_settings
        settings = default_settings(folder, self.dns.anchor)
        settings["policies"], settings["next_hops"] = self.policies, self.next_hops
        settings["routes"] = {**self.routes, "*": {"to": "mx"}}
        relay = self.identity("leaf", "relay.example")
        settings["identities"] = {"relay": {"certificate_file": str(relay.chain),
                                            "key_file": str(relay.key)}}
        settings["listeners"]["lab"]["identity"] = "relay"
        return settings


class CaseWorld(World):
    """All cases, failing DNS servers, and destinations for what is not a case of its own."""

    def __init__(self, folder):
        super().__init__(folder, cases.ZONES,
                         [c for c in cases.CASES if place.NAMESPACE or not c.needs_namespace])
        self.zones[GOOD].add(f"servfail A {place.DNS_SERVFAIL}", f"hole A {place.DNS_HOLE}")
        self.sender = self.destination(SENDER_DOMAIN)
        self.from_postfix = self.destination("frompostfix.good.example")
        self.intake = self.destination("intake.good.example")  # where test_abuse.py looks
        self.load = self.destination("load.good.example")      # and test_crash.py
        self._add_postfix()

    def destination(self, domain, **host):
        """A well-behaved destination with a matching 3 1 1, for what is not a case of its own."""
        zone_name = next(z for z in self.zones if domain.endswith("." + z))
        case = cases.Case(domain[:-len(zone_name) - 1], domain, cases.DANE,
                          [Host(**{"tlsa": ("311",), **host})], zone=zone_name)
        self._add(case)
        return case.hosts[0]

    def _add_postfix(self):
        """A DANE destination whose server is not ours: test_peers.py starts it."""
        record = self.identity("wrong-leaf", "").tlsa("311")
        self._route(cases.Case("postfix", "a real Postfix", cases.DANE, []), str)
        self.zones[GOOD].add("postfix MX 10 mx.postfix", f"mx.postfix A {place.address(30)}",
                             f"_{place.SMTP_PORT}._tcp.mx.postfix TLSA {record}")

    def settings(self, folder):
        settings = super().settings(folder)
        if not place.NAMESPACE:
            settings["resolver"]["stubs"] = self._stubs_for_faults()
        return settings

    def _stubs_for_faults(self):
        """With one forwarder for everything, delegations to the failing server are not followed."""
        server = [f"{place.DNS_SERVFAIL}@{place.DNS_PORT}"]
        return {f"{line.split()[0]}.{name}": server for name, zone in self.zones.items()
                for line in zone.lines if line.endswith(f" NS servfail.{GOOD}.")}

    def start(self):
        super().start()
        self.servers += [FaultyDns(place.DNS_SERVFAIL, place.DNS_PORT, answers=True),
                           FaultyDns(place.DNS_HOLE, place.DNS_PORT, answers=False)]
        for host in (self.sender, self.from_postfix, self.intake, self.load):
            self.serve(host)
        return self


def _relative(record, label):
    """An MX target inside the case, unless it is absolute."""
    preference, target = record.split()
    if target.endswith("."):
        return record
    return f"{preference} {target}.{label}" if target else f"{preference} {label}"
