"""What was measured on a real server and is easily forgotten: arbiters without users, sessions that outlive a mode,
names that nobody checks, and members that lead before they can sign."""

import pathlib
import sys
import time

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402

QUICK = {"heartbeatIntervalMillis": 200}


def answer(client, *command, **fields):
    """1, or the code of the refusal."""
    try:
        return client.admin.command(*command, **fields)["ok"]
    except pymongo.errors.OperationFailure as error:
        return error.code


def test_arbiters_hold_no_users(tmp_path):
    ca = fleet.Authority(tmp_path)

    def tls(ip):
        return {"mode": "allowTLS", "certificateKeyFile": ca.issue(f"{ip}.pem", [ip]), "CAFile": ca.path,
                "allowConnectionsWithoutCertificates": True}
    with fleet.Set(tmp_path, settings=QUICK, tls=tls, member={2: {"arbiterOnly": True}}) as s:
        arbiter = s.members[2]
        change = {"tlsMode": "preferTLS"}
        with pytest.raises(pymongo.errors.OperationFailure) as e, arbiter.client() as c:
            c.admin.command("setParameter", 1, **change)
        assert (e.value.code, e.value.details["errmsg"]) == (18, "Authentication failed.")
        with arbiter.client(user=None) as c:
            assert answer(c, "setParameter", 1, **change) == 13
            assert c.admin.command("getParameter", 1, tlsMode=1)["tlsMode"] == "allowTLS"  # from localhost
        with arbiter.client(user="__system", password=fleet.KEY, source="local", authMechanism="SCRAM-SHA-256") as c:
            assert c.admin.command("setParameter", 1, **change)["was"] == "allowTLS"


def test_a_member_with_another_key(tmp_path):
    """It answers, and nobody may ask it anything: unhealthy, and said to be not authenticated."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        m = s.others(p)[0]
        m.kill()
        m.key.write_text("anotherkeyforthisone\n")
        m.start()

        def told():
            return next(r for r in p.admin("replSetGetStatus")["members"] if r["name"] == m.host)
        row = fleet.wait_for(lambda: (r := told()).get("authenticated") is False and r)
        assert row["health"] == 0.0 and row["lastHeartbeatMessage"] == ""  # as recorded (16)
        assert all("authenticated" not in r for r in p.admin("replSetGetStatus")["members"] if r["name"] != m.host)


def test_plain_sessions_outlive_require(tmp_path):
    ca = fleet.Authority(tmp_path)
    tls = {"mode": "preferTLS", "certificateKeyFile": ca.issue("a.pem", ["127.0.4.20"]), "CAFile": ca.path,
           "allowConnectionsWithoutCertificates": True}
    m = fleet.Member(tmp_path / "m", "127.0.4.20", replset=None, keyfile=False, tls=tls).start()
    try:
        with m.client(user=None, appname="the old one", heartbeatFrequencyMS=60000) as old:
            assert old.admin.command("ping")["ok"] == 1
            with m.client(user=None, tls={"tls": True, "tlsCAFile": str(ca.path)}) as other:
                assert other.admin.command("setParameter", 1, tlsMode="requireTLS")["was"] == "preferTLS"
                assert old.admin.command("ping")["ok"] == 1  # goes on, for as long as it is open
                with pytest.raises(pymongo.errors.ServerSelectionTimeoutError), \
                        m.client(user=None, serverSelectionTimeoutMS=500) as new:
                    new.admin.command("ping")
                told = [o for o in other.admin.command("currentOp", **{"$all": True})["inprog"]
                        if o.get("appName") == "the old one"]
                assert told and all(o["client"].startswith("127.") and
                                    o["clientMetadata"]["driver"]["name"].startswith("PyMongo") for o in told)
    finally:
        m.kill()


def test_names_are_not_checked(tmp_path):
    """Every member renamed in one step, and a host that isn't there: both accepted, and the primary stays."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            term = c.admin.command("replSetGetStatus")["term"]
            config = c.admin.command("replSetGetConfig")["config"]
            renamed = [dict(m, host=m["host"].replace("127.0.3.", "127.000.3.")) for m in config["members"]]
            assert c.admin.command("replSetReconfig", dict(config, version=2, members=renamed), maxTimeMS=9000)["ok"] == 1
            fleet.wait_for(lambda: set(s.states(p).values()) == {"PRIMARY", "SECONDARY"})
            assert set(s.states(p)) == {m["host"] for m in renamed}
            absent = {"_id": 9, "host": "127.0.3.99:1", "votes": 0, "priority": 0}
            assert c.admin.command("replSetReconfig", dict(config, version=3, members=renamed + [absent]),
                                   maxTimeMS=9000)["ok"] == 1
            fleet.wait_for(lambda: s.states(p)["127.0.3.99:1"] == "(not reachable/healthy)")
            status = c.admin.command("replSetGetStatus")
            assert status["term"] == term and status["myState"] == 1


def test_elected_before_it_signs(tmp_path):
    """A member started a moment ago on a young set is electable before it signs; then it refuses for about 3 s."""
    with fleet.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        with p.client() as c:
            time_then = fleet.wait_for(lambda: c.admin.command("ping").get("$clusterTime"))
            m = s.others(p)[0]

            def heard():
                m.kill()
                m.start()
                fleet.wait_for(lambda: answer_of(m, "isMaster").get("secondary"), every=0.002)
                if answer_of(m, "replSetStepUp", system=True).get("ok") != 1:
                    return None
                began, refusals = time.monotonic(), 0
                while time.monotonic() < began + 30:
                    reply = write_with(m, time_then)
                    if reply.get("ok") == 1:
                        return refusals, time.monotonic() - began
                    if reply.get("code") == 211:
                        refusals += 1
                        assert reply["errmsg"].startswith("Cache Reader No keys found for HMAC that is valid for time: ")
                    time.sleep(0.05)
                return None
            for _ in range(40):  # whether it is elected in time is a matter of a tenth of a second
                found = heard()
                if found and found[0] > 3 and found[1] > 2:
                    break
                fleet.wait_for(lambda: s.primary() and set(s.states(s.primary()).values()) == {"PRIMARY", "SECONDARY"})
            assert found and found[0] > 3 and 2 < found[1] < 9, found


def answer_of(member, command, system=False):
    user = {"user": "__system", "password": fleet.KEY, "source": "local"} if system else {"user": None}
    try:
        with member.client(**user) as c:
            return c.admin.command(command, check=False)
    except pymongo.errors.PyMongoError:
        return {}


def write_with(member, cluster_time):
    """A write by a client that has seen this cluster time."""
    with member.client() as c, c.start_session() as session:
        session.advance_cluster_time(cluster_time)
        try:
            return c.x.command("insert", "t", documents=[{}], session=session)
        except pymongo.errors.PyMongoError as error:
            return getattr(error, "details", None) or {}
