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
def consent(shop):
    yield Consent(shop)
    shop.specs.write("account.yaml", ACCOUNT)
    shop.specs.set_mode("disabled", "nobody is asked any more")


class Consent:
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


def test_a_window_lets_through_what_nothing_notices(consent):
    consent.want("preferSSL", windows=[closed_window()])
    document = consent.tool.json("plan", *consent.git)[1]
    plan = document["deployments"][0]
    wait = plan["waits"][0]
    assert wait["kind"] == "window"
    opens, observed = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (wait["until"], document["observed_at"]))
    hours, minutes = divmod(-(-int((opens - observed).total_seconds()) // 60), 60)  # begun minutes count
    assert timedelta(hours=5, minutes=50) < opens - observed <= timedelta(hours=6)
    assert f"opens in {hours} h {minutes} min" in wait["sentence"], wait["sentence"]
    before = {step["kind"] for step in plan["steps"][:wait["before_step"] - 1]}
    assert before <= UNDISTURBING and "issue-certificate" in before
    text = consent.tool.run("plan", *consent.git).stdout
    assert f"from step {wait['before_step']} on: what disturbs service waits" in text
    processes = consent.shop.fleet.processes()
    done = consent.tool.run("apply", *consent.git, "--yes")
    assert done.returncode == REFUSED and "EK-1101" in done.stderr
    assert "--outside-window" in done.stderr
    assert consent.shop.fleet.processes() == processes, "a server was disturbed"
    assert consent.plan()["waits"][0]["before_step"] == 1
    assert len(plan["steps"]) - len(consent.plan()["steps"]) == wait["before_step"] - 1
    consent.refused("EK-1101", "apply", *consent.git, "--yes")


def test_an_open_window_waits_for_nobody(consent):
    consent.want("preferSSL", windows=[closed_window(), open_window()])
    assert consent.waits() == []


def test_a_pause_stops_evenkeel_and_ends_by_itself(consent):
    done = consent.shop.succeed("pause", consent.name, *consent.git, "--for", "10m", "--reason", "load test")
    assert "The database goes on serving" in done.stdout
    assert consent.waits() == ["pause"]
    text = consent.tool.run("plan", *consent.git).stdout
    assert "is paused by" in text and "load test" in text
    status, document = consent.tool.json("status", *consent.git)
    assert status == 0 and document["deployments"][0]["waits"][0]["kind"] == "pause"
    assert document["deployments"][0]["paused"] is True
    assert "the deployment is paused by" in consent.shop.succeed(
        "status", *consent.git, "--deployment", consent.name).stdout
    done = consent.refused("EK-0125", "apply", *consent.git, "--yes")
    assert "evenkeel resume" in done.stderr
    consent.shop.succeed("resume", f"acme/{consent.name}")
    assert consent.waits() == []
    consent.shop.succeed("pause", f"acme/{consent.name}", "--for", "2s")
    wait_for(lambda: consent.waits() == [], "the pause ends")
    assert "is not paused" in consent.shop.succeed("resume", f"acme/{consent.name}").stdout
    said = consent.history("paused")
    assert len(said) == 2 and said[0]["text"].endswith("load test") and "@" in said[0]["who"]
    assert len(consent.history("resumed")) == 1


def test_nothing_is_done_without_an_approval(consent):
    consent.want("preferSSL", approval="required")
    assert consent.waits() == ["approval"]
    text = consent.tool.run("plan", *consent.git).stdout
    name = re.search(rf"needs an approval: evenkeel approve {consent.name} ([0-9a-f]{{12}})", text)[1]
    assert consent.plan()["plan"].startswith(name)
    done = consent.refused("EK-1102", "apply", *consent.git, "--yes")
    assert f"evenkeel approve {consent.name}" in done.stderr
    path = consent.shop.directory / "unapproved.plan"
    consent.shop.succeed("plan", *consent.git, "--out", path, status=CHANGES)
    consent.refused("EK-1102", "apply", path)


def test_the_controller_sets_a_floor(consent):
    consent.want("preferSSL", maxLag="12s")
    config = consent.shop.directory / "controller.yaml"
    config.write_text("apiVersion: evenkeel/v1\nkind: Controller\nmetadata: { name: one }\nspec:\n"
                      f"  repositories: [ {{ name: fleet, url: {consent.shop.specs.directory} }} ]\n"
                      "  approval: { floor: required }\n", encoding="utf-8")
    assert consent.waits() == []
    consent.refused("EK-1102", "apply", *consent.git, "--config", config, "--yes")
    done = consent.tool.run("run", "--once", "--config", config)
    assert done.returncode == BLOCKED and "EK-1102" in done.stderr
    assert set(consent.shop.fleet.running_modes().values()) == {"disabled"}
    consent.shop.succeed("approve", consent.name, *consent.git, "--config", config, "--yes")
    status, document = consent.tool.json("plan", *consent.git, "--config", config)
    assert status == CHANGES and document["deployments"][0]["waits"] == []


def test_a_commit_that_an_approver_signed_needs_no_other_approval(consent):
    keys = {}
    for who in ("alice", "mallory"):
        keys[who] = consent.shop.directory / f"{who}_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{who}@example.net",
                        "-f", str(keys[who])], check=True)
    public = keys["alice"].with_suffix(".pub").read_text(encoding="utf-8").strip()
    account = f"  maintenance: {{ approval: required, approvers: {{ commitKeys: [ {public} ] }} }}\n"
    consent.want("preferSSL", account=account)
    assert consent.waits() == ["approval"], "the commit is not signed"
    for who, waits in (("mallory", ["approval"]), ("alice", [])):
        subprocess.run(["git", "-C", str(consent.shop.specs.directory), "-c", "user.name=D",
                        "-c", "user.email=d@example.net", "-c", "gpg.format=ssh",
                        "-c", f"user.signingkey={keys[who]}", "commit", "--quiet", "--allow-empty",
                        "-S", "-m", f"signed by {who}"], check=True)
        assert consent.waits() == waits, who
    # Alice's signature under another commit.
    repository = ["git", "-C", str(consent.shop.specs.directory)]
    commit = subprocess.run([*repository, "cat-file", "commit", "HEAD"], check=True,
                            capture_output=True).stdout
    assert commit.endswith(b"signed by alice\n")
    forged = subprocess.run([*repository, "hash-object", "-t", "commit", "-w", "--stdin"], check=True,
                            input=commit.replace(b"signed by alice", b"signed by Alice"),
                            capture_output=True, text=False).stdout.decode().strip()
    subprocess.run([*repository, "update-ref", "refs/heads/main", forged], check=True)
    assert consent.waits() == ["approval"]


