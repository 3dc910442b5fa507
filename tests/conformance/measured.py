"""Recordings of measured transitions (09, 10) and of signing keys (11): orders, ratios, elections, kinds of errors.

Absolute times belong to the machine of the recordings. What is held: no acknowledged write is lost, which errors
clients may see at all, how many elections, and pauses of the recorded order of magnitude.
"""

import threading
import time

import pymongo

import lab
from compare import as_given, differences, mask

FACTOR = 3.0


class Probe:
    """Inserts with majority concern, 2 ms after the last answer."""

    def __init__(self, s, **tls):
        self.set, self.client = s, s.uri_client(**tls)
        self.acknowledged, self.errors, self.gaps, self.stopping = [], [], [], False
        self.moved = None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def run(self):
        number, last = 0, time.monotonic()
        while not self.stopping:
            if self.moved:
                self.client.close()
                self.client, self.moved = self.moved, None
            number += 1
            try:
                self.client.probe.t.insert_one({"_id": number})
                self.acknowledged.append(number)
                now = time.monotonic()
                if now - last > 1.0:
                    self.gaps.append(now - last)
                last = now
            except pymongo.errors.PyMongoError as error:
                self.errors.append(f"{type(error).__name__}: {error}")
            time.sleep(0.002)

    def move(self, **tls):
        self.moved = self.set.uri_client(**tls)

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.stored = lab.wait_for(self.read, 10) or set()
        self.client.close()

    def read(self):
        concern = pymongo.read_concern.ReadConcern("majority")
        try:
            return {d["_id"] for d in self.client.probe.get_collection("t", read_concern=concern).find()}
        except pymongo.errors.OperationFailure as error:
            # 211: it leads and can't sign yet, which is one of the hazards. 18: who steps down, or has just
            # started, can't look a user up, and says no more than that.
            if error.code not in (18, 211):
                raise
            return None

    def result(self):
        return {"acked": len(self.acknowledged), "stored": len(self.stored), "errors": len(self.errors),
                "err": self.errors[:3], "max_gap": max(self.gaps, default=0.0), "gaps": self.gaps,
                "lost": len(set(self.acknowledged) - self.stored)}


def about(recorded, seen, least):
    """Within a factor of the recorded time, or at least shorter than `least` where both are."""
    if seen <= max(recorded * FACTOR, least) and (seen >= recorded / FACTOR or recorded < 2.5):
        return []
    return [f"{seen:.2f} s; recorded {recorded} s"]


def compare_probe(recorded, seen):
    found = [f"{seen['lost']} acknowledged writes lost"] if seen["lost"] else []
    kinds = {mask(text)[:60] for _, text in recorded["err"]}
    strange = [e for e in seen["errors_all"] if mask(e)[:60] not in kinds] if "errors_all" in seen else []
    if seen["errors"] and not recorded["errors"]:
        strange = seen["err"]
    found += [f"error: {e[:200]}" for e in strange[:3]]
    if recorded["max_gap"] > 10 and seen["max_gap"] < recorded["max_gap"] / FACTOR:
        found.append(f"longest pause {seen['max_gap']:.1f} s; recorded {recorded['max_gap']} s")
    if seen["max_gap"] > max(3.5, recorded["max_gap"] * FACTOR):
        found.append(f"longest pause {seen['max_gap']:.1f} s; recorded {recorded['max_gap']} s")
    return found


def same_states(recorded, seen):
    """Who has which role, whichever of the equals it is."""
    def count(view):
        return sorted(tuple(v) for v in view.values())
    return [] if count(recorded) == count(seen) else [f"{seen}; recorded {recorded}"]


# ---- moving a set --------------------------------------------------------------------------


def term(s):
    for m in s.members.values():
        status = m.ask("replSetGetStatus", tls=s.tls, serverSelectionTimeoutMS=1000)
        if "term" in status:
            return status["term"]
    return None


