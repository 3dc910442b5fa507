"""`evenkeel run` and people: windows, pauses, approvals, drift that is only reported; a store that
goes away; two reconcilers over one fleet."""

import shutil
import time
from datetime import datetime, timedelta, timezone

import pymongo.errors
import pytest

from fleet import wait_for
from loop import Loop
from specs_repository import deployment_text

EVERY = ("--interval", "500ms", "--observe-every", "500ms")


def commit(shop, mode, more=""):
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, mode) + more)
    return shop.specs.commit(f"orders: {mode} {more.strip()}")


def everywhere(shop, mode):
    """False also while a member is being restarted."""
    try:
        return shop.fleet.running_modes() == {m.name: mode for m in shop.fleet.members}
    except pymongo.errors.PyMongoError:
        return False


def ready(loop):
    wait_for(lambda: loop.get("/readyz")[0] == 200, "ready", 30)


@pytest.fixture
def loop(shop):
    commit(shop, "disabled")
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as running:
        ready(running)
        wait_for(lambda: running.metric("evenkeel_deployment_sync_status", status="Synced",
                                        deployment=shop.fleet.name) == 1, "in sync", 60)
        yield running
        commit(shop, "disabled")
        wait_for(lambda: everywhere(shop, "disabled") and shop.fleet.settled(), "disabled again", 180)


def test_what_disturbs_waits_for_the_window(shop):
    """A minute is a second: the window opens after half a real minute, and closes again."""
    commit(shop, "disabled")
    start = datetime(2026, 3, 29, 0, 0, tzinfo=timezone.utc)
    clock = start.strftime("%Y-%m-%dT%H:%M:%SZ") + "@60"
    # Sunday 01:30 in Berlin is 00:30 UTC: 30 min, or 30 s, from the start.
    window = '  maintenance: { windows: [ "sun 01:30-08:00 Europe/Berlin" ] }\n'
    before, began = shop.fleet.processes(), time.monotonic()
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY, "--clock", clock) as loop:
        ready(loop)
        commit(shop, "preferSSL", window)
        waiting = loop.wait("waiting", seconds=25)
        assert "sun 01:30-08:00 Europe/Berlin" in waiting["message"]
        loop.wait("step-begun", seconds=60)
        prepared = [e["step"] for e in loop.events("step-done")]
        assert not any(step.startswith(("restart", "step down")) for step in prepared)
        assert shop.fleet.processes() == before
        wait_for(lambda: any(e["step"].startswith("restart") for e in loop.events("step-begun")),
                 "a restart", 60)
        assert time.monotonic() - began >= 29, "it did not wait for the window"
        loop.wait("synced", seconds=120, count=len(loop.events("synced")) or 1)
        wait_for(lambda: everywhere(shop, "preferTLS"), "preferSSL", 120)
    commit(shop, "disabled")
    assert shop.tool.run("run", "--once", *shop.git).returncode == 2
    assert everywhere(shop, "disabled")


def test_a_pause_stops_evenkeel_and_expires(shop, loop):
    name = f"acme/{shop.fleet.name}"
    began = datetime.now(timezone.utc)
    shop.succeed("pause", name, "--for", "12s", "--reason", "load test")
    asked = commit(shop, "preferSSL")
    told = loop.wait("waiting", "blocked", commit=asked)
    assert "paused" in told["message"] and "load test" in told["message"]
    assert not loop.events("step-begun", commit=asked)
    assert loop.metric("evenkeel_deployment_paused", deployment=shop.fleet.name) == 1
    first = loop.wait("step-begun", commit=asked, seconds=120)
    assert datetime.fromisoformat(first["time"]) >= began + timedelta(seconds=11)
    wait_for(lambda: everywhere(shop, "preferTLS"), "preferSSL", 120)
    history = shop.succeed("history", name).stdout
    assert "load test" in history and "step-done" in history


