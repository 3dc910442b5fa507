"""import: specs of a fleet that somebody else set up, and that they are taken up from there."""

import json
import re
import shutil
import socket
import threading

import pytest

from fleet import PORT, Fleet, wait_for
from importing import Imported, OpenFleet, secret_file
from test_command_line import TOP, follow
from watcher import Watcher

SCHEMA = json.loads((TOP / "contrib/schema/import.schema.json").read_text(encoding="utf-8"))
OK, ERROR, CHANGES, BLOCKED, USAGE = 0, 1, 2, 6, 64


@pytest.fixture(name="imported")
def the_import(shop, tmp_path, request):
    return Imported(tmp_path, request.config.rootpath / "build", shop.fleet)


def found(imported, *words, **more):
    """What is found, as JSON: members by name, notes."""
    told = json.loads(imported.take(*words, "--output", "json", **more).stdout)
    follow(SCHEMA, SCHEMA, told, "import")
    return {m["name"]: m for m in told["members"]}, told["notes"]


# -- a fleet with keyFile and users ------------------------------------------------------------


def test_nothing_is_changed_and_no_secret_is_told(shop, imported):
    before = shop.world()
    done = imported.take("--out", imported.file)
    assert shop.world() == before
    told = done.stdout + done.stderr + imported.file.read_text(encoding="utf-8")
    for secret in (shop.fleet.key, shop.fleet.root_password, shop.fleet.app_password):
        assert secret not in told
    assert not imported.tool.master_key.exists(), "an import needs no secrets of its own"


def test_specs_are_valid_and_say_who_is_there(shop, imported):
    imported.take("--out", imported.file)
    imported.run("validate", str(imported.repository))
    text = imported.file.read_text(encoding="utf-8")
    assert f"name: {shop.fleet.set_name}\n" in text and "sslMode: disabled\n" in text
    assert "priority: 2\n" in text and "app@admin (readWrite on orders)" in text
    for member in shop.fleet.members:
        assert f"host: {member.host}\n" in text
        assert f"configuration: {member.configuration}\n" in text


def test_first_plan_makes_our_own_user_and_nothing_else(shop, imported):
    imported.take("--out", imported.file, "--check", status=CHANGES)
    imported.commit()
    told = json.loads(imported.run("plan", *imported.source, "--output", "json", status=CHANGES).stdout)
    steps = told["deployments"][0]["steps"]
    assert [step["kind"] for step in steps] == ["create-user"]
    assert "user" in imported.take(status=OK).stderr


def test_any_member_knows_the_others(imported):
    names = set()
    for member in "abc":
        members, notes = found(imported, member=member)
        names.add(tuple(sorted(members)))
        assert all(m["proven"] for m in members.values())
        assert not [n for n in notes if n["kind"] in ("unseen", "in-the-way")]
    assert len(names) == 1


def test_existing_file_is_not_touched(imported):
    imported.file.parent.mkdir()
    imported.file.write_text("# mine\n", encoding="utf-8")
    done = imported.take("--out", imported.file, status=ERROR)
    assert "EK-1411" in done.stderr
    assert imported.file.read_text(encoding="utf-8") == "# mine\n"
    assert [p.name for p in imported.file.parent.iterdir()] == ["orders.yaml"]
    imported.take("--out", imported.file, "--force")
    assert "kind: Deployment" in imported.file.read_text(encoding="utf-8")


def test_account_and_authority_around_it_are_used(imported):
    (imported.repository / "account.yaml").write_text(
        "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme }\n---\n"
        "apiVersion: evenkeel/v1\nkind: CertificateAuthority\nmetadata: { name: house, account: acme }\n",
        encoding="utf-8")
    imported.take("--out", imported.file)
    text = imported.file.read_text(encoding="utf-8")
    assert "account: acme\n" in text and "authority: house\n" in text and "kind: Account" not in text
    imported.run("validate", str(imported.repository))
    done = imported.take("--out", imported.file.with_name("again.yaml"), status=ERROR)
    assert "EK-1409" in done.stderr and "EK-03" in done.stderr, "its servers are another deployment's"
    assert not imported.file.with_name("again.yaml").exists()


