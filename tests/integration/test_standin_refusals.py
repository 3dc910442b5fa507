"""Commands whose arguments are missing, of another type, unknown, or contradict each other: what each version says.

The texts are those of the servers' own sources: each command's code where it reads its arguments itself, and the parser of grammars
(IDL) where it has one; 5.0 has grammars for nearly all. Which are known from a recording stands in recordings/03.
"""

import json
import os
import pathlib
import sys

import bson
import pytest
from bson import json_util

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402
from raw import ask_raw, connected  # noqa: E402
from versions import QUICK, number  # noqa: E402

if os.environ.get("MONGOD"):
    pytest.skip("the versions are the stand-in's", allow_module_level=True)

NAMES = {2: "BadValue", 4: "NoSuchKey", 9: "FailedToParse", 11: "UserNotFound", 12: "UnsupportedFormat", 14: "TypeMismatch",
         16: "InvalidLength", 17: "ProtocolError", 20: "IllegalOperation", 27: "IndexNotFound", 31: "RoleNotFound",
         72: "InvalidOptions", 73: "InvalidNamespace", 79: "UnknownReplWriteConcern"}
LONG = bson.Int64


def name_of(code, version):
    if number(version) >= (7, 0) and code in (40413, 40414, 40415):
        return {40413: "IDLDuplicateField", 40414: "IDLFailedToParse", 40415: "IDLUnknownField"}[code]
    return NAMES.get(code, f"Location{code}")


def idl(text):
    return {"unknown": 40415, "missing": 40414, "wrong": 14}[
        "unknown" if "unknown field" in text else "missing" if "missing but" in text else "wrong"], text


def missing(path):
    return idl(f"BSON field '{path}' is missing but a required field")


def wrong(path, found, expected):
    several = "," in expected
    kinds = f"types '[{expected}']" if several else f"type '{expected}'"  # so the server puts it
    return idl(f"BSON field '{path}' is the wrong type '{found}', expected {kinds}")


def unknown(path):
    return idl(f"BSON field '{path}' is an unknown field.")


