"""What is thrown at an SMTP server, and what it must answer.

A row has an id, what it shows, and steps. A step is (octets, replies): what is sent, and one word per
reply that must come before the next step. A word is one or more alternatives divided by "/"; each is
the beginning of a code ("5", "550") and may name the enhanced code ("550:5.5.2"). A word that ends
in "?" need not come, as the end of the connection may overtake it. A step of no octets may wait for
"closed", or bear it: "maybe-closed". In octets, {a} is a domain that is accepted, {f} one that is not, {ip} the server's
address, {r} its name. After the last step a QUIT must be answered by 221 and nothing else, unless
the row ends in "closed".

accepts: how many messages the server may say 250 to. in_tls, in_clear: where the row makes sense.
needs: an extension without which the row is not run.
"""
from dataclasses import dataclass, field


@dataclass
class Row:
    id: str
    shows: str
    steps: list
    accepts: int = 0
    in_clear: bool = True
    in_tls: bool = True
    needs: str = ""
    whole_only: bool = False  # the segmentation is the row's own


@dataclass
class Table:
    rows: list = field(default_factory=list)

    def add(self, id, shows, *steps, **more):
        self.rows.append(Row(id, shows, [(s if isinstance(s, bytes) else s.encode(), r)
                                         for s, r in steps], **more))


EHLO = ("EHLO client.example\r\n", "250")
HELO = ("HELO client.example\r\n", "250")
MAIL = ("MAIL FROM:<s@client.example>\r\n", "250")
RCPT = ("RCPT TO:<v@{a}>\r\n", "250")
DATA = ("DATA\r\n", "354")
NOOP = ("NOOP\r\n", "250")
RSET = ("RSET\r\n", "250")
OPEN = (EHLO, MAIL, RCPT, DATA)
TEXT = b"Subject: probe\r\n\r\n"
DIALOGUE = (b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@{a}>\r\nDATA\r\nSubject: smuggled\r\n\r\n"
            b"smuggled\r\n.\r\n")
BAD_CONTENT = "550:5.5.2"


def line(text, replies):
    return (text + "\r\n", replies)


def ends_of_data(t):
    odd = {
        "E1": [b"\n.\n"], "E2": [b"\n.\r\n", b"\r\n.\n"],
        "E3": [b"\r.\r", b"\r.\n", b"\n.\r", b"\r.\r\n"], "E4": [b"\r\n\0.\r\n"],
        "E6": [b"\r\r\n.\r\r\n", b"\r\n.\r\r\n", b"\r\n\r.\r\n", b"\r\n.\r"],
    }
    for id, ends in odd.items():
        for end in ends:
            t.add(id, f"{end!r} ends no message", *OPEN,
                  (TEXT + b"text" + end + DIALOGUE, BAD_CONTENT), NOOP)
    t.add("E7", "a dot at once ends an empty message", *OPEN, (b".\r\n", "250/554"), NOOP, accepts=1)
    for dots in (b"..\r\n", b"...\r\n", b"..x\r\n"):
        t.add("E8", f"{dots!r} is text", *OPEN, (TEXT + dots + b".\r\n", "250"), accepts=1)
    for at in (4095, 4096, 8191, 16383, 16384, 65535):
        text = TEXT + b"n" * (at - len(TEXT) - 2) + b"\r\n"
        t.add("E12", f"the dot at octet {at}", *OPEN, (text + b".\r\n", "250"), accepts=1,
              whole_only=at > 9000)
    for n in range(1, 6):
        end = b"\r\n.\r\n"
        t.add("E12", f"the end cut at {n}", *OPEN, (TEXT + b"x" + end[:n], ""), (end[n:], "250"),
              NOOP, accepts=1)