def test_specs_go_to_standard_output(imported):
    done = imported.take()
    assert done.stdout.startswith("# Replica set") and "kind: Deployment" in done.stdout
    assert "PRIMARY" in done.stderr


# -- logging in --------------------------------------------------------------------------------


def test_user_and_password(shop, imported, tmp_path):
    password = secret_file(tmp_path / "password", shop.fleet.root_password + "\n")
    members, _ = found(imported, "--user", "root", "--password-file", password)
    assert len(members) == 3
    host = shop.fleet["b"].host
    found(imported, "--password-file", password, address=f"mongodb://root@{host}/?authSource=admin&tls=false")
    done = imported.take("--password-file", password, address=f"mongodb://root@{host}/?authSource=orders",
                         status=ERROR)
    assert "EK-0432" in done.stderr


def test_wrong_password(shop, imported, tmp_path):
    password = secret_file(tmp_path / "password", "wrong-" + shop.fleet.root_password)
    done = imported.take("--user", "root", "--password-file", password, "--out", imported.file, status=ERROR)
    assert "EK-0432" in done.stderr and "root" in done.stderr
    assert "wrong-" not in done.stdout + done.stderr and not imported.file.exists()


def test_password_file_that_others_may_read(imported, tmp_path):
    done = imported.take("--user", "root", "--password-file", secret_file(tmp_path / "password", "x", 0o644),
                         status=ERROR)
    assert "EK-1413" in done.stderr


def test_password_in_the_address_is_refused(imported):
    done = imported.take(address="mongodb://root:hunter2@db-a.example.net", status=USAGE)
    assert "EK-1412" in done.stderr and "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [
    (), ("mongodb+srv://orders.example.net",), ("https://db-a.example.net",), ("a,b",), ("db a",), ("db-a:0",),
    ("db-a", "--user", "root"), ("db-a", "--password-file", "x"), ("db-a", "--ssh-port", "no"),
    ("db-a", "--account", "No Name"), ("db-a", "--ssh-user", "a b")])
def test_what_makes_no_sense(imported, words):
    imported.run("import", *words, status=USAGE)


# -- bad days ----------------------------------------------------------------------------------


def test_nobody_at_home(imported):
    done = imported.take(address="mongodb://127.0.0.1:1", status=ERROR)
    assert "EK-0430" in done.stderr


def test_member_that_is_down_is_written_and_told(shop, imported):
    fleet = shop.fleet
    name = next(m.name for m in reversed(fleet.members) if m.name != fleet.primary())
    alive = next(m.name for m in fleet.members if m.name != name)
    fleet.kill(name)
    try:
        done = imported.take("--out", imported.file, member=alive, status=BLOCKED)
        assert "EK-1410" in done.stderr and f"db-{name}: its server does not answer" in done.stdout
        text = imported.file.read_text(encoding="utf-8")
        assert "# NOT SEEN: its server does not answer" in text and fleet[name].host in text
        imported.run("validate", str(imported.repository))
        told = imported.run("plan", str(imported.repository), status=BLOCKED)
        assert "EK-010" in told.stdout
    finally:
        fleet.start([name])
        fleet.wait_settled()


def test_address_that_is_passed_on(shop, imported, tmp_path):
    """By a tunnel, for example: that leads to a member, and its set has the names that count."""
    fleet = shop.fleet
    password = secret_file(tmp_path / "password", fleet.root_password)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=passed_on, args=(listener, fleet["a"].address), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        members, notes = found(imported, "--user", "root", "--password-file", password, address=address)
        assert len(members) == 3 and not [n for n in notes if n["kind"] == "unseen"], notes
        done = imported.take(address=address, status=ERROR)
        assert "EK-0432" in done.stderr and "no keyFile of a server at port" in done.stderr


