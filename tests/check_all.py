"""`make check-all`: `make check`, and every suite that takes longer, without a sample and without a limit of time.

Each is a target of make; a line each says how much passed and failed. What they said is below BUILD/check-all.
The last line is `N passed, M failed`."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from pace import Pace

COUNTS = re.compile(r"^(?:model: )?(\d+) passed, (\d+) failed\s*$", re.M)
MUTANTS = re.compile(r"^mutation: (\d+) of \d+ killed, .*?(\d+) without$", re.M)
TORTURED = re.compile(r"^torture: (\d+) passed, (\d+) failed$", re.M)
# Suite: (the words for make, what it counts; None: it passes or fails as a whole).
SUITES = {
    "check": (["check", "MINUTES=1000", "MOST_MINUTES=10000"], COUNTS),
    "lint": (["lint"], None),
    "model": (["model"], COUNTS),
    "mutation": (["mutation"], MUTANTS),
    "clients": (["clients"], COUNTS),
    "conformance": (["conformance"], None),
    "hazards": (["hazards"], None),
    "chaos": (["chaos", "POINTS=1000"], None),
    "crashes": (["crashes"], None),
    "leases": (["leases"], None),
    "standin-mutation": (["standin-mutation"], None),
    "torture": (["torture"], TORTURED),
    "torture-leaks": (["torture-leaks"], TORTURED),
    "bench": (["bench"], None),
}


PACE = Pace()


def run(name, make, directory):
    """(passed, failed) of one suite; its line is printed."""
    words, pattern = SUITES[name]
    PACE.measure()
    path, began = directory / f"{name}.txt", time.monotonic()
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SUITES")}
    environment.update(PACE.environment())
    with open(path, "wb") as file:
        status = subprocess.run([*make, *words], env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                stderr=subprocess.STDOUT, check=False).returncode
    counted = pattern and pattern.findall(path.read_text("utf-8", errors="replace"))
    passed, failed = map(int, counted[-1]) if counted else (int(status == 0), 0)
    if status and not failed:
        failed = 1
    print(f"{name}: {passed} passed, {failed} failed ({(time.monotonic() - began) / 60:.0f} min)"
          + (f", see {path}" if failed else ""), flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--make", default="make")
    parser.add_argument("--mongod")
    parser.add_argument("--only", help="suites, with commas between")
    arguments = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    names = arguments.only.split(",") if arguments.only else list(SUITES)
    unknown = [n for n in names if n not in SUITES]
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}: there are {', '.join(SUITES)}")
    make = [*shlex.split(arguments.make), f"BUILD={arguments.build}"]
    if arguments.mongod:
        make.append(f"MONGOD={arguments.mongod}")
    directory = Path(arguments.build, "check-all")
    directory.mkdir(parents=True, exist_ok=True)
    counts = [run(name, make, directory) for name in names]
    passed, failed = sum(c[0] for c in counts), sum(c[1] for c in counts)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
