"""How fast this machine is now, and how much of its time `make check` may take.

What must be tried takes as long as it takes; what only samples gets a share of the time: less of it
where the rest took long. Whatever waits, waits as much longer as the machine is slower."""

import os
import subprocess
import sys
import time

# What WORK takes on the machine on which the limits and shares were chosen: two cores, nothing else to do.
REFERENCE_S = 0.5
WORK = ("import hashlib\ntext = b''\nfor i in range(360000):\n    text = hashlib.sha256(text + b'%d' % i).digest()\n"
        "table = {}\nfor i in range(1800000):\n    table[i % 5000] = table.get(i % 5000, 0) + i\n")
SLOWNESS_MOST = 20.0
QUICK_MINUTES, MOST_MINUTES = 20.0, 72.0
LEAST_SHARE_S = 3.0


class Pace:
    def __init__(self, quick_minutes=QUICK_MINUTES, most_minutes=MOST_MINUTES, clock=time.monotonic):
        self.clock, self.began = clock, clock()
        self.quick_s, self.most_s = 60 * quick_minutes, 60 * most_minutes
        self.slowness = 1.0

    def measure(self):
        """How slow the machine is now; never less than it was: it may be as slow again."""
        took = self.work()
        if took > self.slowness * REFERENCE_S:  # it may have been a moment's
            took = min(took, self.work())
        self.slowness = min(SLOWNESS_MOST, max(self.slowness, took / REFERENCE_S))
        return self.slowness

    def work(self):
        """The same on every core, side by side."""
        began = self.clock()
        running = [subprocess.Popen([sys.executable, "-S", "-c", WORK]) for _ in range(os.cpu_count() or 1)]
        for process in running:
            process.wait()
        return self.clock() - began

    def passed(self):
        return self.clock() - self.began

    def left(self):
        """Seconds until the hard end."""
        return max(0.0, self.most_s - self.passed())

    def patient(self, seconds):
        """What `seconds` are on this machine, but not beyond the hard end."""
        return max(1.0, min(seconds * self.slowness, self.left()))

    def aim_s(self):
        """When all should be over, seconds from the start: the quick machine's aim, stretched as far as there is room."""
        return min(self.quick_s * self.slowness, self.most_s)

    def share(self, seconds, still_to_come_s=0.0):
        """How long a sample may take: its usual seconds as this machine counts them, or what is left of the
        time once what is still to come (in the quick machine's seconds) has had its own; 0: leave it out."""
        left = self.aim_s() - self.passed() - still_to_come_s * self.slowness
        share = min(seconds * self.slowness, left)
        return share if share >= LEAST_SHARE_S else 0.0

    def environment(self, sample_s=None):
        """What tells the tests about it: see tests/sandbox/patience.py."""
        more = {"EVENKEEL_SLOWNESS": f"{self.slowness:.2f}"}
        if sample_s is not None:
            more["EVENKEEL_SAMPLE_S"] = f"{sample_s:.0f}"
        return more
