"""Two clients that write all the time and remember everything that was acknowledged.

Each client is a process of its own with one writer: it inserts a numbered document with majority
concern, waits for the answer, and starts the next write 5 ms later at most. Retryable writes are
on, as drivers have them by default; a write that fails all the same is an error, counts as not
acknowledged, and its number is never used again. A pause is the time between two acknowledged
writes of one client; what is reported is the client that fared worst.

A client is moved between plaintext and TLS as an application is when it is deployed anew with
another connection string: the new connections are made first, then the old ones are closed.
`either` is the exception, for a change that ends with `disabled`: a client that can't write one
way tries the other way at once, with a server selection of one second instead of thirty.
"""

import json
import math
import os
import secrets
import signal
import subprocess
import sys
import threading
import time

import pymongo
import pymongo.errors

from patience import patient

CLIENTS = 2
BETWEEN_WRITES_S = 0.005
DATABASE, COLLECTION = "orders", "probe"
SELECTION_MS = 30000
SELECTION_EITHER_MS = 1000


# ---- one client (a process; commands come on standard input, one JSON object per line) ----


class Writer:
    def __init__(self, number, run, record):
        self.number, self.run_name, self.record = number, run, record
        self.counter = 0
        self.ways = []  # connection strings, the current one first
        self.clients = {}
        self.lock = threading.Lock()
        self.retired = []  # clients to close, and who waits for that
        self.stopping = threading.Event()

    def open(self, uri, selection_ms):
        return pymongo.MongoClient(
            uri, w="majority", retryWrites=True, appname=f"probe-{self.number}",
            serverSelectionTimeoutMS=selection_ms, connectTimeoutMS=patient(2000), socketTimeoutMS=patient(30000))

    def move(self, uris):
        """New connections first, then the old ones are closed: by the writer, between two writes,
        since this driver opens a closed client again when it is used."""
        selection = SELECTION_EITHER_MS if len(uris) > 1 else SELECTION_MS
        fresh = {uri: self.open(uri, selection) for uri in uris}
        try:
            fresh[uris[0]].admin.command("ping")
        except pymongo.errors.PyMongoError as error:
            self.note_error(error)
        closed = threading.Event()
        with self.lock:
            if self.clients:
                self.retired.append((list(self.clients.values()), closed))
            else:
                closed.set()
            self.clients, self.ways = fresh, list(uris)
        return closed

    def close_retired(self):
        with self.lock:
            retired, self.retired = self.retired, []
        for clients, closed in retired:
            for client in clients:
                client.close()
            closed.set()

    def write(self):
        with self.lock:
            client = self.clients[self.ways[0]]
        self.counter += 1
        name = f"{self.run_name}-{self.number}-{self.counter}"
        try:
            client[DATABASE][COLLECTION].insert_one({"_id": name})
        except pymongo.errors.PyMongoError as error:
            self.note_error(error)
            with self.lock:
                if self.clients.get(self.ways[0]) is client:
                    self.ways.append(self.ways.pop(0))
            return
        self.record.write(f"{time.monotonic():.6f} {name}\n")

    def note_error(self, error):
        kind = type(error).__name__
        text = " ".join(str(error).split())[:200]
        self.record.write(f"{time.monotonic():.6f} ! {kind}: {text}\n")

    def run(self):
        while not self.stopping.is_set():
            self.write()
            self.close_retired()
            time.sleep(BETWEEN_WRITES_S)
        self.close_retired()
        with self.lock:
            for client in self.clients.values():
                client.close()


def client_process(number, run, path):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the probe stops its clients itself
    with open(path, "w", encoding="utf-8", buffering=1) as record:
        writer = Writer(number, run, record)
        thread = None
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "stop":
                break
            writer.move(command["uris"]).wait()
            print("moved", flush=True)
            if thread is None:
                thread = threading.Thread(target=writer.run)
                thread.start()
        writer.stopping.set()
        if thread:
            thread.join()


# ---- the probe -----------------------------------------------------------------------


class Probe:
    """with Probe(directory, plain_uri) as probe: …  Clients write from the first line on."""

    def __init__(self, directory, uri):
        self.paths = [os.path.join(directory, f"probe-{n}.log") for n in range(CLIENTS)]
        self.lock = threading.Lock()
        run = secrets.token_hex(4)  # of this probe: ids are never used again
        self.processes = [
            subprocess.Popen([sys.executable, os.path.abspath(__file__), str(n), run, path],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for n, path in enumerate(self.paths)]
        self.move([uri])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def move(self, uris):
        """Deploy the clients anew with this connection string (or, with two, either of them)."""
        with self.lock:
            for process in self.processes:
                process.stdin.write(json.dumps({"do": "move", "uris": uris}) + "\n")
                process.stdin.flush()
            for process in self.processes:
                if process.stdout.readline() != "moved\n":
                    raise AssertionError("a probe client has died")

    def stop(self):
        for process in self.processes:
            if process.poll() is None and not process.stdin.closed:
                process.stdin.write('{"do": "stop"}\n')
                process.stdin.close()
        for process in self.processes:
            if process.wait(timeout=patient(90)) != 0:
                raise AssertionError("a probe client has died")
            process.stdout.close()

    # -- what it saw --------------------------------------------------------------------

    def acknowledged(self):
        """[[(time, name)…] for each client]."""
        return [[(float(at), name) for at, name in
                 (line.split(" ", 1) for line in self._lines(path)) if not name.startswith("!")]
                for path in self.paths]

    def errors(self, since=0.0, until=float("inf")):
        found = []
        for path in self.paths:
            for line in self._lines(path):
                at, rest = line.split(" ", 1)
                if rest.startswith("! ") and since <= float(at) <= until:
                    found.append(rest[2:])
        return found

    @staticmethod
    def _lines(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return text[:text.rfind("\n") + 1].splitlines()  # a line still being written is left out

    def pauses(self, since, until):
        """(longest, 99th percentile) in seconds between two acknowledged writes of one client,
        the worse client of the two each; writes just before and after the interval belong to it."""
        longest = percentile = 0.0
        for writes in self.acknowledged():
            times = [at for at, _ in writes]
            gaps = sorted(b - a for a, b in zip(times, times[1:]) if b >= since and a <= until)
            if not times or times[-1] < until:
                gaps.append(until - (times[-1] if times else since))
                gaps.sort()
            if gaps:
                longest = max(longest, gaps[-1])
                percentile = max(percentile, gaps[math.ceil(len(gaps) * 0.99) - 1])
        return longest, percentile

    def writing(self, since, count=20):
        """Whether each client has had `count` writes acknowledged after `since`."""
        return all(sum(1 for at, _ in writes if at > since) >= count
                   for writes in self.acknowledged())

    def lost(self, client):
        """Names of acknowledged documents that are not there, by a majority read."""
        concern = pymongo.read_concern.ReadConcern("majority")
        collection = client[DATABASE].get_collection(COLLECTION, read_concern=concern)
        stored = {document["_id"] for document in collection.find({}, {"_id": 1})}
        return sorted(name for writes in self.acknowledged() for _, name in writes
                      if name not in stored)


if __name__ == "__main__":
    client_process(int(sys.argv[1]), sys.argv[2], sys.argv[3])
