"""The message that a case sends."""
from world import SENDER_DOMAIN


def content_for(case_id):
    return (f"From: <{case_id}@{SENDER_DOMAIN}>\r\nSubject: case {case_id}\r\n"
            f"Message-ID: <{case_id}@lab>\r\n\r\n.a line with a dot\r\nbody of {case_id}\r\n").encode()


def submit_one(daemon, case, domain=""):
    return daemon.submit(f"{case.id}@{SENDER_DOMAIN}", f"rcpt@{domain or case.domain}",
                         content_for(case.id))
