"""The hazards of a real server, shown on the fleet by hand, and what Evenkeel does about each.

Every hazard is made to happen first: by hand-edited files, restarts and commands, as somebody
without the rule would go about it. Then Evenkeel, before the same fleet, refuses or repairs.

`make hazards` takes the rule against each out of planner, laws and observation, and sees the test
fail. The moment in which a restarted member has no signing keys is as short as on a real server, and
every other time it is over before Evenkeel without the rule would hand over to it; so there the
change is made several times (HAZARD_TRIES)."""

import os
import signal
import subprocess
from pathlib import Path

import pymongo
import pymongo.errors
import pytest
import yaml

from faults import Shim
from fleet import wait_for
from patience import patient
from probe import Probe
from specs_repository import deployment_text
from watcher import Watcher

BLOCKED, POLICY, CHANGES = 6, 5, 2
TRIES = int(os.environ.get("HAZARD_TRIES", "1"))


@pytest.fixture(scope="module")
def encrypted(shop):
    """The set in preferSSL."""
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    return shop


def without_tls(shop, name):
    """Take net.tls out of the member's file, by hand; what the file was."""
    path = shop.fleet[name].configuration
    text = path.read_text(encoding="utf-8")
    options = yaml.safe_load(text)
    del options["net"]["tls"]
    path.write_text(yaml.safe_dump(options), encoding="utf-8")
    return text


def crash(shop, name):
    """The member dies and comes back with what its file says."""
    shop.fleet.kill(name)
    shop.fleet.start([name])
    wait_for(lambda: has_configuration(shop, name), f"{name} has the set's configuration", 10, 0.02)


def has_configuration(shop, name):
    try:
        return shop.fleet.status(name)
    except pymongo.errors.OperationFailure:
        return False


def starts(shop, name):
    """Whether the server comes up with its file; it is given three seconds to say no."""
    member = shop.fleet[name]
    process = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{member.namespace}", "--", shop.fleet.server, "--config",
         str(member.configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=patient(3)) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def view(shop, viewer):
    """{member: health} as one member has it."""
    names = {row["_id"]: m.name for m, row in zip(shop.fleet.members,
                                                  shop.fleet.configuration()["members"])}
    return {names[row["_id"]]: row["health"] for row in shop.fleet.status(viewer)["members"]}


def change_settings(shop, **settings):
    configuration = shop.fleet.configuration()
    configuration["version"] += 1
    configuration["settings"].update(settings)
    shop.fleet.command(shop.fleet.primary(), "replSetReconfig", configuration)


def test_word_of_a_peer_about_the_process_before(shop):
    """After a quick restart the peers go on reporting the member as healthy: they have not asked
    the new process yet. Taken at its word, the next member would be restarted too early."""
    # A server that starts slowly lags as well, and Evenkeel would say that first.
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, "preferSSL") + "  maintenance: { maxLag: 1h }\n")
    shop.specs.commit("orders: sslMode preferSSL")
    change_settings(shop, heartbeatTimeoutSecs=300, electionTimeoutMillis=300000)
    shop.fleet.cut("a", "c")  # a's next heartbeat stays under way
    try:
        before = shop.fleet.processes()["c"]
        crash(shop, "c")
        assert shop.fleet.processes()["c"] != before
        assert view(shop, "a")["c"] == 1.0, "the hazard: healthy, by word about a process that died"
        done = shop.tool.run("plan", *shop.git)
        assert view(shop, "a")["c"] == 1.0, "it was still so when Evenkeel had looked"
        assert done.returncode == BLOCKED and "[EK-0114]" in done.stdout, done.stdout
        assert "member a does not see member c as healthy" in done.stdout
    finally:
        shop.fleet.mend("a")
        shop.specs.set_mode("disabled")
        shop.fleet.wait_settled()
        change_settings(shop, heartbeatTimeoutSecs=10, electionTimeoutMillis=10000)


def test_a_file_ahead_of_the_running_mode(shop):
    """A mode written without what it needs is noticed only by the next start: a crash, at night."""
    path = shop.fleet["c"].configuration
    text = path.read_text(encoding="utf-8")
    ahead = yaml.safe_load(text)
    ahead["net"]["tls"] = {"mode": "requireTLS"}
    path.write_text(yaml.safe_dump(ahead), encoding="utf-8")
    shop.fleet.kill("c")
    assert not starts(shop, "c"), "the hazard: it does not come back"
    path.write_text(text, encoding="utf-8")
    shop.fleet.start(["c"])
    shop.fleet.wait_settled()
    path.write_text(yaml.safe_dump(ahead), encoding="utf-8")
    told = shop.succeed("plan", *shop.git, status=CHANGES).stdout
    assert "c runs disabled, its file says requireSSL" in told
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        assert seen.restarts == {"a": 0, "b": 0, "c": 0}
    crash(shop, "c")
    shop.fleet.wait_settled()


