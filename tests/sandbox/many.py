"""Many deployments on one machine: each member has a loopback address of its own; the servers are
made by Evenkeel itself from the specs."""

import os
import subprocess
from pathlib import Path

import wire
from specs_repository import ACCOUNT, AUTHORITY, NO_WATCH

DEPLOYMENT = """\
---
apiVersion: evenkeel/v1
kind: Deployment
metadata: {{ name: {name}, account: {account} }}
spec:
  plan: dedicated
  provider: {{ name: local, directory: {directory}/{name}, server: {server} }}
  replicaSet:
    name: rs-{name}
    members:
{members}
  sslMode: {mode}
  sslDomain:
    base: fleet.example.net
    dns: {{ provider: hostsFile, path: /etc/hosts }}
  certificates: {{ authority: acme-ca }}
{more}"""

MEMBER = "      - {{ name: {member}, host: db-{member}.{name}.example.net, address: {address} }}"


class Many:
    """`count` deployments of `names` members in as many accounts as there are dozens."""

    def __init__(self, directory, server, count, names="abc"):
        self.directory, self.server, self.names = Path(directory) / "servers", server, names
        self.specs = Path(directory) / "specs"
        self.deployments = [f"d{number:03}" for number in range(count)]
        self.modes = {name: "disabled" for name in self.deployments}
        self.more = {name: NO_WATCH for name in self.deployments}
        self.specs.mkdir(parents=True)
        self.directory.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        with open("/etc/hosts", "a", encoding="utf-8") as hosts:
            for name in self.deployments:
                for member in names:
                    hosts.write(f"{self.address(name, member)} db-{member}.{name}.example.net\n")
        for account in sorted({self.account(name) for name in self.deployments}):
            text = (ACCOUNT + "---\n" + AUTHORITY).replace("acme }", account + " }")
            (self.specs / f"{account}.yaml").write_text(text, encoding="utf-8")

    def _git(self, *arguments):
        identity = ["-c", "user.name=Dana Baker", "-c", "user.email=dba@example.net"]
        return subprocess.run(["git", "-C", str(self.specs), *identity, *arguments], check=True,
                              capture_output=True, text=True).stdout.strip()

    def account(self, name):
        return f"acme{int(name[1:]) // 12}"

    def address(self, name, member):
        number = int(name[1:])
        return f"127.{20 + number // 250}.{number % 250}.{self.names.index(member) + 1}"

    def commit(self, message):
        """Write every spec as it is wanted now, and commit; the commit's id."""
        for name in self.deployments:
            members = "\n".join(MEMBER.format(member=m, name=name, address=self.address(name, m))
                                for m in self.names)
            (self.specs / f"{name}.yaml").write_text(DEPLOYMENT.format(
                name=name, account=self.account(name), directory=self.directory,
                server=self.server, members=members, mode=self.modes[name], more=self.more[name]),
                encoding="utf-8")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", message)
        return self._git("rev-parse", "HEAD")

    def configuration(self, name, member):
        return self.directory / name / member / "mongod.conf"

    def pid(self, name, member):
        """Of the server process, or None."""
        path = str(self.configuration(name, member))
        done = subprocess.run(["pgrep", "-f", path], capture_output=True, text=True, check=False)
        pids = [int(word) for word in done.stdout.split()]
        return pids[0] if pids else None

    def is_master(self, name, member):
        return wire.is_master(self.address(name, member))

    def destroy(self):
        subprocess.run(["pkill", "-KILL", "-f", str(self.directory)], check=False)
