"""mongodump and mongorestore: a database, indexes, users and the log, there and back."""

import concurrent.futures
import datetime
import os
import subprocess
import threading

import bson
import pytest

from lab import INSTALLED, PASSWORD, wait_for
from patience import patient

TOOLS = INSTALLED / "tools"
pytestmark = pytest.mark.skipif(not (TOOLS / "installed").exists(), reason="the tools could not be built")

DOCUMENTS = [{"_id": n, "number": n, "half": n / 2, "long": bson.Int64(2 ** 40 + n), "text": f"number {n} \u00e4\u20ac",
              "at": datetime.datetime(2020, 1, 1) + datetime.timedelta(days=n), "key": bson.ObjectId(),
              "nested": {"list": [1, "two", {"three": n}], "nothing": None}, "yes": n % 2 == 0,
              "bytes": bytes(range(n % 256)), "money": bson.Decimal128("19.99"), "when": bson.Timestamp(n, 1)}
             for n in range(300)]


def tool(name, *argv):
    done = subprocess.run([TOOLS / name, *map(str, argv)], capture_output=True, text=True, errors="replace",
                          timeout=patient(60), check=False)
    return done.returncode, done.stdout + done.stderr


def good(name, *argv):
    status, words = tool(name, *argv)
    assert status == 0, words
    return words


def set_uri(lab, tls, user="saver", **options):
    more = lab.with_tls() if tls else {}
    return lab.uri(lab.set.members[1].host, user=user, replicaSet="rs0", **more, **options)


@pytest.fixture(params=[False, True], ids=["plaintext", "TLS"])
def tls(request):
    return request.param


@pytest.fixture
def admin(lab):
    with lab.set.uri_client(socketTimeoutMS=patient(30000)) as client:
        client.drop_database("store")
        yield client


def fill(admin):
    store = admin.store
    store.things.insert_many(DOCUMENTS)
    store.things.create_index([("number", 1), ("text", -1)], name="by_number")
    store.things.create_index("at", name="by_time", expireAfterSeconds=10 ** 9)
    store.create_collection("capped", capped=True, size=4096)
    store.capped.insert_one({"_id": "only"})


def content(admin):
    store = admin.store
    return {"things": list(store.things.find().sort("_id", 1)), "capped": list(store.capped.find()),
            "indexes": {k: dict(v, key=list(v["key"])) for k, v in store.things.index_information().items()},
            "options": store.capped.options()}


def test_a_database_comes_back(lab, admin, tls, tmp_path):
    fill(admin)
    before = content(admin)
    words = good("mongodump", "--uri", set_uri(lab, tls), "--db", "store", "--out", tmp_path)
    assert f"done dumping store.things ({len(DOCUMENTS)} documents)" in words
    admin.drop_database("store")
    assert content(admin)["things"] == []
    words = good("mongorestore", "--uri", set_uri(lab, tls), tmp_path)
    assert f"{len(DOCUMENTS) + 1} document(s) restored successfully. 0 document(s) failed to restore." in words
    assert content(admin) == before


def test_an_archive_goes_to_another_server(lab, admin, tls, tmp_path):
    fill(admin)
    archive = tmp_path / "archive.gz"
    good("mongodump", "--uri", set_uri(lab, tls), "--db", "store", "--gzip", f"--archive={archive}")
    member = lab.require if tls else lab.disabled
    uri = lab.uri(member.host, user="root", **(lab.with_tls() if tls else {}))
    good("mongorestore", "--uri", uri, "--gzip", f"--archive={archive}", "--drop")
    with member.client(tls=lab.open_tls(member)) as other:
        assert content(other) == content(admin)


