"""`make chaos`: apply is killed at a thousand points, while members freeze, cables are cut, the
controller's disk fills and its clock jumps; the set ends where the commit says all the same, without
an extra restart and without a lost write.

A point is one SIGKILL: as a step begins, in the middle of it (done, and not confirmed yet), when it
has ended, or at any time. Every kind of step must have been hit in its middle and at its end. A walk
from disabled to requireSSL and back takes some forty points; the stand-in spares itself the waiting of
a real server's starts (STANDIN_FAST). All choices come from one seed. Runs inside tests/sandbox/enter.

Measured on two cores: 1000 points in 90 changes of one fleet, 329 257 writes acknowledged, none lost, no
restart too many, in 40 minutes beside twenty other busy processes; by themselves 60 points take a
minute."""

import argparse
import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "faults"))

# pylint: disable=wrong-import-position
import evidence
from faults import Shim
from fleet import Fleet, find_server, wait_for
from patience import patient
from probe import Probe
from shop import Shop
from specs_repository import SpecsRepository
from tool import Evenkeel
from watcher import Watcher

RUNNING = {"requireSSL": "requireTLS", "preferSSL": "preferTLS", "disabled": "disabled"}
# Of each member, by the mode that a change leads to: up, at run time, down.
RESTARTS = {"preferSSL": {1}, "requireSSL": {0}, "disabled": {1, 2, 3}}
SETTLE_S = 240
OFTEN = 12  # a step that was done so often was killed in its middle and at its end
WALKS = 2  # of one fleet, up and down; then another one is made


class Lines:
    """The events that a running apply has written to its file so far."""

    def __init__(self, path):
        self.path, self.place, self.counts = path, path.stat().st_size if path.exists() else 0, {}
        self.last, self.done = ("", "start"), []

    def look(self):
        with open(self.path, "rb") as file:
            file.seek(self.place)
            text = file.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.place += len(whole)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # it was killed in the middle of a line
            kind = event.get("type")
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if kind in ("step_begun", "step_done"):
                self.last = (event["step"]["kind"], "middle" if kind == "step_begun" else "end")
            if kind == "step_done":
                self.done.append(event["step"]["kind"])
        return self.counts


