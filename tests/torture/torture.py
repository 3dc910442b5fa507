"""`make torture`: every call on the main path of validate, plan and apply fails once.

tests/torture/fail_call.c tells which calls there are and fails one of them; a call is known by its
site: the function and the calls in evenkeel that led there. In each run the first site that has
not failed before does: so the runs get further and further, until there is no such site. Then
again with the Nth call of each site. An apply that survives one goes on to the next. validate and plan run over the same specs and fleet each
time; apply goes on, each time, from where the one before was made to fail, up to requireSSL and
back, and some of the times from nothing: no authority, no certificates, no user.

After each: a documented exit status, a message with an id (EK-0599 when memory was refused), no
secret said, no leak, no file half-written, no temporary file left (but by the failure of the
removal itself); and every few times the same command, undisturbed, does its work. Runs inside
tests/sandbox/enter."""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))

# pylint: disable=wrong-import-position
from chaos import new_shop  # noqa: E402
from patience import patient  # noqa: E402
from table import Table, where  # noqa: E402

DOCUMENTED = set(range(0, 10)) | {64, 130}
ERROR_ID = re.compile(r"\bEK-\d{4}\b")
LEFT_OVER = re.compile(r"\.(?!sealed$)[A-Za-z0-9]{6}$")
MEMORY = {"malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "vasprintf",
          "__vasprintf_chk", "yaml_parser_parse", "yaml_parser_initialize"}
MODES = ("requireSSL", "disabled")
TIMEOUT_S = 240
SLOW_S = 20
UNDISTURBED_EVERY = 20
GAP_MS = 500  # a call that was survived is followed by the next after this, in one apply
AGAIN_MOST = 30  # the Nth call of a site that fails in the second pass: 2 to this


def chosen(site_hash, seed, out_of):
    """Whether the sample has the site: as fail_call.c chooses."""
    mixed = (site_hash ^ seed) * 0x9E3779B97F4A7C15 & 2**64 - 1
    return (mixed ^ mixed >> 29) % out_of == 0


