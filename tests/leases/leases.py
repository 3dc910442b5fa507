#!/usr/bin/python3
"""Processes fight for leases over a real store while they are frozen, killed, cut off, and their
clocks set. Runs inside tests/sandbox/enter.

leases.py [--store sqlite|mongodb] [--rounds N] [--seconds S] [--seed N] [--unfenced]
A round is one lease taken. Now and then an event is appended to the store: each that was
acknowledged must be there, once, in a whole chain. Prints what happened; exit status 1 when two acted at once, or when one
acted after another of a later lease, or when an event was lost. --unfenced leaves the fences out: then that must happen.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "sandbox"), str(HERE.parent / "faults")]

# pylint: disable=wrong-import-position
from faults import Link, Shim  # noqa: E402
from fleet import Fleet, find_server  # noqa: E402
from patience import patient  # noqa: E402

BUILD = pathlib.Path(os.environ.get("EVENKEEL_BUILD", HERE.parent.parent / "build"))
TTL_MS = 250


class Contender:
    def __init__(self, field, number):
        self.field, self.number = field, number
        own = field.directory / f"shim{number}"
        own.mkdir()
        (own / "shim.so").symlink_to(field.library)
        self.shim = Shim(own)
        self.frozen_until, self.process = 0, None
        self.start()

    def start(self):
        field = self.field
        host = field.store.hosts.members[self.number] if field.store.hosts else None
        inside = ["nsenter", f"--net=/run/netns/{host.namespace}", "--"] if host else []
        self.process = subprocess.Popen(
            [*inside, field.program, field.store.place, field.directory, str(TTL_MS),
             str(field.random.randrange(1 << 31)), field.mode, *field.store.password_file],
            env=dict(os.environ, **self.shim.environment))

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.frozen_until = 0

    def befall(self, done):
        dice, now = self.field.random, time.monotonic()
        if self.frozen_until:
            if now >= self.frozen_until:
                self.signal(signal.SIGCONT)
                self.frozen_until = 0
            return
        if self.process.poll() is not None:
            raise AssertionError(f"a contender ended with {self.process.returncode}")
        what = dice.random()
        if what < 0.03:
            self.signal(signal.SIGSTOP)
            self.frozen_until = now + dice.random() * 3 * TTL_MS / 1000
            done["frozen"] += 1
        elif what < 0.04:
            self.kill()
            self.start()
            done["killed"] += 1
        elif what < 0.05:
            self.shim.set(clock_ms=dice.randrange(-self.field.clock_ms, self.field.clock_ms))
            done["clocks set"] += 1


class Field:
    """One deployment that several fight for."""

    def __init__(self, directory, store, mode, seed, contenders=3):
        self.directory, self.store, self.mode = directory, store, mode
        self.library, self.program = directory.parent / "shim.so", directory.parent / "contender"
        # The shim moves what is read, not what the kernel waits for: libmongoc waits by that clock.
        self.clock_ms = 1000 if store.hosts else 86400000
        self.random = random.Random(seed)
        directory.mkdir()
        self.contenders = [Contender(self, i) for i in range(contenders)]

    def lines(self):
        log = self.directory / "log"
        return [line.split() for line in (log.read_text() if log.exists() else "").splitlines()]

    def words(self):
        return collections.Counter(line[0] for line in self.lines())

    def told(self):
        """{number that the store gave: the event's text}"""
        return {int(more[0]): f"token {token}, process {pid}"
                for word, token, pid, *more in self.lines() if word == "told"}

    def end(self):
        for contender in self.contenders:
            contender.signal(signal.SIGTERM)
            contender.signal(signal.SIGCONT)
        for contender in self.contenders:
            try:
                contender.process.wait(patient(30))
            except subprocess.TimeoutExpired:
                contender.kill()


class File:
    """A store that is a file."""

    hosts, password_file = None, ()

    def __init__(self, directory):
        self.place, self.words = str(directory / "leases.db"), ()

    def befall(self, done):
        """Nothing: it is there or it is not."""

    def end(self):
        """Nothing to take away."""


class Servers:
    """A store on a set of three. One server or another is frozen, or cut off from the other two
    while clients still reach it; or a host of contenders is cut off from all three."""

    def __init__(self, directory, seed):
        self.random, self.next, self.mend = random.Random(seed), time.monotonic() + 1, None
        made, Fleet.made = Fleet.made, 20  # names and addresses of their own
        self.fleet = Fleet(directory / "set", find_server(BUILD)[0], name="leases")
        self.hosts = Fleet(directory / "hosts", find_server(BUILD)[0], names="xyz", name="hosts")
        Fleet.made = made
        self.fleet.provision()
        self.fleet.start()
        self.fleet.initiate()
        primary = self.fleet.primary()
        config = self.fleet.command(primary, "replSetGetConfig")["config"]
        config["version"] += 1
        config["settings"].update(electionTimeoutMillis=1000, heartbeatIntervalMillis=200)
        self.fleet.command(primary, {"replSetReconfig": config})
        password = directory / "password"
        password.write_text(self.fleet.app_password, encoding="ascii")
        self.password_file = (str(password),)
        self.words = ("--store-password-file", str(password))
        addresses = ",".join(m.address for m in self.fleet.members)
        self.place = (f"mongodb://app@{addresses}/orders?replicaSet={self.fleet.set_name}"
                      "&authSource=admin")

    def befall(self, done):
        if time.monotonic() < self.next:
            return
        if self.mend:
            self.mend()
            self.mend, self.next = None, time.monotonic() + 0.5 + 2 * self.random.random()
            return
        what = self.random.choice([self.freeze, self.split, self.cut_off])
        what(self.random.randrange(3), done)
        self.next = time.monotonic() + 3 * self.random.random()

    def freeze(self, number, done):
        process = self.fleet.processes()[self.fleet.members[number].name]
        os.kill(process.pid, signal.SIGSTOP)
        self.mend = lambda: os.kill(process.pid, signal.SIGCONT)
        done["servers frozen"] += 1

    def split(self, number, done):
        name = self.fleet.members[number].name
        self.fleet.cut(name)
        self.mend = lambda: self.fleet.mend(name)
        done["servers split off"] += 1

    def cut_off(self, number, done):
        link = Link(self.hosts.members[number].namespace)
        way = self.random.choice(["in", "out", "both"])
        for member in self.fleet.members:
            link.cut(member.address, way)
        self.mend = link.mend
        done["hosts cut off"] += 1

    def end(self):
        if self.mend:
            self.mend()
        self.hosts.destroy()
        self.fleet.destroy()


def lost_events(fields, store):
    """How many acknowledged events the store does not have under their number, or -1: its chain
    is broken."""
    tool = [BUILD / "evenkeel", "history", "--store", store.place, *store.words]
    environment = dict(os.environ, HOME="/nonexistent")
    verified = subprocess.run([*tool, "--verify"], env=environment, stdout=subprocess.DEVNULL,
                              check=False)
    if verified.returncode != 0:
        return -1
    done = subprocess.run([*tool, "--output", "json", "-n", "0"], env=environment, check=True,
                          capture_output=True, text=True)
    there = {e["number"]: e["text"] for e in map(json.loads, done.stdout.splitlines())
             if e["type"] == "event"}
    return sum(there.get(number) != text for f in fields for number, text in f.told().items())


def fight(fields, store, rounds, seconds):
    done, began, total = collections.Counter(), time.monotonic(), collections.Counter()
    count_at = began
    while time.monotonic() - began < seconds:
        for field in fields:
            for contender in field.contenders:
                contender.befall(done)
        store.befall(done)
        time.sleep(0.01)
        if time.monotonic() >= count_at:
            count_at = time.monotonic() + 0.3
            total = sum((f.words() for f in fields), collections.Counter())
            if total["took"] >= rounds or total["OVERLAP"] + total["LATE"]:
                break
    if store.hosts and store.mend:
        store.mend()
        store.mend = None
    for field in fields:
        field.end()
    return sum((f.words() for f in fields), collections.Counter()), done, time.monotonic() - began


def run(kind, rounds, seconds, seed, unfenced=False, fields=4):
    """The words of all logs, what befell them, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="leases-") as name:
        directory, fought, store = pathlib.Path(name), [], None
        Shim(directory)  # compiled once
        shutil.copy(BUILD / "contender", directory)  # may be built anew meanwhile
        try:
            store = Servers(directory, seed) if kind == "mongodb" else File(directory)
            mode = "unfenced" if unfenced else "fenced"
            for i in range(fields):
                fought.append(Field(directory / f"f{i}", store, mode, seed * 100 + i))
            words, done, took = fight(fought, store, rounds, seconds)
            if store.hosts:
                store.fleet.wait_healthy()
            words["LOST"] = abs(lost_events(fought, store))
            return words, done, took
        finally:
            for field in fought:
                for contender in field.contenders:
                    if contender.process.poll() is None:
                        contender.kill()
            if store:
                store.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "mongodb"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--unfenced", action="store_true")
    arguments = parser.parse_args()
    words, done, took = run(arguments.store, arguments.rounds, arguments.seconds, arguments.seed,
                            arguments.unfenced)
    wrong = words["OVERLAP"] + words["LATE"] + words["LOST"]
    print(f"{arguments.store}, seed {arguments.seed}: {words['took']} leases taken, "
          f"{words['act']} acts, {words['refused']} refused, {words['told']} events appended, {words['trouble']} times no store; "
          + ", ".join(f"{n} {what}" for what, n in sorted(done.items()))
          + f"; {words['OVERLAP'] + words['LATE']} acts beside or behind another's, "
          f"{words['LOST']} events lost; {took:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
