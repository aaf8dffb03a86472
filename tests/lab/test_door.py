"""What is asked outside before a recipient is taken: lists of addresses and reverse zones that knot
serves, a file of recipients that changes, a next hop that knows better."""
import contextlib
import os

import pytest

import place
from case import GOOD
from daemon import Dialogue
from place import wait_until
from receiver import Behaviour, Receiver

OURS = "door.example"
LISTED, NAMED, STRANGE = "198.51.100.77", "198.51.100.78", "198.51.100.79"
NAME = f"c78.{GOOD}"
HOP = place.address(120)

pytestmark = pytest.mark.skipif(not place.NAMESPACE, reason="clients need addresses of their own")


def backwards(address):
    return ".".join(reversed(address.split(".")))


@pytest.fixture(scope="module")
def zones(world):
    world.dns.add_now(GOOD, [f"{backwards(LISTED)}.bl.{GOOD}. A 127.0.0.4",
                             f"{backwards(LISTED)}.bl.{GOOD}. TXT \"listed since \\195\\188 yesterday\"",
                             f"{backwards(NAMED)}.odd.{GOOD}. A 192.0.2.1",
                             f"{NAME}. A {NAMED}"])
    world.dns.add_now(".", [f"{backwards(NAMED)}.in-addr.arpa. PTR {NAME}.",
                            f"{backwards(STRANGE)}.in-addr.arpa. PTR {NAME}."])


def doors(checks=None, **domain):
    """Settings with one door for strangers, and a domain behind it."""
    def change(made):
        listener = made["listeners"]["lab"]
        listener.update({"clients": ["198.51.100.25/32"], "checks": checks or {}})
        made["next_hops"]["inside"] = {"hosts": [f"{HOP}:25"], "tls": "may"}
        made["domains"] = {OURS: {"to": "inside", **domain}}
    return change


def dial(d, source, helo="client.example"):
    dialogue = Dialogue(d.smtp_address, source)
    assert dialogue.greeting[0] == 220
    assert dialogue.ask_line(f"EHLO {helo}")[0] == 250
    assert dialogue.ask_line("MAIL FROM:<a@b.example>")[0] == 250
    return dialogue


def rcpt(d, source, local="someone", helo="client.example"):
    with dial(d, source, helo) as dialogue:
        return dialogue.ask_line(f"RCPT TO:<{local}@{OURS}>")[1]


def test_lists(daemon, zones):
    d = daemon(doors({"dnsbl": [f"odd.{GOOD}", f"servfail.{GOOD}", f"bl.{GOOD}"]}))
    assert rcpt(d, LISTED) == (f"550 5.7.1 Client [{LISTED}] is listed by bl.{GOOD}: "
                               "listed since ?? yesterday")
    assert rcpt(d, LISTED, "postmaster").startswith("250 ")
    assert rcpt(d, NAMED).startswith("250 "), "an answer outside 127.0.0.0/8 is no listing"
    assert rcpt(d, place.RELAY).startswith("250 "), "clients are not asked about"
    told = [line for line in d.lines if "smtpd.reject" in line]
    assert len(told) == 1 and f"to=<someone@{OURS}>" in told[0] and "from=<a@b.example>" in told[0]


def test_a_list_that_is_silent_refuses_nobody(daemon, zones):
    d = daemon(doors({"dnsbl": [f"hole.{GOOD}"]}))
    assert rcpt(d, LISTED).startswith("250 ")


def test_names(daemon, zones):
    d = daemon(doors({"client_name": "require", "helo": "log"}))
    assert rcpt(d, LISTED) == f"550 5.7.25 [{LISTED}] has no name that leads back to it"
    assert rcpt(d, STRANGE) == f"550 5.7.25 [{STRANGE}] has no name that leads back to it"
    with dial(d, NAMED, NAME) as dialogue:
        assert dialogue.ask_line(f"RCPT TO:<someone@{OURS}>")[0] == 250
        assert dialogue.ask_line("DATA")[0] == 354
        assert dialogue.ask(b"Subject: x\r\n\r\nx\r\n.\r\n")[0] == 250
    assert any(f"client={NAME}[{NAMED}]" in line for line in d.lines if "smtpd.accept" in line)
    with dial(d, NAMED, "nowhere.good.example") as dialogue:
        assert dialogue.ask_line(f"RCPT TO:<someone@{OURS}>")[0] == 250
    assert any("check=helo" in line and "helo=nowhere.good.example" in line for line in d.lines)


