"""A fleet on machines that somebody set up is taken up over SSH: import, commit, no changes, SSL."""

import json
import shutil

import pytest

from fleet import PORT
from importing import Imported, secret_file
from machines import NAMES
from watcher import Watcher

ERROR, CHANGES, BLOCKED = 1, 2, 6


@pytest.fixture(name="imported")
def the_import(shop, tmp_path, build):
    return Imported(tmp_path, build.resolve(), shop.fleet)


def by_ssh(fleet, user="ops"):
    return ("--ssh-user", user, "--ssh-identity-file", fleet.keys.identity, "--ssh-known-hosts",
            fleet.keys.known_hosts)


def address(fleet, member="a"):
    return f"mongodb://{fleet[member].host}:{PORT}"


def state_of(fleet):
    """What an import must leave alone."""
    found = [m.run("sh", "-c", "find /etc /var/lib/evenkeel /run/evenkeel /run/systemd/system -newer /etc/hostname "
                               "-type f | sort | xargs -r sha256sum; ls -A /run /tmp", check=False).stdout
             for m in fleet.machines.values()]
    return found, fleet.processes(), fleet.configuration()["version"]


def test_host_is_asked_and_nothing_is_changed(shop, imported):
    fleet = shop.fleet
    before = state_of(fleet)
    done = imported.run("import", address(fleet), *by_ssh(fleet), "--out", imported.file)
    assert state_of(fleet) == before
    assert fleet.key not in done.stdout + done.stderr + imported.file.read_text(encoding="utf-8")
    text = imported.file.read_text(encoding="utf-8")
    for words in ("name: hosts\n", "user: mongodb\n", "user: ops\n", "sudo: true"):
        assert words in text, text
    assert text.count("unit: mongod.service\n") == text.count("configuration: /etc/mongod.conf\n") == 3
    imported.run("validate", str(imported.repository))


def test_login_as_root_needs_no_sudo(shop, imported):
    fleet = shop.fleet
    imported.run("import", address(fleet), *by_ssh(fleet, "root"), "--out", imported.file)
    assert "sudo" not in imported.file.read_text(encoding="utf-8")


def test_user_without_sudo(shop, imported, tmp_path):
    fleet = shop.fleet
    done = imported.run("import", address(fleet), *by_ssh(fleet, "plain"), status=1)
    assert "EK-0432" in done.stderr and "sudo" in done.stderr
    password = secret_file(tmp_path / "password", fleet.root_password)
    done = imported.run("import", address(fleet), *by_ssh(fleet, "plain"), "--user", "root", "--password-file",
                        password, "--out", imported.file, status=BLOCKED)
    assert done.stdout.count("[EK-0465]") == 3, done.stdout
    assert imported.file.read_text(encoding="utf-8").count("# NOT SEEN: ") == 3


def test_host_key_that_nobody_knows(shop, imported, tmp_path):
    (tmp_path / "none").write_text("")
    done = imported.run("import", address(shop.fleet), "--ssh-user", "ops", "--ssh-identity-file",
                        shop.fleet.keys.identity, "--ssh-known-hosts", tmp_path / "none", status=1)
    assert "host key" in done.stderr or "EK-0461" in done.stderr, done.stderr


def test_on_the_machine_itself(shop, build):
    """Without SSH it would act for all three on its own unit: no specs say that."""
    machine = shop.fleet.machines["b"]
    shutil.copy(build / "evenkeel", machine.path("/usr/local/bin/evenkeel"))
    done = machine.run("evenkeel", "import", shop.fleet["b"].host, "--reach", "local", check=False)
    assert done.returncode == ERROR, done.stdout + done.stderr
    assert "mongod.service is the unit of member" in done.stderr, done.stderr
    assert "EK-1409" in done.stderr and "--reach local is for members that are all on this machine" in done.stderr


def test_several_servers_on_a_host_and_template_units(shop, imported):
    """Which unit and which file is told by the process that answers, not by their names."""
    fleet = shop.fleet
    name = next(m.name for m in reversed(fleet.members) if m.name != fleet.primary())
    machine = fleet.machines[name]
    unit = machine.path("/etc/systemd/system/mongod.service").read_text(encoding="utf-8")
    machine.write("/etc/systemd/system/mongod@.service", unit.replace("/etc/mongod.conf", "/etc/mongod-%i.conf"))
    machine.run("cp", "-p", "/etc/mongod.conf", "/etc/mongod-rs.conf")
    try:
        machine.run("sh", "-c", "systemctl daemon-reload; systemctl stop mongod; systemctl start mongod@rs")
        fleet.wait_settled()
        imported.run("import", address(fleet), *by_ssh(fleet), "--out", imported.file)
        text = imported.file.read_text(encoding="utf-8")
        assert text.count("unit: mongod.service\n") == 2 and text.count("unit: mongod@rs.service\n") == 1
        assert text.count("configuration: /etc/mongod-rs.conf\n") == 1
    finally:
        machine.run("sh", "-c", "systemctl stop mongod@rs; rm /etc/systemd/system/mongod@.service "
                                "/etc/mongod-rs.conf; systemctl daemon-reload; systemctl start mongod")
        fleet.wait_settled()


def test_from_import_to_ssl(shop, imported):
    """The last test of all: it leaves the fleet to an Evenkeel that is gone afterwards."""
    fleet = shop.fleet
    imported.run("import", address(fleet), *by_ssh(fleet), "--out", imported.file)
    imported.commit()
    told = json.loads(imported.run("plan", *imported.source, "--output", "json", status=CHANGES).stdout)
    assert [step["kind"] for step in told["deployments"][0]["steps"]] == ["create-user"]
    with Watcher(fleet) as seen:
        imported.run("apply", *imported.source, "--yes")
    assert set(seen.restarts.values()) == {0}
    assert "No changes." in imported.run("plan", *imported.source).stdout

    text = imported.file.read_text(encoding="utf-8").replace(
        "  sslDomain:\n", f"  sslDomain:\n    dns: {{ provider: hostsFile, path: {NAMES / 'hosts'} }}\n")
    imported.file.write_text(text.replace("sslMode: disabled", "sslMode: preferSSL"), encoding="utf-8")
    imported.commit()
    with Watcher(fleet) as seen:
        imported.run("apply", *imported.source, "--yes")
    assert seen.down_together <= 1 and set(seen.restarts.values()) == {1}
    assert set(fleet.running_modes().values()) == {"preferTLS"}
    assert "No changes." in imported.run("plan", *imported.source).stdout
