/* Phases about who may log in: Evenkeel's own user, and the keyFile of new members. */
#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/aspects/users/steps.h"

bool ek_phase_prepare_user(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated != EK_YES || ek_access(q->state)->authentication != EK_YES ||
        ek_access(q->state)->own_user == EK_YES)
        return false;
    if (ek_access(q->state)->own_user == EK_UNKNOWN)
        return ek_block(
            q, ek_passing("EK-0108", -1, "see the cause; Evenkeel needs the set's keyFile once"),
            "whether Evenkeel can log in to the replica set is not known");
    if (ek_state_primary(q->state) < 0)
        return ek_block_no_primary(q);
    return ek_propose(q, &ek_step_create_user, -1, "Evenkeel logs in as its own user") != NULL;
}

/* Members of a new set know each other by its keyFile. */
static bool before_start(const struct ek_question *q, size_t m)
{
    return ek_set(q->state)->initiated == EK_NO &&
           ek_member_access(q->state, m)->key_file != EK_YES &&
           ek_propose(q, &ek_step_install_key_file, (int)m, "a new member") != NULL;
}

const struct ek_restart_rules ek_users_restarts = {.before_start = before_start};
