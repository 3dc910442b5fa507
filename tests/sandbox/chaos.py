"""`make chaos`: apply is killed at a thousand points, while members freeze, cables are cut, the
controller's disk fills and its clock jumps; the set ends where the commit says all the same, without
an extra restart and without a lost write.

A point is one SIGKILL: as a step begins, in the middle of it (done, and not confirmed yet), when it
has ended, or at any time. Every kind of step must have been hit in its middle and at its end. A walk
from disabled to requireSSL and back takes some sixty points; the stand-in spares itself the waiting of
a real server's starts (STANDIN_FAST). All choices come from one seed. Runs inside tests/sandbox/enter."""

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
from probe import Probe
from shop import Shop
from specs_repository import SpecsRepository
from tool import Evenkeel
from watcher import Watcher

RUNNING = {"requireSSL": "requireTLS", "preferSSL": "preferTLS", "disabled": "disabled"}
# Of each member, by the mode that a change leads to: up, at run time, down.
RESTARTS = {"preferSSL": {1}, "requireSSL": {0}, "disabled": {1, 2, 3}}
SETTLE_S = 240
ALL_HIT_BY = 300  # points, after which every kind of step was killed in its middle and at its end


class Lines:
    """The events that a running apply has written to its file so far."""

    def __init__(self, path):
        self.path, self.place, self.counts = path, path.stat().st_size if path.exists() else 0, {}
        self.last = ("", "start")

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
        self.shop, self.chance = shop, random.Random(seed)
        self.mishaps = mishaps
        self.points, self.by = 0, {}
        self.hit = set()  # (kind of step, middle or end)
        self.output = shop.directory / "chaos.log"
        if mishaps:
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
        if mishap is None:
            return self.run_and_kill(kind, count, delay, None)
        with Mishap(self.shop, self.chance, mishap):
            return self.run_and_kill(kind, count, delay, mishap)

    def run_and_kill(self, kind, count, delay, mishap):
        lines = Lines(self.output)
        process = self.shop.tool.start("apply", "--yes", "--output", "json", *self.shop.git,
                                       output=self.output)
        event = {"begun": "step_begun", "done": "step_done", "after": "step_begun"}.get(kind)
        deadline = time.monotonic() + 10
        while event and process.poll() is None and lines.look().get(event, 0) < count:
            if time.monotonic() > deadline:
                break
            time.sleep(0.002)
        if kind in ("after", "any"):
            try:
                process.wait(timeout=delay)
            except subprocess.TimeoutExpired:
                pass
        if process.poll() is not None:
            return process.returncode == 0
        process.kill()
        process.wait()
        lines.look()
        self.points += 1
        self.hit.add(lines.last)
        name = f"{kind} {mishap}" if mishap else kind
        self.by[name] = self.by.get(name, 0) + 1
        return False

    def not_hit(self):
        """Steps that were done, and never interrupted in their middle or at their end."""
        done = set()
        for line in self.output.read_bytes().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("type") == "step_done":
                done.add(event["step"]["kind"])
        return sorted(f"{kind} ({place})" for kind in done for place in ("middle", "end")
                      if (kind, place) not in self.hit)

    def change(self, mode, points_most):
        """One change of sslMode, killed again and again, then left to end."""
        shop = self.shop
        shop.specs.set_mode(mode)
        with Watcher(shop.fleet) as seen:
            for _ in range(points_most):
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

    def up_and_down(self, points_most):
        """disabled, preferSSL, requireSSL and back while clients write: (acknowledged, lost)."""
        fleet, last = self.shop.fleet, self.points + points_most
        with Probe(self.shop.directory, fleet.plain_uri()) as probe:
            self.change("preferSSL", last - self.points)
            by_tls = fleet.tls_uri(self.shop.tool.authority_certificate)
            probe.move([by_tls])
            self.change("requireSSL", last - self.points)
            probe.move([by_tls, fleet.plain_uri()])
            self.change("disabled", last - self.points)
            probe.stop()
            written = sum(map(len, probe.acknowledged()))
            with fleet.client(fleet.primary()) as client:
                return written, len(probe.lost(client))


def hurried(server, directory):
    """The stand-in without the waiting of a real server, whoever starts it."""
    wrapper = directory / "hurried" / Path(server).name
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nSTANDIN_FAST=1 exec {server} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return str(wrapper)


def new_shop(directory, build):
    server, kind = find_server(build)
    fleet = Fleet(directory / "fleet", hurried(server, directory) if kind == "stand-in" else server,
                  priorities={"a": 2})
    fleet.provision()
    fleet.start()
    fleet.initiate()
    fleet.wait_settled()
    specs = SpecsRepository(directory / "specs", fleet)
    return Shop(fleet, specs, Evenkeel(directory / "evenkeel", build), directory)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    directory = Path(os.environ["EVENKEEL_SANDBOX_DIR"])
    shop = new_shop(directory, arguments.build)
    chaos, began, changes, lost, written = Chaos(shop, arguments.seed), time.monotonic(), 0, 0, 0
    try:
        while chaos.points < arguments.points:
            more = chaos.up_and_down(arguments.points - chaos.points)
            changes, written, lost = changes + 3, written + more[0], lost + more[1]
            print(f"  {chaos.points} points, {changes} changes, {written} writes acknowledged, "
                  f"{lost} lost, {time.monotonic() - began:.0f} s", flush=True)
            assert not lost, f"{lost} acknowledged writes lost"
    except BaseException:
        print(f"chaos: failed at point {chaos.points} of seed {arguments.seed}; kept in",
              evidence.keep(directory, Path(arguments.build, "chaos-evidence")))
        raise
    finally:
        shop.fleet.destroy()
    missed = chaos.not_hit() if arguments.points >= ALL_HIT_BY else []
    if missed:
        print(f"chaos: never killed in {', '.join(missed)}")
        return 1
    kinds = ", ".join(f"{k} {n}" for k, n in sorted(chaos.by.items()))
    print(f"chaos: {chaos.points} points ({kinds}), {changes} changes, 0 extra restarts, "
          f"{lost} of {written} acknowledged writes lost, seed {arguments.seed}, "
          f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
