"""While a change is blocked half-way, a newer commit or a revert is planned from where the fleet
really is, and is carried out. A member that our own restart left down never blocks its repair."""

import signal
import time
from pathlib import Path

import pytest
import yaml

import wire
from fleet import wait_for
from watcher import Watcher

NOTHING_TO_DO = 0


@pytest.fixture
def half_way(shop):
    """On the way to preferSSL apply is killed while it restarts its first member, and that member
    does not come up: somebody broke its file."""
    shop.specs.set_mode("preferSSL")
    before = shop.fleet.processes()
    stopped = lambda: next((n for n, p in shop.fleet.processes().items() if p != before[n]), None)
    assert shop.tool.apply_until(stopped, "--yes", *shop.git, output=shop.directory / "forward.log")
    name = stopped()
    end(shop, name)
    return shop, name


def end(shop, name):
    """No server process, and none on its way: what the killed apply had just begun may still come."""
    gone_since = None

    def is_gone():
        nonlocal gone_since
        if shop.fleet.processes()[name]:
            shop.fleet.kill(name, signal.SIGKILL)
            gone_since = None
        elif gone_since is None:
            gone_since = time.monotonic()
        return gone_since is not None and time.monotonic() - gone_since > 1

    wait_for(is_gone, f"{name} is down", 20)


def break_file(shop, name):
    path = shop.fleet[name].configuration
    text = path.read_text(encoding="utf-8")
    options = yaml.safe_load(text)
    options["net"]["tls"]["certificateKeyFile"] = str(path.parent / "no-such.pem")
    path.write_text(yaml.safe_dump(options), encoding="utf-8")


def spoil_certificate(shop, name):
    shop.certificate_key_file(name).write_text("no certificate any more\n", encoding="ascii")


def served_over_tls(shop):
    """The members with which a TLS handshake can be made."""
    found = set()
    for member in shop.fleet.members:
        try:
            assert wire.served_certificate(member.address)
            found.add(member.name)
        except wire.Refused:
            pass
    return found


def finish(shop, mode, repaired=None):
    """apply does it: seen on the wire, by process ids and start times, and by the election term."""
    status, plan = shop.tool.json("plan", *shop.git)
    assert status == 2, plan
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
    assert seen.down_together <= 1
    assert seen.elections <= sum(d["totals"]["elections"] for d in plan["deployments"]), seen.elections
    if repaired:
        assert shop.fleet.processes()[repaired], f"{repaired} does not run"
        assert seen.restarts[repaired] <= 2, seen.restarts
    assert set(shop.fleet.running_modes().values()) == {mode}
    everybody = {m.name for m in shop.fleet.members}
    assert served_over_tls(shop) == (set() if mode == "disabled" else everybody)
    if mode != "disabled":
        shop.litmus()
    shop.succeed("plan", *shop.git, status=NOTHING_TO_DO)
    shop.succeed("verify", *shop.git)


def test_a_member_that_does_not_start_is_repaired_by_a_newer_commit(half_way):
    shop, name = half_way
    break_file(shop, name)
    shop.specs.set_mode("allowSSL")
    finish(shop, "allowTLS", repaired=name)


def test_a_host_that_was_started_anew_gets_its_password_back(shop):
    """What was in the host's memory is gone, so its server can't come back by itself."""
    assert set(shop.fleet.running_modes().values()) == {"allowTLS"}
    before = shop.fleet.processes()["b"]
    passwords = list(Path("/run/evenkeel").glob("*-b-*/key-password"))
    assert len(passwords) == 1
    shop.fleet.kill("b", signal.SIGKILL)
    passwords[0].unlink()
    shop.succeed("apply", "--yes", *shop.git)
    after = shop.fleet.processes()["b"]
    assert after and after != before
    assert passwords[0].exists()
    shop.succeed("verify", *shop.git)


def test_a_revert_goes_back_from_where_the_fleet_is(shop):
    assert set(shop.fleet.running_modes().values()) == {"allowTLS"}
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")


def test_a_revert_half_way_with_a_member_that_does_not_start(half_way):
    shop, name = half_way
    break_file(shop, name)
    shop.specs.set_mode("disabled")
    finish(shop, "disabled", repaired=name)


def test_a_member_down_with_a_bad_certificate_is_repaired_by_a_newer_commit(half_way):
    """Its key and certificate are rubbish: it can't start until a newer commit is carried out."""
    shop, name = half_way
    spoil_certificate(shop, name)
    shop.specs.set_mode("requireSSL")
    finish(shop, "requireTLS", repaired=name)
    assert b"BEGIN CERTIFICATE" in shop.certificate_key_file(name).read_bytes()
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")


def test_a_bad_certificate_installed_by_hand(shop):
    """A certificate for another name: it is replaced before anything is restarted with it."""
    shop.specs.set_mode("allowSSL")
    shop.succeed("apply", "--yes", *shop.git)
    others = [shop.certificate_key_file(n) for n in "ab"]
    good = others[0].read_bytes()
    others[0].write_bytes(others[1].read_bytes())
    shop.specs.set_mode("preferSSL")
    done = shop.tool.run("apply", "--yes", *shop.git)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: set(shop.fleet.running_modes().values()) == {"preferTLS"}, "preferTLS", 10)
    assert others[0].read_bytes() not in (good, others[1].read_bytes()), "a certificate of its own"
    shop.litmus()
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")
