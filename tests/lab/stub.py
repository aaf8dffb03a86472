"""A validating resolver at 127.0.0.1:53 with the lab's trust anchor, for programs that ask the C
library's stub and believe its AD bit."""
import os
import shutil
import subprocess
from pathlib import Path

import place
import quarters
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
    """Why it cannot run here, or ''."""
    if not place.NAMESPACE:
        return "a network namespace of the laboratory's is needed: the resolver is at 127.0.0.1:53"
    if not shutil.which("unbound", path=os.environ["PATH"] + ":/usr/sbin"):
        return "unbound is not installed"
    return quarters.missing()


class Resolver:
    """`mounts` make it a program's resolver."""

    def __init__(self, folder, anchor):
        self._log, self._settings = Path(folder) / "unbound.log", Path(folder) / "unbound.conf"
        self._settings.write_text(_UNBOUND.format(folder=folder, anchor=anchor,
                                                  address=place.DNS, port=place.DNS_PORT))
        stub = Path(folder) / "resolv.conf"
        stub.write_text("nameserver 127.0.0.1\noptions edns0 trust-ad timeout:5 attempts:1\n")
        self.mounts = {"/etc/resolv.conf": stub}
        self._process = None

    def start(self):
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(["unbound", "-d", "-p", "-c", self._settings],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: soa_answered("127.0.0.1", 53, "example", recursive=True), 10,
                   self._log.read_text)
        return self

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(10)
