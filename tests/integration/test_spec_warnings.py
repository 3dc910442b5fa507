"""What specs promise and nobody does: told as warnings, and no key of the tables without one."""

import json
import re
import subprocess

import pytest
from test_command_line import OK, TOP, SpecsFolder


# Fields that nothing outside of specs/ reads, although the key is acted on.
THROUGH_OTHERS = {
    "provider_directory": "becomes the directory of each member",
}


def rows():
    """(key, field, whether it is marked) of every row that fills a field."""
    for file in [TOP / "specs/keys.h", *sorted((TOP / "specs").glob("keys_*.c"))]:
        text = re.sub(r"#define \w+\([^)]*\)", "", file.read_text(encoding="utf-8"))
        for row in re.split(r"\.key = ", text)[1:]:
            key = re.match(r'"(\w+)"', row)
            field = re.search(r"\b(?!EK_ROWS)[A-Z_]+\((?:struct \w+, |spec, )?([a-z_]+(?:\.[a-z_]+)*)[\[)]", row)
            if key and field:
                yield key.group(1), field.group(1), ".not_yet" in row


def sources():
    files = subprocess.run(["git", "ls-files", "reconciler", "drivers"], cwd=TOP, text=True,
                           capture_output=True, check=True).stdout.split()
    return "\n".join((TOP / file).read_text(encoding="utf-8") for file in files
                     if file.endswith((".c", ".h")))


def is_read(field, text):
    *parents, last = field.split(".")
    before = rf"\b{parents[-1]}(?:\.|->)" if parents else r"(?:\.|->)"
    return re.search(rf"{before}{last}\b", text) is not None


def test_every_key_is_read_or_says_that_it_is_not():
    text = sources()
    found = list(rows())
    assert len(found) > 60, "the rows are no longer found"
    unread = {field for _, field, marked in found if not is_read(field, text) and not marked}
    assert unread <= set(THROUGH_OTHERS), unread
    marked = [key for key, field, marked in found if marked and is_read(field, text)]
    assert not marked, f"read by now, so the mark must go: {marked}"


@pytest.fixture
def folder(tmp_path_factory):
    return SpecsFolder(tmp_path_factory.mktemp("warned"))


def test_validate_warns_and_is_well(folder):
    specs = folder.orders.read_text(encoding="utf-8")
    folder.orders.write_text(specs.replace("spec: {}", "spec: { technicalContact: dba@example.net }"),
                           encoding="utf-8")
    result = folder.run("validate", "specs")
    assert result.returncode == OK
    assert result.stdout == "Valid: 1 account, 0 certificate authorities, 1 deployment.\n"
    assert result.stderr.startswith(
        "orders.yaml:4:9: warning: technicalContact is not acted on yet: no mail is sent\n")
    assert folder.run("validate", "-q", "specs").stderr == ""
    result = folder.run("validate", "--output", "json", "specs")
    assert result.returncode == OK and result.stderr == ""
    warning, = json.loads(result.stdout)["warnings"]
    assert (warning["severity"], warning["id"], warning["line"]) == ("warning", "EK-0319", 4)


def test_plan_warns_and_keeps_its_status(folder):
    before = folder.run("plan", "specs")
    specs = folder.orders.read_text(encoding="utf-8")
    folder.orders.write_text(specs + "  maintenance: { technicalContact: dba@example.net }\n",
                           encoding="utf-8")
    after = folder.run("plan", "specs")
    assert after.returncode == before.returncode != OK
    assert "orders.yaml:16:18: warning: technicalContact is not acted on yet" in after.stderr
    assert "warning" not in after.stdout


def test_no_deployment(folder):
    folder.orders.write_text(folder.orders.read_text(encoding="utf-8").split("---")[0],
                           encoding="utf-8")
    result = folder.run("validate", "specs")
    assert result.returncode == OK
    assert result.stdout == "Valid: 1 account, 0 certificate authorities, no deployments.\n"
    assert "specs: warning: there is no deployment in 1 spec file" in result.stderr
    result = folder.run("plan", "specs")
    assert result.returncode == OK
    assert "warning: there is no deployment" in result.stderr


def git(directory, *words):
    subprocess.run(["git", "-C", directory, "-c", "user.name=d", "-c", "user.email=d@example.net",
                    "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words],
                   check=True, capture_output=True)


def committed(folder, directory):
    git(folder.directory, "init", "-q", directory)
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "specs")


def test_a_folder_that_is_a_link(folder):
    repository = folder.directory / "repository"
    (repository / "envs").mkdir(parents=True)
    (repository / "teams").mkdir()
    account, deployment = folder.orders.read_text(encoding="utf-8").split("---")
    (repository / "envs/acme.yaml").write_text(account, encoding="utf-8")
    (repository / "teams/orders.yaml").write_text(deployment, encoding="utf-8")
    (repository / "envs/teams").symlink_to("../teams")
    committed(folder, repository)
    for words in (["--git", repository, "--path", "envs"], [repository / "envs"]):
        result = folder.run("validate", *words)
        assert result.returncode == 1 and result.stdout == ""
        assert "teams is a symbolic link to a folder" in result.stderr
        assert "EK-0612" in result.stderr


def test_a_submodule(folder):
    inner, outer = folder.directory / "inner", folder.directory / "outer"
    inner.mkdir()
    outer.mkdir()
    account, deployment = folder.orders.read_text(encoding="utf-8").split("---")
    (inner / "orders.yaml").write_text(deployment, encoding="utf-8")
    committed(folder, inner)
    (outer / "acme.yaml").write_text(account, encoding="utf-8")
    git(folder.directory, "init", "-q", outer)
    git(outer, "submodule", "--quiet", "add", f"file://{inner}", "team-a")
    committed(folder, outer)
    result = folder.run("validate", "--git", outer)
    assert result.returncode == OK
    assert "team-a: warning: this is a submodule: specs in it are not read" in result.stderr
    assert "warning: there is no deployment" in result.stderr


def test_a_host_with_underscores(folder):
    specs = folder.orders.read_text(encoding="utf-8")
    folder.orders.write_text(specs.replace("host: 192.0.2.9", "host: shop_mongo_1"),
                           encoding="utf-8")
    assert folder.run("validate", "specs").returncode == OK
