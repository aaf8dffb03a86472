#!/usr/bin/env python3
"""Messages in 7-bit form, read by another parser: the same parts with the same content, every octet
below 128, encoded lines of at most 76 octets, and nothing changed that need not be.

    check_recode.py RECODE_FILE
"""
import email
import email.policy
import random
import subprocess
import sys

CONVERTED, REFUSED, NO_NEED = 0, 3, 4
TOOL = sys.argv[1]
UE = "ü".encode()
LATIN = b"\xe4\xf6\xfc"


def run(message, length):
    done = subprocess.run([TOOL, str(length)], input=message, capture_output=True, check=False)
    assert done.returncode in (CONVERTED, REFUSED, NO_NEED), done.stderr.decode(errors="replace")
    return done.returncode, done.stdout


def parts_of(message):
    """(type, header fields but the encoding, decoded content) of each part, in order."""
    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    out = []
    for part in parsed.walk():
        headers = [(name.lower(), str(value)) for name, value in part.items()
                   if name.lower() not in ("content-transfer-encoding", "mime-version")]
        content = None if part.is_multipart() else part.get_payload(decode=True)
        out.append((part.get_content_type(), headers,
                    content and content.replace(b"\r\n", b"\n")))
    return out


def check_lines(message):
    assert all(octet < 128 for octet in message), "an octet above 127 is left"
    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    for part in parsed.walk():
        encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
        if part.is_multipart():
            assert encoding in ("", "7bit", "8bit"), encoding
        elif encoding in ("quoted-printable", "base64"):
            lines = part.get_payload().splitlines()
            assert max(map(len, lines), default=0) <= 76, "a line is too long"


def without_added(parts):
    """A message without a type was given one; it says nothing that was not so before."""
    return [(kind, [h for h in headers if h != ("content-type", "text/plain; charset=unknown-8bit")],
             content) for kind, headers, content in parts]


def check(name, message, wanted):
    results = {run(message, length) for length in (1, 7, 1000, 1 << 20)}
    assert len(results) == 1, f"{name}: it matters how the content is cut"
    status, out = results.pop()
    assert status == wanted, f"{name}: {status}, {out[:200]!r}"
    if status == CONVERTED:
        check_lines(out)
        assert without_added(parts_of(out)) == parts_of(message), f"{name}:\n{out.decode()}"
    return out


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def mixed(*parts, head=b"", boundary=b"b1"):
    body = b"".join(b"--" + boundary + b"\n" + part + b"\n" for part in parts)
    return (b"Subject: s\nMIME-Version: 1.0\n" + head + b"Content-Type: multipart/mixed; boundary=\""
            + boundary + b"\"\n\npreamble\n" + body + b"--" + boundary + b"--\nepilogue\n")


PLAIN = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr" + UE + b"n\n"
DATA = b"Content-Type: application/json\n\n{\"a\": \"" + UE + b"\"}\n"
ASCII = b"Content-Type: text/plain\n\nas it is \n-- \nsig\n"

