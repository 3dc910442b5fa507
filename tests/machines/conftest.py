"""The whole program against whole machines. Runs inside tests/sandbox/enter --root only."""

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "sandbox")]

# pylint: disable=wrong-import-position
import evidence  # noqa: E402
from fleet import find_server  # noqa: E402
from machines import MachineFleet  # noqa: E402

BUILD = os.environ.get("EVENKEEL_BUILD", "build")


def pytest_configure(config):
    if "EVENKEEL_SANDBOX_DIR" not in os.environ:
        raise pytest.UsageError("run this as: tests/sandbox/enter --root /usr/bin/python3 -m pytest "
                                "tests/machines, or: make machines")
    config.option.tbstyle = "short"


def pytest_sessionfinish(session, exitstatus):
    del session
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        kept = evidence.keep(os.environ["EVENKEEL_SANDBOX_DIR"], Path(BUILD, "machines-evidence"))
        print(f"\nLogs, configurations and plans are kept in {kept}")


@pytest.fixture(scope="session")
def build():
    return Path(BUILD)


@pytest.fixture(scope="session")
def sandbox():
    """The sandbox's run directory; it goes away by itself."""
    return Path(os.environ["EVENKEEL_SANDBOX_DIR"])


@pytest.fixture(scope="session")
def sudoers():
    return Path("contrib/sudoers").read_text(encoding="utf-8")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    del call
    report = (yield).get_result()
    fleet = getattr(item, "funcargs", {}).get("machines")
    if report.failed and fleet:
        for machine in fleet.machines.values():
            told = machine.run("journalctl", "--no-pager", "-n", "30", check=False).stdout
            report.sections.append((f"journal of {machine.name}", told))


@pytest.fixture(scope="session")
def machines(sandbox, sudoers):
    """Three machines with a server that was never started, on which ops may act by sudo."""
    fleet = MachineFleet(sandbox / "fleet", find_server(BUILD)[0], priorities={"a": 2})
    for machine in fleet.machines.values():
        machine.sudoers(sudoers)
    fleet.provision()
    fleet.boot()
    yield fleet
    fleet.destroy()
