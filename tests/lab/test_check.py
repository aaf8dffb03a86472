"""`danelaw check` over every case: it says what the delivery does, in documents that fit the published
schema, with a clause for everything it decides; and its arguments, lists and exit statuses."""
import datetime
import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

import place
from case import DANE, DELIVERED
from daemon import BINARY, Daemon, with_sanitizers
from place import wait_until

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "contrib" / "check.schema.json").read_text())


@pytest.fixture(scope="module")
def daemon_config(world, tmp_path_factory):
    """The world's configuration; check needs no running daemon."""
    with Daemon(world.settings) as d:
        yield d.config


def check(config, *arguments, lines=None):
    return subprocess.run([BINARY, "check", *arguments, "-c", str(config)], capture_output=True,
                          text=True, timeout=200 * place.PATIENCE, env=with_sanitizers(os.environ),
                          input=None if lines is None else "\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def told(world, daemon_config):
    """Every case's document, from one run over the list."""
    domains = [case.domain for case in world.cases]
    done = check(daemon_config, "-", "--json", "--explain", "--in", "30d",
                 lines=["# the cases", "", *domains, domains[0]])
    assert done.returncode == 1, (done.returncode, done.stderr)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(d["domain"] for d in documents) == sorted(domains), "each once"
    return {d["domain"]: d for d in documents}


def ends_after_mail(case):
    """What a server does from MAIL FROM on is not seen by a check."""
    b = case.hosts[0].behaviour if case.hosts else None
    return bool(b) and (b.close_at in ("MAIL", "RCPT", "DATA", "DOT") or
                        bool({"MAIL", "RCPT", "DATA", "DOT"} & set(b.replies or {})))


def test_says_what_the_delivery_does(world, told):
    for case in world.cases:
        document = told[case.domain]
        expected = DANE if ends_after_mail(case) else case.expect
        if expected in DELIVERED:
            assert (document["outcome"], document.get("tls")) == ("delivered", expected), \
                (case.id, document.get("reason"))
        else:
            assert document["outcome"] == expected, case.id
            assert document["reason"]["dsn"].startswith(case.code), (case.id, document["reason"])
            assert re.search(case.words, document["reason"]["text"]), (case.id, document["reason"])
            assert document["reason"]["fault"] and document["reason"]["remedy"] is not None


def test_documents_fit_the_schema(told):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for domain, document in told.items():
        errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(document)]
        assert not errors, (domain, errors)


def objects(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_the_schema_has_no_member_that_never_comes(told):
    """Each member of the schema is met in some document: nothing is described that does not exist."""
    met = {key for document in told.values() for o in objects(document) for key in o}
    described = {key for o in objects(SCHEMA) for key in (o.get("properties") or {})}
    assert not described - met, described - met


def test_every_clause_is_explained(told):
    clauses = 0
    for document in told.values():
        for o in objects(document):
            if str(o.get("clause", "")).startswith("RFC "):
                clauses += 1
                assert o.get("explanation"), (document["domain"], o)
    assert clauses > 500


def test_looks_ahead(told):
    document = told["a01.good.example"]
    assert document["ahead"]["outcome"] == "delivered" and document["ahead"]["tls"] == "dane"
    assert document["ahead"]["days"] == 30
    assert document["ahead"]["date"] > document["time"][:10]


def test_the_day_ahead_counts(world, tmp_path_factory):
    """An exception of the policy ends in between: the other policy decides, and the exit status says so."""
    def settings(folder):
        made = world.settings(folder)
        made["policies"]["d05.good.example"] = {"tls": "encrypt", "until": day(10)}
        return made
    with Daemon(settings) as d:
        before, after, table = (check(d.config, "d05.good.example", *more) for more in
                                (("--in", "9d", "--json"), ("--in", "2w", "--json"), ("a01.good.example", "--in", "2w")))
    document = json.loads(after.stdout)
    assert (document["outcome"], document["tls"], document["policy"]["tls"]) == ("delivered", "encrypt", "encrypt")
    assert (document["ahead"]["outcome"], document["ahead"]["policy"]["tls"]) == ("deferred", "dane")
    assert (before.returncode, after.returncode, table.returncode) == (0, 1, 1)
    assert f"[{day(14)}: deferred DANE_MISMATCH]" in table.stdout
    assert re.search(rf"on {day(14)}\n +1  delivered dane\n +1  deferred  DANE_MISMATCH", table.stdout)


def day(ahead):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=ahead)).date().isoformat()


