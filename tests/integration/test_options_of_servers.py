"""What people gave their servers beside what Evenkeel manages: on the command line, and in the file."""

import re
import ssl
import subprocess

import pytest

import wire
from fleet import Fleet, PORT, SERVER_CONFIGURATION, wait_for
from shop import Shop
from specs_repository import NO_WATCH, SpecsRepository, deployment_text
from tool import Evenkeel

CHANGES, BLOCKED = 2, 6
ALLOW = "allowConnectionsWithoutCertificates"


def fleet_of(sandbox, server, name):
    fleet = Fleet(sandbox / name, server, name=name, priorities={"a": 2})
    fleet.provision()
    return fleet


def shop_of(sandbox, fleet):
    specs = SpecsRepository(sandbox / f"{fleet.name}-specs", fleet)
    return Shop(fleet, specs, Evenkeel(sandbox / f"{fleet.name}-evenkeel"), sandbox)


def start_with(fleet, words_of):
    """The servers as some unit file or container starts them: with more than --config."""
    for member in fleet.members:
        with open(member.directory / "console.log", "ab") as console:
            subprocess.run(["setsid", "--fork", "nsenter", f"--net=/run/netns/{member.namespace}", "--",
                            fleet.server, *words_of(member)],
                           stdin=subprocess.DEVNULL, stdout=console, stderr=console, check=True)
    for member in fleet.members:
        wait_for(lambda m=member: fleet.is_master(m.name), f"{member.host} answers", 30)
    fleet.initiate()


def without(member, fleet, *keys):
    """The usual file but for some lines."""
    text = SERVER_CONFIGURATION.format(name=member.host, directory=member.directory,
                                       address=member.address, set_name=fleet.set_name)
    member.configuration.write_text("".join(
        line for line in text.splitlines(True) if not line.strip().startswith(keys)), encoding="utf-8")


# option on the command line, the lines of the file that it stands for
LOST = {
    "replSet": (lambda f, m: ["--replSet", f.set_name], ("replication:", "replSetName", "oplogSizeMB")),
    "replSet joined": (lambda f, m: [f"--replSet={f.set_name}"],
                       ("replication:", "replSetName", "oplogSizeMB")),
    "keyFile": (lambda f, m: ["--keyFile", str(m.directory / "keyfile")], ("security:", "keyFile")),
    "bind_ip_all": (lambda f, m: ["--bind_ip_all"], ("bindIp",)),
    "setParameter": (lambda f, m: ["--setParameter", "cursorTimeoutMillis=123456"], ("nothing",)),
}


@pytest.mark.parametrize("option", LOST)
def test_what_only_the_command_line_says_is_not_restarted_away(sandbox, server, option):
    words, keys = LOST[option]
    fleet = fleet_of(sandbox, server, f"argv{list(LOST).index(option)}")
    try:
        for member in fleet.members:
            without(member, fleet, *keys)
        start_with(fleet, lambda m: ["-f", str(m.configuration), *words(fleet, m)])
        shop = shop_of(sandbox, fleet)
        shop.specs.set_mode("preferSSL")
        refused = shop.refused("apply", "--yes", *shop.git)
        assert refused.returncode == BLOCKED
        assert "EK-0136" in refused.stderr and f"--{option.split()[0]}" in refused.stdout
    finally:
        fleet.destroy()


def test_what_the_file_says_as_well_is_not_lost(sandbox, server):
    fleet = fleet_of(sandbox, server, "argv-twice")
    try:
        start_with(fleet, lambda m: ["--config", str(m.configuration), "--port", str(PORT), "--replSet",
                                     fleet.set_name, f"--keyFile={m.directory / 'keyfile'}"])
        shop = shop_of(sandbox, fleet)
        shop.specs.set_mode("allowSSL")
        shop.succeed("apply", "--yes", *shop.git)
        assert set(fleet.running_modes().values()) == {"allowTLS"}
    finally:
        fleet.destroy()


# ---- what people set under net.tls ----------------------------------------------------------

