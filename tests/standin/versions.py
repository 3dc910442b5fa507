"""What the tests of the versions that are played have in common."""

import processes as fleet
import pymongo
import pytest

WIRE = {"4.2": 8, "4.4": 9, "5.0": 13, "6.0": 17, "7.0": 21, "8.0": 25}
QUICK = {"heartbeatIntervalMillis": 200}


def number(version):
    return tuple(int(part) for part in version.split("."))


@pytest.fixture(params=sorted(WIRE))
def version(request, monkeypatch):
    """Each version in turn; the servers that the test starts play it."""
    monkeypatch.setenv("STANDIN_VERSION", request.param)
    return request.param


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