def test_mismatch_names_its_cause_and_the_record(world, told):
    document = told["d05.good.example"]
    probe = document["hops"][0]["hosts"][0]["addresses"][0]
    seen = probe["chain"][0]["tlsa"][0]
    found = {f["finding"]: f for f in probe["findings"]}
    assert any(f["effect"] == "stops" for f in found.values()), found
    mends = [f["mend"] for f in found.values() if f["mend"]]
    assert any(m.startswith(f"_{place.SMTP_PORT}._tcp.mx.d05.good.example. ") and
               m.split("TLSA ")[1].lower() == seen.lower() for m in mends), (mends, seen)


# What goes wrong in each case, as the diagnosis names it; of DNS, from the resolver's own words.
CAUSES = {
    "A05": "dns-signature-wrong", "A06": "dns-failed", "B06": "dns-signature-wrong",
    "B07": "dns-tlsa-hostile", "B09": "dns-denial", "B10": "dns-signature-expired",
    "B13": "host-is-alias", "A02": "mx-unsigned", "A18b": "host-uncovered", "P01": "host-unsigned",
    "B31": "large-rrset", "C01": "pkix-usage", "C05a": "unknown-field", "C06a": "wrong-length",
    "C07a": "not-der", "D10": "combination-stale", "D12": "record-of-issuer",
    "D16": "key-type-uncovered", "D17": "empty-digest", "E06": "ta-not-sent", "E09": "name-mismatch",
    "E14": "expired", "E22": "name-constraints", "E23": "purpose", "E25": "signature-weak",
    "F01": "starttls-hidden", "F02": "starttls-refused", "F13": "protocol-floor",
    "P09n": "agility-stale", "P13n": "record-of-leaf",
}
SOUND = ("A01", "D01", "D06", "E01", "E02", "E16")


def findings(document):
    return {f["finding"] for o in objects(document) for f in o.get("findings", ())}


def test_names_the_cause(world, told):
    by_id = {case.id: told[case.domain] for case in world.cases}
    missed = {i: findings(by_id[i]) for i, cause in CAUSES.items() if cause not in findings(by_id[i])}
    assert not missed
    assert not {i: findings(by_id[i]) for i in SOUND if findings(by_id[i])}


def test_one_destination_as_text(daemon_config):
    done = check(daemon_config, "d05.good.example", "--explain")
    assert done.returncode == 1, done
    for words in ("would be deferred", "whose fault", "likely cause", f"publish: _{place.SMTP_PORT}._tcp.mx.d05",
                  "what the clauses say", "RSA only"):
        assert words in done.stdout, (words, done.stdout)
    assert "\033" not in done.stdout, "no colour into a pipe"


def test_audit_only_says_what_dane_would_have_stopped(told, daemon_config):
    assert told["f18.good.example"]["audited"]["cause"] == "DANE_MISMATCH"
    assert told["f18b.badtlsa.example"]["audited"]["cause"] == "TLSA_LOOKUP"
    assert "audited" not in told["f18d.good.example"]
    answer = check(daemon_config, "f18.good.example").stdout.split("\n\n")[0]
    for words in ("would be delivered", "audit only    DANE would keep it", "whose fault", "likely cause",
                  "publish: _25._tcp.mx.f18"):
        assert words in answer, (words, answer)


def test_nothing_is_told_twice(daemon_config):
    text = check(daemon_config, "d16.good.example").stdout
    assert text.count("publish: ") == 1 and text.count("no TLSA record fits the certificate") == 1
    assert text.count("key-unknown: see above") == 1 and "2 records" not in text


def test_what_else_is_wrong_is_told_of_a_delivery(daemon_config):
    """Mail gets there by the second host; that the first does not match is found all the same."""
    answer, _, rest = check(daemon_config, "a18m.good.example").stdout.partition("\n\n")
    assert "would be delivered by mx2." in answer and "also found    key-unknown" in answer
    assert "publish: _25._tcp.mx1.a18m" in answer and "key-unknown: see above" in rest


