"""Servers for real clients to connect to, and the clients themselves."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pymongo

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / d) for d in ("standin", "sandbox")]

# pylint: disable=wrong-import-position
from patience import patient  # noqa: E402
import processes  # noqa: E402
from processes import Authority, Member, Set, wait_for  # noqa: E402

BUILD = Path(os.environ.get("EVENKEEL_BUILD", "build")).resolve()
INSTALLED = BUILD / "clients"
processes.BINARY = os.environ.get("MONGOD") or str(BUILD / "mongod-standin")
PLAYED = ("4.2", "4.4", "5.0", "6.0", "7.0", "8.0")
GIVE_UP_MS = round(patient(1000))  # how long a client tries that need not hear why it does not get in
HEAR_WHY_MS = round(patient(5000))  # and one that must
PASSWORD = "secret"
NO_CONFIGURATION_YET = 94  # a server listens before it has read its set's configuration
# Roles and mechanisms of everybody who logs in.
USERS = {"app": {"roles": [{"role": "readWrite", "db": "shop"}]},
         "old": {"roles": [{"role": "readWrite", "db": "shop"}], "mechanisms": ["SCRAM-SHA-1"]},
         "new": {"roles": [{"role": "readWrite", "db": "shop"}], "mechanisms": ["SCRAM-SHA-256"]},
         "saver": {"roles": ["backup", "restore"]}}


def server_version():
    """Of a real server, '4.2'; None when the stand-in plays them all."""
    if not os.environ.get("MONGOD"):
        return None
    words = subprocess.run([processes.BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    return ".".join(words.split("db version v")[1].split()[0].split(".")[:2])


def versions():
    real = server_version()
    return [real] if real else os.environ.get("CLIENTS_VERSIONS", " ".join(PLAYED)).split()


@contextlib.contextmanager
def playing(version):
    """Members that are started inside are of that version, and quick."""
    wanted = {"STANDIN_VERSION": version, "STANDIN_FAST": "1"}
    before = {k: os.environ.get(k) for k in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


class Lab:
    """A set in preferSSL, and a server of its own in each of the two strict modes."""

    def __init__(self, directory, version, net):
        self.dir, self.version = Path(directory), version
        self.ca, self.other_ca = Authority(directory), Authority(directory, "other CA")
        self.client_pem = self.ca.issue("client.pem", ["client"])
        self.set = Set(directory, [f"127.0.{net}.{i}" for i in (1, 2, 3)], keyfile=True,
                       tls=lambda ip: self.tls("preferTLS", ip), settings={"electionTimeoutMillis": 2000})
        self.set.client_tls = {}
        self.disabled = Member(self.dir / "disabled", f"127.0.{net}.4", replset=None)
        self.require = Member(self.dir / "require", f"127.0.{net}.5", replset=None,
                              tls=self.tls("requireTLS", f"127.0.{net}.5"))
        for member in (*self.set.members, self.disabled, self.require):
            member.name = self.name(member.ip)
            member.host = f"{member.name}:{member.port}"
            with open("/etc/hosts", "a", encoding="utf-8") as hosts:
                hosts.write(f"{member.ip} {member.name}\n")

    @staticmethod
    def name(ip):
        return "db-" + ip.replace(".", "-") + ".clients.test"

    def tls(self, mode, ip):
        return {"mode": mode, "certificateKeyFile": self.ca.issue(f"{ip}.pem", [self.name(ip)]),
                "CAFile": self.ca.path, "allowConnectionsWithoutCertificates": True}

    def open_tls(self, member):
        if member is not self.require:
            return {}
        return {"tls": True, "tlsCAFile": str(self.ca.path), "tlsAllowInvalidHostnames": True}

    def __enter__(self):
        with playing(self.version):
            self.set.__enter__()
            for member in (self.disabled, self.require):
                member.start()
        for member in (self.disabled, self.require):
            with member.client(user=None, tls=self.open_tls(member)) as c:
                c.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        for member in (self.set.primary(), self.disabled, self.require):
            with member.client(tls=self.open_tls(member)) as c:
                for user, fields in USERS.items():
                    c.admin.command("createUser", user, pwd=PASSWORD, **fields)
        self.wait_replicated()
        return self

    def __exit__(self, *_):
        self.set.__exit__()
        for member in (self.disabled, self.require):
            if member.process and member.process.poll() is None:
                member.kill()

    def wait_replicated(self):
        """Everybody can log in at each member."""
        for member in self.set.members:
            def known(m=member):
                with m.client() as c:
                    info = c.admin.command("usersInfo", 1)
                    return len(info["users"]) == len(USERS) + 1
            wait_for(known, 30)

    def restart(self, member):
        with playing(self.version):
            member.start()

        def well():
            try:
                return set(self.set.states(member).values()) <= {"PRIMARY", "SECONDARY"}
            except pymongo.errors.OperationFailure as error:
                if error.code != NO_CONFIGURATION_YET:
                    raise
                return False
        wait_for(well, 60)

    def last_words(self):
        """What members said last, for a failure's text."""
        return "\n".join(f"--- {m.host} {m.process.poll()}\n{m.out_text()[-1500:]}\n{m.log_text()[-1500:]}"
                         for m in self.set.members)

    # -- connection strings ------------------------------------------------------------

    def uri(self, *hosts, user="app", password=PASSWORD, **options):
        login = f"{user}:{password}@" if user else ""
        if user:
            options["authSource"] = "admin"
        words = {k: str(v).lower() if isinstance(v, bool) else v for k, v in options.items()}
        return f"mongodb://{login}{','.join(hosts)}/?" + "&".join(f"{k}={v}" for k, v in words.items())

    def with_tls(self, ca=None):
        return {"tls": True, "tlsCAFile": (ca or self.ca).path}


