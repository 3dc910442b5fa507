"""SSL up and down on three machines over SSH, by the whole program."""

import json
import subprocess

import pytest

import machines as machines_module
import wire
from shop import Shop
from specs_repository import SpecsRepository
from tool import Evenkeel
from watcher import Watcher


class MachineSpecs(SpecsRepository):
    def set_mode(self, ssl_mode, message=None, **ssh):
        self.write("orders.yaml", machines_module.deployment_text(self.fleet, ssl_mode, **ssh))
        return self.commit(message or f"orders: sslMode {ssl_mode}")


@pytest.fixture(name="shop", scope="module")
def the_shop(machines, sandbox, build):
    for machine in machines.machines.values():
        machine.run("systemctl", "stop", "mongod.service")
        machine.run("rm", "-rf", "/etc/evenkeel", "/var/lib/evenkeel", "/run/evenkeel")
    machines.start()
    machines.initiate()
    machines.wait_settled()
    specs = MachineSpecs(sandbox / "specs", machines)
    return Shop(machines, specs, Evenkeel(sandbox / "evenkeel", build), sandbox)


def modes(shop):
    return set(shop.fleet.running_modes().values())


def test_fleet_as_it_is_needs_nothing_that_disturbs(shop):
    shop.specs.set_mode("disabled")
    done = shop.tool.run("apply", *shop.git, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    done = shop.tool.run("plan", *shop.git)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mode", ["preferSSL", "requireSSL", "disabled"])
def test_change(shop, mode):
    shop.specs.set_mode(mode)
    done = shop.tool.run("plan", *shop.git, "--out", shop.directory / "a.plan")
    assert done.returncode == 2, done.stdout + done.stderr
    with Watcher(shop.fleet) as seen:
        done = shop.tool.run("apply", shop.directory / "a.plan")
        assert done.returncode == 0, done.stdout + done.stderr
        shop.fleet.wait_settled()
    assert seen.down_together <= 1
    starts = {name: machine.run("journalctl", "--no-pager", "-o", "short-precise", "-u", "mongod", check=False).stdout
              for name, machine in shop.fleet.machines.items()}
    assert max(seen.restarts.values()) <= 1, (seen.restarts, done.stdout + done.stderr, starts["a"])
    assert shop.succeed("plan", *shop.git)