def test_file_of_recipients(daemon, tmp_path):
    path = tmp_path / "recipients"
    path.write_text(f"# here\nanna@{OURS}\nbert\n")
    d = daemon(doors(recipients_file=str(path), recipient_delimiter="+"))
    assert rcpt(d, STRANGE, "Anna+x").startswith("250 ") and rcpt(d, STRANGE, "bert").startswith("250 ")
    assert rcpt(d, STRANGE, "carl") == f"550 5.1.1 <carl@{OURS}>: no such recipient here"
    (tmp_path / "new").write_text(f"carl@{OURS}\n")
    os.replace(tmp_path / "new", path)
    wait_until(lambda: rcpt(d, STRANGE, "carl").startswith("250 "), 20, "the new list")
    assert rcpt(d, STRANGE, "anna").startswith("550 5.1.1")
    path.write_text("two words\n")
    wait_until(lambda: any(f"{path}:1:5: \"words\"" in line and "recipients_failed" in line
                           for line in d.lines), 20, lambda: "\n".join(d.lines[-3:]))
    assert rcpt(d, STRANGE, "carl").startswith("250 "), "the old list stays"
    done = d.command("reload")
    assert done.returncode == 2 and f"{path}:1:5:" in done.stderr
    assert d.command("check-config").returncode == 2
    path.write_text(f"dora@{OURS}\n")
    assert d.command("reload").returncode == 0
    assert rcpt(d, STRANGE, "dora").startswith("250 ")


def test_wrong_file_at_start(daemon, tmp_path):
    path = tmp_path / "recipients"
    path.write_text("a@b.example c\n")
    d = daemon(doors(recipients_file=str(path)), wait=False)
    wait_until(lambda: d.process.poll() is not None, 20, "the end")
    assert d.process.returncode == 2 and any(f"{path}:1:13:" in line for line in d.lines)


@pytest.fixture
def hop():
    """A next hop that answers RCPT as told."""
    receivers = []

    def start(*replies, **others):
        receivers.append(Receiver(HOP, 25, None, Behaviour(starttls="none", **others,
                                                           replies={"RCPT": list(replies)})))
        return receivers[-1]
    yield start
    for receiver in receivers:
        with contextlib.suppress(OSError):  # a test closes its own
            receiver.close()


def test_next_hop_is_asked(daemon, hop):
    receiver = hop("250 2.1.5 Ok", "550 5.1.1 no such user", "450 4.2.1 not now")
    d = daemon(doors(verify_recipients=True))
    assert rcpt(d, STRANGE, "anna").startswith("250 ")
    assert rcpt(d, STRANGE, "bert") == \
        f"550 5.1.1 <bert@{OURS}>: the next hop says: 5.1.1 no such user"
    assert rcpt(d, STRANGE, "carl") == f"450 4.2.1 <carl@{OURS}>: the next hop says: 4.2.1 not now"
    said = sum((visit.commands for visit in receiver.visits), [])
    assert "MAIL FROM:<>" in said and "DATA" not in said and not receiver.messages
    asked = len([c for c in said if c.startswith("RCPT")])
    receiver.close()
    assert rcpt(d, STRANGE, "anna").startswith("250 "), "known, and the next hop is away"
    assert rcpt(d, STRANGE, "bert").startswith("550 "), "known"
    assert rcpt(d, STRANGE, "dora").startswith("450 4.4.1 "), "not known"
    assert rcpt(d, STRANGE, "postmaster").startswith("250 ")
    assert asked == 3, said
    assert any("smtp.verify" in line and "result=refused" in line for line in d.lines)


def test_next_hop_that_takes_no_probe(daemon, hop):
    receiver = hop()
    receiver.replies["MAIL"] = iter(["550 5.7.1 no bounces here"])
    d = daemon(doors(verify_recipients=True))
    assert rcpt(d, STRANGE, "anna").startswith("250 ")


def test_one_probe_for_all_who_ask(daemon, hop):
    receiver = hop(delay=1.0)
    d = daemon(lambda made: (doors(verify_recipients=True)(made), made.update({"workers": 1})))
    dialogues = [dial(d, STRANGE) for _ in range(5)]
    for each in dialogues:
        each.send(f"RCPT TO:<anna@{OURS}>\r\n")
    assert [each.reply()[0] for each in dialogues] == 5 * [250]
    for each in dialogues:
        each.close()
    assert sum(c.startswith("RCPT") for visit in receiver.visits for c in visit.commands) == 1


def test_probe_out_at_the_end(daemon, hop):
    """The relay stops in order while a next hop leaves a probe without an answer."""
    hop(close_at="", greeting="220-wait\r\n220 receiver.example ESMTP", delay=30.0)
    d = daemon(doors(verify_recipients=True))
    with dial(d, STRANGE) as dialogue:
        dialogue.send(f"RCPT TO:<anna@{OURS}>\r\n")
        assert d.stop() == 0
        assert dialogue.reply()[0] in (421, 450, 0)