def lines(t):
    for n in (511, 512, 513, 1000, 2048):
        t.add("C1", f"a line of {n} octets", EHLO, line("NOOP " + "x" * (n - 7), "250"))
    for n in (2049, 5000):
        t.add("C1", f"a line of {n} octets gets one reply", EHLO,
              line("NOOP " + "x" * (n - 7), "500"), NOOP)
    t.add("C2", "a line without end", EHLO, (b"x" * (70 * 1024), "500/421?"), (b"", "closed"),
          whole_only=True)
    for octets in (b"NOOP\n", b"NO\0OP\r\n", b"NOOP\r\r\n", b"\xff\xfe\r\n", b"NOOP \x01\r\n",
                   b"NOOP\rNOOP\r\n", b"\x1b[2J\r\n"):
        t.add("C3", f"{octets!r} is no command", EHLO, (octets, "500"), NOOP)
    t.add("C3", "empty lines use up the budget", EHLO, (b"\r\n" * 30, " ".join(["500/501"] * 20)),
          (b"", "421?"), (b"", "closed"))
    t.add("C16", "trailing white space is borne", EHLO, (b"NOOP \t \r\n", "250"))


def sequences(t):
    t.add("C4", "DATA before MAIL", EHLO, ("DATA\r\n", "503"))
    t.add("C4", "DATA without a recipient", EHLO, MAIL, ("DATA\r\n", "503/554"))
    t.add("C4", "RCPT before MAIL", EHLO, line("RCPT TO:<v@{a}>", "503"))
    t.add("C4", "MAIL twice", EHLO, MAIL, (MAIL[0], "503"))
    t.add("C4", "MAIL before EHLO", (MAIL[0], "503"))
    t.add("C4", "EHLO in a transaction resets it", EHLO, MAIL, EHLO, (RCPT[0], "503"))
    t.add("C4", "RSET ends it", EHLO, MAIL, RCPT, RSET, ("DATA\r\n", "503"))
    t.add("C4", "a refused EHLO changes nothing", EHLO, MAIL, line("EHLO", "501"), RCPT)
    t.add("C4", "HELO will do", HELO, MAIL, RCPT, DATA, (TEXT + b".\r\n", "250"), accepts=1)
    t.add("C4", "two messages", *OPEN, (TEXT + b".\r\n", "250"), MAIL, RCPT, DATA,
          (TEXT + b".\r\n", "250"), accepts=2)
    t.add("C7", "50 recipients in one segment", EHLO,
          (MAIL[0] + "RCPT TO:<v@{a}>\r\n" * 50 + "DATA\r\n", " ".join(["250"] * 51 + ["354"])),
          (TEXT + b".\r\n", "250"), accepts=1)
    t.add("C7", "a whole message with QUIT behind it", *OPEN, (TEXT + b".\r\nQUIT\r\n", "250 221"),
          (b"", "closed"), accepts=1)
    t.add("C8", "nothing behind QUIT is heard", EHLO, ("QUIT\r\n" + MAIL[0], "221"), (b"", "closed"))
    t.add("C8", "the body after a refused DATA is no command", EHLO,
          (MAIL[0] + "RCPT TO:<v@{f}>\r\nDATA\r\n", "250 5 503/554"),
          (TEXT + DIALOGUE, "5/421?"), (b"", "closed"))
    t.add("C10", "1001 recipients", EHLO, MAIL,
          *[("".join(f"RCPT TO:<v{n + k}@{{a}}>\r\n" for k in range(100)), " ".join(["250"] * 100))
            for n in range(0, 1000, 100)],
          line("RCPT TO:<v1001@{a}>", "452:4.5.3"), RSET, whole_only=True)


