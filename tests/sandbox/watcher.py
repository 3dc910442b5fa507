"""What really happened to a fleet during a change: never by Evenkeel's own words.

Restarts are counted from /proc (a new pid or start time), elections from the term. When a process
ends is heard from the kernel (pidfd_open(2)), so no restart is too short to be seen."""

import itertools
import math
import os
import select
import threading
import time

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Life:
    """From when to when (seconds since boot) one server process ran."""

    def __init__(self, process):
        self.process = process
        self.born, self.died = process.started / TICKS_A_SECOND, None
        try:
            self.descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            self.descriptor = None
            self.end()

    def end(self):
        if self.died is None:
            self.died = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None


class Watcher:
    """with Watcher(fleet) as seen: …; afterwards seen.restarts, seen.elections, seen.seconds."""

    PAUSE_MS = 20
    INSTANT_S = 1e-6

    def __init__(self, fleet, on_all_accept_plaintext=None, first_term=None):
        self.fleet = fleet
        self.lives = {m.name: [] for m in fleet.members}
        self._first_term = first_term
        self._on_plaintext = on_all_accept_plaintext
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch_processes, daemon=True)]
        if on_all_accept_plaintext:
            self._threads.append(threading.Thread(target=self._watch_plaintext, daemon=True))

    def __enter__(self):
        self._note(self.fleet.processes())
        self._term = self.fleet.term() if self._first_term is None else self._first_term
        self.began, self._since_boot = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.ended = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._note(self.fleet.processes())
        self._hear_of_ends(0)
        for life in self._living():
            os.close(life.descriptor)
            life.descriptor = None
        if kind is None:
            self.elections = self.fleet.term() - self._term
        return False

    @property
    def seconds(self):
        return self.ended - self.began

    @property
    def restarts(self):
        return {name: len(lives) - 1 for name, lives in self.lives.items()}

    @property
    def down_together(self):
        """The most members that were without a process at one moment."""
        gaps = {name: self._gaps(lives) for name, lives in self.lives.items()}
        moments = [died for between in gaps.values() for died, _ in between]
        return max((sum(any(died <= moment < max(born, died + self.INSTANT_S) for died, born in between)
                        for between in gaps.values()) for moment in moments), default=0)

    def _gaps(self, lives):
        """[(from, to)] without a process, in seconds since boot."""
        ends = [life.died for life in lives if life.died is not None]
        births = [life.born for life in lives]
        if not births or births[0] > self._since_boot:
            ends.insert(0, self._since_boot)
        else:
            births.pop(0)
        return list(itertools.zip_longest(ends, births, fillvalue=math.inf))

    def _living(self):
        return [life for lives in self.lives.values() for life in lives if life.descriptor is not None]

    def _note(self, processes):
        for name, process in processes.items():
            if process and process not in [life.process for life in self.lives[name]]:
                self.lives[name].append(Life(process))

    def _hear_of_ends(self, within_ms):
        living = {life.descriptor: life for life in self._living()}
        ends = select.poll()
        for descriptor in living:
            ends.register(descriptor, select.POLLIN)
        for descriptor, _ in ends.poll(within_ms):
            living[descriptor].end()

    def _watch_processes(self):
        while not self._stop.is_set():
            self._hear_of_ends(self.PAUSE_MS)
            self._note(self.fleet.processes())

    def _watch_plaintext(self):
        """Say so once when every member takes plaintext clients."""
        while not self._stop.wait(0.2):
            if all(self.fleet.accepts(m.name, tls=False) for m in self.fleet.members):
                self._on_plaintext()
                return