@pytest.mark.parametrize("arguments", [("talks.good.example",), ("\udcff@talks.good.example",)])
def test_text_from_outside_is_cut_to_what_is_text(daemon_config, arguments):
    """A long reply in another language, an argument that is no UTF-8: neither takes more with it than
    its own octets."""
    document = json.loads(check(daemon_config, *arguments, "--json").stdout)
    found = next(f for o in objects(document) for f in o.get("findings", ()))
    assert found["finding"] == "starttls-refused" and "refused STARTTLS: 454 4.7.0" in found["text"]
    assert document["policy"]["tls"] == "dane" and document["asked"].endswith("talks.good.example")


def test_table(daemon_config, world):
    domains = [case.domain for case in world.cases][:20]
    done = check(daemon_config, *domains)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:21]] == domains, "in the order given"
    assert "20  checked" in done.stdout
    assert done.stderr == "", "a progress bar is for terminals"


def test_a_long_list_is_checked_side_by_side(daemon_config):
    """Most of them are on their way together: their time is far from the sum of their times."""
    lines = [f"n{i}.bulk.good.example" for i in range(100)]
    done = check(daemon_config, "-", lines=lines)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "100  checked" in done.stdout and "100  delivered dane" in done.stdout


def kill_dns(process):
    """Kills the child that a check has now; False if it has none."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    return bool(children)


def check_while_dns_dies(config, folder, kills, count):
    """A long check whose dns process is killed after the first answer, and again each time it is there
    anew; returns the process, ended, with its documents and errors."""
    names, answers, errors = folder / "names", folder / "answers", folder / "errors"
    names.write_text("".join(f"n{i}.bulk.good.example\n" for i in range(count)))
    with names.open() as source, answers.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen([BINARY, "check", "-", "--json", "-c", str(config)], stdin=source,
                                   stdout=out, stderr=err, env=with_sanitizers(os.environ))
        wait_until(lambda: answers.stat().st_size or process.poll() is not None, 30, "the first answer")
        for _ in range(kills):
            wait_until(lambda: process.poll() is not None or kill_dns(process), 10, "a dns process")
            time.sleep(0.3)
        process.wait(60 * place.PATIENCE)
    return process, [json.loads(line) for line in answers.read_text().splitlines()], errors.read_text()


def test_a_dns_process_that_dies_is_started_again(daemon_config, tmp_path):
    process, documents, errors = check_while_dns_dies(daemon_config, tmp_path, 1, 200)
    assert len(documents) == 200 and all(d["outcome"] == "delivered" for d in documents)
    assert (process.returncode, errors) == (0, "")


def test_a_dns_process_that_dies_again_and_again(daemon_config, tmp_path):
    """What was found counts; all else is undetermined, and soon."""
    process, documents, errors = check_while_dns_dies(daemon_config, tmp_path, 4, 1000)
    assert len(documents) == 1000
    assert {d["reason"]["cause"] for d in documents if "reason" in d} == {"RESOLVER_DOWN"}
    assert process.returncode == 3 and "ends again and again" in errors


def test_every_address_is_asked(daemon_config, world):
    """Also those that a delivery would not get to; but they decide nothing."""
    done = check(daemon_config, "many.good.example", "--json")
    document = json.loads(done.stdout)
    probes = document["hops"][0]["hosts"][0]["addresses"]
    natural = {p["address"]: p for p in probes if p["key"] == "any"}
    assert len(natural) == 13, natural.keys()
    beyond = [p for p in natural.values() if "a delivery tries other addresses" in p["note"]]
    assert len(beyond) == 5, [p["address"] for p in beyond]
    answers = natural[f"{world.intake.address}:{place.SMTP_PORT}"]
    assert answers["chain"] and not answers["ok"], answers
    assert document["outcome"] == "deferred"


def test_the_end_of_a_plan_decides_nothing(daemon_config, world, daemon):
    """A delivery gives up after ten addresses; that the eleventh answers is shown, but does not help."""
    document = json.loads(check(daemon_config, "far.good.example", "--json").stdout)
    last = next(h for h in document["hops"][0]["hosts"] if h["host"] == world.intake.domain)
    assert last["addresses"][0]["ok"] and "a delivery tries other" in last["addresses"][0]["note"]
    assert (document["outcome"], document["reason"]["cause"]) == ("deferred", "CONNECT_FAILED")
    d = daemon()
    queued = d.submit("a@sender.good.example", "b@far.good.example", b"Subject: far\r\n\r\nfar\r\n")
    assert d.wait_deliveries(queued)[0].field("status") == "deferred"


def test_progress_on_a_terminal(daemon_config):
    """The bar goes to standard error, in place, and is gone at the end; the table goes out whole."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "check", "a01.good.example", "b03.good.example", "-c",
                                str(daemon_config)], stdout=subprocess.PIPE, stderr=theirs,
                               stdin=subprocess.DEVNULL, text=True, env=with_sanitizers(os.environ))
    os.close(theirs)
    table, drawn = process.communicate()[0], read_all(ours)
    assert re.search(r"\r\[#*\.+\] 0/2 checked", drawn) and "] 2/2 checked" in drawn, drawn
    assert drawn.rstrip(" ").endswith("\r"), "the line is cleared"
    assert "2  checked" in table


