"""Rows of steps that hold what was done and what was seen of it (17 and up). The same steps are replayed and recorded: recording
writes what a real server lets see in place of what stands there (`conformance.py --record`).

What a step does, in this order; all of it may be left out but one:
  "start"   {"alone": mode of TLS, "security": way} or {"set": mode, "security": way}, and which "certificate" and "authority", and more of
            "tls", and "up": false when it is not to come up: new servers, until the next one
  "of"      the member that this is about: a when it isn't said
  "put"     {"certificate": which, "authority": which}: another file in the place of the member's own (materials.py)
  "first"   what has to be so before: "settled", "a leads", "known" (everybody has the configuration of a), "removed" (from it)
  "stop", "start again"   names of members; "signal": the name of one for the member
  "asked"   a command, `as` whom (null: nobody) and `on` which database; `bare`: on a connection that no driver looks after; "new": on a
            new one; `while` it waits, the member gets that signal
What is seen: "reply", "log" (telling lines of the member), "served" (which certificate), "kept" (an old connection), "security" (of
serverStatus), "members' connections", "a sees" and the like, "exit status" and "seconds" of the end, "out" (standard output and error)."""

import json
import re
import signal
import time
import uuid

from bson import Binary

import lab
import materials
from asking import security
from bare import Bare
from compare import ONE_VALUE, as_given, as_recorded, differences, failure_kind, missing_lines, unrecorded_errors
from json_log import telling
from pairs import without_roles

DONE = ("start", "of", "put", "first", "stop", "start again", "signal", "asked", "as", "on", "bare", "while")
SEEN = ("reply", "log", "served", "kept", "security", "members' connections", "a sees", "b sees", "c sees", "exit status", "seconds", "out")
ANY_CERTIFICATE = {"tls": True, "tlsCAFile": f"{lab.FILES}/ca.pem", "tlsAllowInvalidCertificates": True,
                   "tlsAllowInvalidHostnames": True}

NO_LOCAL_SOCKET = "net.unixDomainSocket.enabled: false\n"  # members on one port would take it from each other


class Place:
    """The servers that a row of steps is about."""

    def __init__(self):
        self.members, self.set, self.bare, self.kept, self.told_at = {}, None, {}, {}, 0.0

    def begin(self, how):
        self.end()
        mode = how.get("set") or how["alone"]
        if "set" in how:
            self.set = lab.Set(mode)
            self.members = self.set.members
        else:
            self.members = {"a": lab.Member("a", replset=False)}
        for name, member in self.members.items():
            member.keyfile, member.extra = False, security(how.get("security", "none")) + NO_LOCAL_SOCKET
            member.tls = lab.tls_of(name, mode, **how.get("tls", {}))
            if member.tls:
                member.tls.update(certificateKeyFile=materials.certificate(name, how.get("certificate", "first")),
                                  CAFile=materials.authority(name, how.get("authority", "first")))
        if self.set:
            self.set.tls = self.tls()
            self.set.__enter__()
            assert self.set.settled(60)
        else:
            member = self.members["a"].start()
            if not how.get("up", True):
                return
            assert member.up(), member.lines()[-5:]
        self.kept = {name: Bare(member) for name, member in self.members.items()}

    def end(self):
        for connection in (*self.kept.values(), *self.bare.values()):
            connection.close()
        for member in self.members.values():
            member.kill()
        self.__init__()

    def tls(self):
        return ANY_CERTIFICATE if self.members["a"].tls else {}

    def config(self):
        return as_given(self.ask("a", {"replSetGetConfig": 1}, {"bare": True}))["config"]

    def ask(self, name, command, step):
        command = dict(command)
        if step.get("bare"):
            if step["bare"] == "new" or name not in self.bare or self.bare[name].failure:
                self.bare[name] = Bare(self.members[name])
            if "while" in step:
                return self.bare[name].ask_while(command, lambda: self.signal(name, step["while"]))
            return self.bare[name].ask(dict(command, **{"$db": step.get("on", "admin")}))
        first = next(iter(command))
        login = {"user": None}
        if step.get("as"):
            login = {"user": step["as"][0], "password": step["as"][1], "authMechanism": "SCRAM-SHA-256"}
        return self.members[name].ask(first, command.pop(first), command, step.get("on", "admin"), tls=self.tls(), **login)

    def signal(self, name, which):
        self.told_at = time.monotonic()
        self.members[name].process.send_signal(getattr(signal, which))


# ---- what stands for something that only the server knows -----------------------------------


def at_path(document, path, value):
    *way, last = path.split(".")
    for part in way:
        document = document[int(part)] if part.isdigit() else document.setdefault(part, {})
    if isinstance(document, list):
        document[int(last):int(last) + 1] = [] if value == "left out" else [value]
    elif value == "left out":
        document.pop(last, None)
    else:
        document[last] = document[last] + int(value) if re.fullmatch(r"[+-]\d+", str(value)) else value


def meant(place, name, value):
    """A command's fields with what they stand for: {"topologyVersion of the server": N more}, {"configuration with": changes}."""
    if isinstance(value, uuid.UUID):
        return Binary(value.bytes, 4)
    if not isinstance(value, dict):
        return value
    if "topologyVersion of the server" in value:
        version = place.ask(name, {"hello": 1}, {"bare": True})["topologyVersion"]
        return as_given({"processId": version["processId"],
                         "counter": {"$numberLong": str(number(version["counter"]) + value["topologyVersion of the server"])}})
    if "configuration with" in value:
        config = place.config()
        for path, change in value["configuration with"].items():
            at_path(config, path, meant(place, name, as_given({"x": change})["x"]))
        return config
    if any(set(value) == one for one in ONE_VALUE):
        return meant(place, name, as_given(value))
    return {key: meant(place, name, one) for key, one in value.items()}