def test_a_file_behind_the_running_mode_and_a_half_broken_pair(encrypted):
    """A file that lags makes half-broken pairs out of a crash: one side sees everybody well."""
    shop = encrypted
    text = without_tls(shop, "c")
    crash(shop, "c")
    wait_for(lambda: view(shop, "a")["c"] == 0.0, "a has lost c", 20)
    wait_for(lambda: view(shop, "c") == {"a": 1.0, "b": 1.0, "c": 1.0},
             "the hazard: c sees nothing wrong", 20)
    shop.specs.set_mode("requireSSL")
    done = shop.refused("apply", "--yes", *shop.git)
    assert done.returncode == BLOCKED
    assert "EK-0114" in done.stdout + done.stderr
    shop.specs.set_mode("preferSSL")
    shop.fleet["c"].configuration.write_text(text, encoding="utf-8")
    crash(shop, "c")
    shop.fleet.wait_settled()
    without_tls(shop, "c")
    shop.succeed("apply", "--yes", *shop.git)  # the file follows before anything happens
    crash(shop, "c")
    shop.fleet.wait_settled()


def test_one_pass_down_is_a_trap(encrypted):
    """preferSSL to disabled in one pass: the primary writes on, sees nobody and can't step down."""
    shop = encrypted
    texts = {}
    for name in "cb":
        texts[name] = without_tls(shop, name)
        crash(shop, name)
    wait_for(lambda: view(shop, "a") == {"a": 1.0, "b": 0.0, "c": 0.0}, "a sees nobody", 20)
    with shop.fleet.client("a") as client:
        client.orders.get_collection(
            "trap", write_concern=pymongo.WriteConcern("majority", wtimeout=5000)).insert_one({})
    wait_for(lambda: view(shop, "b") == {"a": 1.0, "b": 1.0, "c": 1.0},
             "nothing looks wrong from here", 20)
    with pytest.raises(pymongo.errors.OperationFailure) as refusal:
        shop.fleet.command("a", "replSetStepDown", 2, secondaryCatchUpPeriodSecs=1)
    assert refusal.value.code == 262, "the hazard: no way out by a handoff"
    shop.specs.set_mode("disabled")
    done = shop.refused("apply", "--yes", *shop.git)
    assert done.returncode == BLOCKED
    for name in "cb":
        shop.fleet[name].configuration.write_text(texts[name], encoding="utf-8")
        crash(shop, name)
    shop.fleet.wait_settled()
    _, plans = shop.tool.json("plan", *shop.git)
    steps = plans["deployments"][0]["steps"]
    modes = [s["mode"] for s in steps if s["kind"] == "restart"]
    assert modes[:2] == ["allowSSL"] * 2 and "disabled" in modes, "two passes: never this trap"
    shop.specs.set_mode("preferSSL")


def test_a_plaintext_session_outlives_require_ssl(encrypted):
    """Who was connected in plaintext stays so, and would find out at the next reconnect."""
    shop = encrypted
    member = shop.fleet["c"]
    with pymongo.MongoClient(member.address, 27017, directConnection=True,
                             serverSelectionTimeoutMS=5000) as client:
        client.admin.command("ping")
        shop.specs.set_mode("requireSSL")
        refused = shop.tool.run("apply", "--yes", *shop.git)
        assert refused.returncode == POLICY and "[EK-0119]" in refused.stdout + refused.stderr
        shop.fleet.command("c", "setParameter", 1, tlsMode="requireTLS")
        assert not shop.fleet.accepts("c", tls=False)
        assert client.admin.command("ping")["ok"] == 1, "the hazard: it notices nothing"
    shop.specs.set_mode("preferSSL")
    shop.fleet.kill("c", signal.SIGTERM)  # its file says preferSSL
    shop.fleet.start("c")
    shop.fleet.wait_settled()


