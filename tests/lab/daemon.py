"""Danelaw as a process under test: its configuration, its log, its queue, and its certain end."""
import itertools
import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import place
from place import wait_until

BINARY = os.environ.get("DANELAW", str(Path(__file__).resolve().parents[2] / "build" / "danelaw"))
_DELIVERY = re.compile(r"danelaw/smtp\[\d+\]: (?P<id>[A-Za-z0-9]{10,20}): to=<(?P<to>[^>]*)>, "
                       r"(?P<fields>.*)$")
_QUEUED = re.compile(r"queued as ([A-Za-z0-9]{10,20})")


class Delivery:
    """One delivery line of the log."""

    def __init__(self, line, match):
        self.line, self.queue_id, self.recipient = line, match["id"], match["to"]
        self.fields = match["fields"]

    def field(self, name):
        found = re.search(rf"(?:^|, ){name}=(<[^>]*>|.*?)(?= \(|, \w+=|$)", self.fields)
        return found.group(1).strip("<>") if found else None

    @property
    def words(self):
        """The text in brackets after the status."""
        found = re.search(r"status=\w+ \((.*)\)", self.fields)
        return found.group(1) if found else ""

    def __repr__(self):
        return self.line


def default_settings(folder, anchor=None):
    """The lab's configuration: short times, one listener where everybody may relay, the lab's DNS."""
    resolver = {"trust_anchor_file": str(anchor)} if anchor else {}
    server = f"{place.DNS}@{place.DNS_PORT}"
    resolver.update({"stubs": {".": [server]}} if place.NAMESPACE else {"forward": [server]})
    return {
        "hostname": "relay.example",
        "state_directory": str(folder / "state"),
        "runtime_directory": str(folder / "run"),
        "user": "root" if os.geteuid() == 0 else "danelaw",
        "listeners": {"lab": {"bind": [f"{place.RELAY}:{place.RELAY_PORT}"],
                              "clients": ["198.51.100.0/24", "127.0.0.0/8"],
                              "max_connections_per_client": 1000}},
        "delivery": {"retry_min": "2s", "retry_max": "3s", "expire": "10m", "delay_warning": 0,
                     "connection_idle": "1s", "refuse_networks": [],
                     "timeouts": {"dns": "6s", "connect": "3s", "greeting": "5s", "command": "5s",
                                  "tls": "5s", "data_start": "5s", "data_block": "5s",
                                  "final_dot": "10s"}},
        "resolver": resolver,
        "workers": 2,
    }


def with_sanitizers(environment):
    environment = dict(environment)
    environment.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    return environment


