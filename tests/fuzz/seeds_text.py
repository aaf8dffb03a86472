"""Seeds of the targets whose inputs are lines of text: the words of SMTP, files, notifications.
What the octets in front of each mean is said at the head of the target."""
import struct

# ---- command: the parser in the lowest three bits, how it is asked above them

VERB, HELO, PATH, MAIL, RCPT, BDAT, XCLIENT = range(7)
SENDER, UTF8 = 8, 16  # of PATH
SMTPUTF8 = 8          # of RCPT

COMMAND = {
    "verb": (VERB, "EHLO"),
    "verb_unknown": (VERB, "EHLOX"),
    "helo": (HELO, "mail.example"),
    "helo_literal": (HELO, "[IPv6:2001:db8::1]"),
    "path": (PATH | SENDER, "<a.b+c@d.example> SIZE=1"),
    "path_null": (PATH | SENDER, "<>"),
    "path_postmaster": (PATH, "<Postmaster>"),
    "path_quoted": (PATH, '<"a \\" b"@d.example>'),
    "path_literal": (PATH, "<a@[192.0.2.1]>"),
    "path_literal_v6": (PATH, "<a@[IPv6:2001:DB8::1]>"),
    "path_route": (PATH, "<@x.example,@y.example:a@d.example>"),
    "path_utf8_route": (PATH | SENDER | UTF8, "<@\u00fc.example,@\uff0f.example:a@d.example>"),
    "path_utf8": (PATH | UTF8, "<\u00fc@b\u00fccher.example>"),
    "path_utf8_unasked": (PATH, "<\u00fc@b\u00fccher.example>"),
    "path_long": (PATH, "<" + "l" * 64 + "@" + ".".join(["d" * 60] * 3) + ">"),
    "mail": (MAIL, " SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2Bz AUTH=<> REQUIRETLS"),
    "mail_auth": (MAIL, " AUTH=a+40b.example SIZE=18446744073709551615"),
    "mail_twice": (MAIL, " BODY=7BIT BODY=7BIT"),
    "rcpt": (RCPT, " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+40b.example"),
    "rcpt_never": (RCPT, " NOTIFY=NEVER"),
    "rcpt_never_too": (RCPT, " NOTIFY=NEVER,DELAY"),
    "rcpt_utf8": (RCPT | SMTPUTF8, " ORCPT=utf-8;\u00fc\\x{FC}\\x{2B}@d.example"),
    "rcpt_utf8_ascii": (RCPT, " ORCPT=utf-8;\\x{FC}\\x{1F600}@d.example"),
    "bdat": (BDAT, "0012 LAST"),
    "bdat_huge": (BDAT, "18446744073709551616"),
    "xclient": (XCLIENT, "NAME=c.example ADDR=IPV6:2001:db8::1 PORT=25 PROTO=ESMTP HELO=c LOGIN=a+20b"),
    "xclient_absent": (XCLIENT, "NAME=[TEMPUNAVAIL] ADDR=192.0.2.1 LOGIN=[UNAVAILABLE] DESTADDR=192.0.2.2 DESTPORT=25"),
}

# ---- xtext: 0 xtext, 1 utf-8-addr-xtext, 2 also UTF-8 as it is

XTEXT = {
    "plain": (0, "a+2Bb+3D+20c"),
    "lower": (0, "a+2bb"),
    "control": (0, "a+0Ab\x01"),
    "points": (1, "\\x{FC}\\x{5C}\\x{1F600}@x"),
    "points_long": (1, "\\x{0FC}\\x{D800}\\x{110000}"),
    "unitext": (2, "\u00fc\\x{2B}\u4f8b@x"),
    "text": (2, "a \u00fc\\+="),
    "c1": (2, "\u0085\u00a0\ufffe"),
}

# ---- content: bit 0 convert, bit 1 BDAT; then how the pieces fall

CONVERT, CHUNKS = 1, 2
CONTENT = {
    "lines": (0, b"Subject: x\r\n\r\n..a\r\n.b\r\n.\r\nMAIL"),
    "empty": (0, b".\r\nx"),
    "smuggling": (0, b"a\n.\r\nb\r\n.\nc\r.\rd\r\n\r.\r\n\r\n.\r\n"),
    "nul": (0, b"a\0b\r\n.\r\n"),
    "convert": (CONVERT, b"a\nb\rc\r\r\n.\nd\n.\r\n\r\n.\r\n"),
    "chunks": (CHUNKS, b"a\r\n.\r\n..b\r\nno end"),
    "chunks_bare": (CHUNKS, b"a\r\rb\n\nc\r"),
    "chunks_convert": (CHUNKS | CONVERT, b"a\r\rb\n\nc\r\n\r"),
}

