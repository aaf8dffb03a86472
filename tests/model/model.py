"""What a sender must do with a destination, from the texts of RFC 7672, RFC 5321 and RFC 7505; whether a
server authenticates is in chains.py.

Written without the relay's code, which it is compared with (run). Where a text leaves the choice, the choice
is that of README's verdict table and marked "ours"; where OpenSSL is known to differ from a text, its
documented behaviour is modelled and marked "OpenSSL".

expect(case, pool) gives the expected result of a case: the same members as the program mix writes. A member
that is a set may have any of its values.
"""
import ipaddress

from chains import authenticate, authenticate_pkix, decodes, looks_usable, nothing, usable_indices

DANE = ("dane", "dane-only")


# ---- DNS: RFC 7672 §2

class Lookup:
    """An answer. Bogus and every other failure are one class (RFC 7672 §2.1.1)."""

    def __init__(self, case, name, kind, asked):
        answer = case["dns"][f"{name} {kind}"]
        asked.append(f"{name} {kind}")
        self.failed = answer["security"] in ("bogus", "failed")
        self.secure = answer["security"] == "secure"
        self.security = answer["security"]
        self.lookup = "error" if self.failed else answer["lookup"]
        self.data = self.lookup == "data"
        self.records = answer["records"] if self.data else []
        self.alias = None if self.failed else answer.get("alias")
        self.name = self.alias or name


class Host:
    """A host that mail may go to, as DNS has it (RFC 7672 §2.2.2, §2.2.3)."""

    def __init__(self, case, name, preference, asked):
        self.name, self.preference, self.expanded = name, preference, name
        self.skip = None          # why no mail may go there, whatever the level
        self.dane_skip = None     # … where DANE is wanted
        self.bases, self.candidates, self.base, self.records = [], [], "", []
        self._find_addresses(case, asked)
        if not self.skip and not self.dane_skip:
            self._find_tlsa(case, asked)

    def _find_addresses(self, case, asked):
        families = [Lookup(case, self.name, kind, asked) for kind in ("AAAA", "A")]
        found = [f for f in families if f.data]
        if not found:
            # §2.1.2: an error is not an absence.
            self.skip = "ADDRESS_LOOKUP" if any(f.failed for f in families) else "NO_ADDRESS"
            return
        self.expanded = found[0].name
        # Ours, should the families ever differ: the secure one counts, so that doubt takes nothing away.
        if any(f.secure for f in found):
            self.bases = unique([self.expanded, self.name])
        else:
            self.bases = self._bases_without_secure_addresses(case, asked)

    def _bases_without_secure_addresses(self, case, asked):
        if self.expanded == self.name:
            return []             # §2.2.2: no TLSA query at all
        first_link = Lookup(case, self.name, "CNAME", asked)
        if not first_link.data:   # ours: an alias that is gone while its addresses remain is an error too
            self.dane_skip = "ADDRESS_LOOKUP"
        return [self.name] if first_link.secure else []

    def _find_tlsa(self, case, asked):
        for base in self.bases:
            self.candidates.append(base)
            answer = Lookup(case, f"_{case['port']}._tcp.{base}", "TLSA", asked)
            if answer.failed:     # §2.2.3, §2.1.2: never the next candidate
                self.dane_skip = "TLSA_LOOKUP"
                return
            if answer.data and answer.secure:
                self.base, self.records = base, answer.records
                return


