#!/usr/bin/env python3
"""Every RFC clause that the tree cites exists, and is cited in one form.

    clauses.py SOURCE_ROOT      checks the sources against tests/clauses.txt
    clauses.py --make DIR       renews tests/clauses.txt from the texts DIR/rfcNNNN.txt
    clauses.py --self-test      proves that a wrong citation is found

The form is the number after "RFC", then clauses marked with the section sign in comments, with the
word "section" in printed text, with "appendix" for the rest; lists go on over commas, "and" and
remarks in brackets. A clause that stands alone must be of an RFC that its file cites.
"""
import bisect
import os
import pathlib
import re
import sys
import tempfile

LIST = pathlib.Path(__file__).with_name("clauses.txt")
SUFFIXES = {".c", ".h", ".def", ".py", ".md"}
HEAD = """\
# RFC number, then the numbers of its sections and appendices. Made by clauses.py --make from the texts.
"""
BY_HAND = """\
# By hand, as no text was at the maker's disposal: what is cited and what is known for certain. A number
# alone is an RFC that is cited as a whole.
"""

CLAUSE = r"(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)(?!\w)"
MARK = r"(?:§|\bsections?\s|\bappendi(?:x|ces)\s)\s*"
MARKED = re.compile(MARK + rf"({CLAUSE})")
ALSO = r"(?:\s*\([^()]*\))?\s*(?:,\s*and\b|[,;–]|\band\b|\bor\b|\bto\b)\s*"
FIRST = re.compile(rf",?\s*{MARK}({CLAUSE})")
NEXT = re.compile(ALSO + MARK + rf"({CLAUSE})")
NEXT_UNMARKED = re.compile(ALSO + r"(\d+(?:\.\d+)*)(?!\w)")  # after "sections"
MENTION = re.compile(r"(?<!\w)rfc[-_\s]*(\d{3,5})(?!\w)", re.IGNORECASE)
GOOD_MENTION = re.compile(r"RFC\s\s*\d+")
MEDIA_TYPE = "rfc822"  # as in message/rfc822: a word of the protocol
BAD_AFTER = [
    (re.compile(r"\s+\d"), "a clause without its section sign"),
    (re.compile(r"\s*(?:,|/|and|or)\s*\d{4}\b"), "a number without its RFC"),
    (re.compile(r",?\s*(?:S|s)(?:ect?\.?|ection)?\s*\d|,?\s*Sections?\b"), "section in another spelling"),
]
REVERSED = re.compile(rf"{MARK}{CLAUSE}\s+of\s+RFC", re.IGNORECASE)


# ---- the list

def read_list(path=LIST):
    """{number: set of clauses}"""
    lines = [line.split() for line in path.read_text().splitlines() if line and line[0] != "#"]
    return {words[0]: set(words[1:]) for words in lines}


def follows(clause, seen):
    """Whether clause is where a document could have it: behind its parent and its elder sibling."""
    parts = clause.split(".")
    if len(parts) == 1:
        elder = chr(ord(clause) - 1) if clause.isalpha() else str(int(clause) - 1)
        return elder in seen or clause in ("1", "A")
    parent, last = ".".join(parts[:-1]), int(parts[-1])
    return parent in seen and (last == 1 or f"{parent}.{last - 1}" in seen)


def clauses_of(text):
    """The numbers of the headings, which stand at the margin; a numbered list there does not follow."""
    seen = []
    for m in re.finditer(r"^(?:Appendix )?(\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)[.:]? +\S", text, re.M):
        clause = m.group(1)
        is_letter = len(clause) == 1 and clause.isalpha() and not m.group(0).startswith("Appendix")
        if clause not in seen and not is_letter and follows(clause, seen):
            seen.append(clause)
    return seen


def make(folder):
    texts = {p.stem[3:]: p.read_text(errors="replace") for p in folder.glob("rfc*.txt")}
    old = LIST.read_text().splitlines() if LIST.exists() else []
    kept = [line for line in old if line[:1] != "#" and line.split()[0] not in texts]
    made = [" ".join([n, *clauses_of(texts[n])]) for n in sorted(texts, key=int)]
    LIST.write_text(HEAD + "\n".join(made) + "\n" + BY_HAND + "\n".join(kept) + "\n")


# ---- the sources

class Flat:
    """A text in one line, so that a citation may go on behind the line's end: the marks of comments
    and the quotes of strings between two lines are taken out."""
    BREAK = re.compile(r'"?[ \t]*\n[ \t]*(?:\*(?!/)|//+|#+|\||"|>)?[ \t]*')

    def __init__(self, text):
        self.starts, self.lines, pieces = [], [], []
        length = last = 0
        line = 1
        for m in [*self.BREAK.finditer(text), None]:
            piece = text[last:m.start() if m else None] + " "
            self.starts.append(length)
            self.lines.append(line)
            pieces.append(piece)
            length += len(piece)
            if m:
                last, line = m.end(), line + 1
        self.text = "".join(pieces)

    def line(self, at):
        return self.lines[bisect.bisect_right(self.starts, at) - 1]


