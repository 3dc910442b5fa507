"""Which commands each client sends when it connects, found by listening: the table in the stand-in's README.
Each is answered well, but for those that the real server doesn't know either."""

import os
import re
import subprocess

import pytest

from lab import HERE, INSTALLED, KINDS, PASSWORD, Member, era, playing, wait_for
from listen import Listener
from patience import patient

README = HERE.parent / "standin" / "README.md"
TOOLS = ("mongodump", "mongorestore")
WHO = (*KINDS, "mongosh as a terminal", *TOOLS)
# When and whether these are sent or answered before the end depends on the moment.
AT_ANY_TIME = {"endSessions", "hello", "isMaster", "ismaster", "ping"}
# What the server is asked for that only other servers know, and what it answers.
REFUSED = {"atlasVersion": 59, "hello": 59, "getParameter": 72}


class Line:
    """A set of one member, whose name leads to a listener."""

    def __init__(self, directory, version, number):
        self.dir, self.version, self.number = directory, version, number
        self.member = Member(directory / "m", f"127.0.60.{number}", replset="rs0")
        self.listener = Listener((self.member.ip, self.member.port))
        self.member.host = f"127.0.0.1:{self.listener.port}"
        self.uri = f"mongodb://root:{PASSWORD}@{self.member.host}/?replicaSet=rs0&authSource=admin"

    def __enter__(self):
        with playing(self.version):
            self.member.start()
        with self.member.client(user=None) as c:
            c.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": self.member.host}]})
            wait_for(lambda: c.admin.command("isMaster")["ismaster"])
            c.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        return self

    def __exit__(self, *_):
        self.member.kill()
        self.listener.close()

    def program(self, argv, words=None):
        done = subprocess.run([str(a) for a in argv], input=words, capture_output=True, text=True, errors="replace",
                              timeout=patient(60), check=False, env={**os.environ, "HOME": str(self.dir)})
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout + done.stderr

    def insert(self, client):
        step = {"do": "insert", "into": "rows", "id": client.name}
        results = client.start(self.dir, [{"name": "one", "uri": self.uri, "steps": [step]}]).results()
        assert "error" not in results["one"][0], results

    def runs(self, programs):
        """(who, what runs it), of those that are installed."""
        for name, client in programs.items():
            yield name, lambda c=client: self.insert(c)
        if "mongosh" in programs:
            shell = [INSTALLED / f"node-{era(self.version)}/node_modules/.bin/mongosh", "--norc", self.uri]
            words = "use shop\ndb.rows.insertOne({_id: 'typed'})\nexit\n"
            yield "mongosh as a terminal", lambda: self.program(shell, words)
        if (INSTALLED / "tools/installed").exists():
            dump = self.dir / "dump"
            yield "mongodump", lambda: self.program([INSTALLED / "tools/mongodump", "--uri", self.uri, "--out", dump])
            yield "mongorestore", lambda: self.program(
                [INSTALLED / "tools/mongorestore", "--uri", self.uri, "--drop", dump])


@pytest.fixture(scope="module")
def heard(version, programs, tmp_path_factory):
    """{who: (what it printed, [(database, command, reply)])}"""
    directory = tmp_path_factory.mktemp(f"commands-{version}")
    with Line(directory, version, 1 + int(float(version) * 10)) as line:
        out = {}
        for who, run in line.runs(programs):
            line.listener.asked.clear()
            said = run()
            out[who] = (said, list(line.listener.asked))
        return out


@pytest.fixture
def asked(heard, who):
    if who not in heard:
        pytest.skip(f"{who} could not be installed")
    return heard[who][1]


def table():
    """{(who, era): commands} from the README."""
    rows = re.findall(r"^\| ([\w ]+?) \| (4\.2|4\.4 and later) \| (.*) \|$", README.read_text(encoding="utf-8"), re.M)
    return {(who, "4.2" if since == "4.2" else "current"): set(re.findall(r"\w+", words)) for who, since, words in rows}


@pytest.mark.parametrize("who", WHO)
def test_it_sends_what_the_table_says(asked, who, version):
    seen, listed = {next(iter(command)) for _, command, _ in asked}, table()[who, era(version)]
    assert seen <= listed and listed <= seen | AT_ANY_TIME


@pytest.mark.parametrize("who", WHO)
def test_each_command_is_answered(asked):
    for _, command, reply in asked:
        name = next(iter(command))
        assert reply["ok"] == 1 or reply.get("code", 72) == REFUSED.get(name), (command, reply)
        assert "writeErrors" not in reply, (command, reply)


def test_the_terminal_shows_where_it_is(heard, version):
    if "mongosh as a terminal" not in heard:
        pytest.skip("mongosh could not be installed")
    said, _ = heard["mongosh as a terminal"]
    assert re.search(rf"Using MongoDB:\s+{version}\.\d", said), said
    assert "rs0 [primary] test>" in said and "rs0 [primary] shop>" in said
    assert "acknowledged: true" in said and "insertedId: 'typed'" in said
