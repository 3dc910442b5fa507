"""Every driver does the same: tests/unit/host_contract.c on a machine, and from another one."""

import re
import shutil
import subprocess

import pytest


@pytest.fixture(name="program", scope="module")
def the_program(build):
    return build / "unit" / "host_contract"


def passed(done):
    words = done.stdout + done.stderr
    assert done.returncode == 0, words
    count = re.search(r"\[  PASSED  \] (\d+) test", words)
    assert count and int(count.group(1)) >= 16, words


def over_ssh(fleet, program, user, sudo):
    fleet.machines["a"].as_new()
    settings = {"EVENKEEL_CONTRACT": "ssh", "EVENKEEL_SSH_HOST": fleet["a"].host,
                "EVENKEEL_SSH_USER": user, "EVENKEEL_SSH_IDENTITY": str(fleet.keys.identity),
                "EVENKEEL_SSH_KNOWN_HOSTS": str(fleet.keys.known_hosts),
                "EVENKEEL_SSH_SUDO": "yes" if sudo else ""}
    return subprocess.run(["env", *(f"{k}={v}" for k, v in settings.items()), str(program)],
                          capture_output=True, text=True, timeout=120, check=False)


def test_driver_ssh_as_root(machines, program):
    passed(over_ssh(machines, program, "root", sudo=False))


def test_driver_ssh_as_ordinary_user_with_sudo(machines, program):
    passed(over_ssh(machines, program, "ops", sudo=True))


def test_driver_system_on_the_machine_itself(machines, program):
    machine = machines.machines["b"]
    machine.as_new()
    shutil.copy(program, machine.path("/usr/local/bin/host_contract"))
    passed(machine.run("env", "EVENKEEL_CONTRACT=system", "host_contract", check=False,
                       timeout=120))