class Client:
    """One way of speaking to a server."""

    def __init__(self, name, part, argv, environment=None):
        self.name, self.part, self.argv, self.environment = name, part, argv, environment or {}

    def installed(self):
        return self.part is None or (INSTALLED / self.part / "installed").exists()

    def start(self, directory, jobs):
        """Begins to do the jobs; results() waits for the end."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / f"{self.name}.jobs"
        file.write_text("".join(json.dumps(job, default=str) + "\n" for job in jobs), encoding="utf-8")
        argv = [str(word).replace("JOBS", str(file)) for word in self.argv]
        environment = {**os.environ, **{k: v.replace("JOBS", str(file)) for k, v in self.environment.items()},
                       "HOME": str(directory)}
        return Running(self, argv, environment, directory / f"{self.name}.out")


class Running:
    def __init__(self, client, argv, environment, path):
        self.client, self.path = client, path
        with open(path, "wb") as out, open(path.with_suffix(".err"), "wb") as err:
            self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def rows(self):
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def writing(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.client.name} ended: {self.words()}")
        return any(row.get("step") == "writing" for row in self.rows())

    def words(self):
        return (self.path.with_suffix(".err").read_text(errors="replace")
                + self.path.read_text(errors="replace"))[-2000:]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def results(self, seconds=120):
        """{job: [what each step gave]}"""
        try:
            status = self.process.wait(patient(seconds))
        except subprocess.TimeoutExpired:
            self.end()
            raise AssertionError(f"{self.client.name} not done after {seconds} s: {self.words()}") from None
        assert status == 0, f"{self.client.name} ended with {status}: {self.words()}"
        out = {}
        for row in self.rows():
            if "job" in row:
                out.setdefault(row["job"], []).append(row)
        return out


def era(version):
    """Which of the locked versions of the clients speak to it."""
    return "4.2" if version == "4.2" else "current"


def clients(version):
    """The newest of each kind that speaks to that server version."""
    node, python = f"node-{era(version)}", f"python-{era(version)}"
    modules = INSTALLED / node / "node_modules"
    shell = [modules / ".bin" / "mongosh", "--nodb", "--quiet", "--norc", "--file", HERE / "client.mongosh.js"]
    return [Client("pymongo", python, [INSTALLED / python / "venv/bin/python", HERE / "client.py", "JOBS"]),
            Client("node", node, ["node", HERE / "client.js", "JOBS"], {"NODE_PATH": str(modules)}),
            Client("mongosh", node, shell, {"CLIENT_JOBS": "JOBS"}),
            Client("libmongoc", None, [INSTALLED / "libmongoc", "JOBS"])]


KINDS = ("pymongo", "node", "mongosh", "libmongoc")
