"""Which members see each other when their TLS modes differ: over real connections, so from each side on its own."""

import pathlib
import sys

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402

IPS = ("127.0.5.1", "127.0.5.2", "127.0.5.3")
QUICK = {"heartbeatIntervalMillis": 200}
PRIORITY = {0: {"priority": 2}}


class Lab:
    def __init__(self, directory):
        self.ca = fleet.Authority(directory)
        self.other = fleet.Authority(directory, "other CA")
        self.pem = {ip: self.ca.issue(ip + ".pem", [ip]) for ip in IPS}

    def tls(self, ip, mode, **more):
        if mode == "disabled":
            return {}
        return {"mode": mode, "certificateKeyFile": self.pem[ip], "CAFile": self.ca.path,
                "allowConnectionsWithoutCertificates": True, **more}

    def client_tls(self, mode, ca=None):
        return {"tls": True, "tlsCAFile": str((ca or self.ca).path), "tlsAllowInvalidHostnames": True} \
            if mode == "requireTLS" else {}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def view(member, tls):
    try:
        status = member.admin("replSetGetStatus", tls=tls)
    except pymongo.errors.OperationFailure as e:  # a moment ago it was started: no configuration in use yet
        assert e.code == 94
        return {}
    return {m["name"]: (m["health"], m["lastHeartbeatMessage"]) for m in status["members"]}


def see(member, tls, others, pattern):
    """`member` sees all `others` well (pattern None) or with that in its message."""
    def right():
        seen = view(member, tls)
        return seen and all(seen[o.host] == (1.0, "") if pattern is None
                   else seen[o.host][0] == 0.0 and pattern.format(o) in seen[o.host][1] for o in others)
    fleet.wait_for(right)


TRUNCATED = "Error connecting to {0.host} ({0.ip}:{0.port}) :: caused by :: stream truncated"
CLOSED = "Connection closed by peer"


@pytest.mark.parametrize("ab, c, ab_see_c, c_sees_ab", [
    ("disabled", "preferTLS", None, TRUNCATED),
    ("disabled", "requireTLS", CLOSED, TRUNCATED),
    ("allowTLS", "disabled", None, None),
    ("allowTLS", "requireTLS", CLOSED, None),
    ("preferTLS", "disabled", TRUNCATED, None),
    ("requireTLS", "disabled", TRUNCATED, CLOSED),
    ("requireTLS", "preferTLS", None, None),
])
def test_modes(tmp_path, lab, ab, c, ab_see_c, c_sees_ab):
    with fleet.Set(tmp_path, IPS, tls=lambda ip: lab.tls(ip, ab), settings=QUICK, member=PRIORITY,
                   client_tls=lab.client_tls(ab)) as s:
        a, b, changed = s.members
        changed.kill()
        changed.tls = lab.tls(changed.ip, c)
        changed.write_conf()
        changed.start()
        see(changed, lab.client_tls(c), [a, b], c_sees_ab)
        see(a, s.client_tls, [changed], ab_see_c)
        see(b, s.client_tls, [changed], ab_see_c)
        see(a, s.client_tls, [b], None)


@pytest.mark.parametrize("what", ["another name", "another CA", "trusts only another CA"])
def test_certificates(tmp_path, lab, what):
    with fleet.Set(tmp_path, IPS, tls=lambda ip: lab.tls(ip, "preferTLS"), settings=QUICK, member=PRIORITY) as s:
        a, b, c = s.members
        c.kill()
        if what == "another name":
            c.tls["certificateKeyFile"] = lab.ca.issue("zzz.pem", ["zzz.test"])
        elif what == "another CA":
            c.tls["certificateKeyFile"] = lab.other.issue("c.pem", [c.ip])
        else:
            c.tls["CAFile"] = lab.other.path
        c.write_conf()
        c.start()
        prefix = "Error connecting to {0.host} ({0.ip}:{0.port}) :: caused by :: "
        if what == "another name":
            see(c, {}, [a, b], None)
            see(a, {}, [c], prefix + "The server certificate does not match the host name. Hostname: " + c.ip
                + " does not match SAN(s): zzz.test, CN: zzz.test")
        elif what == "another CA":
            see(c, {}, [a, b], "stream truncated")
            see(a, {}, [c], prefix + "SSL peer certificate validation failed: unable to verify the first certificate")
        else:
            see(c, {}, [a, b], prefix + "SSL peer certificate validation failed: self-signed certificate in certificate chain")
            see(a, {}, [c], "stream truncated")


def test_one_pass_down_is_a_trap(tmp_path, lab):
    """The preferTLS primary over disabled secondaries writes on while it sees nobody; its stepdown fails."""
    with fleet.Set(tmp_path, IPS, tls=lambda ip: lab.tls(ip, "preferTLS"), settings=QUICK, member=PRIORITY) as s:
        a, b, c = s.members
        for m in (b, c):
            assert m.stop() == 0
            m.tls = {}
            m.write_conf()
            m.start()
            see(m, {}, [a], None)
        see(a, {}, [b, c], TRUNCATED)
        with a.client() as client:
            assert client.admin.command("isMaster")["ismaster"]
            client.x.command("insert", "t", documents=[{"_id": 1}], writeConcern={"w": "majority", "wtimeout": 3000})
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                client.admin.command("replSetStepDown", 1, secondaryCatchUpPeriodSecs=1)
            assert e.value.code == 262
            assert e.value.details["errmsg"] == ("By the time we were ready to step down, we were already past the time "
                                                 "we were supposed to step down until")
            client.x.command("insert", "t", documents=[{"_id": 2}], writeConcern={"w": "majority", "wtimeout": 3000})
