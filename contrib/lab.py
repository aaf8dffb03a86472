"""The world of `contrib/start --lab`, after havedane.net's idea: three receivers, one message to
each, and a table of what happened and why. Ends by itself without a terminal: 0 if all three verdicts
are as they must be. On a terminal it stays, with a shell to look around in."""
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lab"))
try:
    from case import DANE, DEFERRED, PLAIN, one
    from daemon import BINARY, Daemon
    from dnslab import SIGNED, missing_programs
    from place import NAMESPACE, wait_until
    from world import World
except ImportError as error:
    sys.exit(f"lab: the lab's parts in tests/lab are missing ({error})")

ZONE = "lab.example"
RECEIVERS = [
    (one("do", "a TLSA record that matches, STARTTLS", DANE, "311", zone=ZONE),
     "delivered with DANE"),
    (one("dont", "no TLSA record, no STARTTLS", PLAIN, zone=ZONE, certificate=""),
     "delivered in clear"),
    (one("wrong", "a TLSA record that does not match", DEFERRED, "311-", zone=ZONE),
     "deferred, nothing sent"),
]


def happened(delivery, receiver):
    """In words, from the log line and from what the server itself saw."""
    mailed = any(visit.said("MAIL") for visit in receiver.visits)
    if delivery.field("status") == "sent" and mailed:
        message = receiver.messages[0] if receiver.messages else None
        if message and message.tls and delivery.field("tls") == "dane":
            return "delivered with DANE"
        if message and not message.tls:
            return "delivered in clear"
        return f"delivered, tls={delivery.field('tls')}"
    if delivery.field("status") == "deferred" and not mailed:
        return "deferred, nothing sent"
    return delivery.field("status") + (", and the server saw mail" if mailed else "")


def watch(daemon):
    """Submits one message to each and returns (case, wanted, got, why) rows."""
    ids = {}
    for case, _ in RECEIVERS:
        ids[case.id] = daemon.submit(f"you@{ZONE}", f"friend@{case.domain}",
                                     f"Subject: to {case.id}\r\n\r\nhello {case.id}\r\n".encode())
    rows = []
    for case, wanted in RECEIVERS:
        delivery = daemon.wait_deliveries(ids[case.id])[0]
        receiver = case.hosts[0].receiver
        if delivery.field("status") == "sent":
            wait_until(lambda: receiver.messages, 5, "the receiver's own word")
        rows.append((case, wanted, happened(delivery, receiver), delivery))
    return rows


def table(rows):
    lines = ["", f"{'receiver':<18} {'what it has':<38} what happened"]
    for case, wanted, got, delivery in rows:
        mark = "" if got == wanted else f"   WRONG, expected: {wanted}"
        lines.append(f"{case.domain:<18} {case.title:<38} {got}{mark}")
        lines += textwrap.wrap(f"why: {delivery.words or delivery.line}", 100,
                               initial_indent=" " * 19, subsequent_indent=" " * 24)
    good = sum(got == wanted for _, wanted, got, _ in rows)
    return "\n".join([*lines, "", f"{good} of {len(rows)} verdicts are as they must be."])


def look_around(daemon):
    """A shell inside the world; `danelaw` there means this relay."""
    print(textwrap.dedent(f"""
        The lab stays up, with a shell inside it. Try:
           danelaw check wrong.{ZONE}
           danelaw queue list
           less {daemon.folder}/log
        `exit` ends the lab."""), flush=True)
    rc = daemon.folder / "shell"
    rc.write_text(f"danelaw() {{ '{BINARY}' \"$@\" -c '{daemon.config}'; }}\nPS1='danelaw lab> '\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (daemon.folder / "log").write_text("\n".join(daemon.lines) + "\n")
    subprocess.run(["bash", "--noprofile", "--rcfile", str(rc), "-i"], check=False)


def main():
    if missing := missing_programs(damaged=False):
        sys.exit(f"lab: missing programs: {', '.join(missing)} (Debian package knot)")
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"lab: no binary at {BINARY}: contrib/start --lab builds it")
    with tempfile.TemporaryDirectory(prefix="dlworld") as folder:
        world = World(Path(folder), {ZONE: SIGNED}, [case for case, _ in RECEIVERS])
        try:
            world.start()
            print(f"   a signed zone {ZONE} and three receivers are up"
                  f"{' in a network namespace' if NAMESPACE else ''}; starting the relay", flush=True)
            with Daemon(world.settings) as daemon:
                daemon.start()
                rows = watch(daemon)
                print(table(rows), flush=True)
                if sys.stdin.isatty() and sys.stdout.isatty():
                    look_around(daemon)
        finally:
            world.stop()
    return 0 if all(wanted == got for _, wanted, got, _ in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, RuntimeError, OSError) as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
