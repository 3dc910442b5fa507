"""pause, resume, approve, show and key as transcripts: stdout, stderr and exit status, with a deployment
that was never made and so needs no servers."""

import json
import os
import pty
import re
import stat
import subprocess

import pytest

from test_command_line import (ERROR, NOT_APPROVED, OK, STALE, TOP, USAGE, SpecsFolder, a_plan_file)

CHANGES, REFUSED = 2, 5
GOLDEN = TOP / "tests/golden/window-closed"
TIME = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture
def folder(tmp_path):
    return SpecsFolder(tmp_path)


def want(folder, **maintenance):
    text = folder.orders.read_text(encoding="utf-8").split("  maintenance:")[0]
    folder.orders.write_text(f"{text}  maintenance: {json.dumps(maintenance)}\n", encoding="utf-8")


def error(done):
    """(sentence, hint, id) of the error that was printed last."""
    lines = done.stderr.rstrip("\n").split("\n")
    return tuple(line.split(": ", 1)[1] for line in lines[-3:])


# ---- key ------------------------------------------------------------------------------------


def test_key_new(folder):
    done = folder.run("key", "new", "plan.key")
    path = folder.directory / "plan.key"
    assert done.returncode == OK
    assert re.fullmatch(r"MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=\n", done.stdout)
    assert done.stderr == ("evenkeel: plan.key signs plans: keep it to yourself. Its public key above goes "
                           "into maintenance.approvers.planKeys of the specs\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8").startswith("-----BEGIN PRIVATE KEY-----")
    assert done.stdout.strip() not in path.read_text(encoding="utf-8")
    kept = path.read_bytes()
    done = folder.run("key", "new", "plan.key")
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert error(done) == ("error: plan.key exists; a key is never written over", "give another file",
                           "evenkeel explain EK-1123")
    assert path.read_bytes() == kept
    done = folder.run("key", "new", "another.key", "--output", "json", "-q")
    assert json.loads(done.stdout)["type"] == "key" and done.stderr == ""
    assert folder.run("key").returncode == folder.run("key", "old", "x").returncode == USAGE


def test_openssl_agrees_about_keys_and_signatures(folder):
    public = folder.run("key", "new", "plan.key").stdout.strip()
    told = subprocess.run(["openssl", "pkey", "-in", folder.directory / "plan.key", "-pubout"],
                          check=True, capture_output=True, text=True).stdout
    assert "".join(told.split("\n")[1:-2]) == public


# ---- pause, resume --------------------------------------------------------------------------


def test_pause_and_resume(folder):
    done = folder.run("pause", "acme/orders", "--for", "90m", "--reason", "load test")
    assert done.returncode == OK and done.stderr == ""
    assert re.fullmatch(
        rf"Paused acme/orders until {TIME}\. The database goes on serving; a step in hand is finished\.\n"
        r"evenkeel resume acme/orders ends the pause earlier\.\n", done.stdout)
    done = folder.run("plan", "specs")
    assert done.returncode == CHANGES
    assert re.search(r"Waits: +the deployment is paused by \S+@\S+: load test; the pause ends in 1 h 30 min",
                     done.stdout)
    done = folder.run("apply", "specs", "--yes")
    assert done.returncode == REFUSED
    assert error(done)[1:] == ("evenkeel resume lifts the pause; else it ends by itself",
                               "evenkeel explain EK-0125")
    done = folder.run("resume", "orders", "--specs", "specs")
    assert re.fullmatch(r"Resumed acme/orders, which \S+@\S+ had paused: load test\.\n", done.stdout)
    done = folder.run("resume", "acme/orders")
    assert (done.returncode, done.stdout) == (OK, "acme/orders is not paused.\n")
    kinds = [json.loads(line).get("kind")
             for line in folder.run("history", "--output", "json").stdout.splitlines()[1:]]
    assert kinds == ["paused", "resumed"]