BOOL, NUMBER = "bool, long, int, decimal, double", "long, int, decimal, double"
USER = {"pwd": "x", "roles": []}
# What is asked, and what is said before and from 5.0 on (the same where there is one answer).
ROWS = [
    # users
    ({"createUser": "u"}, (2, "Must provide a 'pwd' field for all user documents, except those with '$external' as the user's "
                              "source db"), missing("createUser.roles")),
    ({"createUser": "u", "pwd": "x"}, (2, '"createUser" command requires a "roles" array'), missing("createUser.roles")),
    ({"createUser": "u", "roles": []}, (2, "Must provide a 'pwd' field for all user documents, except those with '$external' as "
                                           "the user's source db")),
    ({"createUser": "u", **USER, "$db": "$external"},
     (2, "Cannot set the password for users defined on the '$external' database")),
    ({"createUser": "u", **USER, "$db": "local"}, (2, "Cannot create users in the local database")),
    ({"createUser": 1, **USER}, (14, '"createUser" had the wrong type. Expected string, found int'),
     wrong("createUser.createUser", "int", "string")),
    ({"createUser": "u", "pwd": 1, "roles": []}, (14, '"pwd" had the wrong type. Expected string, found int'),
     wrong("createUser.pwd", "int", "string")),
    ({"createUser": "u", "pwd": "x", "roles": "root"}, (14, '"roles" had the wrong type. Expected array, found string'),
     wrong("createUser.roles", "string", "array")),
    ({"createUser": "u", "pwd": "x", "roles": [1]}, (2, "User and role names must be either strings or objects"),
     (2, "Role name must be either a document or string")),
    ({"createUser": "u", "pwd": "x", "roles": [{"role": "read"}]}, (4, 'Missing expected field "db"')),
    ({"createUser": "u", "pwd": "x", "roles": ["no", "none"]}, (31, "No role named no@admin"),
     (31, "Could not find roles: no@admin, none@admin")),
    ({"createUser": "u", "pwd": "", "roles": []}, (2, "User passwords must not be empty")),
    ({"createUser": "u", **USER, "customData": 1}, (14, '"customData" had the wrong type. Expected object, found int'),
     wrong("createUser.customData", "int", "object")),
    ({"createUser": "u", **USER, "colour": 1}, (2, '"colour" is not a valid argument to createUser'),
     unknown("createUser.colour")),
    ({"createUser": "u", **USER, "mechanisms": []}, (12, "mechanisms field must not be empty"),
     (2, "mechanisms field must not be empty")),
    ({"createUser": "u", **USER, "mechanisms": ["PLAIN"]}, (2, "Unknown auth mechanism 'PLAIN'")),
    ({"createUser": "u", **USER, "digestPassword": False}, (2, "Use of SCRAM-SHA-256 requires undigested passwords")),
    ({"updateUser": "u"}, (2, "Must specify at least one field to update in updateUser")),
    ({"updateUser": "u", "pwd": "x", "$db": "$external"},
     (2, "Cannot set the password for users defined on the '$external' database")),
    ({"dropUser": 1}, (14, '"dropUser" had the wrong type. Expected string, found int'),
     wrong("dropUser.dropUser", "int", "string")),
    ({"grantRolesToUser": "u"}, (4, 'Missing expected field "roles"'), missing("grantRolesToUser.roles")),
    ({"grantRolesToUser": "u", "roles": []}, (2, 'grantRolesToUser command requires a non-empty "roles" array')),
    ({"revokeRolesFromUser": "u", "roles": ["nosuch"]}, (11, 'Could not find user "u" for db "admin"')),
    ({"usersInfo": 1, "showPrivileges": True},
     (20, "Privilege or restriction details require exact-match usersInfo queries.")),
    ({"usersInfo": {"user": "u"}}, (4, 'Missing expected field "db"')),
    ({"usersInfo": "u", "showCredentials": "yes"},
     (14, 'Expected boolean or number type for field "showCredentials", found string'),
     wrong("usersInfo.showCredentials", "string", BOOL)),
    # writes
    ({"insert": "t"}, missing("insert.documents")),
    ({"insert": "t", "documents": 1}, wrong("insert.documents", "int", "array")),
    ({"insert": "t", "documents": [1]}, wrong("insert.documents.0", "int", "object")),
    ({"insert": "t", "documents": []}, (16, "Write batch sizes must be between 1 and 100000. Got 0 operations.")),
    ({"insert": 1, "documents": [{}]}, (2, "collection name has invalid type int")),
    ({"insert": "", "documents": [{}]}, (73, "Invalid namespace specified 'admin.'")),
    ({"insert": "t", "documents": [{}], "colour": 1}, unknown("insert.colour")),
    ({"insert": "t", "documents": [{}], "ordered": 1}, wrong("insert.ordered", "int", "bool")),
    ({"insert": "t", "documents": None}, missing("insert.documents")),
    ({"update": "t"}, missing("update.updates")),
    ({"update": "t", "updates": [{"q": {}}]}, missing("update.updates.u")),
    ({"update": "t", "updates": [{"u": {}}]}, missing("update.updates.q")),
    ({"update": "t", "updates": [{"q": {}, "u": 1}]}, (9, "Update argument must be either an object or an array")),
    ({"update": "t", "updates": [{"q": {}, "u": {}, "multi": 1}]}, wrong("update.updates.multi", "int", "bool")),
    ({"update": "t", "updates": [{"q": {}, "u": {}, "colour": 1}]}, unknown("update.updates.colour")),
    ({"delete": "t", "deletes": [{"q": {}}]}, missing("delete.deletes.limit")),
    ({"delete": "t", "deletes": [{"q": {}, "limit": 2}]}, (9, "The limit field in delete objects must be 0 or 1. Got 2")),
    ({"findAndModify": "t"}, (9, "Either an update or remove=true must be specified")),
    ({"findAndModify": "t", "remove": True, "update": {}}, (9, "Cannot specify both an update and remove=true")),
    ({"findAndModify": "t", "remove": True, "upsert": True}, (9, "Cannot specify both upsert=true and remove=true")),
    ({"findAndModify": "t", "remove": True, "new": True},
     (9, "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document")),
    ({"findAndModify": "t", "remove": True, "colour": 1}, (51177, "BSON field 'colour' is an unknown field."),
     unknown("findAndModify.colour")),
    ({"findAndModify": 1, "remove": True}, (73, "collection name has invalid type int"),
     (2, "collection name has invalid type int")),
    # reads
    ({"find": "t", "filter": 1}, (9, "Failed to parse: filter: 1. 'filter' field must be of BSON type object."),
     wrong("find.filter", "int", "object")),
    ({"find": "t", "limit": "x"},
     (9, 'Failed to parse: { find: "t", limit: "x", $db: "admin" }. \'limit\' field must be numeric.'),
     wrong("find.limit", "string", NUMBER)),
    ({"find": "t", "singleBatch": 1}, (9, "Failed to parse: singleBatch: 1. 'singleBatch' field must be of BSON type bool."),
     (14, "Field 'singleBatch' should be a boolean value, but found: int")),
    ({"find": "t", "skip": -1}, (2, "Skip value must be non-negative, but received: -1"),
     (51024, "BSON field 'skip' value must be >= 0, actual value '-1'")),
    ({"find": "t", "colour": 1}, (9, 'Failed to parse: { find: "t", colour: 1, $db: "admin" }. Unrecognized field \'colour\'.'),
     unknown("find.colour")),
    ({"find": 1}, (9, "Failed to parse: find: 1. 'find' field must be of BSON type string."),
     (2, "collection name has invalid type int")),
    ({"count": "t", "query": 1}, wrong("count.query", "int", "object")),
    ({"count": "t", "colour": 1}, unknown("count.colour")),
    ({"aggregate": "t", "cursor": {}}, (14, "'pipeline' option must be specified as an array"), missing("aggregate.pipeline")),
    ({"aggregate": "t", "pipeline": []},
     (9, "The 'cursor' option is required, except for aggregate with the explain argument")),
    ({"aggregate": "t", "pipeline": [1], "cursor": {}}, (14, "Each element of the 'pipeline' array must be an object")),
    ({"aggregate": "t", "pipeline": [], "cursor": 1}, (14, "cursor field must be missing or an object")),
    ({"aggregate": 2, "pipeline": [], "cursor": {}},
     (9, "Invalid command format: the 'aggregate' field must specify a collection name or 1"),
     (2, "Invalid command format: the 'aggregate' field must specify a collection name or 1")),
    ({"aggregate": "t", "pipeline": [], "cursor": {}, "collation": 1}, (14, "collation must be an object, not a int"),
     wrong("aggregate.collation", "int", "object")),
    ({"aggregate": "t", "pipeline": [], "cursor": {}, "colour": 1}, (9, "unrecognized field 'colour'"),
     unknown("aggregate.colour")),
    ({"getMore": LONG(7)}, (9, "Field 'collection' missing in: { getMore: 7, $db: \"admin\" }"), missing("getMore.collection")),
    ({"getMore": "x", "collection": "t"},
     (14, 'Field \'getMore\' must be of type long in: { getMore: "x", collection: "t", $db: "admin" }'),
     wrong("getMore.getMore", "string", "long")),
    ({"getMore": LONG(0), "collection": "t"}, (2, "Cursor id for getMore must be non-zero")),
    ({"killCursors": "t"}, (9, 'Field \'cursors\' must be of type array in: { killCursors: "t", $db: "admin" }'),
     missing("killCursors.cursors")),
    ({"killCursors": "t", "cursors": []}, (2, 'Must specify at least one cursor id in: { killCursors: "t", cursors: [], '
                                              '$db: "admin" }'), None),
    # collections and indexes
    ({"create": "t", "capped": True}, (72, "the 'size' field is required when 'capped' is true")),
    ({"create": "t", "size": 5}, (72, "the 'capped' field needs to be true when either the 'size' or 'max' fields are present")),
    ({"create": "t", "capped": "x"}, wrong("create.capped", "string", BOOL)),
    ({"create": "t", "colour": 1}, unknown("create.colour")),
    ({"drop": 1}, (73, "collection name has invalid type int"), (2, "collection name has invalid type int")),
    ({"dropDatabase": 2}, (20, "have to pass 1 as db parameter"), (5255100, "Have to pass 1 as 'drop' parameter")),
    ({"createIndexes": "t"}, (9, "The 'indexes' field is a required argument of the createIndexes command"),
     missing("createIndexes.indexes")),
    ({"createIndexes": "t", "indexes": []}, (2, "Must specify at least one index to create")),
    ({"createIndexes": "t", "indexes": [{"name": "a"}]},
     (9, 'Error in specification { name: "a" } :: caused by :: The \'key\' field is a required property of an index '
         "specification")),
    ({"createIndexes": "t", "indexes": [{"key": {"a": 1}}]},
     (9, "Error in specification { key: { a: 1 } } :: caused by :: The 'name' field is a required property of an index "
         "specification")),
    ({"listCollections": 1, "filter": 1}, (2, '"filter" must be an object'), wrong("listCollections.filter", "int", "object")),
    ({"listDatabases": 1, "nameOnly": "x"}, wrong("listDatabases.nameOnly", "string", BOOL)),
    # the server itself
    ({"getLog": 1}, (14, "Argument to getLog must be of type String; found 1 of type int")),
    ({"setParameter": 1, "logLevel": "x"}, (2, 'Invalid value for logLevel: logLevel: "x"')),
    ({"setParameter": 1, "logLevel": -1}, (2, "Invalid value for logLevel: logLevel: -1")),
    ({"dropConnections": 1}, missing("dropConnections.hostAndPort")),
    ({"dropConnections": 1, "hostAndPort": "x"}, wrong("dropConnections.hostAndPort", "string", "array")),
    ({"fsync": 1, "lock": True, "async": True}, (None, "fsync: sync option must be true when using lock")),
    ({"saslContinue": 1, "conversationId": 1, "payload": b""}, (17, "No SASL session state found")),
    ({"saslStart": 1, "payload": b""}, (None, ""), missing("saslStart.mechanism")),
    ({"saslStart": 1, "mechanism": "SCRAM-SHA-256"}, (4, 'Missing expected field "payload"'), missing("saslStart.payload")),
    ({"ping": 1, "colour": 1}, None, unknown("ping.colour")),
    # every command
    ({"ping": 1, "maxTimeMS": "x"}, (2, "maxTimeMS must be a number")),
    ({"ping": 1, "maxTimeMS": -1}, (2, "maxTimeMS is out of range")),
    ({"ping": 1, "maxTimeMS": 0.5}, (2, "maxTimeMS has non-integral value")),
    ({"ping": 1, "$db": "a b"}, (73, "Invalid database name: 'a b'")),
    ({"ping": 1, "writeConcern": {"w": 1}}, (72, "Command does not support writeConcern")),
    # write concerns
    ({"insert": "t", "documents": [{}], "writeConcern": 1}, (14, '"writeConcern" had the wrong type. Expected object, found int')),
    ({"insert": "t", "documents": [{}], "writeConcern": {"colour": 1}}, (9, "unrecognized write concern field: colour"),
     unknown("writeConcern.colour")),
    ({"insert": "t", "documents": [{}], "writeConcern": {"j": "x"}}, (9, "j must be numeric or a boolean value"),
     wrong("writeConcern.j", "string", BOOL)),
    ({"insert": "t", "documents": [{}], "writeConcern": {"w": {}}}, (9, "w has to be a number or a string")),
    ({"insert": "t", "documents": [{}], "writeConcern": {"j": True, "fsync": True}},
     (9, "fsync and j options cannot be used together")),
    ({"insert": "t", "documents": [{}], "writeConcern": {"w": 2}}, (2, "cannot use 'w' > 1 when a host is not replicated")),
    ({"insert": "t", "documents": [{}], "writeConcern": {"w": "both"}},
     (2, "cannot use non-majority 'w' mode both when a host is not a member of a replica set")),
]


