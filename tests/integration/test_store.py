"""What apply tells the store, what history makes of it, and two applies on one deployment."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from fleet import wait_for
from patience import patient
from test_command_line import follow

OK, ERROR, LOCKED, PARTLY, VERIFY_FAILED, USAGE = 0, 1, 4, 7, 9, 64


@pytest.fixture(autouse=True)
def back_to_disabled(shop):
    yield
    shop.specs.set_mode("disabled")
    shop.succeed("apply", "--yes", *shop.git, "--lock-timeout", "60s")
    shop.fleet.wait_settled()


TOP = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((TOP / "contrib/schema/history.schema.json").read_text(encoding="utf-8"))


def history(shop, *words):
    done = shop.succeed("history", "--output", "json", *words)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        flat = {key: value for key, value in line.items() if key != "detail"}
        rule = SCHEMA["$defs"][line["type"]]
        follow(SCHEMA, {**rule, "required": set(rule["required"]) - {"detail"}}, flat, line["type"])
        assert isinstance(line.get("detail", {}), dict)
    assert lines[0]["type"] == "version" and lines[0]["format_version"] == "1.0"
    return lines[1:]


def test_history_of_a_change(shop):
    before = len(history(shop, "-n", "0")) if (shop.tool.state / "evenkeel.db").exists() else 0
    commit = shop.specs.set_mode("allowSSL")
    process = shop.tool.start("apply", "--yes", *shop.git, output=shop.directory / "told.log")
    looked = 0
    while process.poll() is None:
        looked += before == 0 or bool(history(shop))  # while it is written to
    assert process.returncode == OK and looked > 3
    events = history(shop, "-n", "0")[before:]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "begun" and kinds[-1] == "reconciled"
    assert set(kinds[1:-1]) == {"step-done"}
    assert [e["number"] for e in events] == list(range(before + 1, before + 1 + len(events)))
    restarts = [e for e in events if e["detail"].get("step", "").startswith("restart")]
    assert sorted(e["detail"]["step"][-1] for e in restarts) == ["a", "b", "c"]
    assert len({e["plan"] for e in events}) == 1 and len(events[0]["plan"]) == 64
    assert events[0]["who"].endswith("@" + os.uname().nodename)
    assert {e["account"] + "/" + e["deployment"] for e in events} == {f"acme/{shop.fleet.name}"}
    head = subprocess.run(["git", "-C", shop.specs.directory, "rev-parse", "HEAD"],
                          capture_output=True, text=True, check=True).stdout.strip()
    assert {e["commit"] for e in events} == {head}, commit

    text = shop.succeed("history", shop.fleet.name).stdout
    assert f"acme/{shop.fleet.name}  reconciled" in text and head[:8] in text
    assert len(history(shop, "-n", "2")) == 2
    assert {e["kind"] for e in history(shop, "--kind", "begun")} == {"begun"}
    assert history(shop, "--since", "1h", "-n", "0")[-1] == events[-1]
    assert not history(shop, "--since", "2200-01-01")
    assert not history(shop, "nobody")
    shop.succeed("history", "--since", "yesterday", status=USAGE)
    shop.succeed("history", "-n", "few", status=USAGE)


def chained(before, event):
    """The hash as drivers/store/store.h describes it, for who audits with other tools."""
    def field(text):
        return f"{len(text.encode())}:{text}\n"
    detail = json.dumps(event["detail"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    words = (event[key] for key in ("account", "deployment", "kind", "who", "commit", "plan", "text"))
    text = (field("evenkeel event 1") + field(before) + f"{event['number']}\n{event['at_ms']}\n"
            + "".join(map(field, (*words, detail))))
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_trail_shows_tampering(shop, tmp_path):
    if not (shop.tool.state / "evenkeel.db").exists():  # when it runs alone
        shop.specs.set_mode("allowSSL")
        shop.succeed("apply", "--yes", *shop.git)
    whole = shop.succeed("history", "--verify")
    assert "The trail is whole" in whole.stdout
    chain, = history(shop, "--verify")
    assert str(chain["events"]) in whole.stdout and chain["hash"] in whole.stdout
    before = ""
    for event in history(shop, "-n", "0"):
        assert event["hash"] == chained(before, event), event
        before = event["hash"]
    assert before == chain["hash"]
    copy = tmp_path / "copy.db"
    with contextlib.closing(sqlite3.connect(shop.tool.state / "evenkeel.db")) as store:
        with contextlib.closing(sqlite3.connect(copy)) as other:
            store.backup(other)
    assert shop.succeed("history", "--verify", "--store", copy).stdout == whole.stdout
    with contextlib.closing(sqlite3.connect(copy)) as other, other:
        other.execute("UPDATE events SET who = 'nobody' WHERE number = 2")
    done = shop.succeed("history", "--verify", "--store", copy, status=VERIFY_FAILED)
    assert "EK-1010" in done.stderr and "event 2 was changed" in done.stderr
    shop.succeed("history", "--verify", "--store", tmp_path / "none.db", status=ERROR)


def full_disk(directory):
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", directory], check=True)


def fill(directory):
    with contextlib.suppress(OSError), open(directory / "ballast", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_without_a_store_nothing_is_done(shop, tmp_path):
    shop.specs.set_mode("allowSSL")
    small = tmp_path / "small"
    full_disk(small)
    try:
        fill(small)
        done = shop.refused("apply", "--yes", *shop.git, "--store", small / "store.db")
        assert done.returncode == ERROR and "EK-1003" in done.stderr
    finally:
        subprocess.run(["umount", small], check=True)
    (tmp_path / "letter.db").write_text("This is no database, but a letter to my aunt.")
    done = shop.refused("apply", "--yes", *shop.git, "--store", tmp_path / "letter.db")
    assert done.returncode == ERROR and "EK-1004" in done.stderr
    done = shop.refused("apply", "--yes", *shop.git, "--store", "mongodb://127.0.0.1:1/none")
    assert done.returncode == ERROR and "EK-1001" in done.stderr


def test_a_store_that_goes_stops_apply_after_the_step(shop, tmp_path):
    """What is done must be known: nothing is begun that could not be told of."""
    shop.specs.set_mode("preferSSL")
    store, output = tmp_path / "store.db", tmp_path / "log"
    process = shop.tool.start("apply", "--yes", *shop.git, "--store", store, output=output)
    wait_for(lambda: "restart c ... done" in output.read_text(), "the first restart")
    store.unlink()
    assert process.wait(timeout=patient(300)) == PARTLY
    assert "EK-1005" in output.read_text()
    shop.fleet.wait_settled()


def freeze(process, store):
    """Not in the middle of its writing to the store: that would freeze the store as well."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(store, timeout=1, isolation_level=None)) as other:
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
                return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def test_an_apply_that_was_frozen_does_nothing_more(shop, tmp_path):
    shop.specs.set_mode("preferSSL")
    first, second = tmp_path / "first", tmp_path / "second"
    frozen = shop.tool.start("apply", "--yes", *shop.git, output=first)
    wait_for(lambda: "restart c" in first.read_text(), "the first restart")
    freeze(frozen, shop.tool.state / "evenkeel.db")
    try:
        done = shop.succeed("apply", "--yes", *shop.git, status=LOCKED)
        assert "EK-0806" in done.stderr and f"process {frozen.pid}" in done.stderr
        other = shop.tool.start("apply", "--yes", *shop.git, "--lock-timeout", "60s", output=second)
        lease = contextlib.closing(sqlite3.connect(shop.tool.state / "evenkeel.db"))
        with lease as store:
            wait_for(lambda: str(other.pid) in store.execute("SELECT holder FROM leases").fetchone()[0],
                     "the other takes the lease", 40)
    finally:
        done_before = first.read_text().count(" ... done")
        frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(timeout=patient(300)) == PARTLY
    words = first.read_text()
    assert "EK-1013" in words, words
    assert words.count(" ... done") <= done_before + 1, "more than the step in hand"
    assert other.wait(timeout=patient(180)) == OK, second.read_text()
    shop.succeed("verify", *shop.git)
    assert "The trail is whole" in shop.succeed("history", "--verify").stdout
