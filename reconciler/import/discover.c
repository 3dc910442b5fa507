/* From one member to its set, and to every member of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"
#include "reconciler/import/parts.h"
#include "specs/names.h"

static void member_done(struct ek_import_member *member)
{
    free(member->certificate);
    ek_secret_free(member->key);
}

void ek_import_done(struct ek_import *import)
{
    for (size_t i = 0; i < import->member_count; i++)
        member_done(&import->members[i]);
    free(import->members);
    *import = (struct ek_import){0};
}

/* ---- the first one ---- */

/* Why nothing can be made of what it said. */
static int check_first(const struct ek_import_member *first, const struct ek_mongodb_seen *seen,
                       struct ek_error *err)
{
    if (!seen->answered)
        return ek_fail(err, EK_UNREACHABLE, "EK-0430", "%s:%d does not answer: %s", first->host,
                       first->port, seen->problem);
    if (seen->initiated == EK_ANSWER_NO) {
        bool waits = seen->state == -2;
        ek_fail(err, EK_UNSUPPORTED, "EK-1401",
                waits ? "%s:%d waits for a replica set to be made: it has no configuration yet"
                      : "%s:%d is no member of a replica set",
                first->host, first->port);
        return ek_hint(err, "%s",
                       waits ? "initiate the set, or name one of its members"
                             : "give it replication.replSetName, restart it, and initiate a set");
    }
    if (seen->member_count > 0 && seen->authenticated)
        return 0;
    ek_fail(err, EK_DENIED, "EK-0432", "%s:%d does not tell who is in its replica set", first->host,
            first->port);
    ek_cause(err, "%s", seen->problem);
    return ek_hint(err, "log in with --user and --password-file or with --certificate-key-file; "
                        "without, the keyFile on the member's host is needed");
}

static int take_member(const struct ek_mongodb_member *row, struct ek_import_member *ret_member,
                       struct ek_error *err)
{
    char shown[512];
    struct ek_import_member member = {.row = *row};
    if (ek_import_split(row->host, member.host, sizeof member.host, &member.port) &&
        (ek_is_server_name(member.host) || ek_is_ipv4(member.host))) {
        *ret_member = member;
        return 0;
    }
    ek_import_show(row->host, shown);
    ek_fail(err, EK_UNSUPPORTED, "EK-1402",
            "the set's member %d is called \"%s\", which specs can't say", row->id, shown);
    return ek_hint(err, "give it a host name by a reconfiguration of the set");
}

static int take_members(const struct ek_mongodb_seen *seen, struct ek_import *import,
                        struct ek_error *err)
{
    char shown[512];
    import->members = calloc(seen->member_count, sizeof *import->members);
    if (!import->members)
        return ek_no_memory(err);
    for (size_t i = 0; i < seen->member_count; i++) {
        int result = take_member(&seen->members[i], &import->members[i], err);
        if (result != 0)
            return result;
        import->member_count++;
    }
    snprintf(import->set_name, sizeof import->set_name, "%s", seen->set_name);
    if (ek_is_word_of(import->set_name, "._-", 64))
        return 0;
    ek_import_show(import->set_name, shown);
    ek_fail(err, EK_UNSUPPORTED, "EK-1402",
            "the replica set is called \"%s\", which specs can't say", shown);
    return ek_hint(err, "letters, digits and the characters . _ - can be");
}

static int begin(const struct ek_import_request *request, struct ek_import *import,
                 struct ek_error *err)
{
    struct ek_import_member first = {.port = request->port};
    struct ek_mongodb_seen seen = {0};
    snprintf(first.host, sizeof first.host, "%s", request->host);
    int result = ek_import_look(request, &first, &seen, err);
    if (result == 0)
        result = check_first(&first, &seen, err);
    if (result == 0)
        result = take_members(&seen, import, err);
    ek_mongodb_seen_done(&seen);
    member_done(&first);
    return result;
}

/* ---- all of them ---- */

struct look {
    const struct ek_import_request *request;
    struct ek_import_member *member;
    struct ek_error error;
    int result;
    pthread_t thread;
    bool running;
};

static void *run_look(void *argument)
{
    struct look *look = argument;
    struct ek_mongodb_seen seen = {0};
    look->result = ek_import_look(look->request, look->member, &seen, &look->error);
    ek_mongodb_seen_done(&seen);
    return NULL;
}

static int look_at_all(const struct ek_import_request *request, struct ek_import *import,
                       struct ek_error *err)
{
    struct look *looks = calloc(import->member_count, sizeof *looks);
    int result = 0;
    if (!looks)
        return ek_no_memory(err);
    for (size_t i = 0; i < import->member_count; i++) {
        looks[i] = (struct look){.request = request, .member = &import->members[i]};
        looks[i].running = ek_thread_start(&looks[i].thread, NULL, run_look, &looks[i]) == 0;
        if (!looks[i].running)
            run_look(&looks[i]);
    }
    for (size_t i = 0; i < import->member_count; i++) {
        if (looks[i].running)
            pthread_join(looks[i].thread, NULL);
        if (looks[i].result != 0 && result == 0) {
            result = looks[i].result;
            *err = looks[i].error;
        }
    }
    free(looks);
    return result;
}