def restart(s, name, mode, signed=True):
    """One member with another mode; back when it is SECONDARY (and, if wanted, signs)."""
    m = s[name]
    m.stop()
    m.tls = lab.tls_of(name, mode)
    m.start()
    m.up()
    began = time.monotonic()
    lab.wait_for(lambda: m.ask("isMaster", user=None).get("secondary"), 20, 0.01)
    secondary = time.monotonic() - began
    before = key(m)
    if signed:
        lab.wait_for(lambda: key(m), 10, 0.02)
    return secondary, before


def key(m, **tls):
    return m.ask("ping", **tls).get("$clusterTime", {}).get("signature", {}).get("keyId")


def hand_over(s, seconds=20):
    s[s.primary()].ask("replSetStepDown", seconds)
    return lab.wait_for(s.primary, 20, 0.02)


def roll(s, mode, signed=True):
    """Everybody to `mode`: secondaries, stepdown, the former primary."""
    first = s.primary()
    for name in s.members:
        if name != first:
            restart(s, name, mode, signed)
    hand_over(s)
    restart(s, first, mode, signed)


def at_run_time(s, mode):
    for m in s.members.values():
        m.ask("setParameter", 1, {"tlsMode": mode}, tls=s.tls)


def probed(s, action, tls=None, rest=1.0):
    """(probe's result, elections) while action runs."""
    before = term(s)
    with Probe(s) as probe:
        time.sleep(0.5)
        action(probe)
        if tls is not None:
            probe.move(**tls)
            time.sleep(1)
        s.tls = tls if tls is not None else s.tls
        lab.wait_for(s.primary, 30)
        time.sleep(rest)
        probe_end = probe
    elections = term(s) - before
    return probe_end.result(), elections


def with_elections(recorded, result, elections):
    found = compare_probe(recorded, result)
    if recorded.get("elections") not in (None, elections):
        found.append(f"{elections} elections; recorded {recorded['elections']}")
    return found


# ---- 09 ------------------------------------------------------------------------------------


def up_to_require(s):
    def action(probe):
        roll(s, "allowTLS")
        lab.wait_for(s.primary)
        at_run_time(s, "preferTLS")
        probe.move(**lab.CLIENT_TLS)
        time.sleep(0.5)
        at_run_time(s, "requireTLS")
        s.tls = lab.CLIENT_TLS
    return action


def kill_primary(s):
    s[s.primary()].kill()
    lab.wait_for(lambda: s.primary() is not None, 30)


def stop_primary(s):
    s[s.primary()].stop()
    lab.wait_for(lambda: s.primary() is not None, 30)


def secondaries_down(s):
    for name in ("b", "c"):
        restart(s, name, "disabled")


def two_passes(s):
    for mode in ("allowTLS", "disabled"):
        roll(s, mode)
        lab.wait_for(s.primary)


def transitions(recorded, check):
    actions = {  # label: (mode at first, priorities, action, TLS of the clients afterwards)
        "disabled to require, 3 restarts, 1 stepdown, then at run time; prio of a = 1":
            ("disabled", {"a": 1}, up_to_require, lab.CLIENT_TLS),
        "the same, a has priority 2 and takes over": ("disabled", {"a": 2}, up_to_require, lab.CLIENT_TLS),
        "stepdown alone": ("disabled", {"a": 1}, lambda s: lambda _: hand_over(s), None),
        "SIGTERM on the primary": ("disabled", {"a": 1}, lambda s: lambda _: stop_primary(s), None),
        "kill -9 of the primary": ("disabled", {"a": 1}, lambda s: lambda _: kill_primary(s), None),
        "preferTLS to disabled in one rolling pass (secondaries only)":
            ("preferTLS", {"a": 2}, lambda s: lambda _: secondaries_down(s), None),
        "preferTLS to allowTLS to disabled in two passes":
            ("preferTLS", {"a": 1}, lambda s: lambda _: two_passes(s), None),
    }
    for label, (mode, priorities, action, tls) in actions.items():
        if label in recorded:
            with lab.Set(mode, priorities) as s:
                s.settled()
                result, elections = probed(s, action(s), tls)
                expected = dict(recorded[label])
                if label.startswith("preferTLS to allowTLS"):
                    expected["elections"] = 2
                check(label, with_elections(expected, result, elections))
    ages = "disabled to require by the fewest steps, again, on sets aged 0, 0 and 25 s"
    if ages in recorded:
        entry = recorded[ages][-1]
        with lab.Set("disabled", {"a": 1}) as s:
            s.settled()
            result, elections = probed(s, up_to_require(s), lab.CLIENT_TLS)
            check(ages, with_elections(dict(entry, elections=1), result, elections))
    run_time(recorded, check)