@pytest.mark.parametrize("words,status,says,name", [
    (("pause",), USAGE, "pause wants the name of a deployment", "EK-0804"),
    (("resume",), USAGE, "resume wants the name of a deployment", "EK-0804"),
    (("pause", "acme/orders/x"), USAGE, '"acme/orders/x" is no ACCOUNT/DEPLOYMENT', "EK-0804"),
    (("pause", "orders", "--specs", "specs", "--for", "31d"), USAGE, "a pause lasts from 1s to 30d",
     "EK-0803"),
    (("pause", "orders", "--specs", "specs", "--for", "0s"), USAGE, "from 1s to 30d", "EK-0803"),
    (("pause", "orders", "--specs", "specs", "--for", "soon"), USAGE, "durations are written", "EK-0803"),
    (("pause", "orders", "--specs", "specs", "--reason", "x" * 256), USAGE, "--reason is longer", "EK-0803"),
    (("pause", "ordrs", "--specs", "specs"), ERROR, 'did you mean "orders"?', "EK-0805"),
    (("pause", "orders", "--specs", "nowhere"), ERROR, "nowhere", "EK-06"),
    (("approve",), USAGE, "approve wants a deployment or a plan file", "EK-0804"),
    (("approve", "orders", "9b1d", "--specs", "specs"), USAGE, "its first 8 digits or more", "EK-0804"),
    (("approve", "acme/ordrs", "--specs", "specs"), ERROR, 'did you mean "orders"?', "EK-0805"),
    (("approve", "other/orders", "--specs", "specs"), ERROR, 'no deployment "other/orders"', "EK-0805"),
    (("show",), USAGE, "show wants a plan file", "EK-0804"),
    (("show", "nowhere.plan"), ERROR, "nowhere.plan", "EK-05"),
    (("show", "specs/orders.yaml"), ERROR, "it is not JSON", "EK-0808"),
    (("plan", "specs", "--sign-key", "plan.key"), USAGE, "--out", "EK-0804"),
    (("plan", "specs", "--out", "x.plan", "--sign-key", "nowhere.key"), ERROR, "nowhere.key", "EK-1124"),
    (("plan", "specs", "--out", "x.plan", "--sign-key", "specs/orders.yaml"), ERROR, "mode 0644", "EK-1122"),
])
def test_what_makes_no_sense(folder, words, status, says, name):
    folder.orders.chmod(0o644)
    done = folder.run(*words)
    assert done.returncode == status, done.stderr
    assert says in done.stderr and name in done.stderr
    assert done.stdout == "" and not (folder.directory / "x.plan").exists()


# ---- approve --------------------------------------------------------------------------------


def test_approve(folder):
    want(folder, approval="required")
    done = folder.run("plan", "specs")
    assert done.returncode == CHANGES
    name = re.search(r"Waits: +the plan needs an approval: evenkeel approve orders ([0-9a-f]{12})$", done.stdout,
                     re.M)[1]
    done = folder.run("apply", "specs", "--yes")
    assert done.returncode == REFUSED
    assert error(done) == ("error: orders: the plan needs an approval", "evenkeel approve orders",
                           "evenkeel explain EK-1102")
    done = folder.run("approve", "orders", "0123456789", "--specs", "specs")
    assert (done.returncode, done.stdout) == (STALE, "")
    assert error(done) == (f"error: the plan is {name} by now, not 0123456789",
                           "read it with evenkeel plan, and approve that one", "evenkeel explain EK-1105")
    done = folder.run("approve", "orders", "--specs", "specs")
    assert done.returncode == NOT_APPROVED
    assert error(done) == ("error: not approved: nothing was recorded",
                           "there is no terminal to ask on: give --yes", "evenkeel explain EK-0811")
    done = folder.run("approve", "orders", name, "--specs", "specs", "--yes")
    assert done.returncode == OK and done.stderr == ""
    assert "Plan: " in done.stdout
    assert re.search(rf"\nApproved plan {name} of acme/orders as \S+@\S+\.\n$", done.stdout)
    assert "Waits" not in folder.run("plan", "specs").stdout
    event = json.loads(folder.run("history", "--kind", "approved", "--output", "json").stdout.splitlines()[1])
    assert event["plan"].startswith(name) and event["detail"] == {"how": "command"}
    assert event["who"] in done.stdout


