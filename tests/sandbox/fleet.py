"""A replica set of real server processes in the sandbox, as somebody may have set it up by hand."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pymongo
import pymongo.errors

from patience import patient
import wire

PORT = 27017
NO_CONFIGURATION_YET = 94  # a server answers before it has read its set's configuration
RUNNING_STATES = ("PRIMARY", "SECONDARY")

SERVER_CONFIGURATION = """\
# mongod.conf of {name}, written by hand
systemLog:
  destination: file
  path: {directory}/mongod.log
  logAppend: true
storage:
  dbPath: {directory}/db
  wiredTiger:
    engineConfig:
      cacheSizeGB: 0.25   # small: three of us share a machine
net:
  port: 27017
  bindIp: 127.0.0.1,{address}
  unixDomainSocket:
    enabled: false
security:
  keyFile: {directory}/keyfile
replication:
  replSetName: {set_name}
  oplogSizeMB: 64
"""


def wait_for(condition, what, seconds=60.0, pause=0.1):
    """Poll until condition() is true and return its value; AssertionError after the deadline."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(pause)


@dataclass(frozen=True)
class Member:
    """A host of its own: an address, a network namespace, a directory."""

    name: str
    host: str
    address: str
    namespace: str
    directory: Path
    priority: float

    @property
    def configuration(self):
        return self.directory / "mongod.conf"

    @property
    def log(self):
        return self.directory / "mongod.log"


@dataclass(frozen=True)
class ServerProcess:
    """Pid and start time (clock ticks since boot): together they name one process for ever."""

    pid: int
    started: int


def find_server(build="build"):
    """(path, kind) of the server to run: $MONGOD, a mongod on PATH, or the stand-in."""
    named = os.environ.get("MONGOD") or shutil.which("mongod")
    if named:
        path = shutil.which(named)
        if not path:
            raise SystemExit(f"MONGOD={named}: there is no such program")
        return os.path.abspath(path), "mongod"
    return os.path.abspath(os.path.join(build, "mongod-standin")), "stand-in"


def server_version(server):
    words = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    for line in words.splitlines():
        if "db version" in line:
            return line.split("db version")[1].strip().lstrip("v")
    return words.splitlines()[0].strip() if words.strip() else "unknown"


