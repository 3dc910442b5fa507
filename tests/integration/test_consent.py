"""What people and the clock have to say: windows, pauses, approvals, signed commits and plans. A set
goes from disabled to preferSSL and back under them; the tests of this file build on each other."""

import json
import re
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from fleet import wait_for
from patience import patient
from specs_repository import ACCOUNT, deployment_text

CHANGES, STALE, REFUSED, BLOCKED, NOT_APPROVED = 2, 3, 5, 6, 8
UNDISTURBING = {"create-authority", "bind-name", "install-trust", "issue-certificate", "create-user",
                "write-configuration"}


def closed_window():
    """A window of an hour that opens in six, whatever the time is now."""
    begin = datetime.now(timezone.utc) + timedelta(hours=6)
    return f"daily {begin:%H:%M}-{begin + timedelta(hours=1):%H:%M} UTC"


def open_window():
    begin = datetime.now(timezone.utc) - timedelta(hours=1)
    return f"daily {begin:%H:%M}-{begin + timedelta(hours=5):%H:%M} UTC"


@pytest.fixture(scope="module")
def desk(shop):
    yield Desk(shop)
    shop.specs.write("account.yaml", ACCOUNT)
    shop.specs.set_mode("disabled", "nobody is asked any more")


class Desk:
    def __init__(self, shop):
        self.shop, self.tool, self.git = shop, shop.tool, shop.git
        self.name = shop.fleet.name

    def want(self, mode, account="", **maintenance):
        """Commit the mode, and what has to be agreed to."""
        text = deployment_text(self.shop.fleet, mode)
        if maintenance:
            text += f"  maintenance: {json.dumps(maintenance)}\n"
        self.shop.specs.write("orders.yaml", text)
        self.shop.specs.write("account.yaml", ACCOUNT + account)
        return self.shop.specs.commit(f"orders: sslMode {mode}, {', '.join(maintenance)}")

    def plan(self):
        status, document = self.tool.json("plan", *self.git)
        assert status == CHANGES
        return document["deployments"][0]

    def waits(self):
        return [wait["kind"] for wait in self.plan()["waits"]]

    def refused(self, error, *arguments, status=REFUSED):
        done = self.shop.refused(*arguments)
        assert done.returncode == status and error in done.stderr, done.stderr
        return done

    def history(self, kind):
        done = self.shop.succeed("history", f"acme/{self.name}", "--kind", kind, "--output", "json")
        return [json.loads(line) for line in done.stdout.splitlines()][1:]


