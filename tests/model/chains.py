"""Whether TLSA records and the certificates a server sends authenticate it: RFC 7672 §3, RFC 7671 §5, §9,
RFC 6698 §2 and §4, RFC 6125, RFC 5280 §6. Marks as in model.py. Judges certificates by the rows of pki.py.
"""
import pki

# ---- records: RFC 6698 §2.1, §4.1; RFC 7672 §3.1.3; RFC 7671 §9

def looks_usable(record):
    """By its fields and the length of a digest."""
    usage, selector, mtype, data = record
    if usage not in (2, 3) or selector not in (0, 1) or mtype not in (0, 1, 2):
        return False
    return len(data) // 2 == {1: 32, 2: 64}[mtype] if mtype else data != ""


def usable_indices(records):
    return [i for i, r in enumerate(records) if looks_usable(r)]


def decodes(record, pool):
    """Full data must be a certificate or a key (RFC 6698 §4.1); all that are, are the pool's."""
    _, selector, mtype, data = record
    return mtype != 0 or bytes.fromhex(data) in pool_objects(pool)[selector]


def pool_objects(pool):
    if not hasattr(pool, "objects"):
        pool.objects = ({c.der for c in pool.certs.values()}, {c.spki for c in pool.certs.values()})
    return pool.objects


def strongest(records, indices):
    """RFC 7671 §9, after the unusable are gone."""
    best = {}
    for i in indices:
        usage, selector, mtype, _ = records[i]
        best[usage, selector] = max(best.get((usage, selector), 0), mtype)
    return [i for i in indices if records[i][2] in (0, best[records[i][0], records[i][1]])]


def of_certificate(record, cert):
    _, selector, mtype, data = record
    return bytes.fromhex(data) == pki.association(cert, selector, mtype)


# ---- names: RFC 7672 §3.2.3

def presented(cert):
    """The CN counts only where there is no DNS-ID."""
    if cert.dns:
        return list(cert.dns)
    return [cert.subject] if cert.subject else []


def matching_names(cert, references):
    return {p for p in presented(cert) for r in references if name_matches(p.lower(), r.lower())}


def name_matches(pattern, reference):
    if "*" not in pattern:
        return pattern == reference
    first, _, rest = pattern.partition(".")
    # OpenSSL: two labels at least behind the wildcard.
    if first != "*" or "*" in rest or "." not in rest:
        return False
    label, _, parent = reference.partition(".")
    return parent == rest and label != ""   # one label; RFC 7672 lets clients match more, ours does not


# ---- chains: RFC 5280 §6 as far as it goes, with the anchor of RFC 7671 §5.2

class Path:
    """Certificates from the leaf up to the trust anchor."""

    def __init__(self, certs, bare=False):
        self.certs = certs
        self.bare = bare          # the anchor is a key above the last certificate (RFC 7671 §5.2.3)


def find_issuer(pool, cert, candidates, path):
    """OpenSSL: the order sent does not matter; of several with the name the first that is valid now is
    taken, and no other path is tried."""
    named = [c for c in candidates if c.subject == pool.issuer_subject(cert) and c not in path]
    valid = [c for c in named if c.dates == "valid"]
    return (valid or named or [None])[0]


def climb(pool, leaf, candidates, is_anchor):
    """Upwards until an anchor, a self-issued certificate or the end. (path, whether it ends in an anchor)"""
    path = [leaf]
    while path[-1].subject != pool.issuer_subject(path[-1]):
        issuer = find_issuer(pool, path[-1], candidates, path)
        if issuer is None:
            break
        path.append(issuer)
        if is_anchor(issuer):
            return path, True
    return path, False


def defect(pool, path, references):
    """What is wrong with a path, as a cause, or None. OpenSSL: in this order, the first is told."""
    if extension_defect(path) or weak_signature(path):
        return "DANE_CHAIN"
    if not matching_names(path.certs[0], references):
        return "DANE_NAME"
    return signature_or_date_defect(pool, path) or ("DANE_CHAIN" if constraint_defect(path) else None)


def extension_defect(path):
    """RFC 5280 §6.1.4 (k)–(n), §4.2.1.12."""
    for depth, cert in enumerate(path.certs):
        if depth and (cert.ca is not True or cert.signs is False):
            return True
        # OpenSSL: extended key usage counts in issuers too, and anyExtendedKeyUsage is not serverAuth.
        if cert.eku is not None and "server" not in cert.eku:
            return True
        # Certificates between this one and the leaf; none in the pool is self-issued.
        if cert.pathlen is not None and depth and depth - 1 > cert.pathlen:
            return True
    return False


