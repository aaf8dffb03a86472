"""A signed DNS world on one unprivileged knotd: a private root with its trust anchor, the TLD
`example.`, and below it zones that are signed, unsigned, or broken in one exact way.

Keys are made before the server starts, so that every DS record is known when the parents are
written; from nothing to the first answer it takes about half a second. The TLD is not `test.`, which
validators answer by themselves.
"""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

SIGNED, UNSIGNED, OPT_OUT = "signed", "unsigned", "opt-out"
UNKNOWN_ALGORITHM = "unknown-algorithm"  # signed in a way that the validator does not know
MEDDLED = "meddled"                      # signed; answered by a server that meddles (meddler.py)
LASTING, LASTING_UNSIGNED = "lasting", "lasting-unsigned"  # with times that do not end in a test
# Signed beforehand, then damaged; the server hands them out as they are.
BAD_MX, BAD_ADDRESS, BAD_TLSA = "bad-mx", "bad-address", "bad-tlsa"
EXPIRED_TLSA, NO_DENIAL = "expired-tlsa", "no-denial"
_SPOILT = {BAD_MX: "MX", BAD_ADDRESS: "A", BAD_TLSA: "TLSA"}
_DAMAGED = (*_SPOILT, EXPIRED_TLSA, NO_DENIAL)

_ALGORITHM, _OTHER_ALGORITHM = "ecdsap256sha256", "ed448"
_NUMBERS = {_ALGORITHM: 13, _OTHER_ALGORITHM: 16}
_LONG_AGO = "-3000d"

_SETTINGS = """server:
    rundir: "{folder}/run"
    pidfile: "{folder}/run/knot.pid"
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "{folder}/run/knot.sock"
database:
    storage: "{folder}/kasp"
    kasp-db-max-size: 16M
    journal-db-max-size: 16M
    timer-db-max-size: 16M
log:
  - target: stderr
    any: warning
acl:
  - id: anybody
    address: [0.0.0.0/0]
    action: update
policy:
  - id: nsec
    manual: on
    single-type-signing: on
    algorithm: {algorithm}
  - id: optout
    manual: on
    single-type-signing: on
    algorithm: {algorithm}
    nsec3: on
    nsec3-iterations: 0
    nsec3-opt-out: on
    nsec3-salt-length: 0
  - id: other
    manual: on
    single-type-signing: on
    algorithm: {other}
template:
  - id: default
    storage: "{folder}/zones"
    semantic-checks: off
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
    acl: anybody
zone:
"""


class Zone:
    """One zone's text. Names in added lines are relative to the zone."""

    def __init__(self, name, kind):
        self.name, self.kind, self.lines = name, kind, []
        self.file = (name.strip(".") or "root") + ".zone"
        self.server = "meddler.good.example." if kind == MEDDLED else "ns.example."
        self.algorithm = _OTHER_ALGORITHM if kind == UNKNOWN_ALGORITHM else _ALGORITHM

    @property
    def origin(self):
        return self.name.rstrip(".") + "."

    @property
    def has_keys(self):
        return self.kind not in (UNSIGNED, LASTING_UNSIGNED)

    def add(self, *lines):
        self.lines += lines

    def text(self, server):
        # Short times, so that tests see changes and validators forget soon.
        ttl, negative = (3600, 3600) if self.kind in (LASTING, LASTING_UNSIGNED) else (5, 2)
        return "\n".join([f"$ORIGIN {self.origin}", f"$TTL {ttl}",
                          f"@ SOA ns.example. hostmaster.example. 1 3600 600 86400 {negative}",
                          f"@ NS {self.server}", *self.lines]) + "\n"


def _run(*command, given=None):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, input=given)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def missing_programs(damaged=True):
    needed = ["knotd", "keymgr"] + (["kzonesign"] if damaged else [])
    return [name for name in needed if not shutil.which(name, path=_search_path())]


def _search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _program(name):
    return shutil.which(name, path=_search_path()) or name


