"""The whole program against real server processes. Runs inside tests/sandbox/enter only."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / d) for d in ("sandbox", "faults")]

# pylint: disable=wrong-import-position
import in_sandbox  # noqa: E402
from fleet import Fleet, find_server  # noqa: E402
from patience import SAMPLE_S  # noqa: E402
from shop import Shop  # noqa: E402
from specs_repository import SpecsRepository  # noqa: E402
from tool import Evenkeel  # noqa: E402

BUILD = os.environ.get("EVENKEEL_BUILD", "build")


def pytest_configure(config):
    in_sandbox.demand(config, "tests/sandbox/enter /usr/bin/python3 -m pytest tests/integration, or: make integration")


def pytest_sessionfinish(session, exitstatus):
    del session
    in_sandbox.keep_evidence(exitstatus, f"{BUILD}/integration-evidence")


@pytest.fixture
def time_for_a_sample(record_property):
    """Skips where there is no time for a sample; else what says how much of one was left out."""
    if SAMPLE_S < 1:
        pytest.skip("left out for want of time")

    def tried(what, number, of):
        record_property("left out", f"{number} of {of} {what} tried, {of - number} left out for want of time")
    return tried


@pytest.fixture(scope="session")
def sandbox():
    """The sandbox's run directory; it goes away by itself."""
    return Path(os.environ["EVENKEEL_SANDBOX_DIR"])


@pytest.fixture(scope="session")
def server():
    """The server program that fleets run."""
    return find_server(BUILD)[0]


@pytest.fixture(scope="session")
def shops():
    """The running shops, newest last."""
    made = []
    yield made
    for shop in made:
        shop.fleet.destroy()


@pytest.fixture(scope="module")
def shop(shops, sandbox, server):
    """A running three-member set in `disabled`, its specs in git, and Evenkeel for it. Shared by
    all files that leave it as they found it; after one that did not, a new one is made."""
    if not shops or not shops[-1].intact():
        number = len(shops) + 1
        if shops:
            shops[-1].fleet.destroy()
        fleet = Fleet(sandbox / f"fleet{number}", server, name=f"orders{number}", priorities={"a": 2})
        fleet.provision()
        fleet.start()
        fleet.initiate()
        fleet.wait_settled()
        specs = SpecsRepository(sandbox / f"specs{number}", fleet)
        shops.append(Shop(fleet, specs, Evenkeel(sandbox / f"evenkeel{number}", BUILD), sandbox))
    shops[-1].specs.set_mode("disabled", "the fleet as it is")
    return shops[-1]


@pytest.fixture(scope="module")
def bare_hosts(sandbox, server):
    """Three hosts on which nothing was ever installed, and specs that want SSL there."""
    fleet = Fleet(sandbox / "new", server, name="billing")
    specs = SpecsRepository(sandbox / "new-specs", fleet)
    specs.set_mode("requireSSL", "a new deployment, SSL from its first start")
    yield Shop(fleet, specs, Evenkeel(sandbox / "new-evenkeel", BUILD), sandbox)
    fleet.destroy()
