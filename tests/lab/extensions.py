"""The stage for the SMTP extensions: one relay with a listener for each way in, receivers that offer
much or little, and Postfix, Exim and OpenSMTPD, which all send what they do not keep through the relay."""
import email
import email.policy
import os
import subprocess

import exim
import opensmtpd
import place
import postfix
from case import GOOD
from daemon import BINARY, with_sanitizers
from place import SMTP_PORT, address
from receiver import Behaviour
from world import SENDER_DOMAIN

USER, PASSWORD = "anna", "opensesame"
PROXY = address(41)          # where a proxy would connect from
CLIENT = "192.0.2.7"         # and for whom it speaks
SMALL = 65536                # octets of a message at the listener "lab"
_BASIC = ("PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES")

# Ports beside RELAY_PORT, at the relay's address.
PORTS = {"login": 2601, "implicit": 2602, "proxy": 2603, "xclient": 2604}

# domain: (number of the address, what the server offers). Those of the lab's own receivers.
FULL, PLAIN = "full.example", "plain.example"
BACK = {FULL: (38, Behaviour(extensions=(*_BASIC, "DSN", "SMTPUTF8"))),
        PLAIN: (39, Behaviour(extensions=_BASIC))}

# What the foreign servers keep: below each name as a mail domain of its own.
NAMES = {name: f"ext-{name}.{GOOD}" for name in ("postfix", "exim", "opensmtpd")}
_NUMBERS = {"postfix": (31,), "exim": (33, 34), "opensmtpd": (35,)}
BY_LOGIN = {"PLAIN": f"plain.{NAMES['exim']}", "LOGIN": f"login.{NAMES['exim']}"}


def kept_at(name):
    """A mail domain that this server keeps."""
    return f"box.a.{NAMES[name]}"


def addresses(name):
    return [address(number) for number in _NUMBERS[name]]


# The relay

def passwords(folder):
    """The users' file of the relay, and a file with the password for next hops."""
    users, word = folder / "users", folder / "word"
    subprocess.run([BINARY, "passwd", "--file", str(users), USER], input=PASSWORD + "\n", text=True,
                   check=True, capture_output=True, timeout=60 * place.PATIENCE,
                   env=with_sanitizers(os.environ))
    word.write_text(PASSWORD + "\n")
    word.chmod(0o600)
    return users, word


def relay_settings(world, folder):
    made = world.settings(folder)
    users, word = passwords(folder)
    made["listeners"]["lab"]["max_message_size"] = SMALL
    login = {"identity": "relay", "clients": [], "auth": "offer", "users_file": str(users)}
    ways = {"login": login, "implicit": {**login, "tls": "implicit"},
            "proxy": {"proxy": [PROXY], "clients": [f"{CLIENT}/32"], "identity": "relay"},
            "xclient": {"xclient": [PROXY], "clients": [f"{CLIENT}/32"], "identity": "relay"}}
    for name, way in ways.items():
        made["listeners"][name] = {"bind": [f"{place.RELAY}:{PORTS[name]}"], **way}
    hops = {domain: {"hosts": [f"[{address(number)}]:{SMTP_PORT}"]}
            for domain, (number, _) in BACK.items()}
    hops |= {kept_at(name): {"hosts": [f"[{addresses(name)[0]}]:{SMTP_PORT}"], "tls": "may",
                             "chunking": "yes"} for name in NAMES}
    hops |= {domain: {"hosts": [f"[{domain}]:{SMTP_PORT}"], "tls": "verify", "username": USER,
                      "password_file": str(word)} for domain in BY_LOGIN.values()}
    hops[f"login.{FULL}"] = hops[FULL]
    for number, (domain, hop) in enumerate(hops.items()):
        made["next_hops"][f"ext-{number}"] = hop
        made["routes"][domain] = {"to": f"ext-{number}"}
    return made


# The foreign servers

_POSTFIX = f"""smtputf8_enable = yes
transport_maps = inline:{{ {{ login.{FULL} = relay:[{place.RELAY}]:{PORTS['login']} }} }}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [{place.RELAY}]:{PORTS['login']} = {USER}:{PASSWORD} }} }}
smtp_sasl_security_options = noanonymous
"""


class Postfix(postfix.Postfix):
    def _write_settings(self):
        super()._write_settings()
        main = (self._conf / "main.cf").read_text().replace("smtputf8_enable = no\n", _POSTFIX)
        postfix.write_main(self._conf, main)


_EXIM_MAIN = """dsn_advertise_hosts = *
auth_advertise_hosts = ${if def:tls_in_cipher {*}}
begin acl
"""
_EXIM_ABROAD = f"""abroad:
  driver = manualroute
  route_list = * {place.RELAY}
  self = send
  transport = remote
begin transports
remote:
  driver = smtp
  port = {place.RELAY_PORT}
box:"""
_EXIM_LOGIN = f"""begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${{if eq{{$received_ip_address}}{{{addresses('exim')[0]}}}}}
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_advertise_condition = ${{if eq{{$received_ip_address}}{{{addresses('exim')[1]}}}}}
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
begin retry
"""


class Exim(exim.Exim):
    """Offers AUTH inside TLS: PLAIN at its first address, LOGIN at its second."""

    def settings_text(self):
        text = super().settings_text()
        abroad = text[text.index("abroad:"):text.index("box:") + 4]
        return (text.replace("begin acl\n", _EXIM_MAIN).replace(abroad, _EXIM_ABROAD)
                .replace("begin retry\n", _EXIM_LOGIN).replace("+tls_cipher", "+tls_cipher +8bitmime"))


class OpenSmtpd(opensmtpd.OpenSmtpd):
    def settings_text(self):
        return super().settings_text().replace(
            'action "send" relay', f'action "send" relay host smtp://{place.RELAY}:{place.RELAY_PORT}')


def start(name, identity):
    """The foreign server with this certificate at each of its addresses."""
    kind = {"postfix": Postfix, "exim": Exim, "opensmtpd": OpenSmtpd}[name]
    listeners = {each: identity for each in addresses(name)}
    if name == "postfix":
        return kind(NAMES[name], listeners, NAMES[name], (place.RELAY, place.RELAY_PORT)).start()
    return kind(NAMES[name], listeners).start()


# Reports

def reports(world, sender):
    """The notifications that came to this sender of SENDER_DOMAIN, parsed."""
    return [parsed(m) for m in world.sender.receiver.messages if f"{sender}@{SENDER_DOMAIN}" in m.recipients]


def parsed(message):
    """(the fields for the message, [the fields for each recipient]) of a report in due form."""
    assert message.sender == "", "a notification has no reverse-path"
    report = email.message_from_bytes(message.content, policy=email.policy.default)
    if b"(OpenSMTPD)" in message.content and report.get_content_type() == "multipart/mixed":
        report.set_type("multipart/report")  # RFC 3464 section 2 asks for it
        report.set_param("report-type", "delivery-status")
    assert report.get_content_type() == "multipart/report", report
    assert report.get_param("report-type") == "delivery-status", report["Content-Type"]
    assert not [part.defects for part in report.walk() if part.defects]
    words, status, *_ = report.get_payload()
    assert words.get_content_maintype() in ("text", "multipart"), words
    assert status.get_content_type() == "message/delivery-status", status
    about, *recipients = status.get_payload()
    assert about["Reporting-MTA"].startswith("dns;"), about
    for each in recipients:
        assert {"final-recipient", "action", "status"} <= {name.lower() for name in each.keys()}, each
    return about, recipients
