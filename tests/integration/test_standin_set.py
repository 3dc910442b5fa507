"""A replica set of real processes: electing, replicating, surviving, handing over."""

import pathlib
import sys
import threading
import time

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
from patience import patient  # noqa: E402
import processes as fleet  # noqa: E402

# elections by time-out take the default (10 s) where none is wanted; else they are fast enough for a test
QUICK = {"heartbeatIntervalMillis": 200}
ELECTING = dict(QUICK, electionTimeoutMillis=1000)


def refusal(action, *args, **more):
    """Code and message of the error that the server answers with."""
    with pytest.raises((pymongo.errors.OperationFailure, pymongo.errors.NotMasterError)) as e:
        action(*args, **more)
    return e.value.details["code"], e.value.details["errmsg"]


class Writer(threading.Thread):
    """Inserts numbered documents with majority concern until told to stop; remembers what was acknowledged."""

    def __init__(self, client):
        super().__init__()
        self.collection = client.probe.t
        self.acknowledged, self.errors, self.pause, self.stopping = [], [], 0.0, False
        self.start()

    def run(self):
        number, last = 0, time.monotonic()
        while not self.stopping:
            number += 1
            try:
                self.collection.insert_one({"_id": number})
                self.acknowledged.append(number)
                now = time.monotonic()
                self.pause, last = max(self.pause, now - last), now
            except pymongo.errors.PyMongoError as e:
                self.errors.append(repr(e)[:300])
            time.sleep(0.002)

    def writes_on(self):
        """Returns when the set has taken some more: PyMongo tries a write again only once."""
        before = len(self.acknowledged)
        fleet.wait_for(lambda: len(self.acknowledged) >= before + 10)

    def end(self):
        self.stopping = True
        self.join()
        stored = {d["_id"] for d in self.collection.find()}
        lost = set(self.acknowledged) - stored
        assert self.acknowledged and not lost
        return self


def test_set_up_and_users(tmp_path):
    began = time.monotonic()
    with fleet.Set(tmp_path) as s:
        assert time.monotonic() - began < patient(9)
        a = s.members[0]
        with a.client(user=None) as c:
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.admin.command("replSetGetStatus")
            assert (e.value.code, e.value.details["errmsg"]) == (13, "command replSetGetStatus requires authentication")
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.admin.command("hello")
            assert (e.value.code, e.value.details["errmsg"]) == (59, "no such command: 'hello'")
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
            with a.client(authMechanism=mechanism) as c:
                assert c.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"] == \
                    [{"user": "root", "db": "admin"}]
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                with a.client(password="wrong", authMechanism=mechanism) as c:
                    c.admin.command("ping")
                    c.admin.command("serverStatus")
            assert e.value.code == 18
        with s.uri_client() as c:
            c.admin.command("createUser", "watch", pwd="w", roles=["clusterMonitor", {"role": "read", "db": "x"}])
            for code, command in ((51003, ("createUser", "watch")), (31, ("createUser", "other"))):
                with pytest.raises(pymongo.errors.OperationFailure) as e:
                    c.admin.command(*command, pwd="w", roles=["root" if code == 51003 else "nosuch"])
                assert e.value.code == code
            users = c.admin.command("usersInfo", "watch")["users"]
            assert users[0]["mechanisms"] == ["SCRAM-SHA-1", "SCRAM-SHA-256"]
            c.x.t.insert_one({"_id": 1})
        with s.members[1].client(user="watch", password="w") as c:
            assert c.admin.command("replSetGetStatus")["myState"] == 2
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.admin.command("setParameter", 1, logLevel=1)
            assert e.value.code == 13 and "not authorized on admin to execute command { setParameter: 1" in str(e.value)
            fleet.wait_for(lambda: c.x.t.find_one({"_id": 1}))


