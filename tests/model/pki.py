"""The certificates that servers present, as plain data and as files.

Each row of CERTIFICATES says what is in a certificate and who signed it with which key; the model (model.py)
judges a chain by these rows and never parses a certificate. Made afresh for each run.
"""
import dataclasses
import datetime
import hashlib
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = {"valid": (-30, 30), "expired": (-30, -1), "future": (5, 30)}
EKUS = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH,
        "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclasses.dataclass
class Cert:
    name: str
    issuer: str = ""            # name of the row whose subject is the issuer; "" itself
    signer: str = ""            # name of the key that signed, if it is not the issuer's
    subject: str = ""           # common name; "" none at all
    key: str = ""               # name of the key; several rows may share one
    algorithm: str = "ec"       # of the key: ec, rsa, rsa1024
    dates: str = "valid"
    dns: tuple = ()             # subjectAltName dNSName
    emails: tuple = ()
    ca: bool | None = None      # basicConstraints; None: not there
    pathlen: int | None = None
    signs: bool | None = None   # keyUsage with (True) or without keyCertSign; None: no keyUsage
    eku: tuple | None = None
    permitted: tuple = ()       # nameConstraints, dNSName
    excluded: tuple = ()
    sha1: bool = False          # signed with SHA-1
    der: bytes = b""
    spki: bytes = b""


def root(name, **more):
    return Cert(name, subject=more.pop("subject", "CA " + name), ca=more.pop("ca", True), **more)


def middle(name, issuer, **more):
    return root(name, issuer=issuer, **more)


def leaf(name, issuer, *dns, **more):
    return Cert(name, issuer=issuer, subject=more.pop("subject", "leaf"), dns=dns, **more)


MX1, MX2, NEXT, EXPANDED = "mx1.d.example", "mx2.d.example", "d.example", "e.example"

AUTHORITIES = [
    root("root"), root("other-root"), root("rsa-root", algorithm="rsa"),
    root("renewed-root", subject="CA root", key="root"),
    root("expired-root", dates="expired"), root("future-root", dates="future"),
    root("short-root", pathlen=0), root("bare-root", ca=None),
    root("excluding-root", excluded=("d.example",)),
    root("permitting-root", permitted=("d.example", "r.example")),
    root("trusted-root"),       # in the system's store, for the levels that want PKIX
    middle("int", "root"), middle("deep-int", "int"), middle("rsa-int", "rsa-root", algorithm="rsa"),
    middle("expired-int", "root", dates="expired"), middle("future-int", "root", dates="future"),
    middle("short-int", "short-root"), middle("tight-int", "root", pathlen=0),
    middle("below-tight", "tight-int"), middle("expired-root-int", "expired-root"),
    middle("no-ca-int", "root", ca=False), middle("bare-int", "root", ca=None),
    middle("no-sign-int", "root", signs=False), middle("sign-int", "root", signs=True),
    middle("client-int", "root", eku=("client",)), middle("server-int", "root", eku=("server",)),
    middle("excluding-int", "root", excluded=("mx1.d.example", "e.example")),
    middle("excluding-root-int", "excluding-root"),
    middle("forged-int", "root", signer="other-root"), middle("sha1-int", "root", sha1=True),
    middle("loop-a", "loop-b"), middle("loop-b", "loop-a"), middle("trusted-int", "trusted-root"),
]

SELF_SIGNED = [
    leaf("self", "", MX1), leaf("self-strange", "", "else.example"), leaf("self-empty", "", subject=""),
    leaf("self-expired", "", MX1, dates="expired"), leaf("self-future", "", MX1, dates="future"),
    leaf("self-ca", "", MX1, ca=True), leaf("self-client", "", MX1, eku=("client",)),
    leaf("self-rsa", "", MX1, algorithm="rsa"), leaf("self-weak", "", MX1, algorithm="rsa1024"),
    leaf("self-sha1", "", MX1, sha1=True),
]

# Below the intermediate "int": what a certificate may be called.
NAMED = [
    leaf("mx1", "int", MX1), leaf("mx2", "int", MX2), leaf("next", "int", NEXT),
    leaf("expanded", "int", EXPANDED), leaf("all", "int", MX1, MX2, NEXT, EXPANDED),
    leaf("alias", "int", "h1.p.example"), leaf("alias2", "int", "h2.p.example"),
    leaf("provider", "int", "mx.p.example"), leaf("middle-name", "int", "mid.q.example"),
    leaf("relay", "int", "smart.r.example"), leaf("relay-real", "int", "real.r.example"),
    leaf("strange", "int", "else.example"), leaf("capital", "int", "MX1.D.Example", "H1.P.EXAMPLE"),
    leaf("star-d", "int", "*.d.example"), leaf("star-p", "int", "*.p.example"),
    leaf("star-q", "int", "*.q.example", "*.r.example"),
    leaf("star-above", "int", "*.example"), leaf("star-alone", "int", "*"),
    leaf("star-part", "int", "mx*.d.example", "*1.p.example", "m*.p.example"),
    leaf("star-two", "int", "*.*.example", "*.*.d.example"),
    leaf("star-middle", "int", "mx1.*.example"), leaf("parent", "int", "example", "p.example"),
    leaf("child", "int", "www.mx1.d.example"),
    leaf("cn", "int", subject=MX1), leaf("cn-star", "int", subject="*.d.example"),
    leaf("cn-next", "int", subject=NEXT), leaf("cn-and-dns", "int", "else.example", subject=MX1),
    leaf("cn-and-email", "int", subject=MX1, emails=("postmaster@d.example",)),
    leaf("nameless", "int", subject=""),
]

