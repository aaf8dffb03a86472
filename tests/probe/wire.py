"""A connection that sends as it is told (whole, by octet, in random pieces) and reads replies."""
import random
import socket
import ssl
import time

WAYS = ("whole", "octets", "pieces")


class Closed(Exception):
    """The server closed the connection, or fell silent."""


class Wire:
    def __init__(self, target, way="whole", seed=0, patience=5.0):
        self.sock = socket.create_connection(target, timeout=patience)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.way, self.random, self.patience = way, random.Random(seed), patience
        self.buffer, self.replies = b"", []

    def close(self):
        self.sock.close()

    def start_tls(self):
        context = ssl._create_unverified_context()
        self.sock = context.wrap_socket(self.sock, server_hostname="probe.example")

    def send(self, octets):
        for piece in self._cut(octets):
            try:
                self.sock.sendall(piece)
            except (OSError, ssl.SSLError):
                return  # what was said before is still to be read

    def _cut(self, octets):
        if self.way == "whole":
            return [octets] if octets else []
        if self.way == "octets":
            return [octets[i:i + 1] for i in range(len(octets))]
        pieces, at = [], 0
        while at < len(octets):
            n = self.random.choice((1, 2, 3, 7, 40, 512, 4096))
            pieces.append(octets[at:at + n])
            at += n
        return pieces

    def _more(self, seconds):
        self.sock.settimeout(max(seconds, 0.001))
        try:
            got = self.sock.recv(65536)
        except (TimeoutError, socket.timeout):
            raise Closed("silent") from None
        except (OSError, ssl.SSLError):
            raise Closed("closed") from None
        if not got:
            raise Closed("closed")
        self.buffer += got

    def _line(self, deadline):
        while b"\n" not in self.buffer:
            self._more(deadline - time.monotonic())
        text, self.buffer = self.buffer.split(b"\n", 1)
        return text.rstrip(b"\r").decode("latin-1")

    def reply(self):
        """The lines of one reply."""
        deadline, lines = time.monotonic() + self.patience, []
        while True:
            lines.append(self._line(deadline))
            if lines[-1][3:4] != "-":
                self.replies.append(lines)
                return lines

    def is_closed(self):
        """Whether the server closes now, without another word."""
        try:
            self._more(self.patience)
        except Closed as end:
            return str(end) == "closed"
        return False
