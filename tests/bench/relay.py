#!/usr/bin/python3
"""End-to-end relay benchmark: smtp-source -> relay -> smtp-sink, Danelaw and Postfix in one run.

    tests/bench/relay.py [--build build] [--messages 10000] [--size 4096] [--sessions 50] [--runs 3]

Needs root and Debian's postfix package (for the load generator, the sink and the peer; it is never
started as a service). Every message is durable before its 250 in both. The clock runs from the first
connection of the source until the sink has acknowledged the last message. CPU is user + system of
every process of the relay; memory is the peak of the sum of their PSS. Load generator, sink and relay
share the cores, so compare the two within a run, never across runs or machines.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SOURCE_PORT, SINK_PORT = 2526, 2527
TICKS = os.sysconf("SC_CLK_TCK")


def stat_of(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2:].split()


def tree(root):
    """Live descendants of root, with root."""
    parents = {}
    for p in pathlib.Path("/proc").iterdir():
        if p.name.isdigit():
            try:
                parents.setdefault(int(stat_of(p.name)[1]), []).append(int(p.name))
            except OSError:
                pass
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_of(root):
    """CPU seconds of a tree: live processes, and of each its ended and awaited children."""
    total = 0
    for pid in tree(root):
        try:
            f = stat_of(pid)
            total += sum(int(x) for x in f[11:15])
        except OSError:
            pass
    return total / TICKS


def pss_of(root):
    total = 0
    for pid in tree(root):
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


class Peak(threading.Thread):
    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.peak, self.done = root, 0.0, threading.Event()

    def run(self):
        while not self.done.wait(0.5):
            self.peak = max(self.peak, pss_of(self.root))


class Danelaw:
    name = "danelaw"

    def __init__(self, build, folder):
        self.binary, self.folder = pathlib.Path(build) / "danelaw", folder

    def start(self):
        d = self.folder
        (d / "danelaw.yaml").write_text(f"""\
hostname: relay.example.org
state_directory: {d}/state
runtime_directory: {d}/run
user: root
listeners:
  bench:
    bind: ["127.0.0.1:{SOURCE_PORT}"]
    clients: [127.0.0.0/8]
    tls: none
    max_connections_per_client: 1000
next_hops:
  sink: {{hosts: ["127.0.0.1:{SINK_PORT}"], tls: none}}
routes:
  "*": {{to: sink}}
delivery: {{destination_concurrency: 20}}
""")
        self.log = open(d / "log", "wb")
        self.process = subprocess.Popen([self.binary, "serve", "-c", d / "danelaw.yaml"],
                                        stderr=self.log)
        for _ in range(200):
            if b"daemon.ready" in (d / "log").read_bytes():
                return self.process.pid
            time.sleep(0.05)
        sys.exit(f"danelaw did not become ready: {(d / 'log').read_text()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


class Postfix:
    """As an expert would set it up for this work: no lookups, concurrency 20, connection cache."""
    name = "postfix"

    def __init__(self, _build, folder):
        self.folder = folder

    def start(self):
        c, q = self.folder / "conf", self.folder / "spool"
        c.mkdir()
        q.mkdir()
        for p in (self.folder.parent, self.folder, c, q):
            p.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        shutil.chown(data, "postfix")
        (c / "main.cf").write_text(f"""\
compatibility_level = 3.6
queue_directory = {q}
data_directory = {data}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example.org
mydestination =
local_recipient_maps =
local_transport = error:none
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
disable_dns_lookups = yes
relayhost = [127.0.0.1]:{SINK_PORT}
default_process_limit = 200
default_destination_concurrency_limit = 20
initial_destination_concurrency = 20
default_destination_concurrency_failed_cohort_limit = 100
in_flow_delay = 0s
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtp_connection_cache_on_demand = yes
smtputf8_enable = no
maillog_file = {self.folder}/log
maillog_file_prefixes = /
""")
        services = """\
