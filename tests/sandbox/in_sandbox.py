"""What the suites of whole programs have in common: they run in the sandbox, and keep what a failure needs."""

import os
from pathlib import Path

import pytest

import evidence


def demand(config, how):
    """Outside of the sandbox there is only the word how to get in."""
    if "EVENKEEL_SANDBOX_DIR" not in os.environ:
        raise pytest.UsageError(f"run this as: {how}")
    config.option.tbstyle = "short"


def keep_evidence(exitstatus, directory):
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        kept = evidence.keep(os.environ["EVENKEEL_SANDBOX_DIR"], Path(directory))
        print(f"\nLogs, configurations and plans are kept in {kept}")
