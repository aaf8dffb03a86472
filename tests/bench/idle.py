#!/usr/bin/python3
"""What an idle SMTP session costs in memory, in clear and over TLS.

    tests/bench/idle.py [--build build] [--connections 10000] [--clear 10] [--tls 60]

Each client says EHLO (over TLS: STARTTLS, the handshake and EHLO again), then much at once so that
buffers have grown, and then is silent.
Prints the growth of the mta process's resident set per connection, and exits 1 if one is over its
bound in KiB. Needs root: runs in a network namespace of its own with many source addresses on
loopback, so that the limits per client do not bite, and raises the limit of open files.
"""
import argparse
import contextlib
import os
import pathlib
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PORT = 2526
PER_ADDRESS = 40  # below max_connections_per_client
SPARE = 500       # descriptors for all else


def config(folder, connections):
    return f"""\
hostname: relay.example.org
state_directory: {folder}/state
runtime_directory: {folder}/run
user: root
workers: 2
listeners:
  bench:
    bind: ["127.0.0.1:{PORT}"]
    clients: [127.0.0.0/8]
    identity: relay
    max_connections: {connections}
identities:
  relay: {{certificate_file: {folder}/cert.pem, key_file: {folder}/key.pem}}
"""


def make_identity(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=relay.example.org", "-days", "2", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)


def mta_process(root):
    """The child of the supervisor that has worker threads."""
    for task in pathlib.Path(f"/proc/{root}/task").glob("*/children"):
        for pid in task.read_text().split():
            names = {(t / "comm").read_text().strip()
                     for t in pathlib.Path(f"/proc/{pid}/task").iterdir()}
            if "worker-0" in names:
                return pid
    sys.exit("there is no mta process")


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def ask(s, line, code):
    if line:
        s.sendall(line)
    got = b""
    while not got.endswith(b"\r\n") or got.split(b"\r\n")[-2][3:4] == b"-":
        piece = s.recv(4096)
        if not piece:
            sys.exit(f"closed after {got!r}")
        got += piece
    if not got.split(b"\r\n")[-2].startswith(code):
        sys.exit(f"to {line!r}: {got!r}")


def talk_much(s):
    """Thirty long commands in one piece: 60 KiB in, thirty replies out."""
    s.sendall((b"NOOP " + b"x" * 2000 + b"\r\n") * 30)
    got = b""
    while got.count(b"\n") < 30:
        got += s.recv(65536) or sys.exit("closed while it talked")


def source(n):
    address = n // PER_ADDRESS
    return f"127.{1 + address // 250}.{address % 250}.1"


class Shake:
    """A client's TLS over memory, so that the client's own side can be thrown away afterwards and the
    bench needs no memory for it."""

    context = ssl._create_unverified_context()

    def __init__(self, s):
        self.s, self.inn, self.out = s, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.inn, self.out)

    def _step(self, call):
        while True:
            try:
                result = call()
                self.s.sendall(self.out.read())
                return result
            except ssl.SSLWantReadError:
                self.s.sendall(self.out.read())
                self.inn.write(self.s.recv(65536))

    def run(self):
        self._step(self.tls.do_handshake)
        return self

    def sendall(self, octets):
        self._step(lambda: self.tls.write(octets))

    def recv(self, n):
        return self._step(lambda: self.tls.read(n))


def connect(n, tls):
    s = socket.create_connection(("127.0.0.1", PORT), 60, (source(n), 0))
    ask(s, b"", b"220")
    ask(s, b"EHLO bench.example.org\r\n", b"250")
    speaker = s
    if tls:
        ask(s, b"STARTTLS\r\n", b"220")
        speaker = Shake(s).run()
        ask(speaker, b"EHLO bench.example.org\r\n", b"250")
    talk_much(speaker)
    return s


@contextlib.contextmanager
def relay_in(folder, build, connections, more=""):
    """A relay with room for so many connections; gives the supervisor's process id."""
    make_identity(folder)
    (folder / "danelaw.yaml").write_text(config(folder, connections) + more)
    with open(folder / "log", "wb") as log:
        relay = subprocess.Popen([build / "danelaw", "serve", "-c", folder / "danelaw.yaml"],
                                 stderr=log)
    try:
        while b"daemon.ready" not in (folder / "log").read_bytes():
            if relay.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)
        yield relay.pid
    finally:
        relay.send_signal(signal.SIGTERM)
        relay.wait(30)


def measure(build, connections, tls):
    """KiB per connection."""
    with tempfile.TemporaryDirectory(prefix="danelaw-idle-") as name:
        with relay_in(pathlib.Path(name), build, connections * 2) as pid:
            mta = mta_process(pid)
            connect(0, tls).close()  # what is made once
            before = resident_kib(mta)
            clients = [connect(n, tls) for n in range(connections)]
            time.sleep(1)
            grown = resident_kib(mta) - before
            for s in clients:
                s.close()
            return grown / connections


def enter_namespace():
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                          sys.executable, *sys.argv, "--inside"])


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--connections", type=int, default=10000)
    p.add_argument("--clear", type=float, default=10, help="KiB per connection that are too much")
    p.add_argument("--tls", type=float, default=60, help="the same over TLS")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = p.parse_args()
    if not args.inside:
        enter_namespace()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = args.connections + SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    failed = False
    for label, tls, bound in (("clear", False, args.clear), ("TLS", True, args.tls)):
        kib = measure(args.build.resolve(), args.connections, tls)
        failed |= kib > bound
        print(f"{args.connections} idle connections, {label}: {kib:.1f} KiB each "
              f"(bound {bound:g} KiB)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