class Mishap:
    """Something that happens to the machines while apply runs, for a few seconds."""

    def __init__(self, shop, chance, kind):
        self.shop, self.chance, self.kind = shop, chance, kind
        fleet = shop.fleet
        self.name = chance.choice([m.name for m in fleet.members if m.name != fleet.primary()])
        self.process = None
        self.timer = threading.Timer(chance.uniform(0.2, 1.5), self.end)
        self.filling = shop.tool.state / "filling"
        self.clock_ms = int(chance.choice((-1, 1)) * 1000 * 10 ** chance.uniform(2.5, 5))

    def __enter__(self):
        if self.kind == "frozen":
            self.process = self.shop.fleet.processes()[self.name]
            if self.process:
                os.kill(self.process.pid, signal.SIGSTOP)
        elif self.kind == "cut":
            self.shop.fleet.cut(self.name)
        elif self.kind == "full":
            try:
                with open(self.filling, "wb", buffering=0) as file:
                    while True:
                        file.write(b"\0" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC
        elif self.kind == "clock":
            self.shop.clock.set(clock_ms=self.clock_ms)
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.join()

    def end(self):
        if self.kind == "frozen" and self.process:
            try:
                os.kill(self.process.pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # it was restarted
        elif self.kind == "cut":
            self.shop.fleet.mend(self.name)
        elif self.kind == "full":
            self.filling.unlink()
        elif self.kind == "clock":
            self.shop.clock.set(clock_ms=0)


class Chaos:
    KINDS = (None, None, None, None, None, "frozen", "cut", "full", "clock")

    def __init__(self, shop, seed, mishaps=True):
        self.chance, self.mishaps = random.Random(seed), mishaps
        self.points, self.by, self.late = 0, {}, False
        self.befallen = {}  # mishap: how many runs it came over, killed or not
        self.hit = set()  # (kind of step, middle or end)
        self.done = {}  # kind of step: how often it was seen to end
        self.take(shop)

    def take(self, shop):
        """Go on with another fleet: what is prepared once is prepared, and interrupted, again."""
        self.shop, self.output = shop, shop.directory / "chaos.log"
        if self.mishaps:
            self.mount_small_state()
            shop.clock = Shim(shop.directory)
            shop.tool.more_environment = shop.clock.environment

    def mount_small_state(self):
        """The controller's state on a file system of its own, two megabytes small."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs",
                        str(self.shop.tool.state)], check=True)

    def one_point(self):
        """Start apply and kill it at a point of our choice. True: it ended by itself, well."""
        kind = self.chance.choice(("begun", "done", "after", "any"))
        count, delay = self.chance.choice((1, 1, 1, 2, 2, 3)), self.chance.uniform(0, 0.5)
        mishap = self.chance.choice(self.KINDS) if self.mishaps else None
        lines = Lines(self.output)
        process = self.shop.tool.start("apply", "--yes", "--output", "json", *self.shop.git,
                                       output=self.output)
        if mishap is None:
            return self.kill_at(process, lines, kind, count, delay, None)
        # Half of them come over a run that has begun.
        if self.chance.random() < 0.5:
            self.wait_until(process, lambda: lines.look().get("step_begun"), 2)
        self.befallen[mishap] = self.befallen.get(mishap, 0) + 1
        with Mishap(self.shop, self.chance, mishap):
            return self.kill_at(process, lines, kind, count, delay, mishap)

    @staticmethod
    def wait_until(process, condition, seconds):
        deadline = time.monotonic() + patient(seconds)
        while process.poll() is None and not condition() and time.monotonic() < deadline:
            time.sleep(0.002)

    def kill_at(self, process, lines, kind, count, delay, mishap):
        event = {"begun": "step_begun", "done": "step_done", "after": "step_begun"}.get(kind)
        if event:
            self.wait_until(process, lambda: lines.look().get(event, 0) >= count, 10)
        if kind in ("after", "any"):
            try:
                process.wait(timeout=delay)
            except subprocess.TimeoutExpired:
                pass
        ended = process.poll() is not None
        if not ended:
            process.kill()
            process.wait()
        lines.look()
        for step in lines.done:
            self.done[step] = self.done.get(step, 0) + 1
        if ended:
            return process.returncode == 0
        self.points += 1
        self.hit.add(lines.last)
        name = f"{kind} {mishap}" if mishap else kind
        self.by[name] = self.by.get(name, 0) + 1
        return False

    def both_hit(self):
        return sum((kind, "middle") in self.hit and (kind, "end") in self.hit for kind in self.done)

    def not_hit(self):
        """Steps that were done often, and never interrupted in their middle or at their end."""
        return sorted(f"{kind} ({place})" for kind, count in self.done.items() if count >= OFTEN
                      for place in ("middle", "end") if (kind, place) not in self.hit)

    def change(self, mode, points_most, until):
        """One change of sslMode, killed again and again, then left to end."""
        shop = self.shop
        shop.specs.set_mode(mode)
        with Watcher(shop.fleet) as seen:
            for _ in range(points_most):
                if time.monotonic() > until:
                    self.late = True
                    break
                if self.one_point():
                    break
            wait_for(lambda: shop.tool.run("apply", "--yes", *shop.git).returncode == 0,
                     f"apply gets to {mode}", SETTLE_S, 1)
            shop.fleet.wait_settled(SETTLE_S)
        self.judge(mode, seen)
        print(f"  {mode}: {self.points} points so far", flush=True)

    def judge(self, mode, seen):
        shop = self.shop
        assert set(shop.fleet.running_modes().values()) == {RUNNING[mode]}
        assert set(shop.configured_modes().values()) == {RUNNING[mode]}
        assert shop.tool.run("plan", *shop.git).returncode == 0
        assert seen.down_together <= 1, "two members were down together"
        assert set(seen.restarts.values()) <= RESTARTS[mode], f"to {mode}: {seen.restarts}"
        if mode != "disabled":
            shop.litmus()

    def up_and_down(self, points_most, seconds=1e9):
        """disabled, preferSSL, requireSSL and back while clients write: (acknowledged, lost). After so many
        seconds nothing is killed any more, and the rest of the way is gone undisturbed: `late`."""
        until = time.monotonic() + seconds
        fleet, last = self.shop.fleet, self.points + points_most
        with Probe(self.shop.directory, fleet.plain_uri()) as probe:
            self.change("preferSSL", last - self.points, until)
            by_tls = fleet.tls_uri(self.shop.tool.authority_certificate)
            probe.move([by_tls])
            self.change("requireSSL", last - self.points, until)
            probe.move([by_tls, fleet.plain_uri()])
            self.change("disabled", last - self.points, until)
            probe.stop()
            written = sum(map(len, probe.acknowledged()))
            with fleet.client(fleet.primary()) as client:
                return written, len(probe.lost(client))


def hurried(server, directory):
    """The stand-in without the waiting of a real server, whoever starts it, and by the right clock: a
    server that starts hours before its certificate was made ends at once, rightly."""
    wrapper = directory / "hurried" / Path(server).name
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nunset LD_PRELOAD FAULTS_FILE\nSTANDIN_FAST=1 exec {server} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return str(wrapper)


def new_shop(directory, build):
    server, _ = find_server(build)
    fleet = Fleet(directory / "fleet", hurried(server, directory), priorities={"a": 2})
    fleet.provision()
    fleet.start()
    fleet.initiate()
    fleet.wait_settled()
    specs = SpecsRepository(directory / "specs", fleet)
    return Shop(fleet, specs, Evenkeel(directory / "evenkeel", build), directory)


def fleets(directory, build, walks_each):
    """Shops, one after the other, each for so many walks; what it was running in is given back."""
    hosts = Path("/etc/hosts").read_text(encoding="utf-8")
    for number in range(10**6):
        Fleet.made = 0
        Path("/etc/hosts").write_text(hosts, encoding="utf-8")
        place = directory / f"shop-{number}"
        place.mkdir()
        shop = new_shop(place, build)
        try:
            for _ in range(walks_each):
                yield shop
        finally:
            shop.fleet.destroy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    directory = Path(os.environ["EVENKEEL_SANDBOX_DIR"])
    chaos, began, changes, lost, written = None, time.monotonic(), 0, 0, 0
    shops = fleets(directory, arguments.build, WALKS)
    try:
        for shop in shops:
            if chaos is None:
                chaos = Chaos(shop, arguments.seed)
            elif chaos.shop is not shop:
                chaos.take(shop)
            more = chaos.up_and_down(arguments.points - chaos.points)
            changes, written, lost = changes + 3, written + more[0], lost + more[1]
            print(f"  {chaos.points} points, {changes} changes, {written} writes acknowledged, "
                  f"{lost} lost, {time.monotonic() - began:.0f} s", flush=True)
            assert not lost, f"{lost} acknowledged writes lost"
            if chaos.points >= arguments.points:
                break
    except BaseException:
        print(f"chaos: failed at point {chaos.points if chaos else 0} of seed {arguments.seed}; kept in",
              evidence.keep(directory, Path(arguments.build, "chaos-evidence")))
        raise
    finally:
        shops.close()
    missed = chaos.not_hit()
    if missed:
        print(f"chaos: never killed in {', '.join(missed)}")
        return 1
    kinds = ", ".join(f"{k} {n}" for k, n in sorted(chaos.by.items()))
    befallen = ", ".join(f"{k} {n}" for k, n in sorted(chaos.befallen.items()))
    print(f"chaos: {chaos.points} points ({kinds}), mishaps: {befallen}; {chaos.both_hit()} of {len(chaos.done)} kinds "
          f"of step hit in their middle and at their end, {changes} changes, 0 extra restarts, {lost} of {written} acknowledged "
          f"writes lost, seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
