"""Clients that come in plaintext once in a while: requireSSL waits until none did for a while."""

import calendar
import re
import time

import pytest
from pymongo import MongoClient

from fleet import wait_for
from patience import patient
from specs_repository import deployment_text

CHANGES, STOPPED = 2, 130


@pytest.fixture(scope="module")
def encrypted(shop):
    """The set in preferSSL; given back as it was."""
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    yield shop
    shop.specs.set_mode("disabled")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()


def want(shop, mode, window):
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, mode)
                     + f"  maintenance: {{ plaintextWindow: {window} }}\n")
    shop.specs.commit(f"orders: sslMode {mode}, watched for {window}")


def visit(shop, name):
    """A client in plaintext comes and goes."""
    with MongoClient(shop.fleet[name].address, 27017, directConnection=True,
                     serverSelectionTimeoutMS=5000) as client:
        client.admin.command("ping")


def waits(shop):
    status, document = shop.tool.json("plan", *shop.git)
    assert status == CHANGES
    plan = document["deployments"][0]
    assert plan["blocked"] is None and plan["steps"]
    return {wait["kind"]: wait for wait in plan["waits"]}


def test_a_client_that_comes_and_goes_holds_it_back(encrypted):
    shop = encrypted
    want(shop, "requireSSL", "1h")
    visit(shop, "b")
    came = time.time()
    wait = waits(shop)["watch"]
    assert wait["id"] == "EK-0133" and wait["before_step"] == 1
    until = calendar.timegm(time.strptime(wait["until"], "%Y-%m-%dT%H:%M:%SZ"))
    assert came + 3600 - 1 <= until <= time.time() + 3600 + 2, "counted from that visit"
    visit(shop, "c")
    assert waits(shop)["watch"]["until"] >= wait["until"]
    assert set(shop.fleet.running_modes().values()) == {"preferTLS"}


def test_apply_waits_and_can_be_stopped(encrypted):
    shop = encrypted
    want(shop, "requireSSL", "1h")
    output = shop.directory / "watching.log"
    process = shop.tool.start("apply", "--yes", *shop.git, output=output)
    wait_for(lambda: "Still waiting: clients are watched for 60 min" in output.read_text(), "it waits")
    process.terminate()
    assert process.wait(timeout=patient(60)) == STOPPED


def test_it_goes_on_when_nobody_came(encrypted):
    shop = encrypted
    visit(shop, "a")
    want(shop, "requireSSL", "4s")
    done = shop.succeed("apply", "--yes", *shop.git)
    assert re.search(r"Waits: +clients are watched for 4 s", done.stdout)
    assert set(shop.fleet.running_modes().values()) == {"requireTLS"}