def read_all(fd):
    seen = b""
    try:
        while chunk := os.read(fd, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(fd)
    return seen.decode()


@pytest.mark.parametrize("arguments, status, words", [
    (("a01.good.example",), 0, "would be delivered"),
    (("x@A01.Good.Example.",), 0, "would be delivered"),
    ((f"[{place.address(60)}]",), 0, f"would be delivered by [{place.address(60)}]:"),
    (("b07.good.example",), 3, "TLSA lookup failed"),
    (("a01.good.example", "b07.good.example"), 3, "TLSA_LOOKUP"),
    (("b07.good.example", "d05.good.example"), 1, "DANE_MISMATCH"),
    (("no domain",), 2, "is no domain name"),
    (("a01.good.example", "no domain"), 2, "is no domain name"),
    ((), 2, "usage: danelaw check"),
    (("--in", "soon", "a01.good.example"), 2, "--in takes days or weeks"),
    (("--in",), 2, "--in takes days or weeks"),
    (("--what", "a01.good.example"), 2, "unknown option"),
    (("--help",), 0, "usage: danelaw check"),
])
def test_arguments(daemon_config, arguments, status, words):
    done = check(daemon_config, *arguments)
    assert done.returncode == status, done
    assert words in done.stdout + done.stderr, done


@pytest.mark.parametrize("redirection, status, words", [
    ("- <&-", 2, "the list cannot be read"),
    ("- </", 2, "the list cannot be read"),
    ("- </dev/null", 0, ""),
    ("a01.good.example >&-", 3, "standard output cannot be written"),
    ("a01.good.example >/dev/full", 3, "standard output cannot be written"),
    ("d05.good.example --json >/dev/full", 1, "standard output cannot be written"),
    ("a01.good.example <&- >&- 2>&-", 3, ""),
])
def test_descriptors_that_do_not_work(daemon_config, redirection, status, words):
    """Nothing goes where it was not meant to, and no answer is not the answer yes."""
    done = subprocess.run(["sh", "-c", f"{BINARY} check -c {daemon_config} {redirection}"],
                          capture_output=True, text=True, timeout=60 * place.PATIENCE,
                          env=with_sanitizers(os.environ))
    assert done.returncode == status, done
    assert words in done.stderr, done


def test_lines_that_are_no_lines(daemon_config):
    """Neither a NUL nor more than there is room for makes two destinations of a line, or half a one."""
    done = check(daemon_config, "-", lines=["a01.good.example" + 4080 * " " + "b03.good.example",
                                            "a02.good.example\0.other.example", "b03.good.example"])
    assert done.returncode == 2
    assert "line 1:" in done.stderr and "line 2:" in done.stderr and "line 3:" not in done.stderr
    assert "1  checked" in done.stdout and "b03.good.example delivered" in done.stdout


def test_a_bad_line_is_told_with_its_number(daemon_config):
    done = check(daemon_config, "-", lines=["a01.good.example", "", "b a d"])
    assert done.returncode == 2
    assert 'line 3: "b a d" is no domain name' in done.stderr
    assert "1  checked" in done.stdout, "the others are checked"