/* Arbiters hold no users. */
static int ask_extras(const struct ek_import_request *request, struct ek_import *import,
                      struct ek_error *err)
{
    for (size_t i = 0; i < import->member_count; i++) {
        const struct ek_import_member *member = &import->members[i];
        if (!member->answers || member->row.arbiter)
            continue;
        const struct ek_mongodb_target target = ek_import_target(request, member);
        return ek_import_extras(&target, ek_monotonic_ms() + request->patience_ms, import, err);
    }
    ek_import_note(&import->notes, EK_NOTE_UNSEEN, "",
                   "nobody told which users and settings the set has");
    return 0;
}

/* ---- what holds for the whole ---- */

/* The mode that most run in; of as many, the stricter one. */
static void judge_mode(struct ek_import *import)
{
    size_t counts[EK_SSL_REQUIRE + 1] = {0};
    size_t seen = 0;
    for (size_t i = 0; i < import->member_count; i++) {
        enum ek_ssl_mode mode = import->members[i].mode_running;
        counts[mode]++;
        seen += mode != EK_SSL_UNKNOWN;
    }
    enum ek_ssl_mode best = EK_SSL_DISABLED;
    for (enum ek_ssl_mode mode = EK_SSL_ALLOW; mode <= EK_SSL_REQUIRE; mode++)
        if (counts[mode] > 0 && counts[mode] >= counts[best])
            best = mode;
    import->mode = best;
    if (seen > 0 && counts[best] < seen)
        ek_import_note(&import->notes, EK_NOTE_DECIDE, "",
                       "not all members run in the same sslMode; most of them run in %s",
                       ek_ssl_mode_name(best));
}

/* Specs have one for the whole set. */
static void judge_common(struct ek_import *import, const char *what, size_t offset,
                         char *ret_common, size_t size)
{
    for (size_t i = 0; i < import->member_count; i++) {
        const char *value = (const char *)&import->members[i] + offset;
        if (value[0] && !ret_common[0])
            snprintf(ret_common, size, "%s", value);
        else if (value[0] && strcmp(value, ret_common) != 0)
            ek_import_note(&import->members[i].notes, EK_NOTE_IN_THE_WAY, "EK-1402",
                           "%s is %s, and %s of another member: specs have one for all", what,
                           value, ret_common);
    }
}

static void judge_sudo(struct ek_import *import)
{
    for (size_t i = 0; i < import->member_count; i++)
        import->sudo |= import->members[i].proven && import->members[i].sudo;
}

static void judge_tls(const struct ek_import_request *request, struct ek_import *import)
{
    bool serves = false;
    for (size_t i = 0; i < import->member_count; i++)
        serves |= import->members[i].certificate != NULL;
    import->foreign_tls = import->mode > EK_SSL_DISABLED && !import->authority[0];
    if (serves && !request->ca_file && !import->authority[0])
        ek_import_note(&import->notes, EK_NOTE_DECIDE, "EK-1407",
                       "the members' certificates were not checked, so that others may have "
                       "answered: give --ca-file");
    if (import->foreign_tls)
        ek_import_note(&import->notes, EK_NOTE_IN_THE_WAY, "EK-1408",
                       "the members' certificates are by an authority that Evenkeel does not have: "
                       "such a set can't be taken over yet, and nothing is done to it without "
                       "somebody's yes (approval: required)");
    else if (serves && import->mode == EK_SSL_DISABLED)
        ek_import_note(&import->notes, EK_NOTE_DECIDE, "",
                       "some members serve certificates, though most run in sslMode disabled");
}

/* What the first plan does about logging in. */
static void judge_access(struct ek_import *import)
{
    bool authentication = false;
    bool key_file = false;
    bool known = false;
    for (size_t i = 0; i < import->member_count; i++) {
        const struct ek_import_member *member = &import->members[i];
        authentication |= member->authentication;
        key_file |= member->key_file;
        known |= member->mode_configured != EK_SSL_UNKNOWN;
    }
    if (!authentication || !known || import->authority[0] || import->foreign_tls)
        return;
    if (key_file)
        ek_import_note(&import->notes, EK_NOTE_TOLD, "",
                       "The first plan makes Evenkeel's own user, evenkeel in admin "
                       "(clusterMonitor, clusterManager, hostManager); nothing else is to be "
                       "changed for a fleet that stays as it is.");
    else
        ek_import_note(&import->notes, EK_NOTE_IN_THE_WAY, "EK-0108",
                       "no member has a keyFile, by which Evenkeel logs in until it has a user of "
                       "its own");
}

int ek_import_discover(const struct ek_import_request *request, struct ek_import *ret_import,
                       struct ek_error *err)
{
    struct ek_import import = {0};
    int result = begin(request, &import, err);
    if (result == 0)
        result = look_at_all(request, &import, err);
    if (result == 0)
        result = ask_extras(request, &import, err);
    if (result == 0)
        result = ek_import_recognise(request, &import, err);
    if (result != 0) {
        ek_import_done(&import);
        return result;
    }
    ek_import_name_members(&import);
    judge_mode(&import);
    judge_sudo(&import);
    judge_common(&import, "its server's user", offsetof(struct ek_import_member, user), import.user,
                 sizeof import.user);
    if (request->provider == EK_PROVIDER_LOCAL)
        judge_common(&import, "its server program", offsetof(struct ek_import_member, program),
                     import.program, sizeof import.program);
    judge_tls(request, &import);
    judge_access(&import);
    *ret_import = import;
    return 0;
}
