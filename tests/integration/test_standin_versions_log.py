"""The log lines of 4.4 and later, by number and attributes."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402
from versions import QUICK, number, single, version  # noqa: E402  pylint: disable=unused-import

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in plays versions", allow_module_level=True)


def log_of(member):
    """Its lines as documents; every one must have what each line of a real server has, in that order."""
    found = [json.loads(line) for line in member.log_text().splitlines()]
    for line in found:
        assert list(line)[:6] == ["t", "s", "c", "id", "ctx", "msg"] and set(line) <= {
            "t", "s", "c", "id", "ctx", "msg", "attr", "tags"}, line
    return found


def with_number(member, number_of_line):
    return [line for line in log_of(member) if line["id"] == number_of_line]


def login_of_root(member, number_of_line, key):
    """The first; members log in as well."""
    return next(line["attr"] for line in with_number(member, number_of_line) if line["attr"][key] == "root")


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
            refusal, success = with_number(p, 5286307)[0]["attr"], login_of_root(p, 5286306, "user")
            assert (refusal["user"], success["db"]) == ("root", "admin")
        else:
            refusal, success = with_number(p, 20249)[0]["attr"], login_of_root(p, 20250, "principalName")
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
        assert member.process.wait(10) == status
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
    if version == "4.4":
        lines = started(bad, 14)
        assert [line["attr"]["msgid"] for line in lines if line["id"] == 23091] == [28652]
    else:
        error = started(bad, 1)[-1]["attr"]["error"]
        assert error["code"] == 140 and "certificate is expired or not yet valid" in error["errmsg"]
    keyed = fleet.Member(tmp_path / "k", "127.0.4.14")
    keyed.key.chmod(0o644)
    lines = started(keyed, 1)
    assert [(line["s"], line["id"]) for line in lines[-2:]] == [("I", 20254), ("F", 20575)]
    assert lines[-2]["attr"]["error"] == {"code": 30, "codeName": "InvalidPath",
                                          "errmsg": f"permissions on {keyed.key} are too open"}


# ---- logins ---------------------------------------------------------------------------------------
