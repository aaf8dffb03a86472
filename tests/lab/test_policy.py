"""`danelaw policy explain`: which rule decides about an address, which were passed over and why."""
import datetime
import json
import os
import subprocess

import pytest

from daemon import BINARY, Daemon, default_settings, with_sanitizers


def day(ahead):
    return (datetime.date.today() + datetime.timedelta(days=ahead)).isoformat()


def settings(folder):
    made = default_settings(folder)
    made["domains"] = {"ours.example": {"to": "exchange"}}
    made["next_hops"] = {"exchange": {"hosts": ["[192.0.2.9]:465", "mx.ours.example:26"], "tls": "encrypt"},
                         "plain": {"hosts": ["192.0.2.10:25"]}}
    made["routes"] = {".routed.example": {"to": "plain"}}
    made["policies"] = {
        "a.example": {"tls": "dane-only", "note": "contract \x1b[31m"},
        "old.a.example": {"tls": "none", "until": day(-1), "note": "ticket 8"},
        ".a.example": {"tls": "dane", "audit": True, "until": day(3)},
        "bücher.example": {"tls": "verify"},
    }
    return made


@pytest.fixture(scope="module")
def config():
    with Daemon(settings) as d:
        yield d.config


def explain(config, *arguments):
    return subprocess.run([BINARY, "policy", "explain", *arguments, "-c", str(config)], capture_output=True,
                          text=True, errors="surrogateescape", timeout=60, env=with_sanitizers(os.environ))


def explained(config, address):
    done = explain(config, address, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_the_rule_that_decides(config):
    for address, level, rule in (("x@a.example", "dane-only", 'policies "a.example"'),
                                 ("x@new.a.example", "dane", 'policies ".a.example"'),
                                 ("x@old.a.example", "dane", 'policies ".a.example"'),
                                 ("x@BÜCHER.example", "verify", 'policies "xn--bcher-kva.example"'),
                                 ("x@ours.example", "encrypt", "next_hops.exchange.tls"),
                                 ("x@mx.routed.example", "dane", "delivery.tls"),
                                 ("[192.0.2.1]", "dane", "delivery.tls")):
        policy = explained(config, address)["policy"]
        assert (policy["tls"], policy["rule"]) == (level, rule), address
        assert rule == "delivery.tls" or policy["where"].startswith(f"{config}:"), policy


def test_rules_passed_over(config):
    policy = explained(config, "x@old.a.example")["policy"]
    assert policy["audit"] and policy["until"] == day(3)
    assert [(each["pattern"], each["because"], each["until"], each["note"])
            for each in policy["passed_over"]] == [("old.a.example", "expired", day(-1), "ticket 8")]


def test_what_a_message_may_ask(config):
    """RFC 8689: above the policy, and below what the recipient's domain asks for."""
    for address, requiretls, tls_required_no in (
            ("x@a.example", "as by the policy", "as by the policy"),
            ("x@new.a.example", "signed MX records", "where DANE fails it goes with less"),
            ("x@BÜCHER.example", "and signed MX records", "as by the policy"),
            ("x@ours.example", "DANE or a publicly trusted certificate", "as by the policy")):
        policy, told = explained(config, address)["policy"], explain(config, address).stdout
        assert requiretls in policy["requiretls"] and f"with REQUIRETLS: {policy['requiretls']}\n" in told
        assert tls_required_no in policy["tls_required_no"]
        assert f"with \"TLS-Required: No\": {policy['tls_required_no']}\n" in told


def test_route_and_acceptance(config):
    ours, routed = explained(config, "x@ours.example"), explained(config, "x@mx.routed.example")
    assert ours["ours"] and not routed["ours"]
    assert [h["host"] for h in ours["route"]["hosts"]] == ["[192.0.2.9]:465", "mx.ours.example:26"]
    assert [h["implicit_tls"] for h in ours["route"]["hosts"]] == [True, False]
    assert (ours["queue"], routed["queue"]) == ("hop:exchange:encrypt", "hop:plain:dane")


@pytest.mark.parametrize("local", ["\udcff", "\x1b[31m", "a@b"])
def test_odd_addresses(config, local):
    """All is told about an address that is not UTF-8, and nothing of it drives a terminal."""
    done = explain(config, f"{local}@a.example")
    assert done.returncode == 0 and "dane-only" in done.stdout and "mx:a.example:dane-only" in done.stdout
    assert "\x1b" not in done.stdout and "contract ?[31m" in done.stdout
    told = explained(config, f"{local}@a.example")
    assert told["policy"]["tls"] == "dane-only" and told["address"].endswith("@a.example")


@pytest.mark.parametrize("arguments", [(), ("no domain",), ("x@",), ("a.example", "b.example")])
def test_usage(config, arguments):
    assert explain(config, *arguments).returncode == 2