class Daemon:
    def __init__(self, settings, folder=None):
        self._own = tempfile.TemporaryDirectory(prefix="dl") if folder is None else None
        self.folder = Path(folder or self._own.name)
        self.settings = settings(self.folder) if callable(settings) else settings
        self.config = self.folder / "danelaw.yaml"
        self.write_config()
        self.process, self.lines, self._reader = None, [], None

    def write_config(self):
        # JSON in flow style is YAML, and nothing needs quoting by hand.
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n")

    # Its life

    def start(self, wait=True):
        since = len(self.lines)
        self.process = subprocess.Popen(
            [BINARY, "serve", "-c", str(self.config)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            env=with_sanitizers(os.environ))
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        if wait:
            wait_until(lambda: self._ready_or_dead(since), 20,
                       lambda: "daemon.ready:\n" + "\n".join(self.lines[-20:]))
        return self

    def _ready_or_dead(self, since):
        if self.process.poll() is not None:
            self._reader.join(2)
            raise AssertionError("danelaw ended with status "
                                 f"{self.process.returncode}:\n" + "\n".join(self.lines[-30:]))
        return any("daemon.ready" in line for line in self.lines[since:])

    def _read(self, process):
        for raw in process.stderr:
            self.lines.append(raw.decode("utf-8", "backslashreplace").rstrip("\n"))

    def stop(self):
        """Asks it to stop; returns the exit status. Whatever is left is killed."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15 * place.PATIENCE)
            except subprocess.TimeoutExpired:
                self.lines.append("tests: danelaw did not stop and was killed")
        status = self.process.poll()
        self.kill()
        return status

    def kill(self):
        """SIGKILL for the whole process group and for anything that left it."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        wait_until(self._nothing_left, 10, "the end of all processes after SIGKILL")
        self._reader.join(2)

    def _nothing_left(self):
        left = self.processes()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not left

    def processes(self):
        """Living processes of this daemon: each carries the configuration's path as an argument."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(self.config).encode() in arguments and (b"serve" in arguments or
                                                           any(a.startswith(b"run-") for a in arguments)):
                found.append(int(entry.name))
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self._own:
            self._own.cleanup()

    # What it says

    def command(self, *arguments, timeout=60):
        return subprocess.run([BINARY, *arguments, "-c", str(self.config)], capture_output=True,
                              text=True, timeout=timeout * place.PATIENCE,
                              env=with_sanitizers(os.environ))

    def queue(self):
        """The rows of `queue list --json` by queue id."""
        done = self.command("queue", "list", "--json")
        assert done.returncode == 0, f"queue list: {done.returncode} {done.stderr}"
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return {row["queue_id"]: row for row in rows}

    def deliveries(self, queue_id):
        matches = ((line, _DELIVERY.search(line)) for line in list(self.lines))
        return [Delivery(line, m) for line, m in matches if m and m["id"] == queue_id]

    def wait_deliveries(self, queue_id, count=1, seconds=30):
        return wait_until(lambda: (d := self.deliveries(queue_id)) and len(d) >= count and d, seconds,
                          lambda: f"{count} delivery lines of {queue_id}; its log:\n" +
                          "\n".join(line for line in self.lines if queue_id in line))

    def complaints(self, killed=False):
        """Sanitizer reports and crashes in the log, as text; there must be none. killed: its processes
        were killed from outside, so that one may have told of another's end."""
        signs = ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "queue.fatal",
                 *(() if killed else ("daemon.child:",)))
        found = []
        for at, line in enumerate(self.lines):
            if any(sign in line for sign in signs):
                report = itertools.takewhile(lambda each: not each.startswith("danelaw/"),
                                             self.lines[at + 1:at + 60])
                found.append("\n".join([line, *report]))
        return "\n".join(found)

    # Mail

    @property
    def smtp_address(self):
        host, port = self.settings["listeners"]["lab"]["bind"][0].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def submit(self, sender, recipients, content, **options):
        """One message by smtplib; returns its queue id."""
        with smtplib.SMTP(*self.smtp_address, timeout=20 * place.PATIENCE, **options) as smtp:
            smtp.ehlo("client.example")
            code, text = smtp.mail(sender)
            assert code == 250, (code, text)
            for recipient in [recipients] if isinstance(recipients, str) else recipients:
                code, text = smtp.rcpt(recipient)
                assert code == 250, (code, text)
            code, text = smtp.data(content)
        assert code == 250, (code, text)
        return _QUEUED.search(text.decode()).group(1)

    def dial(self, source=None):
        return Dialogue(self.smtp_address, source)


class Dialogue:
    """A raw SMTP client: sends octets as they are, reads whole replies."""

    def __init__(self, address, source=None, greeting=True):
        self.sock = socket.create_connection(address, 20 * place.PATIENCE,
                                             (source, 0) if source else None)
        self._buffer = b""
        self.greeting = self.reply() if greeting else None

    def send(self, octets):
        self.sock.sendall(octets if isinstance(octets, bytes) else octets.encode())

    def reply(self):
        """(code, text) of the next reply; code 0 when the connection is closed."""
        lines = []
        while True:
            while b"\n" not in self._buffer:
                try:
                    got = self.sock.recv(65536)
                except (ConnectionError, BrokenPipeError):
                    got = b""
                if not got:
                    return 0, self._buffer.decode("latin-1")
                self._buffer += got
            line, self._buffer = self._buffer.split(b"\n", 1)
            lines.append(line.rstrip(b"\r").decode("latin-1"))
            if lines[-1][3:4] != "-":
                return int(lines[-1][:3]), "\n".join(lines)

    def ask(self, octets):
        self.send(octets)
        return self.reply()

    def ask_line(self, text):
        return self.ask(text.encode("latin-1") + b"\r\n")

    def open(self, sender, recipient):
        """EHLO to DATA; ready for content."""
        for line, code in (("EHLO client.example", 250), (f"MAIL FROM:<{sender}>", 250),
                           (f"RCPT TO:<{recipient}>", 250), ("DATA", 354)):
            got = self.ask_line(line)
            assert got[0] == code, (line, got)

    def closed(self, seconds=5):
        """Whether the server closes the connection; reads what is left."""
        self.sock.settimeout(seconds * place.PATIENCE)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