def test_a_window_lets_through_what_nothing_notices(desk):
    desk.want("preferSSL", windows=[closed_window()])
    document = desk.tool.json("plan", *desk.git)[1]
    plan = document["deployments"][0]
    wait = plan["waits"][0]
    assert wait["kind"] == "window"
    opens, observed = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (wait["until"], document["observed_at"]))
    hours, minutes = divmod(-(-int((opens - observed).total_seconds()) // 60), 60)  # begun minutes count
    assert timedelta(hours=5, minutes=50) < opens - observed <= timedelta(hours=6)
    assert f"opens in {hours} h {minutes} min" in wait["sentence"], wait["sentence"]
    before = {step["kind"] for step in plan["steps"][:wait["before_step"] - 1]}
    assert before <= UNDISTURBING and "issue-certificate" in before
    text = desk.tool.run("plan", *desk.git).stdout
    assert f"from step {wait['before_step']} on: what disturbs service waits" in text
    processes = desk.shop.fleet.processes()
    done = desk.tool.run("apply", *desk.git, "--yes")
    assert done.returncode == REFUSED and "EK-1101" in done.stderr
    assert "--outside-window" in done.stderr
    assert desk.shop.fleet.processes() == processes, "a server was disturbed"
    assert desk.plan()["waits"][0]["before_step"] == 1
    assert len(plan["steps"]) - len(desk.plan()["steps"]) == wait["before_step"] - 1
    desk.refused("EK-1101", "apply", *desk.git, "--yes")


def test_an_open_window_waits_for_nobody(desk):
    desk.want("preferSSL", windows=[closed_window(), open_window()])
    assert desk.waits() == []


def test_a_pause_stops_evenkeel_and_ends_by_itself(desk):
    done = desk.shop.succeed("pause", desk.name, *desk.git, "--for", "10m", "--reason", "load test")
    assert "The database goes on serving" in done.stdout
    assert desk.waits() == ["pause"]
    text = desk.tool.run("plan", *desk.git).stdout
    assert "is paused by" in text and "load test" in text
    status, document = desk.tool.json("status", *desk.git)
    assert status == 0 and document["deployments"][0]["waits"][0]["kind"] == "pause"
    assert document["deployments"][0]["paused"] is True
    assert "the deployment is paused by" in desk.shop.succeed(
        "status", *desk.git, "--deployment", desk.name).stdout
    done = desk.refused("EK-0125", "apply", *desk.git, "--yes")
    assert "evenkeel resume" in done.stderr
    desk.shop.succeed("resume", f"acme/{desk.name}")
    assert desk.waits() == []
    desk.shop.succeed("pause", f"acme/{desk.name}", "--for", "2s")
    wait_for(lambda: desk.waits() == [], "the pause ends")
    assert "is not paused" in desk.shop.succeed("resume", f"acme/{desk.name}").stdout
    said = desk.history("paused")
    assert len(said) == 2 and said[0]["text"].endswith("load test") and "@" in said[0]["who"]
    assert len(desk.history("resumed")) == 1


def test_nothing_is_done_without_an_approval(desk):
    desk.want("preferSSL", approval="required")
    assert desk.waits() == ["approval"]
    text = desk.tool.run("plan", *desk.git).stdout
    name = re.search(rf"needs an approval: evenkeel approve {desk.name} ([0-9a-f]{{12}})", text)[1]
    assert desk.plan()["plan"].startswith(name)
    done = desk.refused("EK-1102", "apply", *desk.git, "--yes")
    assert f"evenkeel approve {desk.name}" in done.stderr
    path = desk.shop.directory / "unapproved.plan"
    desk.shop.succeed("plan", *desk.git, "--out", path, status=CHANGES)
    desk.refused("EK-1102", "apply", path)


def test_the_controller_sets_a_floor(desk):
    desk.want("preferSSL", maxLag="12s")
    config = desk.shop.directory / "controller.yaml"
    config.write_text("apiVersion: evenkeel/v1\nkind: Controller\nmetadata: { name: one }\nspec:\n"
                      f"  repositories: [ {{ name: fleet, url: {desk.shop.specs.directory} }} ]\n"
                      "  approval: { floor: required }\n", encoding="utf-8")
    assert desk.waits() == []
    desk.refused("EK-1102", "apply", *desk.git, "--config", config, "--yes")
    done = desk.tool.run("run", "--once", "--config", config)
    assert done.returncode == BLOCKED and "EK-1102" in done.stderr
    assert set(desk.shop.fleet.running_modes().values()) == {"disabled"}
    desk.shop.succeed("approve", desk.name, *desk.git, "--config", config, "--yes")
    status, document = desk.tool.json("plan", *desk.git, "--config", config)
    assert status == CHANGES and document["deployments"][0]["waits"] == []


def test_a_commit_that_an_approver_signed_needs_no_other_approval(desk):
    keys = {}
    for who in ("alice", "mallory"):
        keys[who] = desk.shop.directory / f"{who}_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{who}@example.net",
                        "-f", str(keys[who])], check=True)
    public = keys["alice"].with_suffix(".pub").read_text(encoding="utf-8").strip()
    account = f"  maintenance: {{ approval: required, approvers: {{ commitKeys: [ {public} ] }} }}\n"
    desk.want("preferSSL", account=account)
    assert desk.waits() == ["approval"], "the commit is not signed"
    for who, waits in (("mallory", ["approval"]), ("alice", [])):
        subprocess.run(["git", "-C", str(desk.shop.specs.directory), "-c", "user.name=D",
                        "-c", "user.email=d@example.net", "-c", "gpg.format=ssh",
                        "-c", f"user.signingkey={keys[who]}", "commit", "--quiet", "--allow-empty",
                        "-S", "-m", f"signed by {who}"], check=True)
        assert desk.waits() == waits, who
    # Alice's signature under another commit.
    repository = ["git", "-C", str(desk.shop.specs.directory)]
    commit = subprocess.run([*repository, "cat-file", "commit", "HEAD"], check=True,
                            capture_output=True).stdout
    assert commit.endswith(b"signed by alice\n")
    forged = subprocess.run([*repository, "hash-object", "-t", "commit", "-w", "--stdin"], check=True,
                            input=commit.replace(b"signed by alice", b"signed by Alice"),
                            capture_output=True, text=False).stdout.decode().strip()
    subprocess.run([*repository, "update-ref", "refs/heads/main", forged], check=True)
    assert desk.waits() == ["approval"]


