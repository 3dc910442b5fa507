"""A real Gitea (or Forgejo), started for tests: GITEA=/path/to/the/binary. What it is asked about
itself goes over its REST interface too, by Python's own client."""

import http.client
import json
import os
import secrets
import socket
import ssl
import subprocess
import time
from pathlib import Path

CONFIGURATION = """\
APP_NAME = Gitea
RUN_MODE = prod
WORK_PATH = {directory}
RUN_USER = {user}
[server]
PROTOCOL = https
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = https://127.0.0.1:{port}/
CERT_FILE = {certificate}
KEY_FILE = {key}
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {static}
[database]
DB_TYPE = sqlite3
PATH = {directory}/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
[service]
DISABLE_REGISTRATION = true
[log]
LEVEL = Warn
[queue]
TYPE = level
[cron]
ENABLED = false
[mailer]
ENABLED = false
[actions]
ENABLED = false
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RealGitea:
    kind = "gitea"
    repository, number, commit = "acme/fleet", None, None
    stranger_token = reader_token = token = None

    def __init__(self, program, directory, authority):
        self.directory, self.program = Path(directory), Path(program)
        self.port = free_port()
        self.ca_file = authority.file
        certificate, key = authority.for_host("127.0.0.1", "localhost")
        static = os.environ.get("GITEA_STATIC", str(self.program.parent))
        # Gitea does not run as root; in the sandbox we seem to be root.
        self.configuration = self.directory / "app.ini"
        self.configuration.write_text(CONFIGURATION.format(
            directory=self.directory, port=self.port, certificate=certificate, key=key,
            static=static, user=os.environ.get("USER") or "root",
            secret=secrets.token_hex(32)), encoding="utf-8")
        self.environment = dict(os.environ, HOME=str(self.directory),
                                GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT="true",
                                USER=os.environ.get("USER") or "root")
        self.branch = 0
        self.process = None
        self.start()

    def run(self, *words):
        return subprocess.run([str(self.program), "--config", str(self.configuration), *words],
                              env=self.environment, cwd=self.directory, check=True,
                              capture_output=True, text=True, timeout=120).stdout

    def start(self):
        self.run("migrate")
        with open(self.directory / "gitea.log", "wb") as log:
            self.process = subprocess.Popen(
                [str(self.program), "--config", str(self.configuration), "web"],
                env=self.environment, cwd=self.directory, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        self.wait()
        self.people = {}
        for name in ("acme", "stranger"):
            password = secrets.token_hex(12)
            self.run("admin", "user", "create", "--username", name, "--password", password,
                     "--email", f"{name}@example.net", "--must-change-password=false",
                     *(["--admin"] if name == "acme" else []))
            self.people[name] = self.run(
                "admin", "user", "generate-access-token", "--username", name, "--token-name",
                "tests", "--scopes", "all", "--raw").split()[-1]
        self.token = self.run("admin", "user", "generate-access-token", "--username", "acme",
                              "--token-name", "evenkeel", "--scopes",
                              "write:issue,write:repository,read:user", "--raw").split()[-1]
        self.reader_token = self.run("admin", "user", "generate-access-token", "--username", "acme",
                                     "--token-name", "reader", "--scopes",
                                     "read:issue,read:repository", "--raw").split()[-1]
        self.stranger_token = self.people["stranger"]
        self.ask("POST", "/user/repos", {"name": "fleet", "auto_init": True,
                                         "default_branch": "main"}, expect=201)

    def wait(self):
        deadline = time.monotonic() + 90
        while True:
            assert self.process.poll() is None, (self.directory / "gitea.log").read_text()
            try:
                return self.ask("GET", "/version")
            except OSError:
                assert time.monotonic() < deadline, "Gitea did not come up"
                time.sleep(0.2)

    def ask(self, method, path, body=None, who="acme", expect=200, plain=False):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        headers = {"Content-Type": "application/json"}
        if getattr(self, "people", {}).get(who):
            headers["Authorization"] = f"token {self.people[who]}"
        connection.request(method, "/api/v1" + path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == expect, (method, path, answer.status, text[:500])
        return text.decode() if plain else json.loads(text) if text else None

    def fresh_pull_request(self):
        """A new pull request for each test."""
        self.branch += 1
        name = f"change-{self.branch}"
        made = self.ask("POST", "/repos/acme/fleet/contents/" + name, {
            "content": "eA==", "message": name, "new_branch": name, "branch": "main"}, expect=201)
        pull = self.ask("POST", "/repos/acme/fleet/pulls", {
            "head": name, "base": "main", "title": name}, expect=201)
        self.number, self.commit = str(pull["number"]), made["commit"]["sha"]
        return self

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/api/v1"

    def shown(self):
        found = self.ask("GET", f"/repos/acme/fleet/issues/{self.number}/comments")
        return [(c["user"]["login"], c["body"]) for c in found]

    def add_comment(self, body):
        self.ask("POST", f"/repos/acme/fleet/issues/{self.number}/comments", {"body": body},
                 who="stranger", expect=201)

    def delete_all(self):
        for comment in self.ask("GET", f"/repos/acme/fleet/issues/{self.number}/comments"):
            self.ask("DELETE", f"/repos/acme/fleet/issues/comments/{comment['id']}", expect=204)

    def status(self, context):
        found = self.ask("GET", f"/repos/acme/fleet/commits/{self.commit}/statuses")
        for status in sorted(found, key=lambda s: s["id"], reverse=True):
            if status["context"] == context:
                return status["status"], status["description"], status["target_url"]
        return None

    def render(self, markdown):
        """As HTML, the way a comment is shown."""
        return self.ask("POST", "/markdown", {"Text": markdown, "Mode": "comment",
                                              "Context": "acme/fleet"}, plain=True)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
