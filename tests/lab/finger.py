"""posttls-finger, Postfix's own DANE client, as a second opinion on the lab's destinations."""
import os
import re
import shutil
import subprocess

import place
import postfix
import quarters
import stub
from case import BOUNCED, DANE, DEFERRED, ENCRYPT, HALF_DANE, MAY, PLAIN


def missing():
    """Why no second opinion can be had, or ''."""
    if not quarters.is_root():
        return "posttls-finger needs root: it becomes the account of Postfix"
    if not shutil.which("posttls-finger", path=os.environ["PATH"] + ":/usr/sbin"):
        return "posttls-finger (package postfix) is not installed"
    return stub.missing()


class SecondOpinion:
    """posttls-finger with the resolver that it asks."""

    def __init__(self, folder, resolver):
        self._folder, self._mounts = folder, resolver.mounts
        postfix.write_main(folder, "compatibility_level = 3.6\nmyhostname = finger.example\n")

    def look(self, destination, level):
        """What posttls-finger tells of a destination."""
        seconds = str(int(3 * place.PATIENCE) + 1)
        done = subprocess.run(
            quarters.command(["posttls-finger", "-v", "-l", level, "-t", seconds, "-T", seconds,
                              destination], self._mounts),
            capture_output=True, text=True, errors="replace", timeout=60 * place.PATIENCE,
            env={**os.environ, "MAIL_CONFIG": str(self._folder)})
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
