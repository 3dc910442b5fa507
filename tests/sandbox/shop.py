"""One fleet, its specs and the Evenkeel that looks after it; and what the tests ask about them."""

import hashlib
import os
import re
import ssl
import stat
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import wire

ERROR_ID = re.compile(r"\bEK-\d{4}\b")
SERVERS_OWN = ("db", "mongod.log", "console.log")
TOOLS_OWN = ("cache",)
# Whose turn it is, and what was done: kept by who only looks, too.
TURNS = ("fence", "evenkeel.db", "evenkeel.db-wal", "evenkeel.db-shm")


class Shop:
    def __init__(self, fleet, specs, tool, directory):
        self.fleet, self.specs, self.tool, self.directory = fleet, specs, tool, directory

    @property
    def git(self):
        return ("--git", str(self.specs.directory))

    # -- the world, to see that nothing changed -------------------------------------------

    def files(self):
        """{path: digest of content and mode} of everything that Evenkeel could have touched."""
        found = {"/etc/hosts": digest(Path("/etc/hosts"))}
        for top, skipped in ((self.fleet.directory, SERVERS_OWN), (self.tool.directory, TOOLS_OWN)):
            for directory, names, files in os.walk(top):
                names[:] = [n for n in names if n not in skipped]
                for name in files:
                    path = Path(directory, name)
                    if name not in skipped and name not in TURNS:
                        found[str(path)] = digest(path)
        return found

    def world(self):
        """Files, processes, the set's configuration and users, modes, primary, election term."""
        up = self.fleet.answering()
        first = next(iter(up))
        users = self.fleet.command(first, "usersInfo", 1)["users"]
        statuses = {name: self.fleet.status(name) for name in up}
        return {"files": self.files(), "processes": self.fleet.processes(),
                "configuration": self.fleet.command(first, "replSetGetConfig")["config"],
                "users": sorted((u["user"], str(u["roles"])) for u in users),
                "modes": {name: self.fleet.command(name, "getParameter", tlsMode=1)["tlsMode"]
                          for name in up},
                "states": {name: status["myState"] for name, status in statuses.items()},
                "term": max(status["term"] for status in statuses.values())}

    def intact(self):
        """Whether a test may rely on it: disabled, healthy, the preferred member leads."""
        try:
            return (self.fleet.settled() and set(self.fleet.running_modes().values())
                    == set(self.configured_modes().values()) == {"disabled"}
                    and list(self.set_hosts().values()) == [m.host for m in self.fleet.members])
        except Exception:  # pylint: disable=broad-except
            return False

    # -- running the tool -----------------------------------------------------------------

    def refused(self, *arguments):
        """Run what must be refused: exit status, words with an id that explain knows, no change."""
        before = self.world()
        done = self.tool.run(*arguments)
        words = done.stdout + done.stderr
        assert done.returncode not in (0, 2), f"was not refused:\n{words}"
        assert done.returncode < 126, f"died: {done.returncode}\n{words}"
        found = ERROR_ID.findall(words)
        assert found, f"no message id in:\n{words}"
        assert self.world() == before, f"something changed, though it said:\n{words}"
        self.explained(found)
        return done

    def explained(self, ids):
        for name in set(ids):
            told = self.tool.run("explain", name)
            assert told.returncode == 0 and name in told.stdout, f"explain does not know {name}"
            assert len(told.stdout.split()) > 10, f"explain {name} says too little"

    def succeed(self, *arguments, status=0):
        done = self.tool.run(*arguments)
        assert done.returncode == status, (
            f"evenkeel {' '.join(map(str, arguments))}: exit status {done.returncode}, "
            f"not {status}\n{done.stdout}\n{done.stderr}")
        return done

    # -- TLS as a client sees it ------------------------------------------------------------

    def set_hosts(self):
        """{member: the name that the set's configuration has for it}, in the specs' order."""
        return {m.name: row["host"].rsplit(":", 1)[0]
                for m, row in zip(self.fleet.members, self.fleet.configuration()["members"])}

    def litmus(self):
        """By name it works, by address the certificate does not hold: every member."""
        context = wire.verifying_context(self.tool.authority_certificate)
        for name, host in self.set_hosts().items():
            assert wire.is_master(host, tls=context)["setName"] == self.fleet.set_name
            try:
                wire.is_master(self.fleet[name].address, tls=context)
            except wire.Refused as refusal:
                cause = refusal.__cause__
                assert isinstance(cause, ssl.SSLCertVerificationError), cause
                assert "IP address mismatch" in str(cause), cause
            else:
                raise AssertionError(f"{name} can be had by address: its certificate is no proof")

    def server_options(self, name):
        return yaml.safe_load(self.fleet[name].configuration.read_text(encoding="utf-8"))

    def configured_modes(self):
        options = {m.name: self.server_options(m.name) for m in self.fleet.members}
        return {name: o["net"].get("tls", {}).get("mode", "disabled") for name, o in options.items()}

    def certificate_key_file(self, name):
        return Path(self.server_options(name)["net"]["tls"]["certificateKeyFile"])


def digest(path):
    try:
        content = path.read_bytes() if path.is_file() else b""
        return hashlib.sha256(content).hexdigest() + f" {stat.S_IMODE(path.lstat().st_mode):o}"
    except FileNotFoundError:
        return "gone"


def opens(key_pem, candidates):
    """The first of the candidates that is the password of the key, or None."""
    for candidate in candidates:
        try:
            load_pem_private_key(key_pem, password=candidate)
            return candidate
        except ValueError:
            continue
    return None


def possible_passwords(data, shortest=20):
    """Everything in `data` that could be a password somebody left there: of sentences, such as a log's lines, each
    long word; trying the whole sentences as well would take minutes where a server has much to say."""
    found = {data, data.strip(), *(line for line in data.splitlines() if b" " not in line.strip())}
    found.update(re.findall(rb"[A-Za-z0-9+/=_.\-]{%d,}" % shortest, data))
    return {f for f in found if shortest <= len(f) <= 1024}
