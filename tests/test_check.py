"""What `make check` itself stands on: the pace, and programs that are watched."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pace
import watched
from check import COUNTS, KILLED, Seconds, Suite


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def at(slowness, minutes_passed, quick=20, most=72):
    clock = Clock()
    made = pace.Pace(quick, most, clock)
    made.slowness = slowness
    clock.now += 60 * minutes_passed
    return made


def test_a_quick_machine_samples_all():
    assert at(1, 4).share(60, 480) == 60
    assert at(1, 12).share(25) == 25


def test_late_samples_get_what_is_left_and_then_nothing():
    assert at(1, 19.5).share(60) == 30
    assert at(1, 19.99).share(60) == 0
    assert at(1, 13).share(60, 480) == 0, "what must be tried comes first"


def test_a_slow_machine_has_longer_but_not_beyond_the_end():
    assert at(3, 30).share(60) == 180
    assert at(3, 59).share(60) == 60
    assert at(8, 30).share(60, 480) == 0 and at(8, 60).share(25) == 200
    assert at(8, 30).aim_s() == 72 * 60


@pytest.mark.parametrize("slowness, passed, limit", [(1, 0, 100), (4, 0, 400), (8, 70, 120), (8, 80, 1)])
def test_limits_stretch_up_to_the_end(slowness, passed, limit):
    assert at(slowness, passed).patient(100) == limit


def test_slowness_only_grows(monkeypatch):
    made = at(1, 0)
    for took, slowness in ((0.1, 1), (3 * pace.REFERENCE_S, 3), (pace.REFERENCE_S, 3), (1e6, pace.SLOWNESS_MOST)):
        monkeypatch.setattr(made, "work", lambda took=took: took)
        assert made.measure() == pytest.approx(slowness)
    assert made.environment(7) == {"EVENKEEL_SLOWNESS": "20.00", "EVENKEEL_SAMPLE_S": "7"}


def test_the_work_is_done():
    assert 0 < pace.Pace().work() < 60 * pace.SLOWNESS_MOST


def python(text):
    return [sys.executable, "-c", text]


def test_what_a_program_says_and_how_it_ends(tmp_path):
    assert watched.run(python("print('said'); raise SystemExit(3)"), tmp_path / "out" / "a.txt", watched.Limits(600)) == (3, "said\n")


def test_who_makes_no_progress_is_stopped_with_all_that_it_started(tmp_path):
    text = ("import subprocess, sys, time\n"
            "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "print(other.pid, flush=True)\ntime.sleep(600)\n")
    status, output = watched.run(python(text), tmp_path / "a.txt", watched.Limits(3))
    assert status == "stopped: it said nothing for 3 s"
    until = time.monotonic() + 60
    while running(int(output)):
        assert time.monotonic() < until, "what it started goes on"


def test_a_signal_stops_whoever_runs_and_whoever_would_be_next(tmp_path):
    text = ("import sys, pathlib, watched\nfrom concurrent.futures import ThreadPoolExecutor\n"
            "watched.stop_at_signals()\n"
            "def run(n):\n"
            "    return watched.run([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'],\n"
            "                       pathlib.Path(sys.argv[1], str(n)), watched.Limits(600))\n"
            "with ThreadPoolExecutor(1) as pool:\n    list(pool.map(run, range(3)))\n")
    with subprocess.Popen([sys.executable, "-c", text, str(tmp_path)], cwd=Path(__file__).parent) as process:
        first, until = tmp_path / "0", time.monotonic() + 60
        while not (first.exists() and first.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not running(int(first.read_text())) and not (tmp_path / "1").exists()


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_who_makes_progress_is_left_until_the_time_is_up(tmp_path):
    text = "import time\nfor i in range(10**6):\n    print(i, flush=True)\n    time.sleep(0.05)\n"
    status, output = watched.run(python(text), tmp_path / "a.txt", watched.Limits(2.5, 4))
    assert status == "stopped: the time was up after 4 s" and output.startswith("0\n1\n")


def test_counts_that_programs_say():
    suite = Suite("it")
    assert suite.count_said("model: 3 passed, 1 failed\n", COUNTS)
    assert suite.count_said("mutation: 5 of 6 tried, 1 left out for want of time\n"
                            "mutation: 4 of 5 killed, 0 live for a listed reason, 1 without\n", KILLED)
    assert (suite.passed, suite.failed) == (7, 2)
    assert not suite.count_said("Segmentation fault\n", COUNTS)


def test_the_longest_begin(tmp_path):
    for name, size in (("short", 10), ("long", 10), ("known", 10)):
        (tmp_path / f"{name}.c").write_text("x" * size)
    seconds = Seconds(tmp_path / "seconds.json", {"known": 9})
    assert seconds.of(tmp_path / "known.c") == 9 > seconds.of(tmp_path / "short.c")
    seconds.keep(tmp_path / "long.c", 12.34)
    seconds.write()
    assert Seconds(tmp_path / "seconds.json", {}).of(tmp_path / "long.c") == 12.3
    (tmp_path / "seconds.json").write_text("[]")
    assert Seconds(tmp_path / "seconds.json", {"known": 9}).of(tmp_path / "known.c") == 9
