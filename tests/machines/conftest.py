"""The whole program against whole machines. Runs inside tests/sandbox/enter --root only."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "sandbox")]

# pylint: disable=wrong-import-position
import in_sandbox  # noqa: E402
from fleet import find_server  # noqa: E402
from machines import MachineFleet, MachineSpecs  # noqa: E402
from shop import Shop  # noqa: E402
from tool import Evenkeel  # noqa: E402

BUILD = os.environ.get("EVENKEEL_BUILD", "build")


def pytest_configure(config):
    in_sandbox.demand(config, "tests/sandbox/enter --root /usr/bin/python3 -m pytest tests/machines, or: make machines")


def pytest_sessionfinish(session, exitstatus):
    del session
    in_sandbox.keep_evidence(exitstatus, f"{BUILD}/machines-evidence")


@pytest.fixture(scope="session")
def build():
    return Path(BUILD)


@pytest.fixture(scope="session")
def sandbox():
    """The sandbox's run directory; it goes away by itself."""
    return Path(os.environ["EVENKEEL_SANDBOX_DIR"])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    del call
    report = (yield).get_result()
    fleet = getattr(item, "funcargs", {}).get("machines")
    if report.failed and fleet:
        for machine in fleet.machines.values():
            if machine.process.poll() is None:
                told = machine.run("journalctl", "--no-pager", "-n", "30", check=False).stdout
                report.sections.append((f"journal of {machine.name}", told))


@pytest.fixture(scope="session")
def machines(sandbox):
    """Three machines with a server that was never started, on which ops may act by sudo."""
    fleet = MachineFleet(sandbox / "fleet", find_server(BUILD)[0], priorities={"a": 2})
    fleet.provision()
    fleet.boot()
    yield fleet
    fleet.destroy()


@pytest.fixture(scope="session")
def shop(machines, sandbox):
    """The same with a replica set that somebody set up by hand, and specs for it."""
    for machine in machines.machines.values():
        machine.as_new()
    machines.start()
    machines.initiate()
    machines.wait_settled()
    return Shop(machines, MachineSpecs(sandbox / "specs", machines),
                Evenkeel(sandbox / "evenkeel", BUILD), sandbox)
