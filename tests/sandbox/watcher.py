"""What really happened to a fleet during a change: never by Evenkeel's own words.

Restarts are counted from /proc (a new pid or start time), elections from the term."""

import threading
import time


class Watcher:
    """with Watcher(fleet) as seen: …; afterwards seen.restarts, seen.elections, seen.seconds."""

    PAUSE_S = 0.02

    def __init__(self, fleet, on_all_accept_plaintext=None, first_term=None):
        self.fleet = fleet
        self.identities = {m.name: [] for m in fleet.members}
        self.down_together = 0
        self._first_term = first_term
        self._on_plaintext = on_all_accept_plaintext
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch_processes, daemon=True)]
        if on_all_accept_plaintext:
            self._threads.append(threading.Thread(target=self._watch_plaintext, daemon=True))

    def __enter__(self):
        self._note(self.fleet.processes())
        self._term = self.fleet.term() if self._first_term is None else self._first_term
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.ended = time.monotonic()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._note(self.fleet.processes())
        if kind is None:
            self.elections = self.fleet.term() - self._term
        return False

    @property
    def seconds(self):
        return self.ended - self.began

    @property
    def restarts(self):
        return {name: len(processes) - 1 for name, processes in self.identities.items()}

    def _note(self, processes):
        for name, process in processes.items():
            if process and process not in self.identities[name]:
                self.identities[name].append(process)
        self.down_together = max(self.down_together, list(processes.values()).count(None))

    def _watch_processes(self):
        while not self._stop.wait(self.PAUSE_S):
            self._note(self.fleet.processes())

    def _watch_plaintext(self):
        """Say so once when every member takes plaintext clients."""
        while not self._stop.wait(0.2):
            if all(self.fleet.accepts(m.name, tls=False) for m in self.fleet.members):
                self._on_plaintext()
                return