def expected(row, version):
    """(code, text) in that version, or None: it isn't refused."""
    answers = row[1:]
    return answers[-1] if number(version) >= (5, 0) else answers[0]


@pytest.mark.parametrize("version", ["4.2", "4.4", "5.0", "6.0", "7.0", "8.0"])
def test_refusals(tmp_path, monkeypatch, version):
    monkeypatch.setenv("STANDIN_VERSION", version)
    m = fleet.Member(tmp_path / "m", "127.0.4.11", replset=None, keyfile=False)
    m.start()
    odd = []
    try:
        with connected(m) as c:
            for row in ROWS:
                reply, said = ask_raw(c, **row[0]), expected(row, version)
                if said is None:
                    told = {"ok": 1.0}
                    reply = {k: v for k, v in reply.items() if k == "ok"}
                else:
                    named = {} if said[0] is None else {"code": said[0], "codeName": name_of(said[0], version)}
                    told = {"ok": 0.0, "errmsg": said[1], **named}
                if list(reply.items()) != list(told.items()):
                    odd.append(f"{row[0]}:\n  {reply}\n  {told}")
    finally:
        m.kill()
    assert not odd, "\n".join(odd)


@pytest.mark.parametrize("version, given, code, text", [
    ("4.4", {"shutdown": 1, "force": 1}, *wrong("shutdown.force", "int", "bool")),
    ("4.4", {"setDefaultRWConcern": 1, "defaultWriteConcern": 1},
     *wrong("setDefaultRWConcern.defaultWriteConcern", "int", "object")),
    ("4.4", {"insert": "t", "documents": [{}], "writeConcern": {"w": 51}}, 9,
     "w has to be a non-negative number and not greater than 50"),
    ("5.0", {"rotateCertificates": 1, "message": 1}, *wrong("rotateCertificates.message", "int", "string")),
])
def test_refusals_that_older_ones_do_not_know(tmp_path, monkeypatch, version, given, code, text):
    monkeypatch.setenv("STANDIN_VERSION", version)
    m = fleet.Member(tmp_path / "m", "127.0.4.11", replset=None, keyfile=False)
    m.start()
    try:
        with connected(m) as c:
            reply = ask_raw(c, **given)
    finally:
        m.kill()
    assert (reply.get("code"), reply["errmsg"]) == (code, text)


