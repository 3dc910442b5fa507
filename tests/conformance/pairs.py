"""Recordings of a and b in one mode and c in another, or c with wrong certificates (07)."""

import re
import signal

import lab
import words
from compare import differences, missing_lines

CERTIFICATES = {
    "c presents a certificate with another name": {"certificateKeyFile": f"{lab.FILES}/c.zzz.pem"},
    "c presents an expired certificate": {"certificateKeyFile": f"{lab.FILES}/c.expired.pem"},
    "c presents a certificate of another CA": {"certificateKeyFile": f"{lab.FILES}/c.other.pem"},
    "c trusts only another CA": {"CAFile": f"{lab.FILES}/other-ca.pem"},
}
# Who followed whom, voted, or led when c was stopped was chance. The stand-in is brought there; a real server can't be without
# standing still for good: a member that is locked by fsync writes no vote, and lets nobody log in who might unlock it.
BY_CHANCE = re.compile(r"non-command initiated|[Ss]ync source|SyncSourceFeedback|VoteRequester|InterruptedAtShutdown")
# Whom a set elects while it is being restarted isn't part of who sees whom.
EITHER = ("PRIMARY", "SECONDARY")


def without_roles(view):
    return view and {n: [h, "member" if w in EITHER else w, m] for n, (h, w, m) in view.items()}


def pairs(recorded, check):
    for label, entry in recorded.items():
        modes = re.match(r"a,b=(\w+) c=(\w+)$", label)
        if modes:
            ab, tls = modes.group(1), lab.tls_of("c", modes.group(2))
        elif label in CERTIFICATES:
            ab, tls = "preferTLS", lab.tls_of("c", "preferTLS", **CERTIFICATES[label])
        else:
            continue
        if words.parts_overlooked(entry, ("c started", *(f"{n} sees" for n in "abc"), "log of a", "log of c")):
            continue
        check(label, replay(ab, tls, entry))


def expected_lines(recorded):
    return recorded if lab.IS_STANDIN else [line for line in recorded if not BY_CHANCE.search(line)]


def replay(ab, tls, entry):
    with lab.Set(ab) as s:
        s.settled()
        c = s["c"]
        lines = {name: expected_lines(entry[f"log of {name}"]) for name in "ac"}
        logs = {name: "\n".join(lines[name]) for name in "ac"}
        if "Heartbeat to a" in logs["c"] and "refused" in logs["c"]:
            disturb(s, "a", "c")
        before = s["a"].ask("ping", user=None, tls=s.tls) and len(s["a"].lines())
        if "non-command initiated" in logs["c"]:
            be_overtaken(s)
        else:
            if "sending update to a." in logs["c"]:  # it followed a to its end
                lead(s, "a")
                follows(s, "c", "a")
            c.stop()
        if "Connection refused" in logs["a"]:
            lab.wait_for(lambda: "Connection refused" in "".join(s["a"].lines(before)), 5)
        c.tls = tls
        c.start()
        up = c.up(10)
        found = [f"c started: {up}"] if entry.get("c started", True) != up else []
        if "VoteRequester" in logs["a"]:
            for name in "ba":
                lead(s, name)
        if "sync source c." in logs["a"]:  # it followed c, and then took over
            lead(s, "c")
            follows(s, "a", "c")
            lead(s, "a")

        # as the recordings were asked: over TLS where it is spoken, and c with its wrong certificates in plaintext
        ask_ab = lab.CLIENT_TLS if ab != "disabled" else {}
        ask_c = lab.CLIENT_TLS if tls and "c started" not in entry else {}

        def views():
            return {n: s.view(n, tls=ask_c if n == "c" else ask_ab) for n in "abc" if n != "c" or up}

        def unequal():
            seen, wrong = views(), []
            for name in "abc":
                expected = entry[f"{name} sees"]
                wrong += differences(without_roles(expected), without_roles(seen.get(name)), f"{name} sees")
            for name in "ac":
                wrong += [f"{name}: {line}" for line in missing_lines(lines[name], s[name].lines())]
            return wrong

        lab.wait_for(lambda: not unequal(), 12, 0.5)
        return found + unequal()


def follows(s, name, source):
    lab.wait_for(lambda: s[name].ask("replSetGetStatus", tls=s.tls).get("syncSourceHost") == s[source].host, 5)


def lead(s, name):
    def leads():
        s[name].ask("replSetStepUp", user="__system", tls=s.tls)
        return lab.wait_for(lambda: s.primary() == name, 3)
    lab.wait_for(leads, 10)


def be_overtaken(s):
    """c is told to end while it is primary and nobody has caught up; somebody else takes over meanwhile."""
    c = s["c"]
    lead(s, "c")
    for name in "ab":
        s[name].ask("fsync", 1, {"lock": True}, tls=s.tls)
    c.ask("insert", "t", {"documents": [{}]}, "test", tls=s.tls)
    c.process.send_signal(signal.SIGTERM)
    lab.wait_for(lambda: "got signal 15" in "".join(c.lines()[-3:]), 5)
    s["a"].ask("replSetStepUp", 1, {"skipDryRun": True}, user="__system", tls=s.tls)
    c.process.wait(40)
    for name in "ab":
        s[name].ask("fsyncUnlock", tls=s.tls)


def disturb(s, name, witness):
    """Away for as long as it takes the witness to notice."""
    before = len(s[witness].lines())
    s[name].kill()
    lab.wait_for(lambda: "Connection refused" in "".join(s[witness].lines(before)), 5)
    s[name].start()
    s[name].up()
    s.settled()
