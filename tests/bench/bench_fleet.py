"""A hundred deployments kept by one `evenkeel run`: `make bench-fleet COUNT=100`.

Prints how long making them took, how long commits to all of them take (first one that restarts every
server, later one that is carried out at run time) while servers are killed with kill -9, what
looking at them costs while nothing changes, and how soon what somebody does behind its back is seen
(a mode set at run time, a file edited). A server that was killed is started again after a while, as
its service manager would. Processor time is given as a share of one core and per look; latencies in
seconds. Everything runs on this machine: the servers too."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pymongo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))

# pylint: disable=wrong-import-position
from fleet import find_server, wait_for  # noqa: E402
from loop import Loop  # noqa: E402
from many import Many  # noqa: E402
from tool import Evenkeel  # noqa: E402

RESTART_AFTER_S = 5
EVERY_S = 3  # between two kills


def seconds_of(pids):
    total = 0.0
    for pid in pids:
        try:
            words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_of(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def servers_of(many):
    done = subprocess.run(["pgrep", "-f", str(many.directory)], capture_output=True, text=True,
                          check=False)
    return [int(word) for word in done.stdout.split()]


class Bench:
    def __init__(self, count, build, seed, names):
        directory = Path(os.environ["EVENKEEL_SANDBOX_DIR"])
        self.random, self.count = random.Random(seed), count
        self.many = Many(directory / "fleet", find_server(build)[0], count, names)
        self.tool = Evenkeel(directory / "evenkeel", build)
        self.directory, self.report = directory, {"deployments": count, "members": len(names)}
        self.killed, self.started = [], []  # (when to start it again, how, where); processes

    def say(self, name, value):
        self.report[name] = value
        print(f"{name:<42} {value}", flush=True)

    def synced(self, loop, commit):
        return {e["deployment"] for e in loop.events("synced", commit=commit)}

    def make(self, loop, commit):
        began = time.monotonic()
        wait_for(lambda: len(self.synced(loop, commit)) == self.count, "all made", 60 + 8 * self.count, 1)
        self.say("made, all, s", round(time.monotonic() - began, 1))

    def rest(self, loop, seconds=20):
        servers = servers_of(self.many)
        looks = loop.metric("evenkeel_observe_duration_seconds_count")
        before = seconds_of([loop.process.pid]), seconds_of(servers), time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - before[2]
        own = seconds_of([loop.process.pid]) - before[0]
        looks = loop.metric("evenkeel_observe_duration_seconds_count") - looks
        self.say("at rest: looks per second", round(looks / spent, 1))
        self.say("at rest: evenkeel, share of a core", round(own / spent, 3))
        self.say("at rest: evenkeel, ms per look", round(1000 * own / looks, 2))
        self.say("at rest: all servers, share of a core",
                 round((seconds_of(servers) - before[1]) / spent, 3))
        self.say("at rest: evenkeel, MiB", memory_of(loop.process.pid))

    # -- meddling ---------------------------------------------------------------------------

    def set_mode(self, name, member):
        key = (self.many.directory / name / member / "keyfile").read_text(encoding="ascii")
        client = pymongo.MongoClient(self.many.address(name, member), username="__system",
                                     password="".join(key.split()), authSource="local",
                                     authMechanism="SCRAM-SHA-256", directConnection=True,
                                     serverSelectionTimeoutMS=5000)
        client.admin.command("setParameter", 1, tlsMode="preferTLS")
        client.close()

    def edit(self, name, member):
        path = self.many.configuration(name, member)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("allowTLS", "preferTLS"), encoding="utf-8")

    def drift(self, loop, rounds):
        """Seconds from the deed to the event, for a deployment at random."""
        seen = []
        for number in range(rounds):
            name = self.random.choice(self.many.deployments)
            member = self.random.choice(self.many.names)
            wait_for(lambda: loop.metric("evenkeel_deployment_sync_status", deployment=name,
                                         status="Synced") == 1, f"{name} in sync", 120)
            told = len(loop.events("drift", deployment=name))
            (self.set_mode if number % 2 else self.edit)(name, member)
            began = time.monotonic()
            loop.wait("drift", deployment=name, after=told, seconds=30)
            seen.append(time.monotonic() - began)
        seen.sort()
        self.say("drift seen after, s: median", round(seen[len(seen) // 2], 2))
        self.say("drift seen after, s: longest", round(seen[-1], 2))

    def kill_one(self):
        """As the out-of-memory killer does it: any server, at any moment."""
        pid = self.many.pid(self.random.choice(self.many.deployments),
                            self.random.choice(self.many.names))
        if not pid:
            return
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
            directory = os.readlink(f"/proc/{pid}/cwd")
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return  # it ended by itself just now
        self.killed.append((time.monotonic() + RESTART_AFTER_S, words, directory))

    def start_killed(self):
        now = time.monotonic()
        due = [k for k in self.killed if k[0] <= now]
        self.killed = [k for k in self.killed if k[0] > now]
        for _, words, directory in due:
            self.started.append(subprocess.Popen(words, cwd=directory, stdin=subprocess.DEVNULL,
                                                 stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL))

    def change_all(self, loop, mode, kills):
        """A commit to every deployment, and `kills` servers killed on the way."""
        for name in self.many.deployments:
            self.many.modes[name] = mode
        commit, began, killed = self.many.commit(f"all: {mode}"), time.monotonic(), 0
        limit = began + 60 + 20 * self.count
        while len(self.synced(loop, commit)) < self.count and time.monotonic() < limit:
            if killed < kills and time.monotonic() - began > EVERY_S * (killed + 1):
                self.kill_one()
                killed += 1
            self.start_killed()
            time.sleep(0.5)
        self.say(f"{mode}: servers killed meanwhile", killed)
        self.say(f"{mode}: in sync, of {self.count}", len(self.synced(loop, commit)))
        self.say(f"{mode}: all, s", round(time.monotonic() - began, 1))

    def run(self, rounds, kills):
        commit = self.many.commit("all are new")
        with Loop(self.tool, self.directory, "--git", self.many.specs, "--interval", "1s") as loop:
            self.make(loop, commit)
            self.change_all(loop, "allowSSL", kills)
            self.rest(loop)
            self.drift(loop, rounds)
            self.change_all(loop, "preferSSL", kills)
            self.say("steps that failed", len(loop.events("step-failed", "reconcile-failed")))
            began = time.monotonic()
            self.say("exit status after SIGTERM", loop.stop())
            self.say("ended after SIGTERM, s", round(time.monotonic() - began, 1))
        self.many.destroy()
        for process in self.started:
            process.wait()


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--build", default="build")
    words.add_argument("--count", type=int, default=100)
    words.add_argument("--members", default="abc")
    words.add_argument("--rounds", type=int, default=20)
    words.add_argument("--kills", type=int, default=10)
    words.add_argument("--seed", type=int, default=1)
    arguments = words.parse_args()
    bench = Bench(arguments.count, arguments.build, arguments.seed, arguments.members)
    bench.run(arguments.rounds, arguments.kills)
    (Path(arguments.build) / "bench-fleet.json").write_text(json.dumps(bench.report, indent=2) + "\n",
                                                           encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