def test_form_goes_before_permission(tmp_path, monkeypatch):
    """Who isn't logged in hears of a grammar's mistakes first, and of a command's own only when let in."""
    monkeypatch.setenv("STANDIN_VERSION", "4.2")
    m = fleet.Member(tmp_path / "m", "127.0.4.11", replset=None)
    m.start()
    try:
        with m.client(user="__system", password=fleet.KEY, source="local") as c:
            c.admin.command("createUser", "root", pwd="secret", roles=["root"])
        with connected(m) as c:
            assert ask_raw(c, insert="t")["code"] == 40414
            assert ask_raw(c, insert="t", documents=[{}])["code"] == 13
            assert ask_raw(c, createUser="u")["code"] == 13
            assert ask_raw(c, find="t", filter=1)["code"] == 13
    finally:
        m.kill()


@pytest.mark.parametrize("version", ["4.2", "4.4", "5.0", "8.0"])
def test_what_is_wrong_with_a_write_concern(tmp_path, monkeypatch, version):
    """Where it stands in the reply, what it tells, and that the write is done."""
    monkeypatch.setenv("STANDIN_VERSION", version)
    newer, modern = number(version) >= (4, 4), number(version) >= (5, 0)

    def told(concern, timed_out=False):
        info = {"wtimeout": True} if timed_out else {}
        if newer:
            info["writeConcern"] = {"wtimeout": 0, **concern, "provenance": "clientSupplied"}
        return {"errInfo": info} if info else {}

    with fleet.Set(tmp_path, settings=QUICK) as s:
        with s.primary().client() as c:
            def insert(collection, **concern):
                return c.x.command("insert", collection, documents=[{}], writeConcern=concern)
            fleet.wait_for(lambda: "$clusterTime" in c.admin.command("ping"))  # the keys are there
            reply = insert("many", w=9)
            assert reply["writeConcernError"] == {"code": 100, "codeName": "UnsatisfiableWriteConcern",
                                                  "errmsg": "Not enough data-bearing nodes", **told({"w": 9})}
            order = ["n", "electionId", "opTime", "writeConcernError", "ok"] if modern else \
                ["n", "opTime", "electionId", "ok", "writeConcernError"]
            assert list(reply) == [*order, "$clusterTime", "operationTime"]
            reply = insert("named", w="both")
            assert reply["writeConcernError"] == {
                "code": 79, "codeName": "UnknownReplWriteConcern",
                "errmsg": "No write concern mode named 'both' found in replica set configuration", **told({"w": "both"})}
            assert c.x.many.count_documents({}) == c.x.named.count_documents({}) == 1
            reply = c.x.command("update", "many", updates=[{"q": {}, "u": {"$set": {"a": 1}}}], writeConcern={"w": 9})
            order = ["n", "electionId", "opTime", "nModified", "writeConcernError", "ok"] if modern else \
                ["n", "nModified", "opTime", "electionId", "ok", "writeConcernError"]
            assert list(reply) == [*order, "$clusterTime", "operationTime"]
            reply = c.admin.command("createUser", "u", pwd="x", roles=[], writeConcern={"w": 9})
            order = ["writeConcernError", "ok"] if modern else ["ok", "writeConcernError"]
            assert list(reply) == [*order, "$clusterTime", "operationTime"]
            for other in s.others(s.primary()):
                other.kill()
            reply = insert("late", w=3, wtimeout=300)
            assert reply["writeConcernError"] == {
                "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out",
                **told({"w": 3, "wtimeout": 300}, True)}


