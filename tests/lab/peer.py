"""What the foreign servers of the laboratory share: a folder of their own that their accounts can
reach, one listening address per kind of certificate, a log, a maildir, and a certain end.

Exim and OpenSMTPD cannot be installed beside Postfix; contrib/test unpacks their Debian packages
beside the binary under test, and they run from there, in quarters of their own.
"""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import place
import quarters
from daemon import BINARY
from place import wait_until

UNPACKED = Path(BINARY).resolve().parent / "peers"


def missing(package):
    """Why the unpacked package cannot run here, or ''."""
    if not (UNPACKED / package).is_dir():
        return f"the Debian package {package} is not at {UNPACKED}: contrib/test unpacks it"
    if not quarters.is_root():
        return f"{package} needs root: it becomes its own accounts"
    return ""


class Peer:
    """listeners: {address: Identity}; resolver: what it asks of the DNS, if anything. A subclass says
    how it is configured and started."""

    accounts = ()          # the accounts it becomes; the first writes the mail
    said_mail = ""         # how its log shows the command MAIL

    def __init__(self, hostname, listeners, resolver=None):
        self.hostname, self.listeners = hostname, listeners
        self.folder = Path(tempfile.mkdtemp(prefix="dlpeer"))
        self.folder.chmod(0o755)
        self.console, self.mail = self.folder / "console", self.folder / "mail"
        self.log = self.console
        self.mounts, self._numbers = quarters.accounts(self.folder, *self.accounts)
        self.mounts.update(resolver.mounts if resolver else {})
        self._process = None

    def own_folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        self._give(folder)

    def _give(self, path):
        number = self._numbers[self.accounts[0]]
        os.chown(path, number, number)

    def copy_identities(self, for_account=False):
        """ADDRESS.key and ADDRESS.pem in the peer's folder, for root or for its account."""
        for address, identity in self.listeners.items():
            for source, end in ((identity.key, "key"), (identity.chain, "pem")):
                copy = self.folder / f"{address}.{end}"
                shutil.copy(source, copy)
                copy.chmod(0o600)
                if for_account:
                    self._give(copy)

    def launch(self, *arguments):
        with open(self.console, "wb") as console:
            self._process = subprocess.Popen(
                quarters.command(arguments, self.mounts), stdin=subprocess.DEVNULL, stdout=console,
                stderr=console, start_new_session=True)
        self.wait_listening()
        return self

    def wait_listening(self):
        wait_until(self._listening_or_dead, 10,
                   lambda: f"listening:\n{self.console_text()}{self.log_text()}")

    def _listening_or_dead(self):
        if self._process and self._process.poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended:\n{self.console_text()}")
        return all(place.answers(address, place.SMTP_PORT) for address in self.listeners)

    def console_text(self):
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def saw_mail_from(self, sender):
        return f"{self.said_mail}<{sender}>" in self.log_text()

    def received(self):
        """The messages in the maildir, as bytes with the local line ends."""
        return [file.read_bytes() for file in sorted(self.mail.glob("**/new/*"))]