class Destination:
    """The hosts of a next hop and how sure they are (RFC 7672 §2.2.1)."""

    def __init__(self, case):
        self.name = self.expanded = case["name"]
        self.asked, self.hosts = [], []
        self.kind, self.security = case["kind"], "secure"
        if case["kind"] == "mx":
            self._by_mx(case)
        elif case["kind"] == "host":
            self._add(case, self.name, 0)

    def _by_mx(self, case):
        mx = Lookup(case, self.name, "MX", self.asked)
        self.security, self.expanded = mx.security, mx.name
        if mx.data:
            self._sort_out(case, mx.records)
        elif mx.lookup == "nodata":   # RFC 5321 §5.1
            self.kind = "implicit"
            self._add(case, self.name, 0)
        else:
            self.kind = mx.lookup     # error, nxdomain

    def _sort_out(self, case, records):
        if all(exchange == "" for _, exchange in records):
            self.kind = "null-mx"     # RFC 7505 §3; ours: whatever the preference
            return
        for preference, exchange in sorted(records, key=lambda r: r[0]):
            # Ours: "." beside others, what is no host name, an address (§2.2), and a host named before
            # with a better preference are passed over.
            named = exchange in [h.name for h in self.hosts]
            if exchange and not is_address(exchange) and not named:
                self._add(case, exchange, preference)

    def _add(self, case, name, preference):
        self.hosts.append(Host(case, name, preference, self.asked))

    @property
    def trusted(self):
        """Whether DNSSEC led to the hosts. Without an MX RRset the name itself is the host (§2.2.2), so that
        there is no insecure step."""
        return self.kind != "mx" or self.security == "secure"


def is_address(name):
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return False


# ---- verdict: RFC 7672 §2.2, §6; README

def verdict(case, dest, host):
    """(mode, cause of a skip)."""
    level = case["level"]
    skip = skip_cause(case, dest, host)
    if skip:
        return "skip", skip
    if level not in DANE:
        return {"none": "clear", "may": "may", "encrypt": "encrypt"}.get(level, "pkix"), ""
    if any(looks_usable(r) for r in host.records):
        return "dane", ""
    return ("encrypt" if host.records else "may"), ""


def skip_cause(case, dest, host):
    level = case["level"]
    if level in DANE and not case["validates"]:   # §2.1.1; ours to mend, so it is told first
        return "RESOLVER_NOT_VALIDATING"
    if host is None:
        return {"error": "MX_LOOKUP", "null-mx": "NULL_MX", "nxdomain": "NO_DOMAIN"}.get(dest.kind,
                                                                                          "NO_ADDRESS")
    if host.skip or level not in DANE:
        return host.skip
    if host.dane_skip:
        return host.dane_skip
    wanted = dest.trusted and any(looks_usable(r) for r in host.records)
    return "DANE_UNAVAILABLE" if level == "dane-only" and not wanted else None   # §6


def literal_verdict(level):
    """RFC 7672 §2.2: DANE does not apply; local policy does."""
    if level == "dane-only":
        return "skip", "DANE_UNAVAILABLE"
    return {"none": "clear", "may": "may", "dane": "may",
            "encrypt": "encrypt"}.get(level, "pkix"), ""


def reference_names(case, dest, host, mode):
    if mode == "dane":
        return dane_names(dest, host)
    if mode != "pkix":
        return []
    if case["level"] == "verify" or dest.kind != "mx":
        return [host.name]
    signed = [dest.expanded] if dest.security == "secure" and case["validates"] else []
    return unique([dest.name] + signed)


def dane_names(dest, host):
    """RFC 7672 §3.2.2."""
    if dest.kind != "mx":
        return unique([host.base, dest.name])
    if not dest.trusted:
        return [host.base]
    return unique([host.base, dest.name, dest.expanded])


def unique(names):
    return list(dict.fromkeys(names))


# ---- the session: RFC 7672 §2.2, RFC 3207

# Which protocols a server of that manner can agree on; none without a certificate (RFC 7672 §8.2).
MODERN, LEGACY = ("1.3", "1.2"), ("1.3", "1.2", "old")
LAX = ("may", "encrypt")          # modes that authenticate nobody


