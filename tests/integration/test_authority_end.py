"""An authority that ends soon is told once, whoever looks how often, and again only nearer its end."""

import json

import pytest

from fleet import wait_for
from loop import Loop
from specs_repository import AUTHORITY, NO_WATCH, deployment_text

EVERY = ("--interval", "500ms", "--observe-every", "500ms")
LOOKS = 4


@pytest.fixture(scope="module")
def ending(shop):
    """Specs that want TLS by an authority of two hours."""
    text = deployment_text(shop.fleet, "allowSSL") + NO_WATCH
    shop.specs.write("orders.yaml", text.replace(
        "authority: acme-ca ", "authority: short-ca, validity: 1h, renewBefore: 1m "))
    shop.specs.write("authority.yaml", AUTHORITY.replace("acme-ca", "short-ca") + "  validity: 2h\n")
    shop.specs.commit("orders: allowSSL, an authority of two hours")
    shop.succeed("apply", "--yes", *shop.git)
    yield shop
    shop.specs.write("authority.yaml", AUTHORITY)
    shop.specs.set_mode("disabled")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()


def look_on(loop):
    """Until it has looked several times."""
    wait_for(lambda: (loop.metric("evenkeel_observe_duration_seconds_count") or 0) >= LOOKS, "looked")


def told(shop):
    """What the store keeps of it."""
    lines = shop.succeed("history", shop.fleet.name, "--kind", "certificate-ends", "--output",
                         "json").stdout.splitlines()[1:]
    return [json.loads(line) for line in lines]


def test_it_is_told_once_over_looks_and_restarts(ending):
    shop = ending
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as loop:
        event = loop.wait("certificate-ends")
        look_on(loop)
        assert len(loop.events("certificate-ends")) == 1
        assert loop.metric("evenkeel_deployment_authority_not_after_timestamp_seconds",
                           deployment=shop.fleet.name) > 0
    assert event["level"] == "warning" and event["id"] == "EK-1308"
    assert event["deployment"] == shop.fleet.name
    assert event["message"].startswith("the certificate authority short-ca ends on ")
    shop.explained(["EK-1308"])
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as loop:
        look_on(loop)
        assert not loop.events("certificate-ends")
    assert len(told(shop)) == 1
