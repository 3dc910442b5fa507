"""A person who takes up a fleet that somebody else set up: an empty repository, and an Evenkeel that was never there."""

import re
import subprocess

import pymongo

from fleet import PORT, Fleet
from tool import Evenkeel

LOCAL = ("--provider", "local")


class Imported:
    def __init__(self, directory, build, fleet):
        self.directory, self.fleet = directory, fleet
        self.tool = Evenkeel(directory / "evenkeel", build)
        self.repository = directory / "repository"
        self.repository.mkdir()
        self.file = self.repository / "specs" / "orders.yaml"
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words):
        identity = ("-c", "user.name=Dana Baker", "-c", "user.email=dba@example.net")
        subprocess.run(["git", "-C", str(self.repository), *identity, *words], check=True, capture_output=True)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "orders as they are")

    @property
    def source(self):
        return ("--git", str(self.repository))

    def run(self, *words, status=0):
        done = self.tool.run(*words)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def take(self, *words, member="a", status=0, address=None):
        return self.run("import", address or f"mongodb://{self.fleet[member].host}:{PORT}", *LOCAL, *words,
                        status=status)


def secret_file(path, text, mode=0o600):
    path.touch(mode=mode)
    path.chmod(mode)
    path.write_text(text, encoding="utf-8")
    return path


class OpenFleet(Fleet):
    """One whose servers ask nobody who he is."""

    def provision(self):
        super().provision()
        for member in self.members:
            text = member.configuration.read_text(encoding="utf-8")
            member.configuration.write_text(re.sub(r"security:\n.*\n", "", text), encoding="utf-8")

    def command(self, name, *command, **arguments):
        with pymongo.MongoClient(self[name].address, PORT, directConnection=True, **self._tls(name)) as client:
            return client.admin.command(*command, **arguments)
