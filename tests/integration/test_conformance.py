"""The quick part of `make conformance`: what a real server answered, asked again. And the suite itself: what it doesn't
understand is its own error, and never a pass."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import patient

PROGRAM = Path(__file__).resolve().parents[1] / "conformance" / "conformance.py"
sys.path.insert(0, str(PROGRAM.parent))
import words  # noqa: E402  pylint: disable=wrong-import-position


def replay(sandbox, *arguments):
    environment = dict(os.environ, EVENKEEL_SANDBOX_DIR=str(sandbox), BUILD=os.environ.get("EVENKEEL_BUILD", "build"))
    # mount and /etc/hosts of its own: what other tests see stays as it is
    return subprocess.run(["unshare", "--mount", sys.executable, str(PROGRAM), *arguments], env=environment, text=True,
                          capture_output=True, timeout=patient(600), check=False)


def test_recordings(sandbox):
    done = replay(sandbox, "--quick")
    files = re.findall(r"^(\d\d)-\S+: (\d+) of (\d+)", done.stdout, re.M)
    quick = ["01", "02", "03", "05", "06", "12", "13", "14", "15", "17", "19"]
    assert done.returncode == 0 and [f[0] for f in files] == quick, done.stdout + done.stderr
    assert all(int(passed) == int(of) > 0 for _, passed, of in files), done.stdout


START = {"started": True, "exit status": None, "stdout/stderr": [], "log": [],
         "net.tls in file": {"mode": "requireTLS", "certificateKeyFile": "/etc/mongod/a.pem", "CAFile": "/etc/mongod/ca.pem",
                             "allowConnectionsWithoutCertificates": True}}
TO_PREFER = {"reply": {"was": "allowTLS", "ok": 1.0}, "getParameter after": {"tlsMode": {"tlsMode": "preferTLS", "ok": 1.0}}}

ALONE = {"start": {"alone": "disabled", "security": "none"}, "as": None, "asked": {"ping": 1}, "reply": {"ok": 1.0}, "log": []}


@pytest.mark.parametrize("file, known, unknown", ids=["answers", "starts", "parts", "steps", "modes"], argvalues=[
    ("03", {"unknown command": {"ok": 0.0, "code": 59, "errmsg": "no such command: 'nonsense'", "codeName": "CommandNotFound"}},
     {"a poem recited to the primary": {"ok": 1.0}}),
    ("06", {"certificate valid": START}, {"certificate painted green": START}),
    ("06", {"certificate valid": START}, {"certificate right": dict(START, **{"what its neighbour says": "nothing"})}),
    ("17", {"a ping": ALONE}, {"a ping and a dance": dict(ALONE, dances=None)}),
    ("05", {"allowTLS -> tlsMode=preferTLS": TO_PREFER}, {"allowTLS by and by": TO_PREFER}),
])
def test_a_label_that_nobody_knows_is_an_error_of_the_suite(sandbox, tmp_path, file, known, unknown):
    """What was recorded of it would hold for any server: were it replayed as something else, it would pass."""
    path = tmp_path / f"{file}-made-up.json"
    path.write_text(json.dumps(known))
    done = replay(sandbox, "--recordings", str(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "conformance: 1 of 1"), done.stdout + done.stderr
    path.write_text(json.dumps({**known, **unknown}))
    done = replay(sandbox, "--recordings", str(tmp_path))
    label = next(iter(unknown))
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"  ! {label}: no driver knows this label, or a part of it" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["conformance: error: 1 recordings that no driver knows how to replay",
                                             "conformance: 1 of 2"]


@pytest.mark.parametrize("label, question", [
    ("createUser no roles", ("a", "root", "createUser", {"pwd": "x"})),
    ("createUser without pwd unauthenticated", ("a", None, "createUser", {"roles": []})),
    ("createUser unknown role", ("a", "root", "createUser", {"pwd": "x", "roles": ["nosuchrole"]})),
    ("insert w:9", ("a", "root", "insert", {"documents": [{}], "writeConcern": {"w": 9, "wtimeout": 500}})),
    ("insert empty documents", ("a", "root", "insert", {"documents": []})),
    ("write on secondary", ("b", "root", "insert", {"documents": [{}]})),
    ("find unauthenticated on secondary", ("b", None, "find", {})),
    ("createUser roles of wrong type", ("a", "root", "createUser", {"pwd": "x", "roles": 1})),
    ("setParameter unknown", ("a", "root", "setParameter", {"nosuchthing": 1})),
    ("createUser no love", None),
    ("createUser by moonlight", None),
    ("insert w:9 in winter", None),
    ("a poem", None),
])
def test_all_words_of_a_label_are_understood_or_none(label, question):
    asked = words.Question(label)
    if question is None:
        assert asked.command is None
    else:
        assert (asked.member, asked.user, asked.command, asked.fields) == question


def test_a_file_that_tells_its_version_is_held_against_that_one(sandbox, tmp_path):
    """The stand-in plays it; a directory's word counts for the other files only."""
    told = {"reply": {"version": "5.0.0-rc4"}}
    (tmp_path / "20-made-up.json").write_text(json.dumps({"buildInfo": told}))
    done = replay(sandbox, "--recordings", str(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "conformance: 1 of 1"), done.stdout + done.stderr


def test_only_a_real_server_is_recorded(sandbox):
    done = replay(sandbox, "--record", "--only", "17")
    assert done.returncode == 2 and "--record needs MONGOD=/path/to/mongod" in done.stderr
    done = replay(sandbox, "--record")
    assert done.returncode == 2 and "--record needs" in done.stderr
