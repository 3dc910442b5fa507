"""What the stand-in plays differently as a newer server: STANDIN_VERSION."""

import json
import os
import pathlib
import signal
import socket
import struct
import sys
import time

import bson
import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
from patience import patient  # noqa: E402
import processes as fleet  # noqa: E402

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in plays versions", allow_module_level=True)

WIRE = {"4.2": 8, "4.4": 9, "5.0": 13, "6.0": 17, "7.0": 21, "8.0": 25}
QUICK = {"heartbeatIntervalMillis": 200}


def number(version):
    return tuple(int(part) for part in version.split("."))


@pytest.fixture(params=sorted(WIRE))
def version(request, monkeypatch):
    monkeypatch.setenv("STANDIN_VERSION", request.param)
    return request.param


EXHAUST_ALLOWED, MORE_TO_COME = 1 << 16, 1 << 1


def send_raw(connection, number, flags=0, **command):
    body = struct.pack("<I", flags) + b"\0" + bson.encode({**command, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", 16 + len(body), number, 0, 2013) + body)


def receive_raw(connection):
    """(request id, what it answers, whether another one follows, document)"""
    length, number, answers, _ = struct.unpack("<iiii", connection.recv(16, socket.MSG_WAITALL))
    body = connection.recv(length - 16, socket.MSG_WAITALL)
    return number, answers, bool(struct.unpack("<I", body[:4])[0] & MORE_TO_COME), bson.decode(body[5:])


def ask_raw(connection, **command):
    """One OP_MSG on a socket, where a driver would rather go elsewhere; the reply's document."""
    send_raw(connection, 1, **command)
    return receive_raw(connection)[3]


def query_raw(connection, **command):
    """The same as OP_QUERY."""
    body = struct.pack("<i", 4) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson.encode(command)
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, 2004) + body)
    length = struct.unpack("<i", connection.recv(16, socket.MSG_WAITALL)[:4])[0]
    return bson.decode(connection.recv(length - 16, socket.MSG_WAITALL)[20:])


def connected(member):
    return socket.create_connection((member.ip, member.port), patient(5))


def single(tmp_path, ip, **more):
    return fleet.Member(tmp_path / "m", ip, replset=None, keyfile=False, **more)


def reconfigured(client, change, **more):
    """The set's configuration, changed and given back; ten seconds are enough for it."""
    config = client.admin.command("replSetGetConfig")["config"]
    config["version"] += 1
    change(config)
    return client.admin.command("replSetReconfig", config, maxTimeMS=10000, **more)


def refused(client, *command, **fields):
    with pytest.raises((pymongo.errors.OperationFailure, pymongo.errors.AutoReconnect)) as e:
        client.admin.command(*command, **fields)
    return e.value.details


def test_a_set(tmp_path, version):
    """One set per version: roles, reconfiguration, refusals, the log, a handover under a writing driver."""
    newer, modern = number(version) >= (4, 4), number(version) >= (5, 0)
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c, s.others(p)[0].client() as o:
            role = c.admin.command("isMaster")
            assert role["ismaster"] and role["maxWireVersion"] == WIRE[version]
            assert c.admin.command("buildInfo")["version"].startswith(version + ".")
            assert ("topologyVersion" in role) == newer
            if newer:
                hello = c.admin.command("hello", helloOk=True)
                assert hello["isWritablePrimary"] and hello["helloOk"] and "ismaster" not in hello
            else:
                assert refused(c, "hello")["code"] == 59
            config = c.admin.command("replSetGetConfig")["config"]
            assert ("term" in config) == newer and (config.get("term", 1) == 1)
            assert ("secondaryDelaySecs" if modern else "slaveDelay") in config["members"][0]
            assert list(config).index("members") == (3 if modern else 4 + newer)
            whole = c.admin.command("replSetGetStatus")
            assert (whole.get("votingMembersCount"), whole.get("writableVotingMembersCount")) == ((3, 3) if newer else (None, None))
            status = whole["members"]
            assert ("ip" in status[0]) == (not newer)
            assert all(("lastDurableWallTime" in m) == modern for m in status)
            assert ("configTerm" in status[0]) == newer and ("syncingTo" in status[0]) == (not newer)
            self_check_reconfiguration(c, o, config, newer)
            error = refused(o, "insert", "t", documents=[{}], txnNumber=bson.Int64(1), lsid={"id": bson.Binary(b"1" * 16, 4)})
            assert (error["code"], error["codeName"]) == (10107, "NotWritablePrimary" if modern else "NotMaster")
            assert error["errmsg"] == ("not primary" if modern else "not master")
            assert error.get("errorLabels") == (["RetryableWriteError"] if newer else None)
            assert (refused(c, "rotateCertificates")["code"] == 59) if not modern \
                else c.admin.command("rotateCertificates")["ok"]
        first = p.log_text().splitlines()[0]
        assert (json.loads(first)["s"] == "I") if newer else " I  CONTROL  [" in first
        with s.uri_client() as client:
            client.x.t.insert_one({"_id": 1})
            with p.client() as c:
                c.admin.command("replSetStepDown", 30)
            client.x.t.insert_one({"_id": 2})  # the driver finds the new primary by itself
            assert client.x.t.count_documents({}) == 2
            assert s.primary() is not p


