"""Random cases, each from its own seed, biased to what is interesting.

A case is plain JSON:
  level, validates, kind (mx, host, literal), name, port, implicit_tls
  order     seed of the order in which the answers arrive
  dns       "NAME TYPE" → {security, lookup, alias?, records}; everything that could be asked
  servers   host name (or "*") → {chain, manner, starttls, refuses}: who answers there, and how
  notes     "NAME TLSA" → what each record was made of; for people
"""
import random

import pki

HOSTS = [pki.MX1, pki.MX2, "mx.p.example"]
TARGETS = ["h1.p.example", "h2.p.example", "a.h1.p.example"]
MIDDLE = "mid.q.example"
LEVELS = {"all": {"dane": 62, "dane-only": 20, "none": 3, "may": 4, "encrypt": 3, "verify": 4, "secure": 4},
          "chain": {"dane": 50, "dane-only": 50}, "pkix": {"verify": 50, "secure": 50}}
MANNERS = {"1.3": 72, "1.2": 18, "old": 4, "anonymous": 3, "alien": 3}

# Address lookups of the two families, and how often.
FAMILIES = {("data", "data"): 50, ("nodata", "data"): 20, ("data", "nodata"): 6, ("error", "data"): 5,
            ("data", "error"): 5, ("nodata", "error"): 3, ("error", "error"): 2, ("nodata", "nodata"): 3,
            ("nxdomain", "nxdomain"): 2}
WELL = {("data", "data"): 50, ("nodata", "data"): 20}
MX = {"data": 84, "nodata": 8, "nxdomain": 2, "error": 3, "null": 3}
MX_WELL = {"data": 90, "nodata": 10}
TLSA = {"data": 76, "nodata": 6, "nxdomain": 6, "insecure": 4, "insecure-nodata": 3, "error": 5}


def pick(rng, weights):
    return rng.choices(list(weights), list(weights.values()))[0]


def error(rng):
    return {"security": rng.choice(["bogus", "failed"]), "lookup": "error", "records": []}


def answer(security, lookup, records=(), alias=None):
    out = {"security": security, "lookup": lookup, "records": list(records) if lookup == "data" else []}
    return out | {"alias": alias} if alias else out


