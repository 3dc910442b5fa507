"""Recordings of one server alone: never initiated (01), changed at run time (05), its clients (08)."""

import re

import pymongo

import lab
import words
from observing import observed
from compare import differences, failure_kind, missing_lines, outcome_kind, projected, unrecorded_errors


def uninitiated(recorded, check):
    member = lab.Member("a").start()
    try:
        assert member.up(), member.lines()[-5:]
        for command, reply in recorded.items():
            check(command, differences(reply, observed(member, command, None)))
    finally:
        member.kill()


# ---- 05 -------------------------------------------------------------------------------------


def run_time_modes(recorded, check):
    by_mode = {}
    for label, entry in recorded.items():
        if not re.fullmatch(r"\w+ -> \w+=\w+(, *\w+=\w+)*", label) or words.parts_overlooked(
                entry, ("reply", "getParameter after")):
            continue
        mode, change = label.split(" -> ")
        changes = dict(one.strip().split("=") for one in change.split(","))  # several go into one command
        by_mode.setdefault(mode, []).append((label, changes, entry))
    for mode, rows in by_mode.items():
        member = None
        for label, changes, entry in rows:
            if member is None:
                member = lab.Member("a", replset=False, keyfile=False, tls=lab.tls_of("a", mode)).start()
                assert member.up(), member.lines()[-5:]
            tls = lab.CLIENT_TLS if mode == "requireTLS" else {}
            reply = member.ask("setParameter", 1, changes, user=None, tls=tls)
            found = differences(entry["reply"], reply, "reply")
            if "was" in reply and not lab.wait_for(
                    lambda m=member, t=tls: m.ask("ping", user=None, tls=t).get("ok"), 5):
                tls = lab.CLIENT_TLS
            for parameter, after in entry["getParameter after"].items():
                found += differences(after, member.ask(
                    "getParameter", 1, {parameter: 1}, user=None,
                    tls=lab.CLIENT_TLS if after.get("tlsMode") == "requireTLS" or after.get("sslMode") == "requireSSL"
                    else tls), "after")
            check(label, found)
            if "was" in reply:  # it has another mode now: the next row begins anew
                member.kill()
                member = None
        if member:
            member.kill()


# ---- 08 -------------------------------------------------------------------------------------


def way(text):
    """Options of a client described as "TLS by IP" and the like; None when that says more than is understood."""
    options, label = {}, words.Label(text)
    if label.take(r"^TLS\b"):
        options.update(lab.CLIENT_TLS)
    else:
        label.take(r"^plaintext\b")
    label.take(r"\bby name\b")
    if label.take(r"\bby IP\b"):
        options["host"] = lab.ADDRESSES["a"]
    if label.take(r"\bby another name\b"):
        options["host"] = f"a.{lab.OTHER_DOMAIN}"
    if label.take(r"\b(client )?trusts another CA\b"):
        options["tlsCAFile"] = f"{lab.FILES}/other-ca.pem"
    certificate = label.take(r"\bclient certificate( of another CA)?\b")
    if certificate:
        options["tlsCertificateKeyFile"] = f"{lab.FILES}/client.{'other.' if certificate[1] else ''}pem"
    return None if label.overlooked() else options


def clients(recorded, check):
    by_mode = {}
    for label, entry in recorded.items():
        server = re.fullmatch(r"server (\w+): (.*)", label)
        known = server and (server[2] == "counters" or not (
            way(server[2]) is None or words.parts_overlooked(entry, ("client", "server log"))))
        if known:
            by_mode.setdefault(server[1], []).append((label, server[2], entry))
    for mode, rows in by_mode.items():
        member = lab.Member("a", replset=False, keyfile=False, tls=lab.tls_of("a", mode)).start()
        try:
            assert member.up(), member.lines()[-5:]
            for label, what, entry in rows:
                check(label, counters(member, mode, entry) if what == "counters" else attempt(member, what, entry))
        finally:
            member.kill()


def counters(member, mode, entry):
    status = member.ask("serverStatus", user=None, tls=lab.CLIENT_TLS if mode == "requireTLS" else {})
    found = projected(entry, status)
    if (status["transportSecurity"]["1.3"] > 0) != (entry["transportSecurity"]["1.3"] > 0):
        found.append(f"transportSecurity 1.3: {status['transportSecurity']['1.3']}")
    return found


def attempt(member, what, entry):
    before, options = len(member.lines()), way(what)
    host = options.pop("host", f"a.{lab.DOMAIN}")
    client = pymongo.MongoClient(host, lab.PORT, serverSelectionTimeoutMS=1200, directConnection=True, **options)
    try:
        outcome = "ok" if client.admin.command("ping")["ok"] == 1.0 else "refused"
    except pymongo.errors.PyMongoError as error:
        outcome = failure_kind(type(error).__name__, str(error))
    client.close()
    expected = outcome_kind(entry["client"])
    found = [] if outcome == expected else [f"client: {outcome}; recorded {expected}"]
    if lab.wait_for(lambda: not missing_lines(entry["server log"], member.lines(before)), 2):
        lines = member.lines(before)
        return found + unrecorded_errors(entry["server log"], lines)
    lines = member.lines(before)
    return found + missing_lines(entry["server log"], lines) + unrecorded_errors(entry["server log"], lines)
