/* effect: what transport's steps bring about. Pure. */
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/rows.h"

static struct ek_member_transport *member_of(const struct ek_effect *e)
{
    return ek_member_transport(e->state, (size_t)e->step->member);
}

void ek_clients_come_anew(struct ek_member_transport *transport)
{
    transport->watched_since_s = 0;
    if (transport->mode_running >= EK_SSL_PREFER && transport->plaintext_clients < 0)
        transport->plaintext_clients = 0;
}

int ek_effect_bind_name(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    memcpy(ek_transport(e->state)->domain_label, ek_label_argument(e->step)->label, EK_LABEL_SIZE);
    member_of(e)->domain_name_bound = EK_YES;
    return 0;
}

int ek_effect_write_configuration(struct ek_effect *e, struct ek_error *err)
{
    ek_member(e->state, (size_t)e->step->member)->configuration = EK_YES;
    ek_old_files_left(ek_member_certificates(e->state, (size_t)e->step->member));
    member_of(e)->mode_configured = ek_mode_argument(e->step)->mode;
    return ek_options_written(&e->state, (size_t)e->step->member, err);
}

int ek_effect_set_ssl_mode(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    struct ek_member_transport *member = member_of(e);
    member->mode_running = ek_mode_argument(e->step)->mode;
    if (member->mode_running == EK_SSL_PREFER)
        ek_clients_come_anew(member);
    return 0;
}
