#!/usr/bin/python3
"""Sets whose members lose their power again and again, while clients write: what was acknowledged stays.

tests/crashes/crashes.py [--crashes N] [--seconds S] [--sets N] [--seed N] [--break majority|votes|terms|sync|stale]

Every member dies at a place chosen at random among those where it writes, syncs, votes or waits (STANDIN_CRASH), loses
what wasn't synced, and is started again. At the end everything that was acknowledged with majority concern must be
there, no term may have had two primaries, and no member may have stopped on a failed assertion. --break switches off
one thing that makes that so; then a violation is expected. The last line says what was found.
"""

import argparse
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import bson

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / d) for d in ("standin", "sandbox")]
from patience import patient  # noqa: E402
import processes  # noqa: E402  pylint: disable=wrong-import-position

SETTINGS = {"electionTimeoutMillis": 300, "heartbeatIntervalMillis": 50}
CRASHED = 137


class Link:
    """One connection without a driver's patience."""

    def __init__(self, member):
        self.socket = socket.create_connection((member.ip, member.port), patient(1))
        self.socket.settimeout(patient(3))

    def ask(self, **command):
        body = b"\0\0\0\0\0" + bson.encode(command)
        self.socket.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body)
        head = self._exactly(16)
        return bson.decode(self._exactly(struct.unpack("<i", head[:4])[0] - 16)[5:])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return data


class CrashingSet:
    def __init__(self, directory, number, seed, limit):
        self.random = random.Random(f"{seed}-{number}")
        self.members = [processes.Member(directory / f"{number}{n}", f"127.0.{30 + number}.{i + 1}", keyfile=False)
                        for i, n in enumerate("abc")]
        self.limit, self.stopping = limit, False
        self.crashes, self.acknowledged, self.weak = 0, set(), set()
        self.wrong = []
        self.threads = []

    def start(self, member, crash):
        os.environ.pop("STANDIN_CRASH", None)
        environment = dict(os.environ, STANDIN_FAST="1")
        if crash:
            environment["STANDIN_CRASH"] = str(self.random.randint(1, self.limit))
        with open(member.dir / "out", "ab") as out:
            member.process = subprocess.Popen(member.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                              env=environment)

    def initiate(self):
        for m in self.members:
            self.start(m, False)
        for m in self.members:
            processes.wait_for(m.listening)
        config = {"_id": "rs0", "settings": SETTINGS,
                  "members": [{"_id": i, "host": m.host} for i, m in enumerate(self.members)]}
        reply = Link(self.members[0]).ask(replSetInitiate=config, **{"$db": "admin"})
        assert reply["ok"] == 1, reply
        processes.wait_for(self.primary)

    def primary(self):
        for m in self.members:
            try:
                if Link(m).ask(isMaster=1, **{"$db": "admin"}).get("ismaster"):
                    return m
            except OSError:
                pass
        return None

    def keep_crashing(self, member):
        while not self.stopping:
            status = member.process.poll()
            if status is None:
                time.sleep(0.01)
                continue
            if status != CRASHED:
                self.wrong.append(f"{member.host} ended with {status}: {member.log_text()[-300:]}")
                return
            self.crashes += 1
            self.start(member, True)

    def keep_writing(self, prefix):
        number, link = 0, None
        while not self.stopping:
            try:
                if link is None:
                    p = self.primary()
                    if p is None:
                        time.sleep(0.02)
                        continue
                    link = Link(p)
                number += 1
                weak = number % 4 == 0
                name = f"{prefix}-{number}"
                reply = link.ask(insert="t", documents=[{"_id": name}], writeConcern={"w": 1} if weak else
                                 {"w": "majority", "wtimeout": 2000}, **{"$db": "x"})
                if reply.get("ok") == 1 and reply.get("n") == 1 and "writeConcernError" not in reply:
                    (self.weak if weak else self.acknowledged).add(name)
                elif reply.get("ok") != 1:
                    link = None
            except OSError:
                link = None

    def run(self):
        self.initiate()
        for m in self.members:  # from here on with crashes
            m.process.kill()
            m.process.wait()
            self.start(m, True)
        self.threads = [threading.Thread(target=self.keep_crashing, args=(m,)) for m in self.members]
        self.threads += [threading.Thread(target=self.keep_writing, args=(n,)) for n in ("v", "w")]
        for t in self.threads:
            t.start()

    def end(self):
        self.stopping = True
        for t in self.threads:
            t.join()
        self.wrong += self.two_primaries()
        if self.wrong:  # nothing more to learn, and it may never have a primary again
            self.kill()
            return 0
        for m in self.members:
            if m.process.poll() is None:
                m.process.kill()
                m.process.wait()
            self.start(m, False)
        try:
            stored = processes.wait_for(self.stored, 30 if "STANDIN_BREAK" in os.environ else 180)
        except AssertionError as error:
            self.wrong.append(f"no primary with everything committed at the end: {error}")
            stored = self.acknowledged
        lost = self.acknowledged - stored
        if lost:
            self.wrong.append(f"{len(lost)} acknowledged writes lost: {sorted(lost)[:3]}")
        self.wrong += self.two_primaries()
        self.kill()
        return len(self.weak - stored)

    def kill(self):
        for m in self.members:
            if m.process.poll() is None:
                m.process.kill()
                m.process.wait()

    def stored(self):
        p = self.primary()
        if p is None:
            return None
        try:
            link = Link(p)
            done = link.ask(insert="end", documents=[{}], writeConcern={"w": "majority", "wtimeout": 5000}, **{"$db": "x"})
            if done.get("ok") != 1 or "writeConcernError" in done:
                return None
            reply = link.ask(find="t", batchSize=10 ** 6, singleBatch=True, readConcern={"level": "majority"}, **{"$db": "x"})
            return {d["_id"] for d in reply["cursor"]["firstBatch"]} if reply.get("ok") == 1 else None
        except OSError:
            return None

    def two_primaries(self):
        """A member that wins a term says so in its log; no other may have said it of the same term."""
        winners = {}
        for m in self.members:
            for term in re.findall(r"assuming primary role in term (\d+)", m.log_text()):
                winners.setdefault(int(term), []).append(m.host)
        return [f"term {t} had two primaries: {hosts}" for t, hosts in sorted(winners.items()) if len(hosts) > 1][:3]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--crashes", type=int, default=10 ** 9)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--limit", type=int, default=150, help="a member dies before it has passed more places than that")
    parser.add_argument("--break", dest="broken", choices=["majority", "votes", "terms", "sync", "stale"])
    arguments = parser.parse_args()
    if arguments.broken:
        os.environ["STANDIN_BREAK"] = arguments.broken
    with tempfile.TemporaryDirectory() as directory:
        sets = [CrashingSet(pathlib.Path(directory), n, arguments.seed, arguments.limit) for n in range(arguments.sets)]
        for s in sets:
            s.run()
        until = time.monotonic() + arguments.seconds
        while time.monotonic() < until and sum(s.crashes for s in sets) < arguments.crashes and not any(s.wrong or s.two_primaries() for s in sets):
            time.sleep(0.3)
        weak = sum(s.end() for s in sets)
        wrong = [w for s in sets for w in s.wrong]
    for w in wrong:
        print(w)
    print(f"seed {arguments.seed}: {sum(s.crashes for s in sets)} crashes, {sum(len(s.acknowledged) for s in sets)} writes "
          f"acknowledged by a majority, {weak} of {sum(len(s.weak) for s in sets)} acknowledged by one member were lost, "
          f"{len(wrong)} violations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
