"""`evenkeel run` as a process, and what it says of itself."""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

from patience import patient


class Loop:
    """A running `evenkeel run`; its log, one JSON object per line, goes to `log`."""

    made = 0

    def __init__(self, tool, directory, *arguments, listen=True):
        Loop.made += 1
        self.log = Path(directory) / f"run-{Loop.made}.log"
        words = ["run", *arguments, "--output", "json", "--verbose"]
        if listen:
            words += ["--listen", "127.0.0.1:0"]
        self.process = tool.start(*words, output=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, timeout=120):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(patient(timeout))
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    # -- what it said -----------------------------------------------------------------------

    def events(self, *kinds, **fields):
        """Events of these kinds (all) whose fields have these values, in order."""
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the line that is being written
            if kinds and event.get("event") not in kinds:
                continue
            if all(event.get(name) == value for name, value in fields.items()):
                found.append(event)
        return found

    def wait(self, *kinds, seconds=60, count=1, after=0, **fields):
        """The count-th such event past the first `after` ones."""
        deadline = time.monotonic() + patient(seconds)
        while True:
            found = self.events(*kinds, **fields)[after:]
            if len(found) >= count:
                return found[count - 1]
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"no {kinds} {fields} in {seconds} s (exit {self.process.poll()}):\n"
                    + self.log.read_text(encoding="utf-8")[-4000:])
            time.sleep(0.05)

    # -- its HTTP server --------------------------------------------------------------------

    @property
    def address(self):
        return self.wait("listening")["message"].rsplit("/", 1)[0]

    def get(self, path):
        """(status, text)"""
        try:
            with urllib.request.urlopen(self.address + path, timeout=patient(10)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name, **labels):
        """The value of one series, or None."""
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if (series == name or series.startswith(name + "{")) and all(
                    f'{key}="{word}"' in series for key, word in labels.items()):
                return float(value)
        return None
