"""`kill -9` of apply at any moment, then apply again: same end state, no extra restart."""

import random
import re
import shutil
import time

import pytest

from fleet import wait_for
from watcher import Watcher

CHANGES = 2


def moments_of_enabling(shop):
    """What an onlooker sees happen, one after the other, while SSL is being enabled."""
    fleet = shop.fleet
    hosts, before = shop.files()["/etc/hosts"], fleet.processes()
    version = fleet.configuration()["version"]

    def some_restarted(count):
        now = fleet.processes()
        return sum(1 for n in now if now[n] and now[n] != before[n]) >= count

    def configured(count):
        return sum(1 for mode in shop.configured_modes().values() if mode != "disabled") >= count

    return [
        ("at once", lambda: True),
        ("the authority exists", shop.tool.authority_certificate.exists),
        ("a name is bound", lambda: shop.files()["/etc/hosts"] != hosts),
        ("a configuration is written", lambda: configured(1)),
        ("a server is stopped", lambda: None in fleet.processes().values()),
        ("a server is back", lambda: some_restarted(1)),
        ("a second one is back", lambda: some_restarted(2)),
        ("another primary", lambda: fleet.primary() not in (None, "a")),
        ("the third is back", lambda: some_restarted(3)),
        ("the set is renamed", lambda: fleet.configuration()["version"] != version),
        ("a mode is raised", lambda: "preferTLS" in fleet.running_modes().values()),
    ]


@pytest.fixture(scope="module")
def enabled_with_kills(shop):
    """preferSSL, reached by an apply that was killed at every one of the moments."""
    shop.specs.set_mode("preferSSL")
    output = shop.directory / "killed.log"
    kills = []
    with Watcher(shop.fleet) as seen:
        for what, moment in moments_of_enabling(shop):
            if shop.tool.apply_until(quietly(moment), "--yes", *shop.git, output=output):
                kills.append(what)
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
    return seen, kills


def quietly(moment):
    """Onlookers may be refused while servers restart; that is not the moment then."""
    def looked():
        try:
            return moment()
        except Exception:  # pylint: disable=broad-except
            return False
    return looked


def test_killed_at_every_moment_it_still_gets_there(shop, enabled_with_kills):
    _, kills = enabled_with_kills
    assert len(kills) >= 6, f"only killed at: {kills}"
    assert set(shop.fleet.running_modes().values()) == {"preferTLS"}
    assert set(shop.configured_modes().values()) == {"preferTLS"}
    shop.succeed("plan", *shop.git)
    shop.succeed("verify", *shop.git)
    shop.litmus()


def test_kills_cost_no_extra_restart(shop, enabled_with_kills):
    seen, _ = enabled_with_kills
    assert seen.restarts == {m.name: 1 for m in shop.fleet.members}
    assert seen.elections <= 2
    assert seen.down_together == 1


def test_a_host_that_comes_back_with_its_memory_in_another_place(shop, enabled_with_kills):
    """Its server's file still names the place where the key's password waited before."""
    del enabled_with_kills
    name = next(m.name for m in reversed(shop.fleet.members) if m.name != shop.fleet.primary())
    configuration = shop.fleet[name].configuration
    place = re.search(r"/run/evenkeel/[\w.-]+", configuration.read_text(encoding="utf-8")).group()
    shop.fleet.kill(name)
    shutil.rmtree(place)
    text = configuration.read_text(encoding="utf-8").replace(place, f"{place}-of-old")
    configuration.write_text(text, encoding="utf-8")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    assert place in configuration.read_text(encoding="utf-8")
    assert f"{place}-of-old" not in configuration.read_text(encoding="utf-8")
    assert set(shop.fleet.running_modes().values()) == {"preferTLS"}


def test_killed_at_random_on_the_way_down(shop, enabled_with_kills):
    del enabled_with_kills
    shop.specs.set_mode("disabled")
    chance = random.Random(4711)
    output = shop.directory / "killed-down.log"
    killed = 0
    with Watcher(shop.fleet) as seen:
        for _ in range(40):
            process = shop.tool.start("apply", "--yes", *shop.git, output=output)
            time.sleep(chance.uniform(0.05, 0.9))
            if process.poll() == 0:
                break
            killed += process.poll() is None
            process.kill()
            process.wait()
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
    assert killed >= 3
    assert set(shop.fleet.running_modes().values()) == {"disabled"}
    assert set(shop.configured_modes().values()) == {"disabled"}
    assert seen.down_together == 1
    assert all(count <= 3 for count in seen.restarts.values())
    wait_for(lambda: shop.tool.run("plan", *shop.git).returncode == 0, "nothing left to do")