def weak_signature(path):
    """The relay's security level 1 refuses SHA-1. OpenSSL: but not in the uppermost certificate."""
    return any(c.sha1 for c in path.certs[:-1])


def signature_or_date_defect(pool, path):
    """From the top down. OpenSSL: an anchor that is not self-issued is not looked at, and a self-issued
    one only for its dates."""
    for depth in range(len(path.certs) - 1, -1, -1):
        cert, top = path.certs[depth], depth == len(path.certs) - 1
        self_issued = cert.subject == pool.issuer_subject(cert)
        if top and not path.bare and not self_issued:
            continue
        if not top and pool.signer_of(cert) != pool.key_of(path.certs[depth + 1]):
            return "DANE_CHAIN"
        if cert.dates != "valid":
            return "DANE_EXPIRED" if cert.dates == "expired" else "DANE_NOT_YET_VALID"
    return None


def constraint_defect(path):
    """RFC 5280 §4.2.1.10, for the names that are looked at (RFC 7672 §3.2.3)."""
    names = [n for n in presented(path.certs[0]) if "." in n or n == "*"]
    for cert in path.certs[1:]:
        if any(within(n, tree) for n in names for tree in cert.excluded):
            return True
        if cert.permitted and not all(any(within(n, t) for t in cert.permitted) for n in names):
            return True
    return False


def within(name, tree):
    return name.lower() == tree or name.lower().endswith("." + tree)


# ---- authentication: RFC 7672 §3.1, §3.2; RFC 7671 §5

def nothing(cause):
    return {"achieved": "deferred", "cause": cause, "record": -1, "depth": -1, "peer": ""}


def authenticate(pool, sent, records, indices, references):
    """The members achieved … peer for a server that presents these certificates."""
    indices = strongest(records, indices)
    leaf = sent[0]
    match = {i for i in indices if records[i][0] == 3 and of_certificate(records[i], leaf)}
    if match:   # §3.1.1, §3.2.1: no name, no date, no chain
        return {"achieved": "dane", "cause": "OK", "record": match, "depth": 0, "peer": ""}
    anchors = [i for i in indices if records[i][0] == 2]
    return under_anchor(pool, sent, records, anchors, references)


def under_anchor(pool, sent, records, anchors, references):
    """RFC 7671 §5.2. OpenSSL: the leaf itself is never the anchor, and the first anchor from below ends the
    path."""
    def matches(cert):
        return {i for i in anchors if of_certificate(records[i], cert)}

    certs, anchored = climb(pool, sent[0], from_dns(pool, records, anchors) + sent[1:], matches)
    match = matches(certs[-1]) if anchored else signing_keys(pool, certs[-1], records, anchors)
    if not match:
        return nothing("DANE_MISMATCH")
    flaw = defect(pool, Path(certs, bare=not anchored), references)
    if flaw:
        return nothing(flaw)
    # OpenSSL: with a bare key the depth is that of the certificate it signed.
    return {"achieved": "dane", "cause": "OK", "record": match, "depth": len(certs) - 1,
            "peer": matching_names(certs[0], references)}


def from_dns(pool, records, anchors):
    """RFC 7671 §5.2.2: the certificates of 2 0 0 records belong to what a path can be made of. OpenSSL:
    before what the server sent."""
    full = [bytes.fromhex(records[i][3]) for i in anchors if records[i][1:3] == [0, 0]]
    return [c for data in full for c in pool.certs.values() if c.der == data]


def signing_keys(pool, top, records, anchors):
    """RFC 7671 §5.2.3: 2 1 0 records whose key made the signature of the uppermost certificate."""
    signer = pool.signer_of(top)
    spki = next(c.spki for c in pool.certs.values() if pool.key_of(c) == signer)
    return {i for i in anchors if records[i][1:3] == [1, 0] and bytes.fromhex(records[i][3]) == spki}


def authenticate_pkix(pool, sent, references):
    """The levels verify and secure: a path to the system's store, where the pool's trusted root is."""
    root = pool.certs["trusted-root"]
    certs, anchored = climb(pool, sent[0], sent[1:] + [root], lambda c: c is root)
    named = sent[0].dns != ()     # ours: here the CN never counts, as RFC 6125 §6.4.4 allows
    if not anchored or not named or defect(pool, Path(certs), references):
        return nothing("PKIX_FAILED")
    return {"achieved": "pkix", "cause": "OK", "record": -1, "depth": -1,
            "peer": matching_names(certs[0], references)}