def addresses(t):
    good = ['"a b"@{a}', '"a\\"b\\\\c"@{a}', "a+b=c@{a}", "a/b@{a}", "!#$%&'*+-/=?^_`{|}~@{a}",
            "v@{a}", "A@{a}", '"@"@{a}', '">"@{a}', '"a@b.c"@{a}',
            '"x\'/**/UNION/**/SELECT/**/X\'00\'--"@{a}', "@x.example:v@{a}", "@x.example,@y.example:v@{a}"]
    for each in good:
        t.add("C13", f"<{each}> is an address", EHLO, MAIL, line("RCPT TO:<" + each + ">", "250"))
    bad = ['""', '"\r"@{a}', "a..b@{a}", ".a@{a}", "a.@{a}", "a@[999.1.1.1]", "a@[IPv6:::g]", "a@-x.example",
           "a@x..example", "a@", "@{a}", "a b@{a}", "a@{a} ", "a\\@b@{a}", "a(b)@{a}", "a@[]",
           "a@[1.2.3]", "a@x_y.{a}", "a@[IPv6:1::2::3]", "<a@{a}>", "a@{a}:25"]
    for each in bad:
        t.add("C13", f"<{each}> is none", EHLO, MAIL, line("RCPT TO:<" + each + ">", "5"), NOOP)
    for n, replies in ((64, "250"), (65, "501/553"), (255, "501/553")):
        t.add("C11", f"a local part of {n}", EHLO, MAIL, line("RCPT TO:<" + "l" * n + "@{a}>", replies))
    for n, replies in ((63, "250/5"), (64, "501/553")):
        t.add("C11", f"a label of {n}", EHLO, line(f"MAIL FROM:<s@{'l' * n}.example>", replies))
    long_name = ".".join(["d" * 60] * 4) + ".ex"
    t.add("C11", "a domain of 256", EHLO, line(f"MAIL FROM:<s@{long_name}{'a' * (256 - len(long_name))}>", "5"))
    t.add("C11", "a path of 300", EHLO, line("MAIL FROM:<" + "@x.example," * 25 + "@x.example:s@y.example>", "5"))
    t.add("C13", "the null reverse-path", EHLO, line("MAIL FROM:<>", "250"), RCPT)
    t.add("C13", "no null recipient", EHLO, MAIL, line("RCPT TO:<>", "5"))
    t.add("C13", "postmaster without a domain", EHLO, MAIL, line("RCPT TO:<postmaster>", "250"))
    t.add("C13", "white space after the colon", EHLO, line("MAIL FROM: <s@x.example>", "250/5"))
    t.add("C13", "no brackets", EHLO, line("MAIL FROM:s@x.example", "250/501"))
    t.add("C14", "8-bit without SMTPUTF8", EHLO, ("MAIL FROM:<\xfc@x.example>\r\n".encode(), "550/553/501"))
    for octets in (b"\xc3\x28", b"\xc0\xae", b"\xed\xa0\x80", b"\xff"):
        t.add("C14", f"{octets!r} is no UTF-8", EHLO,
              (b"MAIL FROM:<" + octets + b"@x.example> SMTPUTF8\r\n", "5"), needs="SMTPUTF8")
    t.add("C14", "UTF-8 with SMTPUTF8", EHLO, ("MAIL FROM:<\u00fc@x.example> SMTPUTF8\r\n".encode(), "250"),
          ("RCPT TO:<\u00e4\u00f6@{a}>\r\n".encode(), "250"), needs="SMTPUTF8")
    t.add("C14", "a recipient in UTF-8 without it", EHLO, MAIL, ("RCPT TO:<\u00e4@{a}>\r\n".encode(), "5"))
    for text in ("$(id)", "%n%n", "${run{id}}", "'; DROP TABLE message; --", "`id`", "|cmd",
                 "/etc/passwd", ":include:/etc/passwd", "-oQ/tmp"):
        t.add("C22", f"{text} is text", EHLO, line(f"MAIL FROM:<{text}@x.example>", "250/5"), RSET,
              line(f"NOOP {text}", "250"), line(f"{text}", "500"))