@pytest.fixture(scope="module", name="by_tls")
def fixture_by_tls(sandbox, server):
    """A set in preferSSL; every test puts its files back."""
    fleet = fleet_of(sandbox, server, "options")
    fleet.start()
    fleet.initiate()
    shop = shop_of(sandbox, fleet)
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", "--yes", *shop.git)
    yield shop
    fleet.destroy()


@pytest.fixture(name="shop")
def fixture_shop(by_tls):
    by_tls.specs.set_mode("preferSSL")
    before = {m: m.configuration.read_text(encoding="utf-8") for m in by_tls.fleet.members}
    yield by_tls
    for member, text in before.items():
        member.configuration.write_text(text, encoding="utf-8")


def state(shop, mode, *lines):
    """Commit specs with these lines under tls."""
    more = "".join(f"    {line}\n" for line in lines)
    shop.specs.write("orders.yaml", deployment_text(shop.fleet, mode) + NO_WATCH +
                     (f"  tls:\n{more}" if more else ""))
    shop.specs.commit(f"{mode} with {lines}")


def add_to_tls(shop, line, members="abc"):
    for member in shop.fleet.members:
        if member.name in members:
            text = member.configuration.read_text(encoding="utf-8")
            member.configuration.write_text(text.replace("  tls:\n", f"  tls:\n    {line}\n"),
                                            encoding="utf-8")


def own_authority(shop):
    """Certificates by another authority, and an empty list of what it took back."""
    folder = shop.fleet.directory / "pki"
    if folder.exists():
        return folder
    folder.mkdir()

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "ca.key", "-out", "ca.pem", "-days", "100", "-subj", "/O=Example/CN=Company CA")
    (folder / "own.pem").write_text((folder / "ca.pem").read_text() + (folder / "ca.key").read_text())
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\n"
                                   "default_md=sha256\ndefault_crl_days=30\n")
    openssl("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem", "-out", "crl.pem")
    return folder


@pytest.mark.parametrize("line", ["clusterFile: {pki}/own.pem", "clusterCAFile: {pki}/ca.pem",
                                  "CRLFile: {pki}/crl.pem", "FIPSMode: true"])
@pytest.mark.parametrize("members", ["abc", "b"])
def test_an_option_that_may_part_members_is_refused_by_name(shop, line, members):
    key, value = line.format(pki=own_authority(shop)).split(": ")
    add_to_tls(shop, f"{key}: {value}", members)
    refused = shop.refused("apply", "--yes", *shop.git)
    assert refused.returncode == BLOCKED and "EK-0137" in refused.stderr
    assert f"net.tls.{key}" in refused.stderr and value in refused.stderr and "mongod.conf" in refused.stderr


@pytest.mark.parametrize("section, was, now", [("net", "bindIp: 127.0.0.1,", "bindIp: 127.0.0.1 #"),
                                               ("replication", "replSetName: rs-options",
                                                "replSetName: rs-other")])
def test_a_file_that_would_bring_back_another_member_is_refused(shop, section, was, now):
    member = shop.fleet["c"]
    member.configuration.write_text(member.configuration.read_text(encoding="utf-8").replace(was, now),
                                    encoding="utf-8")
    shop.specs.set_mode("disabled")
    refused = shop.refused("apply", "--yes", *shop.git)
    shop.specs.set_mode("preferSSL")
    assert "EK-0137" in refused.stderr and f"{section}.{was.split(':')[0]}" in refused.stderr


@pytest.mark.parametrize("spelling", [f"{ALLOW}: false", ""])
def test_mutual_tls_is_for_the_specs_to_say(shop, spelling):
    for member in shop.fleet.members:
        text = member.configuration.read_text(encoding="utf-8")
        member.configuration.write_text(text.replace(f"{ALLOW}: true", spelling), encoding="utf-8")
    plan = shop.tool.run("plan", *shop.git)
    assert plan.returncode == BLOCKED
    assert re.search(rf"{ALLOW}:\s+true, its\s+file\s+says\s+false", plan.stdout)
    assert f"tls.{ALLOW}" in plan.stdout


def comes_in(shop, name, context):
    try:
        wire.is_master(shop.fleet[name].address, PORT, context)
    except wire.Refused:
        return False
    return True


