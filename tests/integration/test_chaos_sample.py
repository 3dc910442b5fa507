"""A few of the points of `make chaos`, the same ones every time, mishaps and all."""

import pytest

from chaos import Chaos, new_shop
from patience import sample

from conftest import BUILD

POINTS = 24


@pytest.fixture(scope="module")
def own_shop(sandbox):
    """A fleet in a hurry, with a small disk and a clock that can be set for Evenkeel."""
    directory = sandbox / "chaos"
    directory.mkdir()
    shop = new_shop(directory, BUILD)
    yield shop
    shop.fleet.destroy()


def test_killed_at_some_points_up_and_down(time_for_a_sample, own_shop):
    chaos = Chaos(own_shop, seed=4)
    written, lost = chaos.up_and_down(POINTS, sample(180))
    assert written > 0 and lost == 0
    if chaos.late:
        time_for_a_sample("points", chaos.points, POINTS)
    else:
        assert chaos.points >= 20, chaos.by
        assert set(chaos.befallen) == {"frozen", "cut", "full", "clock"}, chaos.befallen