class Fleet:
    """Hosts that exist from the start; servers only after start(), a set only after initiate()."""

    made = 0

    def __init__(self, directory, server, names="abc", name="orders", priorities=None):
        self.directory = Path(directory)
        self.server = server
        self.name = name  # the deployment's
        self.set_name = f"rs-{name}"
        self.key = base64.b64encode(secrets.token_bytes(96)).decode("ascii")
        self.root_password = secrets.token_urlsafe(18)
        self.app_password = secrets.token_urlsafe(18)
        self.log_in_as_system = False  # where no root user was made
        number, Fleet.made = Fleet.made, Fleet.made + 1
        self.members = []
        for index, short in enumerate(names):
            host = f"db-{short}.example.net" if number == 0 else f"db-{short}.{name}.example.net"
            member = Member(name=short, host=host, address=f"10.77.0.{11 + 10 * number + index}",
                            namespace=f"ek{number}-{short}", directory=self.directory / short,
                            priority=(priorities or {}).get(short, 1))
            self._make_host(member)
            self.members.append(member)

    def __getitem__(self, name):
        return next(m for m in self.members if m.name == name)

    # -- hosts ------------------------------------------------------------------------

    def _make_host(self, member):
        member.directory.mkdir(parents=True)
        link = member.namespace
        for command in (f"ip netns add {link}",
                        f"ip link add {link} type veth peer name eth0 netns {link}",
                        f"ip link set {link} master ek0 up",
                        f"nsenter --net=/run/netns/{link} ip link set lo up",
                        f"nsenter --net=/run/netns/{link} ip address add {member.address}/24 dev eth0",
                        f"nsenter --net=/run/netns/{link} ip link set eth0 up",
                        f"nsenter --net=/run/netns/{link} ip route add default via 10.77.0.1"):
            subprocess.run(command.split(), check=True)
        with open("/etc/hosts", "a", encoding="utf-8") as hosts:
            hosts.write(f"{member.address} {member.host}\n")

    def unplug(self, name):
        """Pull the host's network cable."""
        subprocess.run(["ip", "link", "set", self[name].namespace, "down"], check=True)

    def plug(self, name):
        subprocess.run(["ip", "link", "set", self[name].namespace, "up"], check=True)

    def cut(self, name, other=None):
        """Nothing passes between the host and `other`, or all other hosts: not even a farewell."""
        others = ([self[other].address] if other
                  else [m.address for m in self.members if m.name != name])
        rules = "".join(f"add rule inet cut in ip saddr {a} drop\n"
                        f"add rule inet cut out ip daddr {a} drop\n" for a in others)
        self._nft(name, "add table inet cut\n"
                  "add chain inet cut in { type filter hook input priority 0; }\n"
                  "add chain inet cut out { type filter hook output priority 0; }\n" + rules)

    def mend(self, name):
        self._nft(name, "delete table inet cut\n")

    def _nft(self, name, rules):
        subprocess.run(["nsenter", f"--net=/run/netns/{self[name].namespace}", "nft", "-f", "-"],
                       input=rules, text=True, check=True)

    # -- servers ----------------------------------------------------------------------

    def provision(self):
        """What a person does before the first start: configuration, keyFile, data directory."""
        for member in self.members:
            self.write_key_file(member)
            (member.directory / "db").mkdir(exist_ok=True)
            member.configuration.write_text(SERVER_CONFIGURATION.format(
                name=member.host, directory=member.directory, address=member.address,
                set_name=self.set_name), encoding="utf-8")

    def write_key_file(self, member):
        path = member.directory / "keyfile"
        path.touch(mode=0o600)
        path.write_text(self.key + "\n", encoding="ascii")

    def start(self, names=None):
        """Start servers, detached, each in its host's network; return when they answer."""
        members = [m for m in self.members if names is None or m.name in names]
        for member in members:
            # --configExpand as a unit file would have it: harmless without a password command.
            command = ["setsid", "--fork", "nsenter", f"--net=/run/netns/{member.namespace}", "--",
                       self.server, "--config", str(member.configuration)]
            if "__exec" in member.configuration.read_text(encoding="utf-8"):
                command += ["--configExpand", "exec"]
            with open(member.directory / "console.log", "ab") as console:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                               check=True)
        for member in members:
            try:
                wait_for(lambda m=member: self.is_master(m.name), f"{member.host} answers", 30)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.last_words(member)}") from None

    @staticmethod
    def last_words(member, lines=15):
        words = ""
        for path in (member.directory / "console.log", member.log):
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace").splitlines()
                words += f"--- {path}\n" + "\n".join(text[-lines:]) + "\n"
        return words

    def initiate(self):
        config = {"_id": self.set_name, "members": [
            {"_id": index, "host": f"{m.host}:{PORT}", "priority": m.priority}
            for index, m in enumerate(self.members)]}
        with self.as_system(self.members[0].name) as client:
            client.admin.command("replSetInitiate", config)
        primary = wait_for(self.primary, "a primary", 60)
        with self.as_system(primary) as client:
            client.admin.command("createUser", "root", pwd=self.root_password, roles=["root"],
                                 writeConcern={"w": "majority"})
            client.admin.command("createUser", "app", pwd=self.app_password,
                                 roles=[{"role": "readWrite", "db": "orders"}],
                                 writeConcern={"w": "majority"})
        self.wait_healthy()

    def processes(self):
        """{member name: ServerProcess or None}, from /proc alone."""
        by_configuration = {str(m.configuration): m.name for m in self.members}
        candidates = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode("utf-8", "replace").split("\0")
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    stat = file.read()
            except OSError:
                continue  # it ended meanwhile
            name = next((by_configuration[w] for w in words[1:] if w in by_configuration), None)
            if name and os.path.basename(words[0]) == os.path.basename(self.server):
                state, parent, *rest = stat[stat.rindex(")") + 2:].split()
                if state not in "ZX":
                    candidates[int(entry)] = (name, int(parent), int(rest[17]))
        found = {m.name: None for m in self.members}
        for pid, (name, parent, started) in candidates.items():
            if parent not in candidates:  # else a child about to run the password command
                found[name] = ServerProcess(pid, started)
        return found

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes()[name]
        assert process, f"member {name} does not run"
        os.kill(process.pid, number)
        wait_for(lambda: self.processes()[name] != process, f"member {name} gone", 30, 0.02)

    def freeze(self, name):
        """Stop a secondary in its tracks; the primary stays one of the others. It does not stand for
        election before thaw() lets it, whatever the time it did not notice makes it think."""
        process = self.processes()[name]
        assert process, f"member {name} does not run"
        self.command(name, "replSetFreeze", 600)
        os.kill(process.pid, signal.SIGSTOP)
        others = [m.name for m in self.members if m.name != name]
        wait_for(lambda: any((self.is_master(other) or {}).get("ismaster") for other in others),
                 f"one of {others} is primary", 30)

    def thaw(self, name):
        """Let it go on, and stand for election when it has heard of the others again."""
        process, thawed = self.processes()[name], datetime.utcnow()
        os.kill(process.pid, signal.SIGCONT)

        def has_heard():
            peers = [m for m in self.status(name)["members"] if not m.get("self")]
            return all(m["lastHeartbeatRecv"] > thawed for m in peers)
        wait_for(has_heard, f"{name} hears of the others", 30)
        self.command(name, "replSetFreeze", 0)
        self.wait_settled()

    def destroy(self):
        """Stop the servers and take the hosts away."""
        for process in self.processes().values():
            if process:
                os.kill(process.pid, signal.SIGKILL)
        for member in self.members:
            subprocess.run(["ip", "netns", "delete", member.namespace], check=False)
            subprocess.run(["ip", "link", "delete", member.namespace], check=False,
                           stderr=subprocess.DEVNULL)

    # -- what the set looks like ------------------------------------------------------

    def is_master(self, name):
        """The member's isMaster reply by whichever way it lets us in, or None. TLS first: it must
        not look as if plaintext clients were left."""
        for tls in (wire.trusting_context(), None):
            try:
                return wire.is_master(self[name].address, PORT, tls)
            except wire.Silent:
                return None
            except wire.Refused:
                continue
        return None

    def accepts(self, name, tls):
        try:
            wire.is_master(self[name].address, PORT, wire.trusting_context() if tls else None)
        except wire.Refused:
            return False
        return True

    def primary(self):
        """The name of the member that takes writes, or None."""
        for member in self.members:
            reply = self.is_master(member.name)
            if reply and reply.get("ismaster") and reply.get("setName"):
                return member.name
        return None

    def _tls(self, name):
        return {"tls": True, "tlsAllowInvalidCertificates": True,
                "tlsAllowInvalidHostnames": True} if self.accepts(name, tls=True) else {}

    def client(self, name, user="root", password=None, source="admin"):
        return pymongo.MongoClient(
            self[name].address, PORT, directConnection=True, username=user,
            password=password or self.root_password, authSource=source,
            authMechanism="SCRAM-SHA-256", serverSelectionTimeoutMS=patient(5000), socketTimeoutMS=patient(20000),
            **self._tls(name))

    def as_system(self, name):
        return self.client(name, "__system", self.key, "local")

    def command(self, name, *command, **arguments):
        with self.as_system(name) if self.log_in_as_system else self.client(name) as client:
            return client.admin.command(*command, **arguments)

    def anonymous_command(self, name, *command):
        with pymongo.MongoClient(self[name].address, PORT, directConnection=True,
                                 **self._tls(name)) as client:
            return client.admin.command(*command)

    def status(self, name):
        return self.command(name, "replSetGetStatus")

    def states(self):
        """{member: {peer host: state}}: everybody's view of everybody. None: no answer."""
        views = {}
        for member in self.members:
            try:
                views[member.name] = {row["name"]: row["stateStr"]
                                      for row in self.status(member.name)["members"]}
            except pymongo.errors.PyMongoError:
                views[member.name] = None
        return views

    def healthy(self):
        views = self.states().values()
        return all(view and len(view) == len(self.members)
                   and all(state in RUNNING_STATES for state in view.values())
                   and list(view.values()).count("PRIMARY") == 1 for view in views)

    def wait_healthy(self, seconds=60.0):
        try:
            wait_for(self.healthy, "every member is healthy in every member's eyes", seconds, 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.states()}") from None

    def heard_of(self, name, since):
        """Whether each of the others has had a heartbeat answered by it after `since` (UTC)."""
        try:
            host = next(m["name"] for m in self.status(name)["members"] if m.get("self"))
        except pymongo.errors.OperationFailure as error:
            if error.code != NO_CONFIGURATION_YET:
                raise
            return False
        return all(row["lastHeartbeat"] > since for other in self.members if other.name != name
                   for row in self.status(other.name)["members"] if row["name"] == host)

    def settled(self):
        """Healthy, and no election to come: the member with the highest priority is primary."""
        highest = max(m.priority for m in self.members)
        primary = self.primary()
        return primary and self[primary].priority == highest and self.healthy()

    def wait_settled(self, seconds=90.0):
        try:
            wait_for(self.settled, "the preferred member is primary, and all are healthy",
                     seconds, 0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.states()}") from None

    def answering(self):
        """{name: isMaster reply} of the members that answer."""
        replies = {m.name: self.is_master(m.name) for m in self.members}
        return {name: reply for name, reply in replies.items() if reply}

    def term(self):
        """The election term: each election adds one."""
        return max(self.status(name)["term"] for name in self.answering())

    def configuration(self):
        return self.command(self.primary(), "replSetGetConfig")["config"]

    def running_modes(self):
        return {m.name: self.command(m.name, "getParameter", tlsMode=1)["tlsMode"]
                for m in self.members}

    # -- how clients reach it ---------------------------------------------------------

    def plain_uri(self):
        """What the application has been using all along."""
        return self._uri(f"{m.host}:{PORT}" for m in self.members)

    def tls_uri(self, ca_file):
        """The names that the set goes by right now, over verified TLS."""
        hosts = [member["host"] for member in self.configuration()["members"]]
        return self._uri(hosts) + f"&tls=true&tlsCAFile={ca_file}"

    def _uri(self, hosts):
        return (f"mongodb://app:{self.app_password}@{','.join(hosts)}/orders"
                f"?replicaSet={self.set_name}&authSource=admin")
