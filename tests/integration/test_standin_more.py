"""Quorum checks, finding oneself, catching up, users' changes, the fsync lock."""

import pathlib
import socket
import struct
import sys
import threading
import time

import bson
import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
from patience import patient  # noqa: E402
import processes as fleet  # noqa: E402

QUICK = {"heartbeatIntervalMillis": 200}


def refusal(client, *command, **fields):
    with pytest.raises(pymongo.errors.OperationFailure) as e:
        client.admin.command(*command, **fields)
    return e.value.code, e.value.details["errmsg"]


def test_a_quorum_must_answer(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            config = c.admin.command("replSetGetConfig")["config"]
            dead = [{"_id": 10 + i, "host": f"127.0.3.{60 + i}:1"} for i in range(4)]
            code, text = refusal(c, "replSetReconfig", dict(config, version=2, members=config["members"] + dead))
            assert code == 74
            assert text.startswith("Quorum check failed because not enough voting nodes responded; required 4 but only the "
                                   "following 3 voting nodes responded: ")
            assert all(d["host"] in text for d in dead)
            assert c.admin.command("replSetGetConfig")["config"]["version"] == 1
            # one that doesn't answer is no hindrance
            assert c.admin.command("replSetReconfig", dict(config, version=2, members=config["members"] + dead[:1]))["ok"]


def test_initiating_wants_everybody(tmp_path):
    m = fleet.Member(tmp_path / "m", "127.0.3.1", keyfile=False).start()
    try:
        with m.client(user=None) as c:
            code, text = refusal(c, "replSetInitiate", {"_id": "rs0", "members": [
                {"_id": 0, "host": m.host}, {"_id": 1, "host": "127.0.3.61:1"}]})
            assert code == 74 and text.startswith("replSetInitiate quorum check failed because not all proposed set members "
                                                  "responded affirmatively: 127.0.3.61:1 failed with ")
            assert refusal(c, "replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": "127.0.3.61:1"}]}) == (
                93, "No host described in new configuration 1 for replica set rs0 maps to this node")
            assert refusal(c, "replSetGetStatus")[0] == 94
            assert refusal(c, "replSetInitiate", {"_id": "rs0", "members": [
                {"_id": 0, "host": m.host}, {"_id": 1, "host": "db.example.net:1"}]}) == (
                93, "Either all host names in a replica set configuration must be localhost references, or none must be; "
                    "found 1 out of 2")
    finally:
        m.kill()


