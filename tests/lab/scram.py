"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), written from the standard, for smtplib."""
import base64
import hashlib
import hmac
import secrets


class Scram:
    """The responses in turn, as smtplib's auth() asks for them."""

    def __init__(self, user, password):
        self.user, self.password = user, password
        self.nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        self.first = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"
        self.server_proof = None
        self.believed = False

    def __call__(self, challenge=None):
        if not challenge:
            return "n,," + self.first
        text = challenge.decode()
        return self.prove(text) if text.startswith("r=") else self.believe(text)

    def prove(self, text):
        got = dict(part.split("=", 1) for part in text.split(","))
        assert got["r"].startswith(self.nonce) and len(got["r"]) > len(self.nonce)
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(got["s"]),
                                     int(got["i"]))
        client = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={got['r']}"
        message = ",".join((self.first, text, final)).encode()
        signature = hmac.digest(hashlib.sha256(client).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client, signature))
        server = hmac.digest(salted, b"Server Key", "sha256")
        self.server_proof = base64.b64encode(hmac.digest(server, message, "sha256")).decode()
        return f"{final},p={base64.b64encode(proof).decode()}"

    def believe(self, text):
        self.believed = text == f"v={self.server_proof}"
        return ""
