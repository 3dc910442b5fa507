/* One member: its host's processes, its server's answers, and that the two are the same. */
#include <stdio.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/import/parts.h"

enum { KEYS_MOST = 16 };

static const char *driver_of(const struct ek_import_request *request)
{
    if (request->provider == EK_PROVIDER_LOCAL)
        return "local";
    return request->reach == EK_REACH_LOCAL ? "system" : "ssh";
}

static const struct ek_mongodb_driver *mongodb(void)
{
    return ek_mongodb_driver_named("libmongoc");
}

struct ek_mongodb_target ek_import_target(const struct ek_import_request *request,
                                          const struct ek_import_member *member)
{
    bool by_key = member->key != NULL;
    return (struct ek_mongodb_target){
        .member = member->host,
        .plain_host = member->host,
        .port = member->port,
        .ca_file = request->ca_file,
        .user = by_key ? NULL : request->user,
        .password = by_key ? NULL : request->password,
        .user_database = request->user_database,
        .client_certificate = request->client_certificate,
        .by_certificate = !by_key && !request->user,
        .key_file = member->key,
    };
}

static int observe(const struct ek_import_request *request, const struct ek_import_member *member,
                   int64_t deadline, struct ek_mongodb_seen *seen, struct ek_error *err)
{
    const struct ek_mongodb_target target = ek_import_target(request, member);
    struct ek_mongodb_seen again = {0};
    int result = mongodb()->observe(&target, deadline, &again, err);
    if (result != 0)
        return result;
    ek_mongodb_seen_done(seen);
    *seen = again;
    return 0;
}

/* As __system, with the first keyFile there that this server takes. Whose it was shows afterwards,
 * by the process. */
static int log_in_by_key(const struct ek_import_host *host, struct ek_import_member *member,
                         struct ek_mongodb_seen *seen, struct ek_error *err)
{
    struct ek_error problem = {0};
    int result = 0;
    for (size_t i = 0; result == 0 && i < KEYS_MOST; i++) {
        result = ek_import_key(host, member->port, i, &member->key, &problem);
        if (result == 0)
            result = observe(host->request, member, host->deadline, seen, err);
        if (result == 0 && seen->authenticated)
            return 0;
        ek_secret_free(member->key);
        member->key = NULL;
    }
    if (result != EK_NOT_FOUND)
        return result;
    snprintf(seen->problem, sizeof seen->problem, "%s", problem.sentence);
    return 0;
}

/* Arbiters have no users. */
static bool may_try_key(const struct ek_import_request *request,
                        const struct ek_import_member *member)
{
    bool own = request->user || request->client_certificate;
    return !own || member->row.arbiter;
}

static const struct ek_server_process *process_of(const struct ek_host_servers *servers,
                                                  int64_t pid)
{
    for (size_t i = 0; i < servers->count; i++)
        if (pid > 0 && servers->rows[i].pid == pid)
            return &servers->rows[i];
    return NULL;
}

static const char *state_name(int state)
{
    static const char *const names[] = {"STARTUP", "PRIMARY",  "SECONDARY", "RECOVERING",
                                        "unknown", "STARTUP2", "unknown",   "ARBITER",
                                        "DOWN",    "ROLLBACK", "REMOVED"};
    return state >= 0 && state < (int)(sizeof names / sizeof *names) ? names[state] : "unknown";
}

static void take_answers(const struct ek_import_request *request,
                         const struct ek_mongodb_seen *seen, struct ek_import_member *member)
{
    struct ek_import_notes *notes = &member->notes;
    const struct ek_mongodb_handshake *handshake = &seen->handshake;
    member->answers = seen->answered && seen->authenticated;
    member->authentication = seen->authorization == EK_ANSWER_YES;
    member->mode_running = seen->mode_running;
    memcpy(member->version, seen->version, sizeof member->version);
    snprintf(member->state, sizeof member->state, "%s", state_name(seen->state));
    if (handshake->certificate_pem)
        member->certificate = strdup(handshake->certificate_pem);
    if (!seen->answered)
        ek_import_note(notes, EK_NOTE_UNSEEN, "EK-0430", "its server does not answer: %s",
                       seen->problem);
    else if (!seen->authenticated)
        ek_import_note(notes, EK_NOTE_UNSEEN, "EK-0432", "its server tells strangers nothing: %s",
                       seen->problem);
    else if (seen->mode_running == EK_SSL_UNKNOWN)
        ek_import_note(notes, EK_NOTE_UNSEEN, "EK-0433", "its sslMode could not be read: %s",
                       seen->problem);
    if (handshake->tls == EK_ANSWER_YES && request->ca_file && !handshake->verified)
        ek_import_note(notes, EK_NOTE_UNSEEN, "EK-1407",
                       "its certificate does not hold against %s: %s", request->ca_file,
                       handshake->problem);
}

