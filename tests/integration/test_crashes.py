"""Members of the stand-in that lose power at any moment, and the proof that the test would notice. `make crashes`: more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "crashes" / "crashes.py"

if os.environ.get("MONGOD"):
    pytest.skip("only the stand-in crashes on demand", allow_module_level=True)


def crash(*arguments):
    done = subprocess.run([sys.executable, str(PROGRAM), "--seed", "4", *arguments], text=True, capture_output=True,
                          timeout=120, check=False)
    counts = re.search(r"(\d+) crashes, (\d+) writes .* (\d+) violations$", done.stdout.strip())
    assert counts, done.stdout + done.stderr
    return (*map(int, counts.groups()), done.stdout)


def test_what_a_majority_has_stays():
    crashes, writes, violations, text = crash("--seconds", "10")
    assert violations == 0, text
    assert crashes > 50 and writes > 100, text


@pytest.mark.parametrize("part", ["majority", "votes"])
def test_it_would_be_noticed(part):
    assert crash("--seconds", "10", "--sets", "1", "--break", part)[2] > 0
