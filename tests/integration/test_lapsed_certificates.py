"""Certificates that have really ended while the servers run with them: years go by for the servers,
their hosts and Evenkeel alike."""

import os
import re
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import wire
from faults import Shim
from fleet import Fleet, wait_for
from probe import Probe
from shop import Shop
from specs_repository import SpecsRepository
from tool import Evenkeel
from watcher import Watcher

if os.environ.get("MONGOD"):  # connections to members then count as idle for years, and are dropped
    pytest.skip("a real server takes a clock that leaps for time in which nothing was heard", allow_module_level=True)

BLOCKED, PARTLY = 6, 7
DAY_MS = 86400 * 1000


class Years:
    """The wall clock of everything that was started with it, and what /proc tells of the boot."""

    def __init__(self, directory):
        directory.mkdir()
        self.shim, self.boot, self.passed = Shim(directory), directory / "stat", False
        self.now = Path("/proc/stat").read_text(encoding="ascii")

    def wrap(self, server):
        """A server program that lives by this clock."""
        program = self.boot.with_name(Path(server).name)
        words = " ".join(f"{k}={v}" for k, v in self.shim.environment.items())
        program.write_text(f'#!/bin/bash\nexport {words}\nexec -a {program.name} {server} "$@"\n',
                           encoding="ascii")
        program.chmod(0o755)
        return str(program)

    def go_by(self, days):
        self.boot.write_text(re.sub(r"(?<=btime )\d+", lambda m: str(int(m[0]) + days * 86400), self.now),
                             encoding="ascii")
        if not self.passed:
            subprocess.run(["mount", "--bind", str(self.boot), "/proc/stat"], check=True)
        self.passed = True
        self.shim.set(clock_ms=days * DAY_MS)

    def end(self):
        if self.passed:
            subprocess.run(["umount", "/proc/stat"], check=True)


@pytest.fixture
def lapsing(sandbox, server, request):
    """A set in preferSSL, and the years."""
    name = f"lapsed{len(list(sandbox.glob('lapsed*')))}"
    years = Years(sandbox / f"{name}-years")
    fleet = Fleet(sandbox / name, years.wrap(server), name=name, priorities={"a": 2})
    fleet.provision()
    fleet.start()
    fleet.initiate()
    fleet.wait_settled()
    tool = Evenkeel(sandbox / f"{name}-evenkeel", os.environ.get("EVENKEEL_BUILD", "build"))
    tool.more_environment = years.shim.environment
    shop = Shop(fleet, SpecsRepository(sandbox / f"{name}-specs", fleet), tool, sandbox)
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    fleet.wait_settled()
    request.addfinalizer(fleet.destroy)
    request.addfinalizer(years.end)
    return shop, years


def served(shop):
    return {m.name: wire.served_certificate(m.address) for m in shop.fleet.members}


def caught_up(shop, days):
    """Everybody has a write of the new time."""
    def is_so():
        rows = shop.fleet.status(shop.fleet.primary())["members"]
        return all(row["optimeDate"] > datetime.utcnow() + timedelta(days=days - 1) for row in rows)
    wait_for(is_so, "the set lives in the new time", 30)


def test_nothing_is_restarted_beside_certificates_that_have_ended(lapsing):
    """The hazard, by hand: a member that is restarted with a new certificate is cut off."""
    shop, years = lapsing
    before, processes = served(shop), shop.fleet.processes()
    years.go_by(800)
    assert shop.fleet.healthy(), "what is connected stays so"
    caught_up(shop, 800)
    shop.specs.set_mode("disabled")
    done = shop.refused("apply", "--yes", *shop.git)
    assert done.returncode == BLOCKED and "EK-0131" in done.stderr
    shop.specs.set_mode("preferSSL")
    done = shop.tool.run("apply", "--yes", *shop.git)  # makes certificates, and stops there
    assert done.returncode == PARTLY and "EK-0131" in done.stderr, done.stdout + done.stderr
    assert shop.fleet.processes() == processes and served(shop) == before and shop.fleet.healthy()
    name = "c"
    shop.fleet.kill(name)
    shop.fleet.start(name)
    assert wire.served_certificate(shop.fleet[name].address) != before[name]
    wait_for(lambda: shop.fleet.states()[shop.fleet.primary()][
        f"{shop.set_hosts()[name]}:27017"] == "(not reachable/healthy)", "the hazard: it is cut off", 30)
    by_hand(shop)


def by_hand(shop):
    """The way that `explain EK-0131` tells."""
    def restart(name):
        allow_invalid_certificates(shop, name, True)
        shop.fleet.kill(name, signal.SIGTERM)
        shop.fleet.start(name)
        wait_for(shop.fleet.healthy, f"member {name} is back", 30)

    first = shop.fleet.primary()
    for name in sorted({"c", "b", "a"} - {first}, reverse=True):
        restart(name)
    with shop.fleet.client(first) as client:
        client.admin.command("replSetStepDown", 60)
    wait_for(lambda: shop.fleet.primary() not in (None, first), "another one leads", 30)
    restart(first)
    for member in shop.fleet.members:
        allow_invalid_certificates(shop, member.name, False)
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
    assert set(seen.restarts.values()) == {1} and seen.down_together == 1
    shop.succeed("plan", *shop.git)
    shop.succeed("verify", *shop.git)


def allow_invalid_certificates(shop, name, allowed):
    path = shop.fleet[name].configuration
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [line for line in lines if "allowInvalidCertificates" not in line]
    at = next(i for i, line in enumerate(lines) if "certificateKeyFile:" in line)
    if allowed:
        lines.insert(at, re.match(" *", lines[at])[0] + "allowInvalidCertificates: true\n")
    path.write_text("".join(lines), encoding="utf-8")


def test_one_certificate_that_has_ended_is_renewed_on_the_way_down(lapsing):
    shop, years = lapsing
    years.go_by(400)
    caught_up(shop, 400)
    name = "b"  # which would not be the first to be restarted
    for other in "ac":
        shop.certificate_key_file(other).unlink()
    shop.succeed("apply", "--yes", *shop.git)
    years.go_by(800)
    caught_up(shop, 800)
    shop.fleet.wait_settled()
    shop.specs.set_mode("disabled")
    _, plan = shop.tool.json("plan", *shop.git)
    totals = plan["deployments"][0]["totals"]
    path = shop.certificate_key_file(name)
    ended = path.read_bytes()
    with Probe(shop.directory, shop.fleet.plain_uri()) as probe:
        with Watcher(shop.fleet) as seen:
            shop.succeed("apply", "--yes", *shop.git)
            shop.fleet.wait_settled()
        wait_for(lambda: probe.writing(seen.ended), "clients write", 30)
        errors, pauses = probe.errors(), probe.pauses(seen.began, seen.ended)
        probe.stop()
    with shop.fleet.client(shop.fleet.primary()) as client:
        assert not probe.lost(client)
    assert not errors, errors
    assert sum(seen.restarts.values()) == totals["restarts"] == 5, (seen.restarts, totals)
    assert seen.elections == totals["elections"] and seen.down_together == 1
    assert pauses[0] < 9.5, pauses
    assert set(shop.fleet.running_modes().values()) == {"disabled"}
    assert path.read_bytes() != ended
    shop.succeed("plan", *shop.git)
