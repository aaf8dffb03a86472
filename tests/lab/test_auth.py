"""AUTH at the door, from `danelaw passwd` to the Received field: by swaks, by smtplib, and by SCRAM as the
standard has it."""
import os
import shutil
import smtplib
import ssl
import subprocess
import threading
import time

import pytest

import place
from daemon import BINARY, with_sanitizers
from scram import Scram
from world import SENDER_DOMAIN

needs_swaks = pytest.mark.skipif(not shutil.which("swaks"), reason="swaks is not installed")


def passwd(folder, *arguments, word=None):
    return subprocess.run([BINARY, "passwd", "--file", str(folder / "users"), *arguments],
                          input=word, capture_output=True, text=True,
                          timeout=60 * place.PATIENCE, env=with_sanitizers(os.environ))


def with_auth(folder, world, auth="offer"):
    def change(settings):
        own = world.identity("self")
        settings["identities"] = {"own": {"certificate_file": str(own.certificate),
                                          "key_file": str(own.key)}}
        settings["listeners"]["lab"].update(
            clients=[], auth=auth, identity="own", users_file=str(folder / "users"))
    return change


@pytest.fixture
def users(tmp_path):
    assert passwd(tmp_path, "anna", word="open sesame\n").returncode == 0
    assert passwd(tmp_path, "--from", "bert@a.example,@l.example", "bert", word="pencil").returncode == 0
    return tmp_path


def dial(d, tls=True):
    smtp = smtplib.SMTP(*d.smtp_address, timeout=20 * place.PATIENCE)
    smtp.ehlo("client.example")
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        smtp.starttls(context=context)
        smtp.ehlo("client.example")
    return smtp


def relays(smtp, sender="anna@a.example"):
    code, _ = smtp.mail(sender)
    assert code == 250
    code, _ = smtp.rcpt("far@away.example")
    smtp.rset()
    return code == 250


def secrets_told(d):
    """What must not be in the log, in clear or in base64."""
    text = "\n".join(d.lines)
    return [word for word in ("sesame", "c2VzYW1l", "AGFubmE", "pencil", "$y$", "SCRAM-SHA-256$")
            if word in text]


@needs_swaks
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(daemon, world, users, mechanism):
    d = daemon(with_auth(users, world, "require"))
    host, port = d.smtp_address
    to = f"swaks-{mechanism.lower()}@{SENDER_DOMAIN}"

    def swaks(*more):
        return subprocess.run(
            ["swaks", "--server", host, "--port", str(port), "--helo", "swaks.example", "--from",
             "anna@a.example", "--to", to, "-tls", *more], capture_output=True, text=True,
            timeout=60 * place.PATIENCE)
    done = swaks("--auth", mechanism, "--auth-user", "anna", "--auth-password", "open sesame")
    assert done.returncode == 0, done.stdout
    assert "235 2.7.0" in done.stdout
    assert any("smtpd.accept" in line and "proto=ESMTPSA" in line and "user=anna" in line
               for line in d.lines), d.lines
    done = swaks("--auth", mechanism, "--auth-user", "anna", "--auth-password", "shut")
    assert done.returncode == 28 and "535 5.7.8" in done.stdout, (done.returncode, done.stdout)
    done = swaks()
    assert "530 5.7.0" in done.stdout, done.stdout
    assert not secrets_told(d)


def test_scram(daemon, world, users):
    d = daemon(with_auth(users, world))
    with dial(d) as smtp:
        assert not relays(smtp)
        scram = Scram("anna", "open sesame")
        assert smtp.auth("SCRAM-SHA-256", scram)[0] == 235
        assert scram.believed
        assert relays(smtp)
    for user, password in (("anna", "shut"), ("nobody", "open sesame")):
        with dial(d) as smtp:
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                smtp.auth("SCRAM-SHA-256", Scram(user, password))
            assert refused.value.smtp_code == 535
            assert not relays(smtp)
    assert not secrets_told(d)


def test_never_in_clear(daemon, world, users):
    d = daemon(with_auth(users, world))
    with dial(d, tls=False) as smtp:
        assert not smtp.has_extn("auth")
        assert smtp.docmd("AUTH", "PLAIN AGFubmEAb3BlbiBzZXNhbWU=")[0] == 538
        assert not relays(smtp)
    assert not any("smtpd.auth" in line for line in d.lines)
    assert not secrets_told(d)


def test_sender_and_reload(daemon, world, users):
    """What a user may send as; a password changed and a user gone by reload; a wrong file changes nothing."""
    d = daemon(with_auth(users, world))
    with dial(d) as smtp:
        smtp.login("bert", "pencil")
        assert smtp.mail("anna@a.example")[0] == 553
        assert relays(smtp, "any@l.example") and relays(smtp, "bert@a.example")
    assert passwd(users, "bert", word="crayon\n").returncode == 0
    assert passwd(users, "--delete", "anna").returncode == 0
    assert d.command("reload").returncode == 0
    with dial(d) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("anna", "open sesame", initial_response_ok=False)
    with dial(d) as smtp:
        smtp.login("bert", "crayon")
        assert smtp.mail("anna@a.example")[0] == 553  # the restriction outlived the change
    (users / "users").write_text("bert crayon\n")
    done = d.command("reload")
    assert done.returncode != 0 and "users:1:6:" in done.stdout + done.stderr
    assert "crayon" not in done.stdout + done.stderr
    with dial(d) as smtp:
        smtp.login("bert", "crayon")


def test_readable_by_others(daemon, world, users):
    os.chmod(users / "users", 0o644)
    d = daemon(with_auth(users, world))
    assert any("daemon.warning" in line and "chmod 600" in line for line in d.lines)
    assert "chmod 600" in d.command("check-config").stderr


def test_hashing_holds_nobody_up(daemon, world, users):
    """Ten who guess at once from one address, while another client is answered in between."""
    d = daemon(with_auth(users, world))
    guessers = [dial(d) for _ in range(10)]
    longest = 0.0

    def guess(smtp):
        try:
            smtp.login("anna", "shut", initial_response_ok=True)
        except smtplib.SMTPException:
            pass
    threads = [threading.Thread(target=guess, args=(smtp,)) for smtp in guessers]
    with dial(d) as other:
        for thread in threads:
            thread.start()
        for _ in range(30):
            began = time.monotonic()
            assert other.noop()[0] == 250
            longest = max(longest, time.monotonic() - began)
    for smtp in guessers:
        smtp.close()
    for thread in threads:
        thread.join()
    assert longest < 2 * place.PATIENCE


def test_passwd_on_a_terminal(tmp_path):
    """Twice, without echo; two that differ change nothing."""
    import pty
    for second, status in (("open sesame\n", 0), ("open season\n", 2)):
        terminal, other = pty.openpty()
        process = subprocess.Popen([BINARY, "passwd", "--file", str(tmp_path / "users"), "anna"],
                                   stdin=other, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=with_sanitizers(os.environ))
        os.close(other)
        assert process.stderr.read(10) == b"Password: "
        os.write(terminal, b"open sesame\n")
        assert b"Once more: " in process.stderr.read(12)
        os.write(terminal, second.encode())
        _, said = process.communicate(timeout=20 * place.PATIENCE)
        os.set_blocking(terminal, False)
        try:
            shown = os.read(terminal, 1000)
        except (BlockingIOError, OSError):
            shown = b""
        os.close(terminal)
        assert process.returncode == status, said
        assert b"sesame" not in shown
