#!/usr/bin/python3
"""Replays recordings of a real server against the server named by MONGOD, or the stand-in.

tests/sandbox/enter tests/conformance/conformance.py [--recordings DIR] [--only 01,05] [--quick] [-v]

One line per file, the differences below it, and a last line `conformance: N of M`. Known differences of the stand-in
are listed with their reasons in exceptions.json; they are shown and don't count as passed. Status 1: the server answers
otherwise than recorded; 2: a label that no driver knows, so that nothing can be said of the server.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
import lab  # noqa: E402
import observing  # noqa: E402
import measured  # noqa: E402
import pairs  # noqa: E402
import single  # noqa: E402
import starting  # noqa: E402
import commands  # noqa: E402
import asking  # noqa: E402
import authenticating  # noqa: E402
import steps  # noqa: E402

DRIVERS = {
    "01": single.uninitiated, "02": observing.healthy_set, "03": observing.answers, "04": observing.reconfigure,
    "05": single.run_time_modes, "06": starting.start_up, "07": pairs.pairs, "08": single.clients,
    "09": measured.transitions, "10": measured.more, "11": measured.signing_keys, "12": commands.command_order,
    "13": asking.commands, "14": asking.commands, "15": observing.answers, "16": authenticating.authenticating,
    "17": steps.steps, "18": steps.steps, "19": asking.commands, "20": authenticating.authenticating,
}
RECORDERS = {"17": steps.recording, "18": steps.recording, "19": asking.recording, "20": authenticating.recording}
ASKED_FOR = dict(os.environ)
QUICK = ("01", "02", "03", "05", "06", "12", "13", "14", "15", "17", "19")


class Report:
    def __init__(self, exceptions, verbose):
        self.exceptions, self.verbose = exceptions, verbose
        self.passed = self.excepted = self.failed = 0
        self.unknown = 0
        self.used, self.lines = set(), []

    def check(self, file, label, differences):
        """One recording was replayed; these are its differences."""
        known, unknown = [], []
        for difference in differences:
            for i, (pattern, reason) in enumerate(self.exceptions):
                if re.search(pattern, f"{file} {label}: {difference}"):
                    self.used.add(i)
                    known.append((difference, reason))
                    break
            else:
                unknown.append(difference)
        if unknown:
            self.failed += 1
            self.lines.append(f"  - {label}")
            self.lines += [f"      {d}" for d in unknown]
        elif known:
            self.excepted += 1
            self.lines += [f"  ~ {label}: {d} (known: {reason})" for d, reason in known]
        else:
            self.passed += 1
            if self.verbose:
                self.lines.append(f"  + {label}")

    def nobody_knows(self, label):
        """A recording that couldn't be replayed is a fault of this suite, whatever the server does; nothing excepts it."""
        self.unknown += 1
        self.lines.append(f"  ! {label}: no driver knows this label, or a part of it")

    @property
    def total(self):
        return self.passed + self.excepted + self.failed + self.unknown


def known_differences():
    if not lab.IS_STANDIN:
        return []
    rows = json.loads((HERE / "exceptions.json").read_text(encoding="utf-8"))
    return [(row["difference"], row["reason"]) for row in rows]


def replay(number, recorded, report):
    """Every recording is accounted for, also when the server dies in the middle."""
    seen, trouble = set(), None

    def check(label, differences):
        seen.add(label.split(" / ")[0])
        report.check(number, label, differences)

    try:
        DRIVERS.get(number, observing.answers)(recorded, check)  # of a file that isn't known, what its labels say
    except Exception as error:  # pylint: disable=broad-except
        trouble = f"{type(error).__name__}: {error}"
        if report.verbose:
            traceback.print_exc()
    for label in recorded:
        if label in seen:
            continue
        if trouble:
            report.check(number, label, [f"not replayed: {trouble}"])
        else:
            report.nobody_knows(label)


def version_recorded(directory):
    """Of the server that answered: the stand-in plays the same one."""
    for path in sorted(pathlib.Path(directory).glob("0[12]*.json")):
        recorded = json.loads(path.read_text(encoding="utf-8"))
        for replies in (recorded, *(r for r in recorded.values() if isinstance(r, dict))):
            if isinstance(replies.get("buildInfo"), dict) and "version" in replies["buildInfo"]:
                return replies["buildInfo"]["version"]
    return None


def version_of(recorded, otherwise):
    """Of the server that answered what a file holds: the file's own word comes before its directory's."""
    told = recorded.get("buildInfo")
    reply = told.get("reply") if isinstance(told, dict) else None
    return reply["version"] if isinstance(reply, dict) else otherwise


def play(version):
    """The stand-in plays that server from now on, unless another was asked for; whether the server is one of that series."""
    if lab.IS_STANDIN:
        if version and "STANDIN_VERSION" not in ASKED_FOR:
            os.environ["STANDIN_VERSION"] = version
        return True
    return not version or series(version) == series(lab.version())


def series(version):
    return version.split(".")[:2]


def write_down(path, recorded):
    """What the server says now, to the questions of that file."""
    answered = RECORDERS[path.name[:2]](recorded)
    path.write_text(json.dumps(answered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{path.stem}: {len(answered)} recorded")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--recordings", default=os.environ.get("RECORDINGS") or str(HERE / "recordings"))
    parser.add_argument("--only", help="numbers of files, separated by commas")
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--record", action="store_true", help="write down what MONGOD answers, into the files of --only (17 and up)")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    if "EVENKEEL_SANDBOX_DIR" not in os.environ:
        parser.error("run this as: tests/sandbox/enter tests/conformance/conformance.py, or: make conformance")
    if arguments.record and (lab.IS_STANDIN or not arguments.only or set(arguments.only.split(",")) - set(RECORDERS)):
        parser.error(f"--record needs MONGOD=/path/to/mongod and --only, of {', '.join(RECORDERS)}")
    wanted = arguments.only.split(",") if arguments.only else QUICK if arguments.quick else sorted(DRIVERS)
    version = version_recorded(arguments.recordings)
    lab.furnish()
    passed = total = failed = unknown = others = 0
    for path in sorted(pathlib.Path(arguments.recordings).glob("*.json")):
        number = path.name[:2]
        if number not in wanted and (number in DRIVERS or arguments.only or arguments.quick):
            continue
        recorded = json.loads(path.read_text(encoding="utf-8"))
        if arguments.record:
            write_down(path, recorded)
            continue
        own = version_of(recorded, version)
        if not play(own):
            others += len(recorded)
            print(f"{path.stem}: not asked, {len(recorded)} of {own}")
            continue
        report, began = Report(known_differences(), arguments.verbose), time.monotonic()
        replay(number, recorded, report)
        excepted = f", {report.excepted} known differences" if report.excepted else ""
        print(f"{path.stem}: {report.passed} of {report.total}{excepted} ({time.monotonic() - began:.0f} s)")
        for line in report.lines:
            print(line)
        sys.stdout.flush()
        passed, total, failed = passed + report.passed, total + report.total, failed + report.failed
        unknown += report.unknown
    if unknown:
        print(f"conformance: error: {unknown} recordings that no driver knows how to replay")
    if others:
        print(f"conformance: {others} of other versions")
    print(f"conformance: {passed} of {total}")
    if arguments.record:
        return 0
    return 2 if unknown else 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
