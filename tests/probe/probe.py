#!/usr/bin/env python3
"""Runs the rows of rows.py against SMTP servers and prints what each made of them, side by side.

    probe.py [--only ID] [--clear | --tls] [--way whole|octets|pieces] [--all] NAME=HOST:PORT ...

Each row is run in clear and after STARTTLS, whole, by octet and in random pieces. --all prints every
row, otherwise those where a server differs from the row. Exit status 1 if the first server does.
"""
import argparse
import re
import sys
import zlib

import rows
import wire

SPOTS = ("clear", "tls")


class Result:
    def __init__(self):
        self.heard, self.problem, self.accepted = [], "", 0

    @property
    def ok(self):
        return not self.problem

    def __str__(self):
        return " ".join(self.heard) or "nothing"


class Server:
    """Where the rows are sent, and the names they are filled with."""

    def __init__(self, name, target, accepted="good.example", foreign="foreign.example",
                 own="relay.example", patience=5.0):
        self.name, self.target, self.patience = name, target, patience
        self.names = {"a": accepted, "f": foreign, "F": foreign.upper(), "r": own, "ip": target[0]}
        self._extensions = {}

    def fill(self, octets):
        for name, value in self.names.items():
            octets = octets.replace(b"{%s}" % name.encode(), value.encode())
        return octets

    def open(self, spot, way="whole", seed=0):
        link = wire.Wire(self.target, way, seed, self.patience)
        link.reply()
        if spot == "tls":
            for command in (b"EHLO client.example\r\n", b"STARTTLS\r\n"):
                link.sock.sendall(command)
                link.reply()
            link.start_tls()
        link.replies.clear()
        return link

    def extensions(self, spot):
        if spot not in self._extensions:
            link = self.open(spot)
            link.send(b"EHLO client.example\r\n")
            self._extensions[spot] = {text[4:].split()[0].upper() for text in link.reply()[1:]}
            link.close()
        return self._extensions[spot]

    def runs(self, row, spot):
        wanted = row.in_tls if spot == "tls" else row.in_clear
        if spot == "tls" and "STARTTLS" not in self.extensions("clear"):
            return False
        return wanted and (not row.needs or row.needs in self.extensions(spot))


# ---- one row

def fits(word, lines):
    for each in word.rstrip("?").split("/"):
        code, _, enhanced = each.partition(":")
        if lines[0].startswith(code) and (not enhanced or lines[0][4:].startswith(enhanced)):
            return True
    return False


def brief(lines):
    found = re.match(r"\d{3}[ -](\d\.\d+\.\d+)?", lines[-1])
    return lines[-1][:3] + (":" + found[1] if found and found[1] and lines[-1][0] in "45" else "")


def hear(link, word, result):
    """One reply or the end, against its word. False: the row is over."""
    if word in ("closed", "maybe-closed"):
        closed = link.is_closed()
        result.heard.append("closed" if closed else "open")
        if not closed and word == "closed":
            result.problem = "not closed"
        return False if closed else word == "maybe-closed"
    try:
        lines = link.reply()
    except wire.Closed as end:
        result.heard.append(str(end))
        if not word.endswith("?"):
            result.problem = f"{end} instead of {word}"
        return word.endswith("?")
    result.heard.append(brief(lines))
    result.accepted += bool(re.search("queued|Ok: queued", lines[-1])) and lines[-1][0] == "2"
    if not fits(word, lines):
        result.problem = f"{lines[-1][:60]!r} instead of {word}"
    return fits(word, lines)


def finish(link, row, result):
    """In step to the end: QUIT gets one reply, 221, and nothing else is said."""
    link.send(b"QUIT\r\n")
    if hear(link, "221", result):
        hear(link, "closed", result)
    if result.ok and result.accepted > row.accepts:
        result.problem = f"{result.accepted} messages accepted, not {row.accepts}"


def walk(link, row, server, result):
    for octets, words in row.steps:
        link.send(server.fill(octets))
        for word in words.split():
            if not hear(link, word, result):
                return
    finish(link, row, result)


def run_row(server, row, spot="clear", way="whole"):
    result = Result()
    link = server.open(spot, way, zlib.crc32(row.shows.encode()))
    try:
        walk(link, row, server, result)
    finally:
        link.close()
    return result


def variants(row, spots=SPOTS, ways=wire.WAYS):
    for spot in spots:
        for way in ways:
            if way == "whole" or not row.whole_only:
                yield spot, way


# ---- the table

def compare(servers, row, spot, way):
    return [run_row(s, row, spot, way) if s.runs(row, spot) else None for s in servers]


def tell(servers, row, spot, way, results):
    print(f"{row.id:4} {row.shows[:60]:60} {spot}, {way}")
    for server, result in zip(servers, results):
        mark = "-" if result is None else "ok" if result.ok else "DIFFERS"
        why = f"   ({result.problem})" if result and result.problem else ""
        print(f"       {server.name:10} {mark:8} {result or 'not run'}{why}")


def summary(servers, counts):
    for server, (ran, differ) in zip(servers, counts):
        print(f"{server.name}: {ran} runs, {differ} differ")


def probe(servers, chosen, spots, ways, print_all):
    counts = [[0, 0] for _ in servers]
    for row in chosen:
        for spot, way in variants(row, spots, ways):
            results = compare(servers, row, spot, way)
            for count, result in zip(counts, results):
                count[0] += result is not None
                count[1] += result is not None and not result.ok
            if print_all or any(r and not r.ok for r in results):
                tell(servers, row, spot, way, results)
    summary(servers, counts)
    return counts[0][1]


def parse_server(text):
    name, _, target = text.partition("=")
    host, _, port = (target or name).rpartition(":")
    return Server(name, (host, int(port)))


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("servers", nargs="+", metavar="NAME=HOST:PORT")
    a.add_argument("--only", help="beginning of an id")
    a.add_argument("--clear", action="store_true")
    a.add_argument("--tls", action="store_true")
    a.add_argument("--way", choices=wire.WAYS)
    a.add_argument("--all", action="store_true")
    return a.parse_args()


def main():
    args = arguments()
    chosen = [r for r in rows.all_rows() if not args.only or r.id.startswith(args.only)]
    spots = ("clear",) if args.clear else ("tls",) if args.tls else SPOTS
    ways = (args.way,) if args.way else wire.WAYS
    return 1 if probe([parse_server(s) for s in args.servers], chosen, spots, ways, args.all) else 0


if __name__ == "__main__":
    sys.exit(main())