class DnsLab:
    def __init__(self, folder, address, port):
        self.folder, self.address, self.port = Path(folder), address, port
        self.anchor = self.folder / "root.ds"
        self._settings = self.folder / "knot.conf"
        self._server = None
        self.zones = {}
        self.root = self.zone(".", SIGNED)
        self.tld = self.zone("example", SIGNED)
        self.root.add(f"ns.example. A {address}")
        self.tld.add(f"ns A {address}")

    def zone(self, name, kind):
        zone = Zone(name, kind)
        self.zones[name] = zone
        return zone

    def parent_of(self, zone):
        """The closest enclosing zone of this lab."""
        name = zone.name
        while "." in name.strip("."):
            name = name.split(".", 1)[1]
            if name in self.zones:
                return self.zones[name]
        return self.root

    def start(self):
        for sub in ("zones", "kasp", "run", "old"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        self._write_settings(self._settings, serving=True)
        self._make_keys()
        self._delegate()
        for zone in self.zones.values():
            (self.folder / "zones" / zone.file).write_text(zone.text(self.address))
        self._damage()
        self._launch()

    def _write_settings(self, path, serving):
        text = _SETTINGS.format(folder=self.folder, address=self.address, port=self.port,
                                algorithm=_ALGORITHM, other=_OTHER_ALGORITHM)
        for zone in self.zones.values():
            text += f'  - domain: "{zone.origin}"\n    file: "{zone.file}"\n'
            if zone.has_keys and not (serving and zone.kind in _DAMAGED):
                policy = {OPT_OUT: "optout", UNKNOWN_ALGORITHM: "other"}.get(zone.kind, "nsec")
                text += f"    dnssec-signing: on\n    dnssec-policy: {policy}\n"
        path.write_text(text)

    def _make_keys(self):
        for zone in self.zones.values():
            if zone.has_keys:
                _run(_program("keymgr"), "-c", self._settings, zone.origin, "generate",
                     f"algorithm={zone.algorithm}", "ksk=yes", "zsk=yes",
                     *(f"{moment}={_LONG_AGO}" for moment in ("created", "publish", "ready", "active")))

    def _ds(self, zone):
        listed = _run(_program("keymgr"), "-c", self._settings, zone.origin, "ds")
        wanted = f" {_NUMBERS[zone.algorithm]} 2 "
        return next(line for line in listed.splitlines() if wanted in line)

    def _delegate(self):
        """A signed zone in an unsigned one gets a trust anchor of its own, as the root does."""
        anchors = [". " + self._ds(self.root).split(None, 1)[1]]
        for zone in self.zones.values():
            if zone is self.root:
                continue
            parent = self.parent_of(zone)
            parent.add(f"{zone.origin} NS {zone.server}")
            if zone.has_keys:
                (parent.lines if parent.has_keys else anchors).append(self._ds(zone))
        self.anchor.write_text("".join(line + "\n" for line in anchors))

    def _damage(self):
        damaged = [zone for zone in self.zones.values() if zone.kind in _DAMAGED]
        if not damaged:
            return
        signing = self.folder / "sign.conf"
        self._write_settings(signing, serving=False)
        for zone in damaged:
            self._damage_zone(zone, signing)

    def _signed_text(self, zone, signing, when=None):
        out = self.folder / "old"
        moment = ["-t", str(int(when))] if when else []
        _run(_program("kzonesign"), "-c", signing, "-o", out, *moment, zone.origin)
        return (out / zone.file).read_text()

    def _damage_zone(self, zone, signing):
        text = self._signed_text(zone, signing)
        if zone.kind in _SPOILT:
            text = _spoil_signatures(text, _SPOILT[zone.kind])
        elif zone.kind == NO_DENIAL:
            text = "".join(line for line in text.splitlines(True)
                           if not re.search(r"\sNSEC\s", line))
        else:
            old = self._signed_text(zone, signing, when=time.time() - 400 * 86400)
            expired = [line for line in old.splitlines(True) if _signs(line, "TLSA")]
            text = "".join(line for line in text.splitlines(True) if not _signs(line, "TLSA"))
            text += "".join(expired)
        (self.folder / "zones" / zone.file).write_text(text)

    def _launch(self):
        log = open(self.folder / "knot.log", "wb")
        self._server = subprocess.Popen([_program("knotd"), "-c", str(self._settings)],
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        end = time.monotonic() + 15
        while not self._ready():
            if self._server.poll() is not None or time.monotonic() > end:
                problem = (self.folder / "knot.log").read_text().strip()
                self.stop()
                raise RuntimeError(f"knotd did not start: {problem}")
            time.sleep(0.02)

    def _ready(self):
        """Every zone is loaded and signed: the server answers for each with its SOA."""
        from dnsquery import soa_answered
        return all(soa_answered(self.address, self.port, zone.origin) for zone in self.zones.values())

    def add_now(self, zone, lines):
        """Adds lines "OWNER TYPE DATA", owners absolute, to a zone that is being served and signed."""
        self._update(zone, "".join(f"update add {owner} 5 {rest}\n" for owner, rest in
                                   (line.split(" ", 1) for line in lines)))

    def replace_now(self, zone, owner, kind, data):
        """Another RRset of that kind at owner, for a second at a time."""
        self._update(zone, f"update delete {owner} {kind}\nupdate add {owner} 1 {kind} {data}\n")

    def _update(self, zone, told):
        _run(_program("knsupdate"), "-v", given=f"server {self.address} {self.port}\nzone "
             f"{self.zones[zone].origin}\n{told}send\n")

    def stop(self):
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGTERM)
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        self._server = None


def _signs(line, kind):
    return re.search(rf"\sRRSIG\s+{kind}\s", line)


def _spoil_signatures(text, kind):
    """Another signature of the same length for the RRsets of one type."""
    return "".join(re.sub(r"\S{8}(\s*)$", r"AAAAAA==\1", line) if _signs(line, kind) else line
                   for line in text.splitlines(True))
