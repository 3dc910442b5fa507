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
import processes as fleet  # noqa: E402

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in plays versions", allow_module_level=True)

WIRE = {"4.2": 8, "4.4": 9, "5.0": 13, "6.0": 17, "7.0": 21, "8.0": 25}
QUICK = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}


def number(version):
    return tuple(int(part) for part in version.split("."))


@pytest.fixture(params=sorted(WIRE))
def version(request, monkeypatch):
    monkeypatch.setenv("STANDIN_VERSION", request.param)
    return request.param


def ask_raw(connection, **command):
    """One OP_MSG on a socket, where a driver would rather go elsewhere; the reply's document."""
    body = struct.pack("<i", 0) + b"\0" + bson.encode({**command, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body)
    head = connection.recv(16, socket.MSG_WAITALL)
    return bson.decode(connection.recv(struct.unpack("<i", head[:4])[0] - 16, socket.MSG_WAITALL)[5:])


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
            status = c.admin.command("replSetGetStatus")["members"]
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
            assert same["topologyVersion"] == known and 0.25 < time.monotonic() - began < 1
            began = time.monotonic()
            other.admin.command("replSetStepDown", 30)
            changed = c.admin.command("hello", topologyVersion=known, maxAwaitTimeMS=bson.Int64(10000))
            assert changed["topologyVersion"]["counter"] > known["counter"] and time.monotonic() - began < 3
            assert refused(c, "hello", maxAwaitTimeMS=bson.Int64(10))["code"] == 31368


@pytest.mark.parametrize("version", ["5.0", "8.0"], indirect=True)
def test_quiescing(tmp_path, version):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        m = s.others(s.primary())[0]
        m.kill()
        m.start("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1500")
        with socket.create_connection((m.ip, m.port)) as c:
            fleet.wait_for(lambda: ask_raw(c, hello=1)["secondary"])
            began = time.monotonic()
            m.process.send_signal(signal.SIGTERM)
            fleet.wait_for(lambda: "quiesce" in m.log_text())
            error = ask_raw(c, hello=1)
            assert error["code"] == 91 and 0 < error["remainingQuiesceTimeMillis"] <= 1500
            assert error["errmsg"] == "The server is in quiesce mode and will shut down" and "topologyVersion" in error
        assert m.process.wait(10) == 0 and 1.3 < time.monotonic() - began < 4


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
            assert m.process.wait(10) == 1
            assert "specifying a chain of trust is no longer supported" in m.out_text() + m.log_text()
        else:
            fleet.wait_for(m.listening)
    finally:
        if m.process.poll() is None:
            m.kill()