def test_an_approval_is_for_the_plan_as_it_is(desk):
    desk.want("preferSSL", approval="required")
    desk.refused("EK-1105", "approve", desk.name, "0123456789abcdef", *desk.git, "--yes",
                 status=STALE)
    desk.refused("EK-0811", "approve", desk.name, *desk.git, status=NOT_APPROVED)
    assert desk.waits() == ["approval"]
    plan = desk.plan()["plan"]
    done = desk.shop.succeed("approve", desk.name, plan[:12], *desk.git, "--yes")
    assert f"Approved plan {plan[:12]}" in done.stdout
    assert "Plan: " in done.stdout, "what is agreed to was shown"
    assert desk.history("approved")[-1]["plan"] == plan
    assert desk.waits() == []
    desk.want("preferSSL", approval="required", maxLag="11s")
    assert desk.waits() == ["approval"], "an approval for other specs"
    desk.want("preferSSL", approval="required")
    assert desk.waits() == []


def test_an_approved_rollout_goes_on_after_it_was_killed(desk):
    def began():
        return "preferTLS" in desk.shop.configured_modes().values() or \
            "allowTLS" in desk.shop.configured_modes().values()
    def stopped():
        return None in desk.shop.fleet.processes().values()
    killed = 0
    for moment in (began, stopped):
        killed += desk.tool.apply_until(moment, *desk.git, "--yes",
                                        output=desk.shop.directory / "approved.out")
        # It may have left a member stopped: nobody but the next apply starts it.
        plan = desk.tool.json("plan", *desk.git)[1]["deployments"][0]
        assert not plan["waits"], "the approval holds for the rest of its plan"
    assert killed >= 1
    desk.shop.succeed("apply", *desk.git, "--yes")
    assert set(desk.shop.fleet.running_modes().values()) == {"preferTLS"}
    assert {event["plan"] for event in desk.history("approval-spent")} >= {
        desk.history("approved")[-1]["plan"]}


def test_dropping_the_approval_needs_one(desk):
    """The last commit that was carried out asked for an approval: no commit excuses itself."""
    desk.want("preferSSL")
    plan = desk.plan()
    assert plan["steps"] == [] and plan["less_consent"] == "approval required -> none"
    text = desk.tool.run("plan", *desk.git).stdout
    assert "Consent:    approval required -> none: less than before" in text
    assert "No changes" not in text
    done = desk.refused("EK-1102", "apply", *desk.git, "--yes")
    assert f"evenkeel approve {desk.name}" in done.stderr
    # The same in a commit that changes more: its steps wait.
    desk.want("allowSSL")
    desk.refused("EK-1102", "apply", *desk.git, "--yes")
    path = desk.shop.directory / "loosened.plan"
    desk.shop.succeed("plan", *desk.git, "--out", path, status=CHANGES)
    desk.refused("EK-1102", "apply", path)
    assert set(desk.shop.fleet.running_modes().values()) == {"preferTLS"}
    # An approval of that is none of another loosening, nor of the same plan without one.
    desk.shop.succeed("approve", desk.name, *desk.git, "--yes")
    desk.want("preferSSL")
    desk.refused("EK-1102", "apply", *desk.git, "--yes")
    desk.shop.succeed("approve", desk.name, *desk.git, "--yes")
    done = desk.shop.succeed("apply", *desk.git, "--yes")
    assert "Apply complete! 0 added, 0 changed, 0 destroyed." in done.stdout
    rule = desk.history("consent-rule")[-1]
    assert rule["text"] == "from now on: approval none, 0 plan keys, 0 commit keys"
    done = desk.shop.succeed("apply", *desk.git, "--yes")
    assert "No changes" in done.stdout
    assert len(desk.history("consent-rule")) == 2, "required, then none"


