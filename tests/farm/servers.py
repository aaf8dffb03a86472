"""SMTP servers that misbehave as a table says.

A server's script maps a moment (greeting, EHLO, HELO, LHLO, MAIL, RCPT, DATA, DOT, RSET, QUIT) to
what happens then: octets, one of the acts below, or a list of both. A list of Turns is used up one
by one, the last one stays. What the script does not say is done as a good server does it.
"""
import socket
import struct
import threading
import time
from dataclasses import dataclass

GOOD = {"greeting": b"220 farm.example ESMTP\r\n",
        "EHLO": b"250-farm.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n",
        "HELO": b"250 farm.example\r\n", "MAIL": b"250 2.1.0 Ok\r\n", "RCPT": b"250 2.1.5 Ok\r\n",
        "DATA": b"354 go ahead\r\n", "DOT": b"250 2.0.0 Ok: taken\r\n", "RSET": b"250 2.0.0 Ok\r\n",
        "QUIT": b"221 2.0.0 Bye\r\n"}
_LIFE_SECONDS = 120


class Over(Exception):
    """The connection is over."""


@dataclass
class Turns:
    """What happens the first time, the second time, and so on over all connections."""
    each: list


class Close:
    def act(self, sock):
        raise Over


class Reset:
    def act(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        raise Over


class Stall:
    """Nothing more, and the connection stays."""

    def act(self, sock):
        end = time.monotonic() + _LIFE_SECONDS
        while time.monotonic() < end and sock.recv(65536):
            pass
        raise Over


class DeafStall:
    """Nothing more, and nothing more is read: the window closes."""

    def act(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        time.sleep(_LIFE_SECONDS)
        raise Over


@dataclass
class Drip:
    """One octet at a time."""
    octets: bytes
    seconds: float

    def act(self, sock):
        for octet in self.octets:
            sock.sendall(bytes([octet]))
            time.sleep(self.seconds)


@dataclass
class Endless:
    octets: bytes
    most: int = 1 << 26

    def act(self, sock):
        for _ in range(0, self.most, len(self.octets)):
            sock.sendall(self.octets)


class Server:
    def __init__(self, address, port, script):
        self.script = {**GOOD, **script}
        self.seen, self.took = [], []   # commands; contents for which the dot got its good answer
        self._turn = {}
        self._open, self._lock = set(), threading.Lock()
        self._listener = socket.create_server((address, port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self._lock:
            self._open.add(sock)
        sock.settimeout(_LIFE_SECONDS)
        try:
            self._talk(sock)
        except (Over, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _talk(self, sock):
        self._do(sock, "greeting")
        reader = sock.makefile("rb")
        while (line := reader.readline(65536)):
            self.seen.append(line.decode("latin-1").rstrip("\r\n"))
            verb = line.split()[0].decode("latin-1").upper() if line.split() else ""
            said = self._do(sock, verb if verb in self.script else "other")
            if verb == "DATA" and said.startswith(b"354"):
                self._content(sock, reader)
            if verb == "QUIT":
                return

    def _content(self, sock, reader):
        lines = []
        while (line := reader.readline()) != b".\r\n":
            if not line:
                raise Over
            lines.append(line)
        content = b"".join(line[1:] if line.startswith(b".") else line for line in lines)
        self.took.append(content)
        self._do(sock, "DOT")

    def _do(self, sock, moment):
        """Runs what the script has for the moment; returns the octets that were said at last."""
        play, said = self.script.get(moment, b"502 5.5.1 no such command\r\n"), b""
        if isinstance(play, Turns):
            with self._lock:
                at = self._turn.get(moment, 0)
                self._turn[moment] = at + 1
            play = play.each[min(at, len(play.each) - 1)]
        for step in play if isinstance(play, list) else [play]:
            if isinstance(step, bytes):
                sock.sendall(step)
                said = step
            else:
                step.act(sock)
        return said
