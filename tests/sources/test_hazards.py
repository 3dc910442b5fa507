"""The edits of tests/mutation/hazards.py fit the sources as they are: each place is there, once."""

import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / d) for d in ("mutation", "sandbox")]

import hazards  # noqa: E402  pylint: disable=wrong-import-position


@pytest.mark.parametrize("name", hazards.RULES)
def test_each_edit_fits(name):
    for file, what, instead in hazards.RULES[name]:
        assert (TOP / file).read_text("utf-8").count(what) == 1, f"{file}: {what}"
        assert what != instead
