"""Running a program that may hang: it is stopped when it makes no progress, however long it takes."""

import os
import signal
import subprocess

BEYOND_S = 30.0  # to clean up after SIGTERM
RUNNING = set()


def run(command, output, quiet_s, most_s=None, environment=None):
    """(exit status, or words when it was stopped; what it said). All that it says goes to the file `output`;
    it is stopped when that did not grow for `quiet_s` (twice that at most), or after `most_s`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "wb") as file:
        # A group of its own: whoever is stopped takes along what it started.
        process = subprocess.Popen(list(map(str, command)), env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        RUNNING.add(process)
        try:
            status = watch(process, output, quiet_s, most_s)
        finally:
            stop(process)
            RUNNING.discard(process)
    return status, output.read_text("utf-8", errors="replace")


def watch(process, output, quiet_s, most_s):
    said, waited = 0, 0.0
    while True:
        pause = quiet_s if most_s is None else max(0.1, min(quiet_s, most_s - waited))
        try:
            return process.wait(pause)
        except subprocess.TimeoutExpired:
            waited += pause
        size = output.stat().st_size
        if most_s is not None and waited >= most_s:
            return f"stopped: the time was up after {waited:.0f} s"
        if pause == quiet_s and size == said:
            return f"stopped: it said nothing for {quiet_s:.0f} s"
        said = size


def stop(process):
    """SIGTERM first, so that it can clean up; then its whole group."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(BEYOND_S)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left
    process.wait()


def stop_all():
    """Ctrl-C reaches nobody in a group of its own."""
    for process in list(RUNNING):
        stop(process)
