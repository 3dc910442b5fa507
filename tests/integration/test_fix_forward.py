"""While a change is blocked half-way, a newer commit or a revert is planned from where the fleet
really is, and is carried out. A member that our own restart left down never blocks its repair."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

import wire
from fleet import wait_for
from specs_repository import AUTHORITY, NO_WATCH, deployment_text
from watcher import Watcher

NOTHING_TO_DO, ERROR, CHANGES, PARTLY = 0, 1, 2, 7
FIRST = "c"  # the member that is restarted first


def commit(shop, mode, server=None, authority="acme-ca"):
    """A commit that may also name another server program or another certificate authority."""
    text = deployment_text(shop.fleet, mode) + NO_WATCH
    text = text.replace(f"server: {shop.fleet.server} ", f"server: {server or shop.fleet.server} ")
    text = text.replace("authority: acme-ca ", f"authority: {authority} ")
    shop.specs.write("orders.yaml", text)
    shop.specs.write("authority.yaml", AUTHORITY.replace("acme-ca", authority))
    shop.specs.commit(f"orders: sslMode {mode}, {server or 'the same server'}, {authority}")


def blocked(shop, error, before):
    """The commit at hand does not get any further, however often it is applied: FIRST is down, the
    others are the processes that they were, in disabled; what was said."""
    for _ in range(2):
        done = shop.tool.run("apply", "--yes", "--settle-timeout", "2s", *shop.git)
        assert done.returncode == ERROR, done.stdout + done.stderr
        assert f"evenkeel explain {error}" in done.stderr, done.stdout + done.stderr
        assert shop.fleet.processes() == {**before, FIRST: None}
        assert {n: shop.fleet.command(n, "getParameter", tlsMode=1)["tlsMode"] for n in "ab"} == {
            "a": "disabled", "b": "disabled"}
        assert shop.configured_modes() == {"a": "disabled", "b": "disabled", "c": "allowTLS"}
    shop.explained([error])


def own_certificate(path, host):
    """Self-signed for the right name, with its key in the open."""
    key = path.with_suffix(".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "30", "-keyout", key, "-out", path, "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=DNS:{host}"], check=True, capture_output=True)
    path.write_text(key.read_text("ascii") + path.read_text("ascii"), "ascii")
    key.unlink()


@pytest.fixture
def not_starting(shop):
    """A commit brings preferSSL and a server program that does not start: the first member that is
    restarted stays down."""
    program = shop.directory / "new-release" / Path(shop.fleet.server).name
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\necho error while loading shared libraries >&2\nexit 127\n",
                       encoding="ascii")
    program.chmod(0o755)
    commit(shop, "preferSSL", server=program)
    before = shop.fleet.processes()
    done = shop.tool.run("apply", "--yes", *shop.git)
    assert done.returncode == PARTLY, done.stdout + done.stderr  # what comes before the restart is done
    blocked(shop, "EK-0404", before)
    return shop


@pytest.fixture
def bad_certificate(shop):
    """On the way to preferSSL apply is killed while it restarts its first member. That one's
    certificate is rubbish, and the authority that the commit names can't make another."""
    commit(shop, "preferSSL")
    before = shop.fleet.processes()
    stopped = lambda: shop.fleet.processes()[FIRST] != before[FIRST]
    assert shop.tool.apply_until(stopped, "--yes", *shop.git, output=shop.directory / "forward.log")
    end(shop, FIRST)
    shop.certificate_key_file(FIRST).write_text("no certificate any more\n", encoding="ascii")
    key = shop.tool.state / "secrets" / "acme" / "authority" / "acme-ca.sealed"
    good = key.read_bytes()
    key.unlink()
    blocked(shop, "EK-0706", before)
    yield shop
    key.write_bytes(good)


