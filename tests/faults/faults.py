#!/usr/bin/python3
"""Faults on demand, for tests and rehearsals. What is left to chance comes from one seed.

As a library: Faults(seed), Shim(directory), Link(namespace), and files' faults below.
As a command: tests/faults/faults.py [--seed N] kill|freeze|thaw PID
              tests/faults/faults.py cut NAMESPACE ADDRESS [in|out|both]    mend NAMESPACE
              tests/faults/faults.py [--seed N] loss NAMESPACE PERCENT    latency NAMESPACE MS [JITTER]
              tests/faults/faults.py narrow NAMESPACE KBIT
              tests/faults/faults.py [--seed N] truncate FILE
              tests/faults/faults.py shim DIRECTORY [name=value…]  (sync_ms clock_ms full_from start_ms)
"""

import argparse
import json
import mmap
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


class Unsupported(Exception):
    """This kernel or machine can't do that."""


def run(*command):
    environment = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise Unsupported(f"{' '.join(command)}: {done.stderr.strip()}")


# ---- processes ------------------------------------------------------------------------------


class Faults:
    """Whom it hits, when, and how hard: the same for the same seed."""

    def __init__(self, seed):
        self.seed, self.random = seed, random.Random(seed)

    def one_of(self, things):
        return self.random.choice(list(things))

    @staticmethod
    def kill(pid):
        os.kill(pid, signal.SIGKILL)

    @staticmethod
    def freeze(pid):
        os.kill(pid, signal.SIGSTOP)

    @staticmethod
    def thaw(pid):
        os.kill(pid, signal.SIGCONT)

    def crash_during_start(self, process, within_s=0.3):
        """Kills a process that was started just now, at some moment of its start; how late that was."""
        wait = self.random.uniform(0, within_s)
        time.sleep(wait)
        process.kill()
        process.wait()
        return wait

    def truncate(self, path):
        """Leaves a beginning of the file, at least one byte shorter; how long it is now."""
        size = os.path.getsize(path)
        keep = self.random.randrange(0, size) if size else 0
        os.truncate(path, keep)
        return keep


def refuse_to_lead(client, seconds):
    """The member behind this client (logged in, direct) stands for no election for so long."""
    client.admin.command("replSetFreeze", seconds)


# ---- disk and clock, through the preloaded shim ---------------------------------------------


class Shim:
    """Settings of one process, changeable while it runs. Start it with `environment`."""

    NAMES = ("sync_ms", "clock_ms", "full_from", "start_ms")

    def __init__(self, directory, **settings):
        directory = pathlib.Path(directory)
        self.library, self.path = directory / "shim.so", directory / "faults"
        if not self.library.exists():
            run("gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(self.library), str(HERE / "shim.c"), "-ldl")
        if not self.path.exists():
            self.path.write_bytes(bytes(8 * len(self.NAMES)))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8 * len(self.NAMES))
        self.set(**settings)

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "FAULTS_FILE": str(self.path)}

    def set(self, **settings):
        for name, value in settings.items():
            at = self.NAMES.index(name) * 8
            self.map[at:at + 8] = struct.pack("<q", value)


# ---- network --------------------------------------------------------------------------------


