"""The table of misbehaving remote servers, and what must become of a message for each.

outcome: sent, deferred or bounced at the first attempt; "later": deferred first, sent in the end.
words: what the delivery line must hold. rcpts: how many recipients the message has, outcomes one each.
"""
from dataclasses import dataclass, field

from servers import Close, DeafStall, Drip, Endless, Reset, Stall, Turns

MOMENTS = ("EHLO", "MAIL", "RCPT", "DATA", "DOT")
BAD_CODES = [b"000 x\r\n", b"199 x\r\n", b"299 x\r\n", b"600 x\r\n", b"999 x\r\n", b"25\r\n", b"2500 x\r\n",
             b"-250 x\r\n", b"250:x\r\n", b"\t250 x\r\n", b" 250 x\r\n", b"250 x\n", b"250-a\r\n550 b\r\n",
             b"250 x\0y\r\n", b"ok\r\n", b"\r\n", b"250\tx\r\n", b"\xff\xfe\r\n"]


@dataclass
class Case:
    id: str
    shows: str
    script: dict
    outcome: object = "deferred"
    words: str = ""
    rcpts: int = 1
    size: int = 0


@dataclass
class Table:
    cases: list = field(default_factory=list)

    def add(self, *arguments, **more):
        self.cases.append(Case(*arguments, **more))


def endless_talk(t):
    t.add("M1", "a greeting line of 5 KiB", {"greeting": b"220 " + b"x" * 5000 + b"\r\n"})
    t.add("M1", "a greeting line of 1 MiB", {"greeting": b"220 " + b"x" * (1 << 20) + b"\r\n"})
    t.add("M1", "a greeting without end", {"greeting": Endless(b"220-x\r\n" * 1000)})
    t.add("M1", "a line without end", {"greeting": Endless(b"x" * 4096)})
    for moment in MOMENTS:
        t.add("M1", f"a reply to {moment} without end", {moment: Endless(b"250-x\r\n" * 1000)})


def slow_talk(t):
    t.add("M2", "nothing after connect", {"greeting": Stall()}, words="timed out")
    for moment in MOMENTS:
        t.add("M2", f"nothing at {moment}", {moment: Stall()}, words="timed out")
        t.add("M2", f"one octet at a time at {moment}", {moment: Drip(b"250-x\r\n" * 400, 0.4)}, words="timed out")
    t.add("M10", "nobody reads the message", {"DATA": [b"354 go\r\n", DeafStall()]}, words="timed out", size=8_000_000)


def wrong_codes(t):
    for moment in MOMENTS:
        for octets in BAD_CODES:
            t.add("M3", f"{octets!r} to {moment}", {moment: octets})
    for moment in ("MAIL", "RCPT", "DOT"):
        t.add("M3", f"354 to {moment}", {moment: b"354 x\r\n"})
    t.add("M3", "250 alone is a reply", {"DOT": b"250\r\n"}, "sent")
    t.add("M7", "250 to DATA", {"DATA": b"250 Ok\r\n"})
    t.add("M7", "554 as greeting", {"greeting": b"554 5.7.1 not you\r\n"})
    t.add("M7", "500 to EHLO, then HELO", {"EHLO": b"500 what\r\n"}, "sent")
    t.add("M7", "502 to EHLO, then HELO", {"EHLO": b"502 5.5.1 what\r\n"}, "sent")
    t.add("M7", "421 to EHLO", {"EHLO": b"421 4.3.2 later\r\n"})


def ends(t):
    for moment in ("greeting", *MOMENTS):
        for act in (Close(), Reset()):
            t.add("M6", f"{type(act).__name__} at {moment}", {moment: act})
        t.add("M6", f"421 at {moment}", {moment: [b"421 4.3.2 shutting down\r\n", Close()]})
        t.add("M6", f"221 at {moment}", {moment: [b"221 2.0.0 bye\r\n", Close()]})
    t.add("M6", "250 to the dot, then a reset", {"DOT": [b"250 2.0.0 Ok\r\n", Reset()]}, "sent")
    t.add("M6", "250 to the dot, then closed", {"DOT": [b"250 2.0.0 Ok\r\n", Close()]}, "sent")