def number(value):
    return int(value["$numberLong"]) if isinstance(value, dict) else value


# ---- doing and seeing -----------------------------------------------------------------------


def everybody_knows(place):
    version = place.config()["version"]
    status = place.ask("a", {"replSetGetStatus": 1}, {"bare": True})
    return all(m.get("configVersion") == version for m in status.get("members", []) if m["health"])


def act(place, step):
    """Does what the step does; what is known of it then: the reply, and where the member's log stood before."""
    if "start" in step:
        place.begin(step["start"])
    name = step.get("of", "a")
    for what, which in step.get("put", {}).items():
        {"certificate": materials.certificate, "authority": materials.authority}[what](name, which)
    if step.get("first") == "settled":
        place.set.settled(60)
    elif step.get("first") == "a leads":
        lab.wait_for(lambda: place.set.primary() == "a" and place.set.settled(1), 60)
    elif step.get("first") == "removed":
        lab.wait_for(lambda: "info" in place.ask(name, {"hello": 1}, {"bare": True}), 20)
    elif step.get("first") == "known":
        lab.wait_for(lambda: everybody_knows(place), 30)
    for other in step.get("stop", ()):
        place.members[other].kill()
        place.bare.pop(other, None)
    before = {n: len(m.lines()) for n, m in place.members.items() if step.get("start", {}).get("up", True)}
    for other in step.get("start again", ()):
        place.members[other].start().up()
    if "signal" in step:
        place.signal(name, step["signal"])
    seen = {"before": before}
    if "asked" in step:
        asked = {key: meant(place, name, value) for key, value in step["asked"].items()}
        place.told_at = time.monotonic() if "shutdown" in asked else place.told_at
        seen["reply"] = place.ask(name, asked, step)
    return seen


def members_connections(member, before):
    """Of those that members had here before: whether there were any, and whether one has ended since."""
    def remotes(lines, words, *numbers):
        told = (json.loads(line) for line in lines if line.startswith("{") and words in line)
        return {t["attr"]["remote"] for t in told if t["id"] in numbers}
    old, new, ended = member.lines()[:before], member.lines(before), 22944
    there = (remotes(old, "NetworkInterfaceTL", 51800) | remotes(old, '"__system"', 20250)) - remotes(old, "", ended)
    return {"there before": bool(there), "ended": bool(there & remotes(new, "", ended))}


def see(place, step, done, part):
    """One of the parts that a step shows."""
    name = step.get("of", "a")
    member, before = place.members[name], done["before"]
    if part == "reply":
        return done["reply"]
    if part == "log":
        return [line for line in member.lines(before.get(name, 0)) if telling(line)]
    if part == "out":
        return member.out.read_text(encoding="utf-8").splitlines()
    if part == "served":
        return materials.served(member)
    if part == "kept":
        reply = place.kept[name].ask({"ping": 1, "$db": "admin"})
        return "answers" if reply.get("ok") == 1.0 else "closed"
    if part == "security":
        return place.ask(name, {"serverStatus": 1}, step).get("security")
    if part == "members' connections":
        return members_connections(member, before[name])
    if part == "exit status":
        done["status"] = member.process.wait(lab.patient(60))
        return done["status"]
    if part == "seconds":
        member.process.wait(lab.patient(60))
        return round(time.monotonic() - place.told_at, 1)
    return place.set.view(part[0])


def record(place, step):
    """The step with what is seen now in place of what was seen once."""
    done = act(place, step)
    if any(part.endswith(" sees") for part in step):
        time.sleep(lab.patient(12))
    elif "log" in step or "members' connections" in step:
        time.sleep(lab.patient(1))
    order = [p for p in step if p in SEEN and p != "log"] + ["log"] * ("log" in step)
    seen = {part: see(place, step, done, part) for part in order}
    return {part: seen.get(part, value) for part, value in step.items()}


def unequal(place, step, done, part):
    recorded, now = step[part], see(place, step, done, part)
    if part in ("log", "out"):
        return missing_lines(recorded, now) + unrecorded_errors(recorded, now)
    if part == "seconds":
        return [] if abs(recorded - now) <= max(4.0, recorded / 3) else [f"seconds: {now}; recorded {recorded}"]
    if part.endswith(" sees"):
        return differences(without_roles(recorded), without_roles(now), part)
    if part == "reply" and isinstance(recorded, dict) and "exception" in recorded:
        kinds = [failure_kind(r.get("exception", "none"), r.get("message", str(r))) for r in (recorded, now)]
        return [] if kinds[0] == kinds[1] else [f"reply: {kinds[1]}; recorded {kinds[0]}"]
    return differences(as_recorded(recorded), as_recorded(now), part)


def steps(recorded, check):
    place = Place()
    try:
        for label, step in recorded.items():
            if set(step) - set(DONE) - set(SEEN):
                continue
            done, found = act(place, step), []
            order = [p for p in step if p in SEEN and p != "log"] + ["log"] * ("log" in step)
            for part in order:
                if part in ("log", "members' connections") or part.endswith(" sees"):  # what comes about in its own time
                    lab.wait_for(lambda p=part: not unequal(place, step, done, p), 15 if part.endswith(" sees") else 2, 0.1)
                found += unequal(place, step, done, part)
            check(label, found)
    finally:
        place.end()


def recording(questions):
    place, answered = Place(), {}
    try:
        for label, step in questions.items():
            answered[label] = record(place, step)
    finally:
        place.end()
    return answered
