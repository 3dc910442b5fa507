"""The file through which tests/torture/fail_call.c tells which calls there are."""

import mmap
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENTRY = struct.Struct("=QIHH40s24s8Q")
HASH, RUN = struct.Struct("=Q"), struct.Struct("=IHH")
SITES_MAX = 16384


@dataclass(frozen=True)
class Site:
    hash: int
    calls: int
    failed: int  # it was the first to fail, the second…; 0: it did not
    function: str
    by: str
    callers: tuple

    def __str__(self):
        return f"{self.function} by {self.by} ({self.hash:x})"


class Table:
    def __init__(self, path):
        self.path = Path(path)
        self.path.write_bytes(bytes(ENTRY.size * SITES_MAX))

    def begin(self, done):
        """Before a run: nothing was called yet; the sites of these hashes are not to fail."""
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
            for at in range(0, len(data), ENTRY.size):
                code, = HASH.unpack_from(data, at)
                if code:
                    RUN.pack_into(data, at + HASH.size, 0, 0, code in done)

    def sites(self):
        """What was called since begin()."""
        found = []
        with open(self.path, "rb") as file, mmap.mmap(file.fileno(), 0,
                                                      access=mmap.ACCESS_READ) as data:
            for at in range(0, len(data), ENTRY.size):
                code, calls, failed, _, function, by, *callers = ENTRY.unpack_from(data, at)
                if code and calls:
                    found.append(Site(code, calls, failed, text(function), text(by),
                                      tuple(c for c in callers if c)))
        return found


def text(field):
    return field.split(b"\0")[0].decode("ascii", "replace")


def where(program, site):
    """The calls in the program that lead there, innermost first."""
    words = [f"{c - 1:#x}" for c in site.callers]  # into the call, not behind it
    done = subprocess.run(["addr2line", "-s", "-f", "-e", str(program), *words],
                          capture_output=True, text=True, check=False)
    names = done.stdout.splitlines()
    return " < ".join(f"{name} {place}" for name, place in zip(names[::2], names[1::2]))
