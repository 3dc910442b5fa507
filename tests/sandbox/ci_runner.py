"""Runs the CI templates of contrib/ci as the hosts' own runners would: which jobs a pipeline has,
what their steps see, and each step's shell, in a clone made as checkout makes it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from patience import patient


def load(path):
    """Everything as text: `on` stays `on`."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, yaml.BaseLoader)



class Repository:
    """The repository on the host, and a person's clone of it."""

    def __init__(self, directory):
        self.origin = directory / "origin.git"
        self.clone = directory / "clone"
        subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", self.origin],
                       check=True)
        subprocess.run(["git", "clone", "-q", self.origin, self.clone], check=True,
                       capture_output=True)
        self.git("checkout", "-q", "-b", "main")

    def git(self, *words, where=None):
        identity = ["-c", "user.name=Dana", "-c", "user.email=dana@example.net"]
        return subprocess.run(["git", "-C", str(where or self.clone), *identity, *map(str, words)],
                              check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files, message, branch):
        if branch != self.git("branch", "--show-current"):
            self.git("checkout", "-q", "-B", branch)
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.git("push", "-q", "--force", "origin", branch)
        return self.git("rev-parse", "HEAD")

    def merge(self, branch):
        """(main before, main after)"""
        self.git("checkout", "-q", "main")
        before = self.git("rev-parse", "HEAD")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        self.git("push", "-q", "origin", "main")
        return before, self.git("rev-parse", "HEAD")


class Runner:
    """What both kinds of runners have: a directory, and a clean environment."""

    def __init__(self, directory, repository, environment, program):
        self.directory, self.repository = directory, repository
        self.base = {"PATH": f"{Path(program).parent}:{os.environ['PATH']}", "HOME": str(directory),
                     "LANG": "C.UTF-8", "CI": "true", **environment}
        self.log = ""
        directory.mkdir(parents=True, exist_ok=True)

    def shell(self, script, where, environment, words=("--noprofile", "--norc", "-eo", "pipefail")):
        path = self.directory / "step.sh"
        path.write_text(script, encoding="utf-8")
        done = subprocess.run(["bash", *words, str(path)], cwd=where, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(300),
                              check=False)
        self.log += done.stdout + done.stderr
        return done.returncode

    def checkout(self, commit, depth):
        work = self.directory / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        self.repository.git("init", "-q", where=work)
        self.repository.git("remote", "add", "origin", f"file://{self.repository.origin}", where=work)
        refs = [commit] if depth else ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        self.repository.git("fetch", "-q", "--no-tags", *([f"--depth={depth}"] if depth else []),
                            "origin", *refs, where=work)
        self.repository.git("checkout", "-q", "--detach", commit, where=work)
        return work


# ---- GitHub Actions, Gitea Actions ---------------------------------------------------------------

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
PIECE = re.compile(r"\s*('[^']*'|&&|\|\||==|!=|!|\(|\)|always\(\)|[a-z_][\w.\-]*)", re.I)


def evaluate(text, contexts):
    """The part of the expression language that the templates use."""
    words, at = [], 0
    text = text.strip()
    while at < len(text):
        piece = PIECE.match(text, at)
        assert piece, f"not understood: {text[at:]}"
        word, at = piece[1], piece.end()
        names = {"&&": " and ", "||": " or ", "!": " not ", "always()": "True"}
        if word in names or word[0] in "'=!()":
            words.append(names.get(word, word))
        else:
            words.append(repr(look_up(word, contexts)))
    return eval(" ".join(words), {"__builtins__": {}})  # pylint: disable=eval-used


def look_up(word, contexts):
    value = contexts
    for part in word.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return value


class ActionsRunner(Runner):
    def __init__(self, directory, repository, environment, program, host):
        super().__init__(directory, repository, environment, program)
        self.host = host

    def job_names(self, workflow, contexts):
        return [name for name, job in workflow["jobs"].items() if evaluate(job["if"], contexts)]

    def contexts(self, event_name, event, commit, token):
        return {"github": {"event_name": event_name, "event": event, "sha": commit,
                           "repository": "acme/fleet", "token": token}}

    def run(self, workflow, name, event_name, event, commit, token):
        """True when the job succeeded. `commit` is github.sha."""
        job = workflow["jobs"][name]
        temporary = self.directory / "temp"
        temporary.mkdir(exist_ok=True)
        event_file = self.directory / "event.json"
        event_file.write_text(json.dumps(event), encoding="utf-8")
        number = event.get("number")
        environment = dict(self.base, GITHUB_ACTIONS="true", GITHUB_EVENT_NAME=event_name,
                           GITHUB_EVENT_PATH=str(event_file), GITHUB_SHA=commit,
                           GITHUB_REPOSITORY="acme/fleet", GITHUB_API_URL=self.host.url,
                           GITHUB_SERVER_URL=self.host.root, GITHUB_RUN_ID="12",
                           GITHUB_RUN_NUMBER="3", RUNNER_TEMP=str(temporary),
                           GITHUB_REF=f"refs/pull/{number}/merge" if number else "refs/heads/main",
                           GITHUB_STEP_SUMMARY=str(self.directory / "summary.md"))
        if self.host.kind == "gitea":
            environment["GITEA_ACTIONS"] = "true"
        contexts = dict(self.contexts(event_name, event, commit, token), steps={},
                        job={"status": "success"})
        for level in (workflow, job):
            environment.update(level.get("env", {}))
        where = self.directory
        for step in job["steps"]:
            wanted = step.get("if", "success()")
            good = contexts["job"]["status"] == "success"
            if not (evaluate(wanted, contexts) if wanted != "success()" else good):
                continue
            if "always()" not in wanted and not good:
                continue
            if "uses" in step:
                given = {k: self.fill(v, contexts) for k, v in step["with"].items()}
                where = self.checkout(given["ref"], int(given.get("fetch-depth", 1)))
                continue
            output = self.directory / "output"
            output.write_text("", encoding="utf-8")
            own = {k: self.fill(v, contexts) for k, v in step.get("env", {}).items()}
            if self.shell(step["run"], where, dict(environment, GITHUB_OUTPUT=str(output), **own)):
                contexts["job"]["status"] = "failure"
            lines = output.read_text(encoding="utf-8").splitlines()
            contexts["steps"][step.get("id", "")] = {
                "outputs": dict(line.split("=", 1) for line in lines)}
        assert not list(temporary.glob("*token*")), "the token is left behind"
        return contexts["job"]["status"] == "success"

    @staticmethod
    def fill(text, contexts):
        return EXPRESSION.sub(lambda found: str(evaluate(found[1], contexts)), text)