class Link:
    """A host's network, by the name of its namespace. All faults go with mend().

    The outer end of its cable has the namespace's name and is plugged into a bridge, as the sandbox does it.
    """

    TABLE = "inet faults"
    STATE = pathlib.Path("/run")  # private to the sandbox

    def __init__(self, namespace, device="eth0", seed=0):
        self.namespace, self.device, self.seed = namespace, device, seed
        self.pid_file = self.STATE / f"faults-{namespace}.pid"

    def _in(self, *command):
        run("ip", "netns", "exec", self.namespace, *command)

    def _rule(self, chain, rule):
        self._in("nft", f"add table {self.TABLE}; add chain {self.TABLE} {chain} "
                        f"{{ type filter hook {chain} priority -10; }}; add rule {self.TABLE} {chain} {rule} drop")

    def cut(self, address, way="both"):
        """Nothing from (in), to (out) or in either direction between this host and that address."""
        if way in ("in", "both"):
            self._rule("input", f"ip saddr {address}")
        if way in ("out", "both"):
            self._rule("output", f"ip daddr {address}")

    def loss(self, percent):
        """Of what comes in, that many packets of a hundred are dropped: which ones of each thousand, the seed says."""
        lost = random.Random(self.seed).sample(range(1000), int(percent * 10))
        if lost:
            self._rule("input", f"numgen inc mod 1000 {{ {', '.join(map(str, sorted(lost)))} }}")

    def latency(self, ms, jitter_ms=0):
        """What leaves is that much later, give or take the jitter: by netem, or by a delay in the cable."""
        try:
            jitter = [f"{jitter_ms}ms"] if jitter_ms else []
            self._in("tc", "qdisc", "replace", "dev", self.device, "root", "netem", "delay", f"{ms}ms", *jitter)
        except Unsupported:
            self._delay_cable(ms, jitter_ms)

    def _delay_cable(self, ms, jitter_ms):
        self._plug_in()
        found = subprocess.run(["ip", "-j", "link", "show", "dev", self.namespace], capture_output=True, text=True,
                               check=False)
        bridge = json.loads(found.stdout or "[{}]")[0].get("master")
        if not bridge:
            raise Unsupported(f"{self.namespace} is plugged into no bridge")
        process = subprocess.Popen(  # lives on until mend()
            [sys.executable, str(HERE / "delay.py"), self.namespace, bridge, str(ms), str(jitter_ms), str(self.seed)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        self.pid_file.write_text(str(process.pid), encoding="ascii")
        if process.stdout.readline() != b"ready\n":
            raise Unsupported(f"no delay in the cable of {self.namespace}")
        process.stdout.close()

    def _plug_in(self):
        if not self.pid_file.exists():
            return
        pid = int(self.pid_file.read_text(encoding="ascii"))
        self.pid_file.unlink()
        try:
            os.kill(pid, signal.SIGTERM)
            while pathlib.Path(f"/proc/{pid}").exists() and os.waitpid(pid, 0)[0] != pid:
                pass
        except (ProcessLookupError, ChildProcessError):
            for _ in range(500):  # somebody else's child
                if not pathlib.Path(f"/proc/{pid}").exists():
                    break
                time.sleep(0.01)

    def narrow(self, kbit):
        """What leaves has to share that little."""
        self._in("tc", "qdisc", "replace", "dev", self.device, "root", "tbf", "rate", f"{kbit}kbit", "burst", "4kb",
                 "latency", "2s")

    def mend(self):
        self._plug_in()
        for command in (("nft", f"delete table {self.TABLE}"), ("tc", "qdisc", "del", "dev", self.device, "root")):
            try:
                self._in(*command)
            except Unsupported:
                pass  # there was none


# ---- certificates ---------------------------------------------------------------------------


def expire(authority, path, names):
    """Replaces a certificate by one of the same names that ended yesterday (authority: processes.Authority)."""
    made = authority.issue(pathlib.Path(path).name + ".expired", names, days=-1)
    os.replace(made, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("what")
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    faults, rest = Faults(given.seed), given.arguments
    try:
        if given.what in ("kill", "freeze", "thaw"):
            getattr(faults, given.what)(int(rest[0]))
        elif given.what == "truncate":
            print(faults.truncate(rest[0]))
        elif given.what == "shim":
            shim = Shim(rest[0], **{n: int(v) for n, v in (a.split("=") for a in rest[1:])})
            print(" ".join(f"{n}={v}" for n, v in shim.environment.items()))
        elif given.what in ("cut", "loss", "latency", "narrow", "mend"):
            link = Link(rest[0], seed=given.seed)
            numbers = rest[1:] if given.what == "cut" else [float(r) if given.what == "loss" else int(r) for r in rest[1:]]
            getattr(link, given.what)(*numbers)
        else:
            parser.error(f"{given.what}: no such fault")
    except (Unsupported, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
