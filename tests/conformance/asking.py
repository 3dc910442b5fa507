"""Recordings that hold what was asked beside what was answered (13, 14): a row of commands, in their order.

"start": a server of its own is started so, and asked until the next one. "as": who asks; null: nobody logged in."""

import re

import lab
from compare import differences, missing_lines, unrecorded_errors
from json_log import telling

TLS = {"tls": True, "tlsCAFile": f"{lab.FILES}/ca.pem"}


def security(words, extra=None):
    """The file's section of that name: keyFile, none, or one of clusterAuthMode's words; "+transition" as well."""
    mode, _, transition = words.partition("+")
    if mode == "none":
        return ""
    section = {} if transition else {"authorization": "enabled"}
    if mode not in ("x509", "sendX509"):
        section["keyFile"] = f"{lab.FILES}/keyfile"
    elif mode == "sendX509":  # it sends a certificate and takes keys as well
        section["keyFile"] = f"{lab.FILES}/keyfile"
    if mode != "keyFile":
        section["clusterAuthMode"] = mode
    if transition:
        section["transitionToAuth"] = "true"
    return "security:\n" + "".join(f"  {k}: {v}\n" for k, v in {**section, **(extra or {})}.items())


def started(how):
    """The server that an entry's "start" describes."""
    member = lab.Member("a", replset=False, keyfile=False, tls=lab.tls_of("a", how.get("tls", "disabled")),
                        extra=security(how["security"])).start()
    assert member.up(), member.lines()[-5:]
    return member


def answer(member, entry):
    """(reply, what the log says of it)"""
    command = dict(entry["asked"])
    name = next(iter(command))
    value, before = command.pop(name), len(member.lines())
    login = {"user": None}
    if entry["as"]:
        login = {"user": entry["as"][0], "password": entry["as"][1], "authMechanism": "SCRAM-SHA-256"}
    reply = member.ask(name, value, command, entry.get("on", "admin"), tls=TLS if member.tls else {}, **login)
    return reply, before


def log_of(member, before):
    """What a recording keeps: who was let in, and warnings; not what every connection of our own leaves there."""
    if any(line.startswith("{") for line in member.lines()[:1]):
        return [line for line in member.lines(before) if telling(line)]
    return [line for line in member.lines(before) if (" ACCESS " in line or line[29:30] in ("W", "E")) and not re.search(
        "no users configured|principal root|no SSL certificate provided", line)]


def recording(questions):
    """The same questions with what the server says now."""
    member, answered = None, {}
    try:
        for label, entry in questions.items():
            if "start" in entry:
                if member:
                    member.kill()
                member = started(entry["start"])
            reply, before = answer(member, entry)
            lab.time.sleep(lab.patient(0.3))
            answered[label] = {**entry, "reply": reply, "log": log_of(member, before)}
    finally:
        if member:
            member.kill()
    return answered


def commands(recorded, check):
    member = None
    try:
        for label, entry in recorded.items():
            if set(entry) - {"start", "as", "on", "asked", "reply", "log"}:
                continue
            if "start" in entry:
                if member:
                    member.kill()
                member = started(entry["start"])
            reply, before = answer(member, entry)
            found = differences(entry["reply"], reply)
            lab.wait_for(lambda m=member, b=before, e=entry: not missing_lines(e["log"], m.lines(b)), 2)
            check(label, found + missing_lines(entry["log"], member.lines(before))
                  + unrecorded_errors(entry["log"], member.lines(before)))
    finally:
        if member:
            member.kill()
