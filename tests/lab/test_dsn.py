"""What a sender asks of its message: notifications (RFC 3461) through next hops with DSN and without,
and what it must or need not travel with (RFC 8689). The reports are read by another parser."""
import email
import email.policy
import smtplib
import ssl

import pytest

import place
from case import GOOD
from place import wait_until
from receiver import Behaviour, Receiver
from world import SENDER_DOMAIN

_BASIC = ("PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES")
_NO_SUCH_USER = {"RCPT": "550 5.1.1 no such user"}
_BODY = b"Subject: told\r\n\r\n.a line with a dot\r\nk\xc3\xa4se\r\n"

# name: (number of the address, behaviour, its TLSA record)
_SERVERS = {
    "plain": (44, Behaviour(extensions=_BASIC), "311"),
    "dsn": (45, Behaviour(extensions=(*_BASIC, "DSN")), "311"),
    "refuses": (46, Behaviour(extensions=(*_BASIC, "DSN"), replies=_NO_SUCH_USER), "311"),
    "requires": (47, Behaviour(extensions=_BASIC, extensions_in_tls=(*_BASIC, "REQUIRETLS")), "311"),
    "mismatch": (50, Behaviour(extensions=_BASIC), "311-"),
    "seven": (51, Behaviour(extensions=("PIPELINING",)), "311"),
}


@pytest.fixture(scope="module")
def hops(world):
    """{name: Receiver}; mail for name.GOOD with "told-" in front goes there."""
    receivers = {}
    for name, (number, behaviour, record) in _SERVERS.items():
        identity, domain = world.identity("self"), _domain(name)
        receiver = Receiver(place.address(number), place.SMTP_PORT, identity, behaviour)
        world.servers.append(receiver)
        tlsa = identity.tlsa("311", wrong=record.endswith("-"))
        world.dns.add_now(GOOD, [f"{domain}. MX 10 mx.{domain}.", f"mx.{domain}. A {receiver.address}",
                                 f"_{receiver.port}._tcp.mx.{domain}. TLSA {tlsa}"])
        world.reach(domain)
        receivers[name] = receiver
    return receivers


@pytest.fixture
def relay(hops, daemon):
    return daemon()


def _domain(name):
    return f"told-{name}.{GOOD}"


def say(d, sender, recipients, mail=(), content=_BODY, tls=False):
    """recipients: {name of a server: parameters of RCPT}. Returns the queue id."""
    with smtplib.SMTP(*d.smtp_address, timeout=20 * place.PATIENCE) as smtp:
        smtp.ehlo("client.example")
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            smtp.starttls(context=context)
            smtp.ehlo("client.example")
        assert smtp.mail(sender, list(mail))[0] == 250
        for name, parameters in recipients.items():
            code, words = smtp.rcpt(f"rcpt@{_domain(name)}", list(parameters))
            assert code == 250, words
        code, words = smtp.data(content)
        assert code == 250, words
        return words.decode().rsplit(" ", 1)[1]


def reports_to(world, sender, receiver=None):
    return [m for m in (receiver or world.sender.receiver).messages if sender in m.recipients]


def one_report(world, sender, receiver=None):
    """The one notification to this sender: (message, the blocks of its fields)."""
    message, = wait_until(lambda: reports_to(world, sender, receiver), 30, f"a report to {sender}")
    assert message.sender == ""
    parsed = email.message_from_bytes(message.content, policy=email.policy.SMTP)
    assert parsed.get_content_type() == "multipart/report"
    status = parsed.get_payload()[1]
    assert status.get_content_type() == "message/delivery-status"
    return parsed, status.get_payload()


def test_relayed_where_nobody_else_will_tell(world, hops, relay):
    sender = f"relayed@{SENDER_DOMAIN}"
    say(relay, sender, {"plain": ("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Other+2B@x.example"), "dsn": ()},
        ("ENVID=QQ+2B314159", "RET=HDRS"))
    parsed, (message, recipient) = one_report(world, sender)
    assert message["Original-Envelope-Id"] == "QQ+314159"
    assert recipient["Action"] == "relayed" and recipient["Status"].startswith("2.")
    assert recipient["Original-Recipient"] == "rfc822; Other+@x.example"
    assert recipient["Final-Recipient"] == f"rfc822; rcpt@{_domain('plain')}"
    assert recipient["Remote-MTA"] == f"dns; mx.{_domain('plain')}"
    assert recipient["Diagnostic-Code"].startswith("smtp; 250 ")
    visit = hops["plain"].visits[-1]
    assert not any(word in command for command in visit.commands
                   for word in ("NOTIFY", "ORCPT", "ENVID", "RET=")), visit.commands
    assert parsed.get_payload()[2].get_content_type() == "text/rfc822-headers"


