"""Real processes fight for leases; `make leases ROUNDS=10000` does it for longer."""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "leases"))

import leases  # noqa: E402
from patience import patient, sample  # noqa: E402


@pytest.mark.parametrize("store, rounds", [("sqlite", 300), ("mongodb", 200)])
def test_no_two_act_at_once(store, rounds, time_for_a_sample):
    seconds = sample(120)
    words, done, _ = leases.run(store, rounds, seconds=seconds, seed=20261122)
    assert words["OVERLAP"] == words["LATE"] == words["LOST"] == 0, (words, done)
    if words["took"] < rounds and seconds < patient(120):
        time_for_a_sample("leases", words["took"], rounds)
        return
    assert words["told"] > rounds / 10, words
    assert words["took"] >= rounds and words["act"] > rounds, (words, done)
    if store == "mongodb":
        assert done["servers frozen"] + done["servers split off"] + done["hosts cut off"] > 0, done
    assert done["frozen"] > 5 and done["killed"] > 2 and done["clocks set"] > 2, done


def test_without_fences_they_do():
    """Else the test above would show nothing."""
    words, _, _ = leases.run("sqlite", 100000, seconds=patient(120), seed=1, unfenced=True)
    assert words["OVERLAP"] + words["LATE"] > 0
