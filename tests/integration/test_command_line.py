"""The command line as a transcript: stdout, stderr and exit status, without any fleet."""

import contextlib
import json
import os
import pty
import re
import resource
import select
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from fleet import wait_for
from patience import patient
from tool import Evenkeel

BUILD = os.environ.get("EVENKEEL_BUILD", "build")
TOP = Path(__file__).resolve().parent.parent.parent
OK, ERROR, STALE, LOCKED, BLOCKED, NOT_APPROVED, USAGE = 0, 1, 3, 4, 6, 8, 64

SPECS = """\
apiVersion: evenkeel/v1
kind: Account
metadata: {{ name: acme }}
spec: {{}}
---
apiVersion: evenkeel/v1
kind: Deployment
metadata: {{ name: orders, account: acme }}
spec:
  provider: {{ name: local, directory: {directory} }}
  replicaSet:
    name: rs-orders
    members:
      - {{ name: a, host: 192.0.2.9, address: 192.0.2.9 }}
  sslMode: disabled
"""


class SpecsFolder:
    """A directory with specs, and the tool run in it."""

    def __init__(self, directory):
        self.directory = directory
        self.tool = Evenkeel(directory / "evenkeel", TOP / BUILD)
        self.specs = directory / "specs"
        self.specs.mkdir()
        self.orders = self.specs / "orders.yaml"
        self.orders.write_text(SPECS.format(directory=directory / "fleet"), encoding="utf-8")

    def run(self, *arguments, stdin=subprocess.DEVNULL, **environment):
        return subprocess.run([str(self.tool.program), *map(str, arguments)], cwd=self.directory,
                              env=dict(self.tool.environment, **environment), stdin=stdin,
                              capture_output=True, text=True, timeout=patient(60), check=False)

    def files(self):
        return sorted(str(p) for p in self.directory.rglob("*") if p.suffix != ".lock")


@pytest.fixture
def folder(tmp_path):
    return SpecsFolder(tmp_path)


# ---- usage ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words,says", [
    ((), "usage: evenkeel"),
    (("plna",), 'did you mean "plan"?'),
    (("frobnicate",), "evenkeel help lists the commands"),
    (("plan", "--ouput", "json"), "did you mean --output?"),
    (("plan", "--output", "yaml"), "text|json|markdown"),
    (("plan", "--timeout", "5s"), "this command has no option --timeout"),
    (("apply", "--timeout", "5"), "durations are written"),
    (("apply", "--lock-timeout"), "wants a value"),
    (("plan", "--revision", "main"), "--git"),
    (("plan", "a", "b"), "one argument at most"),
    (("plan", "--git", ".", "specs"), "from --git or from a path"),
    (("schema", "x"), "no arguments"),
    (("explain",), "explain wants"),
    (("help", "plna"), 'did you mean "plan"?'),
])
def test_usage_errors(folder, words, says):
    done = folder.run(*words)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert says in done.stderr


def test_help_tells_of_every_command(folder):
    listed = folder.run("help").stdout
    for verb in ("import", "validate", "plan", "apply", "status", "verify", "history", "explain", "schema",
                 "version"):
        assert re.search(rf"^  {verb} ", listed, re.M)
        told = folder.run("help", verb)
        assert told.returncode == OK and told.stdout.startswith(f"usage: evenkeel {verb}")
        assert folder.run(verb, "--help").stdout == told.stdout
    assert folder.run("--help").stdout == listed


def test_help_tells_the_exit_statuses(folder):
    told = folder.run("help", "exit-status").stdout
    assert [int(n) for n in re.findall(r"^ *(\d+)  ", told, re.M)] == [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 130]


def completed(folder, *words):
    script = (f"source {TOP}/contrib/completions/evenkeel.bash; COMP_WORDS=(\"$@\");"
              "COMP_CWORD=$(($# - 1)); _evenkeel; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", "evenkeel", *words], cwd=folder.directory,
                          capture_output=True, text=True, timeout=patient(20), check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("topic, file", [("man", "man/evenkeel.1"),
                                         ("completion", "completions/evenkeel.bash")])
