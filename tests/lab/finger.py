"""posttls-finger, Postfix's own DANE client, as a second opinion on the lab's destinations, and the
validating resolver at 127.0.0.1:53 that it wants (it asks the C library's stub and believes AD)."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import place
import postfix
import quarters
from case import BOUNCED, DANE, DEFERRED, ENCRYPT, HALF_DANE, MAY, PLAIN
from dnsquery import soa_answered
from place import wait_until

_UNBOUND = """server:
    interface: 127.0.0.1
    port: 53
    do-ip6: no
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    chroot: ""
    username: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    trust-anchor-file: "{anchor}"
    trust-anchor-signaling: no
    infra-cache-max-rtt: 1000
    outbound-msg-retry: 2
    val-bogus-ttl: 1
remote-control:
    control-enable: no
stub-zone:
    name: "."
    stub-addr: {address}@{port}
"""


def missing():
    """Why no second opinion can be had, or ''."""
    if not quarters.is_root():
        return "posttls-finger needs root: it becomes the account of Postfix"
    path = os.environ["PATH"] + ":/usr/sbin"
    if not place.NAMESPACE:
        return "a network namespace of the laboratory's is needed: the resolver is at 127.0.0.1:53"
    for program, package in (("unbound", "unbound"), ("posttls-finger", "postfix")):
        if not shutil.which(program, path=path):
            return f"{program} (package {package}) is not installed"
    return quarters.missing()


class SecondOpinion:
    """posttls-finger, and unbound with the lab's root and trust anchor to ask."""

    def __init__(self, folder, anchor):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings = self.folder / "unbound.conf"
        self._settings.write_text(_UNBOUND.format(folder=self.folder, anchor=anchor,
                                                  address=place.DNS, port=place.DNS_PORT))
        stub = self.folder / "resolv.conf"
        stub.write_text("nameserver 127.0.0.1\noptions edns0 trust-ad timeout:5 attempts:1\n")
        self._mounts = {"/etc/resolv.conf": stub}
        self._process = None
        postfix.write_main(self.folder, "compatibility_level = 3.6\nmyhostname = finger.example\n")

    def start(self):
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(["unbound", "-d", "-p", "-c", self._settings],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: soa_answered("127.0.0.1", 53, "example", recursive=True), 10,
                   lambda: (self.folder / "log").read_text())
        return self

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def look(self, destination, level):
        """What posttls-finger tells of a destination."""
        seconds = str(int(3 * place.PATIENCE) + 1)
        done = subprocess.run(
            quarters.command(["posttls-finger", "-v", "-l", level, "-t", seconds, "-T", seconds,
                              destination], self._mounts),
            capture_output=True, text=True, errors="replace", timeout=60 * place.PATIENCE,
            env={**os.environ, "MAIL_CONFIG": str(self.folder)})
        return done.stdout + done.stderr


# What posttls-finger says while it decides and connects (3.7, with -v), in the order of its lines. For
# a host, what it must do there: the last one holds. Where it speaks of "secure", smtp(8) goes on
# without authentication.
_DEMANDS = (
    (re.compile(r"\(TLSA\): OK$"), DANE),
    (re.compile(r"no usable TLSA records found|all TLSA records unusable"), ENCRYPT),
    (re.compile(r"no TLSA records found"), MAY),
)
_TLS = re.compile(r"(Verified|Trusted|Untrusted|Anonymous) TLS connection established")
_EHLO_ACCEPTED = re.compile(r"^posttls-finger: < 250[- ]", re.MULTILINE)
_PERMANENT = re.compile(r"lookup failed: .*(?:\(nullMX\)|Host not found)$", re.MULTILINE)


def verdict(told, level):
    """The same in the laboratory's words (cases.py): what a client of that level would do."""
    if not _EHLO_ACCEPTED.search(told):
        return BOUNCED if _PERMANENT.search(told) else DEFERRED
    demand = None
    for line in told.splitlines():
        demand = next((kind for sign, kind in _DEMANDS if sign.search(line)), demand)
    tls = _TLS.search(told)
    return _outcome(demand, tls and tls[1], level)


def _outcome(demand, tls, level):
    if demand == DANE:
        return {"Verified": DANE, "Trusted": HALF_DANE}.get(tls, DEFERRED)
    if level == "dane-only" or (demand == ENCRYPT and not tls):
        return DEFERRED
    return demand if tls else PLAIN
