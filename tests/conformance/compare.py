"""What "the same answer" means: by value, by type, or depending on the moment (recordings/README.md)."""

import json
import re

from bson import json_util

# By type: they differ from run to run, or belong to the machine.
BY_TYPE = {
    "connectionId", "pid", "uptime", "term", "t", "setVersion", "configVersion", "pingMs",
    "electionTerm", "keyId", "sizeOnDisk", "totalSize", "totalLinesWritten", "rbid",
    "syncingTo", "syncSourceHost", "syncSourceId", "infoMessage", "distmod", "cc", "ccflags", "cxx", "cxxflags",
    "linkflags", "running", "compiled", "gitVersion", "numCatchUpOps", "allocator", "javascriptEngine", "timesEntered",
    "counter", "received", "successful", "cppdefines", "remainingQuiesceTimeMillis", "configTerm",
}
# Below these everything is a counter.
COUNTERS = {"connections", "network", "electionMetrics", "transportSecurity", "lockStats", "flowControlStats"}
# There or not, by how soon after an election (or after the loading of the keys) it was asked.
OF_THE_MOMENT = {
    "majorityOpTime", "majorityWriteDate", "readConcernMajorityOpTime", "readConcernMajorityWallTime",
    "wMajorityWriteAvailabilityDate", "$clusterTime", "operationTime", "electionParticipantMetrics",
    "electionCandidateMetrics", "lastStableRecoveryTimestamp", "lastStableCheckpointTimestamp",
    "optimeDate", "optimeDurableDate", "electionId", "opTime",
}
# Lists whose order is that of a hash table whose seed is new in each process.
SETS = ("saslSupportedMechs",)
ONE_VALUE = [{"$date"}, {"$timestamp"}, {"$oid"}, {"$binary", "$type"}, {"$uuid"}, {"$numberLong"}]

