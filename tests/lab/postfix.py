"""A private Postfix: its own configuration, queue and log, nothing of the system's touched. Needs
root, because Postfix insists on becoming its own accounts."""
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import place
from place import wait_until

_MAIN = """compatibility_level = 3.6
config_directory = {conf}
queue_directory = {spool}
data_directory = {data}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {top}
myhostname = {hostname}
mydestination =
local_recipient_maps =
local_transport = error:none
alias_maps =
alias_database =
inet_interfaces = all
inet_protocols = ipv4
smtp_bind_address = {address}
mynetworks = 127.0.0.0/8, 198.51.100.0/24
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_host_lookup = native
smtp_dns_support_level = disabled
disable_dns_lookups = yes
relayhost = [{relay}]:{relay_port}
virtual_mailbox_domains = {domain}
virtual_transport = virtual
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {chain}
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtputf8_enable = no
"""

_MASTER = """{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why it cannot run here, or ''."""
    if not shutil.which("postfix", path=os.environ["PATH"] + ":/usr/sbin"):
        return "Postfix is not installed"
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split()[2] == "1":
        return "a private Postfix needs root"
    return ""


class Postfix:
    """Receives for `domain` into a maildir; what it takes for others goes to the relay."""

    def __init__(self, domain, hostname, address, identity, relay):
        account = pwd.getpwnam("postfix")
        self.address, self.port = address, place.SMTP_PORT
        self._top = Path(tempfile.mkdtemp(prefix="dlpostfix"))
        self._top.chmod(0o755)
        self.log, self._mail = self._top / "log", self._top / "mail"
        conf = self._top / "conf"
        for folder in (conf, self._top / "spool"):
            folder.mkdir()
        for folder in (self._top / "data", self._mail, self._mail / "box"):
            folder.mkdir()
            os.chown(folder, account.pw_uid, account.pw_gid)
        key, chain = self._copy(identity)
        main = _MAIN.format(
            conf=conf, spool=self._top / "spool", data=self._top / "data", log=self.log, top=self._top,
            hostname=hostname, address=address, domain=domain, relay=relay[0], relay_port=relay[1],
            mail=self._mail, key=key, chain=chain, uid=account.pw_uid, gid=account.pw_gid)
        (conf / "main.cf").write_text(main)
        (conf / "master.cf").write_text(_MASTER.format(port=f"{address}:{self.port}"))
        self._conf = conf

    def _copy(self, identity):
        key, chain = self._top / "key.pem", self._top / "chain.pem"
        shutil.copy(identity.key, key)
        shutil.copy(identity.chain, chain)
        key.chmod(0o600)
        return key, chain

    def _postfix(self, command):
        return subprocess.run(["postfix", "-c", str(self._conf), command], capture_output=True,
                              text=True, timeout=60)

    def start(self):
        done = self._postfix("start")
        if done.returncode:
            raise RuntimeError(f"postfix: {done.stdout}{done.stderr}{self.log_text()}")
        wait_until(lambda: place.answers(self.address, self.port), 20, self.log_text)
        return self

    def stop(self):
        self._postfix("abort")
        shutil.rmtree(self._top, ignore_errors=True)

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def received(self):
        """The messages in the maildir, as bytes with the local line ends."""
        return [file.read_bytes() for file in sorted((self._mail / "box" / "new").glob("*"))] \
            if (self._mail / "box" / "new").exists() else []
