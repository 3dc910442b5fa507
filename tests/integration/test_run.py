"""`evenkeel run`: it keeps a real set as its specs say, whatever is committed and whoever meddles."""

import os
import signal
import time

import pymongo.errors
import pytest

from fleet import wait_for
from loop import Loop
from patience import patient

EVERY = ("--interval", "500ms", "--observe-every", "500ms")


@pytest.fixture(scope="module")
def loop(shop):
    shop.specs.set_mode("disabled")
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as running:
        yield running


def everywhere(shop, mode):
    """False also while a member is being restarted."""
    try:
        return shop.fleet.running_modes() == {m.name: mode for m in shop.fleet.members}
    except pymongo.errors.PyMongoError:
        return False


def test_in_sync_it_does_nothing(shop, loop):
    before = shop.fleet.processes()
    loop.wait("synced")
    assert wait_for(lambda: loop.get("/readyz")[0] == 200, "ready", 20)
    assert loop.get("/healthz")[0] == 200
    assert loop.metric("evenkeel_deployment_sync_status", deployment=shop.fleet.name,
                       status="Synced") == 1, loop.get("/metrics")
    assert shop.fleet.processes() == before


def test_a_commit_is_carried_out(shop, loop):
    before, synced = shop.fleet.processes(), len(loop.events("synced"))
    commit = shop.specs.set_mode("preferSSL")
    loop.wait("commit", commit=commit)
    loop.wait("synced", after=synced, seconds=120)
    assert everywhere(shop, "preferTLS")
    shop.litmus()
    after = shop.fleet.processes()
    assert all(after[name] != before[name] for name in before), "every member was restarted"
    done = loop.wait("reconciled", commit=commit)
    assert "3 restarts" in done["message"]
    assert loop.metric("evenkeel_deployment_restarts_total", deployment=shop.fleet.name) == 3


def test_a_change_at_run_time_is_put_back(shop, loop):
    """Somebody sets another mode by hand: seen, told with before and after."""
    before, synced = shop.fleet.processes(), len(loop.events("synced"))
    shop.fleet.command("c", "setParameter", 1, tlsMode="requireTLS")
    drift = loop.wait("drift")
    assert "+ c sslMode running: requireSSL" in drift["message"]
    assert "- c sslMode running: preferSSL" in drift["message"]
    assert "c's log: set by root@admin from " in drift["message"]
    loop.wait("synced", after=synced, seconds=120)
    assert everywhere(shop, "preferTLS")
    after = shop.fleet.processes()
    assert [name for name in after if after[name] != before[name]] == ["c"]


def test_a_configuration_file_is_put_back(shop, loop):
    drifts, synced = len(loop.events("drift")), len(loop.events("synced"))
    before = shop.fleet.processes()
    path = shop.fleet["b"].configuration
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("preferTLS", "allowTLS"), encoding="utf-8")
    loop.wait("drift", after=drifts)
    loop.wait("synced", after=synced, seconds=60)
    assert "preferTLS" in path.read_text(encoding="utf-8")
    assert shop.fleet.processes() == before, "a file is no reason for a restart"


def test_broken_specs_change_nothing_and_are_named(shop, loop):
    before = shop.world()
    good = (shop.specs.directory / "orders.yaml").read_text(encoding="utf-8")
    shop.specs.write("orders.yaml", good.replace("sslMode:", "sslmoode:"))
    shop.specs.commit("orders: a typing error")
    told = loop.wait("specs-invalid")
    assert "orders.yaml" in told["message"] and "did you mean" in told["message"]
    assert loop.wait("blocked", deployment=shop.fleet.name)["id"] == "EK-1304"
    time.sleep(2)
    assert shop.world() == before
    shop.specs.write("orders.yaml", good)
    commit = shop.specs.commit("orders: mended")
    loop.wait("commit", commit=commit)


def test_a_newer_commit_takes_the_place_of_a_rollout(shop, loop):
    """Back to disabled, and, after the first restart, forward again: never more than one way."""
    begun = len(loop.events("step-done"))
    shop.specs.set_mode("disabled")
    wait_for(lambda: any(e["step"].startswith("restart") for e in loop.events("step-done")[begun:]),
             "the first restart", 120, pause=0.02)
    commit = shop.specs.set_mode("preferSSL")
    loop.wait("superseded", seconds=60)
    loop.wait("synced", seconds=180, commit=commit)
    assert everywhere(shop, "preferTLS")


def test_a_deployment_that_is_gone_is_left_alone(shop, loop):
    before = shop.world()
    text = (shop.specs.directory / "orders.yaml").read_text(encoding="utf-8")
    (shop.specs.directory / "orders.yaml").unlink()
    shop.specs.commit("orders is gone")
    told = loop.wait("deployment-gone")
    assert told["id"] == "EK-1306" and "left as they are" in told["message"]
    time.sleep(1.5)
    assert shop.world() == before
    shop.specs.write("orders.yaml", text)
    shop.specs.commit("orders is back")


def test_rewritten_history_is_refused(shop, loop):
    loop.wait("commit", commit=shop.specs.commit("a commit that is followed"))
    loop.wait("synced")
    before = shop.world()
    shop.specs._git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another story")
    told = loop.wait("commit-refused")
    assert told["id"] == "EK-0618"
    assert shop.world() == before
    assert loop.process.poll() is None


def test_killed_and_started_again_it_goes_on(shop, loop):
    """kill -9 in the middle of a rollout; another process finishes it with no restart too many."""
    loop.stop()
    before = shop.fleet.processes()
    accept = ("--rewritten-history", "accept")
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY, *accept) as first:
        shop.specs.set_mode("disabled")
        wait_for(lambda: any(e["step"].startswith("restart") for e in first.events("step-begun")),
                 "a restart begun", 60, pause=0.02)
        first.kill()
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY, *accept) as second:
        second.wait("synced", seconds=180)
        assert everywhere(shop, "disabled")
        assert shop.fleet.primary() == "a"
        shop.fleet.wait_settled()
        assert second.stop() == 0
    assert all(v != before[k] for k, v in shop.fleet.processes().items())


def test_sigterm_finishes_the_step_in_hand(shop):
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as running:
        wait_for(lambda: running.get("/readyz")[0] == 200, "ready", 20)
        shop.specs.set_mode("preferSSL")
        wait_for(lambda: any(e["step"].startswith("restart") for e in running.events("step-begun")),
                 "a restart begun", 60, pause=0.02)
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.process.wait(patient(120)) == 0
        begun, done = running.events("step-begun"), running.events("step-done")
        assert len(begun) == len(done), "what was begun was finished"
        assert running.events("stopping") and running.events("stopped")
    shop.fleet.wait_settled()
    shop.specs.set_mode("disabled")
    done = shop.tool.run("run", "--once", *shop.git)
    assert done.returncode == 2, done.stderr
    assert everywhere(shop, "disabled")
    assert shop.tool.run("run", "--once", *shop.git).returncode == 0