def test_only_signed_plans_are_carried_out(desk):
    shop, directory = desk.shop, desk.shop.directory
    keys = {name: shop.succeed("key", "new", directory / f"{name}.key").stdout.strip()
            for name in ("owner", "stranger")}
    window = closed_window()
    desk.want("disabled", windows=[window], approval="signed",
              approvers={"planKeys": [keys["owner"]]})
    assert desk.waits()[0] == "signature"
    desk.refused("EK-1103", "apply", *desk.git, "--yes")
    unsigned, signed, strange = (directory / f"{name}.plan" for name in ("un", "owners", "strange"))
    shop.succeed("plan", *desk.git, "--out", unsigned, status=CHANGES)
    shop.succeed("plan", *desk.git, "--out", signed, "--sign-key", directory / "owner.key",
                 status=CHANGES)
    shop.succeed("plan", *desk.git, "--out", strange, "--sign-key", directory / "stranger.key",
                 status=CHANGES)
    desk.refused("EK-1120", "apply", unsigned)
    desk.refused("EK-1121", "apply", strange)
    desk.refused("EK-1121", "apply", strange, "--trusted-key", keys["stranger"])
    desk.refused("EK-1121", "apply", signed, "--trusted-key", keys["stranger"])
    desk.refused("EK-1121", "approve", strange, "--yes")
    changed = json.loads(signed.read_text(encoding="utf-8"))
    changed["observed_at"] = "2026-01-01T00:00:00Z"
    (directory / "changed.plan").write_text(json.dumps(changed), encoding="utf-8")
    desk.refused("EK-1121", "apply", directory / "changed.plan")
    shown = shop.succeed("show", signed).stdout
    assert keys["owner"] in shown and "Plan: " in shown and "waits for the window" in shown
    assert shown.split("drift")[1].split("Waits")[0] == \
        desk.tool.run("plan", *desk.git).stdout.split("drift")[1].split("Waits")[0]
    # Signed or not, the window is closed.
    desk.refused("EK-1101", "apply", signed, "--trusted-key", keys["owner"])
    desk.refused("EK-0811", "apply", signed, "--outside-window", status=NOT_APPROVED)
    # What people say counts before every step: a pause in the midst stops it behind the step in hand.
    before, log = shop.fleet.processes(), directory / "paused.out"
    with desk.tool.start("apply", signed, "--outside-window", "--yes", output=log) as process:
        wait_for(lambda: shop.fleet.processes() != before, "a first restart")
        shop.succeed("pause", f"acme/{desk.name}", "--for", "1h")
        assert process.wait(patient(120)) == REFUSED
    assert "EK-0125" in log.read_text(encoding="utf-8")
    assert set(shop.fleet.running_modes().values()) != {"disabled"}
    shop.succeed("resume", f"acme/{desk.name}")
    done = shop.succeed("apply", signed, "--outside-window", "--yes")
    assert "Apply complete!" in done.stdout
    assert set(shop.fleet.running_modes().values()) == {"disabled"}
    assert desk.history("outside-window")[0]["plan"] == changed["deployments"][0]["plan"]
    shop.succeed("history", "--verify")


def test_a_signed_plan_that_was_approved_may_be_carried_out_by_others(desk):
    shop, directory = desk.shop, desk.shop.directory
    key = shop.succeed("key", "new", directory / "owner2.key").stdout.strip()
    # Another key, or none, needs a signature by the one that counted before.
    path = directory / "loosened.plan"
    for key_name, maintenance in (("owner2", {"approval": "signed", "approvers": {"planKeys": [key]}}),
                                  ("owner", {})):
        desk.want("disabled", **maintenance)
        shop.succeed("plan", *desk.git, "--out", path, "--sign-key", directory / f"{key_name}.key",
                     status=CHANGES)
        if key_name == "owner2":
            assert "planKeys gains ..." in desk.plan()["less_consent"]
            desk.refused("EK-1103", "apply", path)
            desk.refused("EK-1103", "apply", *desk.git, "--yes")
    assert desk.plan()["less_consent"] == "approval signed -> none"
    desk.refused("EK-1103", "apply", *desk.git, "--yes")
    assert "Apply complete!" in shop.succeed("apply", path).stdout
    assert "No changes" in shop.succeed("apply", *desk.git, "--yes").stdout
    desk.want("allowSSL", approval="signed", approvers={"planKeys": [key]})
    path = directory / "for-run.plan"
    shop.succeed("plan", *desk.git, "--out", path, "--sign-key", directory / "owner2.key",
                 status=CHANGES)
    assert desk.waits() == ["signature"]
    done = shop.succeed("approve", path, "--yes", "--output", "json")
    assert json.loads(done.stdout)["signed"] is True
    assert desk.waits() == []
