"""The rows of `evenkeel help exit-status` that need a fleet: changes, refused, partly applied,
verify failed, stopped by a signal."""

import json
import signal

import pytest
from pymongo import MongoClient

from fleet import wait_for
from patience import patient

OK, CHANGES, STALE, REFUSED, PARTLY, VERIFY_FAILED, STOPPED = 0, 2, 3, 5, 7, 9, 130


@pytest.fixture(autouse=True)
def back_to_disabled(shop):
    yield
    shop.specs.set_mode("disabled")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()


def start_apply(shop, name, *options):
    output = shop.directory / name
    output.unlink(missing_ok=True)
    return shop.tool.start("apply", "--yes", *options, *shop.git, output=output), output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_between_two_steps(shop, number):
    shop.specs.set_mode("preferSSL")
    process, output = start_apply(shop, f"stopped-{number}.log")
    wait_for(lambda: "restart c ... done" in output.read_text(), "the first restart")
    process.send_signal(number)
    process.send_signal(number)  # impatience changes nothing
    assert process.wait(timeout=patient(300)) == STOPPED
    said = output.read_text()
    assert "stopping after the step in hand" in said
    assert "EK-0129" in said and "Run apply again" in said
    shop.fleet.wait_settled()
    assert None not in shop.fleet.processes().values(), "no member is left half-way"
    shop.succeed("apply", "--yes", *shop.git)
    shop.succeed("verify", *shop.git)


def test_changes_by_request(shop):
    shop.specs.set_mode("allowSSL")
    shop.succeed("plan", *shop.git, status=CHANGES)
    shop.succeed("apply", "--yes", "--detailed-exitcode", *shop.git, status=CHANGES)
    shop.succeed("apply", "--yes", "--detailed-exitcode", *shop.git, status=OK)
    shop.succeed("plan", *shop.git, status=OK)


def test_refused_while_clients_are_in_plaintext(shop):
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    shop.specs.set_mode("requireSSL")
    host = shop.fleet[shop.fleet.primary()].address
    with MongoClient(host, 27017, directConnection=True, serverSelectionTimeoutMS=5000) as client:
        client.admin.command("isMaster")
        plan = shop.succeed("plan", *shop.git, status=REFUSED)
        assert "in plaintext [EK-0119]" in plan.stdout


def test_verify_fails_where_the_specs_want_more(shop):
    shop.specs.set_mode("preferSSL")
    done = shop.succeed("verify", *shop.git, status=VERIFY_FAILED)
    assert "EK-0813" in done.stderr
    assert "FAILED" in done.stdout
    assert "checks failed" in done.stdout.splitlines()[-1]


def test_partly_applied(shop):
    """A server that dies for good in the middle: what was done is said, and the next apply
    goes on."""
    shop.specs.set_mode("preferSSL")
    process, output = start_apply(shop, "partly.log", "--settle-timeout", "3s", "--timeout", "20s")
    try:
        wait_for(lambda: "restart c ... done" in output.read_text(), "the first restart")
        shop.fleet.kill("c")
        status = process.wait(timeout=patient(300))
    finally:
        process.kill()
        if not shop.fleet.processes()["c"]:
            shop.fleet.start("c")
        shop.fleet.wait_settled()
    assert status == PARTLY, output.read_text()
    assert "steps were done" in output.read_text()


def test_a_stream_of_json(shop):
    shop.specs.set_mode("allowSSL")
    done = shop.succeed("apply", "--yes", "--output", "json", *shop.git)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "version" and lines[0]["format_version"] == "1.0"
    plan = next(line for line in lines if line["type"] == "plan")
    steps = [line["step"]["kind"] for line in lines if line["type"] == "step_done"]
    assert steps == [step["kind"] for step in plan["deployments"][0]["steps"]]
    assert lines[-1]["type"] == "complete"
    totals = plan["totals"]
    assert [lines[-1][k] for k in ("added", "changed", "destroyed")] == [
        totals["add"], totals["change"], totals["destroy"]]
