"""What can't be seen is said to be unknown: a master key that is gone, a member that hangs."""

import os
import shlex
import time
from pathlib import Path

import pytest

from patience import patient
from watcher import Watcher

ERROR, CHANGES, BLOCKED, VERIFY_FAILED = 1, 2, 6, 9


@pytest.fixture
def settled(shop):
    """Evenkeel has its own user, whose password is sealed."""
    shop.succeed("apply", "--yes", *shop.git)
    shop.succeed("plan", *shop.git)
    return shop


@pytest.fixture
def frozen(settled):
    """The shop, and the name of a secondary that takes connections and never answers."""
    name = next(m.name for m in reversed(settled.fleet.members)
                if m.name != settled.fleet.primary())
    settled.fleet.freeze(name)
    yield settled, name
    settled.fleet.thaw(name)


def test_a_lost_master_key_is_no_fresh_start(settled):
    key = settled.tool.master_key
    aside = key.with_suffix(".aside")
    key.rename(aside)
    try:
        for words in (("plan",), ("apply", "--yes"), ("status",), ("verify",)):
            done = settled.refused(*words, *settled.git)
            assert done.returncode == ERROR, done.stdout + done.stderr
            assert "EK-0701" in done.stderr and "copy" in done.stderr
            assert "passed" not in done.stdout
        assert not key.exists()
    finally:
        aside.rename(key)


def test_the_master_key_from_a_command(settled):
    key = settled.tool.master_key
    elsewhere = key.with_suffix(".vault")
    key.rename(elsewhere)
    words = ("--secret-key-command", f"cat {shlex.quote(str(elsewhere))}")
    try:
        settled.succeed("plan", *settled.git, *words)
        settled.specs.set_mode("preferSSL")
        settled.succeed("plan", *settled.git, *words, status=CHANGES)
        assert settled.refused("plan", *settled.git, "--secret-key-command",
                               "false").returncode == ERROR
    finally:
        settled.specs.set_mode("disabled")
        elsewhere.rename(key)


def test_a_member_that_hangs_delays_nothing_for_long(frozen):
    shop, _ = frozen
    began = time.monotonic()
    assert shop.tool.run("plan", *shop.git).returncode == BLOCKED
    assert time.monotonic() - began < patient(25)


def test_verify_says_unknown_of_the_member_that_hangs_only(frozen):
    shop, name = frozen
    status, report = shop.tool.json("verify", *shop.git)
    assert status == VERIFY_FAILED
    checks = report["deployments"][0]["checks"]
    assert {c["member"] for c in checks if c["result"] != "passed"} == {name}
    unknown = [c["sentence"] for c in checks if c["result"] == "unknown"]
    assert unknown and not any(s.startswith(("it runs with", "issued by")) for s in unknown)


def test_what_could_not_be_read_is_not_replaced(settled):
    """Neither a file that is there and can't be read, nor what a process may have read from one that
    was written anew since, is taken for granted."""
    shop, name = settled, "b"
    shop.specs.set_mode("allowSSL")
    shop.succeed("apply", "--yes", *shop.git)
    tls = shop.server_options(name)["net"]["tls"]
    shop.specs.set_mode("preferSSL")
    try:
        for key in ("certificateKeyFile", "CAFile"):
            path = Path(tls[key])
            aside = path.rename(path.with_suffix(".aside"))
            path.mkdir()
            try:
                done = shop.refused("apply", "--yes", "--settle-timeout", "1s", *shop.git)
                assert done.returncode == BLOCKED and "EK-0132" in done.stderr
                assert "not seen:" in done.stdout and str(path) in done.stdout
            finally:
                path.rmdir()
                aside.rename(path)
        os.utime(tls["CAFile"])
        with Watcher(shop.fleet) as seen:
            shop.succeed("apply", "--yes", *shop.git)
        assert seen.restarts == {m.name: int(m.name == name) for m in shop.fleet.members}
        assert set(shop.fleet.running_modes().values()) == {"preferTLS"}
    finally:
        shop.specs.set_mode("disabled")
        shop.succeed("apply", "--yes", *shop.git)