def test_an_approval_is_for_the_plan_as_it_is(consent):
    consent.want("preferSSL", approval="required")
    consent.refused("EK-1105", "approve", consent.name, "0123456789abcdef", *consent.git, "--yes",
                 status=STALE)
    consent.refused("EK-0811", "approve", consent.name, *consent.git, status=NOT_APPROVED)
    assert consent.waits() == ["approval"]
    plan = consent.plan()["plan"]
    done = consent.shop.succeed("approve", consent.name, plan[:12], *consent.git, "--yes")
    assert f"Approved plan {plan[:12]}" in done.stdout
    assert "Plan: " in done.stdout, "what is agreed to was shown"
    assert consent.history("approved")[-1]["plan"] == plan
    assert consent.waits() == []
    consent.want("preferSSL", approval="required", maxLag="11s")
    assert consent.waits() == ["approval"], "an approval for other specs"
    consent.want("preferSSL", approval="required")
    assert consent.waits() == []


def test_an_approved_rollout_goes_on_after_it_was_killed(consent):
    def began():
        return "preferTLS" in consent.shop.configured_modes().values() or \
            "allowTLS" in consent.shop.configured_modes().values()
    def stopped():
        return None in consent.shop.fleet.processes().values()
    killed = 0
    for moment in (began, stopped):
        killed += consent.tool.apply_until(moment, *consent.git, "--yes",
                                        output=consent.shop.directory / "approved.out")
        # It may have left a member stopped: nobody but the next apply starts it.
        plan = consent.tool.json("plan", *consent.git)[1]["deployments"][0]
        assert not plan["waits"], "the approval holds for the rest of its plan"
    assert killed >= 1
    consent.shop.succeed("apply", *consent.git, "--yes")
    assert set(consent.shop.fleet.running_modes().values()) == {"preferTLS"}
    assert {event["plan"] for event in consent.history("approval-spent")} >= {
        consent.history("approved")[-1]["plan"]}


def test_dropping_the_approval_needs_one(consent):
    """The last commit that was carried out asked for an approval: no commit excuses itself."""
    consent.want("preferSSL")
    plan = consent.plan()
    assert plan["steps"] == [] and plan["less_consent"] == "approval required -> none"
    text = consent.tool.run("plan", *consent.git).stdout
    assert "Consent:    approval required -> none: less than before" in text
    assert "No changes" not in text
    done = consent.refused("EK-1102", "apply", *consent.git, "--yes")
    assert f"evenkeel approve {consent.name}" in done.stderr
    # The same in a commit that changes more: its steps wait.
    consent.want("allowSSL")
    consent.refused("EK-1102", "apply", *consent.git, "--yes")
    path = consent.shop.directory / "loosened.plan"
    consent.shop.succeed("plan", *consent.git, "--out", path, status=CHANGES)
    consent.refused("EK-1102", "apply", path)
    assert set(consent.shop.fleet.running_modes().values()) == {"preferTLS"}
    # An approval of that is none of another loosening, nor of the same plan without one.
    consent.shop.succeed("approve", consent.name, *consent.git, "--yes")
    consent.want("preferSSL")
    consent.refused("EK-1102", "apply", *consent.git, "--yes")
    consent.shop.succeed("approve", consent.name, *consent.git, "--yes")
    done = consent.shop.succeed("apply", *consent.git, "--yes")
    assert "Apply complete! 0 added, 0 changed, 0 destroyed." in done.stdout
    rule = consent.history("consent-rule")[-1]
    assert rule["text"] == "from now on: approval none, 0 plan keys, 0 commit keys"
    done = consent.shop.succeed("apply", *consent.git, "--yes")
    assert "No changes" in done.stdout
    assert len(consent.history("consent-rule")) == 2, "required, then none"


