"""What the cases met."""
import collections

MODES = ("skip", "clear", "may", "encrypt", "dane", "pkix")
CAUSES = """OK MX_LOOKUP NULL_MX NO_DOMAIN NO_ADDRESS ADDRESS_LOOKUP TLSA_LOOKUP RESOLVER_NOT_VALIDATING
    DANE_UNAVAILABLE STARTTLS_NOT_OFFERED STARTTLS_REFUSED TLS_HANDSHAKE DANE_MISMATCH DANE_NAME DANE_EXPIRED
    DANE_NOT_YET_VALID DANE_CHAIN PKIX_FAILED""".split()
ENDS = "none may encrypt half-dane dane pkix deferred bounced".split()
BEFORE_THE_CHAIN = ("DANE_MISMATCH", "TLS_HANDSHAKE", "matched, depth 0")
KINDS = "mx implicit host null-mx nxdomain error literal".split()


class Coverage:
    """cells: (group, value) → how often."""

    def __init__(self):
        self.cells = collections.Counter()
        self.cases = self.hosts = 0

    def add(self, other):
        self.cells.update(other.cells)
        self.cases += other.cases
        self.hosts += other.hosts

    def count(self, case, got, expected):
        self.cases += 1
        self.cells["destination", got["kind"]] += 1
        for host in got["hosts"]:
            self.hosts += 1
            self._count_host(case, host)

    def _count_host(self, case, host):
        self.cells["mode", host["mode"]] += 1
        self.cells["cause", host["cause"]] += 1
        self.cells["achieved", host["achieved"]] += 1
        if host.get("base"):
            self._count_base(case, host)
        if host.get("tls_mode") == "dane":
            self._count_records(case, host)
            chain = case["servers"].get(host["name"], case["servers"]["*"])["chain"]
            self.cells["chain", f"{chain}: {self._how(host)}"] += 1

    def _count_base(self, case, host):
        if host["expanded"] == host["name"]:
            which = "plain name"
        else:
            which = "expanded" if host["base"] == host["expanded"] else "unexpanded"
            which += f", candidate {host['candidates'].index(host['base']) + 1}"
        self.cells["base", which] += 1
        self.cells["reference names", str(len(host["names"]))] += 1

    @staticmethod
    def _how(host):
        if host["cause"] != "OK":
            return host["cause"]
        return "matched, depth " + str(host["depth"])

    def _count_records(self, case, host):
        """A record matched, or none of the RRset did."""
        records = case["dns"][f"_{case['port']}._tcp.{host['base']} TLSA"]["records"]
        if host["cause"] == "OK":
            self.cells["record", parameters(records[host["record"]]) + " match"] += 1
        elif host["cause"] == "DANE_MISMATCH":
            for i in host["tls_usable"]:
                self.cells["record", parameters(records[i]) + " mismatch"] += 1
        if len(host["tls_usable"]) < len(records):
            self.cells["record", "some unusable"] += 1

    def table(self):
        groups = collections.defaultdict(list)
        for (group, value), n in sorted(self.cells.items()):
            groups[group].append(f"{value} {n}")
        return "\n".join(f"{group}: " + " · ".join(cells) for group, cells in groups.items())

    def gaps(self, pool, thorough):
        """The cells that must be met and were not. thorough: of a run that is long enough, chains too."""
        cells = [f"{g} {v}" for g, v in required() if not self.cells[g, v]]
        if not thorough:
            return cells
        chains = {value.split(":")[0] for group, value in self.cells if group == "chain"}
        judged = {value.split(":")[0] for group, value in self.cells if group == "chain" and
                  value.split(": ")[1] not in BEFORE_THE_CHAIN}
        return (cells + [f"chain {c}" for c in pool.chains if c not in chains] +
                [f"chain {c} below a trust anchor" for c in pool.whole if c not in judged])


def parameters(record):
    return "{} {} {}".format(*record)


def required():
    yield from (("mode", m) for m in MODES)
    yield from (("cause", c) for c in CAUSES)
    yield from (("achieved", e) for e in ENDS)
    yield from (("destination", k) for k in KINDS)
    yield from (("reference names", n) for n in "123")
    yield from (("base", b) for b in ("plain name", "expanded, candidate 1", "unexpanded, candidate 1",
                                      "unexpanded, candidate 2"))
    yield from (("record", f"{u} {s} {m} {end}") for u in (2, 3) for s in (0, 1) for m in (0, 1, 2)
                for end in ("match", "mismatch"))
    yield "record", "some unusable"
