"""A private OpenSMTPD, unpacked from its Debian package: receives what is below its own name into a
maildir, and sends the rest where the DNS says, with TLS if it is offered (it knows no DANE). Its paths
are compiled in, so its quarters have a spool, a /run and helpers of its own."""
import peer
import place

PACKAGE = "opensmtpd"

_LISTENER = """pki {address} cert "{folder}/{address}.pem"
pki {address} key "{folder}/{address}.key"
listen on {address} port {port} tls pki {address} hostname {hostname}
"""
# Its "*" stands for one label.
_ACTIONS = """table everybody {{ "@" = "{account}" }}
action "keep" maildir "{folder}/mail" virtual <everybody>
action "send" relay
match from any for domain "*.*.{hostname}" action "keep"
match from any for any action "send"
"""


class OpenSmtpd(peer.Peer):
    accounts = ("opensmtpq", "opensmtpd")
    said_mail = "<<< MAIL FROM:"

    def start(self):
        self.own_folder("mail")
        self.copy_identities()
        package = peer.UNPACKED / PACKAGE
        for name in ("spool/smtpd", "lib/opensmtpd/empty", "run"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "spool/smtpd").chmod(0o711)
        self.mounts.update({"/var/spool": self.folder / "spool", "/var/lib": self.folder / "lib",
                            "/run": self.folder / "run", "/usr/libexec": package / "usr/libexec"})
        settings = self.folder / "smtpd.conf"
        settings.write_text(self.settings_text())
        return self.launch(package / "usr/sbin/smtpd", "-d", "-T", "smtp", "-f", settings)

    def settings_text(self):
        listeners = (_LISTENER.format(address=address, folder=self.folder, port=place.SMTP_PORT,
                                      hostname=self.hostname) for address in self.listeners)
        return "".join(listeners) + _ACTIONS.format(
            folder=self.folder, account=self.accounts[0], hostname=self.hostname)
