"""Recordings of a healthy set: observing (02), answers and errors (03), reconfiguration and stepdown (04)."""

import time

import lab
import measured
import words
from compare import as_given, differences, projected


def observed(member, name, user):
    """What a label of 02 asks for."""
    if name == "wrong-password":
        return None
    command, _, rest = name.partition(".")
    if rest == "unauthenticated":
        return member.ask(command, user=None)
    if command == "getParameter":
        return member.ask("getParameter", "*" if rest == "*" else 1, {} if rest == "*" else {rest: 1}, user=user)
    if command == "getLog":
        return member.ask("getLog", rest, user=user)
    if command == "saslSupportedMechs":
        return member.ask("isMaster", 1, {"saslSupportedMechs": "admin.root"}, user=user)
    return member.ask(command, rest or 1, user=user)


def healthy_set(recorded, check):
    with lab.Set() as s:
        for label in ("replSetInitiate", "createUser"):
            if label in recorded:
                check(label, differences(recorded[label], s.replies[label]))

        def all_in():
            return sorted(state for _, state, _ in (s.view("a") or {}).values()) == ["PRIMARY", "SECONDARY", "SECONDARY"]
        assert lab.wait_for(all_in, 60), s.view("a")
        for role in recorded:
            if role not in ("primary", "secondary"):
                continue
            if role == "secondary":
                assert s.settled(60)
            member = s["a" if role == "primary" else "b"]
            for name, expected in recorded[role].items():
                reply = observed(member, name, "root")
                if name == "wrong-password":
                    refused = member.ask("serverStatus", authMechanism="SCRAM-SHA-256", user="root", password="wrong")
                    found = [] if refused.get("code") == 18 else [f"{refused}"]
                elif name in ("serverStatus", "getParameter.*"):
                    found = projected(expected, reply)
                else:
                    found = differences(expected, reply, name)
                check(f"{role} / {name}", found)


# ---- 03 -------------------------------------------------------------------------------------


def by_words(text, s, change, members, now):
    """What a label that isn't among the known ones asks for, by its words; None when they say nothing, or more."""
    if text.startswith(("reconfig", "replSetReconfig")):
        fields = words.reconfiguration(words.Label(text), members, now)
        return None if fields is None else lambda: change(**fields)
    question = words.Question(text)
    if question.command is None:
        return None

    def ask():
        for _ in range(question.times):
            reply = s[question.member].ask(question.command, question.value, question.fields, question.database,
                                           user=question.user)
        return reply
    return ask


def answers(recorded, check):
    with lab.Set() as s:
        assert s.settled(60)
        a, b = s["a"], s["b"]
        a.ask("insert", "t0", {"documents": [{}]}, "test")
        config = a.ask("replSetGetConfig")["config"]
        settings = dict(config["settings"])
        settings.pop("replicaSetId")
        base = dict(config, settings=settings)
        now = config["version"]

        def change(_member=a, **fields):
            return _member.ask("replSetReconfig", dict(base, **fields))

        members = base["members"]
        asked = {
            "read on secondary without slaveOk": lambda: b.ask("find", "t", database="test"),
            "unknown command": lambda: a.ask("nonsense"),
            "unknown command field": lambda: a.ask("ping", 1, {"nonsense": 1}),
            "createUser twice": lambda: a.ask("createUser", "root", {"pwd": "x", "roles": []}),
            "updateUser missing": lambda: a.ask("updateUser", "ghost", {"pwd": "x"}),
            "replSetReconfig on secondary": lambda: change(b, version=now + 1),
            "replSetReconfig same version": change,
            "reconfig duplicate host": lambda: change(
                version=now + 1, members=words.member_with(members, 1, host=members[0]["host"])),
            "reconfig unknown field": lambda: change(version=now + 1, bogus=1),
            "reconfig wrong set name": lambda: change(version=now + 1, _id="other"),
            "reconfig changing _id of host": lambda: change(members=words.member_with(members, 1, _id=9)),
            "reconfig zero votes with priority": lambda: change(
                version=now + 1, members=words.member_with(members, 1, votes=0)),
            "reconfig removing self": lambda: change(members=members[1:]),
            "rotateCertificates": lambda: a.ask("rotateCertificates"),
            "logRotate": lambda: b.ask("logRotate"),
            "find": lambda: a.ask("find", "t", database="test"),
            "duplicate key": lambda: a.ask("insert", "t", {"documents": [{"_id": 1}]}, "test"),
            "unauthenticated insert": lambda: a.ask("insert", "t", {"documents": [{}]}, "test", user=None),
            "fsync lock": lambda: b.ask("fsync", 1, {"lock": True}),
            "fsyncUnlock": lambda: b.ask("fsyncUnlock"),
            "currentOp keys": lambda: sorted(set().union(*(o for o in a.ask(
                "currentOp", 1, {"$all": True})["inprog"] if o.get("desc", "").startswith("conn") and o.get("active")
                )) - {"connectionId", "client", "clientMetadata", "effectiveUsers", "lsid", "secs_running", "appName",
                      "microsecs_running", "killPending"}),
        }
        for label, expected in recorded.items():
            if label not in asked:
                asked[label] = by_words(label, s, change, members, now)
            if asked[label] is None:
                continue
            if label == "duplicate key":
                a.ask("insert", "t", {"documents": [{"_id": 1}]}, "test")
            reply = asked[label]()
            if label == "currentOp keys":
                found = [f"{n}: missing" for n in expected if n not in reply]
            else:
                found = differences(expected, reply)
            check(label, found)