def hello(t):
    t.add("C22", "EHLO without a name", line("EHLO", "501"), line("EHLO ", "501"))
    t.add("C22", "a name of 1000", line("EHLO " + "h" * 1000, "501"), EHLO)
    for name in ("[192.0.2.1]", "[IPv6:2001:db8::1]", "a_b.example", "localhost", "a.b.c.d"):
        t.add("C22", f"EHLO {name}", line("EHLO " + name, "250"))
    for name in ("a b", "$(id)", "%n%n", "'; DROP TABLE x", "`id`", "[1.2.3.4", "[999.1.1.1]", "-a.example",
                 "a..b", "\u00fc.example"):
        t.add("C22", f"EHLO {name}", (("EHLO " + name + "\r\n").encode(), "501"), EHLO)
    t.add("C23", "no user is told", line("VRFY v@{a}", "252"), line("EXPN list", "502/550"),
          line("HELP", "214/502"), line("ETRN x'y", "500/502/503"), line("TURN", "502/500"),
          line("SAML FROM:<a@b.example>", "502/500"), line("XFORWARD NAME=x", "502/500/503"),
          line("XEXPS GSSAPI", "502/500"), line("XCLIENT ADDR=127.0.0.1", "502/500/550/503"), NOOP)
    for words in (b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"CONNECT x:25 HTTP/1.1\r\n",
                  b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
                  b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00\r\n"):
        t.add("C20", f"{words[:12]!r} is another protocol", (words + b"Host: x\r\n\r\n" + DIALOGUE, "5/421?"),
              (b"", "closed"))


def parameters(t):
    for value in ("999999999999999999999", "-1", "", "1e3", "0x10", "1 SIZE=1"):
        t.add("C18", f"SIZE={value}", EHLO, line(f"MAIL FROM:<s@x.example> SIZE={value}", "501/552/555"))
    t.add("C18", "SIZE=0 says nothing", EHLO, line("MAIL FROM:<s@x.example> SIZE=0", "250"))
    t.add("C18", "SIZE=10 binds nobody", EHLO, line("MAIL FROM:<s@x.example> SIZE=10", "250"), RCPT, DATA,
          (TEXT + b"more than ten octets\r\n.\r\n", "250"), accepts=1)
    t.add("C18", "too large by its own word", EHLO, line("MAIL FROM:<s@x.example> SIZE=99999999", "552"))
    t.add("B13", "BINARYMIME is not offered", EHLO, line("MAIL FROM:<s@x.example> BODY=BINARYMIME", "501/555"))
    t.add("I5", "an unknown parameter", EHLO, line("MAIL FROM:<s@x.example> FOO=bar", "555"),
          line("MAIL FROM:<s@x.example> FOO", "555"), MAIL, line("RCPT TO:<v@{a}> FOO=bar", "555"))
    t.add("I5", "50 parameters", EHLO, line("MAIL FROM:<s@x.example>" + " A=1" * 50, "555/501"))
    t.add("I5", "malformed ones", EHLO, line("MAIL FROM:<s@x.example> =", "501/555"),
          line("MAIL FROM:<s@x.example>SIZE=1", "501/555"), line("MAIL FROM:<s@x.example> BODY=", "501/555"),
          line("MAIL FROM:<s@x.example> BODY=8BITMIME BODY=7BIT", "501/555"), NOOP)
    for value in ("+0D+0AMAIL", "+00", "+", "+4", "+zz", "+0a", "a=b", "e" * 101):
        t.add("I1", f"ENVID={value[:12]}", EHLO, line(f"MAIL FROM:<s@x.example> ENVID={value}", "501"),
              needs="DSN")
    for value in ("rfc822;+0D+0ABcc:x", "rfc822;a+00b", "rfc822;+", "rfc822;a=b", "rfc822", ";a", "rfc822;",
                  "rfc822;" + "o" * 500, "utf-8;\\x{0D}", "a b;c"):
        t.add("I3", f"ORCPT={value[:20]}", EHLO, MAIL, line(f"RCPT TO:<v@{{a}}> ORCPT={value}", "501/555"),
              needs="DSN")
    for value in ("NEVER,SUCCESS", "", "FOO", "SUCCESS,", ",FAILURE", "SUCCESS SUCCESS", "NEVER,NEVER"):
        t.add("I4", f"NOTIFY={value}", EHLO, MAIL, line(f"RCPT TO:<v@{{a}}> NOTIFY={value}", "501/555"),
              needs="DSN")
    t.add("I4", "DSN parameters at the wrong command", EHLO,
          line("MAIL FROM:<s@x.example> NOTIFY=NEVER", "501/555"),
          line("MAIL FROM:<s@x.example> RET=FULL RET=HDRS", "501/555"),
          line("MAIL FROM:<s@x.example> RET=ALL", "501/555"), MAIL,
          line("RCPT TO:<v@{a}> RET=FULL", "501/555"), needs="DSN")
    t.add("I3", "all of them well", EHLO,
          line("MAIL FROM:<s@x.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1", "250"),
          line("RCPT TO:<v@{a}> NOTIFY=success,Failure,DELAY ORCPT=rfc822;v+2Bx@{a}", "250"), needs="DSN")


def contents(t):
    for n in (998, 999, 2000, 100_000):
        t.add("C17", f"a header line of {n}", *OPEN, (b"X: " + b"h" * (n - 3) + b"\r\n\r\nt\r\n.\r\n", "250/5"),
              NOOP, accepts=1, whole_only=n > 9000)
    t.add("C17", "10,000 header lines", *OPEN, (b"X: 1\r\n" * 10_000 + b"\r\n.\r\n", "250/5"), accepts=1,
          whole_only=True)
    t.add("C17", "no header at all", *OPEN, (b"\r\nt\r\n.\r\n", "250"), accepts=1)
    t.add("C17", "only a line end", *OPEN, (b"\r\n.\r\n", "250"), accepts=1)
    t.add("C17", "a header that begins with a space", *OPEN, (b" x\r\n\r\n.\r\n", "250"), accepts=1)
    t.add("L1", "101 Received lines", *OPEN, (b"Received: x\r\n" * 101 + b"\r\n.\r\n", "554:5.4.6"))
    t.add("L1", "99 of them", *OPEN, (b"Received: x\r\n" * 98 + b"\r\n.\r\n", "250"), accepts=1)
    t.add("L1", "odd spellings count", *OPEN, (b"received :\r\n x\r\n" * 101 + b"\r\n.\r\n", "554:5.4.6/250"),
          accepts=1)
    t.add("C16", "8-bit octets", *OPEN, (TEXT + bytes(range(128, 256)) + b"\r\n.\r\n", "250"), accepts=1)
    t.add("C16", "controls", *OPEN, (TEXT + b"\x01\x07\x08\x1b\x7f\r\n.\r\n", "250"), accepts=1)


def chunk(text, last=True):
    return b"BDAT %d%s\r\n" % (len(text), b" LAST" if last else b"") + text


def chunks(t):
    head, c = (EHLO, MAIL, RCPT), {"needs": "CHUNKING"}
    closed = (b"", "closed")
    for words in ("BDAT", "BDAT x", "BDAT -1", "BDAT 1e3", "BDAT 0x10", "BDAT 5LAST",
                  "BDAT 18446744073709551616", "BDAT +5", "BDAT  5"):
        t.add("B2", f"{words} has no size", *head, line(words, "501"), closed, **c)
    t.add("B2", "another word behind the size", *head, (b"BDAT 7 FOO\r\nhello\r\n", "501"), (b"", "maybe-closed"),
          **c)
    t.add("B3", "an empty message", *head, line("BDAT 0 LAST", "250/554"), NOOP, accepts=1, **c)
    t.add("B3", "empty chunks", *head, ("BDAT 0\r\n" * 10, " ".join(["250"] * 10)),
          (chunk(b"x: y\r\n"), "250"), accepts=1, **c)
    t.add("B3", "leading zeros", *head, (b"BDAT 0006 LAST\r\nx: y\r\n", "250"), accepts=1, **c)
    t.add("B3", "three chunks", *head, (chunk(b"Subject: x", False), "250"), (chunk(b"\r\n\r\n", False), "250"),
          (chunk(b"text\r\n"), "250"), NOOP, accepts=1, **c)
    t.add("B4", "without a recipient the chunk is eaten", EHLO, MAIL, (chunk(b"QUIT\r\n"), "503/554"), NOOP, **c)
    t.add("B4", "before MAIL too", EHLO, (chunk(b"QUIT\r\n", False), "503"), NOOP, **c)
    t.add("B4", "DATA after BDAT", *head, (chunk(b"x: y\r\n", False), "250"), ("DATA\r\n", "503"), RSET, **c)
    t.add("B4", "all recipients refused", EHLO, MAIL, line("RCPT TO:<v@{f}>", "5"),
          (chunk(b"QUIT\r\n") + b"NOOP\r\n", "503/554 250"), **c)
    t.add("B5", "chunks behind a refused one are eaten", EHLO, MAIL,
          (chunk(b"RSET\r\n", False) * 4 + chunk(b"QUIT\r\n"), " ".join(["503/554"] * 5)), NOOP, **c)
    t.add("B5", "after RSET a new message", *head, (chunk(b"x: y\r", False), "250"), RSET, MAIL, RCPT,
          (chunk(b"x: y\r\n"), "250"), accepts=1, **c)
    t.add("B8", "what follows the chunk is the next command", *head,
          (chunk(b"x: y\r\n") + b"NOOP\r\n", "250 250"), accepts=1, **c)
    t.add("B9", "dots are text", *head, (chunk(b"x: y\r\n\r\n.\r\n..\r\nend\r\n"), "250"), NOOP, accepts=1, **c)
    for octet in (b"\n", b"\r", b"\0"):
        t.add("B9", f"{octet!r} in a chunk is refused", *head, (chunk(b"x: y\r\n\r\na" + octet + b"b\r\n"), BAD_CONTENT),
              NOOP, **c)
    t.add("B9", "a line end cut between chunks", *head, (chunk(b"x: y\r", False), "250"),
          (chunk(b"\n\r\n"), "250"), accepts=1, **c)
    dialogue = b"x: y\r\n\r\n.\r\n" + DIALOGUE.replace(b"{a}", b"good.example")
    t.add("B9", "a dialogue in a chunk", *head, (chunk(dialogue), "250"), NOOP, accepts=1, **c)


def tls(t):
    only = {"in_tls": False}
    t.add("T4", "STARTTLS with an argument", EHLO, line("STARTTLS x", "501"), NOOP, needs="STARTTLS", **only)
    t.add("T4", "STARTTLS in a transaction", EHLO, MAIL, line("STARTTLS", "503"), needs="STARTTLS", **only)
    t.add("T1", "commands behind STARTTLS", EHLO, ("STARTTLS\r\nEHLO evil.example\r\n" + MAIL[0], "554/220/501?"),
          (b"", "closed"), needs="STARTTLS", whole_only=True, **only)
    t.add("T3", "nothing is left from before", (MAIL[0], "503"), in_clear=False)
    t.add("T4", "STARTTLS twice", EHLO, line("STARTTLS", "503"), in_clear=False)


FORMS = ["<v@{f}>", "<v%{f}@{r}>", "<v%{f}@[{ip}]>", '<"v@{f}">', '<"v%{f}">', "<v@{f}@{r}>", "<v@{f}@[{ip}]>",
         '<"v@{f}"@{r}>', '<"v@{f}"@[{ip}]>', "<@{r}:v@{f}>", "<@[{ip}]:v@{f}>", "<{f}!v>", "<{f}!v@{r}>",
         "<{f}!v@[{ip}]>", "<v@{f}.>", "v@{f}", "< v@{f} >", "<v@{F}>", "<v@{f}@{a}", "<v@{a}@{f}>", "<v@x{a}>",
         "<v@{a}.{f}>", "<v@.{a}>", "<@{a}:v@{f}>", "<v@{a} {f}>", "<v@{f},v@{a}>", "<@{a},@{r}:v@{f}>",
         "<v@[{ip}]>", "<v%{f}%{f}@{r}>", "<v@{f}\\@{a}>"]
SENDERS = ["<>", "<a@{f}>", "<a@{r}>", "<a@[{ip}]>", "<a@{a}>", "<postmaster@{f}>"]


def relay_forms(t):
    for at, form in enumerate(FORMS):
        for sender in SENDERS:
            t.add(f"R{at + 1}", f"{form} from {sender}", EHLO, line("MAIL FROM:" + sender, "250"),
                  line("RCPT TO:" + form, "5"), ("DATA\r\n", "503/554"))


def all_rows():
    t = Table()
    for part in (ends_of_data, lines, sequences, addresses, hello, parameters, contents, chunks, tls, relay_forms):
        part(t)
    return t.rows