# Named for everything, so that only what the row says is wrong with them.
EVERY = (MX1, MX2, NEXT, EXPANDED, "*.p.example", "*.r.example", "*.q.example")
FLAWED = [
    leaf("by-root", "root", *EVERY), leaf("by-deep", "deep-int", *EVERY),
    leaf("by-rsa", "rsa-int", *EVERY, algorithm="rsa"),
    leaf("expired", "int", *EVERY, dates="expired"), leaf("future", "int", *EVERY, dates="future"),
    leaf("expired-strange", "int", "else.example", dates="expired"),
    leaf("client", "int", *EVERY, eku=("client",)), leaf("server", "int", *EVERY, eku=("server",)),
    leaf("both", "int", *EVERY, eku=("client", "server")), leaf("any", "int", *EVERY, eku=("any",)),
    leaf("ca-leaf", "int", *EVERY, ca=True), leaf("weak", "int", *EVERY, algorithm="rsa1024"),
    leaf("sha1", "int", *EVERY, sha1=True), leaf("sha1-by-root", "root", *EVERY, sha1=True),
    leaf("forged", "int", *EVERY, signer="other-root"),
    leaf("client-strange-expired", "int", "else.example", dates="expired", eku=("client",)),
    leaf("by-expired-root", "expired-root", *EVERY), leaf("by-future-root", "future-root", *EVERY),
    leaf("by-short-root", "short-root", *EVERY), leaf("by-bare-root", "bare-root", *EVERY),
    leaf("by-excluding-root", "excluding-root", *EVERY),
    leaf("by-excluding-root-ok", "excluding-root", "*.p.example", EXPANDED, "*.r.example"),
    leaf("by-permitting-root", "permitting-root", MX1, MX2, NEXT, "*.r.example"),
    leaf("by-permitting-root-out", "permitting-root", *EVERY),
    leaf("by-excluding-root-cn", "excluding-root", subject=MX1),
    leaf("by-expired-int", "expired-int", *EVERY), leaf("by-future-int", "future-int", *EVERY),
    leaf("by-short-int", "short-int", *EVERY), leaf("by-tight", "tight-int", *EVERY),
    leaf("by-below-tight", "below-tight", *EVERY), leaf("by-no-ca-int", "no-ca-int", *EVERY),
    leaf("by-bare-int", "bare-int", *EVERY), leaf("by-no-sign-int", "no-sign-int", *EVERY),
    leaf("by-sign-int", "sign-int", *EVERY), leaf("by-client-int", "client-int", *EVERY),
    leaf("by-server-int", "server-int", *EVERY), leaf("by-excluding-int", "excluding-int", *EVERY),
    leaf("by-excluding-int-ok", "excluding-int", MX2, NEXT, "*.p.example"),
    leaf("by-excluding-root-int", "excluding-root-int", *EVERY),
    leaf("by-forged-int", "forged-int", *EVERY), leaf("by-sha1-int", "sha1-int", *EVERY),
    leaf("by-expired-root-int", "expired-root-int", *EVERY),
    leaf("by-loop", "loop-a", *EVERY),
    leaf("trusted", "trusted-int", *EVERY), leaf("trusted-mx1", "trusted-int", MX1),
    leaf("trusted-next", "trusted-int", NEXT), leaf("trusted-expanded", "trusted-int", EXPANDED),
    leaf("trusted-relay", "trusted-int", "smart.r.example"),
    leaf("trusted-cn", "trusted-int", subject=MX1), leaf("trusted-strange", "trusted-int", "else.example"),
    leaf("trusted-expired", "trusted-int", *EVERY, dates="expired"),
    leaf("trusted-client", "trusted-int", *EVERY, eku=("client",)),
]