# ---- 04 -------------------------------------------------------------------------------------


def renamed(config, domain):
    """As the server gave it, ids as ids: a document in place of the set's id is refused."""
    config = as_given(config)
    return dict(config, version=config["version"] + 1, members=[
        dict(m, host=f"{m['host'].split('.')[0]}.{domain}:{lab.PORT}") for m in config["members"]])


def reconfigure(recorded, check):
    handoff = "replSetStepDown 60 (handoff)"
    with lab.Set() as s:
        s.settled()
        a = s["a"]

        def rename(domain):
            reply = a.ask("replSetReconfig", renamed(a.ask("replSetGetConfig")["config"], domain))
            lab.wait_for(lambda: set(x[0] for x in s.view("a").values()) == {1.0}, 10)
            lab.wait_for(lambda: all(m["configVersion"] == a.ask("replSetGetConfig")["config"]["version"]
                                     for m in a.ask("replSetGetStatus")["members"]), 10)
            time.sleep(0.5)
            return reply

        replies = {"rename all members in one reconfiguration": rename(lab.OTHER_DOMAIN)}
        replies["status after"] = a.ask("replSetGetStatus")
        replies["isMaster after"] = a.ask("isMaster")
        replies["rename back"] = rename(lab.DOMAIN)
        replies["states"] = s.view("a")
        for label, reply in replies.items():
            if label in recorded:
                check(label, differences(recorded[label], reply))
        if not any(label.startswith(handoff) for label in recorded):
            return
        s.settled()
        with measured.Probe(s) as probe:
            time.sleep(1)
            began = time.monotonic()
            reply = a.ask("replSetStepDown", 20)
            took = time.monotonic() - began
            new = lab.wait_for(s.primary, 20, 0.01)
            handed = time.monotonic() - began
            time.sleep(3)
            states = s.view("b")
            lab.wait_for(lambda: s.primary() == "a", 60, 0.1)
            back = time.monotonic() - began
            time.sleep(1)
        checks = {
            "": lambda e: differences(e, reply),
            " seconds to answer": lambda e: measured.about(e, took, 0.5),
            # b and c are equals: which of them is asked is the old primary's choice
            " new primary": lambda e: [] if new in ("b", "c") else [f"{new}"],
            " seconds to new primary": lambda e: measured.about(e, handed, 0.5),
            " states 3 s later": lambda e: measured.same_states(e, states),
            " seconds until the higher priority member is primary again": lambda e: measured.about(e, back, 5),
            " write probe": lambda e: measured.compare_probe(e, probe.result()),
        }
        for end, compare in checks.items():
            if handoff + end in recorded:
                check(handoff + end, compare(recorded[handoff + end]))
