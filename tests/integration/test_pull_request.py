"""What a pull request shows: plan of the change between two commits, as text, JSON and comment."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from patience import patient
from test_command_line import follow
from tool import Evenkeel

BUILD = os.environ.get("EVENKEEL_BUILD", "build")
TOP = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((TOP / "contrib/schema/plan.schema.json").read_text(encoding="utf-8"))
OK, ERROR, CHANGES, USAGE = 0, 1, 2, 64

ACCOUNT = "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme }\nspec: {}\n"
DEPLOYMENT = """\
apiVersion: evenkeel/v1
kind: Deployment
metadata: {{ name: {name}, account: acme, labels: {{ note: "{note}" }} }}
spec:
  provider: {{ name: local, directory: {directory} }}
  replicaSet:
    name: rs-orders
    members:
      - {{ name: a, host: {host}, address: 192.0.2.9 }}
  sslMode: disabled
  maintenance: {{ maxLag: {lag} }}
"""


class Branches:
    """A repository with a main branch and what is done on others; no server is up."""

    def __init__(self, directory):
        self.directory = directory
        self.tool = Evenkeel(directory / "evenkeel", TOP / BUILD)
        self.repository = directory / "repository"
        self.repository.mkdir()
        self.git("init", "-q", "--initial-branch=main")
        self.write("account.yaml", ACCOUNT)
        self.deployment("orders")
        self.deployment("billing")
        self.commit("the fleet")

    def git(self, *words, where=None):
        identity = ["-c", "user.name=Dana", "-c", "user.email=dana@example.net",
                    "-c", "protocol.file.allow=always"]
        return subprocess.run(["git", "-C", str(where or self.repository), *identity, *words],
                              check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name, text):
        (self.repository / name).write_text(text, encoding="utf-8")

    def deployment(self, name, file=None, note="", lag="10s", host=None):
        self.write(f"{file or name}.yaml",
                   DEPLOYMENT.format(name=name, note=note, lag=lag, host=host or f"db-{name}.test",
                                     directory=self.directory / "fleet" / name))

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def plan(self, *words, start="main", end="HEAD", where=None):
        return subprocess.run(
            [str(self.tool.program), "plan", "--git", str(where or self.repository), "--from",
             start, "--to", end, *map(str, words)], cwd=self.directory, env=self.tool.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(60), check=False)


@pytest.fixture
def branches(tmp_path):
    made = Branches(tmp_path)
    made.git("checkout", "-q", "-b", "change")
    return made


def test_nothing_that_matters_changed(branches):
    branches.deployment("orders", note="a label is for people")
    branches.write("README.md", "words\n")
    branches.commit("words")
    done = branches.plan()
    assert done.returncode == OK
    assert "touches 0 of 2 deployments." in done.stdout
    assert done.stdout.endswith("\nNo changes. The change touches no deployment.\n")
    comment = branches.plan("--output", "markdown")
    assert comment.returncode == OK
    assert comment.stdout.startswith("<!-- evenkeel:plan . 1/1 -->\n## Evenkeel: no changes\n")
    assert "**No changes.**" in comment.stdout


def test_only_what_is_touched_is_looked_at(branches):
    branches.deployment("orders", lag="20s")
    branches.commit("orders may lag")
    branches.git("checkout", "-q", "main")
    branches.deployment("billing", lag="30s")
    branches.commit("billing on main, meanwhile")
    done = branches.plan(end="change")
    words = done.stdout + done.stderr
    assert "db-orders.test" in words or "orders" in words
    assert "billing" not in words, "what main did meanwhile is not this change"
    document = json.loads(branches.plan("--output", "json", end="change").stdout)
    assert [d["name"] for d in document["deployments"]] == ["orders"]
    assert document["change"]["untouched"] == 1
    assert document["change"]["deployments"][0]["touched"] == "changed"


def test_removed_is_left_alone(branches):
    (branches.repository / "billing.yaml").unlink()
    branches.commit("billing is no more")
    done = branches.plan()
    assert done.returncode == OK
    assert re.search(r"billing \(account acme\) is no longer in the specs: left alone, nothing is "
                     r"torn\s+down", done.stdout)
    comment = branches.plan("--output", "markdown").stdout
    assert "`billing` is no longer in the specs: left alone, nothing is torn down." in comment
    document = json.loads(branches.plan("--output", "json").stdout)
    assert document["change"]["removed"] == [{"name": "billing", "account": "acme",
                                              "renamed_to": None}]
    only = branches.plan("--deployment", "billing")
    assert only.returncode == OK and "left alone" in only.stdout
    other = branches.plan("--deployment", "orders")
    assert other.returncode == OK and "touches 0 of 1 deployment." in other.stdout
    assert "left alone" not in other.stdout
    assert "EK-0805" in branches.plan("--deployment", "odrers").stderr


def test_renamed_is_removed_and_new_with_a_hint(branches):
    branches.deployment("invoices", file="billing", host="db-billing.test")
    branches.commit("billing is called invoices")
    done = branches.plan()
    assert "new in the specs, with servers of billing, which is gone from them: renamed?" in done.stdout
    assert "invoices has its servers now: renamed?" in " ".join(done.stdout.split())
    document = json.loads(branches.plan("--output", "json").stdout)
    follow(SCHEMA, SCHEMA, document, "plan")
    change = document["change"]
    assert change["deployments"][0]["touched"] == "added"
    assert change["deployments"][0]["renamed_from"] == "billing"
    assert change["removed"][0]["renamed_to"] == "invoices"


def test_broken_specs_are_a_comment_too(branches):
    branches.deployment("orders", lag='10s, <img>: "`@all`"')
    branches.deployment("billing", lag="never")
    branches.commit("broken")
    done = branches.plan("--output", "markdown")
    assert done.returncode == ERROR
    assert re.search(r"billing\.yaml:\d+:\d+: error: ", done.stderr)
    assert re.match(r"<!-- evenkeel:plan \. 1/1 -->\n## Evenkeel: \d+ errors in the specs\n", done.stdout)
    assert re.search(r"^- `billing\.yaml:\d+:\d+` ", done.stdout, re.M)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", done.stdout, flags=re.S)
    assert "<img>" not in outside and "@all" not in outside


def test_a_base_that_is_broken_itself(branches):
    branches.git("checkout", "-q", "main")
    branches.deployment("billing", lag="never")
    branches.commit("broken on main")
    branches.git("checkout", "-q", "-B", "change")
    branches.deployment("billing")
    branches.commit("and mended")
    done = branches.plan()
    words = " ".join(done.stdout.split())
    assert "can't be told apart" in words and "All 2 deployments are planned" in words


def test_the_first_specs_ever(tmp_path):
    branches = Branches(tmp_path)
    branches.git("checkout", "-q", "--orphan", "fresh")
    branches.git("rm", "-q", "-r", "--cached", ".")
    (branches.repository / "orders.yaml").rename(branches.directory / "orders.yaml")
    (branches.repository / "billing.yaml").unlink()
    (branches.repository / "account.yaml").unlink()
    branches.write("README.md", "soon\n")
    start = branches.commit("soon")
    branches.write("account.yaml", ACCOUNT)
    branches.deployment("orders")
    branches.commit("now")
    done = branches.plan(start=start)
    assert "touches 1 of 1 deployment (1 new)." in done.stdout
    branches.git("rm", "-q", "*.yaml")
    branches.commit("and gone")
    done = branches.plan(start="HEAD~1")
    assert done.returncode == OK and "left alone" in done.stdout


def test_a_shallow_clone_says_what_to_do(branches):
    branches.deployment("orders", lag="20s")
    branches.commit("orders may lag")
    base = branches.git("rev-parse", "main")
    clone = branches.directory / "clone"
    branches.git("clone", "-q", "--depth=1", "--branch=change",
                 f"file://{branches.repository}", str(clone))
    done = branches.plan(start=base, where=clone)
    assert done.returncode == ERROR
    assert "EK-1201" in done.stderr and "fetch-depth: 0" in done.stderr
    comment = branches.plan("--output", "markdown", start=base, where=clone)
    assert comment.returncode == ERROR
    assert "## Evenkeel: there is no plan" in comment.stdout and "EK-1201" in comment.stdout
    branches.git("fetch", "-q", "--deepen=1", where=clone)
    done = branches.plan(start=base, where=clone)
    assert "touches 1 of 2 deployments." in done.stdout


def test_a_clone_as_deep_as_it_must_be(branches):
    """The merge that a CI system makes of the branch, and its two parents."""
    branches.deployment("orders", lag="20s")
    branches.commit("orders may lag")
    branches.git("checkout", "-q", "main")
    branches.deployment("billing", lag="30s")
    branches.commit("billing on main, meanwhile")
    branches.git("merge", "-q", "--no-edit", "change")
    clone = branches.directory / "clone"
    branches.git("clone", "-q", "--depth=2", f"file://{branches.repository}", str(clone))
    done = branches.plan(start="HEAD^1", where=clone)
    assert "touches 1 of 2 deployments." in done.stdout, done.stderr


@pytest.mark.parametrize("words", [("plan", "specs", "--from", "main"),
                                   ("apply", "--git", ".", "--from", "main")])
def test_where_from_goes(branches, words):
    done = branches.tool.run(*words)
    assert done.returncode == USAGE


def test_the_next_command_is_safe_to_copy(branches):
    """Whoever opens a pull request chooses the name of its branch."""
    name = "$(reboot);x"
    branches.git("checkout", "-q", "-b", name)
    branches.deployment("orders", lag="20s")
    branches.commit("orders may lag")
    document = branches.plan("--output", "markdown", end=name).stdout
    assert "reboot" not in document


def test_a_change_of_a_fleet_that_is_behind(shop):
    """An earlier commit was not applied: what it needs is shown first, apart."""
    shop.specs.set_mode("disabled")
    if shop.tool.run("plan", *shop.git).returncode == CHANGES:
        shop.succeed("apply", "--yes", *shop.git)
    start = shop.specs.set_mode("preferSSL", "asked for, not applied")
    end = shop.specs.set_mode("requireSSL", "and <b>more</b> @everyone")
    try:
        before = shop.world()
        done = shop.succeed("plan", *shop.git, "--from", start, "--to", end, status=CHANGES)
        first, second = done.stdout.split("With this change:")
        assert re.search(r"Without this change: \d+ steps are due", first)
        assert "sslMode preferSSL" in first and "sslMode requireSSL" not in first
        assert "sslMode requireSSL" in second
        assert f"evenkeel apply --git {shop.specs.directory} --revision {end} --deployment" in second
        file = shop.directory / "change.plan"
        comment = shop.succeed("plan", *shop.git, "--from", start, "--to", end, "--output",
                               "markdown", "--out", file, status=CHANGES).stdout
        assert comment.index("**Not from this change:**") < comment.index("**With this change**")
        assert "`and <b>more</b> @everyone`" in comment
        assert f"evenkeel apply {file}\n" in comment
        document = json.loads(file.read_text(encoding="utf-8"))
        assert document["source"]["commit"] == end
        follow(SCHEMA, SCHEMA, document, "plan")
        assert shop.succeed("show", file, "--output", "markdown").stdout == comment
        assert shop.world() == before
        nothing = shop.succeed("plan", *shop.git, "--from", end, "--to", end, status=OK)
        assert "No changes." in nothing.stdout
    finally:
        shop.specs.set_mode("disabled")