def run_time(recorded, check):
    """What survives requireTLS, on a server alone."""
    plain = "ping on the old plaintext session after requireTLS"
    if plain not in recorded:
        return
    member = lab.Member("a", replset=False, keyfile=False, tls=lab.tls_of("a", "allowTLS")).start()
    try:
        assert member.up()
        with member.client(user=None, heartbeatFrequencyMS=60000) as old:
            old.admin.command("ping")
            before = len(member.lines())
            replies = {"prefer": lab.ask(old, "setParameter", 1, {"tlsMode": "preferTLS"}),
                       "require": lab.ask(old, "setParameter", 1, {"tlsMode": "requireTLS"}),
                       plain: lab.ask(old, "ping")}
            for label, reply in replies.items():
                check(label, differences(recorded[label], reply))
            from compare import missing_lines, outcome_kind  # pylint: disable=import-outside-toplevel
            new = member.ask("ping", user=None, serverSelectionTimeoutMS=1200)
            expected = recorded["new plaintext connection"]
            check("new plaintext connection",
                  [] if outcome_kind(new) == outcome_kind(expected) else [f"{new}"])
            current = lab.ask(old, "currentOp", 1, {"$all": True})
            clients = [o for o in current["inprog"] if o.get("clientMetadata")]
            wanted = {k for k, v in recorded["currentOp fields that tell a client"][0].items() if v is not None}
            check("currentOp fields that tell a client",
                  [] if clients and all(wanted <= set(o) for o in clients) else [f"{clients}"])
            check("server log", missing_lines(recorded["server log"], member.lines(before)))
    finally:
        member.kill()


# ---- 10 ------------------------------------------------------------------------------------


def more(recorded, check):
    label = "restarted secondary: until it signs $clusterTime"
    if label in recorded:
        with lab.Set("disabled", {"a": 2}) as s:
            s.settled()
            found = []
            for _ in range(2):
                s["b"].kill()
                began = time.monotonic()
                s["b"].start().up()
                lab.wait_for(lambda: s["b"].ask("isMaster", user=None).get("secondary"), 20, 0.01)
                secondary = time.monotonic() - began
                lab.wait_for(lambda: key(s["b"]), 10, 0.01)
                signs = time.monotonic() - began
                if not 0.5 <= secondary <= 4 or not secondary < signs <= secondary + 2:
                    found.append(f"SECONDARY after {secondary:.2f} s, signs after {signs:.2f} s")
                if key(s["b"]) != key(s["a"]):
                    found.append("another key than the primary's")
            check(label, found)
    for label, signed in (("stepdown as soon as the restarted members are SECONDARY", False),
                          ("stepdown after they also sign cluster time", True)):
        if label in recorded:
            with lab.Set("disabled", {"a": 1}) as s:
                s.settled()

                def action(_probe, s=s, signed=signed):
                    first = s.primary()
                    for name in s.members:
                        if name != first:
                            restart(s, name, "disabled", signed)
                    hand_over(s)
                result, _ = probed(s, action)
                if not signed and all("Cache Reader No keys found for HMAC" in e for e in result["err"]):
                    result["errors"] = 0  # that is the hazard
                check(label, compare_probe(recorded[label], result))
    trap = "preferTLS to disabled in one pass, the way the historic service did it"
    if trap in recorded:
        check(trap, one_pass(recorded[trap]))
    if "arbiter" in recorded:
        arbiter(recorded["arbiter"], check)


