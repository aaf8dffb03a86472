import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import place  # noqa: E402
from daemon import Daemon  # noqa: E402
from world import CaseWorld  # noqa: E402


def pytest_report_header():
    where = "a network namespace: ports 25 and 53" if place.NAMESPACE else \
        f"loopback: ports {place.SMTP_PORT} and {place.DNS_PORT}; cases that need a namespace are skipped"
    return f"laboratory: {where}"


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    world = CaseWorld(tmp_path_factory.mktemp("world"))
    try:
        world.start()
        yield world
    finally:
        world.stop()


# A daemon of one's own may run beside a file's common one.
_ports = itertools.count(place.RELAY_PORT + 100)


@pytest.fixture
def daemon(world, tmp_path_factory):
    """A daemon of one's own, with the world's configuration, not yet started: a function that
    changes the settings and starts it."""
    running = []

    def start(change=None, wait=True):
        def settings(folder):
            made = world.settings(folder)
            made["listeners"]["lab"]["bind"] = [f"{place.RELAY}:{next(_ports)}"]
            if change:
                change(made)
            return made
        d = Daemon(settings)
        running.append(d)
        return d.start(wait)

    yield start
    for d in running:
        d.__exit__()
        assert not d.complaints(), d.complaints()