def member(**change):
    return [dict({"_id": 0, "host": "HOST"}, **change)]


IN_MEMBER = " for member:{ _id: 0, host: \"HOST\", %s }"
# A change of a configuration (None: the field is left out), and what is said of it before and from 5.0 on; always with 93.
CONFIGURATIONS = [
    ({"_id": None}, 'Missing expected field "_id"', missing("ReplSetConfig._id")[1]),
    ({"_id": 1}, '"_id" had the wrong type. Expected string, found int', wrong("ReplSetConfig._id", "int", "string")[1]),
    ({"version": None}, 'Missing expected field "version"', missing("ReplSetConfig.version")[1]),
    ({"version": "x"}, 'Expected field "version" to have numeric type, but found string',
     wrong("ReplSetConfig.version", "string", NUMBER)[1]),
    ({"members": None}, 'Missing expected field "members"', missing("ReplSetConfig.members")[1]),
    ({"members": 1}, '"members" had the wrong type. Expected array, found int', wrong("ReplSetConfig.members", "int", "array")[1]),
    ({"members": [1]}, "Expected type of members.0 to be Object, but found int", None),
    ({"members": [{"host": "HOST"}]}, 'NoSuchKey: _id field is missing for member:{ host: "HOST" }',
     missing("MemberConfig._id")[1]),
    ({"members": [{"_id": 0}]}, 'NoSuchKey: Missing expected field "host" for member:{ _id: 0 }',
     missing("MemberConfig.host")[1]),
    ({"members": member(votes="x")}, "TypeMismatch: votes field value has non-numeric type string"
     + IN_MEMBER % 'votes: "x"', wrong("MemberConfig.votes", "string", NUMBER)[1]),
    ({"members": member(hidden="x")}, 'TypeMismatch: Expected boolean or number type for field "hidden", found string'
     + IN_MEMBER % 'hidden: "x"', wrong("MemberConfig.hidden", "string", BOOL)[1]),
    ({"members": member(colour=1)}, "BadValue: Unexpected field colour in replica set member configuration"
     + IN_MEMBER % "colour: 1", unknown("MemberConfig.colour")[1]),
    ({"colour": 1}, "Unexpected field colour in replica set configuration", unknown("ReplSetConfig.colour")[1]),
    ({"protocolVersion": None}, 'Missing expected field "protocolVersion"', None),
    ({"settings": 1}, '"settings" had the wrong type. Expected object, found int',
     wrong("ReplSetConfig.settings", "int", "object")[1]),
    ({"settings": {"electionTimeoutMillis": 0}},
     'Invalid value in field "electionTimeoutMillis": 0: election timeout must be greater than 0', None),
    ({"settings": {"chainingAllowed": "x"}}, 'Expected boolean or number type for field "chainingAllowed", found string',
     wrong("ReplSetConfig.settings.chainingAllowed", "string", BOOL)[1]),
]


