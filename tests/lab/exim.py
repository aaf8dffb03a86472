"""A private Exim, unpacked from its Debian package (GnuTLS): receives what is below its own name into a
maildir, and sends the rest where the DNS says, under DANE."""
import peer
import place

PACKAGE = "exim4-daemon-light"

# Its log has no command lines; an ACL writes MAIL down.
_SETTINGS = """exim_path = {program}
exim_user = Debian-exim
exim_group = Debian-exim
deliver_drop_privilege = true
keep_environment =
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/pid
primary_hostname = {hostname}
local_interfaces = {addresses}
daemon_smtp_ports = {port}
host_lookup =
dns_dnssec_ok = 1
rfc1413_query_timeout = 0s
log_selector = +smtp_connection +tls_cipher
tls_advertise_hosts = *
tls_certificate = {folder}/$received_ip_address.pem
tls_privatekey = {folder}/$received_ip_address.key
acl_smtp_mail = said_mail
acl_smtp_rcpt = everything
acl_smtp_data = everything
begin acl
said_mail:
  accept logwrite = MAIL FROM:<$sender_address>
everything:
  accept
begin routers
here:
  driver = accept
  domains = *.{hostname}
  transport = box
abroad:
  driver = dnslookup
  dnssec_request_domains = *
  transport = remote
begin transports
remote:
  driver = smtp
  hosts_require_dane = *
  dnssec_request_domains = *
box:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
begin retry
"""


def _program():
    return peer.UNPACKED / PACKAGE / "usr/sbin/exim4"


class Exim(peer.Peer):
    accounts = ("Debian-exim",)
    said_mail = "MAIL FROM:"

    def start(self):
        for name in ("spool", "log", "mail"):
            self.own_folder(name)
        self.copy_identities(for_account=True)
        settings = self.folder / "exim.conf"
        settings.write_text(self.settings_text())
        self.log = self.folder / "log" / "mainlog"
        return self.launch(_program(), "-C", settings, "-bdf")

    def settings_text(self):
        return _SETTINGS.format(program=_program(), folder=self.folder, hostname=self.hostname,
                                port=place.SMTP_PORT, addresses=" : ".join(self.listeners))