def under_way(shop, name):
    """Processes that are the member's server, or are to become it."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (directory / "cmdline").read_text(encoding="utf-8", errors="replace")
            if str(shop.fleet[name].configuration) in words or str(shop.tool.program) in words:
                found.append(int(directory.name))
    return found


def end(shop, name):
    """No server process, and none on its way: what the killed apply had just begun may still come."""
    gone_since = None

    def is_gone():
        nonlocal gone_since
        found = under_way(shop, name)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if found:
            gone_since = None
        elif gone_since is None:
            gone_since = time.monotonic()
        return gone_since is not None and time.monotonic() - gone_since > 1

    wait_for(is_gone, f"{name} is down")


def break_file(shop, name):
    path = shop.fleet[name].configuration
    text = path.read_text(encoding="utf-8")
    options = yaml.safe_load(text)
    options["net"]["tls"]["certificateKeyFile"] = str(path.parent / "no-such.pem")
    path.write_text(yaml.safe_dump(options), encoding="utf-8")


def served_over_tls(shop):
    """The members with which a TLS handshake can be made."""
    found = set()
    for member in shop.fleet.members:
        try:
            assert wire.served_certificate(member.address)
            found.add(member.name)
        except wire.Refused:
            pass
    return found


def finish(shop, mode, repaired=None):
    """apply does it: seen on the wire, by process ids and start times, and by the election term."""
    status, plan = shop.tool.json("plan", *shop.git)
    assert status == CHANGES, plan
    if repaired:
        assert shop.fleet.processes()[repaired] is None
        kinds = [(s["kind"], s.get("member")) for d in plan["deployments"] for s in d["steps"]]
        first = next(k for k in kinds if k[0] in ("start", "restart", "stepDown"))
        assert first == ("start", repaired), f"it would be in the way of its own repair: {kinds}"
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
    assert seen.down_together == 1
    assert seen.elections <= sum(d["totals"]["elections"] for d in plan["deployments"]), seen.elections
    if repaired:
        assert shop.fleet.processes()[repaired], f"{repaired} does not run"
        assert seen.restarts[repaired] <= 2, seen.restarts
    assert set(shop.fleet.running_modes().values()) == {mode}
    everybody = {m.name for m in shop.fleet.members}
    assert served_over_tls(shop) == (set() if mode == "disabled" else everybody)
    if mode != "disabled":
        shop.litmus()
    shop.succeed("plan", *shop.git, status=NOTHING_TO_DO)
    shop.succeed("verify", *shop.git)


def test_a_member_that_does_not_start_is_repaired_by_a_newer_commit(not_starting):
    shop = not_starting
    commit(shop, "allowSSL")
    finish(shop, "allowTLS", repaired=FIRST)


def test_a_host_that_was_started_anew_gets_its_password_back(shop):
    """What was in the host's memory is gone, so its server can't come back by itself."""
    assert set(shop.fleet.running_modes().values()) == {"allowTLS"}
    before = shop.fleet.processes()["b"]
    passwords = list(Path("/run/evenkeel").glob("*.b.*/key-password"))
    assert len(passwords) == 1
    shop.fleet.kill("b", signal.SIGKILL)
    passwords[0].unlink()
    shop.succeed("apply", "--yes", *shop.git)
    after = shop.fleet.processes()["b"]
    assert after and after != before
    assert passwords[0].exists()
    shop.succeed("verify", *shop.git)


def sealed_password(shop, member):
    found = list((Path(shop.tool.state) / "secrets").glob(f"**/{member}/key-password.sealed"))
    assert len(found) == 1, found
    return found[0]


def test_a_lost_sealed_password_is_never_replaced_by_one_that_opens_nothing(shop):
    """The key that is installed can't be opened any more, so its certificate is issued anew with a
    key and a password of their own, and only then the server is restarted."""
    if set(shop.fleet.running_modes().values()) != {"allowTLS"}:
        shop.specs.set_mode("allowSSL")
        shop.succeed("apply", "--yes", *shop.git)
    before = shop.fleet.processes()["b"]
    served = wire.served_certificate(shop.fleet["b"].address)
    lost = sealed_password(shop, "b")
    lost.unlink()
    plan = shop.succeed("plan", *shop.git, status=CHANGES).stdout
    assert "the password of the installed one's key is lost" in plan
    assert plan.index("issue certificate") < plan.index("restart"), plan
    shop.succeed("apply", "--yes", *shop.git)
    assert lost.exists()
    assert shop.fleet.processes()["b"] != before
    assert wire.served_certificate(shop.fleet["b"].address) != served
    shop.succeed("verify", *shop.git)
    waiting = list(Path("/run/evenkeel").glob("*.b.*/key-password"))
    assert len(waiting) == 1
    opened = subprocess.run(["openssl", "pkey", "-in", shop.certificate_key_file("b"), "-noout",
                             "-passin", f"file:{waiting[0]}"], capture_output=True, check=False)
    assert opened.returncode == 0, opened.stderr


def test_a_revert_goes_back_from_where_the_fleet_is(shop):
    assert set(shop.fleet.running_modes().values()) == {"allowTLS"}
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")


def test_a_revert_half_way_with_a_member_that_does_not_start(not_starting):
    shop = not_starting
    break_file(shop, FIRST)
    commit(shop, "disabled")
    finish(shop, "disabled", repaired=FIRST)


def test_a_revert_with_a_member_that_is_down_without_its_password(shop):
    """Its peers still dial it by TLS, so it comes back with TLS once more: with a new key."""
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    shop.fleet.wait_settled()
    shop.fleet.kill(FIRST, signal.SIGKILL)
    wait_for(lambda: not shop.fleet.processes()[FIRST], f"{FIRST} is down")
    waiting = list(Path("/run/evenkeel").glob(f"*.{FIRST}.*/key-password"))
    assert len(waiting) == 1
    waiting[0].unlink()
    sealed_password(shop, FIRST).unlink()
    commit(shop, "disabled")
    plan = shop.succeed("plan", *shop.git, status=CHANGES).stdout
    assert "the password of the installed one's key is lost" in plan
    finish(shop, "disabled", repaired=FIRST)


def test_a_member_down_with_a_bad_certificate_is_repaired_by_a_newer_commit(bad_certificate):
    """It can't start until a newer commit, which names another authority, is carried out."""
    shop = bad_certificate
    commit(shop, "requireSSL", authority="acme-ca-2")
    authority = shop.tool.authority_certificate
    shop.tool.authority_certificate = authority.with_name("acme-ca-2.pem")
    try:
        finish(shop, "requireTLS", repaired=FIRST)
    finally:
        shop.tool.authority_certificate = authority
    assert b"BEGIN CERTIFICATE" in shop.certificate_key_file(FIRST).read_bytes()
    commit(shop, "disabled", authority="acme-ca-2")
    finish(shop, "disabled")


