"""A DNS server that passes questions on to another one and meddles with what comes back.

Meddler(address, port, upstream, meddle): meddle(question, reply) returns the reply that the asker gets.
Both are Packet; UDP and TCP.
"""
import socket
import struct
import threading
from dataclasses import dataclass, field

from dnsquery import encode_name, question_end

A, NS, CNAME, SOA, MX, AAAA, OPT, DS = 1, 2, 5, 6, 15, 28, 41, 43
RRSIG, NSEC, DNSKEY, NSEC3, TLSA = 46, 47, 48, 50, 52
# Octets before the names in the data, and how many names: where names may be compressed, RFC 3597 §4.
_NAMES_IN_DATA = {NS: (0, 1), CNAME: (0, 1), SOA: (0, 2), MX: (2, 1)}
_SERVFAIL, _AD = 2, 0x0020
_TIMEOUT = 5


@dataclass
class Record:
    name: bytes  # uncompressed, in wire form
    type: int
    class_: int
    ttl: int
    data: bytes

    def wire(self):
        return self.name + struct.pack("!HHIH", self.type, self.class_, self.ttl, len(self.data)) \
            + self.data


@dataclass
class Packet:
    ident: int
    flags: int
    question: bytes
    sections: list = field(default_factory=lambda: [[], [], []])

    @property
    def type(self):
        return struct.unpack("!H", self.question[-4:-2])[0]

    @property
    def name(self):
        return name_text(self.question[:-4])

    def wire(self):
        counts = [len(records) for records in self.sections]
        return struct.pack("!6H", self.ident, self.flags, 1, *counts) + self.question + \
            b"".join(r.wire() for records in self.sections for r in records)


def name_text(wire):
    labels, at = [], 0
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]].decode())
        at += wire[at] + 1
    return ".".join(labels).lower()


def _read_name(packet, at):
    """The name at `at`, uncompressed, and where it ends."""
    out, end = b"", None
    while packet[at]:
        if packet[at] >= 0xc0:
            end = end or at + 2
            at = struct.unpack("!H", packet[at:at + 2])[0] & 0x3fff
        else:
            out += packet[at:at + 1 + packet[at]]
            at += 1 + packet[at]
    return out + b"\0", end or at + 1


def _read_record(packet, at):
    name, at = _read_name(packet, at)
    kind, class_, ttl, size = struct.unpack("!HHIH", packet[at:at + 10])
    at += 10
    return Record(name, kind, class_, ttl, _read_data(packet, at, kind, size)), at + size


def _read_data(packet, at, kind, size):
    """Record data with its names uncompressed."""
    end = at + size
    before, names = _NAMES_IN_DATA.get(kind, (size, 0))
    data, at = packet[at:at + before], at + before
    for _ in range(names):
        name, at = _read_name(packet, at)
        data += name
    return data + packet[at:end]


def parse(packet):
    ident, flags, _, *counts = struct.unpack("!6H", packet[:12])
    at = question_end(packet)
    parsed = Packet(ident, flags, packet[12:at])
    for section, count in enumerate(counts):
        for _ in range(count):
            record, at = _read_record(packet, at)
            parsed.sections[section].append(record)
    return parsed


def fails_for(name, kind):
    """SERVFAIL for one name and type; everything else as it is."""
    def meddle(question, reply):
        if question.name == name and question.type == kind:
            return Packet(question.ident, 0x8400 | _SERVFAIL, question.question)
        return reply
    return meddle


def mixes_case(_question, reply):
    """Names in MX data in mixed case; signatures hold (RFC 4034 §6.2)."""
    for record in reply.sections[0]:
        if record.type == MX:
            record.data = record.data[:2] + bytes(
                c - 32 if at % 2 and 97 <= c <= 122 else c for at, c in enumerate(record.data[2:]))
    return reply


def strips_below(suffix):
    """No DNSSEC records in answers for names below suffix, as from a middlebox that does not know
    them."""
    def meddle(question, reply):
        if question.type in (DNSKEY, DS) or not f".{question.name}".endswith(suffix):
            return reply
        return strips(question, reply)
    return meddle


def strips(question, reply):
    """No DNSSEC records at all."""
    gone = (RRSIG, NSEC, NSEC3, DS, DNSKEY)
    reply.sections = [[r for r in records if r.type not in gone] for records in reply.sections]
    return reply


def forges(name, kind, data):
    """An unsigned answer of our own to one question, and every answer says that it is authentic."""
    def meddle(question, reply):
        reply.flags |= _AD
        if question.name == name and question.type == kind:
            owner = encode_name(name)
            reply.flags &= ~0xf
            reply.sections = [[Record(owner, kind, 1, 60, each) for each in data], [],
                              [r for r in reply.sections[2] if r.type == OPT]]
        return reply
    return meddle


class Meddler:
    def __init__(self, address, port, upstream, *meddle):
        self._upstream, self._meddle = upstream, meddle
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, port))
        self._tcp = socket.create_server((address, port), backlog=64)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def _ask(self, query):
        """By TCP, so that nothing is cut on the way here."""
        with socket.create_connection(self._upstream, _TIMEOUT) as s:
            s.sendall(struct.pack("!H", len(query)) + query)
            reply = _read_framed(s)
        if not reply:
            raise ConnectionResetError("no answer")
        return reply

    def _answer(self, query):
        question, reply = parse(query), parse(self._ask(query))
        for meddle in self._meddle:
            reply = meddle(question, reply)
        return reply

    def _serve_udp(self):
        while True:
            try:
                query, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if not query:  # it was shut
                return
            threading.Thread(target=self._reply, args=(query, peer), daemon=True).start()

    def _reply(self, query, peer):
        try:
            answer = self._answer(query)
            wire = answer.wire()
            if len(wire) > 1232:
                wire = Packet(answer.ident, answer.flags | 0x0200, answer.question).wire()
            self._udp.sendto(wire, peer)
        except OSError:
            pass

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        try:
            with sock:
                sock.settimeout(_TIMEOUT)
                while query := _read_framed(sock):
                    wire = self._answer(query).wire()
                    sock.sendall(struct.pack("!H", len(wire)) + wire)
        except OSError:
            pass

    def close(self):
        for sock in (self._udp, self._tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes its thread
            except OSError:
                pass
            sock.close()


def _read_framed(sock):
    """One message as TCP carries it; empty at the end."""
    head = _read_exactly(sock, 2)
    return _read_exactly(sock, struct.unpack("!H", head)[0]) if head else b""


def _read_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            return b""
        data += more
    return data
