#!/usr/bin/env python3
"""The probe beside Postfix: both.py [PROBE OPTIONS]. Called by `run`, in a namespace of its own."""
import sys
import tempfile

import probe
import targets


def servers(folder, stack):
    """Danelaw first; Postfix where it can run."""
    identity = targets.make_identity(folder)
    made = [("danelaw", targets.Danelaw(targets.settings_of(identity)))]
    if not targets.postfix.missing():
        made.append(("postfix", targets.Postfix(identity)))
    else:
        print(f"without Postfix: {targets.postfix.missing()}", file=sys.stderr)
    for name, server in made:
        server.start()
        stack.append(server.stop)
        yield f"{name}={server.target[0]}:{server.target[1]}"


def main():
    stack = []
    with tempfile.TemporaryDirectory() as folder, targets.Sinks():
        try:
            sys.argv[1:] = [*sys.argv[1:], *servers(folder, stack)]
            return probe.main()
        finally:
            for stop in reversed(stack):
                stop()


if __name__ == "__main__":
    sys.exit(main())
