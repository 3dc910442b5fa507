#!/usr/bin/python3
"""Processes fight for leases over a real store while they are frozen, killed, and their clocks set.

leases.py [--store sqlite|mongodb] [--rounds N] [--seconds S] [--seed N] [--unfenced]
A round is one lease taken. Now and then an event is appended to the store: each that was
acknowledged must be there, once, in a whole chain. Prints what happened; exit status 1 when two acted at once, or when one
acted after another of a later lease, or when an event was lost. --unfenced leaves the fences out: then that must happen.
"""

import argparse
import collections
import contextlib
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
sys.path += [str(HERE.parent / "standin"), str(HERE.parent / "faults")]

from faults import Shim  # noqa: E402
from processes import Set  # noqa: E402

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
        self.process = subprocess.Popen(
            [field.program, field.store, field.directory, str(TTL_MS),
             str(field.random.randrange(1 << 31)), field.mode],
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
        self.directory, self.store, self.mode = directory, str(store), mode
        self.library, self.program = directory.parent / "shim.so", directory.parent / "contender"
        # The shim moves what is read, not what the kernel waits for: libmongoc waits by that clock.
        self.clock_ms = 1000 if "://" in self.store else 86400000
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
                contender.process.wait(30)
            except subprocess.TimeoutExpired:
                contender.kill()


class Servers:
    """The set that the store is on: its primary is frozen now and then, which cuts it off."""

    def __init__(self, members, seed):
        self.set, self.random, self.frozen, self.until = members, random.Random(seed), None, 0
        self.next = time.monotonic() + 1

    def befall(self, done):
        now = time.monotonic()
        if self.frozen and now >= self.until:
            self.frozen.process.send_signal(signal.SIGCONT)
            self.frozen = None
            self.next = now + 1 + 3 * self.random.random()
        elif not self.frozen and now >= self.next:
            self.frozen = self.random.choice(self.set.members)
            self.frozen.process.send_signal(signal.SIGSTOP)
            self.until = now + self.random.random() * 3
            done["servers frozen"] += 1


def lost_events(fields, store):
    """How many acknowledged events the store does not have under their number, or -1: its chain
    is broken."""
    tool = [BUILD / "evenkeel", "history", "--store", str(store)]
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


def fight(fields, servers, rounds, seconds):
    done, began, total = collections.Counter(), time.monotonic(), collections.Counter()
    while time.monotonic() - began < seconds:
        for field in fields:
            for contender in field.contenders:
                contender.befall(done)
        if servers:
            servers.befall(done)
        time.sleep(0.01)
        if int(time.monotonic() * 100) % 50 == 0 or seconds < 5:
            total = sum((f.words() for f in fields), collections.Counter())
            if total["took"] >= rounds or total["OVERLAP"] + total["LATE"]:
                break
    if servers and servers.frozen:
        servers.frozen.process.send_signal(signal.SIGCONT)
    for field in fields:
        field.end()
    return sum((f.words() for f in fields), collections.Counter()), done, time.monotonic() - began


@contextlib.contextmanager
def mongodb(directory):
    with Set(directory / "set", keyfile=False,
             settings={"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}) as members:
        hosts = ",".join(m.host for m in members.members)
        yield members, f"mongodb://{hosts}/leases?replicaSet=rs0"


def run(store, rounds, seconds, seed, unfenced=False, fields=4):
    """The words of all logs, what befell them, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="leases-") as name:
        directory = pathlib.Path(name)
        with contextlib.ExitStack() as stack:
            members, place = None, directory / "leases.db"
            if store == "mongodb":
                os.environ.setdefault("STANDIN_FAST", "1")
                members, place = stack.enter_context(mongodb(directory))
            mode = "unfenced" if unfenced else "fenced"
            Shim(directory)  # compiled once
            shutil.copy(BUILD / "contender", directory)  # may be built anew meanwhile
            fought = [Field(directory / f"f{i}", place, mode, seed * 100 + i)
                      for i in range(fields)]
            servers = Servers(members, seed) if members else None
            try:
                words, done, took = fight(fought, servers, rounds, seconds)
                words["LOST"] = abs(lost_events(fought, place))
                return words, done, took
            finally:
                for field in fought:
                    for contender in field.contenders:
                        if contender.process.poll() is None:
                            contender.kill()


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
