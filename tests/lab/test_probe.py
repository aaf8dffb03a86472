"""The probe (tests/probe): every row of the catalogue against this relay, whole, by octet and in
random pieces, in clear and inside TLS. What is accepted arrives; what is refused comes nowhere."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "probe"))

import probe  # noqa: E402
import rows  # noqa: E402
import targets  # noqa: E402
import wire  # noqa: E402
from place import wait_until  # noqa: E402

ROWS = rows.all_rows()


@pytest.fixture(scope="module")
def sinks():
    with targets.Sinks() as s:
        yield s


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return targets.make_identity(tmp_path_factory.mktemp("door"))


@pytest.fixture(scope="module")
def door(sinks, identity):
    with targets.Danelaw(targets.settings_of(identity)) as d:
        d.start()
        yield d
    assert not d.complaints(), d.complaints()


def server_of(daemon, accepted=targets.ACCEPTED):
    return probe.Server("danelaw", daemon.target, accepted, patience=targets.PATIENCE)


def run_all(server, chosen, spot, way):
    """How many messages were accepted; fails with every row that went otherwise."""
    accepted, wrong = 0, []
    for row in chosen:
        if server.runs(row, spot) and (spot, way) in probe.variants(row):
            result = probe.run_row(server, row, spot, way)
            accepted += result.accepted
            if not result.ok:
                wrong.append(f"{row.id} {row.shows}: {result}: {result.problem}")
    assert not wrong, "\n".join(wrong)
    return accepted


@pytest.mark.parametrize("way", wire.WAYS)
@pytest.mark.parametrize("spot", probe.SPOTS)
def test_rows(door, sinks, spot, way):
    before = len(sinks.sink.messages)
    accepted = run_all(server_of(door), ROWS, spot, way)
    wait_until(lambda: not door.queue(), 30, lambda: f"an empty queue: {door.queue()}")
    assert len(sinks.sink.messages) - before == accepted
    assert not sinks.elsewhere.visits, "mail for strangers went out"


def test_every_row_ran(door):
    """A row that needs an extension is not silently passed by."""
    server = server_of(door)
    left = [f"{row.id} {row.shows}" for row in ROWS
            if not any(server.runs(row, spot) for spot in probe.SPOTS)]
    assert not left, left


def test_relay_forms_where_our_name_takes_mail(sinks, identity):
    """Forms with our own name may be taken then, but only ever for our own route, as they are."""
    forms = [r for r in ROWS if r.id.startswith("R") and r.id[1:].isdigit()]
    own = targets.settings_of(identity, accepted=(targets.ACCEPTED, targets.OWN),
                              address=targets.SECOND)
    with targets.Danelaw(own) as d:
        server = server_of(d.start())
        for row in forms:
            result = probe.run_row(server, row)
            taken = not result.ok
            assert not taken or f"@{{r}}>" in row.steps[2][0].decode(), (row.shows, str(result))
        assert not sinks.elsewhere.visits
    assert not d.complaints(), d.complaints()
