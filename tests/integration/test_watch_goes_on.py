"""A watch over clients outlives the process that began it: it goes on where it was, neither anew nor
as if it were over; also when the server's log no longer reaches back to its beginning."""

import contextlib
import socket
import sqlite3

import pytest

from fleet import wait_for
from loop import Loop
from patience import patient
from test_plaintext_window import encrypted, visit, waits, want  # noqa: F401  pylint: disable=unused-import

STOPPED = 130
LOG_LINES, BURST = 1024, 150  # what getLog tells; connections, of two lines each
EVERY = ("--interval", "500ms", "--observe-every", "500ms")


def until(shop):
    return waits(shop)["watch"]["until"]


def seen(shop, name):
    """What the store has of the watch over a member: since when, until when."""
    with contextlib.closing(sqlite3.connect(f"file:{shop.tool.state}/evenkeel.db?mode=ro",
                                            uri=True)) as store:
        found = store.execute("SELECT since_s, until_s FROM watches WHERE deployment = ? AND"
                              " member = ?", (shop.fleet.name, name)).fetchone()
    return found or (0, 0)


def begun(shop, name):
    """When it began, once that is past: seconds may yet be added while the visit is in the look's."""
    def is_past():
        since, last = seen(shop, name)
        return since if last > since + 2 > 2 else None
    return wait_for(is_past, "kept in the store")


def fill_log(shop, name):
    """So many lines that its beginning is lost, while somebody looks often enough to miss none."""
    for _ in range(0, LOG_LINES + BURST, BURST):
        before = seen(shop, name)[1]
        for _ in range(BURST):
            socket.create_connection((shop.fleet[name].address, 27017),
                                     timeout=patient(10)).close()
        wait_for(lambda last=before: seen(shop, name)[1] > last + 1, "looked at since")


def start_apply(shop, output):
    process = shop.tool.start("apply", "--yes", *shop.git, output=output)
    wait_for(lambda: "Still waiting: clients are watched for 60 min" in output.read_text(),
             "it waits")
    return process


@pytest.fixture
def watched(encrypted):  # noqa: F811
    """requireSSL is wanted after a watch of an hour, which began with b's last visitor."""
    want(encrypted, "requireSSL", "1h")
    visit(encrypted, "b")
    return encrypted


def test_apply_goes_on_with_it_after_a_kill(watched):
    shop = watched
    process = start_apply(shop, shop.directory / "killed.log")
    began, end = begun(shop, "b"), until(shop)
    fill_log(shop, "b")
    process.kill()
    process.wait()
    assert until(shop) == end
    process = start_apply(shop, shop.directory / "again.log")
    last = seen(shop, "b")[1]
    wait_for(lambda: seen(shop, "b")[1] > last, "it watches")
    assert seen(shop, "b")[0] == began
    assert set(shop.fleet.running_modes().values()) == {"preferTLS"}
    process.terminate()
    assert process.wait(timeout=patient(60)) == STOPPED
    assert until(shop) == end


def test_run_goes_on_with_it_over_its_restarts(watched):
    shop = watched
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as loop:
        loop.wait("begun", "waiting", "step-waiting")
        began = begun(shop, "b")
        fill_log(shop, "b")
        loop.kill()
    for ends in (Loop.stop, Loop.kill):
        last = seen(shop, "b")[1]
        with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as loop:
            wait_for(lambda seen_last=last: seen(shop, "b")[1] > seen_last, "it watches")
            assert seen(shop, "b")[0] == began
            ends(loop)
    assert set(shop.fleet.running_modes().values()) == {"preferTLS"}


def test_a_visitor_begins_it_anew_whoever_watches(watched):
    shop = watched
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY):
        began = begun(shop, "b")
        visit(shop, "b")
        wait_for(lambda: seen(shop, "b")[0] > began, "anew")


def test_it_ends(watched):
    """By itself, in the loop."""
    shop = watched
    want(shop, "requireSSL", "5s")
    with Loop(shop.tool, shop.directory, *shop.git, *EVERY) as loop:
        loop.wait("synced", seconds=120)
    assert set(shop.fleet.running_modes().values()) == {"requireTLS"}
