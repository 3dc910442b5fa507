"""The password of a key waits where an earlier version put it, in a directory whose name leaves out the
account. The fleet goes on as it is; whatever writes files of a member takes the password along."""

import re
from pathlib import Path

import pytest

from watcher import Watcher

CHANGES, BLOCKED = 2, 6
PLACE = re.compile(r"/run/evenkeel/([\w.-]+)/key-password")


def place(shop, name):
    """The directory that the member's configuration names."""
    text = shop.fleet[name].configuration.read_text(encoding="utf-8")
    return Path("/run/evenkeel", PLACE.search(text).group(1))


def new_place(shop, name):
    return re.compile(rf"acme\.{shop.fleet.name}\.{name}\.[0-9a-f]{{8}}")


def old_places(shop, name):
    return list(Path("/run/evenkeel").glob(f"{shop.fleet.name}-{name}-*"))


def age(shop):
    """What an earlier version would have made of it."""
    for member in shop.fleet.members:
        now = place(shop, member.name)
        assert new_place(shop, member.name).fullmatch(now.name)
        old = now.with_name(f"{shop.fleet.name}-{member.name}-{now.suffix[1:]}")
        now.rename(old)
        text = member.configuration.read_text(encoding="utf-8")
        member.configuration.write_text(text.replace(str(now), str(old)), encoding="utf-8")


def assert_moved(shop, *names):
    for name in names:
        assert new_place(shop, name).fullmatch(place(shop, name).name)
        assert (place(shop, name) / "key-password").exists()
        assert not old_places(shop, name)


@pytest.fixture(name="aged", scope="module")
def the_aged(shop):
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    age(shop)
    return shop


def test_nothing_is_due_for_that(aged):
    before = aged.world()
    assert "No changes" in aged.succeed("plan", *aged.git).stdout
    aged.succeed("verify", *aged.git)
    aged.succeed("apply", "--yes", *aged.git)
    assert aged.world() == before
    assert all(old_places(aged, m.name) for m in aged.fleet.members)


def test_a_server_that_crashes_comes_back_from_there(aged):
    """Nothing was lost with it, so it is not ours to bring back."""
    aged.fleet.kill("c")
    aged.succeed("plan", *aged.git, status=BLOCKED)
    aged.fleet.start(["c"])
    aged.fleet.wait_settled()
    assert "No changes" in aged.succeed("plan", *aged.git).stdout


def test_a_host_that_was_started_anew(aged):
    """Its password is lost: it is brought to the new place, and the server started."""
    aged.fleet.kill("c")
    (place(aged, "c") / "key-password").unlink()
    aged.succeed("apply", "--yes", *aged.git)
    aged.fleet.wait_settled()
    assert new_place(aged, "c").fullmatch(place(aged, "c").name)
    assert (place(aged, "c") / "key-password").exists()
    assert all(old_places(aged, name) for name in "ab")
    assert "No changes" in aged.succeed("plan", *aged.git).stdout


def test_a_new_key_gets_a_new_password_in_the_new_place(aged):
    lost, = (Path(aged.tool.state) / "secrets").glob("**/b/key-password.sealed")
    lost.unlink()
    plan = aged.succeed("plan", *aged.git, status=CHANGES).stdout
    assert "its files leave the place of an earlier version" in " ".join(plan.split()), plan
    assert "remove old files" in plan, plan
    with Watcher(aged.fleet) as seen:
        aged.succeed("apply", "--yes", *aged.git)
        aged.fleet.wait_settled()
    assert seen.restarts == {"a": 0, "b": 1, "c": 0}
    assert_moved(aged, "b")
    assert old_places(aged, "a")
    aged.succeed("verify", *aged.git)


def test_killed_at_every_moment(aged):
    """Of a change that needs no restart: none is made for the sake of the move either."""
    if old_places(aged, "a"):
        aged.specs.set_mode("allowSSL")  # restarts all, so that all begin anew
        aged.succeed("apply", "--yes", *aged.git)
        assert_moved(aged, "a", "b")
    age(aged)
    aged.specs.set_mode("preferSSL")

    def moved(count):
        return lambda: sum(bool(new_place(aged, m.name).fullmatch(place(aged, m.name).name))
                           for m in aged.fleet.members) >= count

    def copied(count):
        return lambda: len(list(Path("/run/evenkeel").glob(
            f"acme.{aged.fleet.name}.*/key-password"))) >= count

    def gone(count):
        return lambda: sum(not old_places(aged, m.name) for m in aged.fleet.members) >= count

    output = aged.directory / "killed-at-the-old-place.log"
    moments = [copied(1), moved(1), copied(2), moved(2), copied(3), moved(3), gone(1), gone(2)]
    with Watcher(aged.fleet) as seen:
        kills = sum(aged.tool.apply_until(moment, "--yes", *aged.git, output=output) for moment in moments)
        aged.succeed("apply", "--yes", *aged.git)
        aged.fleet.wait_settled()
    assert kills >= 3, output.read_text(encoding="utf-8")
    assert set(seen.restarts.values()) == {0} and seen.elections == 0
    assert_moved(aged, *(m.name for m in aged.fleet.members))
    assert "No changes" in aged.succeed("plan", *aged.git).stdout
    aged.succeed("verify", *aged.git)
