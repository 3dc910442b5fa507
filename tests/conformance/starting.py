"""Recordings of starts (06): good and bad certificates, files and options; exit status, messages, who can connect then."""

import pathlib
import re

import lab
import words
from compare import differences, missing_lines, outcome_kind, unrecorded_errors

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


def exec_by(label, command):
    member = server(tls=dict(BY_COMMAND, certificateKeyFilePassword=f'{{__exec: "{command}"}}'))
    if label.take(r"no --configExpand"):
        expand = []
    else:
        expand = ["--configExpand", (label.take(r"(--configExpand|expand) (rest|exec)") or (0, 0, "exec"))[2]]
    mode = label.take(r"(file )?\b0[0-7]{3}\b")
    return member, expand, int(mode[0].split()[-1], 8) if mode else 0o600


def with_key(text, mode=0o600):
    return lambda l: (server(keyfile=True, tls=REQUIRE, key_path=key_file(text, mode)), [], None)


def with_key_path(name):
    return lambda l: (server(keyfile=True, tls=REQUIRE, key_path=lab.FILES / name), [], None)


def with_lines(text, **more):
    return lambda l: (server(extra=text, **more), [], None)


def with_arguments(*given):
    return lambda l: (server(), list(given), None)


UNKNOWN = "(unknown|unrecogni[sz]ed|misspelled)"
# What a label's words say of the file and the command line, where `net.tls in file` doesn't: the first row that fits.
BY_LABEL = (
    (r"(password by )?__exec\b.*?(fails|failing|exits \d+|status \d+)", lambda l: exec_by(l, "exit 3")),
    (r"(password by )?__exec\b", lambda l: exec_by(l, "printf s3cret")),
    (r"net\.ssl spelling|ssl spelling", lambda l: (server(tls=REQUIRE, spelling="ssl"), [], None)),
    (r"(net\.)?ssl and (net\.)?tls both|(net\.)?tls and (net\.)?ssl both|both (net\.)?\w+ and (net\.)?\w+|both spellings",
     with_lines("net.ssl.mode: requireSSL\n", tls=REQUIRE)),
    (r"keyFile too short", with_key_path("keyfile.short")),
    (r"keyFile too long", lambda l: with_key("a" * 1025)(l)),
    (r"keyFile (readable by (all|everybody|others|group|the group)|(too )?open|world-readable|permissions|06[1-7]\d|064\d)",
     lambda l: with_key(lab.processes.KEY, 0o644)(l)),
    (r"keyFile (missing|not there|absent|doesn't exist)|(no|missing) keyFile", with_key_path("nokeyfile")),
    (r"keyFile (with )?(\w+ )?(characters?|base64|invalid|bad)", lambda l: with_key("no-key-at-all!")(l)),
    (r"keyFile empty|empty keyFile", lambda l: with_key("")(l)),
    (r"keyFile (with )?(three|3) keys", lambda l: with_key("- aaaaaa\n- bbbbbb\n- cccccc\n")(l)),
    (r"keyFile (with )?(two|2) keys", lambda l: with_key("- aaaaaa\n- bbbbbb\n")(l)),
    (rf"{UNKNOWN} (parameter|setParameter)", with_arguments("--setParameter", "nonsense=1")),
    (rf"{UNKNOWN} ((option )?on the command line|flag|argument|command line option)", with_arguments("--nonsense")),
    (rf"{UNKNOWN} (option|key|setting)( in (the )?(file|YAML))?", with_lines("net.bogus: 1\n")),
    (r"(not|broken|bad|invalid) YAML|YAML (error|broken)", with_lines("net: [\n")),
    (r"(port )?(wrong type|not a number)( for a number)?|number (that is )?a word",
     with_lines("replication.oplogSizeMB: many\n")),
    (r"transitionToAuth without (a )?keyFile", with_lines("security.transitionToAuth: true\n")),
    (r"(address|port) (in use|taken|occupied)", lambda l: (server(), [], "occupied")),
    (r"(address|bindIp) (not ours|of nobody|that can't be bound|not local|of another machine)|can't bind",
     lambda l: (server(), ["--bind_ip", "192.0.2.1"], "doesn't listen")),
    (r"(dbPath|data directory) (missing|not there|doesn't exist)", lambda l: (server(), [], "no dbPath")),
    (r"(option|flag) (given )?twice", with_arguments("--port", "1", "--port", "2")),
    (r"(option|flag) without (an )?(argument|value)|(argument|value) (missing|left out)", with_arguments("--port")),
)


def as_described(label, entry):
    """(member, arguments, what is odd) as a label and its entry say; None when they say more than is understood."""
    words_left = words.Label(label)
    how = next((how for pattern, how in BY_LABEL if words_left.take(pattern)), None)
    described = words.DESCRIPTIONS if how is None else ()
    if how is not None:
        found = how(words_left)
    elif entry.get("net.tls in file") is not None:
        provide(label, entry["net.tls in file"])
        found = server(tls=entry["net.tls in file"]), [], None
    else:
        return None
    return None if words_left.overlooked(described) else found


COMPARED = ("started", "exit status", "stdout/stderr", "log", "net.tls in file", "ping over TLS", "ping in plaintext",
            "getCmdLineOpts")


def start_up(recorded, check):
    for label, entry in recorded.items():
        described = as_described(label, entry)
        if described is None or words.parts_overlooked(entry, COMPARED):
            continue
        member, more, odd = described
        taken = occupy(member) if odd == "occupied" else None
        if odd == "no dbPath":
            (member.dir / "db").rmdir()
        try:
            check(label, started(member, entry, more, odd))
        finally:
            member.kill()
            if taken:
                taken.close()


def expected_log(entry):
    """What a start must tell. A start that ends in one of the initializers may end before another one had its say: which
    of two that need nothing of each other comes first is settled by how the server was linked."""
    if lab.IS_STANDIN or not entry["exit status"]:
        return entry["log"]
    return [line for line in entry["log"] if "Automatically disabling TLS 1.0" not in line]


def started(member, entry, more, mode):
    found = []
    member.write_conf()
    if isinstance(mode, int):
        member.conf.chmod(mode)
    member.start(*more, test_commands=not more and not isinstance(mode, int))
    up = mode not in ("occupied", "doesn't listen") and member.up(10)
    status = None if up else member.process.wait(10)
    if "started" in entry and entry["started"] != up:
        found.append(f"started: {up}; recorded {entry['started']}")
    if entry["exit status"] != status:
        found.append(f"exit status: {status}; recorded {entry['exit status']}")
    out = member.out.read_text(encoding="utf-8").splitlines()
    found += missing_lines(entry["stdout/stderr"], out) + unrecorded_errors(entry["stdout/stderr"], out)
    if "log" in entry:
        found += missing_lines(expected_log(entry), member.lines()) + unrecorded_errors(entry["log"], member.lines())
    for how, tls in (("ping over TLS", lab.CLIENT_TLS), ("ping in plaintext", {})):
        if how in entry and up:
            reply = member.ask("ping", user=None, tls=tls, serverSelectionTimeoutMS=1000)
            if outcome_kind(entry[how]) != outcome_kind(reply):
                found.append(f"{how}: {outcome_kind(reply)}; recorded {outcome_kind(entry[how])}")
    if "getCmdLineOpts" in entry and up:
        found += differences(entry["getCmdLineOpts"], member.ask("getCmdLineOpts", user=None, tls=lab.CLIENT_TLS))
    return found
