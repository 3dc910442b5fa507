"""What the stand-in plays differently as a newer server: STANDIN_VERSION."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import socket
import sys
import time

import bson
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402
from raw import EXHAUST_ALLOWED, ask_raw, connected, query_raw, receive_raw, send_raw  # noqa: E402
from versions import QUICK, WIRE, number, refused, single, version  # noqa: E402  pylint: disable=unused-import

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in plays versions", allow_module_level=True)


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
            assert same["topologyVersion"] == known and 0.25 < time.monotonic() - began < 30
            began = time.monotonic()
            other.admin.command("replSetStepDown", 30)
            changed = c.admin.command("hello", topologyVersion=known, maxAwaitTimeMS=bson.Int64(10000))
            assert changed["topologyVersion"]["counter"] > known["counter"] and time.monotonic() - began < 9
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
        assert m.process.wait(30) == 0 and 3.8 < time.monotonic() - began < 14  # and not the default of 15 s


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
            deadline = time.monotonic() + 30
            while same["isWritablePrimary"]:  # each one chained to the one before
                last, (after, answers, more, same) = after, receive_raw(c)
                assert answers == last and more and time.monotonic() < deadline
            assert same["topologyVersion"]["counter"] > first["topologyVersion"]["counter"]
            deadline = time.monotonic() + 30
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
                                 ({"topologyVersion": known, "maxAwaitTimeMS": -5}, 31373 if version == "4.4" else 51024),
                                 ({"topologyVersion": later, "maxAwaitTimeMS": 5}, 31382)):
                error = ask_raw(c, hello=1, **fields)
                assert (error["code"], error["codeName"]) == (code, f"Location{code}"), fields
            send_raw(c, 3, EXHAUST_ALLOWED, hello=1)
            assert receive_raw(c)[3]["code"] == 51756
            began = time.monotonic()  # of another process: an answer at once
            stranger = {"processId": bson.ObjectId(), "counter": bson.Int64(0)}
            assert ask_raw(c, hello=1, topologyVersion=stranger, maxAwaitTimeMS=5000)["ok"] == 1
            assert time.monotonic() - began < 2
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


def test_spellings(tmp_path, version):
    """The ssl names are deprecated, and gone in 8.0."""
    ca = fleet.Authority(tmp_path)
    pem = ca.issue("a.pem", ["127.0.4.11"])
    m = single(tmp_path, "127.0.4.11", extra=f"net.ssl:\n  mode: preferSSL\n  PEMKeyFile: {pem}\n  CAFile: {ca.path}\n"
                                             "  allowConnectionsWithoutCertificates: true\n")
    m.start(wait=False)
    try:
        if number(version) >= (8, 0):
            assert m.process.wait(10) == 2 and "Unrecognized option: net.ssl.mode" in m.out_text()
            m.extra = ""
            m.write_conf()
            m.start("--sslMode", "disabled", wait=False)
            assert m.process.wait(10) == 2 and "unrecognised option '--sslMode'" in m.out_text()
            m.start()
        else:
            fleet.wait_for(m.listening)
            assert "is deprecated" in m.out_text()
        with m.client(user=None) as c:
            if number(version) >= (8, 0):
                assert refused(c, "getParameter", sslMode=1)["code"] == 72
                assert "sslMode" not in c.admin.command("getParameter", "*")
            else:
                assert c.admin.command("getParameter", sslMode=1)["sslMode"] == "preferSSL"
                assert c.admin.command("getParameter", tlsMode=1)["tlsMode"] == "preferTLS"
                error = refused(c, "getParameter", colour=1)
                assert error.get("code") == (72 if number(version) >= (6, 0) else None)
            security = c.admin.command("serverStatus").get("security")
            assert (security is not None and "authentication" in security) == (number(version) >= (4, 4))
            assert ("SSLServerSubjectName" in (security or {})) == (number(version) < (8, 0))
    finally:
        if m.process.poll() is None:
            m.kill()


@pytest.mark.parametrize("version", ["5.0", "7.0"], indirect=True)
def test_the_systems_authorities_instead_of_a_file(tmp_path, version):
    ca = fleet.Authority(tmp_path)
    tls = {"mode": "requireTLS", "certificateKeyFile": ca.issue("a.pem", ["127.0.4.12"])}
    m = single(tmp_path, "127.0.4.12", tls=tls)
    m.start("--setParameter", "tlsUseSystemCA=true")
    m.kill()
    m.tls["CAFile"] = ca.path
    m.write_conf()
    m.start("--setParameter", "tlsUseSystemCA=true", wait=False)
    assert m.process.wait(10) == 1
    assert "both a CA File and the System Certificate store" in m.out_text() + m.log_text()


# ---- the log ------------------------------------------------------------------------------------


def scram(password, first, server_first):
    """The final message of SCRAM-SHA-256, and the signature that the server owes."""
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    without_proof = "c=biws,r=" + fields["r"]
    message = ",".join((first, server_first, without_proof)).encode()

    def mac(key, text):
        return hmac.new(key, text, "sha256").digest()
    key = mac(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha256(key).digest(), message)))
    return f"{without_proof},p={base64.b64encode(proof).decode()}", base64.b64encode(
        mac(mac(salted, b"Server Key"), message)).decode()


def test_a_login_that_begins_with_the_first_message(tmp_path, version):
    """Until 4.4 it is ignored there; from then on it saves a round trip, and with it the empty last message."""
    m = fleet.Member(tmp_path / "m", "127.0.4.15", replset=None)
    m.start()
    newer = number(version) >= (4, 4)
    try:
        with m.client(user="__system", password=fleet.KEY, source="local") as c:
            c.admin.command("createUser", "root", pwd="secret", roles=["root"])
        for user, known in (("root", True), ("nobody", False)):
            first = f"n={user},r=rOprNGfwEbeRWgbNEkqO"
            start = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": f"n,,{first}".encode(), "db": "admin",
                     "options": {"skipEmptyExchange": True}}
            with connected(m) as c:
                reply = ask_raw(c, isMaster=1, speculativeAuthenticate=start)
                assert reply["ok"] == 1 and ("speculativeAuthenticate" in reply) == (newer and known)
                if not known:
                    assert ask_raw(c, serverStatus=1)["code"] == 13
                    continue
                begun = reply["speculativeAuthenticate"] if newer else ask_raw(
                    c, **{k: v for k, v in start.items() if k != "db"})
                assert begun["done"] is False
                final, signature = scram("secret", first, begun["payload"].decode())
                end = ask_raw(c, saslContinue=1, conversationId=begun["conversationId"], payload=final.encode())
                assert end["payload"] == b"v=" + signature.encode() and end["done"] is newer
                if not newer:
                    assert ask_raw(c, serverStatus=1)["code"] == 13  # not before the empty exchange
                    assert ask_raw(c, saslContinue=1, conversationId=begun["conversationId"], payload=b"")["done"] is True
                assert ask_raw(c, serverStatus=1)["ok"] == 1
    finally:
        m.kill()


def test_x509_between_members_wants_an_authority(tmp_path, version):
    ca = fleet.Authority(tmp_path)
    tls = {"mode": "preferTLS", "certificateKeyFile": ca.issue("a.pem", ["127.0.4.16"])}
    m = fleet.Member(tmp_path / "m", "127.0.4.16", replset=None, tls=tls)
    system = ["--setParameter", "tlsUseSystemCA=true"] if number(version) >= (4, 4) else []
    for mode, refused_from in (("x509", (4, 2)), ("sendX509", (6, 0)), ("sendKeyFile", (6, 0))):
        m.start("--clusterAuthMode", mode, *system, wait=False)
        try:
            if number(version) >= refused_from:
                assert m.process.wait(10) == 1
                assert "No TLS certificate validation can be performed since no CA file" in m.out_text() + m.log_text()
            else:
                fleet.wait_for(m.listening)
        finally:
            if m.process.poll() is None:
                m.kill()
