"""What an operator does and what happens to him: reload, the status process, a process that dies,
a start that cannot succeed. Each with a daemon of its own."""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request

import pytest

import place
from daemon import BINARY, Daemon, with_sanitizers
from place import wait_until
from world import SENDER_DOMAIN

STATUS_PORT = place.RELAY_PORT + 90
CONTENT = b"From: <a@b.example>\r\nSubject: operations\r\n\r\nbody\r\n"


def pid_of(d, role):
    found = [pid for pid in d.processes() if role in open(f"/proc/{pid}/cmdline", "rb").read()]
    assert len(found) == 1, found
    return found[0]


def greeting(d):
    with d.dial() as dialogue:
        return dialogue.greeting


def forget_child(d, *roles):
    """The ends that the test caused are no complaints."""
    d.lines[:] = [line for line in d.lines
                  if not any(f"daemon.child: process={role}," in line for role in roles)]


def get(path, method="GET"):
    """(status, body) of the status process."""
    request = urllib.request.Request(f"http://{place.RELAY}:{STATUS_PORT}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10 * place.PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_closed_standard_descriptors(daemon):
    """What a process opens is never where it logs to."""
    d = daemon(wait=False)
    d.kill()
    bare = subprocess.Popen(["sh", "-c", f"exec {BINARY} serve -c {d.config} <&- >&- 2>&-"],
                            start_new_session=True, env=with_sanitizers(os.environ))
    try:
        d.process = bare
        wait_until(lambda: place.answers(*d.smtp_address),
                   20, "the relay")
        for pid in d.processes():
            assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)] == 3 * ["/dev/null"]
    finally:
        d.kill()


def test_reload_is_seen_by_new_sessions(daemon):
    d = daemon()
    with d.dial() as old:
        d.settings["hostname"] = "renamed.example"
        d.write_config()
        assert d.command("reload").returncode == 0
        wait_until(lambda: "renamed.example" in greeting(d)[1], 10, "the new name")
        assert old.ask_line("NOOP")[0] == 250, "a session keeps what it began with"
        assert "relay.example" in old.ask_line("EHLO client.example")[1]


def test_wrong_configuration_leaves_the_old_one(daemon):
    d = daemon()
    good = d.config.read_text()
    d.config.write_text(good.replace('"hostname"', '"hotsname"'))
    done = d.command("reload")
    assert done.returncode == 2 and "hotsname" in done.stderr
    os.kill(d.process.pid, signal.SIGHUP)
    wait_until(lambda: any("daemon.reload_failed" in line and ":2:3:" in line for line in d.lines), 10,
               lambda: "\n".join(d.lines[-5:]))
    assert greeting(d)[0] == 220
    d.config.write_text(good)
    os.kill(d.process.pid, signal.SIGHUP)
    wait_until(lambda: any("daemon.reload:" in line for line in d.lines), 10, "the reload")


def test_reloads_under_load_fail_no_session(daemon):
    d = daemon()
    for _ in range(20):
        os.kill(d.process.pid, signal.SIGHUP)
        assert d.submit(f"load@{SENDER_DOMAIN}", "x@[198.51.100.254]", CONTENT)


def test_new_address_needs_a_restart_and_harms_nothing(daemon):
    d = daemon()
    d.settings["listeners"]["lab"]["bind"].append(f"{place.RELAY}:{STATUS_PORT + 1}")
    d.write_config()
    done = d.command("reload")
    assert done.returncode == 2 and "restart to listen there" in done.stderr
    # Even if mta dies and finds this file, it opens the doors that there are.
    os.kill(pid_of(d, b"run-mta"), signal.SIGKILL)
    wait_until(lambda: any("daemon.error" in line for line in d.lines), 20, "the warning")
    wait_until(lambda: greeting(d)[0] == 220, 10, "the greeting")
    forget_child(d, "mta", "dns")


def test_mta_dies_and_is_back_with_its_queue(daemon, world):
    d = daemon()
    queue_id = d.submit(f"F01@{SENDER_DOMAIN}", "rcpt@f01.good.example", CONTENT)
    os.kill(pid_of(d, b"run-mta"), signal.SIGKILL)
    wait_until(lambda: sum("daemon.ready" in line for line in d.lines) == 2, 20, "mta")
    assert queue_id in d.queue()
    forget_child(d, "mta", "dns")