def test_a_revert_half_way_with_a_bad_certificate(bad_certificate):
    """The way back needs no certificate, and no authority."""
    shop = bad_certificate
    commit(shop, "disabled")
    finish(shop, "disabled", repaired=FIRST)


def test_a_bad_certificate_installed_by_hand(shop):
    """A certificate for another name: it is replaced before anything is restarted with it."""
    shop.specs.set_mode("allowSSL")
    shop.succeed("apply", "--yes", *shop.git)
    others = [shop.certificate_key_file(n) for n in "ab"]
    good = others[0].read_bytes()
    others[0].write_bytes(others[1].read_bytes())
    shop.specs.set_mode("preferSSL")
    done = shop.tool.run("apply", "--yes", *shop.git)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(lambda: set(shop.fleet.running_modes().values()) == {"preferTLS"}, "preferTLS", 10)
    assert others[0].read_bytes() not in (good, others[1].read_bytes()), "a certificate of its own"
    shop.litmus()
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")


def test_a_member_that_came_back_with_a_bad_certificate(shop):
    """Somebody put another certificate there, and the server was restarted with it: its peers refuse
    it, it falls behind, and nothing but its own restart can end that."""
    name = next(m.name for m in reversed(shop.fleet.members) if m.name != shop.fleet.primary())
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    path, host = shop.certificate_key_file(name), shop.set_hosts()[name]
    own_certificate(path, host)
    shop.fleet.kill(name)
    shop.fleet.start(name)
    wait_for(lambda: shop.fleet.states()[shop.fleet.primary()][f"{host}:27017"] == "(not reachable/healthy)",
             f"{name} is cut off", 30)
    wait_for(lambda: "Degraded" in shop.succeed("status", *shop.git).stdout, "status tells", 30)
    detail = shop.succeed("status", "--deployment", shop.fleet.name, *shop.git).stdout
    assert f"not healthy in the eyes of {shop.fleet.primary()}" in detail
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
    assert seen.restarts == {m.name: int(m.name == name) for m in shop.fleet.members}
    assert seen.elections == 0
    shop.litmus()
    shop.succeed("verify", *shop.git)
    shop.specs.set_mode("disabled")
    finish(shop, "disabled")
