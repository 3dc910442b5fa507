"""The templates of contrib/ci: written as the hosts document, safe for forks, and run: a pull
request gets its comment and status, a merge is carried out on a real fleet."""

import json
import os
import re
from pathlib import Path

import pytest

import forge_hosts
from ci_runner import ActionsRunner, ActRunner, GitLabRunner, Repository, load
from specs_repository import ACCOUNT, AUTHORITY, deployment_text

BUILD = os.environ.get("EVENKEEL_BUILD", "build")
TOP = Path(__file__).resolve().parent.parent.parent
CI = TOP / "contrib" / "ci"
ACTIONS = ["github-actions.yml", "gitea-actions.yml"]

# What the documentation of workflows allows, as far as anybody would use it here.
WORKFLOW = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB = {"name", "permissions", "needs", "if", "runs-on", "environment", "concurrency", "outputs", "env",
       "defaults", "steps", "timeout-minutes", "strategy", "continue-on-error"}
STEP = {"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env",
        "continue-on-error", "timeout-minutes"}
SCOPES = {"actions", "checks", "contents", "deployments", "id-token", "issues", "packages", "pages",
          "pull-requests", "security-events", "statuses"}
CHECKOUT = {"repository", "ref", "path", "fetch-depth", "persist-credentials"}
GITLAB_TOP = {"stages", "variables", "workflow", "default", "include"}
GITLAB_JOB = {"stage", "tags", "timeout", "interruptible", "rules", "script", "before_script",
              "after_script", "resource_group", "environment", "variables", "artifacts", "needs",
              "allow_failure", "when"}
GITLAB_RULE = {"if", "changes", "when", "allow_failure", "variables"}


@pytest.mark.parametrize("name", ACTIONS)
def test_workflows_are_as_documented(name):
    workflow = load(CI / name)
    assert set(workflow) <= WORKFLOW
    assert set(workflow["on"]) == {"pull_request", "push"}, "never pull_request_target"
    assert workflow["permissions"] == {}, "nothing is granted but by a job"
    for job_name, job in workflow["jobs"].items():
        assert set(job) <= JOB, job_name
        assert set(job["permissions"]) <= SCOPES
        assert set(job["permissions"].values()) <= {"read", "write"}
        assert job["permissions"].get("contents", "read") == "read", "no job may push"
        assert 0 < int(job["timeout-minutes"]) <= 120
        for step in job["steps"]:
            assert set(step) <= STEP and ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
                assert set(step["with"]) <= CHECKOUT
                assert step["with"]["persist-credentials"] == "false"
            else:
                assert step["shell"] == "bash"
                assert "${{" not in step["run"], "what a stranger writes must not become a script"


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_are_pinned_and_named(name):
    uses = re.findall(r"- uses: (.*)", (CI / name).read_text(encoding="utf-8"))
    assert uses and all(re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)
    assert "secrets." not in (CI / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ACTIONS)
def test_forks_get_no_secrets_and_no_runner_of_ours(name, tmp_path):
    workflow = load(CI / name)
    runner = ActionsRunner(tmp_path / "runner", None, {}, "evenkeel", forge_hosts.Host)
    for full_name, wanted in (("acme/fleet", ["plan"]), ("mallory/fleet", ["fork"])):
        event = {"number": 7, "pull_request": {"head": {"sha": "a" * 40, "repo": {
            "full_name": full_name}}, "base": {"sha": "b" * 40}}}
        contexts = runner.contexts("pull_request", event, "c" * 40, "t")
        assert runner.job_names(workflow, contexts) == wanted
    fork = workflow["jobs"]["fork"]
    assert fork["permissions"] == {} and "self-hosted" not in fork["runs-on"]
    assert fork["runs-on"] != "evenkeel" and "token" not in json.dumps(fork)
    assert runner.job_names(workflow, runner.contexts("push", {}, "c" * 40, "t")) == ["apply"]
    assert runner.shell(fork["steps"][0]["run"], tmp_path, dict(
        runner.base, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))) == 0


