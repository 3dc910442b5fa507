"""Writing while the primary steps down, and while it is killed: each driver follows, tries its write
again, and everything it was told is done was done exactly once."""

import re

import pytest

from lab import wait_for
from patience import patient

TLS = ("pymongo",)
# Its driver (6.22) now and then doesn't notice that the server it waits for was killed: it asks nobody
# any more, its monitors stay quiet as well, and no timeout of its own ends that. It has the stepdown.
NOT_KILLED = ("mongosh",)
MORE = 5  # acknowledged writes that show that a client goes on


@pytest.fixture(scope="module")
def written(lab, programs, tmp_path_factory):
    """{client: (what it says of its writes, rows, sum)} after a stepdown and a kill; all write at once."""
    directory = tmp_path_factory.mktemp(f"election-{lab.version}")
    stops = {name: directory / ("stop-before-kill" if name in NOT_KILLED else "stop") for name in programs}
    # Otherwise the Node driver waits for ever for a connection of a pool that is cleared meanwhile.
    longer = {"node": {"waitQueueTimeoutMS": round(patient(10000))}}
    uri = {name: lab.uri(lab.set.members[0].host, replicaSet="rs0", retryWrites=True, **longer.get(name, {}),
                         **(lab.with_tls() if name in TLS else {})) for name in programs}
    running = [c.start(directory, [{"name": "writes", "uri": uri[name], "steps": [
        {"do": "write", "into": f"written_{name}", "stop": str(stops[name])}]}]) for name, c in programs.items()]
    try:
        out = write_through_elections(lab, running, stops)
    finally:
        for one in running:
            one.end()
    return out


def write_through_elections(lab, running, stops):
    with lab.set.uri_client(socketTimeoutMS=patient(30000)) as admin:
        def counts():
            return {r.client.name: admin.shop[f"written_{r.client.name}"].count_documents({}) for r in running}

        def all_go_on(after, but=()):
            """Each client has been told of more writes."""
            before = counts()
            try:
                wait_for(lambda: all(r.client.name in but or r.writing() and n >= before[r.client.name] + MORE
                                     for r, n in zip(running, counts().values())), 60, 0.1)
            except AssertionError as error:
                raise AssertionError(f"{after}: {before} {counts()} {error}\n{lab.last_words()}") from None

        all_go_on("at first")
        first = lab.set.primary()
        with first.client() as c:
            c.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
        wait_for(lambda: lab.set.primary() is not first, 30)
        all_go_on("stepped down")
        for name in NOT_KILLED:
            stops[name].touch()
        said = {r.client.name: r.results(60)["writes"][0] for r in running if r.client.name in NOT_KILLED}
        second = lab.set.primary()
        second.kill()
        wait_for(lambda: lab.set.primary() is not second, 60)
        all_go_on("killed", but=NOT_KILLED)
        for stop in stops.values():
            stop.touch()
        said |= {r.client.name: r.results(60)["writes"][0] for r in running if r.client.name not in NOT_KILLED}
        rows = counts()
        out = {name: (said[name], rows[name], admin.shop[f"written_{name}.sum"].find_one()["n"]) for name in said}
    lab.restart(second)
    return out


def may_lose_one(lab, client):
    """The Node driver doesn't try again what failed on a connection that its monitor gave up a moment before
    (decorateCommandError: connectionIsStale); with 4.4 and later, the monitor hears at once of a kill."""
    return client.name in ("node", "mongosh") and lab.version != "4.2"


def test_no_write_fails(lab, written, client):
    said, _, _ = written[client.name]
    errors = said["errors"]
    if may_lose_one(lab, client) and errors:
        assert len(errors) == 1 and re.match(r"Mongo(Network|PoolCleared|WaitQueueTimeout)Error((?!moreToCome).)*$", errors[0]["text"]), errors
    else:
        assert errors == []
    elections = 1 if client.name in NOT_KILLED else 2
    assert said["acknowledged"] == said["tried"] - len(errors) >= (1 + elections) * MORE


def test_each_write_is_done_once(written, client):
    said, rows, total = written[client.name]
    # Of a write whose answer was lost nobody knows; it may be there, but not twice.
    assert said["acknowledged"] <= total <= rows <= said["tried"]
