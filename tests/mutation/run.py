"""`make mutation`: every mutant of the planner, the laws, the effects and what counts as seen, each
killed by a fast test or told in survivors.txt why it lives.

The kernel, the laws and the pure files of the aspects are a shared library here; a mutant is one
file of it compiled anew (of order.def: the file that includes it). The tests are linked once. `--sample N`
tries N mutants, the same ones every time; `--seconds N` begins none after that, and says how many were
left out."""

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sandbox"))

# pylint: disable=wrong-import-position
from mutants import all_mutants  # noqa: E402
from patience import patient  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_name("survivors.txt")
TESTS = ("permit_laws", "permit_options", "permit_edges", "law_guards", "law_touches", "next_blocked", "next_options",
         "next_order", "next_rules", "next_waits", "next_certificates", "next_lapsed", "next_lost", "next_old_files",
         "step_seen",
         "aspect_rules", "state_json", "loop_drift", "kernel_state", "kernel_plan", "kernel_moved", "report_golden",
         "kernel_facts")
SOURCES = ("reconciler/*.c", "reconciler/base/*.c", "reconciler/kernel/*.c", "reconciler/laws/*.c",
           "reconciler/laws/*/*.c", "reconciler/aspects/*/*.c", "reconciler/document/*.c", "reconciler/report/*.c", "reconciler/loop/journal.c",
           "reconciler/consent/*.c", "specs/*.c")
