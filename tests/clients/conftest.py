"""Real clients against the stand-in, or a real server (MONGOD=). Runs inside tests/sandbox/enter only."""

import os

import pytest

from lab import KINDS, Lab, clients, versions


def pytest_configure(config):
    if "EVENKEEL_SANDBOX_DIR" not in os.environ:
        raise pytest.UsageError("run this as: make clients")
    config.option.tbstyle = "short"


@pytest.fixture(scope="session", params=versions())
def version(request):
    return request.param


@pytest.fixture(scope="session")
def lab(version, tmp_path_factory):
    """Servers of one version; they live until the tests of the next version begin."""
    with Lab(tmp_path_factory.mktemp(f"lab-{version}"), version, net=20 + versions().index(version)) as made:
        yield made


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def programs(version):
    """{kind: Client} of those that could be installed."""
    return {c.name: c for c in clients(version) if c.installed()}


@pytest.fixture
def client(programs, kind):
    if kind not in programs:
        pytest.skip(f"{kind} could not be installed")
    return programs[kind]