def clauses_at(text, at):
    """[(place, clause)] of the list that begins at a place, and where it ends."""
    found, m = [], FIRST.match(text, at)
    while m:
        found.append((m.start(1), m.group(1)))
        at, last = m.end(), m
        m = NEXT.match(text, at)
        if not m and ("sections" in last.group(0) or last.re is NEXT_UNMARKED):
            m = NEXT_UNMARKED.match(text, at)
    return found, at


def form_errors(text, m):
    if not GOOD_MENTION.fullmatch(m.group(0)):
        yield m.start(), f"{m.group(0)}: write RFC {m.group(1)}"
    for pattern, what in BAD_AFTER:
        after = pattern.match(text, m.end())
        if after and not FIRST.match(text, m.end()):
            yield m.start(), f"RFC {m.group(1)} with {what}"


def citation_errors(text, known):
    """(place, message) of all that is wrong with the citations of a text."""
    cited, covered = set(), set()
    for m in MENTION.finditer(text):
        if m.group(0) == MEDIA_TYPE:
            continue
        yield from form_errors(text, m)
        number = m.group(1)
        cited.add(number)
        if number not in known:
            yield m.start(), f"RFC {number} is not in tests/clauses.txt"
            continue
        for place, clause in clauses_at(text, m.end())[0]:
            covered.add(place)
            if clause not in known[number]:
                yield place, f"RFC {number} has no clause {clause}"
    for m in REVERSED.finditer(text):
        yield m.start(), "the RFC comes before its clause"
    yield from lonely_errors(text, known, cited, covered)


def lonely_errors(text, known, cited, covered):
    for m in MARKED.finditer(text):
        if m.start(1) in covered:
            continue
        if not any(m.group(1) in known.get(number, ()) for number in cited):
            yield m.start(), f"clause {m.group(1)} is of no RFC that this file cites"


def check_text(name, text, known):
    flat = Flat(text)
    errors = sorted(citation_errors(flat.text, known))
    return [f"{name}:{flat.line(at)}: {what}" for at, what in errors]


def sources(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f[0] != "." and
                            not os.path.exists(os.path.join(folder, f, "meson-private")))
        for name in sorted(files):
            if pathlib.Path(name).suffix in SUFFIXES or name == "meson.build":
                yield pathlib.Path(folder, name)


def check(root, known):
    errors, seen = [], 0
    for path in sources(root):
        errors += check_text(path.relative_to(root), path.read_text(), known)
        seen += 1
    return errors, seen


# ---- the check of the check. This file is checked too, so R, S, %, @ stand for what spelt() makes of them

WRONG = [
    ("/* R 7672 S9.9 */", "1: R 7672 has no clause 9.9"),
    ("/* R 7672 S2.2.1, S2.1 and S2.7. */", "1: R 7672 has no clause 2.7"),
    ("/* R 7672 S2.2 (levels), S2.3 (hosts),\n * S3.9 */", "2: R 7672 has no clause 3.9"),
    ("/* x\n * R\n * 7672 S4.1 */", "3: R 7672 has no clause 4.1"),
    ('f("R 7672 "\n  "% 2.4");', "2: R 7672 has no clause 2.4"),
    ("# R 7672 %s 2.1 and 2.8", "1: R 7672 has no clause 2.8"),
    ("R 5321 @ Z", "1: R 5321 has no clause Z"),
    ("R 7672 S2, then S2.2.9", "1: clause 2.2.9 is of no RFC that this file cites"),
    ("R 99999", "1: R 99999 is not in tests/clauses.txt"),
    ("R7672", "1: R7672: write R 7672"),
    ("R-7672", "1: R-7672: write R 7672"),
    ("R 7672 2.2", "1: R 7672 with a clause without its section sign"),
    ("R 5321, 7672", "1: R 5321 with a number without its RFC"),
    ("R 7672 Sect. 2.2", "1: R 7672 with section in another spelling"),
    ("% 2.2 of R 7672", "1: the RFC comes before its clause"),
]
RIGHT = """/* R 5321 S4.1.1, S4.2; R 7672 S2.2.1 and S3, R 5321
 * S4.5.3.1.8, @ F.2. S3.2.2. */ "message/rfc822" "R 7672 % 2.2" clock_rfc5322() R 7672 at 25 */"""


def spelt(text):
    text = re.sub(r"\bS(?=\d)", "\u00a7", re.sub(r"\bR(?=[ \n\d-])", "RFC", text))
    return text.replace("%", "section").replace("@", "appendix")


def self_test(known):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "x.c")
        for text, message in WRONG:
            path.write_text(spelt(text))
            errors, _ = check(folder, known)
            assert f"x.c:{spelt(message)}" in errors, (text, message, errors)
        path.write_text(spelt(RIGHT))
        assert check(folder, known) == ([], 1), check(folder, known)
    print(f"clauses: {len(WRONG)} wrong citations found, the right ones let pass")


def main():
    if sys.argv[1] == "--make":
        make(pathlib.Path(sys.argv[2]))
        return 0
    known = read_list()
    if sys.argv[1] == "--self-test":
        self_test(known)
        return 0
    errors, seen = check(sys.argv[1], known)
    print("\n".join(errors) or f"clauses: {seen} files, {len(known)} RFCs, every clause exists")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
