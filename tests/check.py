"""What `make check` runs. Prints each suite's counts; the last line is `N passed, M failed`."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

UNIT_TIMEOUT_S = 180
MODEL_TIMEOUT_S = 300
TORTURE_SAMPLE = ("--out-of", "60", "--minutes", "0.4")
INTEGRATION_TIMEOUT_S = 3600
SIDE_BY_SIDE = 3  # sandboxes at a time
# Files that take long though they are small; in seconds, about.
LONG_FILES = {"test_hazards": 120, "test_run_consent": 150, "test_chaos_sample": 60,
              "test_crashes": 60, "test_conformance": 60, "test_run": 100, "test_fix_forward": 80}
MUTANTS = 50
CLIENTS_TIMEOUT_S = 900
CLIENTS_VERSIONS = "4.2 8.0"  # in make check: the oldest and the newest
ERROR_ID = re.compile(r'"(EK-\d{4})"')
NAMED_ID = re.compile(r"\bEK-\d{4}\b")
ROW = re.compile(r'^\s*EK_[A-Z_]*ROW\(\s*"(EK-\d{4})"', re.M)
COUNTS = re.compile(r"(\d+) passed, (\d+) failed\s*$")
KILLED = re.compile(r"^mutation: (\d+) of \d+ killed, .*?(\d+) without$", re.M)
# Rows that explain another program's log lines: nothing in our sources raises them.
LOG_LINE_IDS = re.compile(r"EK-09\d\d")


class Suite:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.began = name, 0, 0, time.monotonic()

    def count(self, good, what=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {self.name}: {what}", flush=True)

    def close(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed "
              f"({time.monotonic() - self.began:.0f} s)", flush=True)
        return self


class Check:
    def __init__(self, arguments):
        self.build = Path(arguments.build)
        self.make_words = [*shlex.split(arguments.make), f"-j{os.cpu_count() or 1}",
                           f"BUILD={arguments.build}"]
        self.mongod, self.select = arguments.mongod, arguments.select
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}

    def make(self, *targets):
        return subprocess.run([*self.make_words, *targets], env=self.environment,
                              check=False).returncode == 0

    # -- suites -----------------------------------------------------------------------

    def run_build(self):
        suite = Suite("build")
        suite.count(self.make("all"), "make all")
        return suite.close()

    def run_sources(self):
        suite = Suite("sources")
        suite.count(self.make("syntax"), "clang finds something in the sources")
        wrong = core_includes_of_drivers()
        suite.count(not wrong, f"the core includes drivers: {wrong}")
        wrong = aborts()
        suite.count(not wrong, f"abort() where ek_memory_exhausted() belongs: {wrong}")
        rows, used = catalogue_rows(), used_ids(ERROR_ID)
        twice = sorted({row for row in rows if rows.count(row) > 1})
        suite.count(not twice, f"ids with more than one row in the catalogue: {twice}")
        missing = sorted(set(used) - set(rows))
        suite.count(not missing,
                    "ids without a row in the catalogue: " +
                    ", ".join(f"{name} ({used[name]})" for name in missing))
        idle = sorted(r for r in set(rows) - set(used_ids(NAMED_ID)) if not LOG_LINE_IDS.match(r))
        suite.count(not idle, f"rows of the catalogue that no source uses: {idle}")
        table = subprocess.run([sys.executable, "tests/golden/table.py"], capture_output=True,
                               text=True, env=self.environment, check=False)
        suite.count(table.returncode == 0,
                    f"tests/golden does not fill its case table:\n{table.stdout}{table.stderr}")
        return suite.close()

    def run_unit(self):
        suite = Suite("unit")
        built = self.make("--keep-going", "sanitized")
        suite.count(built, "make sanitized")
        environment = dict(self.environment, CMOCKA_MESSAGE_OUTPUT="TAP",
                           ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
                           UBSAN_OPTIONS="print_stacktrace=1")
        for source in sorted(Path("tests/unit").glob("*.c")):
            program = self.build / "sanitized" / "unit" / source.stem
            if program.exists():
                self.run_unit_program(suite, [program], environment)
            else:
                suite.count(False, f"{source.stem} was not built")
        self.run_unit_program(suite, [*self.make_words, "toy"], environment)
        return suite.close()

    @staticmethod
    def run_unit_program(suite, command, environment):
        name = Path(command[-1]).name
        try:
            done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True,
                                  errors="replace", timeout=UNIT_TIMEOUT_S, check=False)
            output, status = done.stdout + done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            output, status = "", f"nothing after {UNIT_TIMEOUT_S} s"
        passed = len(re.findall(r"^\s*ok \d+", output, re.M))
        failed = re.findall(r"^\s*not ok \d+ - (.*)$", output, re.M)
        suite.passed += passed
        for one in failed:
            suite.count(False, f"{name}: {one}")
        if (status != 0 and not failed) or (status == 0 and passed == 0):
            suite.count(False, f"{name}: exit status {status}, {passed} tests passed")
        if status != 0:
            print(output, flush=True)

    def run_model(self):
        return self.run_counting("model", self.build / "model", [str(self.build / "model")],
                                 timeout=MODEL_TIMEOUT_S)

    def run_mutation(self):
        """A seeded sample of the mutants; `make mutation` tries them all."""
        return self.run_counting("mutation", self.build / "libevenkeel.a",
                                 [sys.executable, "tests/mutation/run.py", "--build",
                                  str(self.build), "--sample", str(MUTANTS)], KILLED)

    def run_torture(self):
        """A seeded sample of the calls; `make torture` makes them all fail."""
        return self.run_counting("torture", self.build / "fail_call.so",
                                 [sys.executable, "tests/sandbox/enter", sys.executable,
                                  "tests/torture/torture.py", "--build", str(self.build),
                                  *TORTURE_SAMPLE])

    def run_counting(self, name, target, command, counted=None, timeout=None):
        """Build the target and run a program that says itself how much passed and failed."""
        suite = Suite(name)
        built = self.make(str(target))
        suite.count(built, f"make {target.name}")
        if not built:
            return suite.close()
        try:
            done = subprocess.run(command, timeout=timeout, env=self.environment, text=True,
                                  capture_output=True, errors="replace", check=False)
            print(done.stdout + done.stderr, end="", flush=True)
            counts = (counted or COUNTS).search(done.stdout)
            if counts:
                suite.passed += int(counts.group(1))
                suite.failed += int(counts.group(2))
            if not counts or (done.returncode != 0 and not suite.failed):
                suite.count(False, f"exit status {done.returncode}")
        except subprocess.TimeoutExpired:
            suite.count(False, f"nothing after {timeout} s")
        return suite.close()

    def run_integration(self):
        suite = Suite("integration")
        self.make(str(self.build / "promtool"))  # the sandbox has no network to fetch it from
        files = sorted(Path("tests/integration").glob("test_*.py"), key=self.seconds_of_file, reverse=True)
        if self.select:
            self.run_pytest(suite, "tests/integration", INTEGRATION_TIMEOUT_S)
        else:
            self.run_side_by_side(suite, files)
        return suite.close()

    def seconds_of_file(self, path):
        """What a file took the last time, from its results; else its size says which is longer."""
        results = self.build / f"{path.stem}.xml"
        try:
            return 1e6 + sum(float(e.get("time", 0)) for e in xml.parse(results).iter("testsuite"))
        except (OSError, ValueError, xml.ParseError):
            return LONG_FILES.get(path.stem, 0) or path.stat().st_size / 1000

    def run_side_by_side(self, suite, files):
        """Each file in a sandbox of its own, several at a time: they mostly wait. The longest begin."""
        def run(path):
            began = time.monotonic()
            told = self.pytest(path.stem, str(path), INTEGRATION_TIMEOUT_S)
            return path, told, time.monotonic() - began
        with ThreadPoolExecutor(SIDE_BY_SIDE) as workers:
            for path, (status, output, counts), seconds in workers.map(run, files):
                failed = self.add_counts(suite, status, counts)
                print(f"  {path.stem}: {counts['tests']} tests, {failed} failed ({seconds:.0f} s)",
                      flush=True)
                if failed:
                    print(output, flush=True)

    def run_clients(self, versions=None):
        """Real clients; `versions` of the server that the stand-in plays, all unless given."""
        suite = Suite("clients")
        suite.count(self.make(str(self.build / "clients/libmongoc")), "the client of libmongoc")
        # The sandbox has no network; what can't be had is told there, and skipped by its tests.
        subprocess.run([sys.executable, "tests/clients/install.py", "--build", str(self.build)],
                       env=self.environment, check=False)
        more = {"CLIENTS_VERSIONS": versions} if versions else {}
        self.run_pytest(suite, "tests/clients", CLIENTS_TIMEOUT_S, more)
        return suite.close()

    def run_pytest(self, suite, directory, timeout, more=None):
        """The tests of a directory in one sandbox, counted."""
        status, _, counts = self.pytest(suite.name, directory, timeout, more, shown=True)
        self.add_counts(suite, status, counts)
        if counts["skipped"]:
            print(f"{suite.name}: {counts['skipped']} skipped")

    def pytest(self, name, what, timeout, more=None, shown=False):
        """(exit status or words, output unless it was shown, counts) of the tests in a sandbox."""
        results = (self.build / f"{name}.xml").resolve()
        results.unlink(missing_ok=True)
        environment = dict(self.environment, EVENKEEL_BUILD=str(self.build.resolve()), **(more or {}))
        if self.mongod:
            environment["MONGOD"] = self.mongod
        command = [sys.executable, "tests/sandbox/enter", sys.executable, "-m", "pytest", "-q",
                   "-p", "no:cacheprovider", "--durations=5", f"--junitxml={results}",
                   what, *(["-k", self.select] if self.select else [])]
        with subprocess.Popen(command, env=environment, text=True, errors="replace",
                              stdout=None if shown else subprocess.PIPE,
                              stderr=None if shown else subprocess.STDOUT) as process:
            try:
                output = process.communicate(timeout=timeout)[0] or ""
                status = process.returncode
            except subprocess.TimeoutExpired:
                process.terminate()
                output, status = process.communicate()[0] or "", f"not done after {timeout} s"
        counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        if results.exists():
            for element in xml.parse(results).getroot().iter("testsuite"):
                for key in counts:
                    counts[key] += int(element.get(key, 0))
        return status, output, counts

    @staticmethod
    def add_counts(suite, status, counts):
        failed = counts["failures"] + counts["errors"]
        passed = max(0, counts["tests"] - failed - counts["skipped"])
        suite.failed += failed
        suite.passed += passed
        if (status != 0 and not failed) or not passed + failed + counts["skipped"]:
            suite.count(False, f"pytest: exit status {status}")
            failed += 1
        return failed


# ---- the sources' own rules --------------------------------------------------------------


def sources():
    for top in ("reconciler", "specs", "drivers"):
        yield from sorted(p for p in Path(top).rglob("*") if p.suffix in (".c", ".h", ".def"))


def core_includes_of_drivers():
    """The core decides; it knows nothing of how things are done."""
    found = []
    for pattern in ("reconciler/*.c", "reconciler/*.h", "specs/*.c", "specs/*.h"):
        for path in sorted(Path(".").glob(pattern)):
            for line in path.read_text(encoding="utf-8").splitlines():
                if re.match(r'\s*#\s*include\s*[<"](\.\./)*drivers/', line):
                    found.append(f"{path}: {line.strip()}")
    return found


def aborts():
    """The process ends in one place, in order: reconciler/base/memory.h."""
    return [str(path) for path in sources() if path.suffix == ".c" and path.stem != "memory"
            and re.search(r"\babort\(\)", path.read_text(encoding="utf-8"))]


def catalogue_rows():
    return [name for path in sorted(Path("reconciler/catalogue").glob("*.def"))
            for name in ROW.findall(path.read_text(encoding="utf-8"))]


def used_ids(pattern):
    """{id: first file in which the pattern finds it}."""
    used = {}
    for path in sources():
        if path.parent == Path("reconciler/catalogue") and path.suffix == ".def":
            continue
        for match in pattern.finditer(path.read_text(encoding="utf-8")):
            used.setdefault(match.group().strip('"'), path)
    return used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--make", default="make")
    parser.add_argument("--mongod")
    parser.add_argument("--only", choices=["torture", "unit", "integration", "clients"])
    parser.add_argument("--select")
    arguments = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    check = Check(arguments)
    suites = []
    if arguments.only:
        suites.append(getattr(check, f"run_{arguments.only}")())
    else:
        suites.append(check.run_build())
        suites.append(check.run_sources())
        if suites[0].failed == 0:  # never test what an earlier build left behind
            suites.append(check.run_unit())
            if list(Path("tests/model").glob("*.c")):
                suites.append(check.run_model())
            suites.append(check.run_mutation())
            suites.append(check.run_torture())
            suites.append(check.run_integration())
            suites.append(check.run_clients(CLIENTS_VERSIONS))
    passed, failed = sum(s.passed for s in suites), sum(s.failed for s in suites)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