def test_mutual_tls_on_and_off_again_by_specs(shop):
    """Evenkeel comes in with a certificate of its own, signed by the authority."""
    bare = wire.trusting_context()
    state(shop, "preferSSL", f"{ALLOW}: false")
    done = shop.succeed("apply", "--yes", *shop.git)
    assert f"{ALLOW}   true -> false" in done.stdout
    assert not any(comes_in(shop, m.name, bare) for m in shop.fleet.members)
    shop.fleet.wait_healthy()
    shop.succeed("plan", *shop.git)
    shop.succeed("verify", *shop.git)
    state(shop, "preferSSL")  # what is not stated stays as it is
    shop.succeed("plan", *shop.git)
    state(shop, "preferSSL", f"{ALLOW}: true")
    shop.succeed("apply", "--yes", *shop.git)
    assert all(comes_in(shop, m.name, bare) for m in shop.fleet.members)


def test_protocols_and_ciphers_by_specs(shop):
    only_1_2 = wire.trusting_context()
    only_1_2.maximum_version = ssl.TLSVersion.TLSv1_2
    state(shop, "preferSSL", 'disabledProtocols: "TLS1_0,TLS1_1,TLS1_2"', "tlsCipherConfig: HIGH:!aNULL")
    done = shop.succeed("apply", "--yes", *shop.git)
    assert "disabledProtocols   unset -> TLS1_0,TLS1_1,TLS1_2" in done.stdout
    assert "tlsCipherConfig   unset -> HIGH:!aNULL" in done.stdout
    assert not any(comes_in(shop, m.name, only_1_2) for m in shop.fleet.members)
    shop.fleet.wait_healthy()
    shop.succeed("plan", *shop.git)
    state(shop, "preferSSL", "disabledProtocols: TLS1_3")
    refused = shop.refused("apply", "--yes", *shop.git)  # nothing in common on the way
    assert "EK-0138" in refused.stderr and "disabledProtocols" in refused.stderr
    state(shop, "preferSSL", "disabledProtocols: none")
    shop.succeed("apply", "--yes", *shop.git)
    assert all(comes_in(shop, m.name, only_1_2) for m in shop.fleet.members)


def test_what_people_set_outlives_a_time_without_tls(shop):
    add_to_tls(shop, "# ticket 4711\n    disabledProtocols: TLS1_0,TLS1_1   # policy")
    shop.succeed("apply", "--yes", *shop.git)
    shop.specs.set_mode("disabled")
    plan = shop.succeed("plan", *shop.git, status=CHANGES)
    assert "disabledProtocols TLS1_0,TLS1_1 -> unset (kept as a comment" in " ".join(plan.stdout.split())
    shop.succeed("apply", "--yes", *shop.git)
    texts = [m.configuration.read_text(encoding="utf-8") for m in shop.fleet.members]
    assert all("  tls:" not in text and "disabledProtocols: TLS1_0,TLS1_1   # policy" in text
               for text in texts)
    shop.specs.set_mode("preferSSL")
    plan = shop.succeed("plan", *shop.git, status=CHANGES)
    assert "disabledProtocols   unset -> TLS1_0,TLS1_1" in plan.stdout
    shop.succeed("apply", "--yes", *shop.git)
    for member in shop.fleet.members:
        options = shop.fleet.command(member.name, "getCmdLineOpts")["parsed"]["net"]["tls"]
        assert options["disabledProtocols"] == "TLS1_0,TLS1_1"
        text = member.configuration.read_text(encoding="utf-8")
        assert "    # ticket 4711\n    disabledProtocols: TLS1_0,TLS1_1   # policy\n" in text
        assert "kept by Evenkeel" not in text


def test_a_parameter_that_a_server_without_tls_refuses(shop):
    member = shop.fleet["b"]
    with open(member.configuration, "a", encoding="utf-8") as file:
        file.write("setParameter:\n  opensslCipherConfig: HIGH\n")
    shop.specs.set_mode("disabled")
    refused = shop.refused("apply", "--yes", *shop.git)
    shop.specs.set_mode("preferSSL")
    assert "EK-0139" in refused.stderr and "opensslCipherConfig" in refused.stderr
