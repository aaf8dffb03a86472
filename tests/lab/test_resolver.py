"""3.K: the validator's health. Trust anchors that are missing or wrong, and middleboxes between the
relay and the world's DNS: every answer is validated here, whatever the forwarder says."""
import pytest

import place
from case import DANE, HALF_DANE
from letters import submit_one
from meddler import TLSA, Meddler, forges, strips, strips_below
from place import wait_until


@pytest.fixture
def by_id(world):
    return {case.id: case for case in world.cases}


def visits(case):
    return sum(len(host.receiver.visits) for host in case.hosts)


@pytest.mark.case("K01", "a trust anchor that does not fit: dane waits, may goes on")
@pytest.mark.parametrize("anchor", ["another root key", "another zone's key"])
def test_anchor_that_does_not_fit(world, daemon, tmp_path, by_id, verdict, anchor):
    wrong = tmp_path / "anchor"
    owner = "." if anchor == "another root key" else "elsewhere.example."
    wrong.write_text(f"{owner} DS 20326 8 2 "
                     "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")

    def change(settings):
        settings["resolver"]["trust_anchor_file"] = str(wrong)
    d = daemon(change)
    wait_until(lambda: [line for line in d.lines if "dns.not_validating" in line], 20, "the alarm")
    held, free = by_id["A01"], by_id["X06"]
    before = len(held.hosts[0].receiver.visits)
    waiting = submit_one(d, held)
    went = submit_one(d, free)
    for delivery in d.wait_deliveries(waiting, 2):
        assert delivery.field("status") == "deferred"
        assert "does not validate" in delivery.words, delivery.line
        assert delivery.field("fault") == "this relay", delivery.line
    assert len(held.hosts[0].receiver.visits) == before, "nothing is contacted on such a guess"
    verdict(delivery)
    assert d.wait_deliveries(went)[-1].field("status") == "sent"
    assert "does not validate" in d.queue()[waiting]["recipients"][0]["delay_reason"]


@pytest.mark.case("K01n", "no trust anchor: no start")
@pytest.mark.parametrize("what", ["missing", "empty"])
def test_anchor_missing_is_a_start_error(daemon, tmp_path, verdict, what):
    anchor = tmp_path / "anchor"
    if what == "empty":
        anchor.touch()

    def change(settings):
        settings["resolver"]["trust_anchor_file"] = str(anchor)
    d = daemon(change, wait=False)
    assert wait_until(lambda: d.process.poll() is not None, 20, "the start error")
    assert d.process.returncode == 2
    assert any(str(anchor) in line for line in d.lines), d.lines
    verdict("exit status 2")


@pytest.fixture
def behind(world, daemon):
    """A daemon whose only way to DNS is a forwarder that meddles."""
    meddlers = []

    def start(meddle):
        number = 50 + len(meddlers)
        meddlers.append(Meddler(place.address(number), place.DNS_PORT, (place.DNS, place.DNS_PORT),
                                meddle))

        def change(settings):
            settings["resolver"].pop("stubs", None)
            settings["resolver"]["forward"] = [f"{place.address(number)}@{place.DNS_PORT}"]
        return daemon(change)

    yield start
    for meddler in meddlers:
        meddler.close()


def assert_waits(d, case, code, words, fault):
    before = visits(case)
    delivery = d.wait_deliveries(submit_one(d, case))[-1]
    assert delivery.field("status") == "deferred" and delivery.field("dsn") == code, delivery.line
    assert words in delivery.words and delivery.field("fault") == fault, delivery.line
    assert visits(case) == before, "nothing is contacted"
    return delivery


@pytest.mark.case("K03", "a middlebox strips signatures: bogus, the mail waits")
def test_signatures_stripped_in_one_zone(behind, by_id, verdict):
    d = behind(strips_below(".good.example"))
    verdict(assert_waits(d, by_id["A01"], "4.4.3", "MX lookup", "the receiving domain's DNS"))


@pytest.mark.case("K03a", "a middlebox strips all signatures: a state with a name, for all domains")
def test_all_signatures_stripped(behind, by_id, verdict):
    d = behind(strips)
    wait_until(lambda: [line for line in d.lines if "dns.not_validating" in line], 20, "the alarm")
    verdict(assert_waits(d, by_id["A01"], "4.7.5", "does not validate", "this relay"))
    assert_waits(d, by_id["X01"], "4.7.5", "does not validate", "this relay")


@pytest.mark.case("K04", "a forwarder says AD of a forged TLSA record: bogus, the mail waits")
def test_forged_tlsa(world, behind, by_id, verdict):
    """Whoever believed it would have the mail authenticated by the forger's key."""
    case = by_id["D05"]
    name = f"_{place.SMTP_PORT}._tcp.{case.hosts[0].domain}"
    record = world.host_identity(case, case.hosts[0]).tlsa("311")
    forged = bytes.fromhex(record.replace("3 1 1 ", "030101"))
    d = behind(forges(name, TLSA, [forged]))
    verdict(assert_waits(d, case, "4.7.5", "TLSA lookup", "the receiving domain's DNS"))


@pytest.mark.case("K04a", "a forwarder says AD of unsigned MX records: they stay insecure")
def test_ad_is_not_believed(behind, by_id, verdict):
    d = behind(forges("nobody.example", TLSA, []))
    delivery = d.wait_deliveries(submit_one(d, by_id["A02"]))[-1]
    assert delivery.field("tls") == HALF_DANE and delivery.field("mx") == "insecure", delivery.line
    assert_waits(d, by_id["A26"], "4.7.5", "DANE is required", "the receiving domain's DNS")
    signed = d.wait_deliveries(submit_one(d, by_id["E07"]))[-1]
    assert signed.field("tls") == DANE, signed.line
    verdict(delivery)
