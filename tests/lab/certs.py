"""Keys, certificates and the TLSA records that belong to them, made by the openssl command."""
import base64
import hashlib
import os
import ssl
import subprocess
from pathlib import Path

_LONG_AGO, _PAST = "20150101000000Z", "20160101000000Z"
_FAR = "20491231000000Z"

_CA_SETTINGS = """[ca]
default_ca = d
[d]
database = {index}
serial = {index}.serial
new_certs_dir = {folder}
default_md = sha256
policy = p
x509_extensions = e
unique_subject = no
[p]
commonName = supplied
[e]
{extensions}
"""

_KEY_MAKERS = {
    "ecdsa": ("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
    "rsa": ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class Identity:
    """A certificate with its key, and the chain file that a server presents."""

    def __init__(self, certificate, key, chain):
        self.certificate, self.key, self.chain = Path(certificate), Path(key), Path(chain)
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
    """Makes identities in a folder, their keys by one algorithm; each name is made once."""

    def __init__(self, folder, algorithm="ecdsa"):
        self.folder, self.algorithm = Path(folder), algorithm
        self.folder.mkdir(parents=True, exist_ok=True)
        self.authority = self.self_signed("authority", "Lab Authority", ca=True)

    def _key(self, name):
        key = self.folder / f"{name}.key"
        _openssl(*_KEY_MAKERS[self.algorithm], "-out", key)
        return key

    def self_signed(self, name, common_name, ca=False):
        key, certificate = self._key(name), self.folder / f"{name}.pem"
        _openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={common_name}", "-days", "3650",
                 "-out", certificate, "-addext",
                 f"basicConstraints=critical,CA:{'TRUE' if ca else 'FALSE'}")
        return Identity(certificate, key, certificate)

    def issued(self, name, *dns_names, expired=False, with_authority=True):
        """A leaf of the workshop's authority for dns_names."""
        key, certificate = self._key(name), self.folder / f"{name}.pem"
        request, settings = self.folder / f"{name}.csr", self.folder / f"{name}.cnf"
        index = self.folder / f"{name}.index"
        index.touch()
        settings.write_text(_CA_SETTINGS.format(
            index=index, folder=self.folder,
            extensions="subjectAltName=" + ",".join(f"DNS:{each}" for each in dns_names)
            + "\nextendedKeyUsage=serverAuth"))
        _openssl("req", "-new", "-key", key, "-subj", f"/CN={dns_names[0][:60]}", "-out", request)
        _openssl("ca", "-batch", "-notext", "-create_serial", "-config", settings,
                 "-cert", self.authority.certificate, "-keyfile", self.authority.key,
                 "-in", request, "-out", certificate,
                 "-startdate", _LONG_AGO, "-enddate", _PAST if expired else _FAR)
        chain = self.folder / f"{name}.chain.pem"
        parts = [certificate] + ([self.authority.certificate] if with_authority else [])
        chain.write_text("".join(part.read_text() for part in parts))
        os.chmod(key, 0o600)
        return Identity(certificate, key, chain)