def test_only_signed_plans_are_carried_out(consent):
    shop, directory = consent.shop, consent.shop.directory
    keys = {name: shop.succeed("key", "new", directory / f"{name}.key").stdout.strip()
            for name in ("owner", "stranger")}
    window = closed_window()
    consent.want("disabled", windows=[window], approval="signed",
              approvers={"planKeys": [keys["owner"]]})
    assert consent.waits()[0] == "signature"
    consent.refused("EK-1103", "apply", *consent.git, "--yes")
    unsigned, signed, strange = (directory / f"{name}.plan" for name in ("un", "owners", "strange"))
    shop.succeed("plan", *consent.git, "--out", unsigned, status=CHANGES)
    shop.succeed("plan", *consent.git, "--out", signed, "--sign-key", directory / "owner.key",
                 status=CHANGES)
    shop.succeed("plan", *consent.git, "--out", strange, "--sign-key", directory / "stranger.key",
                 status=CHANGES)
    consent.refused("EK-1120", "apply", unsigned)
    consent.refused("EK-1121", "apply", strange)
    consent.refused("EK-1121", "apply", strange, "--trusted-key", keys["stranger"])
    consent.refused("EK-1121", "apply", signed, "--trusted-key", keys["stranger"])
    consent.refused("EK-1121", "approve", strange, "--yes")
    changed = json.loads(signed.read_text(encoding="utf-8"))
    changed["observed_at"] = "2026-01-01T00:00:00Z"
    (directory / "changed.plan").write_text(json.dumps(changed), encoding="utf-8")
    consent.refused("EK-1121", "apply", directory / "changed.plan")
    shown = shop.succeed("show", signed).stdout
    assert keys["owner"] in shown and "Plan: " in shown and "waits for the window" in shown
    assert shown.split("drift")[1].split("Waits")[0] == \
        consent.tool.run("plan", *consent.git).stdout.split("drift")[1].split("Waits")[0]
    # Signed or not, the window is closed.
    consent.refused("EK-1101", "apply", signed, "--trusted-key", keys["owner"])
    consent.refused("EK-0811", "apply", signed, "--outside-window", status=NOT_APPROVED)
    # What people say counts before every step: a pause in the midst stops it behind the step in hand.
    before, log = shop.fleet.processes(), directory / "paused.out"
    with consent.tool.start("apply", signed, "--outside-window", "--yes", output=log) as process:
        wait_for(lambda: shop.fleet.processes() != before, "a first restart")
        shop.succeed("pause", f"acme/{consent.name}", "--for", "1h")
        assert process.wait(patient(120)) == REFUSED
    assert "EK-0125" in log.read_text(encoding="utf-8")
    assert set(shop.fleet.running_modes().values()) != {"disabled"}
    shop.succeed("resume", f"acme/{consent.name}")
    done = shop.succeed("apply", signed, "--outside-window", "--yes")
    assert "Apply complete!" in done.stdout
    assert set(shop.fleet.running_modes().values()) == {"disabled"}
    assert consent.history("outside-window")[0]["plan"] == changed["deployments"][0]["plan"]
    shop.succeed("history", "--verify")


def test_a_signed_plan_that_was_approved_may_be_carried_out_by_others(consent):
    shop, directory = consent.shop, consent.shop.directory
    key = shop.succeed("key", "new", directory / "owner2.key").stdout.strip()
    # Another key, or none, needs a signature by the one that counted before.
    path = directory / "loosened.plan"
    for key_name, maintenance in (("owner2", {"approval": "signed", "approvers": {"planKeys": [key]}}),
                                  ("owner", {})):
        consent.want("disabled", **maintenance)
        shop.succeed("plan", *consent.git, "--out", path, "--sign-key", directory / f"{key_name}.key",
                     status=CHANGES)
        if key_name == "owner2":
            assert "planKeys gains ..." in consent.plan()["less_consent"]
            consent.refused("EK-1103", "apply", path)
            consent.refused("EK-1103", "apply", *consent.git, "--yes")
    assert consent.plan()["less_consent"] == "approval signed -> none"
    consent.refused("EK-1103", "apply", *consent.git, "--yes")
    assert "Apply complete!" in shop.succeed("apply", path).stdout
    assert "No changes" in shop.succeed("apply", *consent.git, "--yes").stdout
    consent.want("allowSSL", approval="signed", approvers={"planKeys": [key]})
    path = directory / "for-run.plan"
    shop.succeed("plan", *consent.git, "--out", path, "--sign-key", directory / "owner2.key",
                 status=CHANGES)
    assert consent.waits() == ["signature"]
    done = shop.succeed("approve", path, "--yes", "--output", "json")
    assert json.loads(done.stdout)["signed"] is True
    assert consent.waits() == []
