"""A second opinion: Postfix's posttls-finger(1) and `danelaw check` look at every destination of
cases.py that is under `dane` or `dane-only`, each by way of a validating resolver of its own. Where
their verdicts differ, KNOWN names the clause that decides.
"""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import finger
import stub
from case import BOUNCED, DANE, DEFERRED, ENCRYPT, HALF_DANE
from cases import CASES
from daemon import Daemon

# {case id: (posttls-finger's verdict, ours, clause, reason)}
KNOWN = {
    "A02n": (HALF_DANE, DEFERRED, "RFC 7672 section 3.2.2",
             "with an insecure MX RRset the host's name is the only reference identifier"),
    "A13": (BOUNCED, DANE, "RFC 7505 section 3",
            "null MX is the only record; beside others it is one exchange that does not exist"),
    "A18m": (DEFERRED, DANE, "RFC 7672 section 2.2",
             "it reports on the first host that answers; a client falls back to the next one"),
    "A18n": (DEFERRED, DANE, "RFC 7672 section 2.2",
             "it reports on the first host that answers; a client falls back to the next one"),
    "A26": (HALF_DANE, DEFERRED, "RFC 7672 section 2.2.1",
            "with mandatory DANE an insecure MX RRset delays delivery whatever the host proves"),
    "B36": (DEFERRED, DANE, "RFC 7672 section 2.2.3",
            "it waits for a greeting at port 465, where TLS comes first"),
    "C06d": (DEFERRED, ENCRYPT, "RFC 6698 section 4.1",
             "it ends in a panic over a record without data, which is one unusable record more"),
}
_LOOKERS = 8


def level(case):
    return case.policy or "dane"


def compared(case):
    return level(case) in ("dane", "dane-only")


@pytest.fixture(scope="module")
def chosen(world):
    """The cases to look at. Afterwards their receivers forget all these visits, which are nobody's."""
    if finger.missing():
        pytest.skip(finger.missing())
    chosen = [case for case in world.cases if compared(case)]
    receivers = [host.receiver for case in chosen for host in case.hosts]
    before = [len(receiver.visits) for receiver in receivers]
    yield chosen
    for receiver, count in zip(receivers, before):
        del receiver.visits[count:]


@pytest.fixture(scope="module")
def theirs(world, chosen, tmp_path_factory):
    """{case id: what posttls-finger says}"""
    folder = tmp_path_factory.mktemp("finger")
    resolver = stub.Resolver(folder, world.dns.anchor)
    opinion = finger.SecondOpinion(folder, resolver)
    try:
        resolver.start()
        with ThreadPoolExecutor(_LOOKERS) as lookers:
            told = lookers.map(lambda case: opinion.look(destination(world, case), level(case)), chosen)
            return dict(zip((case.id for case in chosen), told))
    finally:
        resolver.stop()


def destination(world, case):
    """As posttls-finger writes it: the domain, or the only host of its next hop."""
    if case.next_hop is None:
        return case.domain
    only, = world.next_hops[world.routes[case.domain]["to"]]["hosts"]
    return only


@pytest.fixture(scope="module")
def ours(world, chosen):
    """{case id: our verdict}, by `danelaw check`, which makes no transaction either."""
    with Daemon(world.settings) as d:
        done = d.command("check", "--json", *(case.domain for case in chosen), timeout=200)
    documents = {each["domain"]: each for each in map(json.loads, done.stdout.splitlines())}
    return {case.id: outcome(documents[case.domain]) for case in chosen}


def outcome(document):
    return document["tls"] if document["outcome"] == "delivered" else document["outcome"]


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.id}: {c.title}") for c in CASES
                                  if compared(c)])
def test_verdict(theirs, ours, case):
    told, our = theirs[case.id], ours[case.id]
    their = finger.verdict(told, level(case))
    if case.id not in KNOWN:
        assert their == our, f"posttls-finger differs from us; which clause decides?\n{told}"
        return
    *known, clause, reason = KNOWN[case.id]
    assert their != our, f"{case.id} no longer differs: take it out of KNOWN"
    assert [their, our] == known, \
        f"another difference than the one that {clause} decides ({reason}):\n{told}"


def test_known_differences_are_compared():
    assert set(KNOWN) <= {case.id for case in CASES if compared(case)}
