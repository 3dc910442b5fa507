"""What `make check` runs. Prints each suite's counts; the last line is `N passed, M failed`.

What must be tried is tried on any machine; what samples (tests/pace.py) has a share of the time. Unit
programs and integration files run side by side, the longest first."""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import watched
from pace import MOST_MINUTES, QUICK_MINUTES, Pace

# Whoever says nothing for so long (on a quick machine) makes no progress.
UNIT_QUIET_S, MODEL_QUIET_S, PYTEST_QUIET_S, SAMPLE_QUIET_S, INSTALL_QUIET_S = 120, 300, 600, 300, 900
SIDE_BY_SIDE = 3  # sandboxes at a time: they mostly wait
# What takes long, in seconds on a quick machine, where no earlier run has told; the others take about as long as
# their text is.
LONG_UNITS = {"mongodb_live": 16, "plan_file_round_trip": 16, "lease_take": 14, "store_mongodb": 11, "loop_http": 11,
              "specs_examples": 9, "mongodb_live_set": 8, "store_sqlite": 6, "store_contract": 5, "fuzz_corpora": 4}
LONG_FILES = {"test_run_consent": 206, "test_fix_forward": 165, "test_hazards": 138, "test_exit_statuses": 129,
              "test_what_is_not_known": 126, "test_bad_days": 115, "test_crashes": 87, "test_store": 79,
              "test_lapsed_certificates": 79, "test_main_job": 75, "test_consent": 58, "test_chaos_sample": 42,
              "test_standin_versions": 40, "test_run": 37, "test_run_many": 37, "test_standin_set": 36,
              "test_faults": 35, "test_comment": 30, "test_interruptions": 29, "test_ci_templates": 20}
TAP = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
       "UBSAN_OPTIONS": "print_stacktrace=1"}
INTEGRATION_S = 480  # with the clients beside it: what is still to come when the samples in it get their share
# The shares of what samples, in seconds; it is left out where the time is short.
MUTANTS, MUTATION_S = 50, 60
TORTURE_SAMPLE, TORTURE_S = ("--out-of", "60"), 25
FILE_SAMPLE_S = 60  # of each integration file that samples
MIXED_S = 10
CLIENTS_VERSIONS = "4.2 8.0"  # in make check: the oldest and the newest
COUNTS = re.compile(r"(\d+) passed, (\d+) failed\s*$")
KILLED = re.compile(r"^mutation: (\d+) of \d+ killed, .*?(\d+) without$", re.M)


