"""The servers under the probe: Danelaw, and a private Postfix, each with one domain it takes mail for
and strangers as clients; and the server where that mail goes."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

import place  # noqa: E402
import postfix  # noqa: E402
from certs import Identity  # noqa: E402
from daemon import Daemon, default_settings  # noqa: E402
from receiver import Receiver  # noqa: E402

ACCEPTED, FOREIGN, OWN = "good.example", "foreign.example", "relay.example"
SINK, ELSEWHERE, BESIDE, SECOND = (place.address(n) for n in range(490, 494))
NO_LIMITS = {"error_delay": 0, **{f"{scope}{what}_per_minute": 0 for scope in ("", "network_")
                                  for what in ("connections", "messages", "recipients")}}
PATIENCE = 5.0 * place.PATIENCE


def make_identity(folder):
    key, certificate = Path(folder, "door.key"), Path(folder, "door.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/CN={OWN}"],
                   check=True, capture_output=True)
    return Identity(certificate, key, certificate)


def hop(address):
    return {"hosts": [f"{address}:{place.SMTP_PORT}"], "tls": "none"}


def settings_of(identity, accepted=(ACCEPTED,), address=place.RELAY):
    """Danelaw's: nobody may relay, `accepted` goes to the sink, all else would go elsewhere."""
    def make(folder):
        made = default_settings(folder)
        made["listeners"]["lab"].update(bind=[f"{address}:{place.RELAY_PORT}"], clients=[],
                                        identity="door", max_message_size="1m",
                                        limits=NO_LIMITS)
        made["identities"] = {"door": {"certificate_file": str(identity.chain),
                                       "key_file": str(identity.key)}}
        made["domains"] = {domain: {"to": "sink"} for domain in accepted}
        made["next_hops"] = {"sink": hop(SINK), "elsewhere": hop(ELSEWHERE)}
        made["routes"] = {"*": {"to": "elsewhere"}}
        return made
    return make


class Sinks:
    """Where accepted mail goes, and where nothing may ever come."""

    def __init__(self):
        self.sink, self.elsewhere = Receiver(SINK, place.SMTP_PORT), Receiver(ELSEWHERE, place.SMTP_PORT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sink.close()
        self.elsewhere.close()


class Danelaw(Daemon):
    @property
    def target(self):
        return (self.settings["listeners"]["lab"]["bind"][0].split(":")[0], place.RELAY_PORT)


class Postfix(postfix.Postfix):
    target = (BESIDE, place.SMTP_PORT)

    def __init__(self, identity):
        super().__init__(OWN, {BESIDE: identity}, ACCEPTED, relay=(ELSEWHERE, place.SMTP_PORT))

    def _write_settings(self):
        super()._write_settings()
        main = self._conf / "main.cf"
        postfix.write_main(self._conf, main.read_text() + "mynetworks =\nsmtputf8_enable = yes\n"
                           "smtpd_error_sleep_time = 0\nmessage_size_limit = 1048576\n"
                           "smtpd_relay_restrictions = reject_unauth_destination\n")
