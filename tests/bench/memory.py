#!/usr/bin/python3
"""Peak memory of the relay while many sessions send large messages at once.

    tests/bench/memory.py [--build build] [--sessions 100] [--megabytes 50]

All sessions are in the middle of their body at the same time: each sends a slice in turn, so that the
relay must hold every message half received. The messages go nowhere (their next hop does not
answer). Prints the peak resident set of all processes of the relay; exits 1 if it passes --limit.
"""
import argparse
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PORT = 2528
LINE = b"x" * 76 + b"\r\n"
SLICE = LINE * 840  # about 64 KiB


def config(folder):
    return f"""\
hostname: relay.example.org
state_directory: {folder}/state
runtime_directory: {folder}/run
user: root
listeners:
  bench: {{bind: ["127.0.0.1:{PORT}"], clients: [127.0.0.0/8], tls: none, max_message_size: 100m,
          max_connections_per_client: 1000}}
next_hops:
  nowhere: {{hosts: ["127.0.0.1:9"], tls: none}}
routes: {{"*": {{to: nowhere}}}}
"""


def descendants(root):
    out, todo = [], [root]
    while todo:
        pid = todo.pop()
        out.append(pid)
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            todo += [int(x) for x in task.read_text().split()]
    return out


def peak_rss_kb(root):
    """Sum of VmHWM: an upper bound of what was resident at any one moment."""
    total = 0
    for pid in descendants(root):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total


def expect(s, code):
    data = b""
    while not data.endswith(b"\r\n") or data.split(b"\r\n")[-2][3:4] == b"-":
        got = s.recv(4096)
        if not got:
            sys.exit(f"connection closed, had {data!r}")
        data += got
    if not data.split(b"\r\n")[-2].startswith(code):
        sys.exit(f"expected {code!r}, got {data!r}")


def open_session(n):
    s = socket.create_connection(("127.0.0.1", PORT), 60)
    s.settimeout(120)
    expect(s, b"220")
    for line, code in ((b"EHLO bench.example.org", b"250"), (b"MAIL FROM:<a@example.org>", b"250"),
                       (b"RCPT TO:<b%d@example.net>" % n, b"250"), (b"DATA", b"354")):
        s.sendall(line + b"\r\n")
        expect(s, code)
    return s


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build")
    p.add_argument("--sessions", type=int, default=100)
    p.add_argument("--megabytes", type=int, default=50)
    p.add_argument("--limit", type=int, default=200, help="MB of peak memory that are too much")
    p.add_argument("--dir", default="/var/tmp")
    args = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="danelaw-memory-", dir=args.dir))
    (folder / "danelaw.yaml").write_text(config(folder))
    with open(folder / "log", "wb") as log:
        relay = subprocess.Popen([pathlib.Path(args.build) / "danelaw", "serve", "-c",
                                  folder / "danelaw.yaml"], stderr=log)
    try:
        while b"daemon.ready" not in (folder / "log").read_bytes():
            if relay.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)
        idle = peak_rss_kb(relay.pid)
        sessions = [open_session(n) for n in range(args.sessions)]
        for _ in range(args.megabytes * 1024 * 1024 // len(SLICE)):
            for s in sessions:
                s.sendall(SLICE)
        for s in sessions:
            s.sendall(b".\r\n")
        for s in sessions:
            expect(s, b"250")
        peak = peak_rss_kb(relay.pid)
        print(f"{args.sessions} sessions of {args.megabytes} MB at once, all acknowledged: peak "
              f"{peak / 1024:.0f} MB resident (idle {idle / 1024:.0f} MB)")
        return 0 if peak / 1024 < args.limit else 1
    finally:
        relay.send_signal(signal.SIGTERM)
        relay.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