ROWS = [
    ("plain", b"MIME-Version: 1.0\n" + PLAIN, CONVERTED),
    ("nothing to do", b"Subject: x\n\n7 bits\n", NO_NEED),
    ("no MIME at all", b"Subject: x\n\nGr" + UE + b"n = 1\n-- \nme\n", CONVERTED),
    ("a type, no version", b"Subject: x\nContent-Type: text/plain; charset=latin1\n\n" + LATIN + b"\n",
     CONVERTED),
    ("no line end at the end", b"MIME-Version: 1.0\n" + PLAIN[:-1], CONVERTED),
    ("mostly foreign letters: base64", b"MIME-Version: 1.0\n" + PLAIN + UE * 300 + b"\n", CONVERTED),
    ("long lines", b"MIME-Version: 1.0\n" + PLAIN + b"x" * 5000 + UE + b" \n", CONVERTED),
    ("white space at line ends", b"MIME-Version: 1.0\n" + PLAIN + b"a \nb\t\n \n\n" + b" " * 80 + b"\n",
     CONVERTED),
    ("folded encoding field", b"MIME-Version: 1.0\nContent-Transfer-Encoding:\n  8bit (as\n it is)\n"
     b"Content-Type: text/plain\n\n" + UE + b"\n", CONVERTED),
    ("parts", mixed(PLAIN, DATA, ASCII, head=b"Content-Transfer-Encoding: 8bit\n"), CONVERTED),
    ("an encoded part stays", mixed(PLAIN, b"Content-Transfer-Encoding: base64\n\neHl6\n"), CONVERTED),
    ("parts in parts", mixed(ASCII, mixed(PLAIN, DATA, boundary=b"inner"), PLAIN), CONVERTED),
    ("a part without content", mixed(b"", b"\n", PLAIN), CONVERTED),
    ("never closed", mixed(PLAIN, ASCII)[:-14], CONVERTED),
    ("inner parts never closed", mixed(mixed(PLAIN, boundary=b"in")[:-16], PLAIN), CONVERTED),
    ("a message in it", mixed(b"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
                              b"Subject: inner\nMIME-Version: 1.0\n" + PLAIN), CONVERTED),
    ("a digest", mixed(b"\nSubject: inner\nMIME-Version: 1.0\n" + PLAIN).replace(b"mixed", b"digest"),
     CONVERTED),
    ("a boundary at the end of a long line", mixed(PLAIN + b"y" * 75 + b"--b1\nmore\n"), CONVERTED),
    ("quoted boundary with blanks", mixed(PLAIN, boundary=b"a b:c?d"), CONVERTED),
    ("8-bit header", b"Subject: " + UE + b"\n\n" + UE + b"\n", REFUSED),
    ("8-bit header of a part", mixed(b"X: " + UE + b"\n" + PLAIN), REFUSED),
    ("8-bit preamble", mixed(PLAIN).replace(b"preamble", UE), REFUSED),
    ("8-bit epilogue", mixed(PLAIN).replace(b"epilogue", UE), REFUSED),
    ("DKIM", b"DKIM-Signature: v=1\nMIME-Version: 1.0\n" + PLAIN, REFUSED),
    ("ARC", b"arc-seal : i=1\nMIME-Version: 1.0\n" + PLAIN, REFUSED),
    ("DKIM of a message in it", mixed(b"Content-Type: message/rfc822\n\nDKIM-Signature: v=1\n" + PLAIN),
     REFUSED),
    ("DKIM of a message beside it", mixed(
        b"Content-Type: message/rfc822\n\nDKIM-Signature: v=1\n\nascii\n", PLAIN), CONVERTED),
    ("multipart/signed", mixed(PLAIN).replace(b"mixed", b"signed"), REFUSED),
    ("multipart/signed beside it", mixed(mixed(ASCII, boundary=b"s").replace(b"mixed", b"signed"), PLAIN),
     CONVERTED),
    ("declared quoted-printable", PLAIN.replace(b"8bit", b"quoted-printable"), REFUSED),
    ("unknown encoding", PLAIN.replace(b"8bit", b"x-uu"), REFUSED),
    ("two types", b"Content-Type: text/plain\n" + PLAIN, REFUSED),
    ("no blank line", b"Subject: x\nGr" + UE + b"n\n", REFUSED),
    ("no boundary", b"Content-Type: multipart/mixed\n\n" + UE + b"\n", REFUSED),
    ("message/partial", b"Content-Type: message/partial; id=1\n\n" + UE + b"\n", REFUSED),
    ("one boundary twice", mixed(mixed(PLAIN)), CONVERTED),
    ("confusable boundaries", mixed(mixed(PLAIN, boundary=b"b1--")), REFUSED),
    ("a type that is none", b"Content-Type: text/plain; name=a b\n\n" + UE + b"\n", REFUSED),
    ("an endless type", b"Content-Type: text/plain; x=\"" + b"y" * 9000 + b"\"\n\n" + UE + b"\n", REFUSED),
]


def nested(depth):
    message = PLAIN
    for level in range(depth):
        message = mixed(message, boundary=b"level%d" % level)
    return message


def hostile():
    check("20 deep", crlf(nested(20)), CONVERTED)
    check("21 deep", crlf(nested(21)), REFUSED)
    many = mixed(*[PLAIN] * 9999)
    status, out = run(crlf(many), 65536)
    assert status == CONVERTED and out.count(b"quoted-printable") == 9999
    assert run(crlf(mixed(*[PLAIN] * 10001)), 65536)[0] == REFUSED
    messages = b"Content-Type: message/rfc822\n\n" * 5000 + PLAIN
    status, out = run(crlf(messages), 65536)
    assert status == CONVERTED and out.count(b"quoted-printable") == 1


def random_leaf(rng):
    kind = rng.choice([b"text/plain; charset=utf-8", b"application/x-y", b"TEXT/HTML"])
    octets = [b"a", b" ", b"\t", b"=", b".", b"-", b"--b0", b"\n", b"\n", UE, LATIN, b"x" * 70]
    weights = [9, 3, 1, 1, 1, 1, 1, 3, 1, rng.choice([0, 1, 9]), 0, 1]
    body = b"".join(rng.choices(octets, weights, k=rng.randrange(120)))
    encoding = rng.choice([b"", b"Content-Transfer-Encoding: 8BIT\n"])
    return encoding + b"Content-Type: " + kind + b"\n\n" + body


def random_entity(rng, depth, names):
    if depth == 0 or rng.random() < 0.4:
        return random_leaf(rng)
    if rng.random() < 0.2:
        inner = random_entity(rng, depth - 1, names)
        return b"Content-Type: message/rfc822\n\nSubject: i\nMIME-Version: 1.0\n" + inner
    name = b"b%d" % next(names)
    parts = [random_entity(rng, depth - 1, names) for _ in range(rng.randrange(1, 4))]
    return mixed(*parts, boundary=name, head=rng.choice([b"", b"Content-Transfer-Encoding: 8bit\n"]))


def randomly(count):
    converted = 0
    for seed in range(count):
        rng = random.Random(seed)
        message = crlf(random_entity(rng, 4, iter(range(1000))))
        lengths = (rng.randrange(1, 50), 65536)
        (status, out), other = run(message, lengths[0]), run(message, lengths[1])
        assert (status, out) == other, (seed, status, out)
        if status == CONVERTED:
            converted += 1
            check_lines(out)
            assert without_added(parts_of(out)) == parts_of(message), (seed, message, out)
    assert converted > count // 4, converted


def main():
    for name, message, wanted in ROWS:
        check(name, crlf(message), wanted)
    out = check("parts", crlf(mixed(PLAIN, DATA, ASCII)), CONVERTED)
    assert crlf(ASCII) in out, "a part that needs nothing stays octet for octet"
    hostile()
    randomly(120)
    print(f"{len(ROWS)} messages, 120 random ones")


main()
