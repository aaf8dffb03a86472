#!/usr/bin/env python3
"""Random sessions against the model.

    run.py PARLEY [--count N] [--seed N]

PARLEY is the program of parley.c. Each session has random settings, 1 to 30 steps (verbs with good and
bad arguments, content, chunks, answers of AUTH, lines that are no commands), random segmentation. The
codes, whether the server closed, and how many messages it took must be the model's. Every cell of
phases and verbs must have been visited. A session that differs is shrunk and printed.
"""
import argparse
import random
import struct
import subprocess
import sys

import model
import words

BATCH = 20_000
SETTINGS = ("starttls", "require_tls", "auth", "require_auth", "xclient", "chunking", "mails", "requiretls")
MAX_SIZE, MAX_RCPTS, MAX_MAILS = 5000, 3, 2


def brief(segment):
    text = repr(segment)
    return text if len(text) < 300 else f"{text[:140]} … {text[-140:]}"


class Case:
    def __init__(self, settings, seed, segments):
        self.settings, self.seed, self.segments = settings, seed, segments

    def config(self):
        on = {name: bool(self.settings & 1 << bit) for bit, name in enumerate(SETTINGS)}
        return {**on, "max_size": MAX_SIZE, "max_rcpts": MAX_RCPTS,
                "max_mails": MAX_MAILS if on["mails"] else 0}

    def record(self):
        parts = [struct.pack("<BIB", self.settings, self.seed, len(self.segments))]
        for segment in self.segments:
            parts += [struct.pack("<I", len(segment)), segment]
        return b"".join(parts)

    def expected(self, cells=None):
        session = model.Session(self.config())
        for segment in self.segments:
            session.feed(segment)
        if cells is not None:
            cells |= session.cells
        codes = "".join(f"{code} " for code in session.codes)
        return f"{codes}{'closed' if session.closed else 'open'} {session.messages}"

    def __str__(self):
        on = [name for bit, name in enumerate(SETTINGS) if self.settings & 1 << bit]
        return f"settings {on}, seed {self.seed}\n" + "\n".join("  " + brief(s) for s in self.segments)


# ---- making sessions

def likely_verb(r, session):
    """Mostly what leads on, so that deep states are reached."""
    way = {model.GREET: ["EHLO"], model.READY: ["MAIL"], model.MAIL: ["RCPT"],
           model.RCPT: ["DATA", "BDAT", "RCPT"], model.CHUNKS: ["BDAT"]}[session.phase]
    if session.config["starttls"] and not session.tls and session.phase == model.READY and r.random() < 0.3:
        return "STARTTLS"
    if session.config["auth"] and session.tls and not session.user and r.random() < 0.4:
        return "AUTH"
    return r.choice(way) if r.random() < 0.6 else r.choice(ALL_VERBS)


ALL_VERBS = sorted(words.VERBS)


def argument(r, verb):
    choices = words.ARGUMENTS[verb]
    return choices[0] if r.random() < 0.5 else r.choice(choices)


def some_text(r, pieces):
    return b"".join(r.choice(pieces) for _ in range(r.randrange(4)))


def chunk(r):
    text = some_text(r, words.PIECES + words.BAD_PIECES if r.random() < 0.2 else words.PIECES)
    size = b"%d" % len(text)
    if r.random() < 0.05:
        text, size = b"x" * 6000, b"6000"
    if r.random() < 0.03:
        size = r.choice([b"", b"x", b"-1", b"18446744073709551616", b"1e3"])
    elif r.random() < 0.05:
        size = b"00" + size
    return b"BDAT " + size + r.choice([b"", b" LAST", b" LAST", b" last", b" FOO" if r.random() < 0.05 else b""]) + b"\r\n" + text


def content(r):
    pieces = words.PIECES + words.BAD_PIECES if r.random() < 0.2 else words.PIECES
    return some_text(r, pieces) + (b"\r\n.\r\n" if r.random() < 0.9 else b"more\r\n")


def step(r, session):
    if session.mode == "data":
        return content(r)
    if session.mode == "auth":
        return r.choice(words.RESPONSES) + b"\r\n"
    if r.random() < 0.04:
        return r.choice(words.NO_COMMANDS)
    verb = likely_verb(r, session)
    if verb == "BDAT":
        return chunk(r)
    text = verb if r.random() < 0.9 else verb.lower()
    given = argument(r, verb)
    return text.encode() + (b" " + given if given else b"") + b"\r\n"


def ends_segment(octets):
    """What follows these could be something else, depending on what has arrived (RFC 2920 section 3.1)."""
    return octets[:8].upper().startswith((b"DATA", b"STARTTLS"))


def make_case(r):
    settings = r.randrange(256) & r.randrange(256) | r.choice([0, 1, 33, 37, 165])
    seed = 0 if r.random() < 0.3 else r.randrange(1, 1 << 32)
    case = Case(settings, seed, [])
    session = model.Session(case.config())
    join = False
    for _ in range(r.randrange(1, 31)):
        octets = step(r, session)
        if join:
            case.segments[-1] += octets
        else:
            case.segments.append(octets)
        session.feed(octets)
        if session.closed and r.random() < 0.7:
            break
        safe = seed == 0 and r.random() < 0.05
        join = r.random() < 0.4 and (safe or not ends_segment(octets))
    return case


# ---- running them

def outcomes(parley, cases):
    done = subprocess.run([parley], input=b"".join(c.record() for c in cases), capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{parley}: status {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}")
    return done.stdout.decode().splitlines()


def differs(parley, case):
    return outcomes(parley, [case])[0] != case.expected()


def shrink(parley, case):
    """Without any segment that it does not need, until none can go."""
    again = True
    while again:
        again = False
        for at in range(len(case.segments)):
            smaller = Case(case.settings, case.seed, case.segments[:at] + case.segments[at + 1:])
            if differs(parley, smaller):
                case, again = smaller, True
                break
    return case


def report(parley, case):
    case = shrink(parley, case)
    print(f"differs:\n{case}\nmodel:  {case.expected()}\nserver: {outcomes(parley, [case])[0]}")


def unvisited(cells):
    return sorted(f"{phase} × {verb}" for phase in model.PHASES for verb in words.VERBS if (phase, verb) not in cells)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("parley")
    a.add_argument("--count", type=int, default=20_000)
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    r, cells, done = random.Random(args.seed), set(), 0
    while done < args.count:
        cases = [make_case(r) for _ in range(min(BATCH, args.count - done))]
        for case, got in zip(cases, outcomes(args.parley, cases), strict=True):
            if got != case.expected(cells):
                report(args.parley, case)
                return 1
        done += len(cases)
    left = unvisited(cells)
    print(f"{done} sessions, no difference, {len(cells)} cells of phases and verbs"
          + (f", not visited: {left}" if left else ""))
    return 1 if left and args.count >= 20_000 else 0


if __name__ == "__main__":
    sys.exit(main())