class Suite:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped, self.began = name, 0, 0, 0, time.monotonic()

    def count(self, good, what=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {self.name}: {what}", flush=True)

    def count_said(self, output, pattern=COUNTS):
        """What a program says of itself; False if it says nothing."""
        counts = pattern.search(output)
        if counts:
            self.passed += int(counts.group(1))
            self.failed += int(counts.group(2))
        return bool(counts)

    def close(self):
        if self.skipped:
            print(f"{self.name}: {self.skipped} skipped", flush=True)
        print(f"{self.name}: {self.passed} passed, {self.failed} failed "
              f"({time.monotonic() - self.began:.0f} s)", flush=True)
        return self


class Check:
    def __init__(self, arguments, pace):
        self.build = Path(arguments.build)
        self.make_words = [*shlex.split(arguments.make), f"-j{os.cpu_count() or 1}",
                           f"BUILD={arguments.build}"]
        self.mongod, self.only, self.select = arguments.mongod, arguments.only, arguments.select
        self.pace = pace
        self.client_built = False
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}

    def make(self, *targets):
        return subprocess.run([*self.make_words, *targets], env=self.environment,
                              check=False).returncode == 0

    def watch(self, name, command, quiet_s, more=None, show=False):
        """(exit status or words, output), stopped without progress or at the hard end."""
        environment = {**self.environment, "PYTHONUNBUFFERED": "1", **self.pace.environment(), **(more or {})}
        limits = watched.Limits(self.pace.patient(quiet_s), max(1.0, self.pace.left()))
        return watched.run(command, self.build / "check" / f"{name}.txt", limits, environment, show)

    # -- suites -----------------------------------------------------------------------

    def run_build(self):
        suite = Suite("build")
        suite.count(self.make("all"), "make all")
        return suite.close()

    def run_sources(self):
        suite = Suite("sources")
        suite.count(self.make("syntax"), "clang finds something in the sources")
        for name, command in (("the rules of tests/sources", ["tests/sources/rules.py"]),
                              ("the tests of those rules, of this program and of make real",
                               ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sources", "tests/test_check.py", "tests/test_real.py"]),
                              ("tests/golden and its case table", ["tests/golden/table.py", "--build", str(self.build)])):
            done = subprocess.run([sys.executable, *command], capture_output=True, text=True,
                                  env=self.environment, check=False)
            suite.count(done.returncode == 0, f"{name}:\n{done.stdout}{done.stderr}")
        return suite.close()

    def run_unit(self):
        suite = Suite("unit")
        suite.count(self.make("--keep-going", "sanitized"), "make sanitized")
        seconds = Seconds(self.build / "check" / "unit-seconds.json", LONG_UNITS)
        sources = sorted(Path("tests/unit").glob("*.c"), key=seconds.of, reverse=True)

        def run(source):
            began = time.monotonic()
            told = self.run_unit_program(source.stem)
            return source, told, time.monotonic() - began
        with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
            for source, (status, output), took in workers.map(run, sources):
                self.count_unit_program(suite, source.stem, status, output)
                seconds.keep(source, took)
        seconds.write()
        self.count_unit_program(suite, "toy", *self.watch("unit/toy", [*self.make_words, "toy"], UNIT_QUIET_S, TAP))
        return suite.close()

    def run_unit_program(self, name):
        program = self.build / "sanitized" / "unit" / name
        if not program.exists():
            return "it was not built", ""
        return self.watch(f"unit/{name}", [program], UNIT_QUIET_S, TAP)

    @staticmethod
    def count_unit_program(suite, name, status, output):
        passed = len(re.findall(r"^\s*ok \d+", output, re.M))
        failed = re.findall(r"^\s*not ok \d+ - (.*)$", output, re.M)
        suite.passed += passed
        for test in failed:
            suite.count(False, f"{name}: {test}")
        if (status != 0 and not failed) or (status == 0 and passed == 0):
            suite.count(False, f"{name}: exit status {status}, {passed} tests passed")
        if status != 0:
            print(output, flush=True)

    def run_model(self):
        """Its three parts side by side; the mixed starts if there is time."""
        suite, program = Suite("model"), self.build / "model"
        built = self.make(str(program))
        suite.count(built, "make model")
        parts = ["walk", "minimal"]
        if self.pace.share(MIXED_S, INTEGRATION_S):
            parts.append("mixed")
        else:
            print("model: the mixed starting points are left out for want of time", flush=True)

        def run(part):
            return self.watch(f"model-{part}", [program, "--only", part], MODEL_QUIET_S)
        with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
            for part, (status, output) in zip(parts, workers.map(run, parts if built else [])):
                print(output, end="", flush=True)
                if not suite.count_said(output) or (status != 0 and not suite.failed):
                    suite.count(False, f"{part}: exit status {status}")
        return suite.close()

    def run_mutation(self):
        """A seeded sample of the mutants; `make mutation` tries them all."""
        return self.run_sample("mutation", self.build / "libevenkeel.a", MUTATION_S,
                               lambda share: [sys.executable, "tests/mutation/run.py", "--build", self.build, "--sample",
                                              MUTANTS, "--seconds", f"{share:.0f}"], KILLED)

    def run_torture(self):
        """A seeded sample of the calls; `make torture` makes them all fail."""
        return self.run_sample("torture", self.build / "fail_call.so", TORTURE_S,
                               lambda share: [sys.executable, "tests/sandbox/enter", sys.executable,
                                              "tests/torture/torture.py", "--build", self.build, *TORTURE_SAMPLE,
                                              "--minutes", f"{share / 60:.2f}"])

    def run_sample(self, name, target, seconds, command, counted=COUNTS):
        """Build the target and run a program that samples, and says itself how much passed and failed."""
        suite, share = Suite(name), self.pace.share(seconds)
        if not share:
            print(f"{name}: all of the sample is left out for want of time", flush=True)
            return suite.close()
        built = self.make(str(target))
        suite.count(built, f"make {target.name}")
        if built:
            status, output = self.watch(name, command(share), SAMPLE_QUIET_S)
            print(output, end="", flush=True)
            if not suite.count_said(output, counted) or (status != 0 and not suite.failed):
                suite.count(False, f"exit status {status}")
        return suite.close()

    def prepare_integration(self):
        self.make(str(self.build / "promtool"))  # the sandbox has no network to fetch it from

    def run_integration(self):
        suite = Suite("integration")
        if self.select:
            self.run_pytest(suite, "tests/integration")
        else:
            self.run_side_by_side(suite)
        return suite.close()

    def run_side_by_side(self, suite):
        """Each file in a sandbox of its own, several at a time. The longest begin."""
        seconds = Seconds(self.build / "check" / "integration-seconds.json", LONG_FILES)
        files = sorted(Path("tests/integration").glob("test_*.py"), key=seconds.of, reverse=True)
        # A second and no more: those that sample are skipped, and say so.
        share = self.pace.share(FILE_SAMPLE_S, INTEGRATION_S)

        def run(path):
            began = time.monotonic()
            told = self.pytest(path.stem, str(path), {"EVENKEEL_SAMPLE_S": f"{share:.0f}"})
            return path, told, time.monotonic() - began
        with ThreadPoolExecutor(SIDE_BY_SIDE) as workers:
            for path, (status, output, counts), took in workers.map(run, files):
                failed = self.add_counts(suite, status, counts)
                seconds.keep(path, took)
                print(f"  {path.stem}: {counts['tests']} tests, {failed} failed ({took:.0f} s)", flush=True)
                for words in counts["left out"]:
                    print(f"  {path.stem}: {words}", flush=True)
                if failed:
                    print(output, flush=True)
        seconds.write()

    def prepare_clients(self):
        # The sandbox has no network; what can't be had is told there, and skipped by its tests.
        status, _ = self.watch("clients-install", [sys.executable, "tests/clients/install.py", "--build", self.build],
                               INSTALL_QUIET_S, show=True)
        if status != 0:
            print(f"clients: the installation: {status}", flush=True)
        self.client_built = self.make(str(self.build / "clients/libmongoc"))

    def run_clients(self, versions=None):
        """Real clients; `versions` of the server that the stand-in plays, all unless given."""
        suite = Suite("clients")
        suite.count(self.client_built, "the client of libmongoc")
        self.run_pytest(suite, "tests/clients", {"CLIENTS_VERSIONS": versions} if versions else {})
        return suite.close()

    def run_machines(self):
        """Whole machines, with a systemd each: they can be had by root alone."""
        suite = Suite("machines")
        if os.geteuid() != 0:
            print("machines: left out, since only root can start machines", flush=True)
            return suite.close()
        suite.count(self.make(str(self.build / "unit" / "host_contract")), "make host_contract")
        self.run_pytest(suite, "tests/machines", as_root=True)
        return suite.close()

    def run_pytest(self, suite, directory, more=None, as_root=False):
        """The tests of a directory in one sandbox, counted."""
        # In make check others say something meanwhile: all at its end.
        alone = bool(self.only)
        status, output, counts = self.pytest(suite.name, directory, more, show=alone, as_root=as_root)
        print("" if alone else output, end="", flush=True)
        self.add_counts(suite, status, counts)

    def pytest(self, name, what, more=None, show=False, as_root=False):
        """(exit status or words, output, counts) of the tests in a sandbox."""
        results = (self.build / f"{name}.xml").resolve()
        results.unlink(missing_ok=True)
        environment = dict(more or {}, EVENKEEL_BUILD=str(self.build.resolve()))
        if self.mongod:
            environment["MONGOD"] = self.mongod
        command = [sys.executable, "tests/sandbox/enter", *(["--root"] if as_root else []), sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "--durations=5", "-o", "junit_family=xunit1", f"--junitxml={results}", what]
        if self.select:
            command += ["-k", self.select]
        status, output = self.watch(name, command, PYTEST_QUIET_S, environment, show)
        return status, output, counts_of(results)

    @staticmethod
    def add_counts(suite, status, counts):
        failed = counts["failures"] + counts["errors"]
        passed = max(0, counts["tests"] - failed - counts["skipped"])
        suite.failed += failed
        suite.passed += passed
        suite.skipped += counts["skipped"]
        if (status != 0 and not failed) or not passed + failed + counts["skipped"]:
            suite.count(False, f"pytest: exit status {status}")
            failed += 1
        return failed


class Seconds:
    """How long programs took the last time: the longest begin."""

    def __init__(self, path, known):
        self.path, self.known, self.told = path, known, {}
        try:
            self.told = {str(name): float(took) for name, took in json.loads(path.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError):
            pass  # there was no last time

    def of(self, source):
        return self.told.get(source.stem) or self.known.get(source.stem) or source.stat().st_size / 1e5

    def keep(self, source, took):
        self.told[source.stem] = round(took, 1)

    def write(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.told, indent=1, sort_keys=True), "utf-8")


def counts_of(results):
    """What pytest's own results count, and what tests say that they left out."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, "left out": []}
    if not results.exists():
        return counts
    root = xml.parse(results).getroot()
    for element in root.iter("testsuite"):
        for key in ("tests", "failures", "errors", "skipped"):
            counts[key] += int(element.get(key, 0))
    counts["left out"] = [p.get("value") for p in root.iter("property") if p.get("name") == "left out"]
    counts["left out"] += [s.get("message") for s in root.iter("skipped") if "want of time" in s.get("message", "")]
    return counts


def run_all(check):
    pace, suites = check.pace, [check.run_build(), check.run_sources()]
    if suites[0].failed:  # never test what an earlier build left behind
        return suites
    for run in (check.run_unit, check.run_model):
        pace.measure()
        suites.append(run())
    pace.measure()
    check.prepare_integration()
    check.prepare_clients()
    with ThreadPoolExecutor(2) as both:  # clients mostly wait as well
        clients = both.submit(check.run_clients, CLIENTS_VERSIONS)
        suites += [check.run_integration(), clients.result()]
    pace.measure()
    suites.append(check.run_machines())
    for run in (check.run_mutation, check.run_torture):
        pace.measure()
        suites.append(run())
    print(f"It took {pace.passed() / 60:.0f} min; {pace.slowness:.1f} times as long as it might on a quick machine "
          f"was allowed for", flush=True)
    return suites


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--make", default="make")
    parser.add_argument("--mongod")
    parser.add_argument("--only", choices=["torture", "unit", "integration", "clients", "machines", "model", "mutation", "sources"])
    parser.add_argument("--select")
    parser.add_argument("--minutes", type=float, default=QUICK_MINUTES, help="the aim on a quick machine")
    parser.add_argument("--most-minutes", type=float, default=MOST_MINUTES, help="the hard end on any machine")
    arguments = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    check = Check(arguments, Pace(arguments.minutes, arguments.most_minutes))
    watched.stop_at_signals()
    try:
        check.pace.measure()
        if arguments.only:
            getattr(check, f"prepare_{arguments.only}", lambda: None)()
            suites = [getattr(check, f"run_{arguments.only}")()]
        else:
            suites = run_all(check)
    finally:
        watched.stop_all()
    passed, failed = sum(s.passed for s in suites), sum(s.failed for s in suites)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
