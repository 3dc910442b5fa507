"""Recordings of one server alone: never initiated (01), changed at run time (05), starting (06), its clients (08)."""

import pathlib

import pymongo

import lab
from compare import differences, failure_kind, missing_lines, outcome_kind, projected, unrecorded_errors


def uninitiated(recorded, check):
    member = lab.Member("a").start()
    try:
        assert member.up(), member.lines()[-5:]
        for command, reply in recorded.items():
            check(command, differences(reply, member.ask(command, user=None)))
    finally:
        member.kill()


# ---- 05 -------------------------------------------------------------------------------------


def run_time_modes(recorded, check):
    by_mode = {}
    for label, entry in recorded.items():
        mode, change = label.split(" -> ")
        by_mode.setdefault(mode, []).append((label, *change.split("="), entry))
    for mode, rows in by_mode.items():
        member = None
        for label, name, value, entry in rows:
            if member is None:
                member = lab.Member("a", replset=False, keyfile=False, tls=lab.tls_of("a", mode)).start()
                assert member.up(), member.lines()[-5:]
            tls = lab.CLIENT_TLS if mode == "requireTLS" else {}
            reply = member.ask("setParameter", 1, {name: value}, user=None, tls=tls)
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


# ---- 06 -------------------------------------------------------------------------------------

REQUIRE = {"mode": "requireTLS", "certificateKeyFile": f"{lab.FILES}/a.pem", "CAFile": f"{lab.FILES}/ca.pem",
           "allowConnectionsWithoutCertificates": True}
BY_COMMAND = dict(REQUIRE, certificateKeyFile=f"{lab.FILES}/a.enc.pem",
                  certificateKeyFilePassword='{__exec: "printf s3cret"}')


def provide(label, tls):
    """Makes the odd file that a label speaks of, where the lab doesn't have it."""
    path = pathlib.Path(tls.get("certificateKeyFile", lab.FILES / "a.pem"))
    if path.exists() or "missing" in label:
        return
    ours, others = ((lab.FILES / name).read_text(encoding="ascii") for name in ("a.pem", "b.pem"))
    at = "-----BEGIN PRIVATE KEY"
    if "match" in label or "another key" in label:
        path.write_text(ours[:ours.index(at)] + others[others.index(at):], encoding="ascii")
    elif "key" in label:
        path.write_text(ours[:ours.index(at)], encoding="ascii")


def start_up(recorded, check):
    for label, entry in recorded.items():
        more, mode = [], None
        if "__exec" in label:
            member = lab.Member("a", replset=False, keyfile=False, tls=BY_COMMAND)
            more = [] if "no --configExpand" in label else ["--configExpand", "exec"]
            mode = 0o644 if "0644" in label else 0o600
        elif label == "net.ssl spelling":
            member = lab.Member("a", replset=False, keyfile=False, tls=REQUIRE, spelling="ssl")
        elif label == "keyFile too short":
            member = lab.Member("a", replset=False, tls=REQUIRE, key_path=lab.FILES / "keyfile.short")
        elif entry.get("net.tls in file") is not None:
            provide(label, entry["net.tls in file"])
            member = lab.Member("a", replset=False, keyfile=False, tls=entry["net.tls in file"])
        else:
            continue
        try:
            check(label, started(member, entry, more, mode))
        finally:
            member.kill()


def started(member, entry, more, mode):
    found = []
    member.write_conf()
    if mode:
        member.conf.chmod(mode)
    member.start(*more, test_commands=not more and mode is None)
    up = member.up(10)
    status = None if up else member.process.wait(10)
    if "started" in entry and entry["started"] != up:
        found.append(f"started: {up}; recorded {entry['started']}")
    if entry["exit status"] != status:
        found.append(f"exit status: {status}; recorded {entry['exit status']}")
    out = member.out.read_text(encoding="utf-8").splitlines()
    found += missing_lines(entry["stdout/stderr"], out) + unrecorded_errors(entry["stdout/stderr"], out)
    if "log" in entry:
        found += missing_lines(entry["log"], member.lines()) + unrecorded_errors(entry["log"], member.lines())
    for how, tls in (("ping over TLS", lab.CLIENT_TLS), ("ping in plaintext", {})):
        if how in entry and up:
            reply = member.ask("ping", user=None, tls=tls, serverSelectionTimeoutMS=1000)
            if outcome_kind(entry[how]) != outcome_kind(reply):
                found.append(f"{how}: {outcome_kind(reply)}; recorded {outcome_kind(entry[how])}")
    if "getCmdLineOpts" in entry and up:
        found += differences(entry["getCmdLineOpts"], member.ask("getCmdLineOpts", user=None, tls=lab.CLIENT_TLS))
    return found


# ---- 08 -------------------------------------------------------------------------------------


def way(text):
    """Options of a client described as "TLS by IP" and the like."""
    options = {}
    if text.startswith("TLS"):
        options.update(lab.CLIENT_TLS)
    if "by IP" in text:
        options["host"] = lab.ADDRESSES["a"]
    if "by another name" in text:
        options["host"] = f"a.{lab.OTHER_DOMAIN}"
    if "trusts another CA" in text:
        options["tlsCAFile"] = f"{lab.FILES}/other-ca.pem"
    if "client certificate" in text:
        other = "other." if "of another CA" in text else ""
        options["tlsCertificateKeyFile"] = f"{lab.FILES}/client.{other}pem"
    return options


def clients(recorded, check):
    by_mode = {}
    for label, entry in recorded.items():
        server, what = label.split(": ", 1)
        by_mode.setdefault(server.split(" ")[1], []).append((label, what, entry))
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
