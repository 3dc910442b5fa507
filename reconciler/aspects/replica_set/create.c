/* Phases that start servers: a deployment that never ran, and a member that our own restart left
 * down. */
#include <string.h>

#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/aspects/users/state.h"

static bool propose_start(const struct ek_question *q, size_t m, const char *why)
{
    struct ek_step *step = ek_propose(q, &ek_step_start, (int)m, "%s", why);
    ek_start_arguments(step)->mode = ek_member_transport(q->state, m)->mode_configured;
    return true;
}

bool ek_phase_repair(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        if (!ek_ours_to_start(q, m))
            continue;
        if (ek_member(q->state, m)->configuration == EK_UNKNOWN)
            return ek_block_configuration(q, m);
        return ek_next_unread_of(q, m) || ek_next_before_start(q, m) ||
               propose_start(q, m,
                             ek_member(q->state, m)->restart_begun == EK_YES
                                 ? "its restart was begun and did not come up"
                                 : "it is down, and the specs want it started again");
    }
    return false;
}

static bool create_member(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const struct ek_member_access *access = ek_member_access(q->state, m);
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    if (member->process == EK_YES) {
        if (member->state != EK_MEMBER_UNINITIATED)
            return ek_block(q,
                            ek_passing("EK-0105", (int)m, "check the network and the server's log"),
                            "member %s does not answer", member->name);
        if (transport->mode_running == wanted)
            return false;
        return ek_block(
            q,
            ek_lasting("EK-0122", (int)m, "stop it, empty its data directory, and run this again"),
            "member %s runs without a configuration and with sslMode %s", member->name,
            ek_ssl_mode_name(transport->mode_running));
    }
    if (member->process == EK_UNKNOWN || (member->data != EK_NO && member->restart_begun != EK_YES))
        return ek_block(
            q, ek_lasting("EK-0106", (int)m, "start it, look at its log, and run this again"),
            "member %s is down: its server process does not run", member->name);
    if (access->key_file == EK_UNKNOWN || member->configuration == EK_UNKNOWN)
        return ek_block(
            q, ek_passing("EK-0132", (int)m, "see the cause; what is not known is not replaced"),
            "member %s: whether it has a keyFile and a configuration could not be read",
            member->name);
    return ek_next_before_start(q, m) || propose_start(q, m, "a new member");
}

bool ek_phase_create(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated != EK_NO)
        return false;
    if (!ek_wants_tls(q) && ek_spec_host_unresolved(q))
        return true;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (create_member(q, m))
            return true;
    ek_propose(q, &ek_step_initiate, -1, "a new replica set");
    return true;
}