class Session:
    """What a host with this mode comes to, the server being as it is."""

    def __init__(self, case, pool, host, mode, references):
        self.case, self.pool, self.host = case, pool, host
        self.mode, self.references = mode, references
        servers = case["servers"]
        self.server = servers.get(host.name if host else case["name"], servers["*"])
        self.records = host.records if host and mode in ("dane", "encrypt") else []
        self.usable = usable_indices(self.records) if case["level"] in DANE else []
        self.tls_mode = None      # once a handshake is at hand

    def result(self):
        end = self._end()
        tried = self.tls_mode is not None
        return end | {"tls_mode": self.tls_mode, "tls_usable": self.usable if tried else None,
                      "sni": self._sni() if tried and self._speaks_our_protocol() else None}

    def _speaks_our_protocol(self):
        return self.tls_mode in LAX or self.tls_mode != "skip" and self.server["manner"] != "old"

    def _sni(self):
        if not self.host:
            return ""             # RFC 6066 §3: no addresses
        dane = self.case["level"] in DANE
        return self.host.base if dane and self.host.base else self.host.name

    def _end(self):
        if self.mode == "clear":
            return self._clear()
        refusal = self._refusal()
        if refusal:
            return self._clear() if self.mode == "may" else nothing(refusal)
        return self._handshake()

    def _refusal(self):
        if self.case["implicit_tls"]:
            return None
        if not self.server["starttls"]:
            return "STARTTLS_NOT_OFFERED"
        return "STARTTLS_REFUSED" if self.server["refuses"] else None

    @staticmethod
    def _clear():
        return {"achieved": "none", "cause": "OK", "record": -1, "depth": -1, "peer": ""}

    def _handshake(self):
        self._load_records()
        if self.tls_mode == "skip":
            return nothing("DANE_UNAVAILABLE")
        end = self._handshake_end()
        if end["cause"] == "TLS_HANDSHAKE" and self.mode == "may":
            return self._clear()  # §2.2: may be tried again in clear
        return end

    def _load_records(self):
        """RFC 6698 §4.1 once more: full data that does not decode. RFC 7672 §2.2, §6."""
        self.tls_mode = self.mode
        self.usable = [i for i in self.usable if decodes(self.records[i], self.pool)]
        if self.mode == "dane" and not self.usable:
            self.tls_mode = "skip" if self.case["level"] == "dane-only" else "encrypt"

    def _handshake_end(self):
        if self.server["manner"] not in (LEGACY if self.tls_mode in LAX else MODERN):
            return nothing("TLS_HANDSHAKE")
        sent = [self.pool.certs[n] for n in self.pool.chains[self.server["chain"]]]
        if self.tls_mode == "dane":
            return authenticate(self.pool, sent, self.records, self.usable, self.references)
        if self.tls_mode == "pkix":
            return authenticate_pkix(self.pool, sent, self.references)
        label = "may" if self.tls_mode == "may" else "encrypt"
        return {"achieved": label, "cause": "OK", "record": -1, "depth": -1, "peer": ""}


# ---- a case

BOUNCES = ("NULL_MX", "NO_DOMAIN", "NO_ADDRESS")


def expect_host(case, pool, dest, host):
    mode, skip = verdict(case, dest, host) if dest.kind != "literal" else literal_verdict(case["level"])
    if case["implicit_tls"] and mode in ("clear", "may"):
        mode = "encrypt"          # a port that speaks nothing else
    out = {"mode": mode, "skip": skip}
    if host:
        out |= {"name": host.name, "preference": host.preference, "expanded": host.expanded,
                "candidates": host.candidates}
    if mode == "skip":
        ends = "bounced" if skip in BOUNCES else "deferred"
        return out | {"achieved": ends, "cause": skip}
    return out | expect_contact(case, pool, dest, host, mode)


def expect_contact(case, pool, dest, host, mode):
    dane = case["level"] in DANE
    records = host.records if host and dane else []
    names = reference_names(case, dest, host, mode) if host else []
    half = mode == "dane" and not dest.trusted
    end = Session(case, pool, host, mode, names).result()
    if half and end["achieved"] == "dane":
        end["achieved"] = "half-dane"
    return end | {"base": host.base if records else "", "names": names, "half_dane": half,
                  "usable": usable_indices(records)}


def expect(case, pool):
    dest = Destination(case)
    hosts = [expect_host(case, pool, dest, h) for h in dest.hosts or [None]]
    out = {"kind": dest.kind, "asked": sorted(dest.asked), "hosts": hosts, "unscripted": []}
    if dest.kind != "literal":
        out |= {"security": dest.security, "expanded": dest.expanded}
    return out
