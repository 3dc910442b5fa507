"""Members of the stand-in that lose power at any moment, and the proof that the test would notice. `make crashes`: more."""

import os
import re
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import bson
import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / d) for d in ("standin", "crashes", "faults")]
import crashes  # noqa: E402
import faults  # noqa: E402
import processes  # noqa: E402
from patience import patient, sample  # noqa: E402

CRASHES = 60
PROGRAM = Path(__file__).resolve().parents[1] / "crashes" / "crashes.py"

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in crashes on demand", allow_module_level=True)


def crash(*arguments):
    done = subprocess.run([sys.executable, str(PROGRAM), "--seed", "4", *arguments], text=True, capture_output=True,
                          timeout=patient(600), check=False)
    counts = re.search(r"(\d+) crashes, (\d+) writes .* (\d+) violations$", done.stdout.strip())
    assert counts, done.stdout + done.stderr
    return (*map(int, counts.groups()), done.stdout)


def test_what_a_majority_has_stays(time_for_a_sample):
    seconds = sample(400)
    crashes_seen, writes, violations, text = crash("--crashes", str(CRASHES), "--seconds", f"{seconds:.0f}")
    assert violations == 0, text
    if crashes_seen < CRASHES and seconds < patient(400):
        time_for_a_sample("crashes", crashes_seen, CRASHES)
    else:
        assert crashes_seen >= CRASHES and writes > 30, text


@pytest.mark.parametrize("part", ["majority", "terms", "sync"])
def test_it_would_be_noticed(part, tmp_path, monkeypatch):
    """By chance, so by the fortieth seed at the latest: one in two or three shows it. What is not synced is lost when
    syncing takes a while: with 30 ms each seed shows it, on a disk that takes no time hardly any."""
    if part == "sync":
        for name, value in faults.Shim(tmp_path, sync_ms=30).environment.items():
            monkeypatch.setenv(name, value)
    assert any(crash("--seconds", f"{patient(8):.0f}", "--sets", "3", "--break", part, "--seed", str(seed))[2]
               for seed in range(4, 44))


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


# ---- what was written in another term counts only once something of the own term does ---------------


class Pretender(threading.Thread):
    """A member that only says that it is well, gives its vote, and reads the primary's log as it pleases."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.listener = socket.create_server(address)
        self.term, self.version = 0, 1
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            while len(head := connection.recv(16, socket.MSG_WAITALL)) == 16:
                length, number, _, _ = struct.unpack("<iiii", head)
                reply = b"\0\0\0\0\0" + bson.encode(self.answer(
                    bson.decode(connection.recv(length - 16, socket.MSG_WAITALL)[5:])))
                connection.sendall(struct.pack("<iiii", 16 + len(reply), number, number, 2013) + reply)

    def answer(self, asked):
        self.term = max(self.term, asked.get("term", 0))
        self.version = max(self.version, asked.get("configVersion", 1))
        nothing = {"ts": bson.Timestamp(0, 0), "t": bson.Int64(-1)}
        return {"ok": 1.0, "state": 2, "v": self.version, "configTerm": -1, "set": "rs0", "hbmsg": "", "opTime": nothing,
                "durableOpTime": nothing, "term": bson.Int64(self.term), "voteGranted": True, "reason": "",
                "lastApplied": nothing}


@pytest.fixture
def other_term(tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAST", "1")
    member = processes.Member(tmp_path / "m", "127.0.29.2", keyfile=False)
    yield member, [Pretender(("127.0.29.3", processes.free_port("127.0.29.3"))) for _ in range(2)]
    member.kill()


def test_entries_of_other_terms_are_not_committed_by_themselves(other_term):
    """A majority has a write of the term before, and nothing of this one: somebody else may still be elected without it."""
    member, others = other_term
    member.start()

    def ask(db="admin", **command):
        return crashes.Link(member).ask(**command, **{"$db": db})

    def optimes():
        return ask(replSetGetStatus=1)["optimes"]
    config = {"_id": "rs0", "members": [{"_id": 0, "host": member.host}],
              "settings": dict(crashes.SETTINGS, electionTimeoutMillis=5000)}
    assert ask(replSetInitiate=config)["ok"] == 1
    processes.wait_for(lambda: ask(isMaster=1)["ismaster"])
    config = ask(replSetGetConfig=1)["config"]
    config["members"] += [{"_id": i, "host": "%s:%d" % p.listener.getsockname()} for i, p in enumerate(others, 1)]
    assert ask(replSetReconfig=config, force=True)["ok"] == 1
    processes.wait_for(lambda: ask(isMaster=1)["ismaster"])
    assert ask(insert="t", documents=[{"_id": 1}], db="x", writeConcern={"w": 1})["ok"] == 1
    written = optimes()["appliedOpTime"]
    member.kill()
    member.start()
    processes.wait_for(lambda: ask(isMaster=1)["ismaster"])
    now = optimes()
    term = ask(replSetGetStatus=1)["term"]
    assert term > written["t"] and now["appliedOpTime"]["t"] == term

    def pull(after):
        return ask(_standinPull=1, after=after, commit={"ts": bson.Timestamp(0, 0), "t": bson.Int64(-1)},
                   term=bson.Int64(term), **{"from": 1}, waitMS=bson.Int64(0))
    reply = pull(written)
    assert reply["matched"] and reply["entries"]
    committed = optimes()["lastCommittedOpTime"]
    assert (committed["t"], committed["ts"]) < (written["t"], written["ts"])
    pull(optimes()["appliedOpTime"])  # now it has something of this term, too, and with it all before
    processes.wait_for(lambda: optimes()["lastCommittedOpTime"]["t"] == term)
