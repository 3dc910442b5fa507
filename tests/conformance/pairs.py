"""Recordings of a and b in one mode and c in another, or c with wrong certificates (07)."""

import re

import lab
from compare import differences, missing_lines

CERTIFICATES = {
    "c presents a certificate with another name": {"certificateKeyFile": f"{lab.FILES}/c.zzz.pem"},
    "c presents an expired certificate": {"certificateKeyFile": f"{lab.FILES}/c.expired.pem"},
    "c presents a certificate of another CA": {"certificateKeyFile": f"{lab.FILES}/c.other.pem"},
    "c trusts only another CA": {"CAFile": f"{lab.FILES}/other-ca.pem"},
}
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
        check(label, replay(ab, tls, entry))


def replay(ab, tls, entry):
    with lab.Set(ab) as s:
        s.settled()
        c = s["c"]
        logs = {name: "\n".join(entry[f"log of {name}"]) for name in "ac"}
        if "Heartbeat to a" in logs["c"] and "refused" in logs["c"]:
            disturb(s, "a", "c")
        before = s["a"].ask("ping", user=None, tls=s.tls) and len(s["a"].lines())
        c.stop()
        if "Connection refused" in logs["a"]:
            lab.wait_for(lambda: "Connection refused" in "".join(s["a"].lines(before)), 5)
        c.tls = tls
        c.start()
        up = c.up(10)
        found = [f"c started: {up}"] if entry.get("c started", True) != up else []
        if "VoteRequester" in logs["a"]:
            for name in "ba":
                s[name].ask("replSetStepUp", user="__system", tls=s.tls)
                lab.wait_for(lambda n=name: s.primary() == n, 5)

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
                wrong += [f"{name}: {line}" for line in missing_lines(entry[f"log of {name}"], s[name].lines())]
            return wrong

        history = ("Fetcher", "SyncSourceFeedback", "non-command initiated")  # lines that no waiting brings
        lab.wait_for(lambda: all(any(h in u for h in history) for u in unequal()), 12, 0.5)
        return found + unequal()


def disturb(s, name, witness):
    """Away for as long as it takes the witness to notice."""
    before = len(s[witness].lines())
    s[name].kill()
    lab.wait_for(lambda: "Connection refused" in "".join(s[witness].lines(before)), 5)
    s[name].start()
    s[name].up()
    s.settled()