def test_manual_and_completion_are_up_to_date(folder, topic, file):
    written = (TOP / "contrib" / file).read_text(encoding="utf-8")
    assert folder.run("help", topic).stdout == written, "make manual writes it anew"


def test_the_manual_tells_of_everything(folder):
    words = folder.run("help", "man").stdout.replace("\\-", "-")
    for verb in ("validate", "plan", "apply", "status", "verify", "explain", "schema"):
        assert f'.SS "evenkeel {verb} ' in words
        for option in re.findall(r"--[a-z-]+", folder.run("help", verb).stdout):
            assert option in words
    for line in folder.run("help", "exit-status").stdout.splitlines():
        assert line.split(None, 1)[1] in words


def test_completion(folder):
    assert completed(folder, "pl") == ["plan"]
    assert completed(folder, "plan", "--secret") == ["--secret-key-file", "--secret-key-command"]
    assert completed(folder, "plan", "--output", "m") == ["markdown"]
    assert completed(folder, "plan", "spe") == ["specs"]
    assert completed(folder, "apply", "--git", "spe") == ["specs"]
    assert "--yes" not in completed(folder, "plan", "--")
    assert completed(folder, "help", "exit") == ["exit-status"]


def test_reference(folder):
    page = folder.run("schema", "--reference").stdout
    assert page.startswith("# ") and "`spec.sslMode`" in page
    assert json.loads(folder.run("schema").stdout)


def test_remedies_name_keys_that_there_are(folder):
    top = {"provider", "sslDomain", "certificates", "maintenance", "replicaSet", "spec"}
    named = set()
    for path in (TOP / "reconciler" / "catalogue").glob("*.def"):
        words = re.findall(r"\b([a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)+)", path.read_text("utf-8"))
        named.update(w for w in words if w.split(".")[0] in top)
    assert "provider.server" in named
    for key in named:
        assert folder.run("explain", key).returncode == OK, key


def test_version(folder):
    assert re.fullmatch(r"evenkeel \d+\.\d+\.\d+\n", folder.run("version").stdout)
    assert folder.run("--version").stdout == folder.run("version").stdout
    assert json.loads(folder.run("version", "--output", "json").stdout)["format_version"] == "1.0"


def test_schema_is_json_schema(folder):
    assert "$schema" in json.loads(folder.run("schema").stdout)


# ---- explain -------------------------------------------------------------------------------


@pytest.mark.parametrize("what,says", [
    ("EK-0113", "leaves disabled"),
    ("ek-106", "is down"),
    ("spec.sslMode", "preferSSL"),
    ("no SSL certificate provided by peer", "encrypted"),
    ("2026-01-02T03:04:05.000+0000 I NETWORK [conn7] SSL mode is set to 'preferred' and connection "
     "7 to 10.0.0.1:5 is not using SSL.", "requireSSL"),
])
def test_explain(folder, what, says):
    done = folder.run("explain", what)
    assert done.returncode == OK
    assert says in done.stdout
    assert done.stderr == ""


def test_explain_of_the_unknown_shows_what_is_near(folder):
    done = folder.run("explain", "certificate", "something", "weird")
    assert done.returncode == ERROR
    assert done.stdout == ""
    assert re.search(r"near: EK-\d{4} .*certificate", done.stderr)


# ---- specs and where they come from --------------------------------------------------------


def test_validate(folder):
    done = folder.run("validate", "specs")
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout == "Valid: 1 account, 0 certificate authorities, 1 deployment.\n"
    assert json.loads(folder.run("validate", "specs", "--output", "json").stdout)["deployments"] == [
        "orders"]


@pytest.mark.parametrize("words", [("validate",), ("plan",), ("apply", "--yes"), ("status",),
                                   ("verify",)])
def test_all_errors_of_the_specs_are_shown(folder, words):
    text = folder.orders.read_text().replace("sslMode: disabled", "sslmode: on\n  plam: shared")
    folder.orders.write_text(text)
    before = folder.files()
    done = folder.run(*words, "specs")
    assert done.returncode == ERROR
    assert done.stdout == ""
    assert re.search(r"orders\.yaml:\d+:\d+: error: .*sslmode", done.stderr)
    assert re.search(r"orders\.yaml:\d+:\d+: error: .*plam", done.stderr)
    assert "2 errors in the specs" in done.stderr
    assert folder.files() == before


