"""Real mail filters, each with a configuration of its own that needs nothing of the system's: Rspamd
(one process that scans by itself, no Redis, no rules of the network) and OpenDKIM."""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from place import wait_until

_RSPAMD = """lua = "/usr/share/rspamd/rules/rspamd.lua";
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; hs_cache_dir = "{folder}";
  cache_file = "{folder}/cache"; control_socket = "{folder}/control mode=0600";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; filters = "";
  dns {{ nameserver = ["127.0.0.1:53:1"]; timeout = 0.2s; retransmits = 1; }}
  explicit_modules = ["milter_headers"];
}}
logging {{ type = "console"; level = "notice"; }}
actions {{ reject = 15; }}
modules {{ path = "/usr/share/rspamd/plugins/milter_headers.lua"; }}
milter_headers {{
  use = ["x-rspamd-server", "x-rspamd-queue-id"]; skip_local = false; skip_authenticated = false;
}}
worker "rspamd_proxy" {{
  bind_socket = "{folder}/socket mode=0666"; milter = yes; timeout = 20s; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""

# "simple" on both sides: one octet that differs breaks the signature.
_OPENDKIM = """Syslog no
Socket local:{folder}/socket
UMask 000
Mode s
Domain {domain}
Selector lab
KeyFile {folder}/key
RequireSafeKeys no
Canonicalization simple/simple
InternalHosts csl:0.0.0.0/0
PidFile {folder}/pid
"""


class Filter:
    """program: its path; arguments and configuration may name {folder}."""

    def __init__(self, program, configuration, *arguments):
        self.folder = Path(tempfile.mkdtemp(prefix="dlfilter"))
        self.folder.chmod(0o777)
        self._program, self._arguments = shutil.which(program), arguments
        (self.folder / "conf").write_text(configuration.format(folder=self.folder))
        self.socket = f"unix:{self.folder}/socket"
        self._console = self.folder / "console"
        self._process = None

    def start(self, seconds):
        with open(self._console, "wb") as console:
            self._process = subprocess.Popen(
                [self._program, *(a.format(folder=self.folder) for a in self._arguments)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        wait_until(self._listens_or_died, seconds, self.console)
        return self

    def _listens_or_died(self):
        assert self._process.poll() is None, self.console()
        return (self.folder / "socket").exists()

    def console(self):
        return self._console.read_text(errors="replace")[-4000:]

    def stop(self):
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def rspamd():
    return Filter("rspamd", _RSPAMD, "-c", "{folder}/conf", "-f", "-i").start(60)


def opendkim(domain, private_key):
    made = Filter("opendkim", _OPENDKIM.replace("{domain}", domain), "-f", "-x", "{folder}/conf")
    (made.folder / "key").write_bytes(private_key)
    (made.folder / "key").chmod(0o600)
    return made.start(10)
