"""Installs the real clients that are missing below BUILD/clients, in the versions that lock/ names.

Prints a line for each client that can't be had, and why; the tests then count its share as skipped.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "lock"
TOOLS = ("mongodump", "mongorestore")
TOOLS_MODULE = "github.com/mongodb/mongo-tools"
TIMEOUT_S = 600


class Missing(Exception):
    """A client can't be installed; the text says what to do."""


def run(*argv, cwd=None):
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, errors="replace",
                              timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise Missing(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{argv[0]} was not done after {TIMEOUT_S} s") from error
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise Missing(f"{' '.join(argv[:3])}: " + " / ".join(words[-3:]))


def lock_of(directory, *names):
    text = b"".join((directory / name).read_bytes() for name in names)
    return hashlib.sha256(text).hexdigest()


def in_place(target, lock):
    stamp = target / "installed"
    return stamp.exists() and stamp.read_text(encoding="ascii") == lock


def fresh(target):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def node_packages(name, target):
    lock = LOCK / name
    for file in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(lock / file, target / file)
    run("node", "--version")
    # Optional packages are compiled ones (Kerberos, client-side encryption) that nothing here uses.
    run("npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
        cwd=target)


def python_packages(name, target):
    run(sys.executable, "-m", "venv", str(target / "venv"))
    run(str(target / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--retries", "1", "--requirement", str(LOCK / name / "requirements.txt"))


def go_tools(name, target):
    for file in ("go.mod", "go.sum", "tools.go"):
        shutil.copy(LOCK / name / file, target / file)
    for tool in TOOLS:
        run("go", "build", "-trimpath", "-o", str(target / tool), f"{TOOLS_MODULE}/{tool}/main", cwd=target)


NPM, PIP, GO = ("package.json", "package-lock.json"), ("requirements.txt",), ("go.mod", "go.sum")
PARTS = (("node-4.2", "4.2", NPM, node_packages), ("node-current", "current", NPM, node_packages),
         ("python-4.2", "4.2", PIP, python_packages), ("python-current", "current", PIP, python_packages),
         ("tools", "tools", GO, go_tools))


def install(build):
    """What can't be had, with the reason."""
    missing = {}
    for part, name, files, how in PARTS:
        target, lock = build / "clients" / part, lock_of(LOCK / name, *files)
        if in_place(target, lock):
            continue
        print(f"  install {target}", flush=True)
        try:
            how(name, fresh(target))
            (target / "installed").write_text(lock, encoding="ascii")
        except Missing as why:
            shutil.rmtree(target, ignore_errors=True)
            missing[part] = str(why)
    return missing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    arguments = parser.parse_args()
    os.umask(0o022)
    for part, why in install(Path(arguments.build).resolve()).items():
        print(f"clients: {part} can't be installed, its tests are skipped: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
