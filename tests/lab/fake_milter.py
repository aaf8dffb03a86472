"""A mail filter by script: speaks the milter protocol as libmilter does, or badly on demand, and writes
down what it hears. A thread for the listener and one per connection."""
import socket
import struct
import threading
import time

ALL_ACTIONS, CAN_SKIP = 0xff, 0x400
_SILENT = b"ADQK"  # commands without an answer


def packet(kind, data=b""):
    return struct.pack(">I", len(data) + 1) + kind.encode() + data


def options(version=6, actions=ALL_ACTIONS, steps=0):
    return packet("O", struct.pack(">III", version, actions, steps))


CONTINUE = packet("c")


class Close(Exception):
    """The filter hangs up instead of an answer."""


def close():
    raise Close


def hang():
    time.sleep(60)
    raise Close


class FakeMilter:
    """answers: for a command's letter, the octets that answer it, or a function that returns them, hangs
    or raises Close."""

    def __init__(self, address, port, **answers):
        self.socket = f"inet:{address}:{port}"
        self.answers, self.heard, self.connections = answers, [], 0
        self._listener = socket.create_server((address, port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                while head := stream.read(4):
                    self._hear(connection, stream.read(struct.unpack(">I", head)[0]))
            except (Close, OSError):
                pass

    def _hear(self, connection, body):
        command, data = chr(body[0]), body[1:]
        self.heard.append((command, data))
        default = options() if command == "O" else b"" if body[0] in _SILENT else CONTINUE
        answer = self.answers.get(command, default)
        connection.sendall(answer() if callable(answer) else answer)

    def data(self, command):
        """What came with each packet of that kind."""
        return [data for kind, data in list(self.heard) if kind == command]

    def letters(self):
        return "".join(kind for kind, _ in list(self.heard) if kind != "D")

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread in accept would keep it open
        self._listener.close()