def test_verify_before_ssl_is_enabled(settled):
    settled.specs.set_mode("preferSSL")
    try:
        status, report = settled.tool.json("verify", *settled.git)
    finally:
        settled.specs.set_mode("disabled")
    assert status == VERIFY_FAILED
    sentences = {c["check"]: c for c in report["deployments"][0]["checks"] if c["member"] == "a"}
    says = {"certificate-served": "no certificate", "certificate-issuer": "no certificate"}
    if (settled.fleet["a"].configuration.parent / "tls" / "server.pem").exists():
        assert sentences["key-encrypted"]["result"] == "passed"  # SSL was on before
    else:
        says["key-encrypted"] = "no private key"
    for check, words in says.items():
        assert sentences[check]["result"] == "failed", check
        assert words in sentences[check]["sentence"]


def test_status_of_a_member_that_hangs(frozen):
    shop, name = frozen
    line = shop.succeed("status", *shop.git).stdout.splitlines()[-1].split()
    assert line[:4] == [shop.fleet.name, "Unknown", "Degraded", "disabled"]
    _, report = shop.tool.json("status", *shop.git)
    for member in report["deployments"][0]["members"]:
        assert member["certificate_ends_s"] is None
        assert (member["ssl_mode_running"] == "disabled") == (member["name"] != name)
        assert member["plaintext_clients"] is None or member["plaintext_clients"] >= 0
    for member in report["deployments"][0]["observed"]["members"]:
        assert member["reachable"] == (member["name"] != name)
        assert ("ssl_mode_running" in member) == ("problem" not in member) == (member["name"] != name)


def test_another_state_directory_is_said_to_be_another(settled, tmp_path):
    other = ("--state-dir", tmp_path / "state", "--secret-key-file", tmp_path / "master.key")
    settled.specs.set_mode("preferSSL")
    try:
        settled.succeed("apply", "--yes", *settled.git)
        for words in (("plan",), ("apply", "--yes")):
            done = settled.refused(*words, *settled.git, *other)
            assert done.returncode == ERROR
            assert "EK-0722" in done.stderr and "--state-dir" in done.stderr
            assert str(tmp_path) in done.stderr
    finally:
        settled.specs.set_mode("disabled")
        settled.succeed("apply", "--yes", *settled.git)


def test_a_blocked_deployment_names_the_way_around(frozen):
    shop, _ = frozen
    text = (shop.specs.directory / "orders.yaml").read_text(encoding="utf-8")
    text = text.replace(f"name: {shop.fleet.name},", "name: another,").replace("27017", "27018")
    text = text.replace(shop.fleet.set_name, "rs-another")
    text = text.replace(f"directory: {shop.fleet.directory}", f"directory: {shop.directory}/another")
    shop.specs.write("another.yaml", text)
    shop.specs.commit("another one")
    try:
        done = shop.tool.run("apply", "--yes", *shop.git)
        assert done.returncode == BLOCKED
        assert "--deployment" in done.stderr and "nothing was done" in done.stderr
        assert not (shop.directory / "another").exists()
    finally:
        (shop.specs.directory / "another.yaml").unlink()
        shop.specs.set_mode("disabled")


def test_a_part_of_a_sharded_cluster_is_left_alone(shop):
    before = {m: m.configuration.read_bytes() for m in shop.fleet.members}
    for member, text in before.items():
        member.configuration.write_bytes(text + b"sharding:\n  clusterRole: shardsvr\n")
    for command in (("plan",), ("apply", "--yes")):
        done = shop.refused(*command, *shop.git)
        assert done.returncode == BLOCKED
        assert "[EK-0135]" in done.stdout + done.stderr
        assert "sharding.clusterRole: shardsvr" in done.stdout + done.stderr
    for member, text in before.items():
        member.configuration.write_bytes(text)
