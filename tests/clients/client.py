"""A client of one driver: does the jobs of a file and prints what came of them, as JSON lines.

Its siblings client.js (Node driver), client.mongosh.js and client.c (libmongoc) do the same with theirs.
"""

import json
import os
import sys

import pymongo
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.write_concern import WriteConcern


def describe(error):
    details = getattr(error, "details", None) or {}
    if isinstance(error, BulkWriteError):
        details = (details.get("writeErrors") or [{}])[0]
    return {"code": details.get("code", getattr(error, "code", None)), "name": details.get("codeName"),
            "text": f"{type(error).__name__}: {error}"[:600]}


def majority(client, database, collection):
    return client[database].get_collection(collection, write_concern=WriteConcern("majority"))


def status(client, _):
    info = client.admin.command("connectionStatus")["authInfo"]
    return {"users": [f"{u['user']}@{u['db']}" for u in info["authenticatedUsers"]]}


def role(client, _):
    reply = client.admin.command("isMaster")
    return {"primary": reply["ismaster"], "hosts": sorted(reply.get("hosts", [])), "set": reply.get("setName"),
            "wire": reply["maxWireVersion"]}


def insert(client, step):
    majority(client, "shop", step["into"]).insert_one({"_id": step["id"]})
    return {}


def forbidden(client, _):
    client["elsewhere"]["things"].insert_one({"_id": 1})
    return {}


def documents(client, step):
    """Everyday work in one collection; the numbers that came out."""
    things = majority(client, "shop", step["into"])
    things.drop()
    many = [{"_id": n, "group": n % 3, "text": "x" * 50} for n in range(500)]
    out = {"inserted": len(things.insert_many(many).inserted_ids)}
    out["read"] = sum(1 for _ in things.find({"group": {"$in": [0, 1]}}, batch_size=100).sort("_id", -1))
    out["first"] = next(things.find().sort("_id", -1).limit(1))["_id"]
    changed = things.update_many({"group": 2}, {"$set": {"seen": True}})
    out["changed"] = [changed.matched_count, changed.modified_count]
    out["upserted"] = things.update_one({"_id": "new"}, {"$inc": {"n": 5}}, upsert=True).upserted_id
    out["found"] = things.find_one_and_update({"_id": "new"}, {"$inc": {"n": 1}}, return_document=True)["n"]
    out["deleted"] = things.delete_many({"_id": {"$lt": 100}}).deleted_count
    out["counted"] = [things.count_documents({}), things.estimated_document_count()]
    things.create_index([("group", 1), ("text", -1)], name="by_group")
    out["indexes"] = sorted(things.index_information())
    out["collections"] = step["into"] in client["shop"].list_collection_names()
    things.drop()
    out["dropped"] = step["into"] not in client["shop"].list_collection_names()
    return out


def write(client, step):
    """Writes until the stop file is there; nothing here tries again, only the driver may."""
    rows, sums = majority(client, "shop", step["into"]), majority(client, "shop", step["into"] + ".sum")
    out = {"acknowledged": 0, "errors": []}
    n = 0
    while not os.path.exists(step["stop"]):
        n += 1
        try:
            rows.insert_one({"_id": n})
            sums.update_one({"_id": "sum"}, {"$inc": {"n": 1}}, upsert=True)
            out["acknowledged"] += 1
            if n == 1:
                print(json.dumps({"step": "writing"}), flush=True)
        except PyMongoError as error:
            out["errors"].append(describe(error))
    out["tried"] = n
    return out


STEPS = {f.__name__: f for f in (status, role, insert, forbidden, documents, write)}


def do(job):
    try:
        client = pymongo.MongoClient(job["uri"])
    except PyMongoError as error:
        yield {"error": describe(error)}
        return
    with client:
        for step in job["steps"]:
            try:
                yield STEPS[step["do"]](client, step)
            except PyMongoError as error:
                yield {"error": describe(error)}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = [json.loads(line) for line in file]
    for job in jobs:
        for number, result in enumerate(do(job)):
            print(json.dumps({"job": job["name"], "step": job["steps"][number]["do"], **result}), flush=True)


main()