def test_an_approval_is_waited_for(shop, loop):
    asked = commit(shop, "preferSSL", "  maintenance: { approval: required }\n")
    told = loop.wait("waiting", "blocked", commit=asked)
    assert "approv" in told["message"]
    time.sleep(1)
    assert not loop.events("step-begun", commit=asked)
    shop.succeed("approve", shop.fleet.name, *shop.git, "--yes")
    loop.wait("reconciled", commit=asked, seconds=120)
    assert everywhere(shop, "preferTLS")
    approved = shop.tool.run("history", f"acme/{shop.fleet.name}", "--kind", "approved")
    assert approved.returncode == 0 and "approved" in approved.stdout
    # What the commit asked for holds for the next one, which only drops it.
    told = loop.wait("waiting", commit=commit(shop, "preferSSL"))
    assert told["id"] == "EK-1102"
    assert "less consent than before (approval required -> none)" in told["message"]
    assert shop.tool.run("plan", *shop.git).returncode == 2
    shop.succeed("approve", shop.fleet.name, *shop.git, "--yes")
    wait_for(lambda: shop.tool.run("plan", *shop.git).returncode == 0, "the rule is accepted", 60)
    rules = shop.succeed("history", f"acme/{shop.fleet.name}", "--kind", "consent-rule").stdout
    assert "approval required" in rules and "approval none" in rules


def test_drift_that_is_only_reported(shop, loop):
    commit(shop, "allowSSL", "  drift: { sslMode: report, configuration: report }\n")
    wait_for(lambda: everywhere(shop, "allowTLS"), "allowSSL", 120)
    synced = len(loop.events("synced", commit=loop.events("commit")[-1]["commit"]))
    if not synced:
        loop.wait("synced", commit=loop.events("commit")[-1]["commit"])
    shop.fleet.command("b", "setParameter", 1, tlsMode="preferTLS")
    loop.wait("drift")
    assert loop.wait("waiting", id="EK-1307")
    time.sleep(3)
    assert shop.fleet.running_modes()["b"] == "preferTLS", "it was to be reported only"
    # A restart of Evenkeel does not make drift into something that is wanted.
    loop.stop()
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as again:
        again.wait("drift")
        time.sleep(2)
        assert not again.events("step-begun")
        commit(shop, "allowSSL")
        wait_for(lambda: everywhere(shop, "allowTLS"), "put back by now", 60)
        commit(shop, "disabled")
        wait_for(lambda: everywhere(shop, "disabled"), "disabled", 180)
        wait_for(lambda: again.events("reconciled"), "the end", 60)


def test_without_its_store_nothing_is_changed(shop, loop):
    store = shop.tool.state / "evenkeel.db"
    kept = {path: path.with_name(path.name + ".kept") for path in shop.tool.state.glob("evenkeel.db*")}
    for path, there in kept.items():
        shutil.move(path, there)
    store.mkdir()
    try:
        before = shop.fleet.processes()
        commit(shop, "preferSSL")
        loop.wait("store-failed", seconds=20)
        time.sleep(2)
        assert shop.fleet.processes() == before
        assert loop.get("/readyz")[0] == 503 and loop.get("/healthz")[0] == 200
    finally:
        store.rmdir()
        for path, there in kept.items():
            shutil.move(there, path)
    loop.wait("store-back", seconds=30)
    wait_for(lambda: everywhere(shop, "preferTLS"), "preferSSL", 120)


def test_two_reconcilers_never_both_act(shop):
    """Both see the commit at once; one carries it out, the other one looks on."""
    commit(shop, "disabled")
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as one, Loop(
            shop.tool, shop.directory, *shop.git, *EVERY) as other:
        ready(one)
        ready(other)
        for mode, shown in (("preferSSL", "preferTLS"), ("disabled", "disabled")):
            before = shop.fleet.processes()
            done = commit(shop, mode)
            wait_for(lambda: one.events("synced", commit=done) or other.events("synced", commit=done),
                     "in sync", 180)
            assert everywhere(shop, shown)
            wait_for(lambda: all(loop.events("commit", commit=done) for loop in (one, other)), "both", 20)
            after = shop.fleet.processes()
            assert all(after[name] != before[name] for name in after)
        begun = [(e["time"], e["event"], e["step"], id(loop)) for loop in (one, other)
                 for e in loop.events("step-begun", "step-done")]
        begun.sort(key=lambda event: event[0])  # stable: within one log the order is the log's
        for first, second in zip(begun[::2], begun[1::2]):
            assert (first[1], second[1]) == ("step-begun", "step-done"), (first, second)
            assert first[2:] == second[2:], "two reconcilers acted at a time"
