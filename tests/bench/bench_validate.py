"""`make bench`: time and memory to validate specs of 10, 1 000 and 10 000 deployments, and to plan a
branch that changes one of them."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sandbox"))

from specs_repository import ACCOUNT, AUTHORITY  # noqa: E402  pylint: disable=wrong-import-position

PLANNED = (2, 6)  # something to do; something is in the way

DEPLOYMENT = """\
apiVersion: evenkeel/v1
kind: Deployment
metadata: {{ name: orders-{n}, account: acme }}
spec:
  plan: dedicated
  provider: {{ name: local, directory: /srv/orders-{n} }}
  replicaSet:
    name: rs-{n}
    members:
      - {{ name: a, host: a{n}.example.net }}
      - {{ name: b, host: b{n}.example.net }}
      - {{ name: c, host: c{n}.example.net }}
  sslMode: preferSSL
  sslDomain: {{ base: fleet.example.net }}
  certificates: {{ authority: acme-ca }}
"""


def write(directory, count):
    Path(directory, "account.yaml").write_text(ACCOUNT, encoding="utf-8")
    Path(directory, "authority.yaml").write_text(AUTHORITY, encoding="utf-8")
    for n in range(count):
        Path(directory, f"orders-{n}.yaml").write_text(DEPLOYMENT.format(n=n), encoding="utf-8")


def measure(command, **more):
    """(exit status, seconds, seconds of processor time, MB)"""
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, **more)
    _, status, usage = os.wait4(process.pid, 0)
    return (os.waitstatus_to_exitcode(status), time.monotonic() - began,
            usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def git(directory, *words):
    subprocess.run(["git", "-C", str(directory), "-c", "user.name=b", "-c",
                    "user.email=b@example.net", *words], check=True, capture_output=True)


def plan_of_a_change(program, count):
    """A branch that changes one of `count` deployments, whose servers are not there."""
    with tempfile.TemporaryDirectory() as scratch:
        specs = Path(scratch, "specs")
        specs.mkdir()
        write(specs, count)
        git(specs, "init", "--quiet", "--initial-branch=main")
        git(specs, "add", "--all")
        git(specs, "commit", "--quiet", "-m", "all")
        git(specs, "switch", "--quiet", "-c", "change")
        changed = specs / "orders-7.yaml"
        text = changed.read_text(encoding="utf-8").replace("preferSSL", "requireSSL")
        changed.write_text(text, encoding="utf-8")
        git(specs, "commit", "--quiet", "--all", "-m", "one")
        return measure([program, "plan", "--git", specs, "--from", "main", "--to", "change",
                        "--state-dir", Path(scratch, "state")], stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    program = str(Path(parser.parse_args().build, "evenkeel").resolve())
    print(f"{'':<28}{'seconds':>10}{'processor':>11}{'MB':>8}")
    failed = False
    for count in (10, 1000, 10000):
        with tempfile.TemporaryDirectory() as directory:
            write(directory, count)
            status, seconds, processor, megabytes = measure([program, "validate", directory])
        failed = failed or status != 0
        print(f"{f'validate {count}':<28}{seconds:>10.2f}{processor:>11.2f}{megabytes:>8.1f}"
              + (f"   exit status {status}" if status else ""), flush=True)
    for count in (10, 10000):
        status, seconds, processor, megabytes = plan_of_a_change(program, count)
        failed = failed or status not in PLANNED
        print(f"{f'plan a change to 1 of {count}':<28}{seconds:>10.2f}{processor:>11.2f}{megabytes:>8.1f}"
              f"   exit status {status}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
