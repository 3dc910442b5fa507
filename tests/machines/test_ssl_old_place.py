"""A fleet that an earlier version set up: its files lie in places that leave out the account. It goes
on as it is; the next change takes them along, at no cost, and leaves none behind."""

import pytest

from fleet import PORT
from machines import MachineSpecs, deployment_text
from watcher import Watcher

TOPS = ("/etc/evenkeel", "/run/evenkeel", "/var/lib/evenkeel")
OTHER_UNIT = """\
[Service]
User=mongodb
Group=mongodb
ExecStart=/usr/local/bin/mongod --config /etc/other.conf
"""


def old(shop, member):
    return f"{shop.fleet.name}-{member}"


def new(shop, member, account="acme"):
    return f"{account}.{shop.fleet.name}.{member}"


def age(shop):
    """What an earlier version would have made of it, one member after the other."""
    fleet = shop.fleet
    for name in sorted(fleet.machines, key=lambda n: n == fleet.primary()):
        machine = fleet.machines[name]
        machine.run("systemctl", "stop", "mongod.service")
        for top in TOPS:
            machine.run("mv", "-T", f"{top}/{new(shop, name)}", f"{top}/{old(shop, name)}")
        text = configured(shop, name).replace(new(shop, name), old(shop, name))
        machine.run("sh", "-c", "cat >/etc/mongod.conf", input=text)
        machine.run("systemctl", "start", "mongod.service")
        fleet.wait_healthy()
    fleet.wait_settled()


def configured(shop, name):
    return shop.fleet.machines[name].run("cat", "/etc/mongod.conf").stdout


def running(shop, name):
    return str(shop.fleet.command(name, "getCmdLineOpts")["parsed"])


def there(shop, name, top, directory):
    return shop.fleet.machines[name].run("test", "-e", f"{top}/{directory}", check=False).returncode == 0


def left(shop, name):
    """Files at the old place; a kill may leave an empty directory there."""
    return shop.fleet.machines[name].run("find", *(f"{top}/{old(shop, name)}" for top in TOPS), "-type", "f",
                                         check=False).stdout.split()


def names_old(shop, text, name):
    return f"/{old(shop, name)}/" in text


@pytest.fixture(name="aged", scope="module")
def the_aged(shop):
    shop.specs.set_mode("preferSSL")
    shop.succeed("apply", *shop.git, "--yes")
    shop.fleet.wait_settled()
    age(shop)
    yield shop
    for machine in shop.fleet.machines.values():  # as the next file wants it
        machine.run("systemctl", "stop", "other.service", check=False)
        machine.run("rm", "-rf", "/etc/systemd/system/other.service", "/etc/systemd/system/other.service.d",
                    "/etc/other.conf", "/usr/local/bin/mongod",
                    *(f"{top}/{new(shop, name, 'zeta')}" for top in TOPS for name in shop.fleet.machines))
        machine.run("systemctl", "daemon-reload")
    shop.specs.set_mode("disabled")
    shop.succeed("apply", *shop.git, "--yes")
    shop.fleet.wait_settled()


def test_nothing_is_due_for_that(aged):
    assert "No changes" in aged.succeed("plan", *aged.git).stdout
    aged.succeed("verify", *aged.git)