def test_the_readme_validates_what_there_is(folder):
    named = re.findall(r"evenkeel validate (examples\S*)", (TOP / "README.md").read_text("utf-8"))
    assert named
    for path in named:
        assert folder.run("validate", TOP / path).returncode == OK, path


def test_paths_that_are_too_long_are_refused(folder):
    """Cut short, the directories of two members would be one."""
    long = "/srv/" + "d" * 200
    folder.orders.write_text(SPECS.format(directory=long), encoding="utf-8")
    done = folder.run("validate", "specs")
    assert done.returncode == ERROR and "EK-0327" in done.stderr and "205 bytes" in done.stderr
    folder.orders.write_text(SPECS.format(directory="/srv/" + "d" * 170), encoding="utf-8")
    assert folder.run("validate", "specs").returncode == OK
    done = folder.run("plan", "specs", "--state-dir", "/srv/" + "d" * 300)
    assert done.returncode == USAGE and "EK-0803" in done.stderr


def test_a_directory_that_is_not_there(folder):
    done = folder.run("plan", "nowhere")
    assert done.returncode == ERROR
    assert "nowhere" in done.stderr and "see: evenkeel explain EK-06" in done.stderr


def test_a_revision_that_is_not_there(folder):
    git = ["git", "-C", str(folder.specs), "-c", "user.name=Dana", "-c", "user.email=d@example.net"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "specs"]):
        subprocess.run([*git, *words], check=True)
    assert folder.run("validate", "--git", "specs").returncode == OK
    done = folder.run("validate", "--git", "specs", "--revision", "v9.9")
    assert done.returncode == ERROR
    assert "v9.9" in done.stderr and "EK-06" in done.stderr


def test_a_deployment_that_is_not_there(folder):
    done = folder.run("plan", "specs", "--deployment", "order")
    assert done.returncode == ERROR
    assert 'did you mean "orders"?' in done.stderr and "EK-0805" in done.stderr


# ---- plan and apply without a fleet --------------------------------------------------------


def a_plan_file(folder, **changes):
    """A whole and honest plan file for the specs, with nothing to do but what `changes` say."""
    template = TOP / "tests/golden/disabled-to-prefer/plan.json"
    document = json.loads(template.read_text(encoding="utf-8"))
    document["source"] = {"kind": "directory", "location": str(folder.specs), "path": None,
                          "commit": None, "commit_subject": None}
    document["deployments"][0].update(name="orders", account="acme", **changes)
    del document["deployments"][0]["plan"]  # its name would be another now
    return sealed(document)


def sealed(document):
    import hashlib  # pylint: disable=import-outside-toplevel
    named = {k: v for k, v in document.items() if k not in ("sha256", "observed_at", "signature")}
    named["deployments"] = [{k: v for k, v in d.items() if k != "waits"}
                            for d in document["deployments"]]
    text = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return dict(document, sha256=hashlib.sha256(text.encode()).hexdigest())


