"""`make standin-mutation`: breaks the stand-in on purpose, one small thing at a time, and sees whether its tests notice.

tests/mutation/standin.py [--build DIR] [--only PART] [--all]

Every row below is a text in a file of tests/standin and what takes its place. The tests named in the row are tried
first, then the others (--all: also when a row says who should notice); a row that nothing notices must be among the
survivors in standin-survivors.txt, with the reason. The last line is `standin mutation: K of M noticed`.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sandbox"))
from patience import patient  # noqa: E402  pylint: disable=wrong-import-position

ROOT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_name("standin-survivors.txt")
TESTS = ("start", "options", "refusals", "measured", "more", "set", "versions", "versions_config", "versions_log", "pairs",
         "crashes", "conformance", "faults")
FILES = {name: f"tests/integration/test_standin_{name}.py" for name in TESTS[:10]}
FILES["crashes"] = "tests/integration/test_crashes.py"
FILES["faults"] = "tests/integration/test_faults.py"
FILES["conformance"] = "tests/integration/test_conformance.py"
MOST_S = 150  # a test file that takes longer hangs, and that is noticing too

# file, what stands there (once), what takes its place, the tests that should notice
MUTANTS = (
    # --- connections and what their first bytes mean
    ("server.c", "response_to != 0 && response_to != -1", "response_to == 12345", "start"),
    ("server.c", "if (mode == TLS_REQUIRE) {", "if (mode == TLS_REQUIRE && 0) {", "start"),
    ("server.c", "    if (mode == TLS_PREFER)\n        log_line", "    if (mode == TLS_ALLOW)\n        log_line", "start"),
    ("server.c", "        if (mode == TLS_DISABLED) {", "        if (mode == TLS_REQUIRE) {", "start"),
    ("server.c", "if (end == COMMAND_MORE)\n            ask_again(m, &reply);", "", "versions"),
    ("server.c", "        while (mono_ms() < until)\n            node_wait(until);", "", "versions"),
    ("wire.c", "        m->id = h.id;\n", "", "versions"),
    ("wire.c", "if ((m->flags & 0xfffcu) != 0)", "if ((m->flags & 0xfffcu) != 0 && 0)", "more"),
    # --- TLS
    ("tls.c", "SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, always_go_on);",
     "SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);", "start"),
    ("tls.c", "if (result != X509_V_OK) {", "if (result != X509_V_OK && 0) {", "start pairs"),
    ("tls.c", "} else if (host != NULL && !host_matches", "} else if (0 && !host_matches", "pairs"),
    ("tls.c", "    if (!is_valid_now(server_ctx)) {", "    if (0) {", "start"),
    ("tls.c", "    if (client != NULL && !is_valid_now(server)) {", "    if (0) {", "versions"),
    ("tls.c", "        if (options.tls_weak || host != NULL) {", "        if (1) {", "start"),
    ("peer.c", "if (tls_mode_now() >= TLS_PREFER &&", "if (tls_mode_now() >= TLS_REQUIRE &&", "pairs"),
    ("peer.c", "if (p->open && p->drops != atomic_load(&drops))", "if (0)", "more"),
    # --- options
    ("options_check.c", "if (o->tls_mode == TLS_DISABLED) {\n        bool any", "if (0) {\n        bool any", "start"),
    ("options_check.c", "if (o->tls_ca == NULL && version_wants_authority()", "if (0 && version_wants_authority()", "versions"),
    ("options_check.c", "        {\"net.tls.mode\", \"net.ssl.mode\"},\n", "", "options"),
    ("options_check.c", "        if (text == NULL || (value >= rows[i].least",
     "        if (1 || (value >= rows[i].least", "options"),
    ("options_argv.c", "if (a->next == a->argc || is_option(a->argv[a->next]))", "if (a->next == a->argc)", "options"),
    ("options_argv.c", "show(a, secret ? hidden : arg->text);", "show(a, arg->text);", "options"),
    ("options.c", "    for (size_t k = 0; k < file.n; k++) {", "    for (size_t k = 0; k < 0; k++) {", "options"),
    ("options_file.c", "    if (!settings_add(r->settings, canonical, text, row->type))",
     "    if (!settings_add(r->settings, canonical, text, row->type) && 0)", "options"),
    ("server.c", "if (ok && n_listeners == 0) {", "if (0) {", "options"),
    ("main.c", "if (options.tls_mode == TLS_DISABLED || options.tls_ca != NULL)", "if (1)", "options"),
    ("options_file.c", "    if (r->expand == NULL || strstr(r->expand, \"exec\") == NULL)", "    if (0)", "start"),
    ("options_file.c", "(st.st_mode & rules[i].prohibited) != 0", "0", "start"),
    ("options_parameters.c", "if (listed(names, COUNT_OF(names), name) ||", "if (1 ||", "options"),
    ("options_table.c", "strncmp(row->key, \"net.ssl.\", 8) != 0 || !version_at_least(8, 0)", "true", "versions"),
    ("keyfile.c", "if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {", "if ((st.st_mode & S_IRWXO) != 0) {", "start"),
    ("keyfile.c", "if (n < 6 || n > 1024) {", "if (n < 2 || n > 1024) {", "start"),
    # --- logins and permissions
    ("command.c", "if (auth_enabled() && (cmd->flags & F_NO_AUTH) == 0) {", "if (0) {", "start set"),
    ("command.c", "if ((cmd->flags & F_ADMIN) != 0 && strcmp(c->db, \"admin\") != 0)", "if (0)", "start"),
    ("command.c", "if (mono_ms() >= node.keys_refuse_until ||", "if (1 ||", "measured"),
    ("cmd_login.c", "if (final == NULL)\n            return refuse(c,",
     "if (final == NULL && 0)\n            return refuse(c,", "set start"),
    ("cmd_login.c", "conn->scram_short = version_at_least(4, 4) &&", "conn->scram_short = true ||", "conformance set"),
    ("auth.c", "return c != NULL && c->live > 0;", "return false;", "set conformance measured"),
    ("scram.c", "15000", "10000", "start"),
    # --- replication
    ("concern.c", "if (wc->majority)\n        return optime_cmp(node.commit, at) >= 0;",
     "if (wc->majority)\n        return true;", "set crashes"),
    ("repl.c", "if (candidate.term != node.term || optime_cmp", "if (optime_cmp", "crashes"),
    ("repl.c", "    if (t.secs <= last.secs) {", "    if (t.secs < last.secs) {", "set"),
    ("repl.c", "    node.leadership++;\n    node.keys_refuse_until = 0;", "    node.keys_refuse_until = 0;", "set more crashes"),
    ("repl.c", "if (!version_at_least(4, 4) || node.config.term < 0 || node.config.term == node.term)",
     "if (1)", "versions_config"),
    ("repl_election.c", "else if (!b->dry_run && node.vote_term == b->term && node.vote_for != b->candidate)",
     "else if (0)", "crashes"),
    ("repl_election.c", "else if (b->term < node.term)\n", "else if (0)\n", "crashes"),
    ("repl_election.c", "        if (majority_has(log_last()) && successor(log_last()) >= 0)\n            return 0;",
     "        if (1)\n            return 0;", "set"),
    ("repl_election.c", "        node.unelectable_until = now + seconds * 1000;", "", "set"),
    ("repl_election.c", "if (best < 0 || m->priority > node.config.m[best].priority)",
     "if (best < 0 || m->priority < node.config.m[best].priority)", "set"),
    ("repl_sync.c", "        if (from_primary && node.state != S_PRIMARY && doc_bool(reply, \"writable\", false))",
     "        if (0)", "set crashes"),
    ("repl_sync.c", "&& doc_bool(reply, \"writable\", false))", ")", "more"),
    ("repl_sync.c", "    while (node.lock_count > 0 && !node.stopping)\n        node_wait(mono_ms() + 1000);", "", "more"),
    ("repl_tick.c", "    if (alive < config_majority(&node.config)) {", "    if (0) {", "set pairs crashes"),
    ("repl_tick.c", "        if (reachable && (node.catchup_deadline == 0",
     "        if (0 && (node.catchup_deadline == 0", "more"),
    ("repl_heartbeat.c", "if (config_newer(&theirs, &ours) &&", "if (0 &&", "set versions"),
    ("repl_heartbeat.c", "    repl_saw_term(term);\n", "", "set crashes"),
    ("repl_keys.c", "now + 100 + random_below(200) : now;", "now : now;", "set measured"),
    ("storage.c", "        if (fdatasync(fd) != 0)\n            fatal(\"cannot sync the log\");\n        crash_point(false);",
     "        crash_point(false);", "faults"),
    ("storage.c", "crc32c(data, len) != le32toh(crc) ||", "", "more"),
    # --- configurations
    ("repl_config.c", "if (local != 0 && local != c->n)", "if (0)", "more"),
    ("repl_config.c", "    else if (m->votes_written == 0 && m->priority_written > 0)", "    else if (0)", "conformance set"),
    ("repl_config.c", "            if (same_host && !same_id)", "            if (0)", "more"),
    ("repl_safety.c", "if (!force && voters_only_in(old, new) + voters_only_in(new, old) > 1) {", "if (0) {", "versions_config"),
    ("repl_safety.c", "config_implies_majority(old) != config_implies_majority(new) && !has_default_concern()",
     "0", "versions_config"),
    ("repl_safety.c", "    if (endangers_writes(old, new)) {", "    if (0) {", "versions_config"),
    ("repl_safety.c", "        if (installed && (!log_too || log_is_committed_in_it()))", "        if (1)", "versions_config"),
    ("repl_safety.c", "    if ((old == NULL && votes) || (old != NULL && old->newly_added))", "    if (0)", "versions_config"),
    ("cmd_reconfig.c", "code == 50 ? 308 : code", "code", "versions_config"),
    ("cmd_reconfig.c", "        if (!force)\n            rc = wait_for_new(c, until);", "", "versions_config"),
    # --- arguments of commands
    ("repl_config_check.c", "        if (r->complaint != NULL && bson_iter_as_int64(&it) < r->least) {", "        if (0) {", "refusals"),
    ("repl_config_check.c", "if (initiate && !doc_has(doc, \"version\"))", "if (0)", "refusals"),
    ("arguments.c", "if (field.required && field.name[0] != '\\0' &&", "if (0 &&", "refusals"),
    ("arguments.c", "else if (rc == 0 && g->strict && !(command && is_generic(name)))", "else if (0)", "refusals"),
    ("arguments.c", "if (g == NULL || (g->reading == BY_IDL) == parsed)", "if (g == NULL || parsed)", "refusals"),
    ("arguments.c", "(g->until == 0 || !version_at_least(g->until / 10, g->until % 10))", "1", "refusals"),
    ("arguments.c", "        if (row != NULL && !takes(row->type, &it))", "        if (0)", "refusals"),
    ("arguments_rows.c", "{\"createUser\", 50, 0, BY_IDL, true,", "{\"createUser\", 60, 0, BY_IDL, true,", "refusals"),
    ("command.c", "    if (arguments_check(c, false) != 0 || check_form(c) != 0)\n        return -1;\n", "", "refusals"),
    ("command.c", "bool concern_first = version_at_least(5, 0);", "bool concern_first = true;", "refusals conformance"),
    ("concern.c", "    if (wc->majority || wc->n <= 1 || wc->n <= data)", "    if (1)", "refusals"),
    ("concern.c", "if (doc_bool(&doc, \"j\", false) && doc_bool(&doc, \"fsync\", false))", "if (0)", "refusals"),
    ("cmd_user_check.c", "    if (password && external)", "    if (0)", "refusals"),
    ("cmd_user_check.c", "    if (rc == 0 && details && (several ||", "    if (0 && (several ||", "refusals"),
    ("cmd_write.c", "    if (remove && change)", "    if (0)", "refusals"),
    ("cmd_write.c", "    if (version_at_least(5, 0)) {\n        finish_newer_reply(j);",
     "    if (0) {\n        finish_newer_reply(j);", "refusals"),
    # --- commands
    ("cmd_hello.c", "repl_accepts_writes() && !node.stopping", "node.state == S_PRIMARY", "set more conformance"),
    ("cmd_hello.c", "    if (counter > now)\n", "    if (0)\n", "versions"),
    ("cmd_parameter.c", "ok = (now == TLS_ALLOW && want == TLS_PREFER) ||",
     "ok = (now == TLS_REQUIRE && want == TLS_PREFER) || (now == TLS_ALLOW && want == TLS_PREFER) ||", "start conformance"),
    ("cmd_set.c", "if (seconds < catch_up)", "if (0)", "set"),
    ("cmd_write.c", "if (session_executed(c->command, j.statement, &position, &newer))", "if (0)", "set"),
    ("cmd_status.c", "    if (v->auth_failed)\n        add_bool(to, \"authenticated\", false);", "", "measured"),
    ("command.c", "    if ((retry || about_role) && doc_has(c->command, \"txnNumber\")) {",
     "    if (doc_has(c->command, \"txnNumber\") && 0) {", "versions"),
    ("command.c", "    if (!version_at_least(5, 1))\n        return true;", "    if (1)\n        return true;", "versions"),
    ("log_json.c", "{\"Error receiving request from client: SSLHandshakeFailed: \", 22988,",
     "{\"Error receiving request from client: SSLHandshakeFailed: \", 22989,", "versions_log"),
    ("log_json.c", "        json_error(to, code, code_name(code), a.text);", "        json_error(to, 0, code_name(code), a.text);",
     "versions_log"),
)


def identity(row):
    def short(text):
        text = " ".join(text.split())
        return text if len(text) < 90 else text[:89] + "…"
    return f"{row[0]}: {short(row[1])} -> {short(row[2]) or 'nothing'}"


def listed_survivors():
    """{identity: why it lives}"""
    found, reason = {}, ""
    for line in LISTED.read_text("utf-8").splitlines() if LISTED.exists() else []:
        if line.startswith("# "):
            reason = line[2:]
        elif line.strip():
            found[line.strip()] = reason
    return found


def words(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


class Bench:
    def __init__(self, build):
        self.build = ROOT / build
        self.directory = self.build / "standin-mutation"
        self.directory.mkdir(parents=True, exist_ok=True)
        packages = ("libmongoc-1.0", "openssl", "yaml-0.1")
        self.cflags = ["-std=gnu17", "-D_GNU_SOURCE", "-O1", "-w", f"-I{ROOT}", f"-I{ROOT}/tests/standin",
                       *words("pkg-config", "--cflags", *packages)]
        self.libraries = [*words("pkg-config", "--libs", *packages), "-lpthread", "-lm"]
        self.sources = sorted((ROOT / "tests/standin").glob("*.c"))

    def object_of(self, source):
        return self.directory / f"{source.stem}.o"

    def compile(self, source, target):
        return subprocess.run(["gcc", *self.cflags, "-c", str(source), "-o", str(target)], capture_output=True, text=True,
                              check=False)

    def prepare(self):
        for source in self.sources:
            done = self.compile(source, self.object_of(source))
            if done.returncode:
                raise SystemExit(done.stderr)

    def program(self, row):
        """The stand-in with that row's change; None when it can't be built."""
        odd, target = self.directory / f"odd-{row[0]}", self.directory / "mongod-standin"
        text = (ROOT / "tests/standin" / row[0]).read_text("utf-8")
        odd.write_text(text.replace(row[1], row[2]), encoding="utf-8")
        done = self.compile(odd, self.directory / "odd.o")
        if done.returncode == 0:
            objects = [self.directory / "odd.o" if s.name == row[0] else self.object_of(s) for s in self.sources]
            done = subprocess.run(["gcc", *map(str, objects), *self.libraries, "-o", str(target)], capture_output=True,
                                  text=True, check=False)
        odd.unlink()
        if done.returncode:
            print(f"  no program: {identity(row)}: {done.stderr.splitlines()[:3]}")
            return None
        return target

    def killer(self, program, names):
        """The first test that notices, or None."""
        environment = dict(os.environ, STANDIN=str(program), EVENKEEL_BUILD=str(self.build), BUILD=str(self.build))
        for name in names:
            command = [str(ROOT / "tests/sandbox/enter"), sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                       FILES[name]]
            try:
                done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                      text=True, timeout=patient(MOST_S), check=False)
            except subprocess.TimeoutExpired:
                return f"{name} (it hung)"
            if done.returncode:
                failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
                return failed[0].split("::")[-1].split(" - ")[0] if failed else name
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", help="part of a row's file or text")
    parser.add_argument("--hinted", action="store_true", help="only the tests that should notice")
    arguments = parser.parse_args()
    stale = [row for row in MUTANTS if (ROOT / "tests/standin" / row[0]).read_text("utf-8").count(row[1]) != 1]
    for row in stale:
        print(f"  stale: {identity(row)}")
    listed = listed_survivors()
    unknown = set(listed) - {identity(row) for row in MUTANTS}
    for name in sorted(unknown):
        print(f"  stale survivor: {name}")
    bench, began = Bench(arguments.build), time.monotonic()
    bench.prepare()
    noticed, told, missed = 0, 0, []
    rows = [row for row in MUTANTS if row not in stale and (not arguments.only or arguments.only in identity(row))]
    for row in rows:
        program = bench.program(row)
        if program is None:
            missed.append(row)
            continue
        hinted = row[3].split()
        others = [] if arguments.hinted or identity(row) in listed else [name for name in TESTS if name not in hinted]
        killer = bench.killer(program, hinted + others)
        if killer:
            noticed += 1
            print(f"  {identity(row)}: {killer}")
        elif identity(row) in listed:
            told += 1
            print(f"  lives, {listed[identity(row)]}: {identity(row)}")
        else:
            missed.append(row)
            print(f"  LIVES: {identity(row)}")
        sys.stdout.flush()
    print(f"standin mutation: {noticed} of {len(rows)} noticed"
          + (f", {told} live for a reason that is told" if told else "") + f" ({time.monotonic() - began:.0f} s)")
    return 1 if missed or stale or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
