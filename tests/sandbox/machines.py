"""Whole machines: a real systemd as process 1, users, sudo, sshd, a server as mongod.service.

Each is an overlay over this system's root, booted by systemd-nspawn in the network namespace of a
fleet's member. It needs real root: tests/sandbox/enter --root."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from fleet import PORT, Fleet, ServerProcess, wait_for
from specs_repository import DEPLOYMENT, NO_WATCH, SpecsRepository

SERVER_USER = "mongodb"
NAMES = Path("/run/names")  # of this room, seen by all machines
SUDOERS = Path(__file__).resolve().parent.parent.parent / "contrib" / "sudoers"
BASE = "/run/machines"      # on a tmpfs: an overlay's upper part can't be on the same file system

# What a booting Debian does that no test looks at.
MASKED = ("dbus.service", "dbus.socket", "systemd-journal-flush.service", "ldconfig.service",
          "systemd-journal-catalog-update.service", "systemd-hwdb-update.service",
          "systemd-update-done.service", "systemd-sysusers.service", "systemd-firstboot.service",
          "systemd-machine-id-commit.service", "systemd-tmpfiles-setup.service",
          "systemd-update-utmp.service", "systemd-journald-audit.socket")

TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"

SSHD_UNIT = """\
[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/machine_config
KillMode=mixed
"""

SSHD = """\
Port 22
HostKey /etc/ssh/machine_key
AuthorizedKeysFile /etc/ssh/keys/%u
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
UseDNS no
"""

SERVER_UNIT = """\
[Unit]
Description=MongoDB Database Server
[Service]
User=mongodb
Group=mongodb
ExecStart=/usr/bin/mongod --config /etc/mongod.conf
LimitNOFILE=64000
[Install]
WantedBy=machine.target
"""

# As Debian's package has it, but for the cache.
SERVER_CONFIGURATION = """\
# mongod.conf of {name}

storage:
  dbPath: /var/lib/mongodb
  wiredTiger:
    engineConfig:
      cacheSizeGB: 0.25

systemLog:
  destination: file
  logAppend: true
  path: /var/log/mongodb/mongod.log

net:
  port: 27017
  bindIp: 127.0.0.1,{address}

security:
  keyFile: /etc/mongodb.key

replication:
  replSetName: {set_name}
  oplogSizeMB: 64
"""


def sh(*argv, **more):
    return subprocess.run([str(a) for a in argv], check=True, **more)


class Machine:
    """One host. Its files can be had at `root` also while it is down."""

    def __init__(self, name, namespace, address, keys):
        self.name, self.namespace, self.address, self.keys = name, namespace, address, keys
        self.directory = Path(BASE, name)
        self.root = self.directory / "root"
        self.process = None

    # -- made -------------------------------------------------------------------------

    def make(self, server):
        for part in ("upper", "work", "root"):
            (self.directory / part).mkdir(parents=True)
        sh("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={self.directory}/upper,"
           f"workdir={self.directory}/work", self.root)
        self.write("/etc/machine-id", "")
        self.write("/etc/hostname", self.name + "\n")
        self.write("/etc/resolv.conf", "")  # nobody to wait for
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
        units = self.root / "etc/systemd/system"
        for wants in units.glob("*.wants"):
            shutil.rmtree(wants)
        for unit in MASKED:
            (units / unit).unlink(missing_ok=True)
            (units / unit).symlink_to("/dev/null")
        for unit, text in (("machine.target", TARGET), ("sshd-machine.service", SSHD_UNIT),
                           ("mongod.service", SERVER_UNIT)):
            self.write(f"/etc/systemd/system/{unit}", text)
        self.wanted("sshd-machine.service")
        self._users()
        self._sshd()
        shutil.copy(server, self.root / "usr/bin/mongod")
        (self.root / "usr/bin/mongod").chmod(0o755)
        for path, mode in (("/var/lib/mongodb", 0o700), ("/var/log/mongodb", 0o755)):
            self.path(path).mkdir(parents=True, exist_ok=True)
            self.path(path).chmod(mode)
            self.owned(path)
        # Left over from this very system, or from nobody.
        for path in ("/etc/evenkeel", "/var/lib/evenkeel", "/run/nologin", "/etc/nologin"):
            shutil.rmtree(self.path(path), ignore_errors=True)

    def _users(self):
        for user, shell in ((SERVER_USER, "/usr/sbin/nologin"), ("ops", "/bin/sh"),
                            ("plain", "/bin/sh")):
            subprocess.run(["chroot", self.root, "userdel", user], capture_output=True, check=False)
            sh("chroot", self.root, "useradd", "--create-home", "--shell", shell, "--user-group",
               user)
            sh("chroot", self.root, "usermod", "--password", "*", user)
        for leftover in (".bashrc", ".profile", ".bash_profile"):
            (self.root / "root" / leftover).unlink(missing_ok=True)

    def _sshd(self):
        self.write("/etc/ssh/machine_config", SSHD)
        key = self.path("/etc/ssh/machine_key")
        key.unlink(missing_ok=True)
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        for user in ("root", "ops", "plain"):
            self.write(f"/etc/ssh/keys/{user}", self.keys.public)

    def path(self, path):
        return self.root / path.lstrip("/")

    def write(self, path, text, mode=0o644):
        where = self.path(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        where.unlink(missing_ok=True)
        where.write_text(text, encoding="utf-8")
        where.chmod(mode)

    def owned(self, path, user=SERVER_USER):
        sh("chroot", self.root, "chown", f"{user}:{user}", path)

    def wanted(self, unit):
        wants = self.root / "etc/systemd/system/machine.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        (wants / unit).symlink_to(f"../{unit}")

    def sudoers(self, text):
        self.write("/etc/sudoers.d/evenkeel", text, 0o440)

    @property
    def host_key(self):
        return self.path("/etc/ssh/machine_key.pub").read_text(encoding="ascii").split()[:2]

    @property
    def fingerprint(self):
        told = sh("ssh-keygen", "-lf", self.path("/etc/ssh/machine_key.pub"), capture_output=True,
                  text=True)
        return told.stdout.split()[1]

    # -- running ----------------------------------------------------------------------

    def boot(self):
        with open(self.directory / "console.log", "ab") as console:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet", "-D", self.root,
                 f"--network-namespace-path=/run/netns/{self.namespace}", "--console=pipe",
                 "--resolv-conf=off", "--timezone=off", f"--bind-ro={NAMES}:{NAMES}", "--boot",
                 "systemd.unit=machine.target"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)

    def wait_up(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} did not boot: "
                                     + (self.directory / "console.log").read_text(errors="replace"))
            return self._listens()
        wait_for(answers, f"{self.name} lets us in", 60, 0.05)

    def _listens(self):
        told = subprocess.run(["nsenter", f"--net=/run/netns/{self.namespace}", "ss", "-Hltn",
                               "sport = :22"], capture_output=True, text=True, check=False)
        return bool(told.stdout.strip())

    @property
    def init(self):
        """Its process 1, as this room numbers processes."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as children:
            return int(children.read().split()[0])

    def run(self, *argv, check=True, **more):
        return subprocess.run(["nsenter", f"--target={self.init}", "--all", *map(str, argv)],
                              check=check, capture_output=True, text=True, **more)

    def as_new(self):
        """As if Evenkeel had never been there."""
        self.run("systemctl", "stop", "mongod.service")
        self.run("rm", "-rf", "/etc/evenkeel", "/var/lib/evenkeel", "/run/evenkeel",
                 "/etc/systemd/system/mongod.service.d")
        self.run("systemctl", "daemon-reload")

    def cut_power(self):
        os.kill(self.init, signal.SIGKILL)  # and with it all of its processes, at once
        self.process.wait(timeout=30)

    def reboot(self):
        self.cut_power()
        self.boot()
        self.wait_up()

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.cut_power()
        for _ in range(50):
            if subprocess.run(["umount", "-l", self.root], capture_output=True,
                              check=False).returncode == 0:
                break
            time.sleep(0.1)


class Keys:
    """What a person has at home: a key, and the keys of the hosts."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.identity = self.directory / "id"
        if not self.identity.exists():
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.identity)
        self.known_hosts = self.directory / "known_hosts"

    @property
    def public(self):
        return self.identity.with_suffix(".pub").read_text(encoding="ascii")

    def know(self, machines):
        self.known_hosts.write_text("".join(
            f"{name} {' '.join(m.host_key)}\n" for m in machines for name in m.known_as),
            encoding="ascii")


class Room:
    """What every fleet of machines needs once: a tmpfs for them, and names that all of them see."""

    def __init__(self):
        if not os.path.ismount(BASE):
            os.makedirs(BASE, exist_ok=True)
            sh("mount", "--make-rprivate", "/")
            sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", BASE)
        NAMES.mkdir(exist_ok=True)
        hosts = NAMES / "hosts"
        if not hosts.exists():
            shutil.copy("/etc/hosts", hosts)
            os.unlink("/etc/hosts")
            os.symlink(hosts, "/etc/hosts")


class MachineFleet(Fleet):
    """A fleet whose hosts are machines, set up as a Debian package would have."""

    def __init__(self, directory, server, **more):
        Room()
        super().__init__(directory, server, **more)
        self.keys = Keys(self.directory / "home")
        self.machines = {}
        for member in self.members:
            machine = Machine(member.host, member.namespace, member.address, self.keys)
            machine.known_as = (member.host, member.address)
            machine.make(server)
            machine.path("/etc/hosts").unlink(missing_ok=True)
            machine.path("/etc/hosts").symlink_to(NAMES / "hosts")
            self.machines[member.name] = machine
        self.keys.know(self.machines.values())

    def boot(self):
        for machine in self.machines.values():
            machine.boot()
        for machine in self.machines.values():
            machine.wait_up()

    def provision(self):
        """What a person does once on each host, the file for sudo included."""
        for member in self.members:
            machine = self.machines[member.name]
            machine.sudoers(SUDOERS.read_text(encoding="utf-8"))
            machine.write("/etc/mongodb.key", self.key + "\n", 0o400)
            machine.owned("/etc/mongodb.key")
            machine.write("/etc/mongod.conf", SERVER_CONFIGURATION.format(
                name=member.host, address=member.address, set_name=self.set_name))

    def start(self, names=None):
        if not next(iter(self.machines.values())).process:
            self.boot()
        members = [m for m in self.members if names is None or m.name in names]
        for member in members:
            self.machines[member.name].run("systemctl", "start", "mongod.service")
        for member in members:
            wait_for(lambda m=member: self.is_master(m.name), f"{member.host} answers", 30)

    def processes(self):
        """By the network namespace that a server process is in: the command lines are the same."""
        by_network = {os.stat(f"/run/netns/{m.namespace}").st_ino: m.name for m in self.members}
        found = {m.name: None for m in self.members}
        candidates = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode("utf-8", "replace").split("\0")
                if words[0] != "/usr/bin/mongod":
                    continue
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    stat = file.read()
                network = os.stat(f"/proc/{entry}/ns/net").st_ino
            except OSError:
                continue
            state, parent, *rest = stat[stat.rindex(")") + 2:].split()
            if state not in "ZX" and network in by_network:
                candidates[int(entry)] = (by_network[network], int(parent), int(rest[17]))
        for pid, (name, parent, started) in candidates.items():
            if parent not in candidates:
                found[name] = ServerProcess(pid, started)
        return found

    def destroy(self):
        for machine in self.machines.values():
            machine.destroy()
        for member in self.members:
            subprocess.run(["ip", "netns", "delete", member.namespace], check=False)
            subprocess.run(["ip", "link", "delete", member.namespace], check=False,
                           stderr=subprocess.DEVNULL)


def ssh_settings(fleet, **more):
    settings = {"user": "ops", "sudo": "true", "identityFile": fleet.keys.identity,
                "knownHosts": fleet.keys.known_hosts, **more}
    return ", ".join(f"{key}: {value}" for key, value in settings.items() if value is not None)


def deployment_text(fleet, ssl_mode, **ssh):
    rows = [f"      - {{ name: {m.name}, host: {m.host}, port: {PORT}, priority: {m.priority}, "
            f"address: {m.address} }}" for m in fleet.members]
    return DEPLOYMENT.format(name=fleet.name, set_name=fleet.set_name, members="\n".join(rows),
                             ssl_mode=ssl_mode, hosts=NAMES / "hosts",
                             provider=f"{{ name: hosts, user: mongodb, ssh: {{ {ssh_settings(fleet, **ssh)} }} }}")


class MachineSpecs(SpecsRepository):
    """Specs of such a fleet: provider hosts, reached by SSH as an ordinary user with sudo."""

    def set_mode(self, ssl_mode, message=None, **ssh):
        self.write("orders.yaml", deployment_text(self.fleet, ssl_mode, **ssh) + NO_WATCH)
        return self.commit(message or f"{self.fleet.name}: sslMode {ssl_mode}")
