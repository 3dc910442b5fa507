"""Bad input and bad days: one clear message with an id, the right exit status, no change."""

import pytest

from fleet import wait_for
from specs_repository import deployment_text

ERROR, CHANGES, BLOCKED, NOT_APPROVED, USAGE = 1, 2, 6, 8, 64


@pytest.fixture
def wants_ssl(shop):
    """The newest commit asks for preferSSL."""
    shop.specs.set_mode("preferSSL")
    yield shop
    shop.specs.set_mode("disabled")


@pytest.fixture(params=["plan", "apply"])
def command(request):
    return {"plan": ("plan",), "apply": ("apply", "--yes")}[request.param]


def secondary(shop):
    return next(m.name for m in reversed(shop.fleet.members) if m.name != shop.fleet.primary())


def test_a_member_is_stopped(wants_ssl, command):
    shop, name = wants_ssl, secondary(wants_ssl)
    shop.fleet.kill(name)
    try:
        done = shop.refused(*command, *shop.git)
        assert done.returncode == BLOCKED
        assert name in done.stdout + done.stderr
        assert not shop.fleet.processes()[name], "not its business: nobody asked to start it"
    finally:
        shop.fleet.start(name)
        shop.fleet.wait_settled()


def test_specs_that_want_whatever_stops_started_again(shop):
    specs = deployment_text(shop.fleet, "disabled")
    shop.specs.write("orders.yaml", specs + "  maintenance: { startStopped: always }\n")
    shop.specs.commit("whatever stops is started again")
    before, name = shop.fleet.processes(), secondary(shop)
    shop.fleet.kill(name)
    status, document = shop.tool.json("plan", *shop.git)
    assert status == CHANGES
    step = document["deployments"][0]["steps"][0]
    assert (step["kind"], step["member"]) == ("start", name)
    assert step["reason"] == "it is down, and the specs want it started again"
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    after = shop.fleet.processes()
    assert after[name] and {m for m in after if after[m] != before[m]} == {name}
    # All at once: nobody is left who knows the set.
    for member in shop.fleet.members:
        shop.fleet.kill(member.name)
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    shop.succeed("plan", *shop.git)


def test_a_member_is_unreachable(wants_ssl, command):
    shop, name = wants_ssl, secondary(wants_ssl)
    shop.fleet.unplug(name)
    try:
        assert shop.refused(*command, *shop.git).returncode == BLOCKED
    finally:
        shop.fleet.plug(name)
        shop.fleet.wait_settled()


def test_no_majority(wants_ssl, command):
    shop = wants_ssl
    names = [m.name for m in shop.fleet.members if m.name != shop.fleet.primary()]
    for name in names:
        shop.fleet.kill(name)
    try:
        wait_for(lambda: not shop.fleet.primary(), "the primary has noticed")
        assert shop.refused(*command, *shop.git).returncode == BLOCKED
    finally:
        shop.fleet.start(names)
        shop.fleet.wait_settled()


def test_the_set_has_a_member_that_the_spec_does_not_name(shop, command):
    text = deployment_text(shop.fleet, "preferSSL", members=shop.fleet.members[:2])
    shop.specs.write("orders.yaml", text)
    shop.specs.commit("orders: two members")
    try:
        done = shop.refused(*command, *shop.git)
        assert shop.fleet.members[2].host in done.stdout + done.stderr
    finally:
        shop.specs.set_mode("disabled")


def test_the_set_has_another_name(shop, command):
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, "preferSSL", set_name="rs-other"))
    shop.specs.commit("orders: another set name")
    try:
        done = shop.refused(*command, *shop.git)
        assert "rs-other" in done.stdout + done.stderr
        assert shop.fleet.set_name in done.stdout + done.stderr
    finally:
        shop.specs.set_mode("disabled")


def test_a_broken_spec(shop, command):
    text = deployment_text(shop.fleet, "preferSLL").replace("replicaSet:", "replicaset:")
    line = next(n for n, l in enumerate(text.splitlines(), 1) if "preferSLL" in l)
    shop.specs.write("orders.yaml", text)
    shop.specs.commit("orders: two mistakes")
    try:
        for words in (("validate",), command):
            done = shop.refused(*words, *shop.git)
            assert done.returncode == ERROR
            told = done.stdout + done.stderr
            assert f"orders.yaml:{line}:12" in told
            assert "preferSSL" in told and "replicaSet" in told, "both mistakes, each with a hint"
    finally:
        shop.specs.set_mode("disabled")


def test_ssl_on_a_shared_plan(shop):
    text = deployment_text(shop.fleet, "preferSSL").replace("plan: dedicated", "plan: shared")
    shop.specs.write("orders.yaml", text)
    shop.specs.commit("orders: shared")
    try:
        done = shop.refused("validate", *shop.git)
        assert "dedicated" in done.stdout + done.stderr
    finally:
        shop.specs.set_mode("disabled")


def test_a_revision_that_is_not_there(shop, command):
    done = shop.refused(*command, *shop.git, "--revision", "v9.9")
    assert done.returncode == ERROR
    assert "v9.9" in done.stdout + done.stderr


def test_a_repository_that_is_not_there(shop, command):
    done = shop.refused(*command, "--git", str(shop.directory / "nowhere"))
    assert done.returncode == ERROR
    assert "nowhere" in done.stdout + done.stderr


def test_usage_errors_are_64(shop):
    for words in (("plan", "--no-such-option"), ("no-such-command",), ("explain",)):
        assert shop.tool.run(*words).returncode == USAGE


def test_an_unanswered_question_is_no(shop):
    shop.specs.set_mode("preferSSL")
    try:
        before = shop.world()
        done = shop.tool.run("apply", *shop.git)  # no terminal, no --yes
        assert done.returncode == NOT_APPROVED
        assert shop.world() == before
    finally:
        shop.specs.set_mode("disabled")
