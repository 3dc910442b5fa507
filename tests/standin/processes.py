"""Starts real server processes for tests: a member, a set, certificates. Used by tests/integration."""

import datetime
import ipaddress
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pymongo
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "sandbox"))

from patience import patient  # noqa: E402  pylint: disable=wrong-import-position

BINARY = os.environ.get("MONGOD") or os.environ.get("STANDIN") or str(ROOT / "build" / "mongod-standin")
KEY = "c3RhbmQtaW4ga2V5IGZvciB0ZXN0cw"


def wait_for(what, seconds=60, every=0.02):
    """Polls until `what()` is true; its value. Fails with the deadline."""
    until = time.monotonic() + patient(seconds)
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def free_port(ip):
    with socket.socket() as s:
        s.bind((ip, 0))
        return s.getsockname()[1]


class Authority:
    """A certificate authority in a directory."""

    def __init__(self, directory, name="test CA"):
        self.dir = pathlib.Path(directory)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), [], True, 3650)
        self.path = self.dir / (name.replace(" ", "-") + ".pem")
        self.path.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, public, alt, authority, days, start=-1):
        now = datetime.datetime.utcnow()
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
             .serial_number(x509.random_serial_number())
             .not_valid_before(now + datetime.timedelta(days=min(start, days - 1)))
             .not_valid_after(now + datetime.timedelta(days=days))
             .add_extension(x509.BasicConstraints(ca=authority, path_length=None), True))
        if alt:
            b = b.add_extension(x509.SubjectAlternativeName(alt), False)
        if not authority:
            b = b.add_extension(x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        return b.sign(self.key, hashes.SHA256())

    def issue(self, filename, names, days=365, password=None):
        key = ec.generate_private_key(ec.SECP256R1())
        alt = []
        for n in names:
            try:
                alt.append(x509.IPAddress(ipaddress.ip_address(n)))
            except ValueError:
                alt.append(x509.DNSName(n))
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"),
                             x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "fleet"),
                             x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        cert = self._sign(subject, key.public_key(), alt, False, days)
        seal = (serialization.BestAvailableEncryption(password.encode()) if password
                else serialization.NoEncryption())
        path = self.dir / filename
        path.write_bytes(cert.public_bytes(serialization.Encoding.PEM)
                         + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, seal))
        return path


class Member:
    def __init__(self, directory, ip, replset="rs0", keyfile=True, tls=None, extra=""):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "db").mkdir(exist_ok=True)
        self.ip, self.port = ip, free_port(ip)
        self.host = f"{ip}:{self.port}"
        self.log = self.dir / "log"
        self.conf = self.dir / "mongod.conf"
        self.replset, self.extra, self.tls, self.process = replset, extra, tls or {}, None
        self.key = None
        if keyfile:
            self.key = self.dir / "keyfile"
            self.key.write_text(KEY + "\n")
            self.key.chmod(0o600)
        self.write_conf()

    def write_conf(self):
        lines = ["systemLog:", "  destination: file", f"  path: {self.log}", "  logAppend: true",
                 "storage:", f"  dbPath: {self.dir / 'db'}",
                 "net:", f"  bindIp: {self.ip}", f"  port: {self.port}"]
        if self.tls:
            lines.append("  tls:")
            lines += [f"    {k}: {str(v).lower() if isinstance(v, bool) else v}" for k, v in self.tls.items()]
        if self.replset:
            lines += ["replication:", f"  replSetName: {self.replset}"]
        if self.key:
            lines += ["security:", f"  keyFile: {self.key}", "  authorization: enabled"]
        self.conf.write_text("\n".join(lines) + "\n" + self.extra)

    def command(self, *more):
        return [BINARY, "-f", str(self.conf), *more]

    def start(self, *more, wait=True):
        with open(self.dir / "out", "ab") as out:
            self.process = subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if wait:
            wait_for(self.listening)
        return self

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.host} ended with {self.process.returncode}: "
                                 f"{self.out_text()} {self.log_text()[-2000:]}")
        with socket.socket() as s:
            return s.connect_ex((self.ip, self.port)) == 0

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def out_text(self):
        return (self.dir / "out").read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        """Returns when every thread stands still: a signal sent is not a signal taken."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: all(" T " in stat.read_text() for stat in
                             pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")))

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patient(30))

    def client(self, user="root", password="secret", tls=None, source="admin", **more):
        options = {"serverSelectionTimeoutMS": patient(5000), "directConnection": True, **(tls or {}), **more}
        if user:
            options.update(username=user, password=password, authSource=source)
        return pymongo.MongoClient(self.ip, self.port, **options)

    def admin(self, command, value=1, **more):
        """One command on a connection of its own, as the keyFile's user."""
        fields = more.pop("fields", {})
        with self.client(user="__system" if self.key else None, password=KEY, source="local", **more) as c:
            return c.admin.command(command, value, **fields)


class Set:
    """Three members (or as many addresses as given), initiated, with a root user."""

    def __init__(self, directory, ips=("127.0.3.1", "127.0.3.2", "127.0.3.3"), tls=None, keyfile=True,
                 settings=None, member=None, client_tls=None):
        self.members = [Member(pathlib.Path(directory) / chr(97 + i), ip, keyfile=keyfile,
                               tls=tls(ip) if tls else None) for i, ip in enumerate(ips)]
        self.keyfile, self.settings, self.member, self.client_tls = keyfile, settings, member or {}, client_tls or {}

    def __enter__(self):
        try:
            for m in self.members:
                m.start(wait=False)
            for m in self.members:
                wait_for(m.listening)
            self.initiate()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for m in self.members:
            if m.process and m.process.poll() is None:
                m.kill()

    def initiate(self):
        first = self.members[0]
        config = {"_id": "rs0", "members": [{"_id": i, "host": m.host, **self.member.get(i, {})}
                                            for i, m in enumerate(self.members)]}
        if self.settings:
            config["settings"] = self.settings
        with first.client(user=None, tls=self.client_tls) as c:
            c.admin.command("replSetInitiate", config)
        with self.primary().client(user=None, tls=self.client_tls) as c:
            if self.keyfile:  # who holds data has the user, too, before anybody logs in there
                holders = sum(not m.get("arbiterOnly") for m in config["members"])
                c.admin.command("createUser", "root", pwd="secret", roles=["root"], writeConcern={"w": holders})
        wait_for(lambda: all(s in ("PRIMARY", "SECONDARY", "ARBITER") for s in self.states().values()))

    def uri_client(self, **more):
        auth = {"username": "root", "password": "secret"} if self.keyfile else {}
        return pymongo.MongoClient([m.host for m in self.members], replicaSet="rs0",
                                   **{"serverSelectionTimeoutMS": patient(30000), "w": "majority", **auth, **self.client_tls,
                                      **more})

    def states(self, seen_by=None):
        by = seen_by or self.members[0]
        status = by.admin("replSetGetStatus", tls=self.client_tls)
        return {m["name"]: m["stateStr"] for m in status["members"]}

    def primary(self, seconds=60):
        def find():
            for m in self.members:
                if m.process.poll() is not None:
                    continue
                try:
                    with m.client(user=None, tls=self.client_tls, serverSelectionTimeoutMS=1000) as c:
                        if c.admin.command("isMaster")["ismaster"]:
                            return m
                except pymongo.errors.PyMongoError:
                    pass
            return None
        return wait_for(find, seconds)

    def others(self, member):
        return [m for m in self.members if m is not member]
