"""The quick part of `make conformance`: what a real server answered, asked again."""

import os
import re
import subprocess
import sys
from pathlib import Path

from patience import patient

PROGRAM = Path(__file__).resolve().parents[1] / "conformance" / "conformance.py"


def test_recordings(sandbox):
    environment = dict(os.environ, EVENKEEL_SANDBOX_DIR=str(sandbox), BUILD=os.environ.get("EVENKEEL_BUILD", "build"))
    # mount and /etc/hosts of its own: what other tests see stays as it is
    done = subprocess.run(["unshare", "--mount", sys.executable, str(PROGRAM), "--quick"], env=environment, text=True,
                          capture_output=True, timeout=patient(600), check=False)
    files = re.findall(r"^(\d\d)-\S+: (\d+) of (\d+)", done.stdout, re.M)
    assert done.returncode == 0 and [f[0] for f in files] == ["01", "02", "03", "05", "12"], done.stdout + done.stderr
    assert all(int(passed) == int(of) > 0 for _, passed, of in files), done.stdout
