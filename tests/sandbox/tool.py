"""Running `evenkeel` as a person would, with a state directory of its own."""

import json
import os
import subprocess
import time
from pathlib import Path

from patience import patient


class Evenkeel:
    def __init__(self, directory, build="build"):
        self.directory = Path(directory)
        self.program = Path(build, "evenkeel").resolve()
        self.state = self.directory / "state"
        self.more_environment = {}
        self.master_key = self.directory / "config" / "master.key"
        self.authority_certificate = self.state / "authorities" / "acme" / "acme-ca.pem"
        for path in (self.state, self.master_key.parent):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o700)

    @property
    def environment(self):
        return dict(os.environ, EVENKEEL_STATE_DIR=str(self.state),
                    EVENKEEL_SECRET_KEY_FILE=str(self.master_key), NO_COLOR="1",
                    **self.more_environment)

    def run(self, *arguments, timeout=300):
        """The finished process, with stdout and stderr as text."""
        return subprocess.run([str(self.program), *map(str, arguments)], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=patient(timeout), check=False)

    def start(self, *arguments, output):
        """A process that runs on; what it says goes to the file `output`."""
        with open(output, "ab") as file:
            return subprocess.Popen([str(self.program), *map(str, arguments)],
                                    env=self.environment, stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=file)

    def json(self, *arguments):
        """(exit status, parsed standard output)."""
        done = self.run(*arguments, "--output", "json")
        return done.returncode, json.loads(done.stdout)

    def apply_until(self, moment, *arguments, output, timeout=120):
        """Start apply and `kill -9` it as soon as moment() is true. False if it ended before."""
        process = self.start("apply", *arguments, output=output)
        deadline = time.monotonic() + patient(timeout)
        while process.poll() is None:
            if moment():
                process.kill()
                process.wait()
                return True
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError(f"apply did not get there in {timeout} s; see {output}")
            time.sleep(0.002)
        return False