def test_a_name_that_leads_nowhere(encrypted):
    """A reconfiguration that names an unreachable host is accepted, and the member is lost."""
    shop = encrypted
    configuration = shop.fleet.configuration()
    was = configuration["members"][2]["host"]
    configuration["version"] += 1
    configuration["members"][2]["host"] = "db-gone.example.net:27017"
    shop.fleet.command(shop.fleet.primary(), "replSetReconfig", configuration)
    wait_for(lambda: 0.0 in view(shop, "a").values(), "the hazard: accepted, and c is lost", 20)
    configuration["version"] += 1
    configuration["members"][2]["host"] = was
    shop.fleet.command(shop.fleet.primary(), "replSetReconfig", configuration)
    shop.fleet.wait_settled()
    hosts = Path("/etc/hosts")
    text = hosts.read_text(encoding="utf-8")
    line = f"{shop.fleet['c'].address} {shop.fleet['c'].host}\n"
    assert line in text
    shop.specs.set_mode("disabled")
    try:
        hosts.write_text(text.replace(line, ""), encoding="utf-8")
        told = shop.tool.run("plan", *shop.git)
        assert "[EK-0120]" in told.stdout, told.stdout
        assert "reconfigure" not in told.stdout
    finally:
        hosts.write_text(text, encoding="utf-8")
        shop.specs.set_mode("preferSSL")


def test_a_clock_that_is_wrong(encrypted):
    """What Evenkeel dates by a wrong clock is not valid yet where it is looked at; and files seem
    to be newer than the processes that have read them."""
    shop = encrypted
    clock = Shim(shop.directory)
    shop.tool.more_environment = clock.environment
    try:
        for minutes in (4, -4):  # no reason to stop, and none to restart anybody
            clock.set(clock_ms=minutes * 60000)
            shop.succeed("apply", "--yes", *shop.git)
            assert "No changes." in shop.succeed("plan", *shop.git).stdout
        for minutes in (60, -60):
            clock.set(clock_ms=minutes * 60000)
            done = shop.refused("apply", "--yes", "--settle-timeout", "1s", *shop.git)
            assert done.returncode == BLOCKED and "EK-0130" in done.stdout + done.stderr
    finally:
        shop.tool.more_environment = {}


def keyless_primary(shop):
    """Restart the secondaries, step down the moment they are SECONDARY: what a client hears from
    the new primary, None: it had the keys by then, or they were away for too long."""
    with shop.fleet.client("a") as client:
        for name in "bc":
            shop.fleet.kill(name, signal.SIGTERM)
        shop.fleet.start("bc")
        wait_for(lambda: all((shop.fleet.is_master(n) or {}).get("secondary") for n in "bc"),
                 "both are back", 30, 0.005)
        try:
            time = client.admin.command("ping")["$clusterTime"]  # as every client of the set has it
            client.admin.command("replSetStepDown", 20, secondaryCatchUpPeriodSecs=5)
        except (pymongo.errors.AutoReconnect, pymongo.errors.OperationFailure):
            shop.fleet.wait_settled()
            return None
    heir = wait_for(lambda: shop.fleet.primary() not in (None, "a") and shop.fleet.primary(),
                    "another leads", 30, 0.01)
    try:
        with shop.fleet.client(heir) as client, client.start_session() as session:
            session.advance_cluster_time(time)
            client.orders.keys.insert_one({}, session=session)
        heard = None
    except pymongo.errors.OperationFailure as error:
        heard = str(error)
    shop.fleet.command("a", "replSetFreeze", 0)
    shop.fleet.wait_settled()
    return heard


def lowered(shop, probe):
    """To allowSSL while clients write, and back up; what the clients heard of it."""
    shop.specs.set_mode("allowSSL")
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
    assert seen.elections >= 1 and set(seen.restarts.values()) == {1}
    wait_for(lambda: probe.writing(seen.ended), "clients write", 30)
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    return probe.errors(seen.began, seen.ended)


def test_a_new_primary_that_can_not_sign_yet(encrypted):
    """Elected before it has loaded its keys, a primary refuses every client for seconds."""
    shop = encrypted
    # The members know of each other's return before they know the keys.
    change_settings(shop, heartbeatIntervalMillis=50)
    heard = next((h for h in (keyless_primary(shop) for _ in range(40)) if h), None)
    if not heard and os.environ.get("MONGOD"):
        change_settings(shop, heartbeatIntervalMillis=2000)
        pytest.skip("it has its keys within tenths of a second, and didn't lead before it had them, 40 times")
    assert heard and "No keys found for HMAC" in heard, "the hazard did not happen"
    with Probe(shop.directory, shop.fleet.tls_uri(shop.tool.authority_certificate)) as probe:
        for _ in range(TRIES):
            errors = [e for e in lowered(shop, probe) if "No keys found" in e]
            assert not errors, errors
        probe.stop()
    with shop.fleet.client(shop.fleet.primary()) as client:
        assert not probe.lost(client)
    change_settings(shop, heartbeatIntervalMillis=2000)