def test_an_account_beside_it_has_the_same_names(aged, sandbox):
    """On the same hosts, servers of their own. Nobody takes the other's files for its own."""
    fleet = aged.fleet
    for machine in fleet.machines.values():
        machine.run("mkdir", "-p", "/usr/local/bin")
        machine.run("cp", "/usr/bin/mongod", "/usr/local/bin/mongod")
        machine.write("/etc/systemd/system/other.service", OTHER_UNIT)
        machine.run("systemctl", "daemon-reload")
    specs = MachineSpecs(sandbox / "other-specs", fleet)
    for name in ("account.yaml", "authority.yaml"):
        path = specs.directory / name
        path.write_text(path.read_text(encoding="utf-8").replace("acme", "zeta"), encoding="utf-8")
    text = deployment_text(fleet, "preferSSL").replace("acme", "zeta")
    specs.write("orders.yaml", text.replace(
        f"port: {PORT},", f"port: {PORT + 1}, unit: other.service, configuration: /etc/other.conf,"))
    specs.commit("the same names, for another account")
    with Watcher(fleet) as seen:
        aged.succeed("apply", "--git", str(specs.directory), "--yes")
        assert "No changes" in aged.succeed("plan", "--git", str(specs.directory)).stdout
        aged.succeed("verify", "--git", str(specs.directory))
        assert "No changes" in aged.succeed("plan", *aged.git).stdout
    assert set(seen.restarts.values()) == {0}
    for name, machine in fleet.machines.items():
        text = machine.run("cat", "/etc/other.conf").stdout
        assert f"/etc/evenkeel/{new(aged, name, 'zeta')}/server.pem" in text, text
        assert there(aged, name, "/etc/evenkeel", f"{old(aged, name)}/server.pem")
        assert there(aged, name, "/run/evenkeel", f"{old(aged, name)}/key-password")


def test_a_change_at_run_time_takes_the_files_along(aged):
    """Killed again and again while they are copied. No restart for it, and what the servers run with stays
    until there is one."""
    aged.specs.set_mode("requireSSL")
    plan = aged.succeed("plan", *aged.git, status=2).stdout
    assert "its files leave the place of an earlier version" in " ".join(plan.split()), plan

    def copied(count):
        return lambda: sum(there(aged, n, "/etc/evenkeel", f"{new(aged, n)}/server.pem")
                           for n in aged.fleet.machines) >= count

    output = aged.directory / "killed-while-copying.log"
    with Watcher(aged.fleet) as seen:
        kills = [aged.tool.apply_until(copied(count), *aged.git, "--yes", output=output) for count in (1, 2, 3)]
        aged.succeed("apply", *aged.git, "--yes")
        assert "No changes" in aged.succeed("plan", *aged.git).stdout
    assert kills[0], output.read_text(encoding="utf-8")
    assert set(seen.restarts.values()) == {0} and seen.elections == 0
    for name, machine in aged.fleet.machines.items():
        assert not names_old(aged, configured(aged, name), name)
        assert names_old(aged, running(aged, name), name)
        assert there(aged, name, "/etc/evenkeel", f"{old(aged, name)}/server.pem")
        for path, wanted in ((f"/etc/evenkeel/{new(aged, name)}", "root:mongodb 750"),
                             (f"/etc/evenkeel/{new(aged, name)}/server.pem", "mongodb:mongodb 600"),
                             (f"/run/evenkeel/{new(aged, name)}", "mongodb:mongodb 700"),
                             (f"/run/evenkeel/{new(aged, name)}/key-password", "mongodb:mongodb 400")):
            assert machine.run("stat", "-c", "%U:%G %a", path).stdout.strip() == wanted, path


def test_killed_on_the_way_it_leaves_nothing_behind(aged):
    fleet = aged.fleet
    aged.specs.set_mode("preferSSL")
    plan = aged.succeed("plan", *aged.git, status=2).stdout
    assert "remove old files" in plan, plan
    before = fleet.processes()

    def gone(count):
        return sum(not there(aged, n, "/etc/evenkeel", f"{old(aged, n)}/server.pem")
                   for n in fleet.machines) >= count

    def stopped():
        return None in fleet.processes().values()

    def back(count):
        now = fleet.processes()
        return sum(now[n] is not None and now[n] != before[n] for n in now) >= count

    output = aged.directory / "killed-at-the-old-place.log"
    with Watcher(fleet) as seen:
        for moment in (stopped, lambda: back(2), lambda: gone(1), lambda: gone(2)):
            aged.tool.apply_until(moment, *aged.git, "--yes", output=output)
        aged.succeed("apply", *aged.git, "--yes")
        fleet.wait_settled()
    assert set(seen.restarts.values()) == {1}, output.read_text(encoding="utf-8")
    assert seen.down_together <= 1
    for name in fleet.machines:
        assert not names_old(aged, configured(aged, name) + running(aged, name), name)
        assert not left(aged, name)
    assert "No changes" in aged.succeed("plan", *aged.git).stdout
    aged.succeed("verify", *aged.git)
