"""A TLS 1.2 server that sends the warning alert unrecognized_name and then goes on, as RFC 6066
section 3 allows. Python's ssl can only send that alert as a fatal one; `openssl s_server` sends the warning when
the name it is asked for is not the one it was told of.

The client's octets are carried to s_server and back; what s_server decrypts is on its standard output.
"""
import socket
import struct
import subprocess
import threading
import time

_ALERT, _CHANGE_CIPHER_SPEC = 21, 20
_WARNING_UNRECOGNIZED_NAME = b"\x01\x70"


class WarningServer:
    """Reads and writes like a socket: recv, sendall."""

    def __init__(self, identity, client):
        self._hello, self._client, self.warned = b"", client, False
        port = _free_port()
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", "1", "-tls1_2",
             "-quiet", "-cert", identity.chain, "-key", identity.key, "-servername", "not.this.name",
             "-cert2", identity.chain, "-key2", identity.key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self._server = _connect(port)
        self._begun = threading.Event()
        threading.Thread(target=self._carry_up, daemon=True).start()
        threading.Thread(target=self._carry_down, daemon=True).start()

    def _carry_up(self):
        _carry(self._client, self._server, self._note_hello)
        self._process.stdin.close()

    def _note_hello(self, octets):
        if not self._hello:
            self._hello = octets
            self._begun.set()

    def _carry_down(self):
        seen = bytearray()

        def look_for_the_warning(octets):
            seen.extend(octets)
            self.warned = self.warned or has_warning(seen)
        _carry(self._server, self._client, look_for_the_warning)
        self._process.wait()

    def server_name(self):
        self._begun.wait(10)
        return server_name(self._hello)

    def recv(self, size):
        return self._process.stdout.read(size)

    def sendall(self, octets):
        try:
            self._process.stdin.write(octets)
        except ValueError as error:  # the client is gone, and the pipe with it
            raise BrokenPipeError from error


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _connect(port):
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            time.sleep(0.02)
    raise OSError("openssl s_server does not listen")


def _carry(source, sink, look):
    try:
        while octets := source.recv(65536):
            look(octets)
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def has_warning(octets):
    """Whether the warning stands among the records that a server sends in clear."""
    at = 0
    while at + 5 <= len(octets) and octets[at] != _CHANGE_CIPHER_SPEC:
        size = struct.unpack("!H", octets[at + 3:at + 5])[0]
        if octets[at] == _ALERT and octets[at + 5:at + 5 + size] == _WARNING_UNRECOGNIZED_NAME:
            return True
        at += 5 + size
    return False


def server_name(hello):
    """The SNI of a ClientHello in one record (RFC 6066 section 3), or None."""
    at = 5 + 4 + 2 + 32                                          # record, handshake, version, random
    at += 1 + hello[at]                                          # session id
    at += 2 + struct.unpack("!H", hello[at:at + 2])[0]           # suites
    at += 1 + hello[at] + 2                                      # compression, length of extensions
    while at + 4 <= len(hello):
        kind, size = struct.unpack("!HH", hello[at:at + 4])
        if kind == 0:
            return hello[at + 9:at + 4 + size].decode()
        at += 4 + size
    return None
