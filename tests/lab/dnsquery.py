"""One question to one server, enough to know whether it serves a zone."""
import os
import socket
import struct

_TYPE_SOA, _CLASS_IN = 6, 1
_RD = 0x0100


def _encode(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def soa_answered(address, port, name, recursive=False):
    ident = os.urandom(2)
    question = ident + struct.pack("!5H", _RD if recursive else 0, 1, 0, 0, 0) + _encode(name) \
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
