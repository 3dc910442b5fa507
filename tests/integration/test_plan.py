"""plan is a dry run: it shows, and changes nothing."""

import json

import pytest

NOTHING_TO_DO, CHANGES, STALE = 0, 2, 3


@pytest.fixture
def wants_ssl(shop):
    """The newest commit asks for preferSSL."""
    shop.specs.set_mode("preferSSL")
    yield shop
    shop.specs.set_mode("disabled")


@pytest.fixture
def settled_shop(shop):
    """Nothing is to be done for the newest commit."""
    shop.specs.set_mode("disabled")
    if shop.tool.run("plan", *shop.git).returncode == CHANGES:
        shop.succeed("apply", "--yes", *shop.git)
    return shop


def test_nothing_to_do(settled_shop):
    done = settled_shop.succeed("plan", *settled_shop.git, status=NOTHING_TO_DO)
    assert "No changes." in done.stdout


def test_apply_without_changes_changes_nothing(settled_shop):
    before = settled_shop.world()
    settled_shop.succeed("apply", "--yes", *settled_shop.git)
    assert settled_shop.world() == before


@pytest.mark.parametrize("output", ["text", "json", "markdown"])
def test_plan_changes_nothing(wants_ssl, output):
    before = wants_ssl.world()
    wants_ssl.succeed("plan", *wants_ssl.git, "--output", output, status=CHANGES)
    assert wants_ssl.world() == before


def test_plan_text(wants_ssl):
    done = wants_ssl.succeed("plan", *wants_ssl.git, status=CHANGES)
    lines = done.stdout.rstrip().splitlines()
    assert any(line.startswith("Plan: ") and line.endswith(" to destroy.") for line in lines)
    assert "3 restarts" in done.stdout
    assert "preferSSL" in done.stdout
    assert "\033[" not in done.stdout, "no colour off a terminal"


def test_plan_json_says_what_text_says(wants_ssl):
    status, plan = wants_ssl.tool.json("plan", *wants_ssl.git)
    assert status == CHANGES
    assert plan["format_version"].split(".")[0] == "1"
    commit = wants_ssl.specs.commit("same again")
    text = json.dumps(wants_ssl.tool.json("plan", *wants_ssl.git)[1])
    assert commit in text, "the commit is in every plan"


def test_plans_are_deterministic(wants_ssl):
    first, second = (wants_ssl.directory / name for name in ("first.plan", "second.plan"))
    for path in (first, second):
        wants_ssl.succeed("plan", *wants_ssl.git, "--out", path, status=CHANGES)
    steps = [json.dumps(step) for step in (find_steps(json.loads(p.read_text())) for p in
                                           (first, second))]
    assert steps[0] == steps[1] and len(steps[0]) > 100


def find_steps(document):
    """The list under the key "steps", wherever it is."""
    if isinstance(document, dict):
        if isinstance(document.get("steps"), list):
            return document["steps"]
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            found = find_steps(value)
            if found:
                return found
    return None


def test_plan_file_is_private_and_of_a_commit(wants_ssl):
    path = wants_ssl.directory / "private.plan"
    wants_ssl.succeed("plan", *wants_ssl.git, "--out", path, status=CHANGES)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stale_plan_is_refused(wants_ssl):
    shop, path = wants_ssl, wants_ssl.directory / "stale.plan"
    shop.succeed("plan", *shop.git, "--out", path, status=CHANGES)
    configuration = shop.fleet.configuration()
    configuration["version"] += 1
    shop.fleet.command(shop.fleet.primary(), "replSetReconfig", configuration)
    shop.fleet.wait_settled()
    done = shop.refused("apply", path)
    assert done.returncode == STALE


@pytest.mark.parametrize("damage", [lambda t: t[: len(t) // 2], lambda t: t.replace("2", "3", 1),
                                    lambda t: "", lambda t: "{}"])
def test_a_damaged_plan_file_is_refused(wants_ssl, damage):
    shop, path = wants_ssl, wants_ssl.directory / "damaged.plan"
    shop.succeed("plan", *shop.git, "--out", path, status=CHANGES)
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    shop.refused("apply", path)


def test_a_directory_is_planned_like_a_commit(wants_ssl):
    by_commit = wants_ssl.tool.json("plan", *wants_ssl.git)
    by_directory = wants_ssl.tool.json("plan", str(wants_ssl.specs.directory))
    assert by_commit[0] == by_directory[0] == CHANGES
    assert find_steps(by_commit[1]) == find_steps(by_directory[1])


def test_status_shows_the_mode(shop):
    assert "disabled" in shop.succeed("status", *shop.git).stdout