static int match(const struct ek_import_host *host, const struct ek_mongodb_seen *seen,
                 struct ek_import_member *member, struct ek_error *err)
{
    const struct ek_server_process *process = process_of(&host->servers, seen->pid);
    if (process)
        return ek_import_take_process(host, process, member, err);
    if (seen->pid > 0)
        ek_import_note(&member->notes, EK_NOTE_UNSEEN, "EK-1403",
                       "the server answers as process %lld, and no such server process is on the "
                       "host that was reached as %s",
                       (long long)seen->pid, host->ssh.host);
    else if (host->servers.count > 0 || member->answers)
        ek_import_note(&member->notes, EK_NOTE_UNSEEN, "EK-1403",
                       "which process on its host is the server that answers was not told");
    return 0;
}

/* The file that the server says that it was started with, where its host could not be asked. */
static void take_servers_word(const struct ek_mongodb_seen *seen, struct ek_import_member *member)
{
    if (!member->proven && seen->configuration[0] == '/' &&
        strlen(seen->configuration) < sizeof member->configuration)
        snprintf(member->configuration, sizeof member->configuration, "%s", seen->configuration);
}

static int sharded(const struct ek_mongodb_seen *seen, const struct ek_import_member *member,
                   struct ek_error *err)
{
    ek_fail(err, EK_BLOCKED, "EK-0135", "%s is part of a sharded cluster, as %s", member->host,
            seen->cluster_role);
    return ek_hint(err, "leave it to whoever runs the cluster");
}

static int look(struct ek_import_host *host, struct ek_import_member *member,
                struct ek_mongodb_seen *seen, struct ek_error *err)
{
    struct ek_error unreached = {0};
    /* A host that takes all the time there is leaves half of it for its server. */
    int64_t deadline = host->deadline;
    host->deadline = ek_monotonic_ms() + ek_time_left_ms(deadline) / 2;
    int host_result = ek_import_servers(host, &unreached);
    host->deadline = deadline;
    member->sudo = host->ssh.sudo;
    int result = host_result == EK_NO_MEMORY
                     ? (*err = unreached, host_result)
                     : observe(host->request, member, host->deadline, seen, err);
    bool by_key =
        result == 0 && seen->answered && !seen->authenticated && may_try_key(host->request, member);
    if (by_key && host_result == 0)
        result = log_in_by_key(host, member, seen, err);
    else if (by_key)
        snprintf(seen->problem, sizeof seen->problem, "%s", unreached.sentence);
    if (result != 0)
        return result;
    if (seen->cluster_role[0])
        return sharded(seen, member, err);
    take_answers(host->request, seen, member);
    if (host_result != 0)
        ek_import_note_failure(&member->notes, EK_NOTE_UNSEEN, &unreached);
    else
        result = match(host, seen, member, err);
    take_servers_word(seen, member);
    return result;
}

int ek_import_look(const struct ek_import_request *request, struct ek_import_member *member,
                   struct ek_mongodb_seen *ret_seen, struct ek_error *err)
{
    struct ek_mongodb_seen seen = {0};
    struct ek_import_host host = {.request = request,
                                  .driver = ek_host_driver_named(driver_of(request)),
                                  .ssh = request->ssh,
                                  .deadline = ek_monotonic_ms() + request->patience_ms};
    host.ssh.host = member->host;
    if (!host.driver || !mongodb())
        return ek_fail(err, EK_BUG, "EK-0481", "a driver is missing from its table");
    int result = look(&host, member, &seen, err);
    ek_host_servers_done(&host.servers);
    if (result == 0)
        *ret_seen = seen;
    else
        ek_mongodb_seen_done(&seen);
    return result;
}