class Case:
    """about: "chain", "pkix": what a certificate chain is worth; all else is well, so that it decides."""

    def __init__(self, seed, pool):
        self.rng, self.pool = random.Random(seed), pool
        self.dns, self.servers, self.notes = {}, {}, {}
        self.about = pick(self.rng, {"all": 60, "chain": 35, "pkix": 5})
        self.well = self.about != "all"

    def make(self):
        rng = self.rng
        kind = pick(rng, {"mx": 76, "host": 20, "literal": 4})
        self.port = rng.choice([25, 25, 25, 587, 2525, 465])
        name = {"mx": pki.NEXT, "host": "smart.r.example", "literal": "192.0.2.99"}[kind]
        self.servers["*"] = self._server(self._pick_chain())
        if kind == "mx":
            self._mx(name)
        elif kind == "host":
            self._host(name)
        return {"level": pick(rng, LEVELS[self.about]), "validates": rng.random() < 0.95, "kind": kind,
                "name": name, "port": self.port, "implicit_tls": kind == "host" and rng.random() < 0.25,
                "order": rng.randrange(1 << 31), "dns": self.dns, "servers": self.servers,
                "notes": self.notes}

    # ---- DNS

    def _mx(self, name):
        rng = self.rng
        shape = pick(rng, MX_WELL if self.well else MX)
        secure = "secure" if rng.random() < 0.82 else "insecure"
        alias = pki.EXPANDED if rng.random() < 0.15 else None
        if shape == "error":
            self.dns[name + " MX"] = error(rng)
        elif shape == "data":
            self.dns[name + " MX"] = answer(secure, "data", self._exchanges(), alias)
        elif shape == "null":
            self.dns[name + " MX"] = answer(secure, "data", [[rng.choice([0, 10]), ""]], alias)
        else:
            self.dns[name + " MX"] = answer(secure, shape, alias=alias)
        if shape == "nodata":
            self._host(name)

    def _exchanges(self):
        rng, records = self.rng, []
        for host in rng.sample(HOSTS, pick(rng, {1: 60, 2: 28, 3: 12})):
            records.append([rng.choice([10, 10, 20, 0]), host])
            self._host(host)
        for odd in ("", None, "192.0.2.7", records[0][1]):
            if rng.random() < 0.02:
                records.append([rng.choice([5, 15, 30]), odd])
        rng.shuffle(records)
        return records

    def _host(self, name):
        rng = self.rng
        chain = self._pick_chain()
        self.servers[name] = self._server(chain)
        aliased = rng.random() < 0.35
        target = rng.choice(TARGETS) if name != "smart.r.example" else "real.r.example"
        secure = self.well or rng.random() < 0.75
        self._addresses(name, "secure" if secure else "insecure", target if aliased else None)
        self._first_link(name, aliased, target)
        for base in {name, target, MIDDLE} if aliased else {name}:
            self._tlsa(base, chain)

    def _addresses(self, name, security, alias):
        rng = self.rng
        for kind, lookup in zip(("AAAA", "A"), pick(rng, WELL if self.well else FAMILIES)):
            records = ["192.0.2.1"] if kind == "A" else ["2001:db8::1", "2001:db8::2"]
            said = rng.choice(["secure", "insecure"]) if rng.random() < 0.03 else security
            self.dns[f"{name} {kind}"] = (error(rng) if lookup == "error"
                                          else answer(said, lookup, records, alias))

    def _first_link(self, name, aliased, target):
        rng = self.rng
        shape = pick(rng, {"secure": 55, "insecure": 30, "error": 10, "gone": 5}) if aliased else "gone"
        link = MIDDLE if rng.random() < 0.5 else target
        self.dns[name + " CNAME"] = (
            error(rng) if shape == "error" else answer(shape, "data", [link]) if shape != "gone"
            else answer(rng.choice(["secure", "insecure"]), "nodata"))

    def _tlsa(self, base, chain):
        rng, shape = self.rng, "data" if self.well else pick(self.rng, TLSA)
        key = f"_{self.port}._tcp.{base} TLSA"
        if key in self.dns:       # two hosts with one target
            return
        alias = "tlsa.d.example" if rng.random() < 0.15 else None
        records, self.notes[key] = self._rrset(chain)
        if shape == "error":
            self.dns[key] = error(rng)
        elif shape.startswith("insecure"):
            self.dns[key] = answer("insecure", "nodata" if "-" in shape else "data", records, alias)
        else:
            self.dns[key] = answer("secure", shape, records, alias)

    # ---- servers

    def _pick_chain(self):
        """Plain chains for many of the cases, so that the rest of the case decides; any for the others."""
        if self.about == "pkix":
            return self.rng.choice([c for c in self.pool.chains if c.startswith("trusted")])
        if not self.well and self.rng.random() < 0.5:
            return self.rng.choice(["self", "all", "all", "mx1", "by-root", "by-deep", "all-no-root"])
        return self.rng.choice(list(self.pool.chains))

    def _server(self, chain):
        rng = self.rng
        if self.well:
            return {"chain": chain, "manner": rng.choice(["1.3", "1.2"]), "starttls": True, "refuses": False}
        return {"chain": chain, "manner": pick(rng, MANNERS), "starttls": rng.random() < 0.93,
                "refuses": rng.random() < 0.03}

    # ---- records

    def _rrset(self, chain):
        rng = self.rng
        n = pick(rng, {1: 40, 2: 30, 3: 15, 4: 10, 9: 5})
        if self.well:
            made = [self._anchor(chain)]
        elif rng.random() < 0.1:
            made = self._agility(chain)
        else:
            junk = rng.random() < 0.06   # nothing usable at all
            made = [Record(rng, self.pool, chain, junk) for _ in range(n)]
        return [m.data() for m in made], [m.note() for m in made]

    def _anchor(self, chain):
        """A right record, of an issuer if there is one."""
        record = Record(self.rng, self.pool, chain, False)
        path = self.pool.chains[self.pool.chains[chain][0]]
        record.usage, record.selector = 2, self.rng.choice([0, 1])
        record.mtype, record.twist = self.rng.choice([0, 1, 2]), "right"
        record.of = self.rng.choice(path[1:] or path)
        return record

    def _agility(self, chain):
        """One usage and selector, digests of both strengths, right and wrong."""
        rng = self.rng
        usage, selector = rng.choice([2, 3]), rng.choice([0, 1])
        made = []
        for mtype in rng.choice([(1, 2), (2, 1), (1, 2, 0), (0, 1), (1, 1, 2)]):
            record = Record(rng, self.pool, chain, False)
            record.usage, record.selector, record.mtype = usage, selector, mtype
            record.of = record.relative(usage)
            record.twist = rng.choice(["right", "wrong", "right", "wrong", "long"])
            made.append(record)
        return made


