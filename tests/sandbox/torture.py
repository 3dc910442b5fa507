"""`make torture`: every call on the main path of validate, plan and apply fails once.

tests/torture/fail_call.c fails the Nth call of one function. For each: an orderly end with a
documented exit status, a message with an id, no file half-written, no secret said; and afterwards
the same command, undisturbed, does its work. Runs inside tests/sandbox/enter."""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

from chaos import new_shop

CALLS = ("open", "openat", "__open_2", "__openat_2", "fopen", "mkostemp", "pwrite", "ftruncate", "link", "read", "write", "fsync", "rename", "mkdir", "connect", "socket", "pipe2", "fork",
         "fchmod", "malloc", "realloc")
DOCUMENTED = set(range(0, 20)) | {64}
ERROR_ID = re.compile(r"\bEK-\d{4}\b")


class Torture:
    def __init__(self, shop, build):
        self.shop, self.library = shop, Path(build, "fail_call.so").resolve()
        self.count_file = shop.directory / "calls"
        self.tried, self.unmoved, self.ended, self.wrong = 0, 0, 0, []

    def run(self, words, call, nth):
        environment = dict(self.shop.tool.environment, LD_PRELOAD=str(self.library), FAIL_CALL=call,
                           FAIL_N=str(nth), FAIL_COUNT=str(self.count_file))
        return subprocess.run([str(self.shop.tool.program), *map(str, words)], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=120, check=False)

    def calls_of(self, words, call):
        self.count_file.unlink(missing_ok=True)
        self.run(words, call, 0)
        return int(self.count_file.read_text("ascii")) if self.count_file.exists() else 0

    def secrets(self):
        fleet = self.shop.fleet
        found = {fleet.key, fleet.root_password, fleet.app_password}
        if self.shop.tool.master_key.exists():
            found.add(self.shop.tool.master_key.read_text("utf-8", errors="replace").strip())
        return {s for s in found if s}

    def fail_one(self, words, call, nth, good):
        """One failed call; `good`: exit statuses of the undisturbed command."""
        done = self.run(words, call, nth)
        said = done.stdout + done.stderr
        self.tried += 1
        what = f"{words[0]}: {call} {nth}: "
        if done.returncode == -signal.SIGABRT and call in ("malloc", "realloc"):
            self.ended += 1  # as designed: out of memory in a buffer is the end, like a kill
        elif done.returncode not in DOCUMENTED:
            self.wrong.append(f"{what}exit status {done.returncode}: {said[-300:]}")
        elif done.returncode in good:
            self.unmoved += 1  # something else could be done, or it was nothing that matters
        elif not ERROR_ID.search(said):
            self.wrong.append(f"{what}no id in: {said[-300:]}")
        if any(secret in said for secret in self.secrets()):
            self.wrong.append(f"{what}a secret was said")
        self.check_files(what)

    def check_files(self, what):
        """What stands under its final name is whole; what is not is under no final name."""
        for directory, _, files in os.walk(self.shop.tool.state):
            for name in files:
                path = Path(directory, name)
                if name.endswith(".pem") and b"-----END CERTIFICATE-----" not in path.read_bytes():
                    self.wrong.append(f"{what}{name} is half-written")
        for member in self.shop.fleet.members:
            if b"replSetName" not in member.configuration.read_bytes():
                self.wrong.append(f"{what}the configuration of {member.name} is half-written")

    def command(self, words, good, chance=None, most=None):
        """Every call, or `most` of them by chance."""
        points = [(call, n) for call in CALLS for n in range(1, self.calls_of(words, call) + 1)]
        if most is not None and most < len(points):
            points = sorted(chance.sample(points, most))
        for call, nth in points:
            self.fail_one(words, call, nth, good)
        return len(points)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--most", type=int, help="calls of each command at most, by chance")
    arguments = parser.parse_args()
    shop = new_shop(Path(os.environ["EVENKEEL_SANDBOX_DIR"]), arguments.build)
    shop.specs.set_mode("preferSSL")
    torture, chance = Torture(shop, arguments.build), random.Random(1)
    try:
        torture.command(("validate", *shop.git), {0}, chance, arguments.most)
        print(f"  validate: {torture.tried} calls failed", flush=True)
        torture.command(("plan", *shop.git), {2}, chance, arguments.most)
        print(f"  validate, plan: {torture.tried} calls failed", flush=True)
        for number in range(arguments.most // 4 if arguments.most else 200):  # each apply goes on where the last one ended
            call = chance.choice([c for c in CALLS if c not in ("malloc", "realloc")])
            torture.fail_one(("apply", "--yes", *shop.git), call, chance.randint(1, 400), {0})
            if number % 20 == 19:
                shop.specs.set_mode(chance.choice(("preferSSL", "allowSSL", "disabled")))
        shop.specs.set_mode("preferSSL")
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_settled()
        shop.succeed("plan", *shop.git)
    finally:
        shop.fleet.destroy()
    for line in torture.wrong:
        print(f"  {line}")
    print(f"torture: {torture.tried} calls failed, {torture.unmoved} without harm, "
          f"{torture.ended} out of memory and ended at once, "
          f"{len(torture.wrong)} not orderly")
    return 1 if torture.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