# ---- reply: how the pieces fall, then the stream

EHLO = (b"250-mx.example hello\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8bitmime\r\n250-STARTTLS\r\n"
        b"250-AUTH SCRAM-SHA-256 PLAIN login\r\n250-LIMITS RCPTMAX=100 MAILMAX=1 RCPTDOMAINMAX=0\r\n"
        b"250-CHUNKING\r\n250-DSN\r\n250-REQUIRETLS\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n")
REPLY = {
    "ehlo": EHLO,
    "several": b"220 hi\r\n250\r\n550-5.1.1 a\r\n550 5.1.1 b\r\n421 4.3.2 c\r\n",
    "codes": b"250-a\r\n251 b\r\n",
    "bare_lf": b"250 a\r\n250 b\n",
    "nul_8bit": b"250 \xfc\x01\x7f\r\n250 a\0b\r\n",
    "code_999": b"999 a\r\n",
    "esc": b"550 5.1.1234 a\r\n450 5.1.1 b\r\n250 2.0.0\r\n354 go\r\n",
}

# ---- proxy

V2 = b"\r\n\r\n\0\r\nQUIT\n"
V4_ENDS = bytes([192, 0, 2, 1, 198, 51, 100, 1]) + struct.pack(">HH", 56324, 25)
V6_ENDS = (bytes.fromhex("20010db8") + bytes(11) + b"\1") * 2 + struct.pack(">HH", 56324, 25)


def binary(command, family, block):
    return V2 + bytes([command, family]) + struct.pack(">H", len(block)) + block


PROXY = {
    "v1": b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO x\r\n",
    "v1_v6": b"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 65535\r\n",
    "v1_unknown": b"PROXY UNKNOWN what ever\r\n\x16\x03",
    "v1_bad": b"PROXY TCP4 192.0.2.1  198.51.100.1 1 025\r\n",
    "v1_long": b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
    "v2": binary(0x21, 0x11, V4_ENDS) + b"\x16\x03",
    "v2_v6_tlv": binary(0x21, 0x21, V6_ENDS + b"\1\0\2h2"),
    "v2_local": binary(0x20, 0, b""),
    "v2_unix": binary(0x21, 0x31, bytes(216)),
    "v2_short": binary(0x21, 0x11, V4_ENDS[:8]),
}

# ---- header: how the pieces fall, then the message

HEADER = {
    "plain": "Received: a\r\n b\r\nreceived : c\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nReceived: d\r\n",
    "no": "TLS-Required: No\r\nX: y\r\n\r\n",
    "no_folded": "TLS-Required:\r\n no\r\n\r\n",
    "no_twice": "TLS-Required: No\r\nTLS-Required: No\r\n\r\n",
    "yes": "TLS-Required: Nope\r\nTLS-Required : No\r\n\r\n",
    "no_goes_on": "TLS-Required: No\r\n more\r\n\r\n",
    "foreign": "Received: a\r\nno field\r\nReceived: b\r\n",
    "folded_first": " Received: a\r\n",
    "cr": "Date: a\r\n\rReceived: b\r\n",
}

# ---- users

HASH = "$y$j9T$Qk0tNOgtKqCDZsWyvTJfi.$Q/ijuwteVQE59.8xW6DRuc7NqhSofuHZwLR.smb3eT0"
ARGON = ("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM$"
         "RdescudvJCsgt3ub+b/dWRWJTmaaJObGRdescudvJCs")
KEY = "A" * 43 + "="
SCRAM = f"SCRAM-SHA-256$4096:QUJDREVGR0g=${KEY}:{KEY}"
USERS = {
    "hash": f"# who\nanna {HASH} from=a@d.example,@e.example\n",
    "argon": f"j\u00fcrgen {ARGON}",
    "scram": f"\tb {SCRAM} # of the desk\n",
    "secret": "anna hunter2\nberta hunter2 from=,\n",
    "twice": f"a {SCRAM}\na {SCRAM} {SCRAM}\n",
    "nothing": "a\nb from=\"q\"@x\n\x01\n",
    "costs": "a $argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAA\nb SCRAM-SHA-256$1:A$B:C\n",
}

