"""Recordings of one server alone: never initiated (01), changed at run time (05), starting (06), its clients (08)."""

import pathlib
import re

import pymongo

import lab
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


def key_file(text, mode=0o600):
    path = lab.FILES / "keyfile.odd"
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def occupy(member):
    """Somebody else's socket where the member wants to listen, until the process of the test ends."""
    taken = lab.processes.socket.socket()
    taken.setsockopt(lab.processes.socket.SOL_SOCKET, lab.processes.socket.SO_REUSEADDR, 1)
    taken.bind((member.address, lab.PORT))
    taken.listen()
    return taken


def server(**more):
    return lab.Member("a", replset=False, **{"keyfile": False, **more})


def exec_by(command, label):
    member = server(tls=dict(BY_COMMAND, certificateKeyFilePassword=f'{{__exec: "{command}"}}'))
    expand = [] if "no --configExpand" in label else ["--configExpand", "rest" if "expand rest" in label else "exec"]
    mode = re.search(r"\b0[0-7]{3}\b", label)
    return member, expand, int(mode.group(), 8) if mode else 0o600


# What a label's words say of the file and the command line, where `net.tls in file` doesn't: the first row that fits.
BY_LABEL = (
    (r"__exec.*(fail|exits|status)", lambda l: exec_by("exit 3", l)),
    (r"__exec", lambda l: exec_by("printf s3cret", l)),
    (r"net\.ssl|ssl spelling", lambda l: (server(tls=REQUIRE, spelling="ssl"), [], None)),
    (r"both .*(tls|ssl)", lambda l: (server(tls=REQUIRE, extra="net.ssl.mode: requireSSL\n"), [], None)),
    (r"keyFile.*too short", lambda l: (server(keyfile=True, tls=REQUIRE, key_path=lab.FILES / "keyfile.short"), [], None)),
    (r"keyFile.*too long", lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file("a" * 1025)), [], None)),
    (r"keyFile.*(open|world|group|readable|permission|06[1-7]|064)",
     lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file(lab.processes.KEY, 0o644)), [], None)),
    (r"keyFile.*(missing|not there|absent|exist)",
     lambda l: (server(keyfile=True, tls=REQUIRE, key_path=lab.FILES / "nokeyfile"), [], None)),
    (r"keyFile.*(char|base64|invalid|bad)",
     lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file("no-key-at-all!")), [], None)),
    (r"keyFile.*empty", lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file("")), [], None)),
    (r"keyFile.*(three|3 keys)",
     lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file("- aaaaaa\n- bbbbbb\n- cccccc\n")), [], None)),
    (r"keyFile.*(two|2 keys|list)",
     lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file("- aaaaaa\n- bbbbbb\n")), [], None)),
    (r"unknown .*(parameter|setParameter)", lambda l: (server(), ["--setParameter", "nonsense=1"], None)),
    (r"(unknown|unrecogni[sz]ed|misspelled) .*(command line|flag|argument|--)", lambda l: (server(), ["--nonsense"], None)),
    (r"(unknown|unrecogni[sz]ed|misspelled) .*(option|key|setting)", lambda l: (server(extra="nonsense: 1\n"), [], None)),
    (r"(YAML|yaml)", lambda l: (server(extra="net: [\n"), [], None)),
    (r"wrong type|not a number|port .*(word|text)", lambda l: (server(extra="replication.oplogSizeMB: many\n"), [], None)),
    (r"transitionToAuth", lambda l: (server(extra="security.transitionToAuth: true\n"), [], None)),
    (r"clusterAuthMode (\w+).*disabled", lambda l: (server(extra=f"security.clusterAuthMode: {l.split()[1]}\n"), [], None)),
    (r"(port|address|listen)", lambda l: (server(), [], "occupied")),
    (r"(dbPath|data directory).*(missing|not there|exist)", lambda l: (server(), [], "no dbPath")),
    (r"(option|flag).*twice", lambda l: (server(), ["--port", "1", "--port", "2"], None)),
)


def start_up(recorded, check):
    for label, entry in recorded.items():
        more, odd = [], None
        if entry.get("net.tls in file") is not None:
            provide(label, entry["net.tls in file"])
            member = server(tls=entry["net.tls in file"])
        else:
            how = next((how for pattern, how in BY_LABEL if re.search(pattern, label)), None)
            if how is None:
                continue
            member, more, odd = how(label)
        taken = occupy(member) if odd == "occupied" else None
        if odd == "no dbPath":
            (member.dir / "db").rmdir()
        try:
            check(label, started(member, entry, more, odd))
        finally:
            member.kill()
            if taken:
                taken.close()


def started(member, entry, more, mode):
    found = []
    member.write_conf()
    if isinstance(mode, int):
        member.conf.chmod(mode)
    member.start(*more, test_commands=not more and not isinstance(mode, int))
    up = mode != "occupied" and member.up(10)
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
