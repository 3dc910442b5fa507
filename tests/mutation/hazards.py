"""`make hazards`: each test of tests/integration/test_hazards.py passes, and fails as soon as the
rule against its hazard is taken out: of the planner, the laws and the observation, wherever it
stands. Works on a copy of the sources in build/hazards. ONLY=name: that hazard."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("reconciler", "specs", "drivers", "tests", "contrib", "examples", "Makefile")
BUILT = ("objects", "libevenkeel.a", "evenkeel", "mongod-standin", "contender")


SET, TRANSPORT = "reconciler/aspects/replica_set", "reconciler/aspects/transport"


def law(group, name):
    """The edit that leaves a law out of its group; its row stays, asked by nobody."""
    return (f"reconciler/laws/{group}/laws.c", f"&ek_law_{name},", "")


def phase(name, reason):
    """The edit that leaves a phase out of the order."""
    return ("reconciler/order.def", f'EK_PHASE({name}, false, "{reason}")\n', "")


# Test: (file, what stands there, what then stands there).
RULES = {
    "test_word_of_a_peer_about_the_process_before": [
        (f"{SET}/observe.c",
         "return row->heartbeat_age_ms < 0 || member->process != EK_YES ||\n"
         "           row->heartbeat_age_ms < member->age_ms;",
         "return row->heartbeat_age_ms < INT64_MAX || member->age_ms < 0;")],
    "test_a_file_ahead_of_the_running_mode": [
        phase("follow_with_files", "a crash changes nothing once files say what runs")],
    "test_a_file_behind_the_running_mode_and_a_half_broken_pair": [
        (f"{SET}/questions.c", "if (viewer == viewed || (member->healthy_for & bit))",
         "if (viewer == viewed || (member->viewed_by & bit))"),
        law("replica_set", "one_at_a_time"),
        law("transport", "talk")],
    "test_one_pass_down_is_a_trap": [
        # Down only: the set must get up as it should before it can be taken down as it should not.
        (f"{TRANSPORT}/modes.c",
         "if (peer->process == EK_YES && !one_rung(mode, peer_transport->mode_running))",
         "if (ek_wants_tls(q) && !one_rung(mode, peer_transport->mode_running))"),
        (f"{TRANSPORT}/modes.c", "if (!one_rung(mode, peer_transport->mode_configured))",
         "if (ek_wants_tls(q) && !one_rung(mode, peer_transport->mode_configured))"),
        law("transport", "talk")],
    "test_a_plaintext_session_outlives_require_ssl": [
        (f"{TRANSPORT}/clients.c", "if (mode != EK_SSL_REQUIRE || is_accepted(q))",
         "if (mode <= EK_SSL_REQUIRE || is_accepted(q))"),
        law("transport", "clients")],
    "test_a_name_that_leads_nowhere": [
        (f"{SET}/questions.c", "if (ek_member(q->state, m)->spec_host_resolves == EK_NO)",
         "if (q->state->member_count == 0)"),
        law("transport", "names")],
    "test_a_clock_that_is_wrong": [
        ("reconciler/aspects/certificate/phases.c", "if (clock_differs(q, m))",
         "if (clock_differs(q, m) && 0)"),
        law("certificate", "clocks")],
    "test_a_new_primary_that_can_not_sign_yet": [
        (f"{SET}/restarts.c",
         "if (interruption_refused(q, (size_t)ek_state_primary(q->state)) || cannot_sign_yet(q))",
         "if (interruption_refused(q, (size_t)ek_state_primary(q->state)) || (cannot_sign_yet(q) && 0))"),
        ("reconciler/laws/replica_set/successor.c",
         "return ek_access(q->state)->authentication == EK_YES && somebody_electable_cannot_sign(q);",
         "return ek_access(q->state)->authentication == EK_YES && somebody_electable_cannot_sign(q) && 0;")],
}


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def copy_sources(build, target):
    """With what was built of them: times are kept, so that only what is edited is compiled anew."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "build").mkdir(parents=True)
    for part in PARTS:
        copy(ROOT / part, target / part)
    for part in BUILT:
        copy(build / part, target / "build" / part)


def make(directory, *words, **more_environment):
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    environment.update(more_environment)
    return subprocess.run(["make", *words], cwd=directory, env=environment, text=True,
                          capture_output=True, check=False)


def run_test(directory, name, tries):
    """(passed, failed by an assertion of its own, output)."""
    done = make(directory, "integration", f"T={name} and test_hazards", HAZARD_TRIES=str(tries))
    output = done.stdout + done.stderr
    return " 1 passed" in f" {output}", f"FAILED tests/integration/test_hazards.py::{name}" in output, output


def how_it_fails(output):
    lines = [line[4:].strip() for line in output.splitlines() if line.startswith("E   ")]
    return lines[0][:150] if lines else ""


def without(directory, edits):
    for file, old, new in edits:
        path = directory / file
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            return f"{file} has not once: {old.strip()}"
        path.write_text(text.replace(old, new), "utf-8")
    done = make(directory, "build/evenkeel")
    return None if done.returncode == 0 else done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    build = (ROOT / arguments.build).resolve()
    directory = build / "hazards"
    bad = 0
    for name, edits in RULES.items():
        if arguments.only not in name:
            continue
        copy_sources(build, directory)
        passed, _, output = run_test(directory, name, 3)
        problem = None if passed else f"does not pass as things are\n{output[-3000:]}"
        if not problem:
            problem = without(directory, edits)
        if not problem:
            passed, failed, output = run_test(directory, name, 15)
            problem = None if failed else f"passes without its rule\n{output[-3000:]}"
        print(f"  {name}: {problem or 'fails without its rule, as it should: ' + how_it_fails(output)}",
              flush=True)
        bad += problem is not None
    print(f"hazards: {len(RULES)} rules, {bad} not held by their test")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