# ---- recipients: bit 0 extensions

RECIPIENTS = {
    "all": (1, "# who\nA@d.example\r\npostmaster\n@e.example # all\n\t\"q \\\" a\"@d.example\n"),
    "utf8": (0, b"\xef\xbb\xbf\xc3\xbc@b\xc3\xbccher.example\n\xc3\xbc\n"),
    "extension": (1, "user@d.example\nuser+box@d.example\n+x@d.example\n"),
    "mistakes": (0, "a@b c\n@\na@\n\"\"@d\n\x01\na@-.-\n\"q\n<a@b>\n"),
}

# ---- sasl: mechanism and more, then messages

PLAIN, LOGIN, SCRAM_SHA_256, SCRAM_PLUS = range(4)
BINDING, INITIAL, MATCHES = 8, 16, 32


def says(*messages):
    return b"".join(struct.pack(">H", len(m)) + m for m in messages)


SASL = {
    "plain": (PLAIN | INITIAL | MATCHES, says(b"\0user\0word")),
    "plain_asked": (PLAIN, says(b"\0nobody\0word")),
    "plain_as": (PLAIN | INITIAL, says(b"user\0user\0word")),
    "plain_other": (PLAIN | INITIAL, says(b"root\0user\0word")),
    "login": (LOGIN | MATCHES, says(b"user", b"word")),
    "login_stranger": (LOGIN | INITIAL, says(b"stranger", b"word")),
    "scram": (SCRAM_SHA_256 | INITIAL, says(b"n,,n=user,r=abcdef", b"c=biws,r=abcdef,p=" + KEY.encode())),
    "scram_as": (SCRAM_SHA_256, says(b"n,a=user,n=us=2Cer,r=abcdef", b"c=biws")),
    "scram_binding": (SCRAM_PLUS | BINDING | INITIAL, says(b"p=tls-exporter,,n=user,r=abcdef", b"c=,r=,p=")),
    "scram_downgrade": (SCRAM_SHA_256 | BINDING | INITIAL, says(b"y,,n=user,r=abcdef", b"c=eSws,r=x,p=x")),
    "long": (PLAIN | INITIAL, says(b"\0" + b"u" * 300 + b"\0w")),
}

# ---- config

CONFIG = {
    "smarthost": """hostname: relay.example.org
listeners:
  lan: {bind: ["10.0.0.5:25"], clients: [10.0.0.0/8], identity: relay}
identities:
  relay: {certificate_file: /etc/danelaw/relay.pem, key_file: /etc/danelaw/relay.key}
""",
    "edge": """hostname: mx.example.org
listeners:
  internet: {bind: ["0.0.0.0:25", "[::]:25"], tls: require, max_message_size: 50m}
domains:
  example.org: {to: exchange}
next_hops:
  exchange: {hosts: ["10.1.1.10:25"], tls: may}
policies:
  partner.example: {tls: dane-only, note: "contract"}
  .broken.example: {tls: encrypt, until: 2026-12-01}
delivery: {retry_min: 5m, refuse_networks: []}
resolver: {trust_anchor_file: root.key, stubs: {".": ["198.51.100.53@53"]}}
""",
    "mistakes": """hostname: -
listeners:
  lan: {bnid: [1.2.3.4], bind: x, clients: [0.0.0.0/0], tls: maybe}
  lan: {}
routes: {"*": {to: nowhere}}
delivery: {tls: dane, expire: 5y}
""",
    "controls": 'hostname: "a\\x01b"\nlisteners: {"\\e[31m": {bind: ["192.0.2.1:25"], tls: "\\a\\n"}}\n',
    "yaml": "a: &x [1]\nb: *x\nc: !!str d\n? [e]\n: f\n--- \n\"\\x41\": 'g'\n",
    "broken": "hostname: {a: [b\n\tc: \x85 \"\n",
    "deep": "a: " + "[" * 40 + "\n",
}

# ---- control: how the pieces fall, then frames

ASK = 1


def frame(kind, body):
    return struct.pack(">IB", len(body) + 1, kind) + body


