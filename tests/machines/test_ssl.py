"""SSL up and down on three machines over SSH, and what plan says when a host can't be had."""

import contextlib
import re

import pytest

from cut import Cut
from watcher import Watcher


def test_fleet_as_it_is_needs_nothing_that_disturbs(shop):
    shop.specs.set_mode("disabled")
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", *shop.git, "--yes")
    assert set(seen.restarts.values()) == {0}
    shop.succeed("plan", *shop.git)


def refused(shop, wanted, **ssh):
    shop.specs.set_mode("preferSSL", **ssh)
    before = shop.fleet.processes(), shop.fleet.configuration()
    done = shop.tool.run("plan", *shop.git)
    words = done.stdout + done.stderr
    assert done.returncode not in (0, 2) and wanted in words, words
    shop.explained(re.findall(r"EK-\d{4}", words))
    assert (shop.fleet.processes(), shop.fleet.configuration()) == before
    for machine in shop.fleet.machines.values():
        assert machine.run("ls", "/etc/evenkeel", check=False).returncode != 0


def test_host_keys_that_nobody_knows(shop, tmp_path):
    (tmp_path / "none").write_text("")
    refused(shop, "EK-0461", knownHosts=tmp_path / "none")


def test_host_keys_that_are_not_the_pinned_ones(shop):
    refused(shop, "EK-0463", hostKeys="[" + "SHA256:" + "A" * 43 + "]")


def test_user_without_sudo(shop):
    refused(shop, "EK-0465", user="plain")


def test_pinned_host_keys_are_taken(shop):
    pins = ", ".join(m.fingerprint for m in shop.fleet.machines.values())
    shop.specs.set_mode("disabled", hostKeys=f"[{pins}]", knownHosts=None)
    shop.succeed("plan", *shop.git)


def test_change_over_connections_that_are_cut(shop, tmp_path):
    """All hosts are behind a way that is cut after more and more bytes: each run ends in order and the
    next one goes on, without one restart more than it takes."""
    fleet = shop.fleet
    ends = []
    with Watcher(fleet) as seen:
        for after in (30_000, 200_000, 600_000):
            with contextlib.ExitStack() as ways:
                text = ""
                for m in fleet.members:
                    way = ways.enter_context(Cut(m.address, after))
                    text += (f"Host {m.host}\n  HostName 127.0.0.1\n  Port {way.port}\n"
                             f"  HostKeyAlias {m.host}\n")
                (tmp_path / f"{after}").write_text(text)
                shop.specs.set_mode("preferSSL", config=tmp_path / f"{after}")
                done = shop.tool.run("apply", *shop.git, "--yes")
                ends.append(done.returncode)
                words = done.stdout + done.stderr
                assert done.returncode < 126 and (done.returncode == 0 or "EK-" in words), words
        shop.specs.set_mode("preferSSL")
        shop.succeed("apply", *shop.git, "--yes")
        fleet.wait_settled()
    assert ends[0] != 0, "nothing was cut"
    assert seen.down_together <= 1
    assert set(seen.restarts.values()) == {1}, (seen.restarts, ends)
    shop.litmus()
    shop.succeed("plan", *shop.git)


@pytest.mark.parametrize("mode", ["requireSSL", "disabled"])
def test_change(shop, mode):
    shop.specs.set_mode(mode)
    shop.succeed("plan", *shop.git, "--out", shop.directory / "a.plan", status=2)
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", shop.directory / "a.plan")
        shop.fleet.wait_settled()
    assert seen.down_together <= 1
    assert set(shop.fleet.running_modes().values()) == {mode.replace("SSL", "TLS")}
    shop.succeed("plan", *shop.git)
    for machine in shop.fleet.machines.values():
        told = machine.run("stat", "-c", "%U:%G %a", "/etc/mongod.conf").stdout.split()
        assert told[0].endswith(":root") and told[1] == "644", told
