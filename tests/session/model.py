"""What an SMTP server session answers, written from RFC 5321, RFC 3207, RFC 3030, RFC 4954, RFC 6531,
RFC 8689 and the table of verbs in the README. It reads whole segments; knows of grammar only what words.py says of each line."""
import base64
import binascii
import re

import words

LINE_MAX, AUTH_MAX, ERRORS, NOISE = 2048, 12288, 8, 10
GREET, READY, MAIL, RCPT, CHUNKS = range(5)
PHASES = ("greet", "ready", "mail", "rcpt", "chunks")
LEGAL = {"MAIL": {READY}, "RCPT": {MAIL, RCPT}, "DATA": {MAIL, RCPT}, "BDAT": {MAIL, RCPT, CHUNKS},
         "STARTTLS": {READY}}
BEFORE_TLS = {"EHLO", "HELO", "NOOP", "STARTTLS", "XCLIENT", "QUIT"}
USEFUL = {"MAIL", "RCPT", "DATA", "BDAT", "QUIT", "STARTTLS", "AUTH", "XCLIENT"}
BAD_CONTENT = re.compile(rb"\0|\r(?!\n)|(?<!\r)\n")


def sound(content):
    return not BAD_CONTENT.search(content)


class Session:
    def __init__(self, config):
        self.config, self.codes, self.cells = config, [220], set()
        self.closed, self.tls, self.messages, self.buffer = False, False, 0, b""
        self.errors = self.noise = self.mails = 0
        self.forget()

    def forget(self):
        self.phase, self.utf8, self.user, self.mode = GREET, False, False, "command"
        self.rcpts, self.data_refused, self.discarding = 0, False, False
        self.content = b""

    # ---- replies

    def say(self, code):
        self.codes.append(code)

    def close(self):
        self.closed = True

    def refuse(self, code, close=False):
        if code >= 500:
            self.errors += 1
        if self.errors > ERRORS:
            code = 421
        self.say(code)
        if close or code == 421:
            self.close()

    def refuse_line(self, code):
        if self.data_refused:
            self.refuse(554, close=True)
        else:
            self.refuse(code)

    # ---- octets

    def feed(self, segment):
        self.buffer += segment
        while not self.closed and self.step():
            pass

    def step(self):
        return {"command": self.take_command, "auth": self.take_auth, "data": self.take_data,
                "chunk": self.take_chunk}[self.mode]()

    def line(self, limit):
        """The next line; None: not complete yet; False: it was too long."""
        head, lf, rest = self.buffer.partition(b"\n")
        if self.discarding or len(head) + 1 > limit:
            if not lf:
                self.discarding, self.buffer = True, b""
                return None
            self.discarding, self.buffer = False, rest
            return False
        if not lf:
            return None
        self.buffer = rest
        return head + lf

    def take_command(self):
        if not self.discarding and self.buffer.startswith((b"\x16\x03", b"\x03\x00", b"SSH-")):
            self.refuse(554, close=True)
            return False
        line = self.line(LINE_MAX)
        if line is None:
            return False
        if line is False or not line.endswith(b"\r\n") or re.search(rb"[\x00-\x1f\x7f]", line[:-2].rstrip(b" \t")):
            self.refuse_line(500)
        else:
            self.command(line[:-2].rstrip(b" \t"))
        return True

    def take_auth(self):
        line = self.line(AUTH_MAX)
        if line is None:
            return False
        self.mode = "command"
        if line is False:
            self.refuse(500)
        elif not line.endswith(b"\r\n"):
            self.refuse(501)
        elif line == b"*\r\n":
            self.refuse(501)
        else:
            self.respond(line[:-2])
        return True

    def take_data(self):
        """The data begins behind a line end, which is kept in front of what has come."""
        end = self.buffer.find(b"\r\n.\r\n")
        if end < 0:
            return False
        content, self.buffer, self.mode = self.buffer[2:end + 2], self.buffer[end + 5:], "command"
        self.end_message(sound(content))
        return True

    def take_chunk(self):
        taken, self.buffer = self.buffer[:self.left], self.buffer[self.left:]
        self.left -= len(taken)
        if not self.chunk_refused:
            self.content += taken
        if self.left:
            return False
        self.mode = "command"
        self.end_chunk()
        return True

    # ---- commands

    def command(self, text):
        verb, _, argument = text.partition(b" ")
        verb = verb.decode("latin-1").upper()
        if verb not in words.VERBS:
            self.refuse_line(500)
            return
        self.cells.add((PHASES[self.phase], verb))
        if verb == "BDAT":
            self.bdat(argument)
            return
        code = self.judge(verb, argument)
        self.data_refused = False
        if code:
            self.refused(verb, code)
        elif verb not in USEFUL and self.too_noisy():
            self.say(421)
            self.close()
        else:
            getattr(self, "do_" + verb.lower())(argument)

    def too_noisy(self):
        self.noise += 1
        return self.noise > NOISE

    def refused(self, verb, code):
        self.refuse(code, close=verb in words.FOREIGN or (verb == "STARTTLS" and code == 554))
        if verb == "DATA" and not self.closed:
            if self.phase == CHUNKS:
                self.reset()
            self.data_refused = True
            if self.buffer:
                self.close()

    def judge(self, verb, argument):
        """0: may run."""
        if verb in words.FOREIGN:
            return 554
        if self.config["require_tls"] and not self.tls and verb not in BEFORE_TLS:
            return 530
        if verb in LEGAL and self.phase not in LEGAL[verb]:
            return 503
        if verb in words.NOT_OFFERED:
            return 502
        return getattr(self, "check_" + verb.lower(), lambda _: 0)(argument)

    def check_ehlo(self, argument):
        return 0 if words.HELLO.get(argument) else 501

    check_helo = check_ehlo

    def check_none(self, argument):
        return 501 if argument else 0

    check_rset = check_quit = check_none

    def check_vrfy(self, argument):
        return 0 if argument else 501

    def check_data(self, argument):
        return 501 if argument else 554 if self.phase == MAIL else 0

    def check_starttls(self, argument):
        return (501 if argument else 503 if self.tls else 502 if not self.config["starttls"] else
                554 if self.buffer else 0)

    def check_mail(self, argument):
        if self.config["require_auth"] and not self.user:
            return 530
        if self.config["max_mails"] and self.mails >= self.config["max_mails"]:
            return 421
        m = words.MAIL.get(argument, {"bad": 501})
        return (m.get("bad") or (550 if m.get("utf8") and not m.get("smtputf8") else 0) or
                (555 if m.get("auth") and not self.config["auth"] else 0) or
                (555 if m.get("requiretls") and not self.config["requiretls"] else 0) or
                (550 if m.get("requiretls") and not self.tls else 0) or
                (552 if m.get("size", 0) > self.config["max_size"] else 0))

    def check_rcpt(self, argument):
        r = words.RCPT.get(argument, {"bad": 501})
        return (r.get("bad") or (553 if r.get("utf8") and not self.utf8 else 0) or
                (452 if self.rcpts >= self.config["max_rcpts"] else 0))

    def check_auth(self, argument):
        name = argument.split(b" ")[0].upper()
        return (502 if not self.config["auth"] else 538 if not self.tls else
                503 if self.phase != READY or self.user else 501 if not name else
                504 if name not in (b"PLAIN", b"LOGIN") else 0)

    def check_xclient(self, argument):
        return (502 if not self.config["xclient"] else 503 if self.phase > READY else
                501 if argument not in words.XCLIENT else 0)

    # ---- acts

    def reset(self):
        self.rcpts, self.content, self.utf8 = 0, b"", False
        if self.phase > READY:
            self.phase = READY

    def do_ehlo(self, argument):
        if argument.startswith(b"refuse."):
            self.refuse(554)
            return
        self.reset()
        self.phase = READY
        self.say(250)

    do_helo = do_ehlo

    def do_mail(self, argument):
        m = words.MAIL[argument]
        if m.get("policy"):
            self.refuse(m["policy"])
            return
        self.phase, self.utf8 = MAIL, bool(m.get("smtputf8"))
        self.mails += 1
        self.say(250)

    def do_rcpt(self, argument):
        policy = words.RCPT[argument].get("policy")
        if policy:
            self.refuse(policy)
            return
        self.phase, self.rcpts = RCPT, self.rcpts + 1
        self.say(250)

    def do_data(self, _):
        self.say(354)
        self.mode, self.buffer = "data", b"\r\n" + self.buffer

    def do_rset(self, _):
        self.reset()
        self.say(250)

    def do_noop(self, _):
        self.say(250)

    def do_help(self, _):
        self.say(214)

    def do_vrfy(self, _):
        self.say(252)

    def do_quit(self, _):
        self.say(221)
        self.close()

    def do_starttls(self, _):
        self.say(220)
        self.forget()
        self.tls = True

    def do_xclient(self, argument):
        if argument == b"LOGIN=nobody":
            self.refuse(554)
            return
        self.forget()
        self.user = argument == b"LOGIN=anna"
        self.say(220)

    # ---- AUTH

    def do_auth(self, argument):
        _, _, initial = argument.partition(b" ")
        if not initial:
            self.say(334)
            self.mode = "auth"
        else:
            self.respond(b"" if initial == b"=" else initial)

    def respond(self, text):
        try:
            octets = base64.b64decode(text, validate=True)
            assert base64.b64encode(octets) == text
        except (binascii.Error, AssertionError):
            self.refuse(501)
            return
        if octets == b"more":
            self.say(334)
            self.mode = "auth"
        elif octets == b"good":
            self.user = True
            self.say(235)
        else:
            self.refuse(454 if octets == b"temp" else 535)

    # ---- content

    def end_message(self, good):
        self.reset()
        if good:
            self.messages += 1
            self.errors = self.noise = 0
            self.say(250)
            return
        self.errors += 1
        self.say(550)

    def bdat(self, argument):
        found = re.fullmatch(rb"(\d+)( LAST)?", argument, re.IGNORECASE)
        self.data_refused = False
        if not self.config["chunking"] or not found or int(found[1]) >= 1 << 64:
            self.refuse(501 if self.config["chunking"] else 502, close=True)
            return
        self.left, self.last, self.mode = int(found[1]), bool(found[2]), "chunk"
        self.size = self.left
        self.chunk_refused = self.judge_bdat()
        if not self.chunk_refused and self.size == 0 and not self.last and self.too_noisy():
            self.say(421)
            self.close()
        elif not self.chunk_refused:
            self.phase = CHUNKS

    def judge_bdat(self):
        if self.config["require_tls"] and not self.tls:
            return 530
        if self.phase not in LEGAL["BDAT"]:
            return 503
        if self.phase == MAIL:
            return 554
        return 552 if self.size + len(self.content) > self.config["max_size"] else 0

    def end_chunk(self):
        if self.chunk_refused:
            self.refuse(self.chunk_refused)
            self.reset()
        elif self.last:
            self.end_message(sound(self.content))
        else:
            self.say(250)