def test_members_keep_their_numbers(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            config = c.admin.command("replSetGetConfig")["config"]
            other = next(i for i, m in enumerate(config["members"]) if m["host"] != p.host)

            def change(**fields):
                members = [dict(m, **(fields if i == other else {})) for i, m in enumerate(config["members"])]
                return refusal(c, "replSetReconfig", dict(config, version=2, members=members))
            host = config["members"][other]["host"]
            assert change(_id=9) == (103, f"New and old configurations both have members with host of {host} but in the new "
                                     f"configuration the _id field is 9 and in the old configuration it is {other} for "
                                     "replica set rs0")
            assert change(buildIndexes=False, priority=0)[1].endswith("; to make this change, remove then re-add the member")
            assert change(votes=0) == (103, "priority must be 0 when non-voting (votes:0)")


def test_a_damaged_log_is_cut_there(tmp_path):
    """What a checksum doesn't fit is no longer there, nor what follows; it is fetched again."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        m = s.others(p)[0]
        with p.client() as c:
            c.x.command("insert", "t", documents=[{"_id": i, "text": "x" * 100} for i in range(5)],
                        writeConcern={"w": 3, "wtimeout": 9000})
        m.kill()
        log = m.dir / "db" / "standin.log"
        data = bytearray(log.read_bytes())
        at = data.rindex(b"x" * 50)
        data[at] = ord("y")
        log.write_bytes(data)
        m.start()
        fleet.wait_for(lambda: s.states(p)[m.host] == "SECONDARY")
        assert "bytes of an unfinished write at the end of the log" in m.log_text()
        with m.client() as d:
            fleet.wait_for(lambda: d.x.t.count_documents({"text": "x" * 100}) == 5)


class Forwarder(threading.Thread):
    """Another address for a member, as behind a load balancer."""

    def __init__(self, at, to):
        super().__init__(daemon=True)
        self.to, self.server = to, socket.create_server(at)
        self.start()

    def run(self):
        while True:
            try:
                incoming, _ = self.server.accept()
            except OSError:
                return
            outgoing = socket.create_connection(self.to)
            for a, b in ((incoming, outgoing), (outgoing, incoming)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_a_member_finds_itself_behind_another_address(tmp_path):
    m = fleet.Member(tmp_path / "m", "127.0.3.1", keyfile=False).start()
    forwarder = Forwarder(("127.0.3.70", m.port), (m.ip, m.port))
    try:
        with m.client(user=None) as c:
            name = f"127.0.3.70:{m.port}"
            assert c.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": name}]})["ok"] == 1
            fleet.wait_for(lambda: c.admin.command("isMaster")["ismaster"])
            assert c.admin.command("isMaster")["me"] == name
        m.kill()
        forwarder.server.shutdown(socket.SHUT_RDWR)
        forwarder.server.close()
        m.start()
        with m.client(user=None) as c:  # nobody is there under that name any more
            fleet.wait_for(lambda: "is not a member of the config" in m.log_text())
            assert c.admin.command("isMaster").get("info") == "Does not have a valid replica set config"
    finally:
        m.kill()


def test_a_new_primary_catches_up_first(tmp_path):
    ips = [f"127.0.3.{i}" for i in range(1, 5)]
    with fleet.Set(tmp_path, ips=ips, settings=dict(QUICK, electionTimeoutMillis=5000),
                   member={3: {"votes": 0, "priority": 0}}) as s:
        p = s.primary()
        witness = s.members[3]
        voters = [m for m in s.members[:3] if m is not p]
        with p.client() as c, witness.client() as d:
            c.x.command("insert", "t", documents=[{"_id": "before"}], writeConcern={"w": 4, "wtimeout": 5000})
            for m in voters:
                m.freeze()
            c.x.command("insert", "t", documents=[{"_id": "only two have this"}], writeConcern={"w": 1})
            fleet.wait_for(lambda: d.x.t.count_documents({}) == 2, every=0.005)
        p.kill()
        for m in voters:
            m.thaw()
        s.members.remove(p)
        new = s.primary()
        assert new in voters
        with new.client() as c:
            assert {x["_id"] for x in c.x.t.find()} == {"before", "only two have this"}


def test_it_is_not_writable_before(tmp_path):
    """Elected by a majority that has less than one of the others: no write before it has that, too."""
    ips = [f"127.0.3.{i}" for i in range(1, 6)]
    with fleet.Set(tmp_path, ips=ips, settings=dict(QUICK, electionTimeoutMillis=20000), member={3: {"priority": 0}}) as s:
        p = s.primary()
        ahead = s.members[3]
        behind = [m for m in s.members if m not in (p, ahead)]
        with p.client() as c, ahead.client() as d, behind[0].client() as e:
            for m in behind:
                m.admin("fsync", fields={"lock": True})  # they pull nothing
            c.x.command("insert", "t", documents=[{"_id": "one other has this"}], writeConcern={"w": 1})
            fleet.wait_for(lambda: d.x.t.count_documents({}) == 1)
            p.kill()
            assert behind[0].admin("replSetStepUp", fields={"skipDryRun": True})["ok"] == 1
            fleet.wait_for(lambda: e.admin.command("replSetGetStatus")["myState"] == 1)
            time.sleep(1.5)  # longer than it takes otherwise
            role = e.admin.command("isMaster")
            assert not role["ismaster"] and role["secondary"]
            for m in behind:
                m.admin("fsyncUnlock")
            fleet.wait_for(lambda: e.admin.command("isMaster")["ismaster"])
            assert e.x.t.find_one() == {"_id": "one other has this"}


def test_users_change(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            c.admin.command("createUser", "w", pwd="one", roles=["clusterMonitor"])
            c.admin.command("updateUser", "w", pwd="two", roles=["hostManager"])
            assert [r["role"] for r in c.admin.command("usersInfo", "w")["users"][0]["roles"]] == ["hostManager"]
            with p.client(user="w", password="two") as w:
                assert w.admin.command("logRotate")["ok"] == 1
                assert refusal(w, "replSetGetConfig")[0] == 13
            with p.client(user="w", password="one") as w:
                assert refusal(w, "serverStatus")[0] == 18
            c.admin.command("dropUser", "w")
            assert refusal(c, "dropUser", "w") == (11, "User 'w@admin' not found")
            with p.client(user="w", password="two") as w:
                assert refusal(w, "serverStatus")[0] == 18


def test_fsync_lock(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            assert c.admin.command("fsync", 1, lock=True)["lockCount"] == 1
            assert c.admin.command("fsync", 1, lock=True)["lockCount"] == 2
            done = threading.Event()

            def write():
                with p.client() as other:
                    other.x.command("insert", "t", documents=[{"_id": 1}])
                    done.set()
            writer = threading.Thread(target=write)
            writer.start()
            assert c.admin.command("fsyncUnlock")["lockCount"] == 1
            assert not done.wait(0.5)  # locked twice
            assert c.admin.command("fsyncUnlock")["info"] == "fsyncUnlock completed"
            assert done.wait(patient(5))
            writer.join()
            assert refusal(c, "fsyncUnlock")[1] == "fsyncUnlock called when not locked"
        with s.others(p)[0].client() as o, p.client() as c:
            o.admin.command("fsync", 1, lock=True)
            time.sleep(0.3)  # what it had asked for already may still come
            c.x.command("insert", "t", documents=[{"_id": 2}], writeConcern={"w": "majority", "wtimeout": 3000})
            c.x.command("insert", "t", documents=[{"_id": 3}], writeConcern={"w": "majority", "wtimeout": 3000})
            assert o.x.t.count_documents({"_id": 3}) == 0
            reply = c.x.command("insert", "t", documents=[{"_id": 4}], writeConcern={"w": 3, "wtimeout": 500}, check=False)
            assert reply["writeConcernError"]["code"] == 64
            o.admin.command("fsyncUnlock")
            fleet.wait_for(lambda: o.x.t.count_documents({}) == 4)


def test_maintenance_and_sync_sources(tmp_path):
    """A member in maintenance is RECOVERING: it answers no reads, and isn't elected."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        m, other = s.others(p)
        with p.client() as c, m.client() as d:
            assert refusal(c, "replSetMaintenance", True) == (95, "primaries can't modify maintenance mode")
            assert refusal(c, "replSetSyncFrom", m.host) == (95, "primaries don't sync")
            assert refusal(d, "replSetMaintenance", False) == (96, "already out of maintenance mode")
            assert d.admin.command("replSetMaintenance", True)["ok"] == 1
            fleet.wait_for(lambda: s.states(p)[m.host] == "RECOVERING")
            with pytest.raises(pymongo.errors.PyMongoError) as e:
                d.x.command("find", "t", read_preference=pymongo.ReadPreference.SECONDARY)
            assert e.value.details["code"] == 13436
            assert d.admin.command("replSetMaintenance", False)["ok"] == 1
            fleet.wait_for(lambda: s.states(p)[m.host] == "SECONDARY")
            assert refusal(d, "replSetSyncFrom", m.host) == (72, "I cannot sync from myself")
            assert refusal(d, "replSetSyncFrom", "x:1") == (74, 'Could not find member "x:1" in replica set')
            assert d.admin.command("replSetSyncFrom", other.host)["syncFromRequested"] == other.host
            assert refusal(c, "dropConnections")[0] == 40414


def test_dropped_connections_are_made_anew(tmp_path):
    """What members have open to each other stays as it began, until it is dropped."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        m = s.others(p)[0]
        fleet.wait_for(lambda: all(s.states(o)[m.host] == "SECONDARY" for o in s.others(m)))

        def accepted():
            return m.log_text().count("connection accepted from")
        with p.client() as c:
            before = accepted()
            time.sleep(1)  # five heartbeats
            assert accepted() == before
            assert c.admin.command("dropConnections", hostAndPort=[m.host])["ok"] == 1
            fleet.wait_for(lambda: accepted() > before)
            assert s.states(p)[m.host] == "SECONDARY"


def test_messages_that_make_no_sense(tmp_path):
    """A flag that must be understood and isn't, a message too large, a kind that there isn't: the connection ends."""
    m = fleet.Member(tmp_path / "m", "127.0.3.70", replset=None, keyfile=False).start()
    body = bson.encode({"ping": 1, "$db": "admin"})

    def outcome(flags=0, kind=0, op=2013, length=None, **more):
        with socket.create_connection((m.ip, m.port), patient(5)) as s:
            message = struct.pack("<I", flags) + bytes([kind]) + body
            s.sendall(struct.pack("<iiii", length or 16 + len(message), 1, more.get("answers", 0), op) + message)
            return "answered" if s.recv(16) else "closed"
    try:
        assert outcome() == "answered" and outcome(flags=1 << 16) == "answered"  # one that may be ignored
        assert outcome(flags=1 << 2) == "closed" and outcome(flags=1 << 15) == "closed"
        assert outcome(kind=7) == "closed" and outcome(op=2012) == "closed"
        assert outcome(length=48000001) == "closed" and outcome(length=15) == "closed"
        assert outcome(answers=-1) == "answered" and outcome(answers=5) == "closed"  # the latter is taken for TLS
    finally:
        m.kill()