CONTROL = {
    "list": frame(ASK, b'{"command": "queue-list"}'),
    "filter": frame(ASK, b'{"command": "queue-delete", "id": "4dK2fQ7xPz1R", "to": "a@b", "to_domain": "b", '
                         b'"from": "", "older_ms": 1000, "all": true}'),
    "bad_filter": frame(ASK, b'{"id": "x y", "older_ms": -1}'),
    "key_control": frame(ASK, b'{"all": true, "older\x7fms": 1, "\xc3\xbc": 1}'),
    "two": frame(ASK, b"{}") + frame(2, b"[]"),
    "long": struct.pack(">I", 0x7fffffff) + b"\1",
    "most": frame(ASK, b" " * 300) + frame(ASK, b" " * 301),
    "empty": bytes(4),
    "fields": frame(3, b"\4\0\0\0\5\0\0\0\2ab\3\0\0\0\0\0\0\0\1\2\0\0\0\1"),
}

# ---- dsn: kind and more, recipients less one, texts, the message reported on

FAILED, DELAYED, SUCCESS = range(3)
WHOLE, DSN_UTF8, DSN_SMTPUTF8, TLS_OPTIONAL, LEFT_OUT = 4, 8, 16, 32, 64


def text(s):
    data = s.encode()
    return bytes([len(data)]) + data


def told(how, address, orcpt, remote, words):
    return bytes([how]) + text(address) + text(orcpt) + text(remote) + text(words)


def notification(how, sender, envid, rcpts, content):
    return (bytes([how, len(rcpts) - 1]) + text(sender) + text(envid) +
            b"".join(told(*r) for r in rcpts) + content.encode())


MESSAGE = "Received: x\r\nSubject: hello\r\n\tthere\r\n\r\nbody\r\n--=_report_5eL3gR8yQa2S_0--\r\n"
REFUSED = (2, "a@d.example", "rfc822;b@d.example", "mx.d.example[192.0.2.1]:25", "5.1.1 no such user")
DSN = {
    "failed": notification(FAILED, "s@x.example", "QQ1", [REFUSED, (1, "c@d.example", "", "", "late")], MESSAGE),
    "delayed": notification(DELAYED, "s@x.example", "", [(0, "a@d.example", "", "[192.0.2.1]:25", "4.2.0 x")], MESSAGE),
    "success": notification(SUCCESS, "s@x.example", "a b", [(4, "a@d.example", "x-y;z", "", "ok")], MESSAGE),
    "whole": notification(FAILED | WHOLE, "s@x.example", "", [REFUSED], MESSAGE),
    "utf8": notification(FAILED | DSN_SMTPUTF8, "\u00fc@x.example", "", [
        (2, "\u00e4@d.example", "utf-8;\u00e4@d.example", "mx", "5.1.1 n\u00f6")], "Subject: \u00fc\r\n\r\n"),
    "utf8_down": notification(FAILED | DSN_UTF8 | WHOLE, "s@x.example", "", [
        (2, "\u00e4@d.example", "utf-8;\u00e4@d.example", "mx", "5.1.1 n\u00f6")], "Subject: \u00fc\r\n\r\n\u00fc\r\n"),
    "hostile": notification(FAILED | LEFT_OUT | TLS_OPTIONAL, "s\r\nBcc: x", "e\r\n\r\n--", [
        (2, "a\r\nAction: delivered", "a\r\n;b", "m\r\n\r\nx", "550-a\r\n--=_report_5eL3gR8yQa2S_0\r\n")],
        "A: " + "x" * 1100 + "\r\n\0\r\n\x7f\r\n"),
}


def prefixed(seeds):
    """A first octet and the rest, which may be text."""
    return {name: bytes([first]) + (rest.encode() if isinstance(rest, str) else rest)
            for name, (first, rest) in seeds.items()}


def octets(seeds, first=b""):
    return {name: first + (s.encode() if isinstance(s, str) else s) for name, s in seeds.items()}


TARGETS = {
    "command": prefixed(COMMAND),
    "xtext": prefixed(XTEXT),
    "content": {name: bytes([how, 7]) + data for name, (how, data) in CONTENT.items()},
    "reply": octets(REPLY, b"\7"),
    "proxy": PROXY,
    "header": octets(HEADER, b"\7"),
    "users": octets(USERS),
    "recipients": prefixed(RECIPIENTS),
    "sasl": prefixed(SASL),
    "config": octets(CONFIG),
    "control": octets(CONTROL, b"\7"),
    "dsn": DSN,
}