IMPURE = ("act.c", "observe.c", "observe_clients.c", "observe_sockets.c")  # of the aspects: they reach for the drivers, no test calls them
IMPURE_SYMBOL = re.compile(r"undefined reference to `(ek_act_\w+|ek_\w+_observer)'")
INCLUDED_BY = {"reconciler/order.def": "reconciler/kernel/next.c"}
PACKAGES = (*re.search(r"^PACKAGES := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1].split(),
            "cmocka")
# Of the processor's time: who loops for ever has failed too.
TEST_CPU_S, SLOW_CPU_S = 2, {"report_golden": 10, "kernel_facts": 30, "model": 90}
WAIT_S = 600
LEFT_OUT = "left out"
EVER_GREEN = "the tests fail without any mutant"


class Children:
    """Whoever was started and has not ended; a mutant may loop for ever, so none is left behind."""

    def __init__(self):
        self.running, self.lock, self.stopped = set(), threading.Lock(), False

    def run(self, command, timeout=None, **options):
        """As subprocess.run; TimeoutExpired has killed it."""
        with self.lock:
            if self.stopped:
                raise SystemExit("stopped")
            process = subprocess.Popen(command, **options)  # pylint: disable=consider-using-with
            self.running.add(process)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        finally:
            with self.lock:
                self.running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.kill()


CHILDREN = Children()


def words(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


class Bench:
    def __init__(self, build, jobs):
        self.directory = (ROOT / build / "mutation").resolve()
        self.archive = (ROOT / build / "libevenkeel.a").resolve()
        self.cflags = ["-std=gnu17", "-D_GNU_SOURCE", f"-I{ROOT}", "-DEK_VERSION=\"0\"", "-O1", "-fPIC",
                       "-w", *words(["pkg-config", "--cflags", *PACKAGES])]
        self.libraries = words(["pkg-config", "--libs", *PACKAGES])
        self.core = sorted(p.relative_to(ROOT) for pattern in SOURCES for p in ROOT.glob(pattern)
                           if p.name not in IMPURE)
        self.jobs = jobs

    def compile(self, source, target, first=()):
        """`first`: where to look for what it includes before anywhere else."""
        return CHILDREN.run(["gcc", *(f"-I{d}" for d in first), *self.cflags, "-c", str(source), "-o", str(target)],
                            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stand_in_for_impure(self, objects):
        """An object with the names that act.c and observe.c would bring."""
        source, target = self.directory / "impure.c", self.directory / "impure.o"
        said = CHILDREN.run(["gcc", "-shared", "-Wl,--no-undefined", *map(str, objects), *self.libraries, "-o",
                             str(self.directory / "none.so")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True).stderr
        names = sorted(set(IMPURE_SYMBOL.findall(said)))
        source.write_text("".join(f"const long {name}[64];\n" for name in names), encoding="utf-8")
        self.compile(source, target).check_returncode()
        return target

    def link_core(self, objects, target):
        CHILDREN.run(["gcc", "-shared", "-Wl,-soname,libcore.so", *map(str, objects), "-o",
                      str(target)]).check_returncode()

    def prepare(self):
        shutil.rmtree(self.directory, ignore_errors=True)  # what an earlier run left, mutants too
        self.directory.mkdir(parents=True)
        objects = {str(s): self.directory / f"{str(s).replace('/', '-')}.o" for s in self.core}
        sources = [(ROOT / s, objects[str(s)]) for s in self.core]
        programs = {name: [ROOT / f"tests/unit/{name}.c"] for name in TESTS}
        programs["model"] = sorted(ROOT.glob("tests/model/*.c"))
        for name, files in programs.items():
            sources += [(f, self.directory / f"{name}-{f.stem}.o") for f in files]
        with ThreadPoolExecutor(self.jobs) as pool:
            for done in pool.map(lambda pair: self.compile(*pair), sources):
                if done.returncode:
                    raise SystemExit(done.stderr)
        objects["impure.c"] = self.stand_in_for_impure(objects.values())
        self.objects = objects
        core = self.directory / "libcore.so"
        self.link_core(objects.values(), core)
        for name, files in programs.items():
            parts = [str(self.directory / f"{name}-{f.stem}.o") for f in files]
            subprocess.run(["gcc", *parts, str(core), str(self.archive), *self.libraries,
                            "-Wl,--as-needed", "-Wl,-rpath,/nowhere",
                            "-o", str(self.directory / name)], check=True)

    def killer(self, library_directory):
        """The first test that fails with the library there, or None."""
        environment = {"LD_LIBRARY_PATH": str(library_directory), "PATH": os.environ["PATH"],
                       "CMOCKA_TEST_ABORT": "0"}
        for name in (*TESTS, "model"):
            cpu_s = patient(SLOW_CPU_S.get(name, TEST_CPU_S))
            command = ["prlimit", f"--cpu={cpu_s:.0f}", str(self.directory / name),
                       *(["--quick"] if name == "model" else [])]
            try:
                done = CHILDREN.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    timeout=patient(WAIT_S))
            except subprocess.TimeoutExpired:
                return name
            if done.returncode:
                return name
        return None

    def try_one(self, number, mutant):
        directory = self.directory / f"mutant-{number}"
        source = directory / mutant.file
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(mutant.apply((ROOT / mutant.file).read_text("utf-8")), encoding="utf-8")
        target = directory / "mutant.o"
        compiled = INCLUDED_BY.get(mutant.file)
        done = self.compile(compiled or source, target, [directory] if compiled else [])
        killer = "the compiler"
        if done.returncode and "error:" not in done.stderr:
            raise SystemExit(f"{mutant.name}: gcc failed\n{done.stderr}")
        if done.returncode:
            print(f"  no program: {mutant.name}: {done.stderr.splitlines()[-4:]}")
        else:
            objects = [target if name == (compiled or mutant.file) else path
                       for name, path in self.objects.items()]
            self.link_core(objects, directory / "libcore.so")
            killer = self.killer(directory)
        shutil.rmtree(directory)
        return mutant, killer


def listed_survivors():
    """{what identifies a mutant: why it lives}; line numbers don't count."""
    found, reason = {}, ""
    for line in LISTED.read_text("utf-8").splitlines() if LISTED.exists() else []:
        if line.startswith("# "):
            reason = line[2:]
        elif line.strip():
            found[line.strip()] = reason
    return found


def identity(mutant):
    return f"{mutant.file}: {mutant.what}"


def rank(mutant):
    """A place in the sample that does not move when other mutants come and go."""
    return hashlib.sha256(identity(mutant).encode()).digest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--sample", type=int, help="so many of them, the same ones every time")
    parser.add_argument("--seconds", type=float, default=1e9, help="no mutant is begun after that")
    parser.add_argument("--only", help="part of a mutant's name")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    jobs = os.cpu_count() or 1
    bench = Bench(arguments.build, jobs)
    began = time.monotonic()
    bench.prepare()
    failing = bench.killer(bench.directory)
    if failing:
        print(f"mutation: {failing}: {EVER_GREEN}")
        return 1
    mutants = all_mutants(ROOT)
    listed = listed_survivors()
    stale = set(listed) - {identity(m) for m in mutants}
    if arguments.only:
        mutants = [m for m in mutants if arguments.only in m.name]
    if arguments.sample:
        mutants = sorted((m for m in mutants if identity(m) not in listed), key=rank)[:arguments.sample]
    killed, told, left_out, living, untried, survivors, by = 0, 0, 0, set(), set(), [], {}
    pool = ThreadPoolExecutor(jobs)

    def try_in_time(pair):
        late = pair[0] and time.monotonic() - began > arguments.seconds
        return (pair[1], LEFT_OUT) if late else bench.try_one(*pair)
    try:
        for mutant, killer in pool.map(try_in_time, enumerate(mutants)):
            if killer == LEFT_OUT:
                left_out += 1
                untried.add(identity(mutant))
            elif killer:
                killed += 1
                by[killer] = by.get(killer, 0) + 1
            elif identity(mutant) in listed:
                told += 1
                living.add(identity(mutant))
            else:
                survivors.append(mutant)
    except BaseException:
        CHILDREN.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    for mutant in survivors:
        print(f"  lives: {mutant.name}")
    for name in sorted(stale):
        print(f"  listed and no mutant: {name}")
    for name in sorted({identity(m) for m in mutants} & set(listed) - living - untried):
        print(f"  listed and killed: {name}")
    kills = ", ".join(f"{name} {count}" for name, count in sorted(by.items(), key=lambda k: -k[1]))
    print(f"  first killed by: {kills}; {time.monotonic() - began:.0f} s")
    if left_out:
        print(f"mutation: {len(mutants) - left_out} of {len(mutants)} tried, {left_out} left out for want of time")
    print(f"mutation: {killed} of {len(mutants) - left_out} killed, {told} live for a listed reason, "
          f"{len(survivors)} without")
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    sys.exit(main())