def one_pass(entry):
    with lab.Set("preferTLS", {"a": 2}) as s:
        s.settled()
        found = []
        with Probe(s) as probe:
            for name in ("b", "c"):
                restart(s, name, "disabled")
            expected = entry["what a (preferTLS, primary) sees"]
            lab.wait_for(lambda: s.view("a") == expected, 15, 0.2)
            found += differences(expected, s.view("a"), "a sees")
            found += differences(entry["what b (disabled) sees"], s.view("b"), "b sees")
            began = time.monotonic()
            reply = s["a"].ask("replSetStepDown", 10, {"secondaryCatchUpPeriodSecs": 10})
            found += differences(entry["replSetStepDown"], {k: v for k, v in reply.items() if k[0] != "$" and k != "operationTime"},
                                 "replSetStepDown")
            found += about(entry["seconds to answer"], time.monotonic() - began, 1)
            restart(s, "a", "disabled", signed=False)
            lab.wait_for(lambda: s.primary() is not None, 60)
            time.sleep(1)
        return found + [f for f in compare_probe(dict(entry["probe"], max_gap=9), probe.result()) if "pause" not in f]


def arbiter(entry, check):
    with lab.Set("allowTLS", {"a": 2, "c": 0}, arbiter="c") as s:
        lab.wait_for(lambda: s.view("a") and {v[1] for v in s.view("a").values()} == {"PRIMARY", "SECONDARY", "ARBITER"}, 20)
        a, c = s["a"], s["c"]
        change = {"tlsMode": "preferTLS"}
        config = as_given(a.ask("replSetGetConfig")["config"])
        lab.wait_for(lambda: key(a), 10)
        seen = {
            "add arbiter": a.ask("replSetReconfig", dict(config, version=config["version"] + 1)),
            "states": s.view("a"),
            "arbiter: authenticated setParameter tlsMode": c.ask("setParameter", 1, change),
            "arbiter: unauthenticated from localhost setParameter tlsMode": c.ask("setParameter", 1, change, user=None),
            "arbiter: unauthenticated getParameter tlsMode": c.ask("getParameter", 1, {"tlsMode": 1}, user=None),
            "arbiter: isMaster": c.ask("isMaster", user=None),
            "arbiter: getCmdLineOpts": c.ask("getCmdLineOpts", user="__system"),
            "arbiter: as __system with the keyFile": c.ask("setParameter", 1, change, user="__system"),
        }
        for part, expected in entry.items():
            check(f"arbiter / {part}", differences(expected, seen[part], part) if part in seen else ["not replayed"])


# ---- 11 ------------------------------------------------------------------------------------


def signing_keys(recorded, check):
    """A restarted member is SECONDARY before it signs; with the guard nobody sees an error."""
    for label, entry in recorded.items():
        with lab.Set("disabled", {"a": 1}) as s:
            s.settled()
            before = {}

            def action(_probe, s=s, before=before, guard=entry["guard"]):
                first = s.primary()
                for name in s.members:
                    if name != first:
                        before[name] = restart(s, name, "disabled", signed=False)[1]
                if guard:
                    lab.wait_for(lambda: all(key(m) for m in s.members.values()), 10, 0.01)
                hand_over(s)
            result, _ = probed(s, action)
            hazard = not entry["guard"] and all("Cache Reader No keys found for HMAC" in e for e in result["err"])
            found = compare_probe(entry, dict(result, errors=0) if hazard else result)
            late = list(before.values())[-1:]
            if "None" in entry["keys_before"].values() and late != [None]:
                found.append(f"the member restarted last signs as soon as it is SECONDARY: {before}")
            check(label, found)
