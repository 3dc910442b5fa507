"""`evenkeel run` over several repositories and several deployments: its configuration, webhooks,
claims, a dead deployment beside live ones."""

import hashlib
import hmac
import json
import os
import signal
import time
import urllib.error
import urllib.request

import pytest

from fleet import wait_for
from loop import Loop
from many import Many
from patience import patient
from tool import Evenkeel

SECRET = "a-secret-of-the-git-host-0123456789"
CONTROLLER = """\
apiVersion: evenkeel/v1
kind: Controller
metadata: {{ name: test }}
spec:
  listen: 127.0.0.1:0
  observeEvery: 1s
  limits: {{ total: 2, perAccount: {per_account} }}
  repositories:
    - {{ name: one, url: {one}, interval: 1h, webhookSecretFile: {secret} }}
{more}"""


class Site:
    def __init__(self, directory, server):
        self.directory = directory
        directory.mkdir()
        self.many = Many(directory, server, 3, names="a")
        for name in self.many.deployments:  # of one member: restarting it interrupts service
            self.many.more[name] = "  maintenance: { interruption: accept, plaintextWindow: 0s }\n"
        self.tool = Evenkeel(directory / "evenkeel")
        self.secret = directory / "hook"
        self.secret.write_text(SECRET + "\n", encoding="utf-8")
        self.secret.chmod(0o600)
        self.config = directory / "controller.yaml"

    def write(self, more="", per_account=1):
        self.config.write_text(CONTROLLER.format(one=self.many.specs, secret=self.secret, more=more,
                                                 per_account=per_account), encoding="utf-8")

    def push(self, loop, commit, secret=SECRET, name="one"):
        """What a Gitea sends after a push; the HTTP status."""
        body = json.dumps({"ref": "refs/heads/main", "after": commit, "repository": {
            "full_name": "acme/specs", "clone_url": "https://git.example.net/acme/specs.git",
            "ssh_url": "git@git.example.net:acme/specs.git"}}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(f"{loop.address}/webhook/{name}", body, {
            "Content-Type": "application/json", "X-Gitea-Event": "push",
            "X-Gitea-Signature": signature})
        try:
            with urllib.request.urlopen(request, timeout=patient(10)) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def site(sandbox, server):
    made = Site(sandbox / "many", server)
    yield made
    made.many.destroy()


@pytest.fixture(scope="module")
def loop(site):
    site.write()
    site.many.commit("three new deployments")
    with Loop(site.tool, site.directory, "--config", site.config, listen=False) as running:
        yield running


def synced(loop):
    return {event["deployment"] for event in loop.events("synced")}


def test_new_deployments_are_made_one_of_an_account_at_a_time(site, loop):
    wait_for(lambda: synced(loop) == set(site.many.deployments), "three deployments", 120)
    assert all(site.many.is_master(name, "a")["ismaster"] for name in site.many.deployments)
    under_way, most = set(), 0
    for event in loop.events("step-begun", "reconciled"):
        if event["event"] == "reconciled":
            under_way.discard(event["deployment"])
        else:
            under_way.add(event["deployment"])
        most = max(most, len(under_way))
    assert most == 1, "limits.perAccount is 1"


def test_a_webhook_is_a_fetch_and_only_when_signed(site, loop):
    site.many.modes["d001"] = "preferSSL"
    commit = site.many.commit("d001: preferSSL")
    time.sleep(1.5)
    assert not loop.events("commit", commit=commit), "the interval is an hour"
    assert site.push(loop, commit, secret="not-the-secret-0123456789") == 401
    assert site.push(loop, commit, name="nobody") == 404
    assert not loop.events("commit", commit=commit)
    assert loop.wait("webhook-refused")["id"] == "EK-1352"
    assert site.push(loop, commit) == 202
    loop.wait("commit", commit=commit, seconds=10)
    loop.wait("synced", deployment="d001", commit=commit, seconds=60)
    assert SECRET not in loop.log.read_text(encoding="utf-8")


def test_a_dead_deployment_delays_nobody(site, loop):
    """The only member of d002 is frozen: looks at it hang, and those at d000 go on every second."""
    pid = site.many.pid("d002", "a")
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(3)
        site.many.modes["d000"] = "preferSSL"
        commit = site.many.commit("d000: preferSSL")
        site.push(loop, commit)
        loop.wait("synced", deployment="d000", commit=commit, seconds=300)
        assert loop.get("/healthz")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)


def test_two_repositories_that_claim_one_deployment(site, loop):
    """SIGHUP reads the configuration again; what both claim is done by neither, the rest goes on."""
    other = site.directory / "other"
    other.mkdir()
    for name in ("acme0.yaml", "d001.yaml"):
        (other / name).write_text((site.many.specs / name).read_text(encoding="utf-8"),
                                  encoding="utf-8")
    for words in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"],
                  ["-c", "user.name=x", "-c", "user.email=x@example.net", "commit", "-qm", "mine"]):
        assert os.spawnlp(os.P_WAIT, "git", "git", "-C", str(other), *words) == 0
    site.write(f"    - {{ name: two, url: {other} }}\n")
    pids = {name: site.many.pid(name, "a") for name in site.many.deployments}
    os.kill(loop.process.pid, signal.SIGHUP)
    loop.wait("reloaded", seconds=20)
    claimed = loop.wait("deployment-claimed", deployment="d001", seconds=20)
    assert claimed["id"] == "EK-1305" and "one" in claimed["message"] and "two" in claimed["message"]
    assert pids == {name: site.many.pid(name, "a") for name in site.many.deployments}
    site.config.write_text("kind: Controller\nnonsense: {", encoding="utf-8")
    os.kill(loop.process.pid, signal.SIGHUP)
    loop.wait("reload-failed", seconds=20)
    assert loop.get("/healthz")[0] == 200
    site.write()
    reloaded = len(loop.events("reloaded"))
    os.kill(loop.process.pid, signal.SIGHUP)
    loop.wait("reloaded", after=reloaded, seconds=20)
    site.many.modes["d001"] = "requireSSL"
    commit = site.many.commit("d001: requireSSL, and mine alone again")
    site.push(loop, commit)
    loop.wait("synced", deployment="d001", commit=commit, seconds=60)
    # What is only configured otherwise is not gone meanwhile.
    gone, reloaded = len(loop.events("deployment-gone")), len(loop.events("reloaded"))
    site.config.write_text(site.config.read_text(encoding="utf-8").replace("1h", "2h"),
                           encoding="utf-8")
    os.kill(loop.process.pid, signal.SIGHUP)
    loop.wait("reloaded", after=reloaded, seconds=20)
    time.sleep(1)
    assert len(loop.events("deployment-gone")) == gone


def test_an_unreachable_repository_is_told_once_and_changes_nothing(site, loop):
    away = site.many.specs.with_name("specs-away")
    pids = {name: site.many.pid(name, "a") for name in site.many.deployments}
    site.many.specs.rename(away)
    try:
        for _ in range(3):
            site.push(loop, "0" * 40)
            time.sleep(0.3)
        told = loop.wait("fetch-failed", seconds=10)
        assert told["id"].startswith("EK-06")
        time.sleep(1)
        assert len(loop.events("fetch-failed")) == 1
        assert loop.process.poll() is None
    finally:
        away.rename(site.many.specs)
    assert pids == {name: site.many.pid(name, "a") for name in site.many.deployments}
