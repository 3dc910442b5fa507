"""`make bench`: what the history of a million events costs to read and to check."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(command):
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                          check=False)
    return done.returncode, time.monotonic() - began, done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--count", type=int, default=1000000)
    arguments = parser.parse_args()
    program = Path(arguments.build, "evenkeel").resolve()
    fill = Path(arguments.build, "fill_store").resolve()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # each event is fsynced
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        store = Path(directory, "store.db")
        status, took, _ = seconds([fill, store, arguments.count])
        if status:
            return 1
        print(f"\n{arguments.count} events, {store.stat().st_size // 2**20} MiB, appended in {took:.0f} s")
        for what, words in (("the latest 20 of a deployment", ("acme/d042", "--limit", "20")),
                            ("all of a deployment", ("acme/d042", "--limit", "0")),
                            ("the chain checked", ("--verify",))):
            status, took, said = seconds([program, "history", "--store", store, *words])
            print(f"history: {what:<34}{took:>8.2f} s")
            if status or not said:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
