"""An aspect is its own folders and a line in each of the two lists: the toy (one field, one step,
one law) is added to a copy of the sources, planned with, and the copy differs from the sources in
nothing else.

Compiled anew is what speaks of all aspects, and the toy; the rest is linked from libevenkeel.a.
`make toy` hands over compiler and flags."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).with_name("toy")
COPIED = ("reconciler", "specs", "drivers", "tests/model")
LINES = {"reconciler/aspects.def": "EK_ASPECT(toy)\n",
         "reconciler/order.def": 'EK_PHASE(hang_badges, false, "a badge is for members that are as wanted")\n'}
FOLDERS = ("reconciler/aspects/toy", "reconciler/laws/toy")
# Whose objects depend on how many aspects there are.
COUNTS_ASPECTS = re.compile(r"\bEK_(PARTS|ASPECTS)\b|(aspects|order)\.def\"|sizeof\(struct ek_state\)")


def make_house(house):
    """The sources with the toy moved in."""
    shutil.rmtree(house, ignore_errors=True)
    for part in COPIED:
        shutil.copytree(ROOT / part, house / part)
    for folder in FOLDERS:
        shutil.copytree(TOY / folder, house / folder)  # refuses a folder that is there
    for file, line in LINES.items():
        with open(house / file, "a", encoding="utf-8") as opened:
            opened.write(line)


def differences(house):
    """What diff -r says, with the paths from the top of the sources."""
    found = []
    for part in COPIED:
        said = subprocess.run(["diff", "-r", "-U0", ROOT / part, house / part], capture_output=True, text=True,
                              check=False).stdout
        found += [line for line in said.replace(f"{house}/", "").splitlines()
                  if line.startswith("Only in ") or re.match(r"[-+](?!--|\+\+)", line)]
    return sorted(found)


def compile_all(house, sources, cflags):
    def compile_one(source):
        target = house / "objects" / f"{source.relative_to(house)}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*cflags, "-c", source, "-o", target], cwd=house, check=True)
        return target
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(compile_one, sources))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    build = (ROOT / parser.parse_args().build).resolve()
    house = build / "toy"
    make_house(house)
    wanted = sorted([*(f"Only in {os.path.dirname(f)}: toy" for f in FOLDERS),
                     *(f"+{line.rstrip()}" for line in LINES.values())])
    if differences(house) != wanted:
        print(f"not ok 1 - the toy's folders and a line in each of the two lists: {differences(house)}")
        return 1
    sources = [p for p in sorted(house.rglob("*.c"))
               if p.is_relative_to(house / "reconciler")
               and (COUNTS_ASPECTS.search(p.read_text("utf-8")) or "/toy/" in str(p.relative_to(house)))]
    compiler = shlex.split(os.environ["TOY_COMPILE"])
    objects = compile_all(house, sources, compiler)
    program = house / "test"
    subprocess.run([*compiler, TOY / "test.c", *objects, build / "libevenkeel.a",
                    *shlex.split(os.environ["TOY_LINK"]), "-lcmocka", "-o", program], cwd=house, check=True)
    status = subprocess.run([program], cwd=house, check=False).returncode
    if not status and differences(house) != wanted:
        print("not ok 9 - building it changed the copy")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
