"""A few of the points of `make chaos`, the same ones every time."""

from chaos import Chaos


def test_killed_at_some_points_up_and_down(shop):
    chaos = Chaos(shop, seed=5, mishaps=False)
    written, lost = chaos.up_and_down(points_most=10)
    assert chaos.points >= 8, chaos.by
    assert written > 300 and lost == 0
