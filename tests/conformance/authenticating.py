"""Recordings of a and b that prove in one way who they are, and of c that does so in another (16)."""

import re

import lab
from asking import TLS, security
from compare import differences, missing_lines
from json_log import of_members
from pairs import without_roles

WAYS = ("none", "keyFile", "keyFile+transition", "sendKeyFile", "sendX509", "x509", "x509+transition")
PARTS = ("c started", "a sees", "c sees", "log of a", "log of c")


class Members(lab.Set):
    """a, b and c with that section of security each, in preferTLS."""

    def __init__(self, way):
        super().__init__("preferTLS")
        self.tls = TLS
        for member in self.members.values():
            self.prove(member, way)

    @staticmethod
    def prove(member, way):
        member.keyfile, member.extra = False, security(way)


def ways_of(label):
    found = re.fullmatch(r"a,b=(\S+) c=(\S+)", label)
    return found.groups() if found and set(found.groups()) <= set(WAYS) else None


def telling(line):
    """Whether a line tells of who is believed, and not of the moment."""
    if line.startswith("{"):
        return of_members(line)
    return re.search(r" ACCESS | REPL_HB ", line) and not re.search(
        r"refused|reset by peer|no users configured|principal root|closed by peer|stream truncated|ShutdownInProgress|NotYetInitialized", line)


def observe(s, way):
    """What becomes of the set when c is started again in that way: an entry as it is recorded."""
    c = s["c"]
    c.stop()
    before = {name: len(s[name].lines()) for name in "ac"}
    Members.prove(c, way)
    c.start()
    up = c.up(20)

    def settled():  # what each says of the other stays the same
        view = s.view("a")
        return view and view["c"][1] not in ("STARTUP", "STARTUP2", "(not reachable/healthy)", "DOWN")
    lab.wait_for(settled, 5, 0.5)
    lab.time.sleep(lab.patient(4))
    views = {f"{name} sees": s.view(name) for name in "ac"}
    logs = {f"log of {name}": [line for line in s[name].lines(before[name]) if telling(line)] for name in "ac"}
    return {"c started": up, **views, **logs}


def unequal(entry, seen):
    found = [] if entry["c started"] == seen["c started"] else [f"c started: {seen['c started']}"]
    for name in "ac":
        found += differences(without_roles(entry[f"{name} sees"]), without_roles(seen[f"{name} sees"]), f"{name} sees")
        found += [f"{name}: {line}" for line in missing_lines(entry[f"log of {name}"], seen[f"log of {name}"])]
    return found


def recording(questions):
    """The same members with what they say now."""
    answered = {}
    for label in questions:
        ways = ways_of(label)
        if label == "buildInfo":
            answered[label] = {"reply": {"version": lab.version()}}
            continue
        with Members(ways[0]) as s:
            s.settled()
            answered[label] = observe(s, ways[1])
    return answered


def authenticating(recorded, check):
    for label, entry in recorded.items():
        ways = ways_of(label)
        if label == "buildInfo":
            check(label, differences(entry["reply"], {"version": lab.version()}))
        if ways is None or set(entry) - set(PARTS):
            continue
        with Members(ways[0]) as s:
            s.settled()
            check(label, unequal(entry, observe(s, ways[1])))