MASKS = [(re.compile(p), r) for p, r in (
    (r"conn\d+", "connN"), (r"#\d+", "#N"), (r"\(\d+ connections? now open\)", "(N connections now open)"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"), (r"connection \d+", "connection N"), (r"connection id: \d+", "connection id: N"),
    (r"ObjectId\('[0-9a-f]+'\)", "ObjectId(…)"), (r"Timestamp\(\d+, \d+\)", "Timestamp(…)"), (r"replexec-\d+", "replexec-N"),
    (r"OpenSSL \d[^\"]*", "OpenSSL VERSION"), (r"version: \"[^\"]*\"", "version: …"), (r"platform: \"[^\"]*\"", "platform: …"),
    (r"term \d+", "term N"), (r"\bt: -?\d+", "t: N"), (r"(but|than) \d+ (is|for)", r"\1 N \2"), (r"with id: -?\d+", "with id: N"),
    (r"config version: \d+", "config version: N"), (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+Z-]\d*", "DATE"),
    (r"_ssl\.c:\d+", "_ssl.c"), (r"\{version: \d+, term: -?\d+\}", "{version: N, term: N}"), (r"counter: \d+", "counter: N"),
    (r'UUID\("[-0-9a-f]+"\)', "UUID(…)"),
)]


def mask(text):
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def as_recorded(reply):
    """A driver's reply in the notation of the recordings."""
    return json.loads(json_util.dumps(reply))


def as_given(recorded):
    """And back: a server refuses a document in place of an id."""
    return json_util.loads(json.dumps(recorded))


def kind(value):
    return {bool: "bool", int: "int", float: "double", str: "string", list: "array", dict: "document",
            type(None): "null"}[type(value)]


def by_type(path):
    parts = path.split(".")
    if parts[-1] == "host":
        return "members" not in parts
    return parts[-1] in BY_TYPE or any(p in COUNTERS for p in parts) or (
        parts[-1] == "version" and "config" in parts) or (parts[-1] == "term")


def documents(expected, actual, path):
    found = []
    names, theirs = list(expected), list(actual)
    missing = [n for n in names if n not in actual and n not in OF_THE_MOMENT]
    extra = [n for n in theirs if n not in expected and n not in OF_THE_MOMENT]
    if missing:
        found.append(f"{path}: lacks {', '.join(missing)}")
    if extra:
        found.append(f"{path}: has {', '.join(extra)} too")
    common, order = [n for n in names if n in actual], [n for n in theirs if n in expected]
    if common != order:
        found.append(f"{path}: order {', '.join(order)}; recorded {', '.join(common)}")
    for name in common:
        found += differences(expected[name], actual[name], f"{path}.{name}" if path else name)
    return found


def differences(expected, actual, path=""):
    """What differs, one line each."""
    if kind(expected) != kind(actual):
        return [f"{path}: {kind(actual)} {short(actual)}; recorded {kind(expected)} {short(expected)}"]
    if isinstance(expected, dict):
        if any(set(expected) == one for one in ONE_VALUE):
            return [] if set(actual) == set(expected) else [f"{path}: {short(actual)}; recorded {short(expected)}"]
        return documents(expected, actual, path)
    if isinstance(expected, list):
        if path.endswith("startupWarnings.log"):  # the file system's warnings belong to the machine
            return missing_lines([line for line in expected if " CONTROL " in line], actual)
        if path.split(".")[-1] in SETS:
            expected, actual = sorted(expected), sorted(actual)
        found = [] if len(expected) == len(actual) else [f"{path}: {len(actual)} elements; recorded {len(expected)}"]
        for i, (e, a) in enumerate(zip(expected, actual)):
            found += differences(e, a, f"{path}.{i}")
        return found
    if by_type(path):
        return []
    if isinstance(expected, str):
        expected, actual = mask(expected), mask(actual)
    return [] if expected == actual else [f"{path}: {short(actual)}; recorded {short(expected)}"]


def projected(expected, actual, path=""):
    """Only what was recorded of a longer reply; null was recorded for what isn't there."""
    found = []
    for name, value in expected.items():
        if value is None:
            if actual.get(name) is not None:
                found.append(f"{path}.{name}: there; recorded as absent")
        elif name not in actual:
            found.append(f"{path}: lacks {name}")
        else:
            found += differences(value, actual[name], f"{path}.{name}")
    return found


def short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else text[:300] + "…"


# ---- log lines ------------------------------------------------------------------------------

LINE = re.compile(r"^\S+ +([FEWID]) +(\S+) +\[([^\]]*)\] ?(.*)$", re.S)


def log_key(line):
    """(severity, component, text) with what varies masked; the thread only when it tells something."""
    if line.startswith('{"t":'):  # 4.4 and later: by number and names of attributes, not their values
        told = json.loads(line)
        return (told["s"], told["c"], str(told["id"]), told["msg"], " ".join(told.get("attr", {})))
    match = LINE.match(line)
    if not match:
        return ("", "", mask(line))
    severity, component, context, text = match.groups()
    context = re.sub(r"\d+$", "", context)
    return (severity, component, context if context in ("conn", "main", "listener") else "", mask(text).rstrip())


def missing_lines(recorded, actual):
    """Recorded lines that the log doesn't have, each kind once."""
    have = {log_key(line) for line in actual}
    return [f"log lacks: {' '.join(filter(None, key))}" for key in dict.fromkeys(map(log_key, recorded))
            if key not in have]


def unrecorded_errors(recorded, actual):
    """Warnings and errors that the real server didn't print there."""
    have = {log_key(line) for line in recorded}
    return [f"log has: {' '.join(filter(None, key))}" for key in dict.fromkeys(map(log_key, actual))
            if key[0] in ("E", "F") and key not in have]


# ---- failures as a client sees them ---------------------------------------------------------

KINDS = (("CERTIFICATE_VERIFY_FAILED", None), ("SSL handshake failed", "closed in the handshake"),
         ("TLS/SSL connection has been closed", "closed in the handshake"), ("connection closed", "closed"),
         ("Connection reset by peer", "closed"), ("Connection refused", "refused"), ("timed out", "timed out"))


def failure_kind(name, message):
    first = message.split(", Timeout:")[0]
    for part, word in KINDS:
        if part in first:
            reason = re.search(r"verify failed: (.*?)[.,]? *\(_ssl", first)
            return f"{name}: {word or 'verify failed: ' + (reason.group(1) if reason else '')}"
    return f"{name}: {mask(first)}"


def outcome_kind(value):
    """Of a recorded or a replayed attempt: ok, or which failure."""
    if isinstance(value, dict) and "exception" in value:
        return failure_kind(value["exception"], value["message"])
    return "ok" if isinstance(value, dict) and value.get("ok") == 1.0 else short(value)