def test_keys_are_the_same_and_come_late_after_a_restart(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        def key(m):
            with m.client() as c:
                return c.admin.command("ping").get("$clusterTime", {}).get("signature", {}).get("keyId")
        fleet.wait_for(lambda: all(key(m) for m in s.members))
        assert len({key(m) for m in s.members}) == 1
        m = s.others(s.primary())[0]
        wanted = key(m)

        def first_answer():
            m.kill()
            m.start()
            with m.client(user=None) as c:
                return fleet.wait_for(lambda: (r := c.admin.command("isMaster"))["secondary"] and r, every=0.005)
        assert any("$clusterTime" not in first_answer() for _ in range(10))  # there is such a moment, and it is short
        fleet.wait_for(lambda: key(m) == wanted, 30)


def test_kill_of_the_primary_loses_nothing(tmp_path):
    with fleet.Set(tmp_path, settings=ELECTING) as s, s.uri_client() as client:
        writer = Writer(client)
        for _ in range(3):
            p = s.primary()
            writer.writes_on()
            p.kill()
            s.primary()
            p.start()
            fleet.wait_for(lambda: set(s.states(s.primary()).values()) == {"PRIMARY", "SECONDARY"})
        writer.end()
        assert writer.errors == []


def test_uncommitted_writes_are_rolled_back(tmp_path):
    with fleet.Set(tmp_path, settings=dict(QUICK, electionTimeoutMillis=20000)) as s:
        p = s.primary()
        others = s.others(p)
        with p.client() as c:
            c.x.get_collection("t", write_concern=pymongo.WriteConcern("majority")).insert_one({"_id": "kept"})
            for o in others:
                o.kill()
            c.x.get_collection("t", write_concern=pymongo.WriteConcern(1)).insert_one({"_id": "dropped"})
            reply = c.x.command("insert", "t", documents=[{"_id": "unsure"}],
                                writeConcern={"w": "majority", "wtimeout": 100}, check=False)
            assert reply["n"] == 1 and reply["writeConcernError"]["code"] == 64
        p.kill()
        for o in others:
            o.start()
        with others[0].client(user=None) as c, others[1].client(user=None) as d:
            fleet.wait_for(lambda: "$clusterTime" in c.admin.command("isMaster"))  # it signs
            fleet.wait_for(lambda: d.admin.command("isMaster")["secondary"])
        assert others[0].admin("replSetStepUp", fields={"skipDryRun": True})["ok"] == 1
        s.primary()
        with s.uri_client() as c:
            c.x.t.insert_one({"_id": "new"})
            p.start()
            fleet.wait_for(lambda: s.states(s.primary())[p.host] == "SECONDARY")

            def ids():
                with p.client() as d:
                    return {x["_id"] for x in d.x.t.find()}
            fleet.wait_for(lambda: ids() == {"kept", "new"})
            assert p.admin("replSetGetRBID")["rbid"] == 2


def test_stepdown_hands_over(tmp_path):
    with fleet.Set(tmp_path) as s, s.uri_client() as client:
        writer = Writer(client)
        writer.writes_on()
        p = s.primary()
        began = time.monotonic()
        with p.client() as c:
            for value, code in ((5, 2), (-1, 2)):
                assert refusal(c.admin.command, "replSetStepDown", value)[0] == code
            assert c.admin.command("replSetStepDown", 30)["ok"] == 1
            new = s.primary()
            assert new is not p and time.monotonic() - began < patient(9)  # sooner than by time-out
            assert c.admin.command("ping")["ok"] == 1  # the connection stays
            assert refusal(c.admin.command, "replSetStepDown", 30) == (10107, "not primary so can't step down")
            assert c.admin.command("replSetFreeze", 0)["info"] == "unfreezing"
        writer.writes_on()
        began = time.monotonic()
        assert new.stop() == 0  # SIGTERM hands over too
        assert s.primary() is not new and time.monotonic() - began < patient(9)
        writer.writes_on()
        writer.end()
        assert writer.errors == [] and writer.pause < 9


def test_the_preferred_of_the_others_takes_over(tmp_path):
    with fleet.Set(tmp_path, member={0: {"priority": 5}, 2: {"priority": 3}}) as s:
        a, _, c = s.members
        assert s.primary() is a

        def level(primary):
            rows = primary.admin("replSetGetStatus")["members"]
            return {r["stateStr"] for r in rows} == {"PRIMARY", "SECONDARY"} and all(
                r["optime"] == rows[0]["optime"] for r in rows)
        for _ in range(2):
            fleet.wait_for(lambda: level(a))
            with a.client() as client:
                client.admin.command("replSetStepDown", 60)
            assert s.primary() is c
            fleet.wait_for(lambda: level(c))
            with a.client() as client, c.client() as other:
                client.admin.command("replSetFreeze", 0)
                other.admin.command("replSetStepDown", 60)
            assert s.primary() is a
            with c.client() as other:
                other.admin.command("replSetFreeze", 0)


def test_stepdown_without_a_successor_fails(tmp_path):
    with fleet.Set(tmp_path, settings=dict(QUICK, electionTimeoutMillis=6000)) as s:
        p = s.primary()
        for o in s.others(p):
            o.kill()
        fleet.wait_for(lambda: list(s.states(p).values()).count("(not reachable/healthy)") == 2)
        with p.client() as c:
            code, text = refusal(c.admin.command, "replSetStepDown", 10, secondaryCatchUpPeriodSecs=1)
            assert code == 262 and text.startswith("No electable secondaries caught up as of")
        fleet.wait_for(lambda: s.states(p)[p.host] == "SECONDARY")  # no majority in sight
        assert set(s.states(p).values()) == {"SECONDARY", "(not reachable/healthy)"}


def test_reconfiguration(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c, s.others(p)[0].client() as o:
            config = c.admin.command("replSetGetConfig")["config"]

            def error(client=c, **change):
                return refusal(client.admin.command, "replSetReconfig", {**config, **change})
            assert error(o, version=2) == (10107, "replSetReconfig should only be run on PRIMARY, but my state is "
                                                  "SECONDARY; use the \"force\" argument to override")
            assert error() == (103, "New replica set configuration version must be greater than old, but 1 is not "
                                    "greater than 1 for replica set rs0")
            assert error(version=2, bogus=1) == (93, "Unexpected field bogus in replica set configuration")
            assert error(version=2, _id="other") == (93, "Attempting to reconfigure a replica set with name other, but "
                                                         "command line reports rs0; rejecting")
            members = [dict(m) for m in config["members"]]
            members[1]["host"] = members[0]["host"]
            assert error(version=2, members=members) == (
                103, f"Found two member configurations with same host field, members.0.host == members.1.host == "
                     f"{members[0]['host']}")
            third = config["members"][s.members.index(s.others(p)[1])]
            third["priority"] = 5
            config["settings"]["electionTimeoutMillis"] = 1000
            config["version"] = 2
            assert c.admin.command("replSetReconfig", config)["ok"] == 1
            fleet.wait_for(lambda: o.admin.command("replSetGetConfig")["config"]["version"] == 2)
        # a higher priority takes over by itself
        fleet.wait_for(lambda: s.primary() is s.others(p)[1])


def test_an_empty_member_copies_everything(tmp_path):
    with fleet.Set(tmp_path, ips=("127.0.3.1", "127.0.3.2"), settings=QUICK) as s:
        with s.uri_client() as c:
            c.x.t.insert_many({"_id": i} for i in range(2000))
            extra = fleet.Member(tmp_path / "z", "127.0.3.9").start()
            arbiter = fleet.Member(tmp_path / "y", "127.0.3.8").start()
            s.members += [extra, arbiter]
            config = c.admin.command("replSetGetConfig")["config"]
            config["version"] += 1
            config["members"].append({"_id": 7, "host": extra.host, "votes": 0, "priority": 0})
            config["members"].append({"_id": 8, "host": arbiter.host, "arbiterOnly": True})
            c.admin.command("replSetReconfig", config)
            fleet.wait_for(lambda: s.states()[extra.host] == "SECONDARY" and s.states()[arbiter.host] == "ARBITER")
            with extra.client() as d:
                fleet.wait_for(lambda: d.x.t.count_documents({}) == 2000)
            with arbiter.client(user=None) as d:
                assert d.admin.command("isMaster")["arbiterOnly"]
                assert d.admin.command("getParameter", 1, tlsMode=1)["tlsMode"] == "disabled"
                with pytest.raises(pymongo.errors.OperationFailure) as e:
                    d.admin.command("setParameter", 1, tlsMode="preferTLS")
                assert e.value.code == 13
            assert arbiter.admin("serverStatus")["repl"]["arbiterOnly"]


def test_a_retried_write_is_done_once(tmp_path):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        with s.primary().client() as c, c.start_session() as session:
            insert = {"documents": [{"_id": 1}], "session": session, "txnNumber": pymongo.client_session.Int64(1)}
            for _ in range(2):
                assert c.x.command("insert", "t", **insert)["n"] == 1
            update = {"updates": [{"q": {"_id": 1}, "u": {"$inc": {"n": 1}}}], "session": session,
                      "txnNumber": pymongo.client_session.Int64(2)}
            for _ in range(2):
                assert c.x.command("update", "t", **update)["nModified"] == 1
            assert c.x.t.find_one() == {"_id": 1, "n": 1}
            with pytest.raises(pymongo.errors.DuplicateKeyError):
                c.x.t.insert_one({"_id": 1})