def passed_on(listener, address):
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, target):
                end.close()
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.create_connection((address, PORT))
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def test_configuration_of_the_old_format(shop, imported):
    path = shop.fleet["b"].configuration
    text = path.read_text(encoding="utf-8")
    path.write_text("# as before 2.6\n\ndbpath = /srv/db\nport=27017\n", encoding="utf-8")
    try:
        done = imported.take("--out", imported.file, status=BLOCKED)
        assert "[EK-1405]" in done.stdout
        assert "# IN THE WAY: " in imported.file.read_text(encoding="utf-8")
    finally:
        path.write_text(text, encoding="utf-8")


def test_configuration_that_is_broken(shop, imported):
    path = shop.fleet["b"].configuration
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "net: [\n", encoding="utf-8")
    try:
        done = imported.take(status=BLOCKED)
        assert "[EK-0410]" in done.stderr, done.stderr
    finally:
        path.write_text(text, encoding="utf-8")


def test_specs_of_provider_hosts_need_a_unit(shop, imported):
    done = imported.run("import", f"{shop.fleet['a'].host}", "--reach", "local", status=ERROR)
    assert "is not this machine" in done.stderr


def test_host_that_is_not_reached_by_ssh(shop, imported, tmp_path):
    """What the server itself tells is written; what its host would have told is named."""
    password = secret_file(tmp_path / "password", shop.fleet.root_password)
    if not shutil.which("ssh"):
        pytest.skip("no ssh here")
    done = imported.run("import", shop.fleet["a"].host, "--ssh-user", "ops", "--ssh-port", "2", "--user", "root",
                        "--password-file", password, "--out", imported.file, status=BLOCKED)
    assert len(re.findall(r"\[EK-04(?:60|61|72)\]", done.stdout)) == 3, done.stdout
    text = imported.file.read_text(encoding="utf-8")
    assert "name: hosts" in text and "user: ops" in text and "# DECIDE: unit" in text
    assert f"configuration: {shop.fleet['a'].configuration}\n" in text, "the server told that"
    imported.run("validate", str(imported.repository))


# -- fleets of other kinds ---------------------------------------------------------------------


@pytest.fixture(name="fleet", scope="module")
def the_other_fleet(sandbox, server):
    """One without keyFile and users, with a hidden member, and one that may not lead."""
    fleet = OpenFleet(sandbox / "import", server, name="imported", priorities={"a": 2})
    fleet.provision()
    fleet.start()
    yield fleet
    fleet.destroy()


def test_server_that_waits_for_a_set(fleet, tmp_path, request):
    imported = Imported(tmp_path, request.config.rootpath / "build", fleet)
    done = imported.take("--out", imported.file, status=ERROR)
    assert "EK-1401" in done.stderr and "initiate" in done.stderr and not imported.file.exists()


def initiated(fleet):
    if fleet.primary():
        return
    members = [{"_id": index, "host": f"{m.host}:{PORT}", "priority": m.priority}
               for index, m in enumerate(fleet.members)]
    members[2].update(hidden=True, priority=0, tags={"use": "reports"})
    fleet.command("a", {"replSetInitiate": {
        "_id": fleet.set_name, "members": members, "settings": {"electionTimeoutMillis": 9000}}})
    wait_for(fleet.primary, "a primary", 60)
    wait_for(lambda: sorted(m["stateStr"] for m in fleet.command("a", "replSetGetStatus")["members"])
             == ["PRIMARY", "SECONDARY", "SECONDARY"], "everybody is there", 60)


