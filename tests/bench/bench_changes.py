"""`make bench`, second part: what each kind of change costs the service, next to its floor.

The floor is the same number of bare restarts and stepdowns on the same fleet in the same run, by
hand: SIGTERM, start, wait until everybody sees everybody well; nothing else is looked at. What a
peer says of a restarted member before its first heartbeat to the new process is about the old one:
who goes on at that stops the next member while nobody knows how the first one is. A pause belongs
to where it began, however long it lasts. Runs inside tests/sandbox/enter."""

import argparse
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import pymongo.errors

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))

# pylint: disable=wrong-import-position
from chaos import new_shop  # noqa: E402
from change import Changes  # noqa: E402
from fleet import wait_for  # noqa: E402
from probe import Probe  # noqa: E402
from watcher import Watcher  # noqa: E402

CHANGES = (("preferSSL", "enable"), ("requireSSL", "raise"), ("preferSSL", "lower"),
           ("disabled", "disable"))
HEADINGS = ("change", "", "restarts", "elections", "longest ms", "p99 ms", "seconds")
ROW = "{:<24}{:<10}{:>9}{:>10}{:>12}{:>9}{:>9}"


def bare_restart(fleet, name):
    fleet.kill(name, signal.SIGTERM)
    fleet.start([name])
    started = datetime.utcnow()
    wait_for(lambda: fleet.heard_of(name, started) and fleet.healthy(), f"{name} is well", 60, 0.05)


def bare_stepdown(fleet):
    before = fleet.primary()
    try:
        fleet.command(before, "replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
    except pymongo.errors.AutoReconnect:
        pass
    wait_for(lambda: fleet.primary() not in (None, before), "another leads", 30, 0.05)
    fleet.command(before, "replSetFreeze", 0)


def floor(fleet, restarts, elections):
    """As many restarts of each member as there were, the primary's after a stepdown."""
    left = dict(restarts)
    while any(left.values()):
        primary = fleet.primary()
        name = next((n for n in reversed(left) if left[n] and n != primary), None)
        if name is None:
            bare_stepdown(fleet)
            elections -= 1
            continue
        bare_restart(fleet, name)
        left[name] -= 1
    for _ in range(max(0, elections)):
        if fleet.settled():
            break
        bare_stepdown(fleet)
    fleet.wait_settled()


def numbers(seen, probe):
    wait_for(lambda: probe.writing(seen.ended), "clients write", 60)
    longest, percentile = probe.pauses(seen.began, seen.ended)
    return {"restarts": sum(seen.restarts.values()), "elections": seen.elections,
            "longest": longest * 1000, "p99": percentile * 1000, "seconds": seen.seconds}


def show(name, who, n):
    print(ROW.format(name, who, n["restarts"], n["elections"], f"{n['longest']:.0f}",
                     f"{n['p99']:.0f}", f"{n['seconds']:.1f}"), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    arguments = parser.parse_args()
    directory = Path(os.environ["EVENKEEL_SANDBOX_DIR"])
    shop = new_shop(directory, arguments.build)
    fleet, lost = shop.fleet, 0
    print("\n" + ROW.format(*HEADINGS))
    try:
        with Probe(directory, fleet.plain_uri()) as probe:
            changes = Changes(fleet, probe, shop.tool.authority_certificate)
            for mode, word in CHANGES:
                name = f"{word} to {mode}"
                shop.specs.set_mode(mode)
                changes.carry_out(mode, lambda: shop.succeed("apply", "--yes", *shop.git))
                ours = numbers(changes.seen, probe)
                with Watcher(fleet) as seen:
                    floor(fleet, changes.seen.restarts, ours["elections"])
                bare = numbers(seen, probe)
                show(name, "evenkeel", ours)
                if not ours["restarts"]:
                    print(ROW.format("", "floor", 0, 0, "-", "-", "-"))
                    continue
                show("", "floor", bare)
                print(f"{'':<24}{'ratio':<10}{'':>19}{ours['longest'] / bare['longest']:>12.2f}"
                      f"{ours['p99'] / bare['p99']:>9.2f}{ours['seconds'] / bare['seconds']:>9.2f}",
                      flush=True)
            probe.stop()
            with fleet.client(fleet.primary()) as client:
                lost = len(probe.lost(client))
            print(f"{sum(map(len, probe.acknowledged()))} writes acknowledged, {lost} lost")
    finally:
        fleet.destroy()
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
