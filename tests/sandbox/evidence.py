"""Logs and configurations are kept when something failed; the sandbox itself goes away."""

import shutil
from pathlib import Path

KEPT = ("*.log", "mongod.conf", "*.plan")


def keep(directory, to):
    """Copy what explains a failure from the sandbox's directory to `to` (emptied first)."""
    directory, to = Path(directory), Path(to)
    shutil.rmtree(to, ignore_errors=True)
    for pattern in KEPT:
        for path in directory.rglob(pattern):
            if path.is_file() and "db" not in path.relative_to(directory).parts:
                target = to / path.relative_to(directory)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
    return to
