"""A private Postfix: its own configuration, queue and log, nothing of the system's touched. Needs
root, because Postfix insists on becoming its own accounts."""
import os
import pwd
import re
import shutil
import subprocess

import peer
import place
import quarters

_MAIN = """compatibility_level = 3.6
config_directory = {conf}
queue_directory = {spool}
data_directory = {data}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {folder}
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
virtual_mailbox_domains = regexp:{conf}/domains
virtual_transport = virtual
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
debug_peer_list = 198.51.100.0/24
debug_peer_level = 1
smtp_tls_loglevel = 1
smtputf8_enable = no
"""
_TO_RELAY = """smtp_host_lookup = native
smtp_dns_support_level = disabled
disable_dns_lookups = yes
smtp_tls_security_level = may
relayhost = [{relay[0]}]:{relay[1]}
"""
_BY_DANE = """smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
"""

_LISTENER = """{address}:{port} inet n - n - - smtpd
  -o smtpd_tls_chain_files={folder}/{address}.key,{folder}/{address}.pem
"""
_MASTER = """pickup unix n - n 60 1 pickup
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
    if not quarters.is_root():
        return "a private Postfix needs root"
    return ""


def write_main(folder, text):
    """main.cf, as if of long ago: Postfix waits until nobody can be writing the file any more."""
    main = folder / "main.cf"
    main.write_text(text)
    os.utime(main, (0, main.stat().st_mtime - 60))


class Postfix(peer.Peer):
    """Receives for `domain` and what is below it into a maildir; what it takes for others goes to
    the relay, an (address, port), or without one to where the DNS says, under DANE."""

    accounts = ("postfix",)
    said_mail = "MAIL FROM:"

    def __init__(self, hostname, listeners, domain, relay=None, resolver=None):
        super().__init__(hostname, listeners, resolver)
        self.log = self.folder / "log"
        self._domain, self._relay = domain, relay
        self._conf = self.folder / "conf"

    def start(self):
        for folder in (self._conf, self.folder / "spool"):
            folder.mkdir()
        for name in ("data", "mail"):
            self.own_folder(name)
        self.copy_identities()
        self._write_settings()
        done = self._postfix("start")
        if done.returncode:
            raise RuntimeError(f"postfix: {done.stdout}{done.stderr}{self.log_text()}")
        self.wait_listening()
        return self

    def _write_settings(self):
        account = pwd.getpwnam("postfix")
        client = _TO_RELAY.format(relay=self._relay) if self._relay else _BY_DANE
        write_main(self._conf, client + _MAIN.format(
            conf=self._conf, spool=self.folder / "spool", data=self.folder / "data", log=self.log,
            folder=self.folder, hostname=self.hostname, address=next(iter(self.listeners)),
            mail=self.mail, uid=account.pw_uid, gid=account.pw_gid))
        (self._conf / "domains").write_text(f"/(^|\\.){re.escape(self._domain)}$/ here\n")
        (self._conf / "master.cf").write_text(_MASTER + "".join(
            _LISTENER.format(address=address, port=place.SMTP_PORT, folder=self.folder)
            for address in self.listeners))

    def _postfix(self, command):
        inside = quarters.command(["postfix", "-c", self._conf, command], self.mounts)
        return subprocess.run(inside, capture_output=True, text=True, timeout=60)

    def stop(self):
        self._postfix("abort")
        super().stop()
