"""Running a program that may hang: it is stopped when it makes no progress, however long it takes."""

import os
import signal
import subprocess
import threading
from typing import NamedTuple

STEP_S = 0.5
BEYOND_S = 30.0  # to clean up after SIGTERM
RUNNING, STOPPED = set(), threading.Event()


class Limits(NamedTuple):
    quiet_s: float  # stopped when it said nothing for so long
    most_s: float = float("inf")  # stopped then, whatever it says


def run(command, output, limits, environment=None, show=False):
    """(exit status, or words when it was stopped; what it said). All that it says goes to the file `output`, and
    with `show` to ours as well, as it comes."""
    if STOPPED.is_set():
        return "stopped: it was not begun", ""
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "wb") as file:
        # A group of its own: whoever is stopped takes along what it started.
        process = subprocess.Popen(list(map(str, command)), env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        RUNNING.add(process)
        try:
            status = watch(process, output, limits, show)
        finally:
            stop(process)
            RUNNING.discard(process)
    return status, output.read_text("utf-8", errors="replace")


def watch(process, output, limits, show):
    said, quiet_s, waited_s = 0, 0.0, 0.0
    while True:
        status = wait(process, STEP_S)
        with open(output, "rb") as file:
            file.seek(said)
            more = file.read()
        if show and more:
            print(more.decode("utf-8", errors="replace"), end="", flush=True)
        if status is not None:
            return status
        # Counted, not read from a clock: time in which we were frozen as well is not theirs.
        said, waited_s, quiet_s = said + len(more), waited_s + STEP_S, 0.0 if more else quiet_s + STEP_S
        if waited_s >= limits.most_s:
            return f"stopped: the time was up after {waited_s:.0f} s"
        if quiet_s >= limits.quiet_s:
            return f"stopped: it said nothing for {quiet_s:.0f} s"


def wait(process, seconds):
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def stop(process):
    """SIGTERM first, so that it can clean up; then its whole group."""
    if process.poll() is None:
        process.terminate()
        wait(process, BEYOND_S)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left
    process.wait()


def stop_all(*_):
    """Whoever runs is stopped, and nobody is begun any more: signals reach nobody in a group of its own."""
    STOPPED.set()
    for process in list(RUNNING):
        process.terminate()
    for process in list(RUNNING):
        stop(process)


def stop_at_signals():
    def stopped(number, _):
        stop_all()
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)