def test_approve_asks_on_a_terminal(folder):
    want(folder, approval="required")
    for answer, status in (("no\n", NOT_APPROVED), ("y\n", NOT_APPROVED), ("yes\n", OK)):
        main, other = pty.openpty()
        os.write(main, answer.encode())
        done = folder.run("approve", "orders", "--specs", "specs", stdin=other)
        os.close(main)
        os.close(other)
        assert done.returncode == status
        assert 'Approve this plan of orders? Only "yes" is accepted: ' in done.stderr
    assert len(folder.run("history", "--kind", "approved", "--output", "json").stdout.splitlines()) == 2


def test_approve_a_file(folder):
    key = folder.run("key", "new", "plan.key").stdout.strip()
    want(folder, approval="signed", approvers={"planKeys": [key]})
    assert folder.run("plan", "specs", "-o", "unsigned.plan").returncode == CHANGES
    assert folder.run("plan", "specs", "-o", "signed.plan", "--sign-key", "plan.key").returncode == CHANGES
    done = folder.run("approve", "unsigned.plan", "--yes")
    assert done.returncode == REFUSED and "EK-1120" in done.stderr
    done = folder.run("approve", "signed.plan", "--yes", "--output", "json")
    said = json.loads(done.stdout)
    assert done.returncode == OK and said["signed"] and said["deployment"] == "orders"
    assert "Waits" not in folder.run("plan", "specs").stdout
    want(folder, approval="signed", approvers={"planKeys": [key]}, maxLag="11s")
    done = folder.run("approve", "signed.plan", "--yes")
    assert done.returncode == STALE and "EK-1105" in done.stderr


# ---- show -----------------------------------------------------------------------------------


def test_show_is_what_plan_showed(folder):
    path = GOLDEN / "plan.json"
    for output, file in (("text", "plan.txt"), ("markdown", "plan.md"), ("json", "plan.json")):
        done = folder.run("show", path, "--output", output)
        said = done.stdout.replace(f"evenkeel apply {path}", "evenkeel apply orders.plan")
        assert (done.returncode, done.stderr) == (OK, "")
        assert said == (GOLDEN / file).read_text(encoding="utf-8")


def test_show_a_plan_that_was_changed(folder):
    document = json.loads((GOLDEN / "plan.json").read_text(encoding="utf-8"))
    document["deployments"][0]["steps"].pop()
    path = folder.directory / "changed.plan"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = folder.run("show", path)
    assert (done.returncode, done.stdout) == (ERROR, "")
    assert "its content was changed after it was written" in done.stderr


# ---- apply ----------------------------------------------------------------------------------


def test_a_trusted_key(folder):
    keys = {name: folder.run("key", "new", f"{name}.key").stdout for name in ("owner", "stranger")}
    (folder.directory / "owner.pub").write_text(keys["owner"], encoding="utf-8")
    assert folder.run("plan", "specs", "-o", "signed.plan", "--sign-key", "owner.key").returncode == CHANGES
    path = folder.directory / "unsigned.plan"
    path.write_text(json.dumps(a_plan_file(folder)), encoding="utf-8")
    for words, status, name in (
            (("unsigned.plan", "--trusted-key", "owner.pub"), STALE, "EK-0810"),
            (("signed.plan", "--trusted-key", keys["stranger"].strip()), REFUSED, "EK-1121"),
            (("signed.plan", "--trusted-key", "specs/orders.yaml"), ERROR, "EK-1113"),
            (("signed.plan", "--trusted-key", "nowhere.pub"), ERROR, "nowhere.pub")):
        done = folder.run("apply", *words)
        assert done.returncode == status and name in done.stderr, done.stderr
    assert not folder.tool.master_key.exists()