@pytest.mark.parametrize("version", ["4.2", "4.4", "5.0", "8.0"])
def test_configurations_without_form(tmp_path, monkeypatch, version):
    monkeypatch.setenv("STANDIN_VERSION", version)
    with fleet.Set(tmp_path, ips=("127.0.4.11",)) as s, s.primary().client() as c:
        now, host = c.admin.command("replSetGetConfig")["config"], s.primary().host
        odd = []
        for change, older, newer in CONFIGURATIONS:
            said = newer if number(version) >= (5, 0) else older
            if said is None:
                continue
            config = {k: v for k, v in {**now, "version": now["version"] + 1, **change}.items() if v is not None}
            config = json.loads(json_util.dumps(config).replace("HOST", host), object_hook=json_util.object_hook)
            reply = c.admin.command("replSetReconfig", config, check=False)
            if (reply["ok"], reply.get("code"), reply.get("errmsg")) != (0.0, 93, said.replace("HOST", host)):
                odd.append(f"{change}:\n  {reply.get('code')} {reply.get('errmsg')}\n  {said}")
        reply = c.admin.command("replSetReconfig", "nothing", check=False)
        assert (reply["errmsg"], reply.get("code")) == ("no configuration specified", None)
        if number(version) >= (5, 0):
            config = dict(now, version=now["version"] + 1, members=[dict(now["members"][0], newlyAdded=True)])
            assert c.admin.command("replSetReconfig", config, check=False)["errmsg"] == \
                "Cannot provide newlyAdded field to member config during reconfig."
    assert not odd, "\n".join(odd)
