#!/usr/bin/python3
"""How long a mail takes beside many slow clients, against the same alone.

    tests/bench/beside.py [--build build] [--slow 1000] [--rounds 5] [--mails 40]

A third of the slow clients dribbles a command, a third its content, a third a TLS handshake; each an
octet a second. Rounds with and without them take turns, so that what else the machine does falls on
both alike. A mail is a connection of its own, from the dial to the 250 that says it is on disk. Prints
both medians and their ratio; exits 1 if that is over --limit. Needs root (a network namespace of its
own).
"""
import argparse
import contextlib
import multiprocessing
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import idle

OPENINGS = (
    (),
    (b"EHLO slow.example.org\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.net>\r\n",
     b"DATA\r\n"),
    (b"EHLO slow.example.org\r\n", b"STARTTLS\r\n"),
)
NOWHERE = 'next_hops: {nowhere: {hosts: ["127.0.0.1:9"], tls: none}}\nroutes: {"*": {to: nowhere}}\n'
DRIBBLE = (b"NOOP xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", b"x" * 40, b"\x16\x03\x01\x02\x00" + b"x" * 40)


def slow_client(n):
    s = socket.create_connection(("127.0.0.1", idle.PORT), 60, (idle.source(n + 100), 0))
    idle.ask(s, b"", b"220")
    for line in OPENINGS[n % 3]:
        idle.ask(s, line, b"")
    return s, DRIBBLE[n % 3]


def dribble(count, up):
    """In a process of its own, until it is ended."""
    clients = [slow_client(n) for n in range(count)]
    up.set()
    at = 0
    while True:
        for s, text in clients:
            with contextlib.suppress(OSError):
                s.send(text[at % len(text):][:1])
            time.sleep(1 / count)
        at += 1


def mail():
    """Seconds for one."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", idle.PORT), 60, ("127.0.0.1", 0)) as s:
        idle.ask(s, b"", b"220")
        for line, code in ((b"EHLO bench.example.org\r\n", b"250"),
                           (b"MAIL FROM:<a@example.org>\r\n", b"250"),
                           (b"RCPT TO:<b@example.net>\r\n", b"250"), (b"DATA\r\n", b"354"),
                           (b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n.\r\n", b"250")):
            idle.ask(s, line, code)
    return time.perf_counter() - began


@contextlib.contextmanager
def slow_clients(count):
    up = multiprocessing.Event()
    process = multiprocessing.Process(target=dribble, args=(count, up), daemon=True)
    process.start()
    try:
        if not up.wait(120):
            sys.exit("the slow clients did not get in")
        yield
    finally:
        process.terminate()
        process.join()


def run(args):
    alone, beside = [], []
    mail()
    for _ in range(args.rounds):
        alone += [mail() for _ in range(args.mails)]
        with slow_clients(args.slow):
            beside += [mail() for _ in range(args.mails)]
        time.sleep(1)
    a, b = statistics.median(alone) * 1000, statistics.median(beside) * 1000
    print(f"a mail alone {a:.1f} ms, beside {args.slow} slow clients {b:.1f} ms: ratio {b / a:.2f}")
    return 0 if b / a <= args.limit else 1


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--slow", type=int, default=1000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--mails", type=int, default=40)
    p.add_argument("--limit", type=float, default=2)
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = p.parse_args()
    if not args.inside:
        idle.enter_namespace()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = args.slow + idle.SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    with tempfile.TemporaryDirectory(prefix="danelaw-beside-", dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        with idle.relay_in(folder, args.build.resolve(), args.slow * 2, NOWHERE):
            return run(args)


if __name__ == "__main__":
    sys.exit(main())