# ---- GitLab CI -----------------------------------------------------------------------------------


class GitLabRunner(Runner):
    def __init__(self, directory, repository, environment, program, host):
        super().__init__(directory, repository, environment, program)
        self.host = host

    @staticmethod
    def holds(condition, variables):
        def value(word):
            return variables.get(word[1:]) if word[0] == "$" else word.strip('"')
        terms = [term.split() for term in condition.split("&&")]
        return all(len(t) == 3 and t[1] == "==" and value(t[0]) == value(t[2]) for t in terms)

    def job_names(self, configuration, variables):
        return [name for name, job in configuration.items() if isinstance(job, dict) and
                any(self.holds(rule["if"], variables) for rule in job.get("rules", []))]

    def run(self, configuration, name, variables):
        """True when the job succeeded."""
        variables = {**self.base, "GITLAB_CI": "true", "CI_API_V4_URL": self.host.url,
                     "CI_PROJECT_ID": "23", "CI_JOB_URL": f"{self.host.root}/acme/fleet/-/jobs/5",
                     **configuration.get("variables", {}), **variables}
        where = self.checkout(variables["CI_COMMIT_SHA"], int(variables.get("GIT_DEPTH", 20)))
        script = "\n".join(configuration[name]["script"]) + "\n"
        return self.shell(script, where, variables, ("--noprofile", "--norc", "-eo", "pipefail")) == 0


# ---- act, which runs the workflows of GitHub and Gitea -------------------------------------------

CHECKOUT_ACTION = """\
name: checkout
description: what actions/checkout does, without a network
inputs:
  ref: { required: true }
  fetch-depth: { default: "1" }
  persist-credentials: { default: "true" }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        REF: ${{ inputs.ref }}
        DEPTH: ${{ inputs.fetch-depth }}
      run: |
        git init -q .
        git remote add origin "$CHECKOUT_ORIGIN"
        if [ "$DEPTH" = 0 ]; then
          git fetch -q origin '+refs/heads/*:refs/remotes/origin/*'
        else
          git fetch -q --depth="$DEPTH" origin "$REF"
        fi
        git checkout -q --detach "$REF"
"""


class ActRunner(ActionsRunner):
    """The same by a runner that others wrote: ACT=/path/to/act. It reads the workflow itself."""

    def job_names(self, workflow, contexts):
        raise NotImplementedError

    def run(self, workflow, name, event_name, event, commit, token):
        """`workflow` is the file's path here."""
        project = self.directory / "project"
        shutil.rmtree(project, ignore_errors=True)
        self.repository.git("clone", "-q", self.repository.origin, project, where=self.directory)
        self.repository.git("checkout", "-q", "--detach", commit if event_name == "push" else
                            event["pull_request"]["head"]["sha"], where=project)
        self.repository.git("remote", "set-url", "origin", "https://github.com/acme/fleet.git",
                            where=project)
        folder = project / ".github" / "workflows"
        folder.mkdir(parents=True)
        text = Path(workflow).read_text(encoding="utf-8")
        (folder / "evenkeel.yml").write_text(text, encoding="utf-8")
        owner, repository = "acme", {"full_name": "acme/fleet", "name": "fleet"}
        event_file = self.directory / "event.json"
        event_file.write_text(json.dumps(dict(event, after=commit, repository=dict(
            repository, owner={"login": owner}))), encoding="utf-8")
        words = [os.environ["ACT"], event_name, "--job", name, "--eventpath", str(event_file),
                 "--pull=false", "-s", f"GITHUB_TOKEN={token}"]
        for label in ("self-hosted", "evenkeel"):
            words += ["-P", f"{label}=-self-hosted"]
        for pin in set(re.findall(r"actions/checkout@[0-9a-f]{40}", text)):
            words += ["--local-repository", f"{pin}={self.checkout_action()}"]
        extra = {**self.base, "GITHUB_API_URL": self.host.url, "GITHUB_SERVER_URL": self.host.root,
                 "CHECKOUT_ORIGIN": f"file://{self.repository.origin}",
                 **({"GITEA_ACTIONS": "true"} if self.host.kind == "gitea" else {})}
        for key, value in extra.items():
            words += ["--env", f"{key}={value}"]
        done = subprocess.run(words, cwd=project, env=dict(self.base), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=patient(400), check=False)
        self.log += done.stdout + done.stderr
        return done.returncode == 0

    def checkout_action(self):
        action = self.directory / "checkout-action"
        if not action.exists():
            action.mkdir()
            (action / "action.yml").write_text(CHECKOUT_ACTION, encoding="utf-8")
        return action