TWISTS = {"right": 66, "wrong": 18, "short": 3, "long": 3, "empty": 2, "junk": 3, "other selector": 3,
          "trailing": 2}


class Record:
    def __init__(self, rng, pool, chain, junk):
        self.rng, self.pool, self.chain = rng, pool, chain
        self.usage = pick(rng, {3: 42, 2: 46, 0: 3, 1: 4, 4: 2, 255: 3})
        self.selector = pick(rng, {0: 45, 1: 51, 2: 2, 255: 2})
        self.mtype = pick(rng, {0: 25, 1: 45, 2: 26, 3: 2, 255: 2})
        self.twist = pick(rng, TWISTS)
        if junk:
            self._spoil()
        self.of = self.relative(self.usage)

    def _spoil(self):
        what = self.rng.randrange(4)
        if what == 0:
            self.usage = self.rng.choice([0, 1, 4, 255])
        elif what == 1:
            self.selector = self.rng.choice([2, 255])
        elif what == 2:
            self.mtype = self.rng.choice([3, 4, 255])
        else:
            self.mtype, self.twist = self.rng.choice([(0, "junk"), (0, "short"), (0, "trailing"),
                                                      (1, "long"), (2, "short"), (0, "empty"),
                                                      (1, "empty"), (0, "other selector")])

    def relative(self, usage):
        """A certificate of the server's path, sent or not, or a stranger's."""
        sent = self.pool.chains[self.chain]
        path = self.pool.chains[sent[0]]
        if self.rng.random() < 0.07:
            return self.rng.choice(list(self.pool.certs))
        if usage == 3 and self.rng.random() < 0.85:
            return path[0]
        return self.rng.choice(path[1:] if len(path) > 1 and self.rng.random() < 0.9 else path + sent)

    def data(self):
        return [self.usage, self.selector, self.mtype, self._octets().hex()]

    def note(self):
        return f"{self.usage} {self.selector} {self.mtype} of {self.of}: {self.twist}"

    def _octets(self):
        mtype = self.mtype if self.mtype < 3 else 1
        cert, selector = self.pool.certs[self.of], int(self.selector == 1)
        octets = pki.association(cert, selector, mtype)
        if self.twist == "wrong" and mtype == 0:
            return pki.association(self.pool.certs["other-root"], selector, 0)
        return TWIST[self.twist](self.rng, cert, selector, mtype, octets)


TWIST = {
    "right": lambda rng, cert, selector, mtype, o: o,
    "wrong": lambda rng, cert, selector, mtype, o: o[:-1] + bytes([o[-1] ^ 1]),
    "short": lambda rng, cert, selector, mtype, o: o[:-rng.choice([1, 1, 5])],
    "long": lambda rng, cert, selector, mtype, o: o + b"\0",
    "empty": lambda rng, cert, selector, mtype, o: b"",
    "junk": lambda rng, cert, selector, mtype, o: rng.randbytes(len(o)),
    "other selector": lambda rng, cert, selector, mtype, o: pki.association(cert, 1 - selector, mtype),
    "trailing": lambda rng, cert, selector, mtype, o: o + o[:7],
}
