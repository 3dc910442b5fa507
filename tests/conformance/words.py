"""What a label's words ask for. Every word has to be understood: a label of which a part was overlooked would be
compared with the answer to another question, and could pass."""

import re

import lab

FILLERS = {"a", "an", "and", "as", "at", "by", "in", "is", "of", "on", "the", "then", "to", "with"}


class Label:
    """A label, and what of it nobody has understood yet."""

    def __init__(self, text):
        self.text = self.left = text

    def take(self, pattern):
        """The first match of what is left; it counts as understood."""
        found = re.search(pattern, self.left)
        if found:
            self.left = f"{self.left[:found.start()]} {self.left[found.end():]}"
        return found

    def overlooked(self, harmless=()):
        """The words that nobody took and that aren't harmless."""
        return [w for w in re.findall(r"[\w$.-]+", self.left) if w.lower() not in FILLERS and w not in harmless]


def parts_overlooked(entry, known):
    """Parts of an entry that its driver doesn't compare."""
    return [part for part in entry if part not in known]


# ---- 03 -------------------------------------------------------------------------------------

# Values that commands are asked with when a label doesn't say any.
USUAL = {"createUser": ("ghost", {"pwd": "x", "roles": []}), "updateUser": ("ghost", {"pwd": "x"}), "dropUser": ("ghost", {}),
         "grantRolesToUser": ("ghost", {"roles": ["read"]}), "revokeRolesFromUser": ("ghost", {"roles": ["read"]}),
         "usersInfo": ("ghost", {}),
         "insert": ("t", {"documents": [{}]}), "update": ("t", {"updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}),
         "delete": ("t", {"deletes": [{"q": {}, "limit": 0}]}), "find": ("t", {}), "count": ("t", {}),
         "aggregate": ("t", {"pipeline": [], "cursor": {}}), "findAndModify": ("t", {"query": {}, "update": {"$set": {"a": 1}}}),
         "create": ("fresh", {}), "drop": ("t", {}), "listIndexes": ("t", {}), "dropIndexes": ("t", {"index": "*"}),
         "createIndexes": ("t", {"indexes": [{"key": {"a": 1}, "name": "a_1"}]}),
         "getMore": (1, {"collection": "t"}), "killCursors": ("t", {"cursors": [1]}),
         "setParameter": (1, {"logLevel": 0}), "getLog": ("nosuchlog", {}), "getParameter": (1, {"nosuchthing": 1}),
         "replSetFreeze": (0, {}), "replSetStepDown": (60, {}), "replSetSyncFrom": (f"a.{lab.DOMAIN}:{lab.PORT}", {}),
         "dropConnections": (1, {"hostAndPort": [f"b.{lab.DOMAIN}:{lab.PORT}"]}), "saslStart": (
             1, {"mechanism": "NONSENSE", "payload": b""}), "saslContinue": (1, {"conversationId": 1, "payload": b""})}
DATA = ("insert", "update", "delete", "find", "count", "aggregate", "findAndModify", "create", "drop", "listIndexes",
        "dropIndexes", "createIndexes", "getMore", "killCursors")
PLAIN = "ping|find|insert|update|delete|count|aggregate|create|drop|hello|fsync|shutdown|logout"

# Words of a label that say what is changed in a configuration of members m and version n.
RECONFIGURATIONS = (
    (r"unreachable|nobody|not there", lambda m, n: {"version": n + 1, "members": m + [
        {"_id": 9, "host": "nowhere.fleet.test:27017", "votes": 0, "priority": 0}]}),
    (r"(two|2) voters", lambda m, n: {"version": n + 1, "members": [m[0], *(dict(x, votes=0, priority=0) for x in m[1:])]}),
    (r"negative version|negative|lower version", lambda m, n: {"version": n - 1}),
    (r"duplicate _id", lambda m, n: {"version": n + 1, "members": member_with(m, 1, _id=m[0]["_id"])}),
    (r"hidden( with priority)?", lambda m, n: {"version": n + 1, "members": member_with(m, 1, hidden=True)}),
    (r"(slaveDelay|delayed|delay)( with priority)?", lambda m, n: {"version": n + 1, "members": member_with(m, 1, slaveDelay=60)}),
    (r"(to|into) arbiter|arbiter", lambda m, n: {"version": n + 1, "members": member_with(m, 1, arbiterOnly=True, priority=0)}),
    (r"buildIndexes( false)?", lambda m, n: {"version": n + 1, "members": member_with(m, 1, buildIndexes=False, priority=0)}),
    (r"priority (1001|too (high|large)|out of range)", lambda m, n: {"version": n + 1, "members": member_with(
        m, 1, priority=1001)}),
    (r"(own|self|primary) priority 0|(self )?not electable", lambda m, n: {"version": n + 1, "members": member_with(
        m, 0, priority=0)}),
    (r"replicaSetId (of )?wrong type", lambda m, n: {"version": n + 1, "settings": {"replicaSetId": {"id": 1}}}),
    (r"localhost", lambda m, n: {"version": n + 1, "members": member_with(m, 1, host="localhost:27017")}),
    (r"(no|without|empty) members", lambda m, n: {"version": n + 1, "members": []}),
    (r"(no|without) protocolVersion", lambda m, n: {"version": n + 1, "protocolVersion": None}),
    (r"votes (2|out of range)", lambda m, n: {"version": n + 1, "members": member_with(m, 1, votes=2)}),
)


def member_with(members, index, **change):
    return [dict(m, **change) if i == index else m for i, m in enumerate(members)]


def reconfiguration(label, members, now):
    """The change of the configuration that a label asks for; None when its words say nothing, or more."""
    label.take(r"^(reconfig|replSetReconfig)\b")
    for pattern, how in RECONFIGURATIONS:
        if label.take(rf"\b({pattern})(?!\w)"):
            return None if label.overlooked() else how(members, now)
    return None


class Question:
    """A command as a label's words describe it; `command` is None when they don't, or say more than is understood."""

    def __init__(self, text):
        label = Label(text)
        self.member = "b" if label.take(r"\bsecondary\b") else "a"
        label.take(r"\bprimary\b")
        self.user = None if label.take(r"\b(unauthenticated|without authentication|not logged in)\b") else "root"
        self.times = 2 if label.take(r"\btwice\b") else 1
        found = label.take(rf"\b(_?[a-z]+[A-Z]\w*|{PLAIN})\b:?")
        self.command = found.group(1) if found else None
        if label.take(r"^\W*write\b") and not found:
            self.command = "insert"
        if self.command is None:
            return
        self.value, fields = USUAL.get(self.command, (1, {}))
        self.fields = dict(fields)
        other = label.take(r"\b(wrong|other|another|not admin) (db|database)\b|\bdatabase test\b|\btest\b")
        self.database = "test" if self.command in DATA or other else "admin"
        self.change(label)
        if label.overlooked():
            self.command = None

    def change(self, label):
        """What the words say of its fields."""
        concern = label.take(r"\bw:? ?(\d+|majority)\b")
        if concern:
            limit = int(concern[1]) if concern[1].isdigit() else concern[1]
            self.fields["writeConcern"] = {"w": limit, "wtimeout": 500}
        catch_up = label.take(r"\b(catch-?up|secondaryCatchUpPeriodSecs)\D*(\d+)\b")
        if catch_up:
            self.fields["secondaryCatchUpPeriodSecs"] = int(catch_up[2])
        if label.take(r"\b(unknown|missing) role\b"):
            self.fields["roles"] = ["nosuchrole"]
        if self.command == "setParameter":
            if label.take(r"\bstart-?up( only)?\b"):
                self.fields = {"tlsWithholdClientCertificate": True}
            elif label.take(r"\bunknown( parameter)?\b"):
                self.fields = {"nosuchthing": 1}
            elif label.take(r"\b(nothing|no parameters?|empty)\b"):
                self.fields = {}
        elif self.command == "getParameter":
            label.take(r"\bunknown( parameter)?\b")
        elif label.take(r"\bunknown (user|log|collection|mechanism)\b"):
            pass  # what is usually asked with isn't there
        for absent in iter(lambda: label.take(r"\b(no|without|missing) (\w+)\b"), None):
            if absent[2] not in self.fields:
                label.left += absent[0]  # nothing that could be left out
                break
            del self.fields[absent[2]]
        for empty in iter(lambda: label.take(r"\bempty (\w+)\b"), None):
            if not isinstance(self.fields.get(empty[1]), (list, str, dict)):
                label.left += empty[0]
                break
            self.fields[empty[1]] = type(self.fields[empty[1]])()
        for wrong in iter(lambda: label.take(r"\b(\w+) (of )?wrong type\b"), None):
            if wrong[1] not in self.fields:
                label.left += wrong[0]
                break
            self.fields[wrong[1]] = 1 if not isinstance(self.fields[wrong[1]], int) else "x"
        number = label.take(r"(?<![\w.])-?\d+\b(?! ?s\b)")
        if number:
            self.value = int(number[0])


# ---- 06 -------------------------------------------------------------------------------------

# Words that describe what the recorded net.tls already says.
DESCRIPTIONS = {
    "CA", "CAFile", "CRLFile", "PEM", "TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3", "allowTLS", "another", "bogus", "certificate",
    "certificates", "chain", "closed", "clusterCAFile", "clusterFile", "disabled", "disabledProtocols", "doesn", "empty",
    "encrypted", "expired", "file", "from", "given", "key", "match", "matching", "missing", "misspelled", "mode", "net.ssl",
    "net.tls", "no", "not", "option", "other", "password", "preferTLS", "requireTLS", "right", "self-signed", "spelling",
    "stdin", "t", "unknown", "valid", "without", "wrong", "yet",
}
