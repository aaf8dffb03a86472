"""Builds the cases' world: certificates, zones, receivers, failing DNS servers, configuration."""
import re
from copy import deepcopy

import cases
import certs
import dnslab
import place
from case import DANE, GOOD, Case, Host
from cases_a import EQUAL, EQUAL_NAMES
from cases_g import BY_MX as SHARED_BY_MX
from cases_g import SHARED
from cases_b import MEDDLED_ZONE
from faultydns import FaultyDns
from meddler import AAAA, Meddler, fails_for, mixes_case
from receiver import Behaviour, Receiver

SENDER_DOMAIN = "sender.good.example"
_FIRST_HOST, _UNUSED = 60, 59
_TLSA = re.compile(r"(\d\d\d)(-?)(?:@([\w-]+))?$")


class World:
    """The given zones, and in them the given cases with all that they need."""

    def __init__(self, folder, zones, case_list):
        self.folder = folder
        self.workshop = certs.Workshop(folder / "certificates")
        self.dns = dnslab.DnsLab(folder / "dns", place.DNS, place.DNS_PORT)
        self.zones = {name: self.dns.zone(name, kind) for name, kind in zones.items()}
        self.policies, self.next_hops, self.routes = {}, {}, {}
        self._next_host = _FIRST_HOST
        self.servers = []
        self.cases = case_list
        for case in self.cases:
            self._add(case)

    # Destinations

    def identity(self, kind, host="", domain=""):
        return self.workshop.identity(kind, host, domain)

    def _add(self, case):
        for host in case.hosts:
            self._add_host(case, host)
        zone, expand = self.zones[case.zone], self._expander(case)
        mx = case.mx
        if mx is None:
            mx = tuple(f"{10 * (n + 1)} {host.name}" for n, host in enumerate(case.hosts))
        zone.add(*(f"{case.label} MX {_relative(expand(each), case.label)}" for each in mx))
        zone.add(*(expand(line) for line in case.records))
        for other, lines in case.more.items():
            self.zones[other].add(*(expand(line) for line in lines))
        self._route(case, expand)

    def _add_host(self, case, host):
        host.zone = host.zone or case.zone
        in_zone = f"{host.name}.{case.label}".lstrip(".")
        host.domain = f"{in_zone}.{host.zone}"
        host.address, self._next_host = place.address(self._next_host), self._next_host + 1
        host.port = place.OTHER_PORT if host.port < 0 else host.port or place.SMTP_PORT
        self.zones[host.zone].add(f"{in_zone} A {host.address}")
        owner_zone = case.zone if host.owner else host.zone
        owner = f"{host.owner}.{case.label}" if host.owner else in_zone
        self.zones[owner_zone].add(*(self._tlsa_line(case, host, owner, each) for each in host.tlsa))

    def _tlsa_line(self, case, host, owner, tlsa):
        name = f"_{host.port}._tcp.{owner}"
        if tlsa in ("servfail", "hole"):
            return f"_tcp.{owner} NS {tlsa}.{GOOD}."
        if tlsa.startswith("raw:"):
            fields = tlsa[4:].split(" ", 3)
            data = "".join(f"{int(n):02x}" for n in fields[:3]) + "".join(fields[3:])
            # In RFC 3597 form, so that the server does not judge it.
            return f"{name} TYPE52 \\# {len(data) // 2} {data}"
        return f"{name} TLSA {self._tlsa_data(case, host, tlsa)}"

    def _tlsa_data(self, case, host, tlsa):
        """Record data for "311", "311-", "201@middle": of the server's own certificate, for usage 2
        of the root's, unless said."""
        kind, wrong, of = _TLSA.match(tlsa).groups()
        own = host.certificate or "self"
        of = {None: "authority" if kind[0] in "02" else own, "leaf": own}.get(of, of)
        return self.host_identity(case, host, of).tlsa(kind, wrong=bool(wrong))

    def host_identity(self, case, host, kind=None):
        return self.identity(kind or host.certificate, host.domain, case.domain)

    def _expander(self, case):
        def expand(text):
            text = text.replace("{d}", case.label).replace("{port}", str(place.SMTP_PORT))
            text = text.replace("{other}", str(place.OTHER_PORT))
            text = text.replace("{unused}", place.address(_UNUSED))
            text = re.sub(r"{address:(\w+)}", lambda m: case.host(m[1]).address, text)
            return re.sub(r"{tlsa:(\w+):([^}]+)}",
                          lambda m: self._tlsa_data(case, case.host(m[1]), m[2]), text)
        return expand

    def _route(self, case, expand):
        if case.policy:
            rule = case.policy if isinstance(case.policy, dict) else \
                {"tls": case.policy, "note": f"case {case.id}"}
            self.policies[case.policy_name or case.domain] = rule
        if case.next_hop:
            self._hop(case.domain, [expand(each) for each in case.next_hop])
        else:
            self.reach(case.domain)

    def reach(self, *domains):
        """Where SMTP is not at port 25: a next hop that is an MX lookup with our port."""
        for domain in domains if place.SMTP_PORT != 25 else ():
            self._hop(domain, [f"{domain}:{place.SMTP_PORT}"])

    def _hop(self, domain, hosts):
        name = f"hop-{len(self.next_hops)}"
        self.next_hops[name] = {"hosts": hosts}
        self.routes[domain] = {"to": name}

    # Its life

    def start(self):
        self.dns.start()
        for case in self.cases:
            for host in case.hosts:
                self.serve(case, host)
        return self

    def serve(self, case, host, on_message=None):
        identity = self.host_identity(case, host) if host.certificate else None
        host.receiver = Receiver(host.address, host.port, identity, host.behaviour, on_message)
        self.servers.append(host.receiver)
        return host.receiver

    def stop(self):
        self.dns.stop()
        for thing in self.servers:
            thing.close()

    def settings(self, folder):
        """The daemon's configuration for this world."""
        from daemon import default_settings
        settings = default_settings(folder, self.dns.anchor)
        settings["policies"], settings["next_hops"] = deepcopy(self.policies), deepcopy(self.next_hops)
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
        self.zones[GOOD].add(f"servfail A {place.DNS_SERVFAIL}", f"hole A {place.DNS_HOLE}",
                             f"meddler A {place.DNS_MEDDLER}")
        self._others = []
        self.equal, self.shared = self._other(EQUAL), self._other(SHARED)
        self.reach(*EQUAL_NAMES, *SHARED_BY_MX)
        self.sender = self.destination(SENDER_DOMAIN)
        self.from_postfix = self.destination("frompostfix.good.example")
        self.intake = self.destination("intake.good.example")  # where test_abuse.py looks
        self.load = self.destination("load.good.example")      # and test_crash.py
        self.changing = self.destination("changing.good.example")  # test_state.py
        self._add_postfix()
        self._add_for_check()

    def destination(self, domain, **host):
        """A well-behaved destination with a matching 3 1 1, for what is not a case of its own."""
        zone_name = next(z for z in self.zones if domain.endswith("." + z))
        case = Case(domain[:-len(zone_name) - 1], domain, DANE,
                    [Host(**{"tlsa": ("311",), **host})], zone=zone_name)
        return self._other(case).hosts[0]

    def _other(self, case):
        self._add(case)
        self._others.append(case)
        return case

    def _add_postfix(self):
        """A DANE destination whose server is not ours: test_peers.py starts it."""
        record = self.identity("wrong-leaf", "").tlsa("311")
        self._route(Case("postfix", "a real Postfix", DANE, []), str)
        self.zones[GOOD].add("postfix MX 10 mx.postfix", f"mx.postfix A {place.address(30)}",
                             f"_{place.SMTP_PORT}._tcp.mx.postfix TLSA {record}")

    def _add_for_check(self):
        """Any number of domains behind one host, a host with more addresses than a delivery tries, and a
        domain with more hosts: nobody listens on those but on the last."""
        record = self.identity("wrong-leaf", "").tlsa("311")
        addresses = [place.address(i) for i in range(31, 43)]
        self.zones[GOOD].add(f"*.bulk MX 10 {self.intake.domain}.", "many MX 10 mx.many",
                             *(f"mx.many A {a}" for a in (*addresses, self.intake.address)),
                             f"_{place.SMTP_PORT}._tcp.mx.many TLSA {record}",
                             f"far MX 99 {self.intake.domain}.",
                             *(f"far MX {n} mx{n}.far" for n in range(10)),
                             *(f"mx{n}.far A {addresses[n]}" for n in range(10)))

        self.destination("talks.good.example", behaviour=Behaviour(starttls="454 4.7.0 " + 150 * "\u00e9"))

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
                         FaultyDns(place.DNS_HOLE, place.DNS_PORT, answers=False),
                         Meddler(place.DNS_MEDDLER, place.DNS_PORT, (place.DNS, place.DNS_PORT),
                                 fails_for(f"mx.b12.{MEDDLED_ZONE}", AAAA), mixes_case)]
        for case in self._others:
            for host in case.hosts:
                self.serve(case, host)
        return self


def _relative(record, label):
    """An MX target inside the case, unless it is absolute."""
    preference, target = record.split()
    if target.endswith("."):
        return record
    return f"{preference} {target}.{label}" if target else f"{preference} {label}"
