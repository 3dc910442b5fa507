"""How long a test waits before it gives up: as much longer as the machine is slower.

EVENKEEL_SLOWNESS (tests/pace.py measures it for `make check`): 1, or how many times as long as on the
machine on which the limits were chosen everything takes. EVENKEEL_SAMPLE_S: the seconds that each of the
tests that try a sample may take; without it they try the whole sample."""

import os

SLOWNESS = max(1.0, float(os.environ.get("EVENKEEL_SLOWNESS") or 1))
SAMPLE_S = float(os.environ.get("EVENKEEL_SAMPLE_S") or 1e9)


def sample(seconds):
    """How long a sample may take that takes `seconds` at most where there is time."""
    return min(patient(seconds), SAMPLE_S)


def patient(seconds):
    """What `seconds` are on this machine."""
    return seconds * SLOWNESS