class Torture:
    def __init__(self, shop, arguments):
        self.shop, self.chance = shop, random.Random(arguments.seed)
        self.environment = {
            "LD_PRELOAD": str(Path(arguments.build, "fail_call.so").resolve()),
            "FAIL_DEPTH": str(arguments.depth), "FAIL_OUT_OF": str(arguments.out_of),
            "FAIL_SEED": str(arguments.seed),
            "ASAN_OPTIONS": "verify_asan_link_order=0:exitcode=99:detect_leaks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1"}
        if arguments.program:  # libraries leak when their own calls fail
            self.environment["FAIL_OURS"] = "1"
        self.table = Table(shop.directory / "calls")
        self.known, self.done = set(), {False: set(), True: set()}  # hashes: at first, again
        self.failed, self.unmoved, self.ended, self.wrong = 0, 0, 0, []
        self.left_over = set(self.temporary_files())
        self.again_only, self.seed, self.out_of = arguments.again_only, arguments.seed, arguments.out_of
        self.evidence = Path(arguments.build, "torture-evidence").resolve()

    # -- running --------------------------------------------------------------------------

    def run(self, words, number=0, done=frozenset(), gap_ms=None):
        """The finished process, and the sites whose calls of this number failed, in order."""
        self.table.begin(done)
        environment = dict(
            self.shop.tool.environment, **self.environment, FAIL_TABLE=str(self.table.path),
            FAIL_N=str(number))
        if gap_ms is not None:
            environment["FAIL_GAP"] = str(gap_ms)
        began = time.monotonic()
        try:
            finished = subprocess.run([str(self.shop.tool.program), *map(str, words)],
                                  env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, errors="replace", timeout=patient(TIMEOUT_S), check=False)
        except subprocess.TimeoutExpired as late:
            finished = subprocess.CompletedProcess(late.args, -signal.SIGKILL, "",
                                                   f"not done after {patient(TIMEOUT_S):.0f} s")
        if time.monotonic() - began > patient(SLOW_S):
            print(f"  {time.monotonic() - began:.0f} s: {words[0]}: exit status "
                  f"{finished.returncode}, after the failure of "
                  f"{[where(self.shop.tool.program, s) for s in self.table.sites() if s.failed]}",
                  flush=True)
        sites = self.table.sites()
        self.known.update(s.hash for s in sites)
        return finished, sorted((s for s in sites if s.failed), key=lambda s: s.failed)

    # -- judging --------------------------------------------------------------------------

    def secrets(self):
        fleet, tool = self.shop.fleet, self.shop.tool
        found = {fleet.key, fleet.root_password, fleet.app_password}
        if tool.master_key.exists():
            found.add(tool.master_key.read_text("utf-8", errors="replace").strip())
        for path in Path("/run/evenkeel").glob("*/key-password"):
            found.add(path.read_text("utf-8", errors="replace").strip())
        return {s for s in found if s}

    def temporary_files(self):
        tool = self.shop.tool
        places = [tool.state, tool.master_key.parent, Path("/etc"), Path("/run/evenkeel"),
                  *(m.configuration.parent for m in self.shop.fleet.members)]
        for place in places:
            for directory, names, files in os.walk(place):
                names[:] = [n for n in names if n not in ("db", "cache")]
                yield from (str(Path(directory, n)) for n in files if LEFT_OVER.search(n))

    def wrongs(self, what):
        self.wrong.append(what)
        print(f"  {what}", flush=True)

    def keep_evidence(self):
        """What is observed now, and what the hosts hold: to be looked at, or for a golden case."""
        shop = self.shop
        place = self.evidence / str(len(self.wrong))
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        done = subprocess.run([str(shop.tool.program), "status", "--output", "json", "--deployment",
                               shop.fleet.name, *map(str, shop.git)], env=shop.tool.environment,
                              capture_output=True, text=True, check=False)
        (place / "observed.json").write_text(done.stdout + done.stderr, "utf-8")
        for member in shop.fleet.members:
            shutil.copy(member.configuration, place / f"{member.name}.conf")
            files = sorted(f for f in member.configuration.parent.glob("**/*") if f.is_file())
            (place / f"{member.name}.files").write_text(
                "".join(f"{f.stat().st_mtime_ns} {f.stat().st_size} {f}\n" for f in files), "utf-8")

    def check_files(self, what, may_leave):
        """What stands under its final name is whole; what is not is under no final name."""
        for directory, _, files in os.walk(self.shop.tool.state):
            for name in files:
                path = Path(directory, name)
                if name.endswith(".pem") and b"-----END CERTIFICATE-----" not in path.read_bytes():
                    self.wrongs(f"{what}{name} is half-written")
        for member in self.shop.fleet.members:
            if b"replSetName" not in member.configuration.read_bytes():
                self.wrongs(f"{what}the configuration of {member.name} is half-written")
        new = set(self.temporary_files()) - self.left_over
        self.left_over |= new
        if new and not may_leave:
            self.wrongs(f"{what}left {sorted(new)}")

    def judge(self, words, hits, number, done, good):
        said, site = done.stdout + done.stderr, hits[-1]
        paths = "; ".join(f"{h}, {where(self.shop.tool.program, h)}" for h in hits)
        what = f"{words[0]}: call {number} of {paths}: "
        self.failed += len(hits)
        self.unmoved += len(hits) - 1  # else it would have ended with the first
        ids = set(ERROR_ID.findall(said))
        if done.returncode not in DOCUMENTED:
            self.wrongs(f"{what}exit status {done.returncode}: {said[-3000:]}")
        elif done.returncode in good:
            self.unmoved += 1  # something else could be done, or it was nothing that matters
        elif not ids:
            self.wrongs(f"{what}no id in: {said[-300:]}")
        elif site.function in MEMORY and not site.by.startswith("libsqlite3"):
            self.ended += 1
            if "EK-0599" not in ids:
                self.wrongs(f"{what}{ids}, not EK-0599: {said[-300:]}")
        if any(secret in said for secret in self.secrets()):
            self.wrongs(f"{what}a secret was said")
        self.check_files(what, site.function == "unlink")

    # -- the commands ---------------------------------------------------------------------

    def fail(self, words, good, again=False, gap_ms=None):
        """How many calls there were to fail, and the finished process."""
        number = self.chance.randint(2, AGAIN_MOST) if again else 1
        done, hits = self.run(words, number, self.done[again], gap_ms)
        if hits:
            self.judge(words, hits, number, done, good)
            self.done[again].update(h.hash for h in hits)
        return len(hits), done

    def look_only(self, words, good, most, until):
        """A command that changes nothing."""
        for again in (False, True):
            for _ in range(most):
                hit, done = self.fail(words, good, again)
                if not hit and done.returncode not in good:
                    self.wrongs(f"{words[0]}, undisturbed: {done.returncode}: {done.stderr[-500:]}")
                if not hit or time.monotonic() > until:
                    break

    def forget(self):
        """As if Evenkeel had never been here: the next way up begins with nothing."""
        shop = self.shop
        shop.fleet.command(shop.fleet.primary(), "dropUser", "evenkeel")
        for path in (shop.tool.state, shop.tool.master_key.parent):
            for entry in path.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        for member in shop.fleet.members:
            shutil.rmtree(member.configuration.parent / "tls", ignore_errors=True)
        hosts = Path("/etc/hosts")
        kept = [l for l in hosts.read_text("utf-8").splitlines(True) if ".fleet.example.net" not in l]
        hosts.write_text("".join(kept), "utf-8")

    def one_way(self, mode, again, most, until):
        """To the mode; how many calls failed on the way."""
        shop, words, failed = self.shop, ("apply", "--yes", "--lock-timeout", "40s", *self.shop.git), 0
        shop.specs.set_mode(mode)
        stuck = 0
        for turn in range(1, 100000):
            if failed < most and turn % UNDISTURBED_EVERY and time.monotonic() < until:
                hit, done = self.fail(words, {0}, again, GAP_MS)
                failed += hit
            else:
                hit, done = 0, self.run(words)[0]
            if not hit and done.returncode != 0:
                self.wrongs(f"apply, undisturbed: {done.returncode}: {done.stdout[-600:]}"
                                  f"{done.stderr[-600:]}")
                self.keep_evidence()
                shop.fleet.wait_settled()
                stuck += 1
                assert stuck < 3, "apply does not get any further"
            if done.returncode == 0:
                break
        shop.fleet.wait_settled()
        shop.succeed("plan", *shop.git)
        return failed

    def up_and_down(self, most, until):
        """apply, made to fail: until there is no call left, or `most` failed, or it is late."""
        failed, again = 0, self.again_only
        while failed < most and time.monotonic() < until:
            self.shop.specs.set_mode("disabled")  # as it is: nothing to do
            self.look_only(("apply", "--yes", "--lock-timeout", "40s", *self.shop.git), {0}, most, until)
            self.forget_sometimes()
            more = sum(self.one_way(mode, again, most, until) for mode in MODES)
            failed += more
            if not more and again:
                break
            again |= not more

    def forget_sometimes(self):
        if self.shop.tool.master_key.exists() and self.chance.random() < 0.7:
            self.forget()

    def left_out(self):
        """How many of the sample's sites that are known have not failed: the time was up before."""
        sample = {h for h in self.known if chosen(h, self.seed, self.out_of)}
        return len(sample - self.done[False]), len(sample)

    def report(self, began):
        print(f"  {self.failed} calls failed, {len(self.done[False])} of {len(self.known)} sites, "
              f"{len(self.done[True])} of them again; {len(self.wrong)} not orderly, "
              f"{time.monotonic() - began:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build", help="where fail_call.so and the server are")
    parser.add_argument("--program", help="directory of another build of evenkeel")
    parser.add_argument("--most", type=int, default=10**6, help="calls of each command at most")
    parser.add_argument("--minutes", type=float, default=600, help="at most, in all")
    parser.add_argument("--depth", type=int, default=4, help="callers that make a site")
    parser.add_argument("--out-of", type=int, default=1, help="one site of so many, by the seed")
    parser.add_argument("--again-only", action="store_true", help="leave out the first call of each")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    shop = new_shop(Path(os.environ["EVENKEEL_SANDBOX_DIR"]), arguments.build)
    if arguments.program:
        shop.tool.program = Path(arguments.program, "evenkeel").resolve()
    torture = Torture(shop, arguments)
    until = began + 60 * arguments.minutes
    shop.specs.set_mode("requireSSL")
    pairs = (("validate", {0}), ("plan", {2}))
    try:
        for verb, good in pairs:
            torture.look_only((verb, *shop.git), good, arguments.most, until)
            torture.report(began)
        torture.up_and_down(arguments.most, until)
        torture.report(began)
    finally:
        shop.fleet.destroy()
    left_out, sample = torture.left_out()
    if left_out and time.monotonic() > until:
        print(f"torture: {sample - left_out} of {sample} sites tried, {left_out} left out for want of time")
    print(f"torture: {torture.failed} calls failed (at {len(torture.done[False])} of "
          f"{len(torture.known)} sites), {torture.unmoved} without harm, {torture.ended} for want "
          f"of memory, seed {arguments.seed}")
    print(f"torture: {max(0, torture.failed - len(torture.wrong))} passed, "
          f"{len(torture.wrong)} failed")
    return 1 if torture.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
