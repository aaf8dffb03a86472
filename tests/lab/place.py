"""Where the laboratory stands: which addresses and ports it may use.

Inside a network namespace (tests/lab/run makes one) every address and port is free, so mail goes to
port 25 and DNS to port 53, as in the world. Where namespaces are forbidden the same cases run on
loopback and high ports: every destination gets a next hop `domain:PORT`, which is an MX lookup with
another port, and the TLSA records stand under that port.
"""
import os
import socket
import time

NAMESPACE = os.environ.get("DANELAW_LAB_NAMESPACE") == "1"
SMTP_PORT = 25 if NAMESPACE else 10025
DNS_PORT = 53 if NAMESPACE else 10053
RELAY_PORT = 25 if NAMESPACE else 10026
OTHER_PORT = 2525 if NAMESPACE else 12525
_PREFIXES = ("198.51.100.", "203.0.113.") if NAMESPACE else ("127.0.53.", "127.0.54.")
_HOSTS_EACH = 254
V6_ADDRESS = "2001:db8::25" if NAMESPACE else None

# Sanitizer builds and slow machines may be given more time; nothing else depends on it.
PATIENCE = float(os.environ.get("DANELAW_LAB_PATIENCE", "1"))


def address(host):
    """The lab's address number `host`, 1 to 508. 50 to 58 are DNS servers, 25 is the relay."""
    if not 0 < host <= len(_PREFIXES) * _HOSTS_EACH:
        raise ValueError(f"no lab address {host}")
    network, last = divmod(host - 1, _HOSTS_EACH)
    return f"{_PREFIXES[network]}{last + 1}"


RELAY = address(25)
DNS = address(53)
DNS_SERVFAIL = address(54)
DNS_HOLE = address(55)
DNS_MEDDLER = address(56)


def wait_until(condition, seconds, what):
    """Returns the first true value of condition(); fails with `what` after `seconds`."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * PATIENCE:g} s: "
                                 f"{what() if callable(what) else what}")
        time.sleep(0.02)


def answers(addr, port):
    """Whether somebody accepts TCP connections there."""
    try:
        socket.create_connection((addr, port), 0.5).close()
        return True
    except OSError:
        return False
