#!/usr/bin/env python3
"""Runs the notification tests with a sample directory and reads the samples with another parser.

Beside a sample NAME.eml lies NAME.want, if what it must say is known: "envid" and its value, then a
line per recipient: action, address, original recipient. Values are "x" and hexadecimal, "-" for none.
"""
import email
import email.policy
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ACTION = "failed|delayed|delivered|relayed"
DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000"
TYPED = r"[A-Za-z0-9-]+; .*"

# RFC 3464 §2.2, §2.3: the fields in their order; a "?" where one may be missing.
MESSAGE = [("Original-Envelope-Id?", ".*"), ("Reporting-MTA", r"dns; relay\.example"),
           ("X-Danelaw-Queue-ID", "[A-Za-z0-9]+"), ("Arrival-Date", DATE)]
RECIPIENT = [("Original-Recipient?", TYPED), ("Final-Recipient", "(rfc822|utf-8); .*"), ("Action", ACTION),
             ("Status", r"[245]\.\d{1,3}\.\d{1,3}"), ("Remote-MTA?", "dns; .*"),
             ("Diagnostic-Code", r"(smtp; \d{3}|x-danelaw;).*"), ("Last-Attempt-Date", DATE),
             ("Will-Retry-Until?", DATE)]
CLASS = {"failed": "5", "delayed": "4", "delivered": "2", "relayed": "2"}
STATUS = ("message/delivery-status", "message/global-delivery-status")
ORIGINAL = ("text/rfc822-headers", "message/global-headers", "message/rfc822", "message/global")


def fields_of(block):
    """[(name, value)] of a block of fields, unfolded."""
    lines = re.sub("\r\n(?=[ \t])", "", block).split("\r\n")
    return [tuple(line.split(": ", 1)) for line in lines]


def check_fields(fields, grammar):
    """The fields are those of the grammar, in its order, and nothing else."""
    left = list(fields)
    for name, value in grammar:
        if left and left[0][0] == name.rstrip("?"):
            assert re.fullmatch(value, left.pop(0)[1], re.DOTALL), (name, fields)
        else:
            assert name.endswith("?"), (name, fields)
    assert not left, left



def part_octets(message, raw):
    """The bodies of the parts, cut out by the boundary alone."""
    boundary = message.get_boundary().encode()
    pieces = (b"\r\n" + raw.split(b"\r\n\r\n", 1)[1]).split(b"\r\n--" + boundary)
    assert pieces[-1] == b"--\r\n", pieces[-1]
    return [piece.split(b"\r\n\r\n", 1)[1] for piece in pieces[1:-1]]


def check_labels(message, bodies):
    """7-bit parts have no label, others say 8bit, and so does the whole (RFC 2045 §6.4)."""
    high = [any(c > 127 for c in body) for body in bodies]
    for part, is_high in zip(message.get_payload(), high):
        assert part["Content-Transfer-Encoding"] == ("8bit" if is_high else None), part.get_content_type()
    assert message["Content-Transfer-Encoding"] == ("8bit" if any(high) else None)


def check_structure(message, raw):
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    parts = message.get_payload()
    assert len(parts) == 3, len(parts)
    kinds = [p.get_content_type() for p in parts]
    assert kinds[0] == "text/plain" and kinds[1] in STATUS and kinds[2] in ORIGINAL, kinds
    assert not message.defects and not [d for p in parts for d in p.defects]
    bodies = part_octets(message, raw)
    assert len(bodies) == 3
    assert b"--" + message.get_boundary().encode() not in b"".join(bodies)
    check_labels(message, bodies)
    return kinds, bodies


def check_status(kind, body):
    """The blocks of the machine-readable part, [(name, value)] each."""
    text = body.decode("ascii" if kind == "message/delivery-status" else "utf-8")
    assert text.endswith("\r\n")
    blocks = [fields_of(block) for block in text[:-2].split("\r\n\r\n")]
    check_fields(blocks[0], MESSAGE)
    for block in blocks[1:]:
        check_fields(block, RECIPIENT)
        fields = dict(block)
        assert fields["Status"][0] == CLASS[fields["Action"]], fields
        assert ("Will-Retry-Until" in fields) == (fields["Action"] == "delayed"), fields
    return blocks


def decoded(field):
    """(type, address) of a field of an address: RFC 6533 §3."""
    kind, address = field.split("; ", 1)
    if kind == "utf-8":
        address = re.sub(r"\\x\{([0-9A-F]{2,6})\}", lambda m: chr(int(m[1], 16)), address)
    return kind, address


def wanted(path):
    def value(word):
        return None if word == "-" else bytes.fromhex(word[1:]).decode()
    lines = [line.split() for line in path.read_text().splitlines()]
    return value(lines[0][1]), [(line[0], value(line[1]), value(line[2])) for line in lines[1:]]


def check_wanted(blocks, path):
    envid, recipients = wanted(path)
    assert dict(blocks[0]).get("Original-Envelope-Id") == envid, (blocks[0], envid)
    assert len(blocks) == 1 + len(recipients)
    for block, (action, address, orcpt) in zip(blocks[1:], recipients):
        fields = dict(block)
        assert fields["Action"] == action
        assert decoded(fields["Final-Recipient"]) == ("rfc822" if address.isascii() else "utf-8", address)
        if orcpt is None:
            assert "Original-Recipient" not in fields
        else:
            assert ";".join(decoded(fields["Original-Recipient"])) == orcpt, (fields, orcpt)


def check(path):
    raw = path.read_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    kinds, bodies = check_structure(message, raw)
    blocks = check_status(kinds[1], bodies[1])
    want = path.with_suffix(".want")
    if want.exists():
        check_wanted(blocks, want)
    return want.exists()


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "--filter", "dsn*/*"], check=True,
                       env=dict(os.environ, DSN_SAMPLE_DIR=folder))
        samples = sorted(pathlib.Path(folder).glob("*.eml"))
        known = sum([check(path) for path in samples])
    assert len(samples) > 800 and known > 400, (len(samples), known)
    print(f"ok: {len(samples)} notifications, {known} of them with what they must say")


if __name__ == "__main__":
    main()
