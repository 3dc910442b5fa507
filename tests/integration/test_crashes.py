"""Members of the stand-in that lose power at any moment, and the proof that the test would notice. `make crashes`: more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / d) for d in ("standin", "crashes")]
import crashes  # noqa: E402
import processes  # noqa: E402

PROGRAM = Path(__file__).resolve().parents[1] / "crashes" / "crashes.py"

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in crashes on demand", allow_module_level=True)


def crash(*arguments):
    done = subprocess.run([sys.executable, str(PROGRAM), "--seed", "4", *arguments], text=True, capture_output=True,
                          timeout=120, check=False)
    counts = re.search(r"(\d+) crashes, (\d+) writes .* (\d+) violations$", done.stdout.strip())
    assert counts, done.stdout + done.stderr
    return (*map(int, counts.groups()), done.stdout)


def test_what_a_majority_has_stays():
    crashes, writes, violations, text = crash("--seconds", "10")
    assert violations == 0, text
    assert crashes > 50 and writes > 100, text


@pytest.mark.parametrize("part", ["majority", "terms", "sync"])
def test_it_would_be_noticed(part):
    assert crash("--seconds", "10", "--sets", "1", "--break", part)[2] > 0


# ---- votes, one at a time: what a random test meets too seldom ---------------------------------


class Voter:
    """One member of a set of which nobody else is there, asked for votes as candidates ask."""

    def __init__(self, directory):
        self.member = processes.Member(directory / "m", "127.0.29.1", keyfile=False)
        self.member.start()
        config = {"_id": "rs0", "members": [{"_id": 0, "host": self.member.host}], "settings": crashes.SETTINGS}
        assert self.ask(replSetInitiate=config)["ok"] == 1
        processes.wait_for(lambda: self.ask(isMaster=1)["ismaster"])
        assert self.ask(insert="t", documents=[{"_id": 1}], db="x")["ok"] == 1
        self.earlier = self.position()
        assert self.ask(insert="t", documents=[{"_id": 2}], db="x")["ok"] == 1
        config = self.ask(replSetGetConfig=1)["config"]
        config["members"] += [{"_id": i, "host": f"127.0.29.{i}:1"} for i in (7, 8)]
        assert self.ask(replSetReconfig=config, force=True)["ok"] == 1
        processes.wait_for(lambda: self.ask(isMaster=1)["secondary"])  # it can't be elected any more
        self.version = self.ask(replSetGetConfig=1)["config"]["version"]

    def ask(self, db="admin", **command):
        return crashes.Link(self.member).ask(**command, **{"$db": db})

    def position(self):
        return self.ask(replSetGetStatus=1)["optimes"]["appliedOpTime"]

    def vote(self, term, candidate, position):
        reply = self.ask(replSetRequestVotes=1, setName="rs0", dryRun=False, term=term, candidateIndex=1,
                         candidateId=candidate, configVersion=self.version, configTerm=-1, lastCommittedOp=position)
        assert reply["ok"] == 1
        return reply["voteGranted"], reply["term"]

    def crash(self):
        self.member.kill()
        self.member.start()
        processes.wait_for(lambda: self.ask(isMaster=1)["secondary"])


@pytest.fixture
def voter(request, tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAST", "1")
    if request.param:
        monkeypatch.setenv("STANDIN_BREAK", request.param)
    one = Voter(tmp_path)
    yield one
    one.member.kill()


def votes_twice(voter):
    here = voter.position()
    assert voter.vote(50, 7, here) == (True, 50)
    assert voter.vote(50, 7, here) == (True, 50)  # the same one may ask again
    assert voter.vote(50, 8, here) == (False, 50)
    voter.crash()
    return voter.vote(50, 8, here)[0]


def votes_backwards(voter):
    """For somebody in a term that is over, after a restart."""
    assert voter.vote(50, 7, voter.position())[0]
    voter.crash()
    return voter.vote(30, 8, voter.position())[0]


def votes_for_who_has_less(voter):
    assert voter.vote(49, 8, voter.position())[0]
    return voter.vote(50, 7, voter.earlier)[0]


@pytest.mark.parametrize("voter", [None], indirect=True)
@pytest.mark.parametrize("wrong", [votes_twice, votes_backwards, votes_for_who_has_less])
def test_votes(voter, wrong):
    assert not wrong(voter)


@pytest.mark.parametrize("voter, wrong", [("votes", votes_twice), ("terms", votes_backwards), ("stale", votes_for_who_has_less)], indirect=["voter"])
def test_wrong_votes_would_be_noticed(voter, wrong):
    assert wrong(voter)
