"""One case through both, compared; a disagreement made smaller."""
import copy
import json
import os
import pathlib
import subprocess

import generate
import model


class Died(Exception):
    """The program ended in the middle of a case."""


class Mix:
    """The program mix: one line in, one line out."""

    def __init__(self, build, folder):
        environment = dict(os.environ, SSL_CERT_FILE=os.path.join(folder, "trusted"),
                           SSL_CERT_DIR=os.path.join(folder, "no-folder"))
        program = pathlib.Path(build) / "tests/model/mix"
        self.process = subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment, text=True)

    def __call__(self, case):
        try:
            self.process.stdin.write(json.dumps(case) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass                  # the missing answer says it
        line = self.process.stdout.readline()
        if not line:
            raise Died(f"mix ended with status {self.process.wait()} at the case {json.dumps(case)}")
        result = json.loads(line)
        result["asked"].sort()
        return result

    def close(self):
        """Its exit status, which a leak or a sanitizer's complaint makes other than 0."""
        if self.process.poll() is None:
            self.process.stdin.close()
        return self.process.wait()


def make_case(seed, index, pool):
    return generate.Case(f"{seed}/{index}", pool).make()


# ---- comparison

def differences(got, expected):
    """["member: got, expected"]; hosts of equal preference in any order."""
    found = [f"{key}: {got.get(key)!r}, expected {value!r}"
             for key, value in expected.items() if key != "hosts" and got.get(key) != value]
    theirs, ours = sorted(got["hosts"], key=place), sorted(expected["hosts"], key=place)
    if [h.get("name") for h in theirs] != [h.get("name") for h in ours]:
        return found + [f"hosts: {[h.get('name') for h in theirs]}, expected "
                        f"{[h.get('name') for h in ours]}"]
    for one, other in zip(theirs, ours):
        found += [f"{other.get('name', 'host')} {key}: {one.get(key)!r}, expected {value!r}"
                  for key, value in other.items() if not fits(one.get(key), value)]
    return found


def place(host):
    return host.get("preference", 0), host.get("name", "")


def fits(value, expected):
    return value in expected if isinstance(expected, set) else value == expected


# ---- what must hold whatever the model says

def broken_promises(case, got):
    """RFC 7672 §2.2: no clear text where a secure TLSA RRset was found or a lookup failed; nothing
    unauthenticated where a record is usable."""
    if case["level"] not in model.DANE:
        return []
    return [f"promise broken for {h.get('name')}: {p}" for h in got["hosts"] for p in promises_of(case, h)]


def promises_of(case, host):
    answers = [case["dns"].get(f"_{case['port']}._tcp.{c} TLSA", {}) for c in host.get("candidates", [])]
    achieved = host["achieved"]
    if achieved == "none" and any(a["lookup"] == "data" and a["security"] == "secure" for a in answers):
        yield "clear text beside secure TLSA records"
    if any(a["lookup"] == "error" for a in answers) and achieved != "deferred":
        yield f"{achieved} although a TLSA lookup failed"
    for a in answers:
        if a["security"] == "secure" and any(plainly_usable(r) for r in a["records"]):
            if achieved not in ("dane", "half-dane", "deferred"):
                yield f"{achieved} beside a usable record"
            return
    if case["level"] == "dane-only" and achieved not in ("dane", "deferred", "bounced"):
        yield f"{achieved} at dane-only"


def plainly_usable(record):
    usage, selector, mtype, data = record
    return usage in (2, 3) and selector in (0, 1) and (mtype, len(data)) in ((1, 64), (2, 128))


# ---- a disagreement

def problems_of(mix, pool, case):
    got, expected = mix(case), model.expect(case, pool)
    return differences(got, expected) + broken_promises(case, got), got, expected


def try_case(mix, pool, seed, index, coverage):
    """Texts of the disagreement, if there is one."""
    case = make_case(seed, index, pool)
    problems, got, expected = problems_of(mix, pool, case)
    coverage.count(case, got, expected)
    if not problems:
        return []
    small = shrink(mix, pool, case)
    return [f"\ncase {index} of seed {seed}: disagreement\n" +
            text_of(small, *problems_of(mix, pool, small))]


def describe(mix, pool, seed, index):
    case = make_case(seed, index, pool)
    return text_of(case, *problems_of(mix, pool, case))


def text_of(case, problems, got, expected):
    shown = copy.deepcopy(case)
    for key, answer in shown["dns"].items():
        if key.endswith("TLSA"):
            answer["records"] = [f"{u} {s} {m} {d[:16]}… ({len(d) // 2})"
                                 for u, s, m, d in answer["records"]]
    used = {k: v for k, v in shown["dns"].items() if k in got["asked"]}
    shown |= {"dns": used, "notes": {k: v for k, v in case["notes"].items() if k in used}}
    return "\n".join(["  case:     " + json.dumps(shown, ensure_ascii=False),
                      "  code:     " + json.dumps(got), f"  model:    {expected}"] +
                     [f"  differs:  {p}" for p in problems])


def shrink(mix, pool, case):
    """Parts are dropped as long as the disagreement stays."""
    again = True
    while again:
        again = False
        for smaller in reductions(case):
            if problems_of(mix, pool, smaller)[0]:
                case, again = smaller, True
                break
    return case


def reductions(case):
    """The case without one record, or with one part made plain."""
    for key, answer in case["dns"].items():
        for i in range(len(answer["records"])):
            if len(answer["records"]) > 1:
                yield without_record(case, key, i)
        if answer.get("alias") and key.endswith(("TLSA", "MX")):
            yield changed(case, ["dns", key, "alias"], None)
    for key, plain in (("validates", True), ("implicit_tls", False), ("port", 25)):
        if case[key] != plain and (key != "port" or f"_25._tcp.{case['name']} TLSA" in case["dns"]):
            yield changed(case, [key], plain)
    for name, server in case["servers"].items():
        for key, plain in (("manner", "1.3"), ("starttls", True), ("refuses", False), ("chain", "all")):
            if server[key] != plain:
                yield changed(case, ["servers", name, key], plain)


def without_record(case, key, i):
    smaller = copy.deepcopy(case)
    del smaller["dns"][key]["records"][i]
    notes = smaller["notes"].get(key)
    if notes:
        del notes[i]
    return smaller


def changed(case, path, value):
    smaller = copy.deepcopy(case)
    at = smaller
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return smaller
