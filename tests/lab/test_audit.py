"""Audit-only destinations under load: RFC 7672 section 9.1 as a daemon lives it."""
import os

import place
from place import wait_until
from world import SENDER_DOMAIN

MESSAGES = 20


def audited(domain):
    def change(settings):
        settings["delivery"]["connection_idle"] = "20s"
        settings["policies"][domain] = {"tls": "dane", "audit": True, "note": "ticket 7"}
    return change


def sockets_to(d, address):
    """How many connections to that address the daemon's processes hold."""
    wanted = "".join(f"{int(n):02X}" for n in reversed(address.split("."))) + f":{place.SMTP_PORT:04X}"
    lines = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
    inodes = {f"socket:[{line[9]}]" for line in lines if line[2] == wanted}
    return sum(os.readlink(f"/proc/{pid}/fd/{fd}") in inodes
               for pid in d.processes() for fd in os.listdir(f"/proc/{pid}/fd"))


def send_and_check(d, domain, numbers):
    queued = [d.submit(f"load@{SENDER_DOMAIN}", f"n{i}@{domain}", b"Subject: load\r\n\r\n%d\r\n" % i)
              for i in numbers]
    for queue_id in queued:
        deliveries = d.wait_deliveries(queue_id)
        warned = [line for line in d.lines if "smtp.dane_audit:" in line and queue_id in line]
        assert [(x.field("status"), x.field("tls"), x.field("audit")) for x in deliveries] == \
            [("sent", "may", "DANE_MISMATCH")], deliveries
        assert len(warned) == 1 and "note=ticket 7" in warned[0], warned


def test_a_mismatch_under_load(daemon, world):
    """Each message arrives once, over TLS, with one warning of its own, also while connections of
    those before could still be kept; none stays open."""
    case = next(c for c in world.cases if c.id == "D05")
    host = case.hosts[0]
    before = len(host.receiver.visits)
    d = daemon(audited(case.domain))
    send_and_check(d, case.domain, range(MESSAGES // 2))
    send_and_check(d, case.domain, range(MESSAGES // 2, MESSAGES))
    visits = host.receiver.visits[before:]
    arrived = sorted(m.recipients[0] for v in visits for m in v.messages)
    assert arrived == sorted(f"n{i}@{case.domain}" for i in range(MESSAGES))
    assert all(v.tls for v in visits if v.messages) and len(visits) == 2 * MESSAGES
    wait_until(lambda: all(v.closed for v in visits) and not sockets_to(d, host.address), 10,
               lambda: f"{sockets_to(d, host.address)} connections are open")
