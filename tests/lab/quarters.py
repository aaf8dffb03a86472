"""Quarters of a program's own: a mount namespace in which it finds what it wants at the usual
places (accounts in /etc/passwd, a resolver in /etc/resolv.conf, its helpers in /usr/libexec), while
nothing of the system's is touched and nobody else sees it."""
import grp
import os
import pwd
import subprocess
from pathlib import Path

_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
_SCRIPT = """set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


def is_root():
    """Root with all its accounts, not only within a user namespace."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] != "1"


def missing():
    """Why no mount namespace can be had, or ''."""
    done = subprocess.run([*_OWN_MOUNTS, "true"], capture_output=True, text=True)
    return f"no mount namespace may be made: {done.stderr.strip()}" if done.returncode else ""


def command(arguments, mounts):
    """The command line that runs `arguments` with each of mounts {where: what} in place."""
    pairs = [str(each) for where, what in mounts.items() for each in (what, where)]
    inside = [*_OWN_MOUNTS, "/bin/sh", "-c", _SCRIPT, "quarters", *pairs, "--"] if mounts else []
    return [*inside, *map(str, arguments)]


def accounts(folder, *names):
    """Makes sure of accounts, each with a group of its name: the mounts that add those which the
    system does not have, and {name: its number}."""
    numbers = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    new = [name for name in names if name not in numbers]
    taken = {*numbers.values(), *(entry.gr_gid for entry in grp.getgrall())}
    numbers.update(zip(new, (n for n in range(400, 1000) if n not in taken)))
    mounts = {}
    for base, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"),
                       ("group", "{0}:x:{1}:\n")):
        file = mounts[f"/etc/{base}"] = Path(folder) / base
        added = "".join(line.format(name, numbers[name]) for name in new)
        file.write_text(Path(f"/etc/{base}").read_text() + added)
    return mounts if new else {}, {name: numbers[name] for name in names}
