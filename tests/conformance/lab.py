"""The place where the recordings were made, made again: names, addresses, files, members a, b and c.

Runs inside tests/sandbox/enter, which gives it a /etc and a /srv of its own.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pymongo

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "standin"))
import processes  # noqa: E402  pylint: disable=wrong-import-position

from compare import as_recorded  # noqa: E402
from patience import patient  # noqa: E402

SERVER = os.path.abspath(os.environ.get("MONGOD") or os.environ.get("STANDIN")
                         or os.path.join(os.environ.get("BUILD", "build"), "mongod-standin"))
IS_STANDIN = not os.environ.get("MONGOD")
ADDRESSES = {"a": "127.0.1.11", "b": "127.0.1.12", "c": "127.0.1.13"}
DOMAIN, OTHER_DOMAIN = "k3x9q2.fleet.test", "old.test"
FILES, SERVERS = pathlib.Path("/etc/mongod"), pathlib.Path("/srv/mongod")
PORT = 27017
NAMES = {"certificateKeyFile": "PEMKeyFile", "certificateKeyFilePassword": "PEMKeyPassword", "CAFile": "CAFile",
         "allowConnectionsWithoutCertificates": "allowConnectionsWithoutCertificates", "mode": "mode"}
PASSWORD = "a-good-password"


def wait_for(what, seconds=30, every=0.05):
    """The first true value of what(), or its last value after the deadline."""
    until = time.monotonic() + patient(seconds)
    while True:
        value = what()
        if value or time.monotonic() > until:
            return value
        time.sleep(every)


def keep_in_sight(program):
    """Another way to a program that may lie below what is mounted over; by its own name, which shows in /proc."""
    kept = pathlib.Path(os.environ["EVENKEEL_SANDBOX_DIR"], "server", os.path.basename(program))
    kept.parent.mkdir(exist_ok=True)
    kept.touch()
    subprocess.run(["mount", "--bind", program, str(kept)], check=True)
    return str(kept)


def version():
    """Of a real server, by its own word."""
    told = subprocess.run([SERVER, "--version"], capture_output=True, text=True, check=True, timeout=patient(60)).stdout
    return told.splitlines()[0].rpartition("v")[2]


def furnish():
    """Names, certificates and the key, once."""
    global SERVER  # pylint: disable=global-statement
    FILES.mkdir(exist_ok=True)
    SERVER = keep_in_sight(SERVER)
    for place in ("/srv", FILES):  # empty, also where another run was before
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
    SERVERS.mkdir()
    with open("/etc/hosts", "a", encoding="utf-8") as hosts:
        for name, address in ADDRESSES.items():
            hosts.write(f"{address} {name}.{DOMAIN} {name}.{OTHER_DOMAIN}\n")
    ours, other = processes.Authority(FILES, "ca"), processes.Authority(FILES, "other CA")
    os.rename(FILES / "other-CA.pem", FILES / "other-ca.pem")
    for name in ADDRESSES:
        full = f"{name}.{DOMAIN}"
        ours.issue(f"{name}.pem", [full])
        ours.issue(f"{name}.renewed.pem", [full])
        ours.issue(f"{name}.enc.pem", [full], password="s3cret")
        ours.issue(f"{name}.enc2.pem", [full], password="another")
        ours.issue(f"{name}.expired.pem", [full], days=-1)
        ours.issue(f"{name}.zzz.pem", [f"zzz.{DOMAIN}"])
        other.issue(f"{name}.other.pem", [full])
    ours.issue("client.pem", ["client"])
    other.issue("client.other.pem", ["client"])
    for name, text in (("keyfile", processes.KEY), ("keyfile.short", "ab")):
        (FILES / name).write_text(text + "\n", encoding="ascii")
        (FILES / name).chmod(0o600)


def tls_of(name, mode, **more):
    if mode == "disabled":
        return {}
    return {"mode": mode, "certificateKeyFile": f"{FILES}/{name}.pem", "CAFile": f"{FILES}/ca.pem",
            "allowConnectionsWithoutCertificates": True, **more}


CLIENT_TLS = {"tls": True, "tlsCAFile": f"{FILES}/ca.pem"}


class Member:
    """One server process with the configuration file of the recordings."""

    def __init__(self, name, replset=True, tls=None, keyfile=True, spelling="tls", key_path=None, extra=""):
        self.name, self.replset, self.keyfile = name, replset, keyfile
        self.tls, self.spelling, self.extra = tls or {}, spelling, extra
        self.key_path = key_path or FILES / "keyfile"
        self.dir, self.address = SERVERS / name, ADDRESSES[name]
        self.host = f"{name}.{DOMAIN}:{PORT}"
        self.log, self.conf, self.out = self.dir / "log", self.dir / "mongod.conf", self.dir / "out"
        self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)
        (self.dir / "db").mkdir(parents=True)

    def write_conf(self):
        lines = ["net:", f"  bindIp: {self.address}", f"  port: {PORT}"]
        if self.tls:
            lines.append(f"  {self.spelling}:")
            for key, value in self.tls.items():
                if self.spelling == "ssl":
                    key, value = NAMES[key], str(value).replace("TLS", "SSL") if key == "mode" else value
                lines.append(f"    {key}: {str(value).lower() if isinstance(value, bool) else value}")
        if self.replset:
            lines += ["replication:", "  oplogSizeMB: 50", "  replSetName: rs0"]
        if self.keyfile:
            lines += ["security:", "  authorization: enabled", f"  keyFile: {self.key_path}"]
        lines += ["storage:", f"  dbPath: {self.dir}/db", "  wiredTiger:", "    engineConfig:", "      cacheSizeGB: 0.25",
                  "systemLog:", "  destination: file", "  logAppend: true", f"  path: {self.log}"]
        self.conf.write_text("\n".join(lines) + "\n" + self.extra, encoding="utf-8")

    def start(self, *more, test_commands=True):
        self.write_conf()
        argv = ["mongod", "-f", str(self.conf), *(["--setParameter", "enableTestCommands=1"] if test_commands else []), *more]
        with open(self.out, "ab") as out:
            self.process = subprocess.Popen(argv, executable=SERVER, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self

    def up(self, seconds=20):
        """Whether it listens before it ends or the time is over."""
        def listening():
            if self.process.poll() is not None:
                return "ended"
            with processes.socket.socket() as s:
                return "listens" if s.connect_ex((self.address, PORT)) == 0 else None
        return wait_for(listening, seconds) == "listens"

    def lines(self, since=0):
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[since:] if self.log.exists() else []

    def client(self, user="root", tls=None, **more):
        options = {"serverSelectionTimeoutMS": 5000, **(tls or {}), **more}
        if user == "__system":
            options.update(username=user, password=processes.KEY, authSource="local", authMechanism="SCRAM-SHA-256")
        elif user:
            options.update({"username": user, "password": PASSWORD, **more})
        host = options.pop("host", f"{self.name}.{DOMAIN}")
        return pymongo.MongoClient(host, PORT, directConnection=True, **options)

    def ask(self, command, value=1, fields=None, database="admin", **more):
        """The reply, an error's reply, or a failure, in the notation of the recordings."""
        with self.client(**more) as client:
            return ask(client, command, value, fields, database)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patient(40))

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def ask(client, command, value=1, fields=None, database="admin"):
    try:
        return as_recorded(client[database].command(command, value, **(fields or {})))
    except pymongo.errors.OperationFailure as error:  # as the recordings were written down
        told = as_recorded(error.details or {})
        named = {"codeName": told["codeName"]} if "codeName" in told else {}
        return {"ok": told.get("ok", 0.0), "code": told.get("code"), "errmsg": told.get("errmsg"), **named}
    except pymongo.errors.NotMasterError as error:
        return as_recorded(error.details)
    except pymongo.errors.PyMongoError as error:
        return {"exception": type(error).__name__, "message": str(error)}