def self_check_reconfiguration(c, o, config, newer):
    error = refused(o, "replSetReconfig", dict(config, version=9))
    assert error["code"] == 10107
    assert error["errmsg"] == (
        "New config is rejected :: caused by :: replSetReconfig should only be run on a writable PRIMARY. Current state "
        "SECONDARY;" if newer else "replSetReconfig should only be run on PRIMARY, but my state is SECONDARY; use the "
        "\"force\" argument to override")
    two_less = dict(config, version=config["version"] + 1,
                    members=[dict(m, votes=int(m["_id"] == 0), priority=int(m["_id"] == 0)) for m in config["members"]])
    if newer:
        error = refused(c, "replSetReconfig", two_less)
        assert (error["code"], error["errmsg"]) == (
            103, "Non force replica set reconfig can only add or remove at most 1 voting member.")
    one_less = dict(config, version=config["version"] + 1,
                    members=[dict(m, **({"votes": 0, "priority": 0} if m["_id"] == 2 else {})) for m in config["members"]])
    assert c.admin.command("replSetReconfig", one_less)["ok"] == 1
    fleet.wait_for(lambda: o.admin.command("replSetGetConfig")["config"]["version"] == 2)
    assert c.admin.command("replSetReconfig", dict(config, version=3))["ok"] == 1
    fleet.wait_for(lambda: o.admin.command("replSetGetConfig")["config"]["version"] == 3)


@pytest.mark.parametrize("version", ["5.0"], indirect=True)
def test_an_awaited_hello_answers_at_a_change(tmp_path, version):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c, p.client() as other:
            known = c.admin.command("hello")["topologyVersion"]
            began = time.monotonic()
            same = c.admin.command("hello", topologyVersion=known, maxAwaitTimeMS=bson.Int64(300))
            assert same["topologyVersion"] == known and 0.25 < time.monotonic() - began < patient(30)
            began = time.monotonic()
            other.admin.command("replSetStepDown", 30)
            changed = c.admin.command("hello", topologyVersion=known, maxAwaitTimeMS=bson.Int64(10000))
            assert changed["topologyVersion"]["counter"] > known["counter"] and time.monotonic() - began < patient(9)
            assert refused(c, "hello", maxAwaitTimeMS=bson.Int64(10))["code"] == 31368


@pytest.mark.parametrize("version", ["5.0", "8.0"], indirect=True)
def test_quiescing(tmp_path, version):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        m = s.others(s.primary())[0]
        m.kill()
        m.start("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=4000")
        with socket.create_connection((m.ip, m.port)) as c:
            fleet.wait_for(lambda: ask_raw(c, hello=1)["secondary"])
            began = time.monotonic()
            m.process.send_signal(signal.SIGTERM)
            fleet.wait_for(lambda: "quiesce" in m.log_text())
            error = ask_raw(c, hello=1)
            assert error["code"] == 91 and 0 < error["remainingQuiesceTimeMillis"] <= 4000
            assert error["errmsg"] == "The server is in quiesce mode and will shut down" and "topologyVersion" in error
        assert m.process.wait(patient(30)) == 0 and 3.8 < time.monotonic() - began < patient(14)  # and not the default of 15 s