def test_the_digest_is_what_the_schema_says(folder):
    del folder
    for path in sorted((TOP / "tests/golden").glob("*/plan.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert sealed(document)["sha256"] == document["sha256"], path


def test_plans_follow_their_schema():
    schema = json.loads((TOP / "contrib/schema/plan.schema.json").read_text(encoding="utf-8"))
    for path in sorted((TOP / "tests/golden").glob("*/plan.json")):
        follow(schema, schema, json.loads(path.read_text(encoding="utf-8")), str(path))


def follow(schema, rule, value, where):
    """The part of JSON Schema that ours uses; keys that the schema doesn't name are errors."""
    if "$ref" in rule:
        rule = schema["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
             "null": type(None)}
    if "type" in rule:
        allowed = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        assert any(type(value) is types[name] for name in allowed), f"{where}: {value!r}"
    assert "enum" not in rule or value in rule["enum"], f"{where}: {value!r}"
    assert "const" not in rule or value == rule["const"], f"{where}: {value!r}"
    if isinstance(value, str) and "pattern" in rule:
        assert re.search(rule["pattern"], value), f"{where}: {value!r}"
    if isinstance(value, dict) and "properties" in rule:
        assert set(rule.get("required", ())) <= set(value), f"{where}: {sorted(value)}"
        for key, item in value.items():
            assert key in rule["properties"], f"{where}: {key} is not in the schema"
            follow(schema, rule["properties"][key], item, f"{where}/{key}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            follow(schema, rule["items"], item, f"{where}/{i}")


@pytest.mark.parametrize("content", ["", "{}", "not JSON", "[]", '{"type": "plan"}'])
def test_a_file_that_is_no_plan(folder, content):
    path = folder.directory / "bad.plan"
    path.write_text(content)
    done = folder.run("apply", path)
    assert done.returncode == ERROR
    assert "EK-0808" in done.stderr and done.stdout == ""


def test_a_plan_that_was_changed(folder):
    document = a_plan_file(folder)
    document["deployments"][0]["steps"].pop()
    path = folder.directory / "changed.plan"
    path.write_text(json.dumps(document))
    done = folder.run("apply", path)
    assert done.returncode == ERROR
    assert "changed after it was written" in done.stderr


def test_a_plan_of_a_newer_evenkeel(folder):
    path = folder.directory / "newer.plan"
    path.write_text(json.dumps(sealed(dict(a_plan_file(folder), format_version="2.0"))))
    done = folder.run("apply", path)
    assert done.returncode == ERROR
    assert "EK-0809" in done.stderr


def test_a_plan_for_other_specs(folder):
    path = folder.directory / "other.plan"
    path.write_text(json.dumps(a_plan_file(folder)))
    done = folder.run("apply", path)
    assert done.returncode == STALE
    assert "EK-0810" in done.stderr


def test_a_plan_file_that_is_not_there(folder):
    done = folder.run("apply", "nowhere.plan")
    assert done.returncode == ERROR
    assert "nowhere.plan" in done.stderr


def hold_lease(folder, **holder):
    """As another process would: a lease on orders that says so."""
    assert folder.run("apply", "specs").returncode == NOT_APPROVED  # makes the store
    words = {"id": "0123456789abcdef", "operation": "apply", "who": "dana", "host": "ops1",
             "boot": "another", "space": "another", "pid": 4711, "started": 1, "ttl": 15000,
             "since": "2026-01-02T03:04:05Z", **holder}
    with contextlib.closing(sqlite3.connect(folder.tool.state / "evenkeel.db")) as store, store:
        store.execute("UPDATE leases SET token = token + 1, beat = 1, holder = ?"
                      " WHERE name = 'acme/orders'", (json.dumps(words),))


def test_locked(folder):
    hold_lease(folder)
    began = time.monotonic()
    done = folder.run("apply", "--yes", "specs")
    assert done.returncode == LOCKED
    for word in ("EK-0806", "acme/orders", "apply", "dana", "ops1", "4711", "2026-01-02T03:04:05Z",
                 "0123456789abcdef", "--lock-timeout"):
        assert word in done.stderr
    assert time.monotonic() - began < patient(14), "it waited for the lease to run out"
    began = time.monotonic()
    assert folder.run("apply", "--yes", "specs", "--lock-timeout", "1s").returncode == LOCKED
    assert time.monotonic() - began >= 1


def test_a_killed_process_leaves_nothing_in_shared_memory(folder):
    hold_lease(folder)
    with folder.tool.start("apply", "--yes", folder.specs, "--lock-timeout", "60s",
                         output=folder.directory / "log") as process:
        def waits():
            with contextlib.suppress(OSError):  # closed meanwhile
                return any("evenkeel.db" in os.readlink(file)
                           for file in Path(f"/proc/{process.pid}/fd").iterdir())
            return False
        wait_for(waits, "it waits for the lock", pause=0.02)
        maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
        process.kill()
    assert "libmongoc" in maps
    assert "/dev/shm/" not in maps, "a file there outlives a process that is killed"


def test_a_lock_ends_with_its_process(folder):
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    here = {"boot": boot, "space": os.readlink("/proc/self/ns/pid"), "pid": gone.pid}
    hold_lease(folder, **here)
    assert folder.run("apply", "specs").returncode == NOT_APPROVED
    hold_lease(folder, **dict(here, pid=os.getpid()))  # this one lives, but began at another time
    assert folder.run("apply", "specs").returncode == NOT_APPROVED
    hold_lease(folder, **dict(here, space="pid:[1]"))  # the same pid elsewhere may well live
    assert folder.run("apply", "--yes", "specs").returncode == LOCKED


def test_a_deployment_that_is_created_needs_approval(folder):
    before = folder.files()
    done = folder.run("apply", "specs")
    assert done.returncode == NOT_APPROVED, done.stdout + done.stderr
    assert "EK-0811" in done.stderr
    assert "Plan: " in done.stdout
    made = [f for f in folder.files() if f not in before]
    assert all("evenkeel.db" in f for f in made), made


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "yes please\n", "\x04"])
def test_only_yes_is_yes(folder, answer):
    leader, follower = pty.openpty()
    with subprocess.Popen([str(folder.tool.program), "apply", "specs"], cwd=folder.directory,
                          env=folder.tool.environment, stdin=follower, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            assert wait_for_text(process.stderr, b'Only "yes" is accepted: ')
            os.write(leader, answer.encode())
            assert process.wait(timeout=patient(30)) == NOT_APPROVED
        finally:
            process.kill()
            os.close(leader)
            os.close(follower)
    assert not (folder.directory / "fleet").exists()


def wait_for_text(stream, text, seconds=30):
    seen, deadline = b"", time.monotonic() + patient(seconds)
    while text not in seen:
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(stream.fileno(), 4096) if ready else b""
        if not piece:
            return False
        seen += piece
    return True


# ---- what goes where -----------------------------------------------------------------------


@pytest.mark.parametrize("words,environment,coloured", [
    ((), {"NO_COLOR": ""}, False),
    (("--color", "always"), {}, True),
    (("--color", "always", "--no-color"), {}, False),
])
def test_colour(folder, words, environment, coloured):
    done = folder.run("plan", "specs", *words, **environment)
    assert ("\033[" in done.stdout) == coloured


def test_state_goes_where_it_is_told(folder):
    elsewhere = folder.directory / "elsewhere"
    folder.run("apply", "specs", "--state-dir", elsewhere)
    assert (elsewhere / "evenkeel.db").is_file()
    assert not (folder.tool.state / "evenkeel.db").exists()
    kept = folder.directory / "kept.db"
    folder.run("apply", "specs", "--state-dir", elsewhere, EVENKEEL_STORE=str(kept))
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_closed_pipe_is_an_error_and_no_death(folder):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([str(folder.tool.program), "help"], stdout=writer, env=folder.tool.environment,
                          stderr=subprocess.PIPE, text=True, timeout=patient(30), check=False)
    os.close(writer)
    assert done.returncode == ERROR
    assert "EK-0814" in done.stderr


def dumps_core(process):
    """Whether the kernel dumps the process's memory when it has gone wrong."""
    process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGSEGV
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV
    return os.WCOREDUMP(status)


def allow_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@contextlib.contextmanager
def asking(folder, **more):
    """An apply that waits for an answer."""
    leader, follower = pty.openpty()
    with subprocess.Popen([str(folder.tool.program), "apply", "specs"], cwd=folder.directory,
                          env=folder.tool.environment, stdin=follower, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, **more) as process:
        assert wait_for_text(process.stderr, b"accepted: ")
        yield process
    os.close(leader)
    os.close(follower)


def test_a_library_that_gives_up_is_an_error_and_no_death(folder):
    """libmongoc aborts where OpenSSL gives it no memory."""
    with asking(folder) as process:
        process.send_signal(signal.SIGABRT)
        words = process.stderr.read().decode()
        assert process.wait(timeout=patient(30)) == ERROR
    assert "gave up" in words and "EK-0599" in words


def test_it_leaves_no_core(folder):
    """It holds secrets: its memory is not dumped where another program's is."""
    with subprocess.Popen(["sleep", "60"], cwd=folder.directory, preexec_fn=allow_core) as other:
        time.sleep(0.2)  # until exec
        if not dumps_core(other):
            pytest.skip("nothing is dumped on this machine")
    with asking(folder, preexec_fn=allow_core) as process:
        assert not dumps_core(process)
