"""Configurations and what writes wait for, as newer servers have them."""

import os
import pathlib
import sys
import time

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402
from versions import QUICK, number, reconfigured, refused, version  # noqa: E402  pylint: disable=unused-import

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in plays versions", allow_module_level=True)


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
            assert forced["config"].get("term") == (-1 if version == "4.4" else None)
            began = time.monotonic()
            error = refused(c, "replSetReconfig", dict(forced["config"], version=forced["config"]["version"] + 1),
                            maxTimeMS=300)
            assert 0.25 < time.monotonic() - began < 3
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


# ---- options and parameters ---------------------------------------------------------------------