@pytest.mark.parametrize("version", ["5.0"], indirect=True)
def test_certificates_are_rotated_while_it_runs(tmp_path, version):
    ca = fleet.Authority(tmp_path)
    pem = ca.issue("a.pem", ["127.0.4.7"], days=30)
    tls = {"mode": "requireTLS", "certificateKeyFile": pem, "CAFile": ca.path, "allowConnectionsWithoutCertificates": True}
    m = fleet.Member(tmp_path / "m", "127.0.4.7", replset=None, keyfile=False, tls=tls)
    options = {"tls": True, "tlsCAFile": str(ca.path)}
    try:
        m.start()
        with m.client(user=None, tls=options) as c:
            def expires():
                return c.admin.command("serverStatus")["security"]["SSLServerCertificateExpirationDate"]
            before = expires()
            ca.issue("a.pem", ["127.0.4.7"], days=300)
            assert expires() == before
            assert c.admin.command("rotateCertificates")["ok"] == 1
            assert (expires() - before).days == 270
            good = pem.read_bytes()
            pem.write_bytes(good[:len(good) // 2])
            assert refused(c, "rotateCertificates")["code"] == 140
            ca.issue("a.pem", ["127.0.4.7"], days=-2)
            assert refused(c, "rotateCertificates")["code"] == 140
            assert (expires() - before).days == 270
        with m.client(user=None, tls=options) as c:
            assert c.admin.command("ping")["ok"] == 1  # what was loaded before stays in use
    finally:
        m.kill()


def test_an_authority_is_wanted(tmp_path, version):
    ca = fleet.Authority(tmp_path)
    tls = {"mode": "requireTLS", "certificateKeyFile": ca.issue("a.pem", ["127.0.4.8"])}
    m = fleet.Member(tmp_path / "m", "127.0.4.8", replset=None, keyfile=False, tls=tls)
    m.start(wait=False)
    try:
        if number(version) >= (4, 4):
            assert m.process.wait(patient(10)) == 1
            assert "specifying a chain of trust is no longer supported" in m.out_text() + m.log_text()
        else:
            fleet.wait_for(m.listening)
    finally:
        if m.process.poll() is None:
            m.kill()


# ---- answers that stream, answers that old messages get --------------------------------------


def test_hello_streams(tmp_path, version):
    """With exhaust, one question has many answers: at once when something changed, else when the time is over."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with connected(p) as c, p.client() as other:
            first = ask_raw(c, isMaster=1)
            if number(version) < (4, 4):
                send_raw(c, 7, EXHAUST_ALLOWED, isMaster=1)
                assert receive_raw(c)[:3][1:] == (7, False)  # one answer, and no more
                return
            began = time.monotonic()
            send_raw(c, 7, EXHAUST_ALLOWED, hello=1, topologyVersion=first["topologyVersion"],
                     maxAwaitTimeMS=bson.Int64(200))
            before, answers, more, same = receive_raw(c)
            assert (answers, more, same["topologyVersion"]) == (7, True, first["topologyVersion"])
            after, answers, more, same = receive_raw(c)
            assert answers == before and more and same["isWritablePrimary"] and time.monotonic() - began > 0.35
            other.admin.command("replSetStepDown", 30)
            deadline = time.monotonic() + patient(30)
            while same["isWritablePrimary"]:  # each one chained to the one before
                last, (after, answers, more, same) = after, receive_raw(c)
                assert answers == last and more and time.monotonic() < deadline
            assert same["topologyVersion"]["counter"] > first["topologyVersion"]["counter"]
            deadline = time.monotonic() + patient(30)
            while True:  # and once nothing changes any more, each one takes its time again
                began = time.monotonic()
                receive_raw(c)
                if time.monotonic() - began > 0.15:
                    break
                assert began < deadline


@pytest.mark.parametrize("version", ["4.4", "8.0"], indirect=True)
def test_questions_that_wait_are_checked(tmp_path, version):
    m = single(tmp_path, "127.0.4.9")
    m.start()
    try:
        with connected(m) as c:
            known = ask_raw(c, hello=1)["topologyVersion"]
            later = dict(known, counter=bson.Int64(known["counter"] + 5))
            before = dict(known, counter=bson.Int64(-1))
            for fields, code in (({"topologyVersion": known}, 31368), ({"maxAwaitTimeMS": 5}, 31368),
                                 ({"topologyVersion": before, "maxAwaitTimeMS": 5}, 31372),
                                 ({"topologyVersion": known, "maxAwaitTimeMS": -5}, 31373),
                                 ({"topologyVersion": later, "maxAwaitTimeMS": 5}, 31382)):
                error = ask_raw(c, hello=1, **fields)
                assert (error["code"], error["codeName"]) == (code, f"Location{code}"), fields
            send_raw(c, 3, EXHAUST_ALLOWED, hello=1)
            assert receive_raw(c)[3]["code"] == 51756
            began = time.monotonic()  # of another process: an answer at once
            stranger = {"processId": bson.ObjectId(), "counter": bson.Int64(0)}
            assert ask_raw(c, hello=1, topologyVersion=stranger, maxAwaitTimeMS=5000)["ok"] == 1
            assert time.monotonic() - began < patient(2)
    finally:
        m.kill()


def test_old_messages(tmp_path, version):
    """OP_QUERY ends in 5.1, but for the first contact."""
    m = single(tmp_path, "127.0.4.10")
    m.start()
    try:
        with connected(m) as c:
            assert query_raw(c, isMaster=1, helloOk=True)["maxWireVersion"] == WIRE[version]
            assert query_raw(c, buildInfo=1)["ok"] == 1
            reply = query_raw(c, ping=1)
            if number(version) < (5, 1):
                assert reply["ok"] == 1
            else:
                assert (reply["ok"], reply["code"], reply["codeName"]) == (0, 352, "UnsupportedOpQueryCommand")
                assert reply["errmsg"].startswith("Unsupported OP_QUERY command: ping. The client driver may require")
    finally:
        m.kill()


# ---- safe reconfiguration -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["4.2", "4.4", "6.0"], indirect=True)
def test_a_configuration_reaches_a_majority(tmp_path, version):
    """And is in use there before the command answers (4.4 and later say so); with the others gone, it is refused."""
    with fleet.Set(tmp_path, settings={**QUICK, "electionTimeoutMillis": 20000}) as s:
        p = s.primary()
        with p.client() as c:
            reconfigured(c, lambda config: config["settings"].update(heartbeatIntervalMillis=250))
            if number(version) >= (4, 4):
                assert c.admin.command("replSetGetConfig", commitmentStatus=True)["commitmentStatus"] is True
            for m in s.others(p):
                m.kill()
            config = c.admin.command("replSetGetConfig")["config"]
            error = refused(c, "replSetReconfig", dict(config, version=config["version"] + 1), maxTimeMS=400)
            assert error["code"] == 74  # nobody answers: refused before anything is in use
            assert c.admin.command("replSetGetConfig")["config"]["version"] == config["version"]


@pytest.mark.parametrize("version", ["4.4", "6.0"], indirect=True)
def test_a_configuration_stays_when_waiting_for_it_ends(tmp_path, version):
    """Forced onto one that nobody else has yet: the next one is refused (308) until a majority has it."""
    with fleet.Set(tmp_path, settings={**QUICK, "electionTimeoutMillis": 20000}) as s:
        p = s.primary()
        others = s.others(p)
        with p.client() as c:
            for m in others:
                m.freeze()
            config = c.admin.command("replSetGetConfig")["config"]
            assert c.admin.command("replSetReconfig", config, force=True)["ok"] == 1
            forced = c.admin.command("replSetGetConfig", commitmentStatus=True)
            assert forced["commitmentStatus"] is False and forced["config"]["version"] > config["version"] + 9999
            assert forced["config"]["term"] == -1
            began = time.monotonic()
            error = refused(c, "replSetReconfig", dict(forced["config"], version=forced["config"]["version"] + 1),
                            maxTimeMS=300)
            assert 0.25 < time.monotonic() - began < patient(3)
            assert (error["code"], error["codeName"]) == (308, "CurrentConfigNotCommittedYet")
            assert error["errmsg"].startswith("New config is rejected :: caused by :: Current config with {version: ")
            for m in others:
                m.thaw()
            fleet.wait_for(lambda: c.admin.command("replSetGetConfig", commitmentStatus=True)["commitmentStatus"])
            assert reconfigured(c, lambda config: None)["ok"] == 1
            assert c.admin.command("replSetGetConfig")["config"]["term"] == 1
        with others[0].client() as o:
            assert refused(o, "replSetGetConfig", commitmentStatus=True)["code"] == 10107


def test_what_only_newer_ones_say_of_a_configuration(tmp_path, version):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        newer, modern = number(version) >= (4, 4), number(version) >= (5, 0)
        with p.client() as c:
            config = c.admin.command("replSetGetConfig")["config"]
            own = next(i for i, m in enumerate(config["members"]) if m["host"] == p.host)
            ahead = dict(config, version=config["version"] + 1)

            def members(**change):
                return dict(ahead, members=[dict(m, **(change if i == own else {})) for i, m in enumerate(ahead["members"])])

            error = refused(c, "replSetReconfig", members(priority=0), maxTimeMS=5000)
            assert error["code"] == (104 if newer else 103)
            assert f"is not electable under the new configuration {'with {version: 2, term: 1}' if newer else 'version 2'} for" \
                in error["errmsg"]
            error = refused(c, "replSetReconfig", members(host="127.0.9.9:1"), maxTimeMS=5000)
            assert error["code"] == (74 if newer else 103)
            assert f"new configuration {'with {version: 2, term: 1}' if newer else '2'} for replica set rs0 maps to this node" \
                in error["errmsg"]
            stale = refused(c, "replSetReconfig", config, maxTimeMS=5000)
            assert stale["code"] == 103 and ("version and term must be greater" in stale["errmsg"]) == newer
            settings = dict(config["settings"], getLastErrorDefaults={"w": 2, "wtimeout": 0})
            if modern:
                assert refused(c, "replSetReconfig", dict(ahead, settings=settings), maxTimeMS=5000)["code"] == 5624102
            else:
                assert c.admin.command("replSetReconfig", dict(ahead, settings=settings), maxTimeMS=5000)["ok"] == 1


@pytest.mark.parametrize("version", ["4.2", "4.4", "5.0", "8.0"], indirect=True)
def test_a_new_member_votes_when_it_has_caught_up(tmp_path, version):
    """From 5.0 on the primary installs it without a vote, and a configuration of its own later gives it one."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        new = fleet.Member(tmp_path / "d", "127.0.3.4")
        s.members.append(new)
        p = s.primary()
        modern = number(version) >= (5, 0)
        with p.client() as c:
            added = {"_id": 7, "host": new.host}
            if modern:
                given = refused(c, "replSetReconfig", dict(c.admin.command("replSetGetConfig")["config"], version=2,
                                members=[{"_id": 0, "host": p.host, "newlyAdded": "x", "colour": 1}]), maxTimeMS=5000)
                assert given["code"] == 93
            reconfigured(c, lambda config: config["members"].append(added))  # nobody there yet
            config = c.admin.command("replSetGetConfig")["config"]
            assert config["version"] == 2 and "newlyAdded" not in config["members"][3]
            assert config["members"][3]["votes"] == 1
            votes = c.admin.command("replSetGetStatus")["majorityVoteCount"]
            assert votes == (2 if modern else 3)
            new.start()
            fleet.wait_for(lambda: s.states(p).get(new.host) == "SECONDARY")
            if modern:
                fleet.wait_for(lambda: c.admin.command("replSetGetConfig")["config"]["version"] == 3)
            fleet.wait_for(lambda: c.admin.command("replSetGetStatus")["majorityVoteCount"] == 3)
            assert c.admin.command("replSetGetConfig")["config"]["version"] == (3 if modern else 2)


# ---- write concerns -----------------------------------------------------------------------------


def test_what_a_write_waits_for_when_nothing_is_said(tmp_path, version):
    """Until 5.0 nobody; then a majority, unless an arbiter makes that too much to ask, or a default was set."""
    with fleet.Set(tmp_path, settings={**QUICK, "electionTimeoutMillis": 20000}) as s:
        p = s.primary()
        modern = number(version) >= (5, 0)
        with p.client() as c:
            if number(version) < (4, 4):
                assert refused(c, "getDefaultRWConcern")["code"] == 59
            else:
                default = c.admin.command("getDefaultRWConcern")
                assert default.get("defaultWriteConcern") == ({"w": "majority", "wtimeout": 0} if modern else None)
                assert default.get("defaultWriteConcernSource") == ("implicit" if modern else None)
            for m in s.others(p):
                m.freeze()
            quick = c.x.command("insert", "t", documents=[{"_id": 1}], writeConcern={"w": 1})
            assert quick["n"] == 1
            late = c.x.command("insert", "t", documents=[{"_id": 2}], writeConcern={"wtimeout": 300})
            assert late["n"] == 1 and (late.get("writeConcernError", {}).get("code") == 64) == modern
            for m in s.others(p):
                m.thaw()
            if number(version) < (4, 4):
                assert refused(c, "setDefaultRWConcern", defaultWriteConcern={"w": 1})["code"] == 59
                return
            assert refused(c, "setDefaultRWConcern")["code"] == 2
            reply = c.admin.command("setDefaultRWConcern", defaultWriteConcern={"w": 1})
            assert reply["defaultWriteConcern"] == {"w": 1, "wtimeout": 0}
            with s.others(p)[0].client() as o:
                fleet.wait_for(lambda: ask_default(o).get("w") == 1)
            for m in s.others(p):
                m.freeze()
            assert "writeConcernError" not in c.x.command("insert", "t", documents=[{"_id": 3}])
            for m in s.others(p):
                m.thaw()


def ask_default(client):
    return client.admin.command("getDefaultRWConcern",
                                read_preference=pymongo.ReadPreference.SECONDARY).get("defaultWriteConcern", {})


@pytest.mark.parametrize("version", ["4.4", "5.0", "7.0"], indirect=True)
def test_an_arbiter_may_not_change_what_writes_wait_for(tmp_path, version):
    arbiter = {2: {"arbiterOnly": True}}
    with fleet.Set(tmp_path, settings=QUICK, member=arbiter) as s:
        p = s.primary()
        with p.client() as c:
            if number(version) >= (5, 0):
                assert c.admin.command("getDefaultRWConcern")["defaultWriteConcern"]["w"] == 1

            def without(config):
                config["members"] = [m for m in config["members"] if not m["arbiterOnly"]]

            if number(version) < (5, 0):
                assert reconfigured(c, without)["ok"] == 1
                return
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                reconfigured(c, without)
            assert e.value.code == 103 and e.value.details["errmsg"].startswith(
                "Reconfig attempted to install a config that would change the implicit default write concern. Use the "
                "setDefaultRWConcern command")
            c.admin.command("setDefaultRWConcern", defaultWriteConcern={"w": 1})
            config = c.admin.command("replSetGetConfig")["config"]
            assert reconfigured(c, without)["ok"] == 1
            # and back again: with only one writable voter, the second must not be electable at once
            other = next(m for m in config["members"] if m["host"] != p.host and not m["arbiterOnly"])

            def plain(config):
                for m in config["members"]:
                    if m["host"] == other["host"]:
                        m.update(votes=0, priority=0)

            reconfigured(c, plain)
            arbiter_row = next(m for m in config["members"] if m["arbiterOnly"])
            reconfigured(c, lambda k: k["members"].append(arbiter_row))

            def both(config):
                for m in config["members"]:
                    if m["host"] == other["host"]:
                        m.update(votes=1, priority=1)

            with pytest.raises(pymongo.errors.OperationFailure) as e:
                reconfigured(c, both)
            assert e.value.code == 103 and "the new config has a PSA topology" in e.value.details["errmsg"]
