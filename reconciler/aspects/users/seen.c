/* Whether an observation shows what the users' steps should have brought about. Pure. */
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/users/rows.h"
#include "reconciler/aspects/users/state.h"

bool ek_seen_install_key_file(const struct ek_confirmation *c)
{
    size_t m = (size_t)c->step->member;
    return ek_member_access(c->observed->state, m)->key_file == EK_YES ||
           ek_missing(c, "the keyFile is not on the host of member %s",
                      ek_member(c->observed->state, m)->name);
}

bool ek_seen_create_user(const struct ek_confirmation *c)
{
    return ek_access(c->observed->state)->own_user == EK_YES ||
           ek_missing(c, "logging in as Evenkeel's own user fails");
}