def test_import_commit_plan_and_then_ssl(fleet, tmp_path, request):
    """The whole way: no changes, and then one line of the specs is another one."""
    initiated(fleet)
    imported = Imported(tmp_path, request.config.rootpath / "build", fleet)
    imported.take("--out", imported.file)
    text = imported.file.read_text(encoding="utf-8")
    assert "hidden: true\n" in text and "priority: 0\n" in text
    assert '# Stays as it is: its tags: {"use":"reports"}' in text
    assert "# Stays as it is: settings of the replica set: electionTimeoutMillis: 9000" in text
    imported.commit()
    done = imported.run("plan", *imported.source)
    assert "No changes." in done.stdout

    imported.file.write_text(text.replace("sslMode: disabled", "sslMode: preferSSL"), encoding="utf-8")
    imported.commit()
    imported.run("plan", *imported.source, status=CHANGES)
    with Watcher(fleet) as seen:
        imported.run("apply", *imported.source, "--yes")
    assert seen.down_together <= 1 and set(seen.restarts.values()) == {1}
    assert "No changes." in imported.run("plan", *imported.source).stdout

    # Once more, from a fleet that is ours by now: by the names of its SSL domain.
    host = fleet.command("a", "replSetGetConfig")["config"]["members"][0]["host"]
    again = imported.file.with_name("again.yaml")
    trust = imported.tool.state / "authorities" / "default" / "default-ca.pem"
    imported.file.rename(tmp_path / "before.yaml")
    imported.take("--out", again, "--deployment", "orders", "--ca-file", trust, "--check", address=host)
    text = again.read_text(encoding="utf-8")
    assert "sslMode: preferSSL\n" in text and "authority: default-ca\n" in text and "# DECIDE: " in text
    imported.commit()
    assert "No changes." in imported.run("plan", *imported.source).stdout

    # To somebody with another state directory the certificates are a stranger's.
    (tmp_path / "stranger").mkdir()
    stranger = Imported(tmp_path / "stranger", request.config.rootpath / "build", fleet)
    done = stranger.take("--out", stranger.file, address=host, status=BLOCKED)
    assert "[EK-1408]" in done.stdout and "[EK-1407]" in done.stdout
    assert "approval: required\n" in stranger.file.read_text(encoding="utf-8")
    stranger.run("validate", str(stranger.repository))
    done = stranger.take("--ca-file", "/etc/hosts", address=host, status=ERROR)
    assert "EK-0445" in done.stderr


class ArbitratedFleet(Fleet):
    """One whose last member votes and holds nothing, so that no user can log in there."""

    def command(self, name, *command, **arguments):
        if name == self.members[-1].name:
            with self.as_system(name) as client:
                return client.admin.command(*command, **arguments)
        return super().command(name, *command, **arguments)

    def initiate(self):
        members = [{"_id": index, "host": f"{m.host}:{PORT}"} for index, m in enumerate(self.members)]
        members[-1].update(arbiterOnly=True, priority=0)
        with self.as_system("a") as client:
            client.admin.command("replSetInitiate", {"_id": self.set_name, "members": members})
        with self.as_system(wait_for(self.primary, "a primary", 60)) as client:
            client.admin.command("createUser", "root", pwd=self.root_password, roles=["root"])
        wait_for(lambda: sorted(m["stateStr"] for m in self.status("a")["members"])
                 == ["ARBITER", "PRIMARY", "SECONDARY"], "everybody is there", 60)


def test_arbiter(sandbox, server, tmp_path, request):
    """It is asked by the keyFile on its host, also where others are asked as a user."""
    fleet = ArbitratedFleet(sandbox / "arbitrated", server, name="arbitrated")
    try:
        fleet.provision()
        fleet.start()
        fleet.initiate()
        imported = Imported(tmp_path, request.config.rootpath / "build", fleet)
        password = secret_file(tmp_path / "password", fleet.root_password)
        imported.take("--user", "root", "--password-file", password, "--out", imported.file)
        text = imported.file.read_text(encoding="utf-8")
        assert text.count("arbiter: true\n") == 1 and "NOT SEEN" not in text
        imported.commit()
        told = json.loads(imported.run("plan", *imported.source, "--output", "json", status=CHANGES).stdout)
        assert [step["kind"] for step in told["deployments"][0]["steps"]] == ["create-user"]
        found(imported, member="c")
    finally:
        fleet.destroy()