def test_gitlab_is_as_documented(tmp_path):
    configuration = load(CI / "gitlab-ci.yml")
    jobs = {k: v for k, v in configuration.items() if k not in GITLAB_TOP}
    assert set(jobs) == {"evenkeel plan", "evenkeel apply"}
    for job in jobs.values():
        assert set(job) <= GITLAB_JOB
        assert job["stage"] in configuration["stages"] and job["tags"] == ["evenkeel"]
        assert all(set(rule) <= GITLAB_RULE for rule in job["rules"])
        assert all(isinstance(line, str) for line in job["script"])
    runner = GitLabRunner(tmp_path / "runner", None, {}, "evenkeel", forge_hosts.Host)
    own = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_PROJECT_ID": "23",
           "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "23"}
    push = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
    assert runner.job_names(configuration, own) == ["evenkeel plan"]
    assert runner.job_names(configuration, dict(own, CI_MERGE_REQUEST_SOURCE_PROJECT_ID="66")) == []
    assert runner.job_names(configuration, push) == ["evenkeel apply"]
    assert runner.job_names(configuration, dict(push, CI_COMMIT_BRANCH="other")) == []
    assert jobs["evenkeel apply"]["rules"][0]["when"] == "manual"


# ---- run -----------------------------------------------------------------------------------------