def test_users_come_back(lab, admin, tmp_path):
    """And those that came later are gone."""
    fill(admin)
    admin.store.command("createUser", "keeper", pwd="kept", roles=["read"])
    good("mongodump", "--uri", set_uri(lab, False), "--out", tmp_path)
    before = list(admin.admin["system.users"].find().sort("_id", 1))
    admin.store.command("dropUser", "keeper")
    admin.store.command("createUser", "later", pwd="x", roles=["read"])
    good("mongorestore", "--uri", set_uri(lab, False), "--drop", tmp_path)
    assert list(admin.admin["system.users"].find().sort("_id", 1)) == before
    uri = lab.uri(lab.set.primary().host, user="keeper", password="kept").replace("authSource=admin", "authSource=store")
    good("mongodump", "--uri", uri, "--db", "store", "--out", tmp_path / "as-keeper")
    admin.store.command("dropUser", "keeper")


def test_the_log_makes_a_dump_of_one_moment(lab, admin, tls, tmp_path):
    """Two counters always move together; a dump taken meanwhile has them equal once its log is replayed."""
    names, stop = [f"part{n}" for n in range(8)], threading.Event()
    for name in names:
        admin.store[name].insert_many([{"_id": i, "text": "x" * 1000} for i in range(200)])
        admin.store[name].insert_one({"_id": "counter", "n": 0})

    def count_on():
        while not stop.is_set():
            for name in names:
                admin.store[name].update_one({"_id": "counter"}, {"$inc": {"n": 1}})

    writer = threading.Thread(target=count_on)
    writer.start()
    try:
        wait_for(lambda: admin.store[names[-1]].find_one({"_id": "counter"})["n"] > 3)
        words = good("mongodump", "--uri", set_uri(lab, tls), "--oplog", "--numParallelCollections=1", "--out", tmp_path)
    finally:
        stop.set()
        writer.join()
    assert "dumped" in words and os.path.getsize(tmp_path / "oplog.bson") > 1000
    last = admin.store[names[0]].find_one({"_id": "counter"})["n"]
    admin.drop_database("store")
    status, words = tool("mongorestore", "--uri", set_uri(lab, tls), "--drop", "--oplogReplay", tmp_path)
    assert status == 1 and "Unauthorized" in words  # the restore role isn't enough for the log
    words = good("mongorestore", "--uri", set_uri(lab, tls, "root"), "--drop", "--oplogReplay", tmp_path)
    assert "applied" in words
    counters = [admin.store[name].find_one({"_id": "counter"})["n"] for name in names]
    assert counters == sorted(counters, reverse=True) and counters[0] - counters[-1] <= 1
    assert 3 < counters[-1] <= last


KEPT_OUT = {"plaintext": "server selection error", "another CA": "certificate signed by unknown",
            "by address": "doesn't contain any IP SANs", "password": "Authentication failed"}


@pytest.fixture(scope="module")
def kept_out(lab, tmp_path_factory):
    """{how: (exit status, words)}, all at once: they wait."""
    def dump(how):
        host = f"{lab.require.ip}:{lab.require.port}" if how == "by address" else lab.require.host
        options = {"plaintext": {}, "another CA": lab.with_tls(lab.other_ca)}.get(how, lab.with_tls())
        uri = lab.uri(host, user="root", password="wrong" if how == "password" else PASSWORD,
                      directConnection=True, **options)
        # In the connection string, the tools take the driver's milliseconds for seconds.
        return tool("mongodump", "--uri", uri, "--db", "store", "--out", tmp_path_factory.mktemp("kept-out"),
                    "--serverSelectionTimeout", f"{patient(5):.0f}")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(KEPT_OUT, pool.map(dump, KEPT_OUT)))


@pytest.mark.parametrize("how", KEPT_OUT)
def test_who_is_kept_out_is_told_why(kept_out, how):
    status, said = kept_out[how]
    assert status == 1 and KEPT_OUT[how] in said, said


def test_who_may_not_read_gets_nothing(lab, admin, tmp_path):
    fill(admin)
    status, said = tool("mongodump", "--uri", lab.uri(lab.set.primary().host), "--db", "store", "--out", tmp_path)
    assert status == 1 and "not authorized on store" in said, said
