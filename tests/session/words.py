"""The lines that sessions are made of, and what a server must know of each. bad: the code whatever the
state; policy: the code of the one who decides; the rest are properties that the state is held against."""
FOREIGN = {"GET", "POST", "CONNECT", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "PATCH", "PRI", "DESCRIBE",
           "INVITE", "REGISTER"}
NOT_OFFERED = {"EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "XFORWARD", "XEXPS", "BURL"}
VERBS = {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP", "QUIT", "STARTTLS",
         "AUTH", "XCLIENT"} | FOREIGN | NOT_OFFERED

U = "\u00fc".encode()
HELLO = {b"client.example": True, b"[192.0.2.1]": True, b"[IPv6:2001:db8::1]": True, b"refuse.example": True}
MAIL = {
    b"FROM:<s@a.example>": {}, b"FROM:<>": {}, b"from:<s@a.example> size=10 body=8bitmime": {},
    b"FROM:<@x.example:s@a.example>": {}, b'FROM:<"a b"@a.example>': {},
    b"FROM:<s@a.example> SIZE=99999": {"size": 99999}, b"FROM:<refuse@a.example>": {"policy": 554},
    b"FROM:<" + U + b"@a.example>": {"utf8": True},
    b"FROM:<" + U + b"@a.example> SMTPUTF8": {"utf8": True, "smtputf8": True},
    b"FROM:<s@a.example> SMTPUTF8": {"smtputf8": True},
    b"FROM:<s@a.example> REQUIRETLS": {"requiretls": True}, b"FROM:<s@a.example> AUTH=<>": {"auth": True},
    b"FROM:<s@a.example> RET=HDRS ENVID=a+2Bb": {}, b"FROM:<s@a.example> ENVID=+0a": {"bad": 501},
    b"FROM:<s@a.example> RET=ALL": {"bad": 501}, b"FROM:<s@a.example> FOO=bar": {"bad": 555},
    b"FROM:<s@a.example> NOTIFY=NEVER": {"bad": 555}, b"FROM:<s@a.example> SIZE=1 SIZE=1": {"bad": 501},
    b"FROM:<s@a.example> BODY=BINARYMIME": {"bad": 501}, b"FROM:<s@a": {"bad": 501}, b"": {"bad": 501},
    b"FROM:s@a.example": {"bad": 501}, b"FROM: <s@a.example>": {"bad": 501}, b"FROM:<a..b@c.example>": {"bad": 501},
    b"FROM:<\xc3\x28@a.example> SMTPUTF8": {"bad": 501}, b"TO:<s@a.example>": {"bad": 501},
}
RCPT = {
    b"TO:<v@b.example>": {}, b"TO:<postmaster>": {}, b"to:<w@B.EXAMPLE>": {},
    b"TO:<v@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;v+2Bx@b.example": {},
    b"TO:<bad@b.example>": {"policy": 554}, b"TO:<later@b.example>": {"policy": 452},
    b"TO:<" + U + b"@b.example>": {"utf8": True}, b"TO:<v@b.example> NOTIFY=NEVER,DELAY": {"bad": 501},
    b"TO:<v@b.example> ORCPT=rfc822": {"bad": 501}, b"TO:<v@b.example> SIZE=1": {"bad": 555},
    b"TO:<>": {"bad": 501}, b"TO:v@b.example": {"bad": 501}, b"": {"bad": 501}, b"TO:<v@b.example": {"bad": 501},
}
XCLIENT = {b"ADDR=192.0.2.7", b"NAME=x.example ADDR=192.0.2.7", b"LOGIN=nobody", b"LOGIN=anna"}

ARGUMENTS = {
    "EHLO": [*HELLO, b"", b"a b", b"-x.example"], "HELO": [*HELLO, b""], "MAIL": list(MAIL), "RCPT": list(RCPT),
    "DATA": [b"", b"", b"", b"x"], "RSET": [b"", b"x"], "NOOP": [b"", b"x"], "VRFY": [b"v@b.example", b""],
    "HELP": [b"", b"MAIL"], "QUIT": [b"", b"now"], "STARTTLS": [b"", b"", b"x"],
    "XCLIENT": [*XCLIENT, b"", b"FOO=x", b"ADDR=999.1.1.1"],
    "AUTH": [b"PLAIN", b"plain Z29vZA==", b"PLAIN YmFk", b"PLAIN =", b"PLAIN !", b"LOGIN", b"LOGIN bW9yZQ==",
             b"LOGIN dGVtcA==", b"GSSAPI", b"", b"PLAIN Z29vZB=="],
    **{verb: [b"", b"x"] for verb in sorted(NOT_OFFERED)}, **{verb: [b"/ HTTP/1.1"] for verb in sorted(FOREIGN)},
}
RESPONSES = [b"Z29vZA==", b"YmFk", b"*", b"bW9yZQ==", b"dGVtcA==", b"", b"=", b"!!", b"NOOP"]
NO_COMMANDS = [b"NONSENSE\r\n", b"\r\n", b"NOOP\n", b"NO\0OP\r\n", b"NOOP \x01\r\n", b"x" * 2100 + b"\r\n", b"MAI\r\n",
               b"\xff\xfe\r\n", b"NOOP\rNOOP\r\n"]
PIECES = [b"text\r\n", b"..\r\n", b"x: y\r\n", b"\r\n", b"..two\r\n", b"QUIT\r\n", b"RSET\r\n", b"no end", b".x\r\n"]
BAD_PIECES = [b"a\nb\r\n", b"a\rb\r\n", b"\0\r\n", b"\r\n.\n", b"\n.\r\n"]
