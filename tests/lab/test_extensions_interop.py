"""SMTP's extensions with programs of other makers: swaks comes in by every kind of listener; Postfix, Exim
and OpenSMTPD take mail from the relay and send mail through it with DSN (RFC 3461), SMTPUTF8 (RFC 6531),
8BITMIME, CHUNKING (RFC 3030) and AUTH (RFC 4954). Every notification is read by Python's parser."""
import shutil
import smtplib
import subprocess

import pytest

import extensions
import interop
import place
from case import GOOD
from daemon import Daemon
from extensions import CLIENT, FULL, NAMES, PASSWORD, PLAIN, PORTS, PROXY, USER, kept_at
from place import SMTP_PORT, wait_until
from receiver import Receiver
from world import SENDER_DOMAIN

needs_swaks = pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed")

# In xtext as it must come out again; decoded as a notification shows it (RFC 3464 §2.2.1).
ENVID, ENVID_DECODED = "a+2Bb+3Dc", "a+b=c"
ORCPT, ORCPT_DECODED = "rfc822;x+2By+3Dz@orig.example", "x+y=z@orig.example"


def content(subject, body="8-bit: \u00e6\u00f8\u00e5"):
    return (f"From: <writer@{SENDER_DOMAIN}>\r\nTo: <reader@far.example>\r\n"
            f"Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject.split()[0]}@lab>\r\n"
            f"Subject: {subject}\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            f".one dot\r\n..two dots\r\n\r\ntrailing space \r\n{body}\r\n.\r\n..\r\nend\r\n").encode()


# The stage

@pytest.fixture(scope="module")
def back():
    """{domain: the lab's receiver for it}."""
    made = {domain: Receiver(place.address(number), SMTP_PORT, None, behaviour)
            for domain, (number, behaviour) in extensions.BACK.items()}
    for each in made.values():
        each.behaviour.starttls = "none"
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(scope="module")
def relay(world, back):
    for number, domain in enumerate(extensions.BY_LOGIN.values()):
        world.dns.add_now(GOOD, [f"{domain}. A {extensions.addresses('exim')[number]}"])
    with Daemon(lambda folder: extensions.relay_settings(world, folder)) as d:
        yield d.start()
    assert not d.complaints(), d.complaints()


def foreign(name):
    @pytest.fixture(scope="module", name=name)
    def server(world, relay):
        if interop.MISSING[name]():
            pytest.skip(interop.MISSING[name]())
        identity = world.workshop.issued(f"ext-{name}", NAMES[name], *extensions.BY_LOGIN.values())
        started = extensions.start(name, identity)
        try:
            yield started
        finally:
            started.stop()
    return server


postfix, exim, opensmtpd = foreign("postfix"), foreign("exim"), foreign("opensmtpd")


@pytest.fixture(params=NAMES)
def server(request):
    return request.getfixturevalue(request.param)


def name_of(server):
    return type(server).__name__.lower()


def say(where, sender, recipient, octets, mail=(), rcpt=()):
    """One message by smtplib. With SMTPUTF8 among the parameters addresses may be of any script."""
    with smtplib.SMTP(*where, timeout=20 * place.PATIENCE) as smtp:
        smtp.command_encoding = "utf-8"
        smtp.ehlo("client.example")
        for line in (" ".join([f"MAIL FROM:<{sender}>", *mail]),
                     " ".join([f"RCPT TO:<{recipient}>", *rcpt])):
            code, words = smtp.docmd(line)
            assert code == 250, (line, words)
        code, words = smtp.data(octets)
        assert code == 250, words


def to_relay(relay, *arguments):
    say(relay.smtp_address, *arguments)


def to_server(server, *arguments):
    say((next(iter(server.listeners)), SMTP_PORT), *arguments)


def visit_about(receiver, sender, told=""):
    """(MAIL, RCPT, message) of the transaction with that reverse-path, as the receiver saw it."""
    def found():
        for visit in list(receiver.visits):
            at = [n for n, c in enumerate(visit.commands) if c.startswith(f"MAIL FROM:<{sender}>")]
            messages = [m for m in visit.messages if m.sender == sender]
            if at and messages:
                return visit.commands[at[0]], visit.commands[at[0] + 1], messages[0]
        return None
    return wait_until(found, 30, told or f"a message from {sender}")


def as_seen(text):
    """The receiver reads commands as Latin-1, which loses nothing."""
    return text.encode().decode("latin-1")


def stored(server, octets):
    """The message in the server's mailbox, which must be what was sent below the trace."""
    local = octets.replace(b"\r\n", b"\n")
    return wait_until(lambda: [m for m in server.received() if m.endswith(local)], 30,
                      lambda: server.log_text()[-3000:])


# DSN

# What they bring back of ENVID and ORCPT. RFC 3461 §6.3 wants both decoded; Exim leaves the xtext of
# one, or of both, and OpenSMTPD forgets them.
BROUGHT_BACK = {"postfix": (ENVID_DECODED, ORCPT_DECODED), "exim": (ENVID, ORCPT.split(";")[1]),
                "opensmtpd": (None, None)}


def test_duty_taken_over(world, relay, server):
    """Each of them offers DSN and keeps the mail: it tells of the success, and we do not."""
    name = name_of(server)
    sender = f"success-{name}"
    to_relay(relay, f"{sender}@{SENDER_DOMAIN}", f"reader@{kept_at(name)}", content(sender),
             (f"ENVID={ENVID}", "RET=HDRS", "BODY=8BITMIME"), ("NOTIFY=SUCCESS", f"ORCPT={ORCPT}"))
    stored(server, content(sender))
    about, recipient = one_report(world, sender, server)
    assert recipient["Action"].split()[0] in ("delivered", "expanded"), recipient
    assert NAMES[name] in about["Reporting-MTA"]
    envid, orcpt = BROUGHT_BACK[name]
    assert about["Original-Envelope-Id"] == envid
    assert (recipient["Original-Recipient"] and original(recipient)) == orcpt


def one_report(world, sender, server=None):
    def told():
        return f"a report to {sender}\n{server.log_text()[-3000:] if server else ''}"
    (about, recipients), = wait_until(lambda: extensions.reports(world, sender), 30, told)
    assert len(recipients) == 1
    return about, recipients[0]


def original(recipient):
    kind, address = recipient["Original-Recipient"].split(";", 1)
    assert kind.lower() == "rfc822"
    return address.strip()


def test_parameters_pass_through(relay, back, server):
    """From a client through the foreign server and us: the same octets at the far end."""
    sender = f"through-{name_of(server)}@{SENDER_DOMAIN}"
    to_server(server, sender, f"reader@{FULL}", content("through"),
              (f"ENVID={ENVID}", "RET=HDRS", "BODY=8BITMIME"),
              ("NOTIFY=SUCCESS,FAILURE", f"ORCPT={ORCPT}"))
    mail, rcpt, message = visit_about(back[FULL], sender, server.log_text)
    assert mail.split()[2:] and set(mail.split()[2:]) >= {f"ENVID={ENVID}", "RET=HDRS"}, mail
    assert f"ORCPT={ORCPT}" in rcpt.split(), rcpt
    notify, = (p for p in rcpt.split() if p.startswith("NOTIFY="))
    assert set(notify[7:].split(",")) == {"SUCCESS", "FAILURE"}
    assert message.content.endswith(content("through"))


def test_relayed_for_them(world, relay, back, server):
    """They hand the duty to us, the next hop has no DSN: the notification is ours."""
    sender = f"relayed-{name_of(server)}"
    to_server(server, f"{sender}@{SENDER_DOMAIN}", f"reader@{PLAIN}", content(sender),
              (f"ENVID={ENVID}", "BODY=8BITMIME"), ("NOTIFY=SUCCESS", f"ORCPT={ORCPT}"))
    about, recipient = one_report(world, sender, server)
    assert about["Reporting-MTA"].endswith("relay.example")
    assert about["Original-Envelope-Id"] == ENVID_DECODED
    assert recipient["Action"] == "relayed" and original(recipient) == ORCPT_DECODED
    mail, rcpt, _ = visit_about(back[PLAIN], f"{sender}@{SENDER_DOMAIN}")
    assert not any(word in mail + rcpt for word in ("ENVID", "ORCPT", "NOTIFY"))


# SMTPUTF8 and 8BITMIME

@pytest.fixture(params=["postfix", "exim"])
def speaks_utf8(request):
    """OpenSMTPD does not."""
    return request.getfixturevalue(request.param)


def utf8_content(name):
    return content(f"utf8-{name} \u00fcber \u65e5\u672c")


def test_utf8_to_them(relay, speaks_utf8):
    name = name_of(speaks_utf8)
    sent = utf8_content(name)
    to_relay(relay, f"\u00fc-{name}@{SENDER_DOMAIN}", f"\u00fc@{kept_at(name)}", sent,
             ("BODY=8BITMIME", "SMTPUTF8"))
    message = stored(speaks_utf8, sent)[0]
    assert b"UTF8" in message[:-len(sent)], "the trace says so (RFC 6531 section 4.3)"
    assert f"\u00fc-{name}@{SENDER_DOMAIN}" in speaks_utf8.log_text()


def test_utf8_from_them(relay, back, speaks_utf8):
    name = name_of(speaks_utf8)
    sender, sent = f"\u00fc-from-{name}@{SENDER_DOMAIN}", utf8_content(name)
    to_server(speaks_utf8, sender, f"\u00fc@{FULL}", sent, ("BODY=8BITMIME", "SMTPUTF8"))
    mail, rcpt, message = visit_about(back[FULL], as_seen(sender), speaks_utf8.log_text)
    assert "SMTPUTF8" in mail.split() and "BODY=8BITMIME" in mail.split(), mail
    assert as_seen(f"<\u00fc@{FULL}>") in rcpt
    orcpt = [word for word in rcpt.split() if word.startswith("ORCPT=")]
    assert orcpt in ([], [as_seen(f"ORCPT=utf-8;\u00fc@{FULL}")]), rcpt
    assert orcpt or name != "postfix", "Postfix says one of its own, as rfc822"
    assert message.content.endswith(sent)
    assert b"by relay.example" in message.content and b"with UTF8SMTPS" in message.content


def test_utf8_where_it_ends(world, relay, speaks_utf8):
    """The next hop behind us does not speak it: a failure that they asked us to tell of."""
    sender = f"ends-{name_of(speaks_utf8)}"
    to_server(speaks_utf8, f"{sender}@{SENDER_DOMAIN}", f"\u00fc@{PLAIN}", content(sender),
              ("SMTPUTF8", "BODY=8BITMIME"))
    _, recipient = one_report(world, sender, speaks_utf8)
    assert recipient["Action"] == "failed" and recipient["Status"] in ("5.6.7", "5.6.9"), recipient


# CHUNKING

def test_chunks_to_postfix(relay, postfix):
    sent = content("chunks-postfix", "line\u00e6\r\n" * 4000)
    to_relay(relay, f"chunks@{SENDER_DOMAIN}", f"reader@{kept_at('postfix')}", sent, ("BODY=8BITMIME",))
    assert len(stored(postfix, sent)) == 1
    assert f"<chunks@{SENDER_DOMAIN}>" in postfix.log_text()
    assert ": BDAT " in postfix.log_text(), "its log of the dialogue"


def test_chunks_to_exim(relay, exim):
    sent = content("chunks-exim", "line\u00e6\r\n" * 4000)
    to_relay(relay, f"chunks@{SENDER_DOMAIN}", f"reader@{kept_at('exim')}", sent, ("BODY=8BITMIME",))
    assert len(stored(exim, sent)) == 1
    line, = log_lines(exim, f"<= chunks@{SENDER_DOMAIN}")
    assert " K " in line, "Exim's sign for BDAT"


def test_chunks_from_exim(relay, back, exim):
    sender, sent = f"bdat@{SENDER_DOMAIN}", content("chunks-from-exim", "line\u00e6\r\n" * 4000)
    to_server(exim, sender, f"reader@{FULL}", sent, ("BODY=8BITMIME",))
    _, _, message = visit_about(back[FULL], sender, exim.log_text)
    assert message.content.endswith(sent)
    line, = wait_until(lambda: log_lines(exim, f"=> reader@{FULL}", "chunks-from-exim"), 20, exim.log_text)
    assert " K " in line, line


def log_lines(server, *signs):
    """Lines with the first sign; of the message with this Message-ID, if one is given."""
    lines = server.log_text().splitlines()
    ids = {line.split()[2] for line in lines if len(signs) > 1 and f"id={signs[1]}@lab" in line}
    return [line for line in lines if signs[0] in line and (not ids or line.split()[2] in ids)]


# AUTH

@pytest.mark.parametrize("mechanism", extensions.BY_LOGIN)
def test_we_log_in_at_exim(relay, exim, mechanism):
    domain, sender = extensions.BY_LOGIN[mechanism], f"login-{mechanism.lower()}@{SENDER_DOMAIN}"
    sent = content(f"login-{mechanism}")
    to_relay(relay, sender, f"reader@{domain}", sent, ("BODY=8BITMIME",))
    stored(exim, sent)
    line, = log_lines(exim, f"<= {sender}")
    assert f"A={mechanism.lower()}:{USER}" in line, line
    assert not any(PASSWORD in each for each in relay.lines)


def test_postfix_logs_in_here(relay, back, postfix):
    sender, sent = f"sasl@{SENDER_DOMAIN}", content("sasl")
    to_server(postfix, sender, f"reader@login.{FULL}", sent, ("BODY=8BITMIME",))
    _, _, message = visit_about(back[FULL], sender, postfix.log_text)
    assert message.content.endswith(sent) and b"with ESMTPSA" in message.content


# swaks

def swaks(relay, to, *more, way="lab"):
    port = PORTS[way] if way in PORTS else relay.smtp_address[1]
    return subprocess.run(
        ["swaks", "--server", place.RELAY, "--port", str(port), "--helo", "swaks.example",
         "--from", f"{to}@{SENDER_DOMAIN}", "--to", f"{to}@{FULL}", *more],
        capture_output=True, text=True, timeout=60 * place.PATIENCE)


def arrived(back, sender):
    return visit_about(back[FULL], f"{sender}@{SENDER_DOMAIN}")[2]


@needs_swaks
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("way,tls", [("login", "-tls"), ("implicit", "-tlsc")])
def test_swaks_auth(relay, back, mechanism, way, tls):
    to = f"auth-{way}-{mechanism.lower()}"
    login = ("--auth", mechanism, "--auth-user", USER, "--auth-password")
    done = swaks(relay, to, tls, *login, "shut", way=way)
    assert "535 5.7.8" in done.stdout, done.stdout
    done = swaks(relay, to, tls, way=way)
    assert "554 5.7.1" in done.stdout, done.stdout
    done = swaks(relay, to, tls, *login, PASSWORD, way=way)
    assert done.returncode == 0 and "235 2.7.0" in done.stdout, done.stdout
    assert b"with ESMTPSA" in arrived(back, to).content


@needs_swaks
def test_swaks_pipelining_and_8bit(relay, back, tmp_path):
    data = tmp_path / "data"
    data.write_bytes(content("pipelined").replace(b"\r\n", b"\n"))
    done = swaks(relay, "pipelined", "--pipeline", "--data", f"@{data}")
    assert done.returncode == 0, done.stdout
    assert "250-PIPELINING" in done.stdout and "8BITMIME" in done.stdout, done.stdout
    said = done.stdout.index(" -> MAIL FROM"), done.stdout.index(" -> DATA")
    assert "<-" not in done.stdout[said[0]:said[1]], "three commands at once"
    assert arrived(back, "pipelined").content.rstrip().endswith(content("pipelined").rstrip())


@needs_swaks
def test_swaks_size(relay):
    """swaks says no SIZE: too much is refused behind the dot. Who says it is refused at once."""
    done = swaks(relay, "large", "--body", "long line\n" * (extensions.SMALL // 8))
    assert f"SIZE {extensions.SMALL}" in done.stdout and "552 5.3.4" in done.stdout, done.stdout[-500:]
    with smtplib.SMTP(*relay.smtp_address, timeout=20 * place.PATIENCE) as smtp:
        smtp.ehlo("client.example")
        assert smtp.mail(f"large@{SENDER_DOMAIN}", [f"SIZE={extensions.SMALL + 1}"])[0] == 552


@needs_swaks
@pytest.mark.parametrize("version", ["1", "2"])
def test_swaks_proxy(relay, back, version):
    def spoken_for(client, to):
        family = {"1": "TCP4", "2": "AF_INET"}[version]
        return swaks(relay, to, "--local-interface", PROXY, "--proxy-version", version, "--proxy-family",
                     family, "--proxy-source", client, "--proxy-source-port", "40000", "--proxy-dest",
                     place.RELAY, "--proxy-dest-port", "25", way="proxy")
    assert "554 5.7.1" in spoken_for("192.0.2.8", f"proxy{version}").stdout, "who is no client of ours"
    done = spoken_for(CLIENT, f"proxy{version}")
    assert done.returncode == 0, done.stdout
    assert f"[{CLIENT}]".encode() in arrived(back, f"proxy{version}").content


@needs_swaks
def test_swaks_xclient(relay, back):
    def spoken_for(client):
        return swaks(relay, "xclient", "--local-interface", PROXY, "--xclient-addr", client,
                     "--xclient-name", "far.example", "--xclient-helo", "far-helo.example", way="xclient")
    assert "554 5.7.1" in spoken_for("192.0.2.8").stdout, "who is no client of ours"
    done = spoken_for(CLIENT)
    assert done.returncode == 0 and "XCLIENT" in done.stdout, done.stdout
    assert f"[{CLIENT}]".encode() in arrived(back, "xclient").content