class Set:
    """a, b and c, initiated, with a root user; a has priority 2 unless told otherwise."""

    def __init__(self, mode="disabled", priorities=None, settings=None, arbiter=None):
        self.members = {n: Member(n, tls=tls_of(n, mode)) for n in ADDRESSES}
        self.priorities, self.settings, self.arbiter = priorities or {"a": 2}, settings, arbiter
        self.tls = CLIENT_TLS if mode == "requireTLS" else {}
        self.replies = {}

    def __getitem__(self, name):
        return self.members[name]

    def __enter__(self):
        try:
            for m in self.members.values():
                m.start()
            down = [m for m in self.members.values() if not m.up()]
            if down:
                raise AssertionError(f"{down[0].name} did not start ({down[0].process.poll()}): "
                                     + "\n".join(down[0].lines()[-5:]) + down[0].out.read_text(errors="replace")[-500:])
            self.initiate()
        except BaseException:
            self.__exit__()
            raise
        return self

    def initiate(self):
        config = {"_id": "rs0", "members": [
            {"_id": i, "host": m.host, **({"priority": self.priorities[n]} if n in self.priorities else {}),
             **({"arbiterOnly": True} if n == self.arbiter else {})} for i, (n, m) in enumerate(self.members.items())]}
        if self.settings:
            config["settings"] = self.settings
        a = self["a"]
        self.replies["replSetInitiate"] = a.ask("replSetInitiate", config, user=None, tls=self.tls)
        wait_for(lambda: a.ask("isMaster", user=None, tls=self.tls).get("ismaster"), 40)
        self.replies["createUser"] = a.ask("createUser", "root", {"pwd": PASSWORD, "roles": ["root"]}, user=None,
                                           tls=self.tls)

    def settled(self, seconds=40):
        """One primary, everybody healthy in everybody's eyes, everybody signs with the same key."""
        def fine():
            keys = set()
            for n, m in self.members.items():
                if n == self.arbiter:
                    continue
                status = m.ask("replSetGetStatus", tls=self.tls)
                words = [x["stateStr"] for x in status.get("members", [])]
                if words.count("PRIMARY") != 1 or not set(words) <= {"PRIMARY", "SECONDARY", "ARBITER"}:
                    return False
                keys.add(status.get("$clusterTime", {}).get("signature", {}).get("keyId"))
            return len(keys) == 1 and None not in keys
        return wait_for(fine, seconds, 0.1)

    def primary(self):
        for n, m in self.members.items():
            if m.process.poll() is None and m.ask("isMaster", user=None, tls=self.tls,
                                                   serverSelectionTimeoutMS=500).get("ismaster"):
                return n
        return None

    def view(self, name, **more):
        """name's word about everybody: {name: [health, state, message]}; None when it doesn't answer."""
        status = self[name].ask("replSetGetStatus", **{"tls": self.tls, **more})
        if "members" not in status:
            return None
        return {m["name"].split(".")[0]: [m["health"], m["stateStr"], m["lastHeartbeatMessage"]]
                for m in status["members"]}

    def uri_client(self, **more):
        return pymongo.MongoClient([m.host for m in self.members.values()], replicaSet="rs0", username="root",
                                   password=PASSWORD, w="majority", **{"serverSelectionTimeoutMS": 60000, **self.tls, **more})

    def __exit__(self, *_):
        for m in self.members.values():
            m.kill()
