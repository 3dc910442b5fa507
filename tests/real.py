"""`make real MONGOD=/path/to/mongod`: everything that can be tried on a real server, and one table of it.

Each suite is a target of make and has its share of the time (as this machine counts it, tests/pace.py); what it said is below
BUILD/real. The last line is `N passed, M failed`."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import watched
from pace import Pace

QUIET_S = 900  # whoever says nothing for so long makes no progress
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed\s*$", re.M)
CONFORMING = re.compile(r"^conformance: (\d+) of (\d+)$", re.M)
OTHER_VERSIONS = re.compile(r"^conformance: (\d+) of other versions$", re.M)
POINTS = re.compile(r"^chaos: (\d+) points .*", re.M)
HAZARDS = re.compile(r"^hazards: (\d+) rules, (\d+) not held", re.M)
SKIPPED = re.compile(r"^\w+: (\d+) skipped$", re.M)
RECORDED = "recorded of another version"
STANDIN_ONLY = "the stand-in's own: versions played, crashes on demand"


@dataclass
class Result:
    """Of one suite: how much passed, failed and does not apply, and why."""

    name: str
    passed: int = 0
    failed: int = 0
    not_applicable: int = 0
    why: str = ""

    def row(self):
        return f"{self.name:<14}{self.passed:>8}{self.failed:>8}{self.not_applicable:>16}  {self.why}".rstrip()


def last(pattern, text):
    found = list(pattern.finditer(text))
    return found[-1] if found else None


def whole(text, status):
    """It passes or fails as a whole."""
    del text
    return int(status == 0), int(status != 0), 0, ""


def counted(text, status):
    """Tests that count themselves."""
    found, skipped = last(COUNTS, text), last(SKIPPED, text)
    if not found:
        return 0, 1, 0, "it did not get to its end"
    left_out = int(skipped[1]) if skipped else 0
    passed, failed = int(found[1]), int(found[2])
    return passed, failed or int(status != 0), left_out, STANDIN_ONLY if left_out else ""


def conforming(text, status):
    found = last(CONFORMING, text)
    if not found:
        return 0, 1, 0, "it did not get to its end"
    passed, total, others = int(found[1]), int(found[2]), last(OTHER_VERSIONS, text)
    left_out = int(others[1]) if others else 0
    return passed, (total - passed) or int(status != 0), left_out, RECORDED if left_out else ""


def hazards(text, status):
    found = last(HAZARDS, text)
    if not found:
        return 0, 1, 0, "it did not get to its end"
    bad = int(found[2])
    return int(found[1]) - bad, bad or int(status != 0), 0, ""


def points(text, status):
    found = last(POINTS, text)
    passed = int(found[1]) if found and status == 0 else 0
    return passed, int(not passed), 0, "" if passed else "a point of the seed was not survived"


# Suite: (the words for make, seconds on a quick machine, how its words are counted).
SUITES = {
    "demo": (["demo"], 300, whole),
    "conformance": (["conformance"], 1500, conforming),
    "integration": (["integration"], 2400, counted),
    "clients": (["clients"], 600, counted),
    "hazards": (["hazards"], 1800, hazards),
    "chaos": (["chaos", "POINTS=100"], 900, points),
    "bench": (["bench-changes"], 600, whole),
}


def refusal(mongod):
    """Why there is nothing to try, or None."""
    if not mongod:
        return "make real needs a real server: make real MONGOD=/path/to/mongod"
    if not os.path.isfile(mongod):
        return f"make real: MONGOD={mongod}: there is no such file"
    if not os.access(mongod, os.X_OK):
        return f"make real: MONGOD={mongod}: it can't be executed"
    return None


def version_of(mongod):
    """'4.2.2', or None with what it said instead."""
    try:
        words = subprocess.run([mongod, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    found = re.search(r"^db version v(\S+)", words.stdout, re.M)
    return (found[1], "") if found else (None, (words.stdout + words.stderr).strip()[:200])


def run(name, make, directory, pace):
    words, seconds, count = SUITES[name]
    pace.measure()
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SUITES")}
    environment.update(pace.environment(), PYTHONUNBUFFERED="1")
    path = directory / f"{name}.txt"
    limits = watched.Limits(pace.patient(QUIET_S), pace.patient(seconds))
    status, text = watched.run([*make, *words], path, limits, environment)
    result = Result(name, *count(text, status))
    if result.failed and not result.why:
        result.why = f"see {path}" if isinstance(status, int) else f"{status}, see {path}"
    print(f"  {name}: {result.passed} passed, {result.failed} failed", flush=True)
    return result


def table(results):
    return [f"{'suite':<14}{'passed':>8}{'failed':>8}{'not applicable':>16}", *(r.row() for r in results)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--make", default="make")
    parser.add_argument("--mongod", default="")
    parser.add_argument("--minutes", type=float, default=600, help="the hard end, whatever the shares")
    parser.add_argument("--only", help="suites, with commas between")
    arguments = parser.parse_args()
    why = refusal(arguments.mongod)
    if why:
        raise SystemExit(why)
    mongod = os.path.abspath(arguments.mongod)
    version, said = version_of(mongod)
    if not version:
        raise SystemExit(f"make real: MONGOD={mongod}: it tells no version: {said}")
    os.chdir(Path(__file__).resolve().parent.parent)
    names = arguments.only.split(",") if arguments.only else list(SUITES)
    unknown = [n for n in names if n not in SUITES]
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}: there are {', '.join(SUITES)}")
    make = [*shlex.split(arguments.make), f"BUILD={arguments.build}", f"MONGOD={mongod}"]
    directory, pace = Path(arguments.build, "real"), Pace(arguments.minutes, arguments.minutes)
    directory.mkdir(parents=True, exist_ok=True)
    print(f"mongod {version}, {mongod}", flush=True)
    try:
        results = [run(name, make, directory, pace) for name in names]
    finally:
        watched.stop_all()
    print("\n".join(table(results)))
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
