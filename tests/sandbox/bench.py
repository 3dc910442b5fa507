"""`make bench`: time and memory to validate specs of 10, 1 000 and 10 000 deployments."""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from specs_repository import ACCOUNT, AUTHORITY

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


def measure(program, count):
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "account.yaml").write_text(ACCOUNT, encoding="utf-8")
        Path(directory, "authority.yaml").write_text(AUTHORITY, encoding="utf-8")
        for n in range(count):
            Path(directory, f"orders-{n}.yaml").write_text(DEPLOYMENT.format(n=n), encoding="utf-8")
        began = time.monotonic()
        process = subprocess.Popen([program, "validate", directory], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        return os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    program = str(Path(parser.parse_args().build, "evenkeel").resolve())
    print(f"{'validate':<16}{'seconds':>10}{'MB':>10}")
    failed = False
    for count in (10, 1000, 10000):
        status, seconds, megabytes = measure(program, count)
        failed = failed or status != 0
        print(f"{count:<16}{seconds:>10.2f}{megabytes:>10.1f}"
              + (f"   exit status {status}" if status else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
