#!/usr/bin/env python3
"""Runs the notification tests with a sample directory and reads the samples with another parser."""
import email, email.policy, os, subprocess, sys, tempfile

WANT = {"failed": (2, "failed"), "delayed": (1, "delayed"), "foreign": (1, "failed"), "utf8": (1, "failed")}


def check(path, recipients, action):
    with open(path, "rb") as f:
        m = email.message_from_binary_file(f, policy=email.policy.SMTP)
    assert m.get_content_type() == "multipart/report", m.get_content_type()
    assert m.get_param("report-type") == "delivery-status"
    assert m["Auto-Submitted"] == "auto-replied"
    parts = m.get_payload()
    assert len(parts) == 3, len(parts)
    assert parts[0].get_content_type() == "text/plain"
    assert parts[1].get_content_type().endswith("delivery-status")
    assert parts[2].get_content_type() in ("text/rfc822-headers", "message/global-headers")
    if parts[1].get_content_type() == "message/delivery-status":
        fields = parts[1].get_payload()
        assert len(fields) == 1 + recipients, len(fields)
        assert fields[0]["Reporting-MTA"] == "dns; relay.example"
        for f in fields[1:]:
            assert f["Action"] == action and f["Final-Recipient"] and f["Status"][0] in "45", f
    assert not [d for p in m.walk() for d in p.defects], [p.defects for p in m.walk()]


with tempfile.TemporaryDirectory() as d:
    subprocess.run([sys.argv[1], "--filter", "dsn/*"], check=True, env=dict(os.environ, DSN_SAMPLE_DIR=d))
    for name, want in WANT.items():
        check(os.path.join(d, name + ".eml"), *want)
print("ok")
