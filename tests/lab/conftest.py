import itertools
import os
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


def pytest_configure(config):
    config.addinivalue_line("markers", "case(id, title): a case of the conformance catalogue")


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("case"):
            item.user_properties.append(("case", mark.args))


@pytest.fixture
def verdict(record_property):
    """Notes what came of a case, for the table at the end."""
    def note(delivery):
        if isinstance(delivery, str):
            record_property("verdict", delivery)
            return
        status = delivery.field("status")
        how = f"tls={delivery.field('tls')}" if status == "sent" else delivery.field("dsn")
        record_property("verdict", f"{status} {how}")
    return note


def pytest_terminal_summary(terminalreporter):
    """One line per case: its id, its title, what came of it, and whether that is right."""
    rows = []
    words = {"passed": "ok", "failed": "FAILED", "error": "ERROR", "skipped": "skipped"}
    for outcome, word in words.items():
        for report in terminalreporter.stats.get(outcome, ()):
            told = dict(getattr(report, "user_properties", ()))
            if "case" in told:
                rows.append((*told["case"], told.get("verdict", ""), word))
    if rows:
        terminalreporter.section("cases")
        for case_id, title, came, word in sorted(rows):
            terminalreporter.write_line(f"{case_id:<6} {title:<84} {came:<18} {word}")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    world = CaseWorld(tmp_path_factory.mktemp("world"))
    # The lab's root is a public authority to every process under test.
    os.environ["SSL_CERT_FILE"] = str(world.identity("authority").certificate)
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