class Project:
    """The shop's specs in a folder of a repository on a host, and a runner for it."""

    def __init__(self, shop, directory, host, kind):
        self.shop, self.host = shop, host
        self.repository = Repository(directory)
        token = directory / "ci-token"
        token.write_text(host.token, encoding="utf-8")
        self.runner = kind(directory / "runner", self.repository, {
            "EVENKEEL_STATE_DIR": str(shop.tool.state),
            "EVENKEEL_SECRET_KEY_FILE": str(shop.tool.master_key),
            "EVENKEEL_FORGE_CA_FILE": str(host.ca_file), "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            **({"EVENKEEL_FORGE_TOKEN_FILE": str(token)} if kind is GitLabRunner else {}),
        }, shop.tool.program, host)
        mode, = modes(shop)
        self.start = self.repository.commit(
            {"specs/account.yaml": ACCOUNT, "specs/authority.yaml": AUTHORITY,
             "specs/orders.yaml": self.orders(mode), "README.md": "Ours.\n"}, "the fleet", "main")

    def orders(self, mode):
        return deployment_text(self.shop.fleet, mode)

    def change(self, text, message):
        """(base, head) of a new pull request."""
        base = self.repository.git("rev-parse", "main")
        self.host.commit = self.repository.commit({"specs/orders.yaml": text}, message, "change")
        return base, self.host.commit

    def comment(self):
        (_, body), = self.host.shown()
        return body

    # -- pipelines --------------------------------------------------------------------------

    def actions_pull_request(self, workflow, base, head):
        event = {"action": "synchronize", "number": 7, "pull_request": {
            "number": 7, "base": {"sha": base},
            "head": {"sha": head, "repo": {"full_name": "acme/fleet"}}}}
        return self.runner.run(workflow, "plan", "pull_request", event, "e" * 40, self.host.token)

    def actions_push(self, workflow, before, after):
        self.host.commit = after
        return self.runner.run(workflow, "apply", "push", {"before": before}, after, self.host.token)

    def gitlab_merge_request(self, configuration, base, head):
        return self.runner.run(configuration, "evenkeel plan", {
            "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": head,
            "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "23",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base})

    def gitlab_push(self, configuration, before, after, on_merge="apply"):
        self.host.commit = after
        return self.runner.run(configuration, "evenkeel apply", {
            "ON_MERGE": on_merge,
            "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": after,
            "CI_COMMIT_BEFORE_SHA": before})


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return forge_hosts.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def project(shop, tmp_path, authority, request):
    host_kind, runner = request.param
    host = host_kind(authority)
    yield Project(shop, tmp_path, host, runner)
    host.close()
    assert host.wrong == []


def modes(shop):
    """As specs say it, whatever the servers call it."""
    return {mode.replace("TLS", "SSL") for mode in shop.fleet.running_modes().values()}


def runners(host):
    """Ours, and with ACT=/path/to/act that one too."""
    kinds = [ActionsRunner, *([ActRunner] if os.environ.get("ACT") else [])]
    return pytest.mark.parametrize("project", [(host, kind) for kind in kinds], indirect=True,
                                   ids=[kind.__name__ for kind in kinds])


def workflow_for(project, name):
    return CI / name if isinstance(project.runner, ActRunner) else load(CI / name)


@runners(forge_hosts.GitHub)
def test_on_github(project):
    """From plaintext to preferSSL by a pull request; broken specs on the way."""
    workflow = workflow_for(project, "github-actions.yml")
    if modes(project.shop) != {"disabled"}:
        project.shop.specs.set_mode("disabled")
        project.shop.succeed("apply", "--yes", *project.shop.git)
        project.start = project.repository.commit(
            {"specs/orders.yaml": project.orders("disabled")}, "back", "main")
    broken = project.orders("preferSSL").replace("sslMode", "sslmode")
    assert not project.actions_pull_request(workflow, *project.change(broken, "enable SSL"))
    assert "1 error in the specs" in project.comment() and "did you mean" in project.comment()
    assert project.host.status("evenkeel: specs")[0] == "failure"
    good = project.orders("preferSSL")
    assert project.actions_pull_request(workflow, *project.change(good, "Enable SSL")), \
        project.runner.log
    assert "3 restarts" in project.comment() and "`Enable SSL`" in project.comment()
    assert len(project.host.shown()) == 1
    state, words, url = project.host.status("evenkeel: specs")
    assert state == "success" and re.match(r"specs: \d+ steps for orders\d* \(3 restarts", words)
    assert re.fullmatch(rf"{project.host.root}/acme/fleet/actions/runs/\d+", url)
    assert [s["state"] for s in project.host.statuses][:2] == ["pending", "failure"]
    assert modes(project.shop) == {"disabled"}, "a pull request changes nothing"
    assert project.actions_push(workflow, *project.repository.merge("change")), project.runner.log
    assert modes(project.shop) == {"preferSSL"}
    assert project.host.status("evenkeel: apply")[0] == "success"
    assert project.host.token not in project.runner.log


@pytest.mark.parametrize("project", [(forge_hosts.GitLab, GitLabRunner)], indirect=True)
def test_on_gitlab(project):
    configuration = load(CI / "gitlab-ci.yml")
    before = modes(project.shop)
    wanted = "requireSSL" if before == {"preferSSL"} else "preferSSL"
    asks = project.orders(wanted) + "  maintenance: { approval: required, plaintextWindow: 0s }\n"
    change = project.change(asks, "further")
    assert project.gitlab_merge_request(configuration, *change), project.runner.log
    assert f"sslMode {wanted}" in project.comment() and "**Waits:**" in project.comment()
    assert [s["state"] for s in project.host.statuses] == ["pending", "success"]
    assert modes(project.shop) == before
    merge = project.repository.merge("change")
    assert not project.gitlab_push(configuration, *merge), "nobody agreed yet"
    assert project.gitlab_push(configuration, *merge, "approve"), project.runner.log
    assert modes(project.shop) == before
    assert project.gitlab_push(configuration, *merge), project.runner.log
    assert modes(project.shop) == {wanted}
    broken = project.change("kind: Deploiment\n", "broken")
    assert not project.gitlab_merge_request(configuration, *broken)
    assert "error" in project.comment().split("\n")[1]
    assert project.host.statuses[-1]["state"] == "failure"
    zeros = "0" * 40
    project.repository.git("checkout", "-q", "main")
    assert project.gitlab_push(configuration, zeros, project.repository.git("rev-parse", "main"))
    assert project.host.token not in project.runner.log


@runners(forge_hosts.Gitea)
def test_on_gitea(project):
    """Words that change no deployment: the comment says so, and a merge does nothing."""
    workflow = workflow_for(project, "gitea-actions.yml")
    base, _ = project.change(project.orders(*modes(project.shop)), "nothing")
    head = project.repository.commit({"README.md": "Ours, and yours.\n"}, "words", "change")
    project.host.commit = head
    before = project.shop.world()
    assert project.actions_pull_request(workflow, base, head), project.runner.log
    assert "**No changes.**" in project.comment()
    assert project.actions_push(workflow, *project.repository.merge("change")), project.runner.log
    assert project.shop.world() == before
    broken = project.change("kind: Deploiment\n", "broken")
    assert not project.actions_pull_request(workflow, *broken)
    assert "## Evenkeel: `specs`: " in project.comment()
