"""A DNS server that fails on purpose: SERVFAIL to everything, or no answer at all."""
import socket
import threading

from dnsquery import question_end


def _servfail(query):
    header = bytearray(query[:12])
    header[2] = 0x80 | (query[2] & 1)  # a response, recursion desired as asked
    header[3] = 2                      # SERVFAIL
    header[6:12] = bytes(6)
    return bytes(header) + query[12:question_end(query)]


class FaultyDns:
    def __init__(self, address, port, answers):
        self._answers = answers
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, port))
        # Accepted by the kernel and never read: a black hole for TCP as well.
        self._tcp = socket.create_server((address, port))
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, peer = self._udp.recvfrom(4096)
                self.asked += 1
                if self._answers:
                    self._udp.sendto(_servfail(query), peer)
            except (OSError, IndexError):
                if self._udp.fileno() < 0:
                    return

    def close(self):
        self._udp.close()
        self._tcp.close()
