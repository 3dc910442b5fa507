"""Each version of the server that the stand-in plays: its options, its log, and logins."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess

import pymongo
import pytest

from patience import patient
from test_standin_versions import (QUICK, ask_raw, connected, number, refused, single,  # noqa: F401
                                   version)  # pylint: disable=unused-import
import processes as fleet  # noqa: E402


# ---- options and parameters ---------------------------------------------------------------------


def test_spellings(tmp_path, version):
    """The ssl names are deprecated, and gone in 8.0."""
    ca = fleet.Authority(tmp_path)
    pem = ca.issue("a.pem", ["127.0.4.11"])
    m = single(tmp_path, "127.0.4.11", extra=f"net.ssl:\n  mode: preferSSL\n  PEMKeyFile: {pem}\n  CAFile: {ca.path}\n"
                                             "  allowConnectionsWithoutCertificates: true\n")
    m.start(wait=False)
    try:
        if number(version) >= (8, 0):
            assert m.process.wait(patient(10)) == 2 and "Unrecognized option: net.ssl.mode" in m.out_text()
            m.extra = ""
            m.write_conf()
            m.start("--sslMode", "disabled", wait=False)
            assert m.process.wait(patient(10)) == 2 and "unrecognised option '--sslMode'" in m.out_text()
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
    assert m.process.wait(patient(10)) == 1
    assert "both a CA File and the System Certificate store" in m.out_text() + m.log_text()


# ---- the log ------------------------------------------------------------------------------------


def log_of(member):
    """Its lines as documents; every one must have what each line of a real server has, in that order."""
    found = [json.loads(line) for line in member.log_text().splitlines()]
    for line in found:
        assert list(line)[:6] == ["t", "s", "c", "id", "ctx", "msg"] and set(line) <= {
            "t", "s", "c", "id", "ctx", "msg", "attr", "tags"}, line
    return found


def with_number(member, number_of_line):
    return [line for line in log_of(member) if line["id"] == number_of_line]


@pytest.mark.parametrize("version", ["4.4", "5.0", "8.0"], indirect=True)
def test_log_lines_of_a_set(tmp_path, version):
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            with pytest.raises(pymongo.errors.OperationFailure), p.client(password="wrong") as wrong:
                wrong.admin.command("replSetGetStatus")
            config = c.admin.command("replSetGetConfig")["config"]
            recent = c.admin.command("getLog", "global")["log"]
            assert json.loads(recent[-1])["msg"]
            c.admin.command("replSetStepDown", 30)
        others = s.others(p)
        fleet.wait_for(lambda: any(with_number(m, 21331) for m in others))
        fleet.wait_for(lambda: any(line["attr"]["newState"] == "PRIMARY" for line in with_number(p, 21215)))
        others[0].kill()
        fleet.wait_for(lambda: with_number(p, 23974))
        starting = with_number(p, 4615611)[0]["attr"]
        assert (starting["pid"], starting["port"]) == (p.process.pid, p.port)
        assert starting["dbPath"] == str(p.dir / "db") and starting["architecture"] == "64-bit"
        assert with_number(p, 23403)[0]["attr"]["buildInfo"]["version"].startswith(version)
        assert with_number(p, 21951)[0]["attr"]["options"]["net"]["port"] == p.port
        assert with_number(p, 23016)[0]["attr"] == {"port": p.port, "ssl": "off"}
        accepted = with_number(p, 22943)[0]["attr"]
        assert set(accepted) == {"remote", "connectionId", "connectionCount"} and accepted["connectionId"] == 1
        assert with_number(p, 22944)[0]["attr"].keys() >= {"remote", "connectionCount"}
        seen = with_number(p, 51800)[0]["attr"]
        assert seen["doc"]["driver"]["name"].startswith("PyMongo") and seen["client"].startswith("conn")
        used = with_number(p, 21392)[-1]["attr"]["config"]
        assert used["_id"] == "rs0" and [m["host"] for m in used["members"]] == [m["host"] for m in config["members"]]
        changes = [line["attr"] for line in with_number(p, 21358)]
        assert {"newState": "PRIMARY", "oldState": "SECONDARY"} in changes
        assert {"newState": "SECONDARY", "oldState": "PRIMARY"} in changes
        assert with_number(p, 21450)[0]["attr"] == {"term": 1}
        failed = with_number(p, 23974)[0]["attr"]
        assert failed["target"] == others[0].host and failed["error"]["code"] == 6
        assert failed["error"]["codeName"] == "HostUnreachable" and others[0].host in failed["error"]["errmsg"]
        if number(version) >= (7, 0):
            refusal, success = with_number(p, 5286307)[0]["attr"], with_number(p, 5286306)[0]["attr"]
            assert (refusal["user"], success["db"]) == ("root", "admin")
        else:
            refusal, success = with_number(p, 20249)[0]["attr"], with_number(p, 20250)[0]["attr"]
            assert (refusal["principalName"], success["authenticationDatabase"]) == ("root", "admin")
        assert "storedKey mismatch" in refusal["error"]
        p.process.send_signal(signal.SIGTERM)
        fleet.wait_for(lambda: with_number(p, 23381))
        assert with_number(p, 23377)[0]["attr"] == {"signal": 15, "error": "Terminated"}


@pytest.mark.parametrize("version", ["4.4", "8.0"], indirect=True)
def test_log_lines_of_connections(tmp_path, version):
    """Each refusal has the number, the text and the attributes that people look for, and Evenkeel explains them."""
    ca = fleet.Authority(tmp_path)
    other = fleet.Authority(tmp_path, "other CA")
    tls = {"mode": "requireTLS", "certificateKeyFile": ca.issue("a.pem", ["127.0.4.13"]), "CAFile": ca.path}
    m = single(tmp_path, "127.0.4.13", tls=tls)
    m.start()
    quick = {"user": None, "serverSelectionTimeoutMS": 600}
    trusting = {"tls": True, "tlsCAFile": str(ca.path)}
    try:
        def rejected(reason, **more):
            with pytest.raises(pymongo.errors.PyMongoError), m.client(**quick, **more) as c:
                fleet.wait_for(lambda: any(reason in line["attr"]["error"]["errmsg"] for line in with_number(m, 22988)))
                c.admin.command("ping")
        rejected("The server is configured to only allow SSL connections")
        rejected("no SSL certificate provided by peer; connection rejected", tls=trusting)
        rejected("SSL peer certificate validation failed",
                 tls={**trusting, "tlsCertificateKeyFile": str(other.issue("stranger.pem", ["client"]))})
        refusals = [line["attr"] for line in with_number(m, 22988)]
        assert all(set(r) == {"error", "remote", "connectionId"} for r in refusals)
        assert {(r["error"]["code"], r["error"]["codeName"]) for r in refusals} == {(141, "SSLHandshakeFailed")}
        reasons = {r["error"]["errmsg"] for r in refusals}
        assert any(r == "The server is configured to only allow SSL connections" for r in reasons)
        assert any("SSL peer certificate validation failed" in r for r in reasons)
        assert any("no SSL certificate provided by peer; connection rejected" in r for r in reasons)
        missing, invalid = with_number(m, 23255)[0], with_number(m, 23256)[0]
        assert (missing["s"], missing["msg"]) == ("E", "No SSL certificate provided by peer; connection rejected")
        assert (invalid["s"], invalid["msg"]) == ("E", "SSL peer certificate validation failed")
        assert with_number(m, 23016)[0]["attr"] == {"port": m.port, "ssl": "on"}
        build = os.environ.get("EVENKEEL_BUILD", "build")
        explained = {22988: {"EK-0901", "EK-0903", "EK-0904"}, 23255: {"EK-0901"}, 23256: {"EK-0903"}}
        for numbered, ids in explained.items():
            for line in m.log_text().splitlines():
                if json.loads(line)["id"] == numbered:
                    done = subprocess.run([f"{build}/evenkeel", "explain", line], capture_output=True, text=True, check=False)
                    assert done.returncode == 0 and any(i in done.stdout for i in ids), (line, done.stdout, done.stderr)
    finally:
        m.kill()


@pytest.mark.parametrize("version", ["4.4", "8.0"], indirect=True)
def test_log_lines_of_starts_that_fail(tmp_path, version):
    def started(member, status):
        member.start(wait=False)
        assert member.process.wait(patient(10)) == status
        return [json.loads(line) for line in (member.out_text() + member.log_text()).splitlines()]

    ca = fleet.Authority(tmp_path)
    bad = single(tmp_path, "127.0.4.14", tls={"mode": "requireTLS"})
    last = started(bad, 1)[-1]
    assert (last["s"], last["id"], last["msg"]) == ("F", 20574, "Error during global initialization")
    assert last["attr"]["error"] == {
        "code": 2, "codeName": "BadValue",
        "errmsg": "need tlsCertificateKeyFile or certificateSelector when TLS is enabled"}
    bad.tls = {"mode": "requireTLS", "certificateKeyFile": "/nowhere.pem", "CAFile": ca.path}
    bad.write_conf()
    lines = started(bad, 1)
    assert lines[-1]["attr"]["error"]["codeName"] == "InvalidSSLConfiguration"
    assert [line["attr"]["keyFile"] for line in lines if line["id"] == 23248] == ["/nowhere.pem"]
    bad.tls["certificateKeyFile"] = ca.issue("old.pem", ["127.0.4.14"], days=-1)
    bad.write_conf()
    lines = started(bad, 14)
    assert [line["attr"]["msgid"] for line in lines if line["id"] == 23091] == [28652]
    keyed = fleet.Member(tmp_path / "k", "127.0.4.14")
    keyed.key.chmod(0o644)
    lines = started(keyed, 1)
    assert [(line["s"], line["id"]) for line in lines[-2:]] == [("I", 20254), ("F", 20575)]
    assert lines[-2]["attr"]["error"] == {"code": 30, "codeName": "InvalidPath",
                                          "errmsg": f"permissions on {keyed.key} are too open"}


# ---- logins ---------------------------------------------------------------------------------------


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
                assert m.process.wait(patient(10)) == 1
                assert "No TLS certificate validation can be performed since no CA file" in m.out_text() + m.log_text()
            else:
                fleet.wait_for(m.listening)
        finally:
            if m.process.poll() is None:
                m.kill()