127.0.0.1:%d inet n - n - 200 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - 200 smtp
relay unix - - n - 200 smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
pickup unix n - n 60 1 pickup
postlog unix-dgram n - n - 1 postlogd
""" % SOURCE_PORT
        (c / "master.cf").write_text(services)
        subprocess.run(["postfix", "-c", c, "start"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return int((q / "pid" / "master.pid").read_text())

    def stop(self):
        subprocess.run(["postfix", "-c", self.folder / "conf", "stop"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_port(port):
    import socket
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def measure(kind, args):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="danelaw-bench-", dir=args.dir)) / kind.name
    folder.mkdir()
    relay = kind(args.build, folder)
    # The probe of wait_for_port is a session without a message, so -M counts messages only.
    sink = subprocess.Popen(["smtp-sink", "-u", "nobody", "-M", str(args.messages), f"127.0.0.1:{SINK_PORT}", "1000"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(SINK_PORT)
        root = relay.start()
        wait_for_port(SOURCE_PORT)
        peak = Peak(root)
        peak.start()
        cpu0, t0 = cpu_of(root), time.monotonic()
        source = ["smtp-source", "-s", str(args.sessions), "-m", str(args.messages), "-l",
                  str(args.size), "-f", "a@example.org", "-t", "b@example.net"]
        if args.keep:
            source.append("-d")
        subprocess.run(source + [f"127.0.0.1:{SOURCE_PORT}"], check=True, timeout=args.timeout)
        accepted = time.monotonic() - t0
        sink.wait(args.timeout)
        total = time.monotonic() - t0
        cpu = cpu_of(root) - cpu0
        peak.done.set()
        peak.join()
        return {"rate": args.messages / total, "accept_rate": args.messages / accepted,
                "cpu_per_1000": cpu / args.messages * 1000, "memory_mb": peak.peak}
    finally:
        relay.stop()
        if sink.poll() is None:
            sink.kill()
        shutil.rmtree(folder.parent, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build")
    p.add_argument("--messages", type=int, default=10000)
    p.add_argument("--size", type=int, default=4096)
    p.add_argument("--sessions", type=int, default=50)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--keep", action="store_true", help="the source keeps its connections")
    p.add_argument("--only", choices=["danelaw", "postfix"])
    p.add_argument("--dir", default="/var/tmp", help="where queues live: a disk, not a tmpfs")
    p.add_argument("--timeout", type=int, default=300)
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    if os.geteuid() != 0 or not shutil.which("smtp-source"):
        sys.exit("relay.py: needs root and the package postfix")
    results = {}
    for _ in range(args.runs):
        for kind in (Postfix, Danelaw):  # in turn, so that both see the same machine
            if args.only in (None, kind.name):
                results.setdefault(kind.name, []).append(measure(kind, args))
    if args.json:
        print(json.dumps(results))
        return
    print(f"{args.messages} messages of {args.size} octets, {args.sessions} sessions"
          f"{', kept' if args.keep else ''}, median of {args.runs} [min..max]")
    print(f"{'relay':10} {'msg/s end to end':>26} {'accepted/s':>11} {'CPU s/1000':>11} {'peak MB':>8}")
    for name, runs in results.items():
        rates = [r["rate"] for r in runs]
        med = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        print(f"{name:10} {med['rate']:8.0f} [{min(rates):.0f}..{max(rates):.0f}]".ljust(38) +
              f" {med['accept_rate']:10.0f} {med['cpu_per_1000']:11.2f} {med['memory_mb']:8.1f}")
    if len(results) == 2:
        ratio = (statistics.median(r["rate"] for r in results["danelaw"]) /
                 statistics.median(r["rate"] for r in results["postfix"]))
        cpu = (statistics.median(r["cpu_per_1000"] for r in results["postfix"]) /
               statistics.median(r["cpu_per_1000"] for r in results["danelaw"]))
        print(f"danelaw / postfix: {ratio:.1f} times the rate, {cpu:.1f} times less CPU")


if __name__ == "__main__":
    main()
