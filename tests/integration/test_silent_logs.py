"""Servers that are told not to log plaintext connections: what is connected counts, what comes and
goes is not known, and neither is taken for none."""

import pytest
from pymongo import MongoClient

from specs_repository import deployment_text

CHANGES, REFUSED = 2, 5
SILENT = "setParameter:\n  disableNonTLSConnectionLogging: true\n"


@pytest.fixture(scope="module")
def silent(shop):
    """The set in preferSSL, its servers' logs silent about plaintext; given back as it was."""
    before = {m.name: m.configuration.read_text(encoding="utf-8") for m in shop.fleet.members}
    for member in shop.fleet.members:
        member.configuration.write_text(before[member.name] + SILENT, encoding="utf-8")
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)  # every member is restarted, and reads it
    shop.fleet.wait_settled()
    yield shop
    for member in shop.fleet.members:
        text = member.configuration.read_text(encoding="utf-8")
        member.configuration.write_text(text.replace(SILENT, ""), encoding="utf-8")
    shop.specs.set_mode("disabled")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()


def blocked(shop, window):
    """What a plan for requireSSL says is in the way, or None."""
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, "requireSSL")
                     + f"  maintenance: {{ plaintextWindow: {window} }}\n")
    shop.specs.commit(f"orders: sslMode requireSSL, watched for {window}")
    status, document = shop.tool.json("plan", *shop.git)
    found = document["deployments"][0]["blocked"]
    assert status == (REFUSED if found else CHANGES), document
    return found


def test_a_client_that_is_connected_is_seen(silent):
    address = silent.fleet["b"].address
    with MongoClient(address, 27017, directConnection=True, serverSelectionTimeoutMS=5000) as client:
        client.admin.command("ping")
        found = blocked(silent, "0s")
        assert found["id"] == "EK-0119" and found["member"] == "b", found
        assert "are, or may be, still in plaintext" in found["sentence"]


def test_who_comes_and_goes_is_not_known(silent):
    """With a window it is not known; without one those that are connected are all that count."""
    found = blocked(silent, "10m")
    assert found["id"] == "EK-0119", found
    assert "not known" in found["sentence"]
    assert blocked(silent, "0s") is None
