/* Phases about names: the SSL domain that members join before TLS, and leave after it. */
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/transport/questions.h"

bool ek_phase_prepare_names(const struct ek_question *q)
{
    if (!ek_wants_tls(q))
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        if (ek_member_transport(q->state, m)->domain_name_bound == EK_YES)
            continue;
        const char *known = ek_transport(q->state)->domain_label;
        struct ek_step *step = ek_propose(q, &ek_step_bind_name, (int)m, "not bound yet");
        snprintf(ek_label_argument(step)->label, EK_LABEL_SIZE, "%s",
                 known[0] ? known : q->policy->new_label);
        return true;
    }
    return false;
}

static bool hosts_as_wanted(const struct ek_question *q)
{
    char wanted[EK_HOST_SIZE];
    for (size_t m = 0; m < q->state->member_count; m++)
        if (!ek_wanted_host(q->spec, ek_transport(q->state)->domain_label, m, wanted,
                            sizeof wanted) ||
            strcmp(ek_member(q->state, m)->host, wanted) != 0)
            return false;
    return true;
}

static void propose_renaming(const struct ek_question *q, const char *why)
{
    struct ek_reconfigure_arguments *arguments =
        ek_reconfigure_arguments(ek_propose(q, &ek_step_reconfigure, -1, "%s", why));
    arguments->config_version = ek_set(q->state)->config_version;
    snprintf(arguments->label, sizeof arguments->label, "%s", ek_transport(q->state)->domain_label);
}

bool ek_phase_join_domain(const struct ek_question *q)
{
    if (!ek_wants_tls(q) || hosts_as_wanted(q))
        return false;
    if (ek_unsettled(q))
        return true;
    propose_renaming(q, "the members join their SSL domain");
    return true;
}

bool ek_phase_leave_domain(const struct ek_question *q)
{
    if (ek_wants_tls(q) || hosts_as_wanted(q))
        return false;
    if (ek_spec_host_unresolved(q) || ek_unsettled(q))
        return true;
    propose_renaming(q, "the members go back to the names in the specs");
    return true;
}