def early_replies(t):
    ok = b"250 2.0.0 Ok\r\n"
    t.add("M4", "replies right behind the greeting", {"greeting": b"220 x ESMTP\r\n" + ok * 6, "EHLO": b"", "MAIL": b"",
                                                      "RCPT": b"", "DATA": b"", "DOT": b""})
    t.add("M4", "the whole dialogue behind EHLO", {"EHLO": b"250 x\r\n" + ok * 2 + b"354 go\r\n" + ok, "MAIL": Stall()})
    t.add("M4", "the dot's reply with the 354", {"DATA": b"354 go\r\n250 2.0.0 Ok\r\n", "DOT": Stall()})
    t.add("M4", "two replies to MAIL", {"EHLO": b"250 x\r\n", "MAIL": ok * 2})


def mixed_recipients(t):
    five = Turns([b"250 2.1.5 Ok\r\n", b"451 4.7.1 greylisted\r\n", b"550 5.1.1 no such user\r\n", b"250 2.1.5 Ok\r\n"])
    t.add("M8", "each recipient its own", {"RCPT": five}, ["sent", "deferred", "bounced", "sent"], rcpts=4)
    t.add("M8", "a reply is missing", {"RCPT": Turns([b"250 2.1.5 Ok\r\n", b""])}, ["deferred", "deferred"], rcpts=2)
    t.add("M8", "all refused, and 354 all the same", {"RCPT": b"550 5.1.1 no\r\n"}, ["bounced", "bounced"], rcpts=2)


def extensions(t):
    many = b"".join(b"250-X%05d\r\n" % n for n in range(10_000)) + b"250 SIZE 1\r\n"
    t.add("M11", "10,000 keywords", {"EHLO": many})
    t.add("M11", "SIZE 1", {"EHLO": b"250-x\r\n250 SIZE 1\r\n"}, "bounced", "5.3.4")
    for line in (b"SIZE 0", b"SIZE " + b"9" * 30, b"SIZE", b"SIZE x", b"PIPELININGX", b"XPIPELINING", b"LIMITS RCPTMAX=0",
                 b"LIMITS RCPTMAX=x", b"LIMITS", b"AUTH", b"AUTH=LOGIN", b"8BITMIMEX", b"STARTTLSX", b"CHUNKINGX",
                 b"DSN=1", b"\x80\x81", b"x" * 400):
        t.add("M11", f"EHLO says {line[:20]!r}", {"EHLO": b"250-x\r\n250 " + line + b"\r\n"}, "sent")


def texts(t):
    for octets in (b"\x1b[2J", b"%n%s%n", b"\xff\xfe", b"\x07\x08", b"a" * 2000, b"<script>alert(1)</script>", b"$(id)`id`",
                   b"'; DROP TABLE message; --", b"\xe2\x80\xae", b"5.1.1 " * 40):
        t.add("M12", f"550 with {octets[:12]!r}", {"RCPT": b"550 5.1.1 " + octets + b"\r\n"}, "bounced")
        t.add("M12", f"451 with {octets[:12]!r}", {"DOT": b"451 4.3.0 " + octets + b"\r\n"})
    t.add("M12", "a last line shorter than its code", {"RCPT": b"550-5.1.1 a\r\n.\r\nMAIL FROM:<x@y>\r\n550\r\n"})
    t.add("M12", "many lines", {"RCPT": b"550-5.1.1 no\r\n" * 200 + b"550 5.1.1 no\r\n"}, "bounced")


def returning(t):
    t.add("M15", "greylisted three times", {"RCPT": Turns([b"451 4.7.1 greylisted\r\n"] * 3 + [b"250 2.1.5 Ok\r\n"])}, "later")
    t.add("M15", "451 to the dot, then 250", {"DOT": Turns([b"451 4.3.0 later\r\n", b"250 2.0.0 Ok\r\n"])}, "later")


def all_cases():
    t = Table()
    for part in (endless_talk, slow_talk, wrong_codes, ends, early_replies, mixed_recipients, extensions, texts, returning):
        part(t)
    return t.cases
