"""What goes wrong on the way to a host and on it: one message each, nothing changed, and running
again resumes."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from cut import Cut
from fleet import wait_for
from machines import SUDOERS, Keys

RECORD = "/var/lib/evenkeel/acme.orders.a/record"


class Caller:
    """One call of the driver at a time, from here to machine a."""

    def __init__(self, fleet, program, sockets):
        self.fleet, self.program, self.sockets = fleet, program, sockets
        self.machine = fleet.machines["a"]

    def settings(self, **more):
        return {"XDG_RUNTIME_DIR": self.sockets, "EVENKEEL_CONTRACT": "ssh",
                "EVENKEEL_SSH_HOST": self.fleet["a"].host,
                "EVENKEEL_SSH_USER": "ops", "EVENKEEL_SSH_SUDO": "yes",
                "EVENKEEL_SSH_IDENTITY": str(self.fleet.keys.identity),
                "EVENKEEL_SSH_KNOWN_HOSTS": str(self.fleet.keys.known_hosts),
                **{f"EVENKEEL_SSH_{k.upper()}": str(v) for k, v in more.items()}}

    def start(self, *words, **more):
        return subprocess.Popen([str(self.program), *map(str, words)],
                                env=dict(os.environ, **self.settings(**more)), text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, *words, **more):
        with self.start(*words, **more) as process:
            output = process.communicate(timeout=90)[0]
        assert process.returncode in (0, 1), (process.returncode, output)
        return process.returncode, output

    def works(self, *words, **more):
        status, output = self(*words, **more)
        assert status == 0, output
        return output

    def fails(self, wanted, *words, **more):
        status, output = self(*words, **more)
        assert status == 1 and output.startswith(wanted + " "), output
        return output


@pytest.fixture(name="call")
def the_caller(machines, build):
    """Each test begins without a connection: its sockets are in a directory of its own."""
    with tempfile.TemporaryDirectory(dir="/run") as sockets:
        yield Caller(machines, build / "unit" / "host_contract", sockets)


@contextlib.contextmanager
def login_shell(machine, shell):
    machine.run("usermod", "--shell", shell, "ops")
    try:
        yield
    finally:
        machine.run("usermod", "--shell", "/bin/sh", "ops")
        machine.run("rm", "-f", "/home/ops/.bashrc", "/home/ops/.cshrc")


# -- as people have set up their client -------------------------------------------------


def configuration(fleet, path, text):
    path.write_text(f"{text}Host *\n  User ops\n  IdentityFile {fleet.keys.identity}\n"
                    f"  UserKnownHostsFile {fleet.keys.known_hosts}\n")
    return {"config": path, "user": "", "identity": "", "known_hosts": ""}


def test_ssh_config_with_a_jump(call, tmp_path):
    fleet = call.fleet
    settings = configuration(fleet, tmp_path / "config",
                             f"Host behind\n  HostName {fleet['a'].host}\n"
                             f"  ProxyCommand ssh -F {tmp_path / 'config'} -W %h:%p {fleet['b'].host}\n")
    assert call.works("run", 30, "uname", "-n", host="behind", **settings).strip() == fleet["a"].host


def aliases(call, tmp_path):
    return configuration(call.fleet, tmp_path / "config",
                         f"Host h*\n  HostName {call.fleet['a'].host}\n"
                         f"  HostKeyAlias {call.fleet['a'].host}\n")


def test_many_hosts_are_asked_at_once(call, tmp_path):
    """Each waits until all are there: one after the other they would never end."""
    call.works("many", 90, 24, "sh", "-c", "cd /tmp; mkdir -p all; touch all/$$; "
               "until [ $(ls all | wc -l) -ge 24 ]; do sleep 0.1; done", **aliases(call, tmp_path))


def test_no_more_are_asked_at_once_than_specs_allow(call, tmp_path):
    call.works("many", 90, 9, "sh", "-c", "cd /tmp; mkdir -p now; touch now/$$; "
               "ls now | wc -l >>most; sleep 0.3; rm now/$$", connections=3, **aliases(call, tmp_path))
    counts = call.machine.run("cat", "/tmp/most").stdout.split()
    assert len(counts) == 9 and max(map(int, counts)) <= 3, counts


# -- the login ------------------------------------------------------------------------


NOISE = "echo Welcome to this host; echo 'Disk 91 % full' >&2; echo"


def test_noise_of_the_login_is_no_answer(call):
    machine = call.machine
    with login_shell(machine, "/bin/bash"):
        machine.write("/home/ops/.bashrc", NOISE + "\nexport LC_ALL=de_DE.UTF-8\n")
        assert call.works("run", 30, "printf", "%s", "answer") == "answer"


def test_shell_that_is_no_sh(call):
    machine = call.machine
    with login_shell(machine, "/bin/tcsh"):
        machine.write("/home/ops/.cshrc", "echo Welcome\nsetenv LC_ALL de_DE.UTF-8\n")
        assert call.works("run", 30, "printf", "%s|%s", "a b", "!") == "a b|!"


def test_no_shell_at_all(call):
    with login_shell(call.machine, "/usr/sbin/nologin"):
        call.fails("EK-0471", "facts", 30)


def test_login_refused(call, tmp_path):
    other = Keys(tmp_path / "other")
    call.fails("EK-0464", "facts", 30, identity=other.identity)


def test_host_that_does_not_answer(call):
    call.fails("EK-0460", "facts", 30, port=2222)


def test_name_that_does_not_resolve(call):
    call.fails("EK-0460", "facts", 30, host="no-such-host.example.net")


# -- host keys ------------------------------------------------------------------------


def test_unknown_host_key(call, tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("")
    call.fails("EK-0461", "facts", 30, known_hosts=empty)


def test_changed_host_key(call, tmp_path):
    other = Keys(tmp_path / "other")
    known = tmp_path / "known"
    known.write_text(f"{call.fleet['a'].host} {' '.join(other.public.split()[:2])}\n")
    call.fails("EK-0462", "facts", 30, known_hosts=known)


# -- sudo -----------------------------------------------------------------------------


def test_user_without_sudo(call):
    call.fails("EK-0465", "facts", 30, user="plain")


def test_ordinary_user_who_was_to_act_as_root(call):
    call.fails("EK-0465", "facts", 30, user="plain", sudo="")


def test_sudoers_of_another_version(call):
    sudoers = SUDOERS.read_text(encoding="utf-8")
    call.machine.sudoers(re.sub(r"[0-9a-f]{64}", "0" * 64, sudoers))
    try:
        call.fails("EK-0465", "facts", 30)
    finally:
        call.machine.sudoers(sudoers)


def test_sudo_that_hangs(call):
    machine = call.machine
    machine.run("mv", "/usr/bin/sudo", "/usr/bin/sudo.real")
    machine.write("/usr/bin/sudo", "#!/bin/sh\nexec sleep 600\n", 0o755)
    try:
        call.fails("EK-0407", "facts", 3)
    finally:
        machine.run("mv", "/usr/bin/sudo.real", "/usr/bin/sudo")


def test_sudo_is_for_nothing_else(call):
    """What a login that was stolen could ask for."""
    machine = call.machine
    for words in (("sh", "-c", "id"), ("cat", "/etc/shadow"), ("sh", "-c", "if"), ("id",)):
        told = machine.run("runuser", "-u", "ops", "--", "sudo", "-n", *words, check=False)
        assert told.returncode == 1 and "password is required" in told.stderr, told
    call.fails("EK-0415", "read", 30, "/etc/shadow")
    call.fails("EK-0469", "write", 30, "/etc/cron.d/mine", "0644", 1)
    call.fails("EK-0469", "write", 30, "/etc/evenkeel/../cron.d/mine", "0644", 1)
    call.fails("EK-0469", "run", 30, "id", unit="sshd-machine.service")
    assert call.works("run", 30, "id", "-un") == "mongodb\n"
    assert machine.run("ls", "/etc/cron.d/mine", check=False).returncode != 0


# -- the host -------------------------------------------------------------------------


def test_missing_openssl(call):
    machine = call.machine
    machine.run("mv", "/usr/bin/openssl", "/usr/bin/openssl.away")
    try:
        call.fails("EK-0467", "facts", 30)
    finally:
        machine.run("mv", "/usr/bin/openssl.away", "/usr/bin/openssl")
    call.works("facts", 30)


def test_masked_unit(call):
    machine = call.machine
    machine.run("systemctl", "mask", "--runtime", "mongod.service", check=False)
    unit = machine.path("/etc/systemd/system/mongod.service")
    text = unit.read_text()
    machine.run("sh", "-c", "rm /etc/systemd/system/mongod.service; "
                "ln -s /dev/null /etc/systemd/system/mongod.service; systemctl daemon-reload")
    try:
        call.fails("EK-0470", "facts", 30, sudo="", user="root")
    finally:
        machine.run("sh", "-c", f"rm /etc/systemd/system/mongod.service; "
                    f"cat >/etc/systemd/system/mongod.service <<'END'\n{text}END\n"
                    "systemctl unmask --runtime mongod.service; systemctl daemon-reload")


def content(machine):
    return machine.run("sh", "-c", f"stat -c %s {RECORD}; ls -A {os.path.dirname(RECORD)}").stdout


def test_full_disk(call):
    machine = call.machine
    directory = os.path.dirname(RECORD)
    call.works("write", 30, RECORD, "0600", 0)
    machine.run("mount", "-t", "tmpfs", "-o", "size=64k,mode=750,gid=mongodb", "full",
                directory)
    try:
        call.works("write", 30, RECORD, "0600", 1000)
        call.fails("EK-0468", "write", 30, RECORD, "0600", 100000)
        assert content(machine) == "1000\nrecord\n"
        machine.run("mount", "-o", "remount,size=1m", directory)
        call.works("write", 30, RECORD, "0600", 100000)
        assert content(machine) == "100000\nrecord\n"
    finally:
        machine.run("umount", directory)


def test_reboot(call):
    call.works("facts", 30)
    call.machine.reboot()
    status, output = call("facts", 30)  # the old connection may be noticed to be gone, or not
    assert status == 0 or output.split()[0] in ("EK-0460", "EK-0466", "EK-0407"), output
    call.works("facts", 30)


# -- what the server's user may have put there ------------------------------------------


def test_links_of_the_servers_user_lead_nowhere(call):
    machine = call.machine
    victim = "/root/victim"
    machine.write(victim, "untouched\n", 0o600)
    as_server = ("runuser", "-u", "mongodb", "--")
    as_root = {"user": "root", "sudo": ""}
    call.works("write", 30, RECORD, "0600", 1)
    own = f"{os.path.dirname(RECORD)}/own"
    call.works("run", 30, "mkdir", "-p", "-m", "0750", "--", own)
    assert machine.run("stat", "-c", "%U %a", own).stdout == "mongodb 750\n"
    for more in ({}, as_root):
        machine.run(*as_server, "ln", "-sfn", victim, f"{own}/file")
        call.fails("EK-0415", "read", 30, f"{own}/file", **more)
        call("write", 30, f"{own}/file", "0600", 10, **more)  # over the link, or refused
        call("write", 30, f"{own}/file", "0600", 10, "keep", **more)
        machine.run(*as_server, "ln", "-sfn", "/root", f"{own}/sub")
        call.fails("EK-0415", "write", 30, f"{own}/sub/victim", "0600", 10, **more)
        call.fails("EK-0415", "write", 30, f"{own}/sub/new", "0600", 10, **more)
        machine.run(*as_server, "touch", f"{own}/from")
        call("run", 30, "mv", "-T", "--", f"{own}/from", f"{own}/sub/new", **more)
        machine.run(*as_server, "rm", "-f", f"{own}/sub", f"{own}/file")
    told = machine.run(*as_server, "ln", "-s", victim, f"{os.path.dirname(RECORD)}/fence2", check=False)
    assert told.returncode != 0  # where the fence and the keys are it can't put anything
    assert machine.run("cat", victim).stdout == "untouched\n"
    assert machine.run("stat", "-c", "%U %a", victim).stdout == "root 600\n"
    assert machine.run("ls", "-A", "/root").stdout.count("new") == 0


def test_configuration_keeps_owner_mode_and_link(call):
    machine = call.machine
    machine.run("sh", "-c", "mv /etc/mongod.conf /etc/mongod-real.conf; "
                "ln -s mongod-real.conf /etc/mongod.conf; "
                "chown root:mongodb /etc/mongod-real.conf; chmod 0644 /etc/mongod-real.conf")
    before = machine.run("cat", "/etc/mongod.conf").stdout
    try:
        call.works("write", 30, "/etc/mongod.conf", "0640", 5, "keep")
        assert machine.run("readlink", "/etc/mongod.conf").stdout == "mongod-real.conf\n"
        assert machine.run("stat", "-c", "%U:%G %a %s", "/etc/mongod-real.conf").stdout == (
            "root:mongodb 644 5\n")
    finally:
        machine.run("sh", "-c", "rm /etc/mongod.conf /etc/mongod-real.conf")
        machine.write("/etc/mongod.conf", before)


# -- the connection -------------------------------------------------------------------


def known_by_port(fleet, port, path):
    path.write_text(f"[127.0.0.1]:{port} {' '.join(fleet.machines['a'].host_key)}\n")
    return path


# The handshake is about 3 KiB, the helper's text 13 KiB a call; then 200000 bytes of the file.
@pytest.mark.parametrize("after", [0, 100, 1500, 4000, 12000, 25000, 33000, 60000, 150000, 220000])
def test_connection_cut(call, tmp_path, after):
    call.works("write", 30, RECORD, "0600", 10)
    with Cut(call.fleet["a"].address, after) as way:
        known = known_by_port(call.fleet, way.port, tmp_path / "known")
        output = call("write", 30, RECORD, "0600", 200000, host="127.0.0.1", port=way.port,
                      known_hosts=known)[1]
        assert output.split()[0] in ("EK-0460", "EK-0466"), output
    assert content(call.machine).split()[0] in ("10", "200000")
    call.works("write", 30, RECORD, "0600", 200000)
    words = content(call.machine).split()
    assert words[0] == "200000" and not [w for w in words[1:] if "record." in w], words


@pytest.mark.parametrize("after", [1500, 33000])
def test_connection_that_stands_still(call, tmp_path, after):
    with Cut(call.fleet["a"].address, after, silent=True) as way:
        known = known_by_port(call.fleet, way.port, tmp_path / "known")
        output = call("write", 3, RECORD, "0600", 200000, host="127.0.0.1", port=way.port,
                      known_hosts=known)[1]
        assert output.split()[0] in ("EK-0460", "EK-0407"), output


def test_fence_is_the_same_from_near_and_far(call):
    """One controller runs on the host itself, the other one comes over SSH."""
    machine = call.machine
    shutil.copy(call.program, machine.path("/usr/local/bin/host_contract"))

    def near(line):
        return machine.run("env", "EVENKEEL_CONTRACT=system", "host_contract", "hold", "2",
                           input=line, check=False).stdout
    process = call.start("hold", 30)
    assert process.stdout.readline() == "held\n"
    assert near("") == "EK-1016\n"
    process.communicate("go on\n", timeout=60)
    assert near("go on\n") == "held\n"


def test_fence_lost_with_its_connection(call, tmp_path):
    """Nothing is changed any more once somebody else could have the fence."""
    with Cut(call.fleet["a"].address, 10_000_000) as way:
        known = known_by_port(call.fleet, way.port, tmp_path / "known")
        process = call.start("hold", 30, host="127.0.0.1", port=way.port, known_hosts=known)
        assert process.stdout.readline() == "held\n"
        status, output = call("hold", 2)
        assert status == 1 and output == "EK-1016\n", output
        sockets = Path(call.sockets, "evenkeel-ssh")
        masters = {path.name for path in sockets.iterdir() if path.is_socket()}
        way.now()
        wait_for(lambda: not all((sockets / name).exists() for name in masters),
                 "the client notices", 30, 0.02)
        output = process.communicate("go on\n", timeout=60)[0]
        assert process.returncode == 1 and output.startswith("EK-0473 "), output
    assert call.start("hold", 30).communicate("\n", timeout=60)[0] == "held\n"