# What is sent otherwise than as the whole path from the leaf up, in order.
SENT = {
    "mx1-no-root": ["mx1", "int"], "mx1-alone": ["mx1"], "mx1-shuffled": ["mx1", "root", "int"],
    "mx1-no-int": ["mx1", "root"], "mx1-twice": ["mx1", "int", "int", "root"],
    "mx1-and-more": ["mx1", "other-root", "int", "rsa-root", "root"],
    "mx1-renewed": ["mx1", "int", "renewed-root"], "mx1-both-roots": ["mx1", "int", "renewed-root", "root"],
    "all-no-root": ["all", "int"], "all-alone": ["all"], "next-no-root": ["next", "int"],
    "strange-no-root": ["strange", "int"], "by-root-alone": ["by-root"],
    "by-deep-no-root": ["by-deep", "deep-int", "int"], "by-deep-gap": ["by-deep", "int", "root"],
    "by-deep-reversed": ["by-deep", "root", "int", "deep-int"],
    "forged-no-root": ["forged", "int"], "forged-alone": ["forged"],
    "expired-alone": ["expired"], "expired-no-root": ["expired", "int"], "future-alone": ["future"],
    "sha1-alone": ["sha1"], "client-alone": ["client"], "by-rsa-no-root": ["by-rsa", "rsa-int"],
    "by-expired-int-no-root": ["by-expired-int", "expired-int"],
    "by-expired-root-alone": ["by-expired-root"],
    "self-and-more": ["self", "int", "root"], "by-sha1-int-no-root": ["by-sha1-int", "sha1-int"],
    "by-excluding-root-alone": ["by-excluding-root"], "by-short-int-no-root": ["by-short-int", "short-int"],
    "by-forged-int-no-root": ["by-forged-int", "forged-int"], "trusted-no-root": ["trusted", "trusted-int"],
    "trusted-alone": ["trusted"],
}


class Pool:
    """certs: name → Cert; chains: id → names of the certificates sent, leaf first; whole: the chains that
    are sent up to a root."""

    def __init__(self):
        leaves = SELF_SIGNED + NAMED + FLAWED
        self.certs = {c.name: c for c in AUTHORITIES + leaves}
        self.chains = {c.name: self._path(c) for c in leaves} | SENT
        self.whole = [c.name for c in NAMED + FLAWED]

    def _path(self, cert):
        path = [cert]
        while path[-1].issuer and self.certs[path[-1].issuer] not in path:
            path.append(self.certs[path[-1].issuer])
        return [c.name for c in path]

    def key_of(self, cert):
        return cert.key or cert.name

    def signer_of(self, cert):
        """The name of the key that made the signature."""
        issuer = self.certs[cert.issuer] if cert.issuer else cert
        return cert.signer or self.key_of(issuer)

    def issuer_subject(self, cert):
        return self.certs[cert.issuer].subject if cert.issuer else cert.subject

    def write(self, folder):
        """Makes all keys and certificates and FOLDER/CHAIN.pem: key, leaf, what is sent behind it."""
        folder = pathlib.Path(folder)
        keys = self._make_keys()
        for cert in self.certs.values():
            self._make(cert, keys)
        for chain, names in self.chains.items():
            key = keys[self.key_of(self.certs[names[0]])]
            pem = [key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())]
            pem += [self._pem(self.certs[n]) for n in names]
            (folder / (chain + ".pem")).write_bytes(b"".join(pem))
        # The store of the system, for the levels that look there.
        (folder / "trusted").write_bytes(self._pem(self.certs["trusted-root"]))
        (folder / "no-folder").mkdir(exist_ok=True)

    def _pem(self, cert):
        return x509.load_der_x509_certificate(cert.der).public_bytes(serialization.Encoding.PEM)

    def _make_keys(self):
        makers = {"ec": lambda: ec.generate_private_key(ec.SECP256R1()),
                  "rsa": lambda: rsa.generate_private_key(65537, 2048),
                  "rsa1024": lambda: rsa.generate_private_key(65537, 1024)}
        return {c.name: makers[c.algorithm]() for c in self.certs.values() if not c.key}

    def _make(self, cert, keys):
        now = datetime.datetime.utcnow()
        begin, end = DAYS[cert.dates]
        public = keys[self.key_of(cert)].public_key()
        builder = (x509.CertificateBuilder().subject_name(common_name(cert.subject))
                   .issuer_name(common_name(self.issuer_subject(cert))).public_key(public)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(begin))
                   .not_valid_after(now + datetime.timedelta(end)))
        for extension, critical in extensions(cert):
            builder = builder.add_extension(extension, critical)
        signed = builder.sign(keys[self.signer_of(cert)], hashes.SHA1() if cert.sha1 else hashes.SHA256())
        cert.der = signed.public_bytes(serialization.Encoding.DER)
        cert.spki = public.public_bytes(serialization.Encoding.DER,
                                        serialization.PublicFormat.SubjectPublicKeyInfo)


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def extensions(c):
    if c.ca is not None:
        yield x509.BasicConstraints(c.ca, c.pathlen), True
    if c.dns or c.emails:
        yield x509.SubjectAlternativeName([x509.DNSName(n) for n in c.dns] +
                                          [x509.RFC822Name(n) for n in c.emails]), not c.subject
    if c.eku is not None:
        yield x509.ExtendedKeyUsage([EKUS[e] for e in c.eku]), False
    if c.signs is not None:
        yield x509.KeyUsage(True, False, False, False, False, c.signs, True, False, False), True
    if c.permitted or c.excluded:
        yield x509.NameConstraints([x509.DNSName(n) for n in c.permitted] or None,
                                   [x509.DNSName(n) for n in c.excluded] or None), True


DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


def association(cert, selector, mtype):
    """RFC 6698 §2.1: the data of a TLSA record for this certificate."""
    selected = cert.spki if selector else cert.der
    return DIGESTS[mtype](selected).digest() if mtype else selected
