#!/usr/bin/env python3
"""The arrows between the folders, the pure files, and the length budget, checked over the sources.

    layering.py SOURCE_ROOT

Linking already refuses most upward calls; this names the include that caused them, and sees what no
linker sees: a pure file that reads the clock, a file that outgrew its budget.
"""
import pathlib
import re
import sys

# folder -> folders whose headers it may include (itself is always allowed)
ARROWS = {
    "config/base": [],
    "config": ["config/base"],
    "dns": ["config/base", "config"],
    "tls": ["config/base", "config", "dns"],
    "queue": ["config/base", "config"],
    "mta/smtp": ["config/base"],
    "mta/mail": ["config/base", "mta/smtp"],
    "mta/milter": ["config/base"],
    "mta/auth": ["config/base", "config", "mta/smtp"],
    "mta/in": ["config/base", "config", "dns", "tls", "queue", "mta/smtp", "mta/mail",
               "mta/milter", "mta/auth", "mta"],
    "mta/out": ["config/base", "config", "dns", "tls", "queue", "mta/smtp", "mta/mail", "mta"],
    "mta/run": ["config/base", "config", "dns", "tls", "queue", "mta/smtp", "mta/mail", "mta/auth",
                "mta/in", "mta/out", "mta"],
    "mta": ["config/base", "config", "dns", "tls", "queue", "mta/auth", "mta/run"],
}
# dns/name.h is the shape of a name in plain data; whoever stores names may see it.
ALLOWED = {("queue", "dns/name.h"), ("mta/smtp", "dns/name.h"), ("mta/mail", "dns/name.h")}

PURE = """
config/routes.c config/base/slice.c config/base/buf.c config/base/heap.c config/base/status.c
config/base/base64.c config/base/frame.c config/base/ip.c dns/name.c dns/wire.c dns/answer.c dns/plan.c tls/verdict.c
queue/retry.c queue/sched.c mta/smtp/address.c mta/smtp/params.c mta/smtp/dot.c mta/smtp/reply.c
mta/smtp/verbs.c mta/smtp/server.c mta/smtp/client.c mta/mail/header.c mta/mail/trace.c
mta/mail/dsn.c mta/mail/dsn_explain.c mta/mail/dsn_status.c mta/mail/dsn_text.c
mta/milter/packet.c mta/milter/reply.c mta/milter/field.c mta/milter/head.c mta/milter/lines.c
mta/mail/mime.c mta/mail/mime_type.c mta/mail/survey.c mta/mail/recode.c mta/smtp/capability.c
mta/smtp/client_content.c mta/smtp/client_envelope.c mta/smtp/client_login.c
mta/smtp/client_states.c mta/smtp/client_transaction.c
mta/auth/throttle.c mta/auth/users_line.c mta/in/relay.c mta/out/plan.c
""".split()
IMPURE = re.compile(r'#include <(event2/|sys/socket|time\.h|netdb|poll)'
                    r'|#include "config/base/(log|loop|counter)\.h"'
                    r'|\b(clock_mono_ms|clock_wall_ms|gettimeofday|time\(NULL)')
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|strncpy|strtok|atoi|gets|alloca|system|popen|'
                    r'execl\w*|execvpe?)\s*\(')
EXECS = {"mta/run/spawn.c"}  # the only file that may start a program, and only our own
FILE_LINES, FUNCTION_LINES = 500, 80


def folder_of(path, folders):
    return max((f for f in folders if path.startswith(f + "/")), key=len, default=None)


def functions(text):
    """(name, first line, length) of each function: '{' in column 0 to '}' in column 0."""
    start, name = None, ""
    lines = text.split("\n")
    for n, line in enumerate(lines, 1):
        if line == "{" and start is None:
            start = n
            for back in range(n - 2, max(-1, n - 8), -1):
                m = re.match(r"^[A-Za-z_].*?\b(\w+)\(", lines[back])
                if m:
                    name = m.group(1)
                    break
        elif line == "}" and start is not None:
            yield name, start, n - start + 1
            start = None


def check_file(root, path, errors):
    text = (root / path).read_text()
    folder = folder_of(path, ARROWS)
    for n, line in enumerate(text.split("\n"), 1):
        m = re.match(r'#include "([^"]+)"', line)
        if m:
            target = folder_of(m.group(1), ARROWS)
            ok = target == folder or target in ARROWS[folder] or (folder, m.group(1)) in ALLOWED
            if not ok:
                errors.append(f"{path}:{n}: {folder} must not include {m.group(1)}")
        if path in PURE and IMPURE.search(line):
            errors.append(f"{path}:{n}: pure file: {line.strip()}")
        m = BANNED.search(line.split("//")[0])
        if m and not line.lstrip().startswith("*") and path not in EXECS:
            errors.append(f"{path}:{n}: {m.group(1)} is not used here")
    if text.count("\n") > FILE_LINES:
        errors.append(f"{path}: {text.count(chr(10))} lines, the budget is {FILE_LINES}")
    for name, line, length in functions(text):
        if length > FUNCTION_LINES:
            errors.append(f"{path}:{line}: {name} has {length} lines, the budget is {FUNCTION_LINES}")


def main():
    root = pathlib.Path(sys.argv[1])
    errors, seen = [], 0
    for top in ("config", "dns", "tls", "queue", "mta"):
        for f in sorted((root / top).rglob("*.[ch]")):
            check_file(root, str(f.relative_to(root)), errors)
            seen += 1
    missing = [p for p in PURE if not (root / p).exists()]
    errors += [f"{p}: listed as pure, but there is no such file" for p in missing]
    print("\n".join(errors) or f"layering: {seen} files, all arrows point down")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
