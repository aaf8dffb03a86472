#!/usr/bin/env python3
"""Whatever requirements.md says of the tree is there: files, functions, tests, cases, codes.

    requirements.py SOURCE_ROOT

Every requirement has one row, with the place in the code that holds it and the tests that show it. A
name that is gone or was changed is an error here, so that the table cannot say more than the code.
"""
import pathlib
import re
import sys

TABLE = "tests/requirements.md"
RANGES = ((1, 14), (20, 32), (40, 54), (60, 81), (90, 99))
IDS = [f"R{n}" for first, last in RANGES for n in range(first, last + 1)]

ROW = re.compile(r"^\| (R\d+) \|(.*)\|$")
CODE_ROW = re.compile(r"^\| `([A-Z_]+)` \|(.*)\|$")
PLACE = re.compile(r"^`([\w./-]+)` (.+)$")
CITATION = re.compile(r"RFC \d+ (§|appendix )[\w.]+")
CASE = re.compile(r"\(\s*\"([A-Z]\d\d\w*)\"")
CAUSE = re.compile(r"^CAUSE\((\w+), \d+, (\d+), (\d+), (\d+),", re.MULTILINE)
# What is nowhere, or not as the clause has it, may be without a place or a test, but not without a reason.
WITHOUT = ("Nothing to do:", "Answered otherwise:", "Not held:")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.texts = {}
        lab = self.root / "tests/lab"
        self.cases = {c for f in lab.glob("*.py") for c in CASE.findall(f.read_text())}
        self.codes = {name: ".".join(code) for name, *code in
                      CAUSE.findall((self.root / "config/base/causes.def").read_text())}

    def text(self, path):
        if path not in self.texts:
            file = self.root / path
            self.texts[path] = file.read_text() if file.is_file() else None
        return self.texts[path]

    def defines(self, path, name):
        """A function of a source, an entry of a table of macros, a word of a header."""
        patterns = {".c": rf"^\w.*\b{name}\(", ".def": rf"^\w+\({name},", ".h": rf"\b{name}\b"}
        found = re.compile(patterns.get(pathlib.Path(path).suffix, r"(?!)"), re.MULTILINE)
        return any(not line.endswith(";") for line in found_lines(found, self.text(path)))

    def has_test(self, path, name):
        pattern = rf"\bTest\(\s*\w+,\s*{name}\b" if path.endswith(".c") else rf"^def {name}\("
        return re.search(pattern, self.text(path), re.MULTILINE) is not None


def found_lines(pattern, text):
    for match in pattern.finditer(text):
        end = text.find("\n", match.start())
        yield text[match.start():end]


def names_of(text):
    return [name.strip() for name in text.split(",")]


def check_names(tree, piece, has, what):
    """`file` name, name"""
    match = PLACE.match(piece)
    if not match:
        return [f"\"{piece}\" is not a file and names in it"]
    path, names = match.group(1), names_of(match.group(2))
    if tree.text(path) is None:
        return [f"no file {path}"]
    return [f"no {what} {name} in {path}" for name in names if not has(path, name)]


def check_where(tree, cell):
    errors = []
    for piece in cell.split("; "):
        errors += check_names(tree, piece, tree.defines, "function")
    return errors


def check_shown(tree, cell):
    errors = []
    for piece in cell.split("; "):
        if piece.startswith("`"):
            errors += check_names(tree, piece, tree.has_test, "test")
        else:
            errors += [f"no case {name} in the laboratory" for name in names_of(piece)
                       if name not in tree.cases]
    return errors


def check_row(tree, cells):
    if len(cells) != 4:
        return [f"{len(cells)} cells after the id, not 4"]
    clause, how, where, shown = cells
    errors = []
    if clause != "ours" and not CITATION.search(clause):
        errors.append("no clause")
    if not how.endswith("."):
        errors.append("no sentence")
    if "–" in (where, shown) and not how.startswith(WITHOUT):
        errors.append("no place or no test, and no reason")
    errors += check_where(tree, where) if where != "–" else []
    errors += check_shown(tree, shown) if shown != "–" else []
    return errors


def check_code(tree, cause, cells):
    if len(cells) != 3:
        return [f"{len(cells)} cells after the cause, not 3"]
    if cause not in tree.codes:
        return ["no such cause"]
    errors = [] if cells[1] == tree.codes[cause] else [f"the code is {tree.codes[cause]}"]
    return errors + check_shown(tree, cells[2])


def cells_of(rest):
    return [cell.strip() for cell in rest.split(" | ")]


def check(tree, text):
    seen, errors = [], []
    for line in text.splitlines():
        if row := ROW.match(line):
            seen.append(row.group(1))
            errors += [f"{seen[-1]}: {e}" for e in check_row(tree, cells_of(row.group(2)))]
        elif row := CODE_ROW.match(line):
            errors += [f"{row.group(1)}: {e}" for e in
                       check_code(tree, row.group(1), cells_of(row.group(2)))]
    if seen != IDS:
        errors.append("ids: " + (", ".join(sorted(set(IDS) ^ set(seen))) or "not in order, or twice"))
    return errors


def main():
    tree = Tree(sys.argv[1])
    errors = check(tree, tree.text(TABLE))
    print("\n".join(f"{TABLE}: {e}" for e in errors) or f"requirements: {len(IDS)}, each with its place")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