def test_the_duty_goes_along(world, hops, relay):
    sender = f"passed@{SENDER_DOMAIN}"
    queue_id = say(relay, sender, {"dsn": ("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;A+2Bb@x.example")},
                   ("ENVID=id+3D1", "RET=FULL"))
    assert relay.wait_deliveries(queue_id)[-1].field("status") == "sent"
    visit = next(v for v in hops["dsn"].visits if any("passed@" in c for c in v.commands))
    mail, = [c for c in visit.commands if c.startswith("MAIL") and "passed@" in c]
    rcpt = visit.commands[visit.commands.index(mail) + 1]
    assert "RET=FULL" in mail and "ENVID=id+3D1" in mail, mail
    assert "NOTIFY=SUCCESS,DELAY" in rcpt and "ORCPT=rfc822;A+2Bb@x.example" in rcpt, rcpt
    assert not reports_to(world, sender)


def test_failures_and_who_hears_of_them(world, hops, relay):
    sender, other = f"failed@{SENDER_DOMAIN}", f"never@{SENDER_DOMAIN}"
    silent = say(relay, other, {"refuses": ("NOTIFY=NEVER",)})
    assert relay.wait_deliveries(silent)[-1].field("status") == "bounced"
    say(relay, sender, {"refuses": ("NOTIFY=FAILURE",)}, ("RET=FULL", "BODY=8BITMIME"))
    parsed, (_, recipient) = one_report(world, sender)
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.1.1"
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    returned = parsed.get_payload()[2]
    assert returned.get_content_type() == "message/rfc822"
    raw, = [m.content for m in reports_to(world, sender)]
    assert _BODY in raw, "octet for octet"
    assert not reports_to(world, other)


def test_utf8_reported_on_where_nobody_knows_it(world, hops, relay):
    """The way back has neither SMTPUTF8 nor 8BITMIME; the address and the header come back all the same."""
    sender, address = f"from@{_domain('seven')}", f"k\u00e4se@{_domain('refuses')}"
    with smtplib.SMTP(*relay.smtp_address, timeout=20 * place.PATIENCE) as smtp:
        smtp.ehlo("client.example")
        smtp.command_encoding = "utf-8"
        assert smtp.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert smtp.rcpt(address, ["NOTIFY=FAILURE", f"ORCPT=utf-8;{address}"])[0] == 250
        assert smtp.data("Subject: K\u00e4se\r\n\r\nx\r\n".encode())[0] == 250
    parsed, (_, recipient) = one_report(world, sender, hops["seven"])
    raw, = [m.content for m in reports_to(world, sender, hops["seven"])]
    assert raw.isascii()
    escaped = address.replace("\u00e4", "\\x{E4}")
    assert recipient["Original-Recipient"] == recipient["Final-Recipient"] == f"utf-8; {escaped}"
    people, _, header = parsed.get_payload()
    assert address in people.get_payload(decode=True).decode()
    assert header.get_content_type() == "message/global-headers", header
    assert not any(w in c for v in hops["seven"].visits for c in v.commands for w in ("SMTPUTF8", "8BITMIME"))


def test_requiretls(world, hops, relay):
    sender = f"requires@{SENDER_DOMAIN}"
    queue_id = say(relay, sender, {"requires": ()}, ("REQUIRETLS",), tls=True)
    delivery = relay.wait_deliveries(queue_id)[-1]
    assert delivery.field("status") == "sent" and delivery.field("tls") == "dane", delivery.line
    assert delivery.field("asks") == "requiretls"
    assert any(c.startswith("MAIL") and "REQUIRETLS" in c for c in hops["requires"].visits[-1].commands)
    queue_id = say(relay, sender, {"plain": ()}, ("REQUIRETLS", "RET=FULL"), tls=True)
    delivery = relay.wait_deliveries(queue_id)[-1]
    assert delivery.field("status") == "bounced" and delivery.field("dsn") == "5.7.30", delivery.line
    parsed, (_, recipient) = one_report(world, sender)
    assert recipient["Status"] == "5.7.30"
    assert parsed.get_payload()[2].get_content_type() == "text/rfc822-headers", "RFC 8689 section 5"
    assert not any("requires@" in c for v in hops["plain"].visits for c in v.commands)


def test_tls_required_no(world, hops, relay):
    sender = f"optional@{SENDER_DOMAIN}"
    strict = say(relay, sender, {"mismatch": ()})
    assert relay.wait_deliveries(strict)[-1].field("status") == "deferred"
    queue_id = say(relay, sender, {"mismatch": ()}, content=b"TLS-Required: No\r\n" + _BODY)
    delivery = relay.wait_deliveries(queue_id)[-1]
    assert delivery.field("status") == "sent" and delivery.field("tls") == "may", delivery.line
    assert delivery.field("ignored") == "DANE_MISMATCH" and delivery.field("asks") == "tls-optional"
    message, = hops["mismatch"].messages
    assert message.tls, "TLS all the same, if it is to be had (RFC 8689 section 3)"
