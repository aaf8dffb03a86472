"""Keys, certificates and the TLSA records that belong to them, made by the openssl command.

KINDS is the table of what there is: authorities, and what a server may present.
"""
import base64
import hashlib
import os
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_LONG_AGO, _PAST = "20150101000000Z", "20160101000000Z"
_SOON, _FAR = "20480101000000Z", "20491231000000Z"

_CA_SETTINGS = """[ca]
default_ca = d
[d]
database = {index}
serial = {index}.serial
new_certs_dir = {folder}
default_md = {digest}
policy = p
x509_extensions = e
unique_subject = no
[p]
commonName = optional
[e]
{extensions}
"""


@dataclass(frozen=True)
class Kind:
    """How a certificate is made. {host} is the server's name, {domain} the recipient's."""
    issuer: str = ""               # a kind of authority; "": signed by its own key
    sent: tuple = ()               # authorities that the server sends along
    subject: str = "/CN={host}"
    san: str = "DNS:{host}"
    extensions: str = ""
    start: str = _LONG_AGO
    end: str = _FAR
    digest: str = "sha256"
    algorithm: str = ""            # of its key, if not the workshop's
    extra: str = ""                # another kind that the server has besides


def _authority(name, extensions="", **more):
    return Kind(subject=f"/CN=Lab {name}", san="",
                extensions=f"basicConstraints=critical,CA:TRUE\n{extensions}", **more)


def _leaf(issuer="authority", sent=None, purpose="serverAuth", **more):
    return Kind(issuer, (issuer,) if sent is None else sent,
                extensions=f"extendedKeyUsage={purpose}", **more)


KINDS = {
    "authority": _authority("root"),
    "middle": _authority("intermediate", issuer="authority"),
    "old-root": _authority("old root", end=_PAST),
    "old-middle": _authority("old intermediate", issuer="authority", end=_PAST),
    "constrained": _authority("constrained", "nameConstraints=critical,excluded;DNS:good.example"),

    "self": Kind(subject="/CN=lab server", san=""),
    "named-self": Kind(),
    "authority-self": _authority("server that is an authority"),
    "rsa": Kind(subject="/CN=lab server", san="", algorithm="rsa"),
    "two-keys": Kind(extra="rsa"),

    "leaf": _leaf(),
    "leaf-alone": _leaf(sent=()),
    "middle-root-leaf": _leaf("middle", ("middle", "authority")),
    "middle-leaf": _leaf("middle"),
    "middle-leaf-alone": _leaf("middle", ()),
    "old-root-leaf": _leaf("old-root"),
    "old-middle-leaf": _leaf("old-middle"),
    "old-middle-root-leaf": _leaf("old-middle", ("old-middle", "authority")),
    "constrained-leaf": _leaf("constrained"),

    "wrong-leaf": _leaf(san="DNS:somebody.else.example", subject="/CN=somebody.else.example"),
    "domain-leaf": _leaf(san="DNS:{domain}", subject="/CN=lab server"),
    "other-leaf": _leaf(san="DNS:other-{domain}", subject="/CN=lab server"),
    "wildcard-leaf": _leaf(san="DNS:*.{domain}", subject="/CN=lab server"),
    "common-name-leaf": _leaf(san="email:postmaster@lab.example"),
    "other-name-leaf": _leaf(san="DNS:somebody.else.example"),
    "nameless-leaf": _leaf(subject="/"),

    "expired-leaf": _leaf(end=_PAST),
    "reversed-leaf": _leaf(start=_FAR, end=_PAST),
    "future-leaf": _leaf(start=_SOON),
    "client-leaf": _leaf(purpose="clientAuth"),
    "sha1-leaf": _leaf(digest="sha1"),
}

_KEY_MAKERS = {
    "ecdsa": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class Identity:
    """A certificate with its key, and the chain file that a server presents."""

    def __init__(self, certificate, key, chain, weak=False, extra=None):
        self.certificate, self.key, self.chain = Path(certificate), Path(key), Path(chain)
        self.weak = weak    # needs a server that does not mind its digest
        self.extra = extra  # an identity that the server has besides
        self._public_key = None

    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())

    def public_key_der(self):
        if self._public_key is None:
            pem = _openssl("x509", "-in", self.certificate, "-noout", "-pubkey")
            self._public_key = base64.b64decode(
                "".join(line for line in pem.splitlines() if "-" not in line))
        return self._public_key

    def tlsa(self, kind, wrong=False):
        """The record data for a kind such as "311"; wrong: well-formed, but for another certificate."""
        usage, selector, matching = kind
        data = self.der() if selector == "0" else self.public_key_der()
        if matching == "1":
            data = hashlib.sha256(data + b"!" if wrong else data).digest()
        elif matching == "2":
            data = hashlib.sha512(data + b"!" if wrong else data).digest()
        return f"{usage} {selector} {matching} {data.hex()}"


class Workshop:
    """Makes identities in a folder, their keys by one algorithm unless a kind says otherwise; each is
    made once."""

    def __init__(self, folder, algorithm="ecdsa"):
        self.folder, self.algorithm = Path(folder), algorithm
        self.folder.mkdir(parents=True, exist_ok=True)
        self._made = {}

    @property
    def authority(self):
        return self.identity("authority")

    def issued(self, name, *dns_names):
        """A leaf of the workshop's authority for dns_names."""
        san = ",".join(f"DNS:{each}" for each in dns_names)
        return self._make(name, _leaf(san=san), {"host": dns_names[0]})

    def identity(self, kind, host="", domain=""):
        """What a server of that name, for that recipient domain, has of this kind."""
        how = KINDS[kind]
        told = how.subject + how.san
        name = "+".join([kind, host * ("{host}" in told), domain * ("{domain}" in told)]).strip("+")
        if name not in self._made:
            self._made[name] = self._make(name, how, {"host": host, "domain": domain})
        return self._made[name]

    def _make(self, name, how, names):
        key, request = self._key(name, how), self.folder / f"{name}.csr"
        certificate = self.folder / f"{name}.pem"
        subject = re.sub(r"(?<==)(.{64}).*", r"\1", how.subject.format(**names))
        _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        issuer = how.issuer and self.identity(how.issuer)
        signer = ("-cert", issuer.certificate, "-keyfile", issuer.key) if issuer else \
            ("-selfsign", "-keyfile", key)
        _openssl("ca", "-batch", "-notext", "-create_serial", "-config",
                 self._settings(name, how, names), *signer, "-in", request, "-out", certificate,
                 "-startdate", how.start, "-enddate", how.end)
        return Identity(certificate, key, self._chain(name, how, certificate), how.digest == "sha1",
                        how.extra and self.identity(how.extra))

    def _key(self, name, how):
        key = self.folder / f"{name}.key"
        _openssl(*_KEY_MAKERS[how.algorithm or self.algorithm], "-out", key)
        os.chmod(key, 0o600)
        return key

    def _settings(self, name, how, names):
        settings, index = self.folder / f"{name}.cnf", self.folder / f"{name}.index"
        index.touch()
        san = how.san and "subjectAltName=" + how.san.format(**names)
        plain = how.extensions or "basicConstraints=critical,CA:FALSE"
        settings.write_text(_CA_SETTINGS.format(index=index, folder=self.folder, digest=how.digest,
                                                extensions=f"{plain}\n{san}"))
        return settings

    def _chain(self, name, how, certificate):
        chain = self.folder / f"{name}.chain.pem"
        parts = [certificate, *(self.identity(each).certificate for each in how.sent)]
        chain.write_text("".join(part.read_text() for part in parts))
        return chain
