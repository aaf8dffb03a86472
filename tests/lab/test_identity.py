"""Certificates at the door: which one a client gets, reload of good and bad files under running
sessions, client certificates, handshakes that never end. Ids are those of the threat catalogue."""
import hashlib
import os
import signal
import ssl
import subprocess

import pytest

import place
from daemon import Dialogue
from place import wait_until

NAME = "mx.relay.example"


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True,
                          check=True).stdout


KINDS = {"rsa": ["-newkey", "rsa:2048"],
         "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "ed": ["-newkey", "ed25519"]}


def pair(folder, name, kind="ec", names=(NAME,), days=30):
    """A self-signed certificate and its key, as files."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl("req", "-x509", *KINDS[kind], "-nodes", "-days", days, "-subj", f"/CN={name}",
            "-addext", "subjectAltName=" + ",".join(f"DNS:{each}" for each in names),
            "-keyout", key, "-out", certificate)
    return certificate, key


def expired(folder, name):
    """As pair, but its life was over long ago."""
    certificate, key = pair(folder, name)
    request, settings = folder / f"{name}.csr", folder / f"{name}.cnf"
    database = folder / f"{name}.index"
    database.touch()
    settings.write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={database}\nnew_certs_dir={folder}\n"
                        f"serial={folder}/{name}.serial\ndefault_md=sha256\npolicy=p\n"
                        "rand_serial=yes\n[p]\ncommonName=supplied\n")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
    openssl("ca", "-batch", "-selfsign", "-config", settings, "-keyfile", key, "-in", request,
            "-startdate", "200101000000Z", "-enddate", "210101000000Z", "-notext", "-out", certificate)
    return certificate, key


def digest(certificate):
    """What client_certificates lists: the data of a TLSA record 3 1 1."""
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", data=public)).hexdigest()


def identity(*pairs):
    certificates, keys = zip(*pairs)
    return {"certificate_file": [str(each) for each in certificates],
            "key_file": [str(each) for each in keys]}


def common_name(d, *options):
    """The CN of the certificate that `openssl s_client` gets; "" without a handshake."""
    host, port = d.smtp_address
    done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"{host}:{port}",
                           "-name", "client.example", *options],
                          input=b"QUIT\r\n", capture_output=True, timeout=30 * place.PATIENCE)
    for line in done.stdout.decode("latin-1").splitlines():
        if line.startswith("subject="):
            return line.split("CN = ")[-1]
    return ""


def shake_hands(d, dialogue, own=None):
    """STARTTLS; own: the certificate and key the client shows."""
    context = ssl._create_unverified_context()
    if own:
        context.load_cert_chain(*own)
    assert dialogue.ask_line("EHLO client.example")[0] == 250
    assert dialogue.ask_line("STARTTLS")[0] == 220
    dialogue.sock = context.wrap_socket(dialogue.sock, server_hostname=NAME)
    return dialogue


@pytest.fixture
def relay(daemon, tmp_path):
    """A relay with two identities, the first with three kinds of key; and where its files are."""
    three = [pair(tmp_path, f"a-{kind}", kind) for kind in KINDS]
    other = pair(tmp_path, "b", names=("*.other.example", "xn--bcher-kva.example"))

    def settings(made):
        made["identities"] = {"a": identity(*three), "b": identity(other)}
        made["listeners"]["lab"]["identity"] = ["a", "b"]

    d = daemon(settings)
    d.files = tmp_path
    return d


CLIENTS = {
    "by RSA signatures": (["-sigalgs", "RSA-PSS+SHA256"], "a-rsa"),
    "by ECDSA signatures": (["-sigalgs", "ECDSA+SHA256"], "a-ec"),
    "by Ed25519 signatures": (["-sigalgs", "ed25519"], "a-ed"),
    "by RSA ciphers": (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "a-rsa"),
    "by ECDSA ciphers": (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-sigalgs",
                          "ECDSA+SHA256"], "a-ec"),
    "without SNI": (["-noservername", "-sigalgs", "ECDSA+SHA256"], "a-ec"),
    "by its name": (["-servername", NAME, "-sigalgs", "ECDSA+SHA256"], "a-ec"),
    "by a wildcard": (["-servername", "MX.Other.Example"], "b"),
    "by an A-label": (["-servername", "xn--bcher-kva.example"], "b"),
    "two labels for one star": (["-servername", "a.b.other.example", "-sigalgs", "ECDSA+SHA256"],
                                "a-ec"),
    "an unknown name": (["-servername", "nobody.example", "-sigalgs", "ECDSA+SHA256"], "a-ec"),
}


def test_the_certificate_that_fits(relay):
    got = {case: common_name(relay, *options) for case, (options, _) in CLIENTS.items()}
    assert got == {case: want for case, (_, want) in CLIENTS.items()}


def cut(file):
    text = file.read_bytes()
    file.write_bytes(text[:len(text) // 2])


def swap(folder):
    certificate, key = (folder / "a-ec.pem").read_bytes(), (folder / "a-ec.key").read_bytes()
    (folder / "a-ec.pem").write_bytes(key)
    (folder / "a-ec.key").write_bytes(certificate)


def lock(folder):
    openssl("pkey", "-in", folder / "a-ec.key", "-aes128", "-passout", "pass:x", "-out",
            folder / "locked.key")
    os.replace(folder / "locked.key", folder / "a-ec.key")


SPOILT = {
    "key of another": (lambda f: pair(f, "new") and os.replace(f / "new.key", f / "a-ec.key"),
                       "does not fit certificate_file"),
    "swapped": (swap, "no certificate in PEM format is in it"),
    "certificate cut off": (lambda f: cut(f / "a-ec.pem"), "bad end line"),
    "key cut off": (lambda f: cut(f / "a-ec.key"), "bad end line"),
    "empty": (lambda f: (f / "a-ec.pem").write_bytes(b""), "the file is empty"),
    "gone": (lambda f: (f / "a-ec.key").unlink(), "No such file or directory"),
    "a pass phrase": (lock, "pass phrase"),
}


@pytest.mark.parametrize("spoil, words", SPOILT.values(), ids=SPOILT.keys())
def test_bad_files_leave_the_old_ones(relay, spoil, words):
    """T13: at reload the old pair stays, sessions go on, the log says so; check-config says no."""
    with relay.dial() as c:
        shake_hands(relay, c)
        spoil(relay.files)
        done = relay.command("reload")
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert "danelaw.yaml:" in done.stderr, "with its place"
        wait_until(lambda: any("daemon.reload_failed" in line and words in line
                               for line in relay.lines), 10, "the event")
        assert c.ask_line("EHLO client.example")[0] == 250, "what runs goes on"
    assert common_name(relay, "-sigalgs", "ECDSA+SHA256") == "a-ec"
    checked = relay.command("check-config")
    assert checked.returncode == 2 and words in checked.stderr


def test_two_of_one_kind(relay):
    relay.settings["identities"]["a"] = identity(*[(relay.files / f"{x}.pem", relay.files / f"{x}.key")
                                                   for x in ("a-ec", "b")])
    relay.write_config()
    done = relay.command("reload")
    assert done.returncode == 2 and "a second one for a key of kind EC" in done.stderr


def test_new_files_are_for_new_handshakes(relay):
    with relay.dial() as old, relay.dial() as waiting:
        shake_hands(relay, old)
        for kind in KINDS:
            pair(relay.files, "new", kind)
            for end in ("pem", "key"):
                os.replace(relay.files / f"new.{end}", relay.files / f"a-{kind}.{end}")
        os.kill(relay.process.pid, signal.SIGHUP)
        wait_until(lambda: common_name(relay) == "new", 20, "the new certificate")
        assert old.ask_line("EHLO client.example")[0] == 250
        shake_hands(relay, waiting)  # connected before the reload: it keeps the settings of then
        sent = ssl.DER_cert_to_PEM_cert(waiting.sock.getpeercert(binary_form=True)).encode()
        assert b"CN = a-" in openssl("x509", "-noout", "-subject", data=sent)
    assert not any("smtpd.tls_failed" in line for line in relay.lines)


def test_an_expired_certificate_is_used_and_told(daemon, tmp_path):
    """A client that goes by the key (TLSA 3 1 1) does not look at the dates."""
    old = expired(tmp_path, "old")

    def settings(made):
        made["identities"] = {"a": identity(old)}
        made["listeners"]["lab"]["identity"] = "a"

    d = daemon(settings)
    assert common_name(d) == "old"
    assert any("smtpd.certificate" in line and "it expired on 2021-01-01" in line for line in d.lines)
    checked = d.command("check-config")
    assert checked.returncode == 0 and "it expired on 2021-01-01" in checked.stderr


def test_client_certificates(daemon, tmp_path):
    own, listed = pair(tmp_path, "own"), pair(tmp_path, "listed", "rsa", days=1)
    stranger = pair(tmp_path, "stranger")

    def settings(made):
        made["identities"] = {"a": identity(own)}
        made["listeners"]["lab"].update({"identity": "a", "clients": [],
                                         "client_certificates": [digest(listed[0])]})

    d = daemon(settings)
    for shown, code in ((listed, 250), (stranger, 554), (None, 554)):
        with d.dial() as c:
            shake_hands(d, c, shown)
            assert c.ask_line("EHLO client.example")[0] == 250
            assert c.ask_line("MAIL FROM:<a@sender.good.example>")[0] == 250
            assert c.ask_line("RCPT TO:<x@[198.51.100.254]>")[0] == code
    keys = [line for line in d.lines if "smtpd.client_key" in line]
    assert len(keys) == 2, keys
    assert f"client_key={digest(listed[0])}, listed=yes" in keys[0]
    assert f"client_key={digest(stranger[0])}, listed=no" in keys[1]


def test_half_handshakes_free_their_slots(daemon, tmp_path):
    """T11: a client that fills its slots with handshakes that never end has them back in time."""
    own = pair(tmp_path, "own")

    def settings(made):
        made["identities"] = {"a": identity(own)}
        made["listeners"]["lab"].update({"identity": "a", "tls": "implicit",
                                         "max_connections_per_client": 50,
                                         "timeouts": {"tls": "3s"}, "limits": {"exempt_clients": "yes"}})

    d = daemon(settings, wait=False)
    wait_until(lambda: any("daemon.ready" in line for line in d.lines), 20, "the relay")
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    held = [Dialogue(d.smtp_address, greeting=False) for _ in range(50)]
    for each in held:
        each.send(hello)
    with Dialogue(d.smtp_address) as refused:
        assert refused.greeting[0] == 421
    for each in held:
        assert each.closed(10)
        each.close()
    context = ssl._create_unverified_context()
    with Dialogue(d.smtp_address, greeting=False) as c:
        c.sock = context.wrap_socket(c.sock)
        assert c.reply()[0] == 220
    wait_until(lambda: sum("took too long" in line for line in d.lines) == 50, 10, "the events")
