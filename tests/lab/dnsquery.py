"""DNS by hand: one question to one server, enough to know whether it serves a zone, and who asks whom
for what on the lab's loopback."""
import os
import socket
import struct
import threading

_TYPE_SOA, _CLASS_IN = 6, 1
_RD = 0x0100
_ETH_P_IP, _UDP, _DNS_PORT = 0x0800, 17, 53


def encode_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def question_end(packet):
    end = 12
    while packet[end]:
        end += packet[end] + 1
    return end + 5


def soa_answered(address, port, name, recursive=False):
    ident = os.urandom(2)
    question = ident + struct.pack("!5H", _RD if recursive else 0, 1, 0, 0, 0) + encode_name(name) \
        + struct.pack("!2H", _TYPE_SOA, _CLASS_IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.sendto(question, (address, port))
            answer = s.recv(4096)
        except OSError:
            return False
    flags, _, answers = struct.unpack("!3H", answer[2:8])
    return answer[:2] == ident and flags & 15 == 0 and answers > 0


def _asked(frame):
    """(name, type) of a question to a DNS server in an IPv4 packet, else None."""
    at = (frame[0] & 15) * 4
    if frame[9] != _UDP or struct.unpack("!H", frame[at + 2:at + 4])[0] != _DNS_PORT:
        return None
    packet = frame[at + 8:]
    end = question_end(packet)
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += packet[at] + 1
    return ".".join(labels), struct.unpack("!H", packet[end - 4:end - 2])[0]


class Wire:
    """Listens on the namespace's loopback: every question that reaches any DNS server by UDP."""

    def __init__(self):
        self.questions = set()
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.bind(("lo", _ETH_P_IP))
        self._sock.settimeout(0.2)
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while self._open:
            try:
                asked = _asked(self._sock.recv(65536))
            except (TimeoutError, IndexError, struct.error):
                continue
            if asked:
                self.questions.add(asked)

    def names(self, kind):
        return {name for name, asked_kind in set(self.questions) if asked_kind == kind}

    def close(self):
        self._open = False
        self._thread.join()
        self._sock.close()
