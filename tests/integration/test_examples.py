"""What we show to people must work."""

import json
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
EXAMPLES = sorted(p for p in (TOP / "examples").iterdir() if p.is_dir() or p.suffix == ".yaml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_example_is_valid(shop, path):
    shop.succeed("validate", str(path))


def test_there_are_examples():
    assert EXAMPLES


def test_schema_is_json(shop):
    text = shop.succeed("schema").stdout
    assert "$schema" in json.loads(text) and "sslMode" in text


def test_version(shop):
    assert shop.succeed("version").stdout.startswith("evenkeel ")
