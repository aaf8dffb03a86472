#!/usr/bin/env python3
"""Writes the seeds of the fuzz corpora: small, valid inputs of every target.

    seeds.py [CORPUS_DIR [TARGET...]]       default: corpus beside this file, all of them

Seeds have names; what fuzzing found beside them is called by its digest. Certificates for the tlsa
target are made by the openssl command, so those seeds differ from run to run.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

import seeds_text

A, CNAME, SOA, PTR, MX, TXT, AAAA, TLSA = 1, 5, 6, 12, 15, 16, 28, 52
QUESTION = "mx.example"


# ---- DNS messages: answer, wire

def wire_name(text):
    labels = text.split(".") if text else []
    return b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"


def record(owner, rtype, rdata, ttl=300):
    name = owner if isinstance(owner, bytes) else wire_name(owner)
    return name + struct.pack(">HHIH", rtype, 1, ttl, len(rdata)) + rdata


def message(qtype, answers=(), authorities=(), rcode=0, qname=QUESTION):
    head = struct.pack(">HHHHHH", 0x1234, 0x8180 | rcode, 1, len(answers), len(authorities), 0)
    return head + wire_name(qname) + struct.pack(">HH", qtype, 1) + b"".join([*answers, *authorities])


BACK = b"\xc0\x0c"  # a pointer to the question
V6 = bytes.fromhex("20010db8") + bytes(11) + b"\1"
SOA_RDATA = wire_name("ns.example") + wire_name("root.example") + struct.pack(">IIIII", 1, 2, 3, 4, 60)


def name_of(*labels):
    return ".".join("a" * n for n in labels)


MESSAGES = {
    "a": message(A, [record(BACK, A, bytes([192, 0, 2, 1])), record(BACK, A, bytes([192, 0, 2, 2]))]),
    "aaaa": message(AAAA, [record(BACK, AAAA, V6)]),
    "aaaa_mapped": message(AAAA, [record(BACK, AAAA, bytes(10) + b"\xff\xff\xc0\0\2\1")]),
    "mx": message(MX, [record(BACK, MX, b"\0\x0a" + wire_name("a.mx.example")),
                       record(BACK, MX, b"\0\x14\1b" + BACK)]),
    "null_mx": message(MX, [record(BACK, MX, b"\0\0\0")]),
    "tlsa": message(TLSA, [record(BACK, TLSA, b"\3\1\1" + bytes(32)),
                           record(BACK, TLSA, b"\2\0\2" + bytes(64)), record(BACK, TLSA, b"\3\1")]),
    "tlsa_no_data": message(TLSA, [record(BACK, TLSA, b"\3\1\1")]),
    "ptr": message(PTR, [record(BACK, PTR, wire_name("a.example")), record(BACK, PTR, wire_name("b c"))]),
    "txt": message(TXT, [record(BACK, TXT, b"\5first\0\6second"), record(BACK, TXT, b"\1x")]),
    "cname": message(CNAME, [record(BACK, CNAME, wire_name("b.example"))]),
    "chain": message(A, [record(BACK, CNAME, wire_name("b.example")),
                         record("b.example", CNAME, wire_name("c.example")),
                         record("c.example", A, bytes([192, 0, 2, 3]))]),
    "chain_to_root": message(A, [record(BACK, CNAME, wire_name(""))]),
    "many_tlsa": message(TLSA, [record(BACK, TLSA, b"\3\1\1x")] * 65),
    "loop": message(A, [record(BACK, CNAME, wire_name("b.example")),
                        record("b.example", CNAME, BACK)]),
    "nodata": message(AAAA, [], [record("example", SOA, SOA_RDATA)]),
    "nxdomain": message(MX, [], [record("example", SOA, SOA_RDATA)], rcode=3),
    "servfail": message(MX, rcode=2),
    "other_question": message(A, qname="else.example"),
    "other_class": message(A).replace(b"\0\1\0\1", b"\0\1\0\3"),
    "soa_short": message(AAAA, [], [record("example", SOA, SOA_RDATA, ttl=30)]),
    "pointer_forward": message(MX, [record(b"\xc0\x30", MX, b"\0\1" + wire_name("a.example"))]),
    "pointer_self": message(MX, [record(BACK, MX, b"\0\1\xc0\x2a")]),
    "name_255": message(MX, [record(BACK, MX, b"\0\1" + wire_name(name_of(63, 63, 63, 61)))]),
    "name_256": message(MX, [record(BACK, MX, b"\0\1" + wire_name(name_of(63, 63, 63, 62)))]),
    "long_name": message(MX, [record(BACK, MX, b"\0\1" + wire_name(name_of(60, 60, 60, 60)))]),
}


def answers():
    for name, packet in MESSAGES.items():
        yield name, b"\1" + packet  # the first octet: secure, bogus
        if name in ("mx", "tlsa"):
            yield name + "_insecure", b"\0" + packet
            yield name + "_bogus", b"\2" + packet


# ---- facts

def text(s):
    data = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">I", len(data)) + data


INSECURE, SECURE, BOGUS, FAILED = range(4)
DATA, NODATA, NXDOMAIN, ERROR = range(4)
DEST_MX, DEST_IMPLICIT, DEST_HOST, DEST_NULL_MX, DEST_NXDOMAIN, DEST_ERROR = range(6)


def counted(items):
    return struct.pack(">I", len(items)) + b"".join(items)


def candidate(base, security, lookup, chosen):
    return text(base) + bytes([security, lookup, chosen])


def host(name, expanded, addresses, lookups, candidates=(), tlsa=(), base="", why=""):
    return (text(name) + text(expanded) + struct.pack(">H", 10) + bytes(lookups) + text(base) + text(why) +
            counted(addresses) + counted(candidates) + counted([bytes(t[:3]) + text(t[3]) for t in tlsa]))


def step(name, rtype, security, lookup, alias="", why="", records=1):
    return (text(name) + struct.pack(">HBBI", rtype, security, lookup, 300) + text(alias) + text(why) +
            struct.pack(">H", records))


def facts(kind, security, hosts=(), steps=(), why="", expanded="d.example"):
    return (text("d.example") + text(expanded) + struct.pack(">HBB", 25, kind, security) + text(why) +
            struct.pack(">IQ", 300, 1234) + counted(hosts) + counted(steps))


V4_ADDRESS, V6_ADDRESS = b"\0\xc0\0\2\1", b"\1" + V6
DANE_HOST = host("a.example", "h.example", [V6_ADDRESS, V4_ADDRESS], [DATA, SECURE, SECURE, DATA],
                 [candidate("h.example", SECURE, NXDOMAIN, 0), candidate("a.example", SECURE, DATA, 1)],
                 [(3, 1, 1, bytes(32)), (2, 0, 0, b"0\0")], "a.example")
PLAIN_HOST = host("b.example", "b.example", [V4_ADDRESS], [DATA, INSECURE, INSECURE, NODATA])
BAD_HOST = host("c.example", "c.example", [V4_ADDRESS], [DATA, INSECURE, BOGUS, ERROR],
                why="CNAME c.example: bogus")
DEAD_HOST = host("e.example", "e.example", [], [ERROR, FAILED, FAILED, NODATA], why="A e.example: failed")
FACTS = {
    "mx": facts(DEST_MX, SECURE, [DANE_HOST, PLAIN_HOST, BAD_HOST, DEAD_HOST],
                [step("d.example", MX, SECURE, DATA, records=4), step("a.example", A, SECURE, DATA, "h.example"),
                 step("c.example", CNAME, BOGUS, ERROR, why="signature expired")]),
    "implicit": facts(DEST_IMPLICIT, INSECURE, [PLAIN_HOST], [step("d.example", MX, INSECURE, NODATA)]),
    "host": facts(DEST_HOST, SECURE, [DANE_HOST]),
    "null_mx": facts(DEST_NULL_MX, SECURE),
    "nxdomain": facts(DEST_NXDOMAIN, SECURE),
    "many_tlsa": facts(DEST_HOST, SECURE, [host("a.example", "a.example", [V4_ADDRESS],
                       [DATA, SECURE, SECURE, DATA], [candidate("a.example", SECURE, DATA, 1)],
                       [(3, 1, 1, b"")] * 65, "a.example")]),
    "upper_case": facts(DEST_NULL_MX, SECURE, expanded="D.example"),
    "error": facts(DEST_ERROR, BOGUS, why="MX d.example: bogus", expanded="e.example"),
}


# ---- SMTP: what the first octet means is said at the head of the target

INSIDE_TLS = ("auth", "auth_lines")
SERVER = {
    "one": b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
           b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
    "parameters": b"EHLO [192.0.2.1]\r\nMAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2Bz\r\n"
                  b"RCPT TO:<\"a b\"@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+40b\r\nRSET\r\n",
    "utf8": "EHLO c\r\nMAIL FROM:<\u00e4@b\u00fccher.example> SMTPUTF8\r\nRCPT TO:<@x,@y:c@d.example>\r\n".encode(),
    "starttls": b"EHLO c.example\r\nSTARTTLS\r\nEHLO c.example\r\nNOOP\r\nVRFY a\r\nHELP\r\nEXPN a\r\nQUIT\r\n",
    "refused_data": b"HELO c.example\r\nMAIL FROM:<a@b.example>\r\nDATA\r\nSubject: x\r\n\r\nQUIT\r\n.\r\n",
    "bare_lf": b"EHLO c\nMAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster>\r\nDATA\r\nx\n.\n\r.\r\n.\r\n",
    "foreign": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    "http": b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c\r\n",
    "bdat": b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<[192.0.2.1]>\r\nBDAT 10 LAST\r\n0123456789",
    "chunks": b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 3\r\na\r\nBDAT 0\r\nBDAT 4 LAST\r\n\n.\r\nNOOP\r\n",
    "chunks_refused": b"EHLO c\r\nMAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\nBDAT 4 LAST\r\nRSETBDAT 200000\r\nx\r\n",
    "chunks_then_data": b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 1\r\na" b"DATA\r\nBDAT x\r\n",
    "auth": b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\n*\r\n"
            b"auth login\r\nYQ==\r\nYWI=\r\nAUTH PLAIN\r\n",
    "auth_lines": b"EHLO c\r\nAUTH LOGIN =\r\n\r\nAUTH PLAIN x\r\nAUTH LOGIN\r\nQUIT\r\n"
                  b"MAIL FROM:<> AUTH=<> REQUIRETLS\r\n",
    "xclient": b"XCLIENT NAME=c.example ADDR=IPV6:2001:db8::1 PORT=25 PROTO=ESMTP HELO=c LOGIN=a+20b\r\n"
               b"EHLO c\r\nXCLIENT DESTADDR=192.0.2.1 DESTPORT=[UNAVAILABLE] NAME=[TEMPUNAVAIL]\r\nEHLO c\r\n",
    "orcpt": "EHLO c\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:<a@b> ORCPT=utf-8;\u00fc\\x{FC}@d NOTIFY=NEVER\r\n".encode(),
    "long": b"EHLO " + b"x" * 2100 + b"\r\nNOOP\r\n",
}
IN_TURNS, IN_TLS, MORE = 0, 64, 128
CONVERT, REQUIRE_TLS, REQUIRE_AUTH, SMALL, FEW, STRICT, BARE, NO_CHUNKS = (1 << i for i in range(8))


def server_seeds():
    """In large segments; waiting for each answer; some with settings, and answered by refusals too."""
    for name, data in SERVER.items():
        inside = IN_TLS if name in INSIDE_TLS else 0
        yield name, bytes([inside | 63]) + data
        if name != "long":
            yield name + "_in_turns", bytes([inside | IN_TURNS]) + data
    yield "one_by_one", b"\1" + SERVER["one"]
    yield "bare_lf_convert", bytes([MORE | 7, CONVERT, 0]) + SERVER["bare_lf"]
    yield "tls_required", bytes([MORE | IN_TURNS, REQUIRE_TLS | REQUIRE_AUTH, 0]) + SERVER["starttls"] + SERVER["one"]
    yield "auth_required", bytes([MORE | IN_TLS | IN_TURNS, REQUIRE_AUTH, 0]) + SERVER["auth"] + SERVER["one"]
    yield "strict", bytes([MORE | IN_TURNS, STRICT | SMALL | FEW, 9]) + SERVER["chunks_refused"] + SERVER["chunks"]
    yield "refusing", bytes([MORE | IN_TURNS, NO_CHUNKS, 3]) + SERVER["one"] + SERVER["parameters"]
    yield "bare", bytes([MORE | IN_TURNS, BARE, 5]) + SERVER["xclient"] + SERVER["starttls"]


CAPABILITIES = (b"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-STARTTLS\r\n"
                b"250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250-REQUIRETLS\r\n250 ENHANCEDSTATUSCODES\r\n")
CLIENT = {
    "one": b"220 hi\r\n" + CAPABILITIES + b"220 go\r\n" + CAPABILITIES +
           b"250 ok\r\n250 ok\r\n451 4.7.1 later\r\n550 5.1.1 no\r\n354 go\r\n250 2.0.0 queued as 7\r\n221 bye\r\n",
    "plain": b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 fine\r\n",
    "helo": b"220-hi\r\n220 there\r\n502 no\r\n250 mx\r\n250 ok\r\n550 no\r\n550 no\r\n550 no\r\n221 bye\r\n",
    "refused": b"220 hi\r\n250-mx\r\n250 STARTTLS\r\n454 4.7.0 no\r\n250 ok\r\n",
    "greeting_554": b"554 5.7.1 go away\r\n",
    "421": b"220 hi\r\n" + CAPABILITIES + b"220 go\r\n421 4.3.2 closing\r\n",
    "malformed": b"220 hi\r\n250-mx\r\n251 other\r\n",
    "bare": b"220 hi\n250 mx\r\r\n25",
}
TLS_AT_ONCE, NO_SIZE, LOGIN, BY_CHUNKS, LMTP, WITH_UTF8 = 4, 8, 16, 32, 64, 128
OK = b"250 2.0.0 ok\r\n"
CLIENT_MODES = {
    "two_messages": (TLS_AT_ONCE | NO_SIZE, b"220 hi\r\n" + CAPABILITIES + OK * 4 + b"354 go\r\n" + OK +
                     OK + OK * 2 + b"550 5.1.1 no\r\n" + OK + b"354 go\r\n" + b"452 4.3.1 full\r\n"),
    "chunks": (TLS_AT_ONCE | BY_CHUNKS | WITH_UTF8, b"220 hi\r\n" + CAPABILITIES + OK * 4 + OK * 3),
    "chunks_unsized": (TLS_AT_ONCE | BY_CHUNKS | NO_SIZE, b"220 hi\r\n" + CAPABILITIES + OK * 4 + OK * 2 +
                       b"552 5.3.4 too much\r\n" + OK),
    "lmtp": (TLS_AT_ONCE | LMTP, b"220 hi\r\n" + CAPABILITIES + OK * 4 + b"354 go\r\n" + OK +
             b"452 4.2.2 full\r\n" + OK),
    "login_plain": (TLS_AT_ONCE | LOGIN, b"220 hi\r\n250-mx\r\n250 AUTH PLAIN\r\n334 \r\n235 2.7.0 ok\r\n" + OK * 4),
    "login_scram": (LOGIN | 1, b"220 hi\r\n250 STARTTLS\r\n220 go\r\n250-mx\r\n250 AUTH SCRAM-SHA-256\r\n"
                    b"334 abc\r\n334 ab\r\n235 ok\r\n"),
    "login_clear": (LOGIN, b"220 hi\r\n250-mx\r\n250 AUTH PLAIN LOGIN\r\n535 5.7.8 no\r\n"),
}


# ---- names

NAMES = {
    "plain": "MX1.Example.ORG.", "u_label": "b\u00fccher.example", "sharp_s": "fa\u00df.example",
    "bidi": "\u05d0\u05d1.example", "han": "\u4f8b\u3048.\u30c6\u30b9\u30c8", "full_stop": "a\u3002b",
    "a_label": "xn--bcher-kva.example", "bad_a_label": "xn--a-.example", "underscore": "_25._tcp.mx.example",
    "hyphens": "-a-.--", "address": "192.0.2.1", "root": ".", "empty_label": "a..b", "star": "*.example",
    "zwj": "\u0915\u094d\u200d\u0937.example", "upper_u": "B\u00dcCHER.example",
    "label_63": "a" * 63 + ".example", "label_64": "a" * 64 + ".example",
    "name_253": name_of(62, 62, 62, 62, 1), "name_244": name_of(60, 60, 60, 60) + ".a.",
    "u_long": "\u00fc" * 60 + ".example",
}

# ---- lookup plans: kind, port and name, then which question is answered, its security, the answer

IS_BOGUS, IS_INSECURE, IS_SECURE = 0, 1, 4
GOT_SERVFAIL, GOT_PACKET, GOT_NXDOMAIN, GOT_NODATA, GOT_RECORDS = 1, 2, 3, 4, 5
MX1, MX2, HOST_A, HOST_H, IP_NAME, NO_HOST, TIGHT, TOO_LONG = 1, 2, 3, 4, 5, 6, 7, 8


def plan_start(is_mx=True):
    return bytes([is_mx, 0, 0])


def reply(security, shape, *rest, which=0):
    return bytes([which, security, shape, *rest])


def records(*items, links=(0,)):
    return [*links, len(items) - 1, *[octet for item in items for octet in item]]


def mx(preference, name):
    return [preference * 8 + 1, name]


ADDRESS, TLSA_RECORD = [1], [35, 3, 1, 1, *range(32)]
ANSWERED = reply(IS_SECURE, GOT_RECORDS, *records(ADDRESS))
TWO_MX = reply(IS_SECURE, GOT_RECORDS, *records(mx(10, MX1), mx(20, MX2)))
SECURE_TLSA = reply(IS_SECURE, GOT_RECORDS, *records(TLSA_RECORD))
ALIASED = reply(IS_SECURE, GOT_RECORDS, *records(ADDRESS, links=(2, HOST_H)))
INSECURELY_ALIASED = reply(IS_INSECURE, GOT_RECORDS, *records(ADDRESS, links=(1, HOST_H)))
NOTHING = reply(IS_SECURE, GOT_NXDOMAIN, 0)
PLANS = {
    "dane": plan_start() + TWO_MX + ANSWERED * 4 + SECURE_TLSA * 2,
    "half_dane": plan_start() + b"\0" + bytes([IS_INSECURE]) + TWO_MX[2:] + ANSWERED * 4 + SECURE_TLSA * 2,
    "implicit": plan_start() + reply(IS_SECURE, GOT_NODATA, 0) + ANSWERED * 2 + SECURE_TLSA,
    "host": plan_start(False) + ANSWERED * 2 + SECURE_TLSA,
    "null_mx": plan_start() + reply(IS_SECURE, GOT_RECORDS, *records([0])),
    "null_mx_beside": plan_start() + reply(IS_SECURE, GOT_RECORDS, *records([0], mx(10, MX1))) + ANSWERED * 2,
    "nxdomain": plan_start() + NOTHING,
    "bogus": plan_start() + reply(IS_BOGUS, GOT_NODATA, 0),
    "alias": plan_start(False) + ALIASED * 2 + NOTHING + SECURE_TLSA,
    "alias_bogus": plan_start(False) + ALIASED * 2 + reply(IS_BOGUS, GOT_NODATA, 0),
    "insecure_alias": plan_start(False) + INSECURELY_ALIASED * 2 + ANSWERED[:3] + b"\0\0" + SECURE_TLSA,
    "insecure_alias_unsigned": plan_start(False) + INSECURELY_ALIASED * 2 +
                               reply(IS_INSECURE, GOT_RECORDS, 0, 0),
    "insecure_alias_gone": plan_start(False) + INSECURELY_ALIASED * 2 + reply(IS_SECURE, GOT_NODATA, 0),
    "insecure": plan_start(False) + reply(IS_INSECURE, GOT_RECORDS, *records(ADDRESS)) * 2,
    "insecure_tlsa": plan_start(False) + ANSWERED * 2 + bytes([0, IS_INSECURE]) + SECURE_TLSA[2:],
    "one_family": plan_start(False) + ANSWERED + reply(IS_BOGUS, GOT_NODATA, 0) + SECURE_TLSA,
    "no_address": plan_start() + TWO_MX + reply(IS_SECURE, GOT_NODATA, 0) * 4,
    "odd_hosts": plan_start() + reply(IS_SECURE, GOT_RECORDS, *records(
        mx(1, IP_NAME), mx(1, NO_HOST), mx(1, TIGHT), mx(1, TOO_LONG))) + ANSWERED * 4 + SECURE_TLSA * 2,
    "many_hosts": plan_start() + bytes([0, IS_SECURE, GOT_RECORDS, 0, 255]) + b"".join(
        bytes([9, 9, 9, *f"m{i:03}.example".encode()]) + bytes(0) for i in range(60)),
    "any_packet": plan_start() + bytes([0, IS_SECURE, GOT_PACKET, len(MESSAGES["mx"]) - 30]) +
                  MESSAGES["mx"][30:] + b"\1",
    "last_first": plan_start() + TWO_MX + b"".join(bytes([3 - i]) + ANSWERED[1:] for i in range(4)) +
                  b"\1" + SECURE_TLSA[1:] + SECURE_TLSA,
}


# ---- TLSA record sets: flags, level, base domain, then the records

NOT_VALIDATING, AUDIT, HAS_MX, MX_INSECURE, BASE_IS_HOST, TLSA_FAILED = 1, 2, 4, 8, 16, 32
LEVEL_MAY, LEVEL_DANE, LEVEL_DANE_ONLY, LEVEL_SECURE = 1, 3, 4, 6


def tlsa_set(level, records_, flags=HAS_MX | BASE_IS_HOST, base=b"mx.d.example"):
    body = b"".join(bytes(r[:3]) + struct.pack(">H", len(r[3])) + r[3] for r in records_)
    return bytes([flags, level, len(base)]) + base + bytes([len(records_)]) + body


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def certificate():
    """(certificate, public key), both in DER."""
    with tempfile.NamedTemporaryFile() as key:
        cert = openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=mx.d.example",
                       "-keyout", key.name, "-outform", "DER")
    pem = openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=cert)
    return cert, openssl("pkey", "-pubin", "-outform", "DER", data=pem)


def tlsa_sets():
    cert, key = certificate()
    digest, sha512, sound = (3, 1, 1, bytes(32)), (2, 0, 2, bytes(64)), (2, 0, 0, cert)
    return {
        "digests": tlsa_set(LEVEL_DANE, [digest, sha512]),
        "full_certificate": tlsa_set(LEVEL_DANE, [sound, (3, 0, 0, cert)]),
        "full_key": tlsa_set(LEVEL_DANE, [(2, 1, 0, key), (3, 1, 0, key)]),
        "broken_certificate": tlsa_set(LEVEL_DANE, [(2, 0, 0, cert[:-20]), (3, 1, 0, key[2:])]),
        "broken_dane_only": tlsa_set(LEVEL_DANE_ONLY, [(2, 0, 0, b"0\0")]),
        "broken_audit": tlsa_set(LEVEL_DANE_ONLY, [(3, 0, 0, b"x")], HAS_MX | AUDIT),
        "trailing_octets": tlsa_set(LEVEL_DANE, [(3, 0, 0, cert + b"x"), (2, 1, 0, key + b"x")]),
        "pkix": tlsa_set(LEVEL_DANE, [(0, 0, 0, cert), (1, 1, 1, bytes(32))]),
        "pkix_beside": tlsa_set(LEVEL_DANE, [(1, 1, 1, bytes(32)), digest]),
        "unknown": tlsa_set(LEVEL_DANE, [(200, 1, 1, bytes(32)), (3, 200, 1, bytes(32)), (3, 1, 200, b"x")]),
        "lengths": tlsa_set(LEVEL_DANE, [(3, 1, 1, bytes(31)), (3, 1, 2, bytes(32)), (3, 1, 0, b"")]),
        "none": tlsa_set(LEVEL_DANE, []),
        "failed": tlsa_set(LEVEL_DANE, [digest], TLSA_FAILED),
        "half_dane": tlsa_set(LEVEL_DANE, [digest], HAS_MX | MX_INSECURE),
        "other_base": tlsa_set(LEVEL_DANE, [digest, digest], HAS_MX, b"h.example"),
        "not_validating": tlsa_set(LEVEL_DANE, [digest], NOT_VALIDATING),
        "address_base": tlsa_set(LEVEL_DANE, [digest], HAS_MX, b"192.0.2.1"),
        "may": tlsa_set(LEVEL_MAY, [digest]),
        "secure": tlsa_set(LEVEL_SECURE, [digest]),
    }


# ---- plain lookups

def records(asked, lookup, addresses=(), names=(), words="", ttl=300):
    body = bytes([asked, lookup]) + struct.pack(">IB", ttl, len(addresses))
    body += b"".join(bytes([len(a) == 16]) + a for a in addresses) + bytes([len(names)])
    return body + b"".join(text(x) for x in [*names, words])


V4_LISTED = bytes([127, 0, 0, 2])
RECORDS = {
    "a": records(0, DATA, [V4_LISTED, bytes([192, 0, 2, 1])]),
    "aaaa": records(1, DATA, [V6, V4_LISTED]),
    "ptr": records(2, DATA, names=["a.example", "b.example"]),
    "txt": records(3, DATA, words="listed"),
    "txt_empty": records(3, DATA),
    "none": records(0, NXDOMAIN, ttl=60),
    "error": records(0, ERROR, words="SERVFAIL", ttl=0),
    "mapped": records(1, DATA, [bytes(10) + b"\xff\xff" + V4_LISTED]),
    "data_without_records": records(0, DATA),
    "records_without_data": records(0, NXDOMAIN, [V4_LISTED]),
    "ptr_upper_case": records(2, DATA, names=["A.example"]),
}


TARGETS = {
    "records": RECORDS,
    "answer": dict(answers()),
    "wire": MESSAGES,
    "facts": FACTS,
    "server": dict(server_seeds()),
    "client": {name: bytes([i % 3]) + data for i, (name, data) in enumerate(CLIENT.items())} |
              seeds_text.prefixed(CLIENT_MODES),
    "plan": PLANS,
    "tlsa": tlsa_sets(),
    "names": {name: b"\0\x19" + data.encode() for name, data in NAMES.items()},
} | seeds_text.TARGETS


def packet(kind, data=b""):
    return struct.pack(">I", len(data) + 1) + kind + data


MILTER = {
    "options": packet(b"O", struct.pack(">III", 6, 0xff, 0x1ff7ff)),
    "verdicts": b"".join(packet(bytes([c])) for c in b"acdfprst4"),
    "replies": packet(b"y", b"550 5.7.1 no %% way\0") + packet(b"y", b"451-a\r\n451 4.7.1 b\0"),
    "fields": packet(b"h", b"X\0a\n\tb\r\n c\0") + packet(b"i", b"\0\0\0\1Y\0 v\0") +
              packet(b"m", b"\0\0\0\1A\0w\0") + packet(b"m", b"\0\0\0\1B\0\0"),
    "envelope": packet(b"+", b"<a@b.example>\0") + packet(b"2", b"<a@b.example>\0NOTIFY=NEVER\0") +
                packet(b"-", b"<a@b.example>\0") + packet(b"e", b"<>\0") + packet(b"q", b"why\0"),
    "body": packet(b"b", b"a\nb\r") + packet(b"b", b"\nc\r\n") + packet(b"c"),
    "breaks": packet(b"h", b"X\0a\nBcc: b\0") + packet(b"b", b"a\rb") + packet(b"y", b"550 a\r\n250 b\0"),
}
TARGETS["milter"] = MILTER

EIGHT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbcn \r\n"


def parts(*inside, boundary=b"b"):
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + b"\"\r\n\r\n"
    return head + b"".join(b"--" + boundary + b"\r\n" + p + b"\r\n" for p in inside) + b"--" + boundary + b"--"


TARGETS["mime"] = {
    "plain": EIGHT,
    "no_mime": b"Subject: x\r\n\r\n" + b"\xe4" * 99 + b"\r\n",
    "parts": parts(EIGHT, parts(EIGHT, b"\r\n7 bits", boundary=b"in"), b"Content-Type: image/x\r\n\r\n\xff"),
    "message": parts(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n" + EIGHT),
    "digest": parts(b"\r\n" + EIGHT).replace(b"mixed", b"digest"),
    "signed": parts(EIGHT).replace(b"mixed", b"signed"),
    "folded": b"Content-Type:\r\n text/plain (a (b) \\) c)\r\n ; x=\"\\\"\"\r\n\r\n\xc3\xbc",
}


def main():
    top = pathlib.Path(sys.argv[1]) if sys.argv[1:] else pathlib.Path(__file__).with_name("corpus")
    for target in sys.argv[2:] or TARGETS:
        seeds = TARGETS[target]
        folder = top / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