def test_operator_bounces_a_message(daemon, world):
    d = daemon()
    queue_id = d.submit(f"bounced@{SENDER_DOMAIN}", "rcpt@f01.good.example", CONTENT)
    d.wait_deliveries(queue_id)
    assert d.command("queue", "bounce").returncode == 2, "bounce asks for a filter"
    assert d.command("queue", "bounce", "--id", queue_id).returncode == 0
    wait_until(lambda: queue_id not in d.queue(), 15, "an empty queue")
    notices = wait_until(lambda: [m for m in world.sender.receiver.messages
                                  if m.recipients == [f"bounced@{SENDER_DOMAIN}"]], 15, "the notice")
    assert b"returned by the operator" in notices[0].content


def test_status_process(daemon):
    d = daemon(lambda s: s.update({"status": {"bind": [f"{place.RELAY}:{STATUS_PORT}"]}}))
    wait_until(lambda: get("/healthz")[0] == 200, 15, "health")
    d.submit(f"s@{SENDER_DOMAIN}", "x@[198.51.100.254]", CONTENT)
    wait_until(lambda: "danelaw_messages_accepted_total 1\n" in get("/metrics")[1], 10, "the counter")
    code, page = get("/")
    assert code == 200 and "relay.example" in page
    assert get("/nothing")[0] == 404
    assert get("/", "POST")[0] in (405, 501), "it can change nothing"
    os.kill(pid_of(d, b"run-status"), signal.SIGKILL)
    wait_until(lambda: get("/healthz")[0] == 200, 15, "health again")
    os.kill(pid_of(d, b"run-mta"), signal.SIGSTOP)
    wait_until(lambda: get("/healthz")[0] == 503, 20, "ill health while mta says nothing")
    os.kill(pid_of(d, b"run-mta"), signal.SIGCONT)
    wait_until(lambda: get("/healthz")[0] == 200, 15, "health")
    forget_child(d, "status")


def test_stop_by_command(daemon):
    d = daemon()
    assert d.command("status", "--json").returncode == 0
    assert json.loads(d.command("status", "--json").stdout)["hostname"] == "relay.example"
    assert d.command("stop").returncode == 0
    wait_until(lambda: d.process.poll() is not None, 20, "the end")
    assert d.process.returncode == 0
    assert d.command("status").returncode == 4


# A start that cannot succeed: one clear line, status 2, nothing overwritten.

def key_pair(folder, name):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def identity(settings, certificate, key):
    settings["identities"] = {"id": {"certificate_file": str(certificate), "key_file": str(key)}}
    settings["listeners"]["lab"]["identity"] = "id"


def refused(d, *words):
    wait_until(lambda: d.process.poll() is not None, 20, lambda: "\n".join(d.lines[-10:]))
    d._reader.join(5)
    assert d.process.returncode == 2, d.lines
    # The dns process starts beside mta and may already have told of its self test.
    told = [line for line in d.lines if not line.startswith("danelaw/dns[")]
    assert len(told) == 1, d.lines
    assert all(word in told[0] for word in words), d.lines


def test_port_in_use(daemon):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((place.RELAY, STATUS_PORT + 2))
        taken.listen()
        bind = [f"{place.RELAY}:{STATUS_PORT + 2}"]
        d = daemon(lambda s: s["listeners"]["lab"].update({"bind": bind}), wait=False)
        refused(d, "danelaw.yaml:", bind[0], "Address already in use")


def test_key_missing_and_key_of_another(daemon, tmp_path):
    certificate, key = key_pair(tmp_path, "one")
    _, other = key_pair(tmp_path, "two")
    d = daemon(lambda s: identity(s, certificate, tmp_path / "no.key"), wait=False)
    refused(d, "danelaw.yaml:", "no.key", "No such file")
    d = daemon(lambda s: identity(s, certificate, other), wait=False)
    refused(d, "danelaw.yaml:", "two.key", "does not fit")
    d = daemon(lambda s: identity(s, certificate, key))
    assert "STARTTLS" in d.dial().ask_line("EHLO client.example")[1]


def test_queue_of_a_newer_version(daemon):
    d = daemon()
    assert d.stop() == 0
    file = d.folder / "state" / "queue.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = file.read_bytes()
    d.lines.clear()
    d.start(wait=False)
    refused(d, "queue.db", "version 99")
    assert file.read_bytes() == before


@pytest.mark.skipif(not place.NAMESPACE or os.geteuid() != 0, reason="needs a mount of its own")
def test_full_disk_at_start(daemon, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
    try:
        (small / "state").mkdir()
        with open(small / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while True:
                    filler.write(b"x" * 4096)
        d = daemon(lambda s: s.update({"state_directory": str(small / "state")}), wait=False)
        refused(d, "the disk is full")
        (small / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        d.lines.clear()
        d.start()
        assert d.stop() == 0
    finally:
        subprocess.run(["umount", small], check=True)
