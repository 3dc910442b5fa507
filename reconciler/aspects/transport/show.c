/* How transport shows itself: modes, names, and what clients notice of them. */
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/rows.h"
#include "reconciler/document/note.h"
#include "reconciler/document/show.h"
#include "reconciler/document/words.h"

static void disagrees(const struct ek_deployment_spec *spec, const struct ek_state *state, size_t m,
                      struct ek_buffer *text)
{
    const char *name = ek_member(state, m)->name;
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    if (transport->mode_running && transport->mode_configured &&
        transport->mode_running != transport->mode_configured)
        ek_buffer_printf(text, "%s runs %s, its file says %s", name,
                         ek_mode_word(spec, transport->mode_running),
                         ek_mode_word(spec, transport->mode_configured));
    else if (transport->options_running.known == EK_YES &&
             transport->options_configured.known == EK_YES &&
             memcmp(transport->options_running.digest, transport->options_configured.digest, 32) !=
                 0)
        ek_buffer_printf(text, "%s runs with other TLS options than its file says", name);
}

static void add_mode_change(struct ek_showing *s)
{
    EK_BUFFER text = {0};
    enum ek_ssl_mode from = ek_member_transport(s->state, 0)->mode_running;
    bool mixed = false;
    bool newer = false;
    bool reached = true;
    for (size_t i = 0; i < s->state->member_count; i++) {
        const struct ek_member *member = ek_member(s->state, i);
        const struct ek_member_transport *transport = ek_member_transport(s->state, i);
        mixed |= transport->mode_running != from;
        reached &= transport->mode_running == s->spec->ssl_mode &&
                   transport->mode_configured == s->spec->ssl_mode;
        newer |= member->version[0] > 4 || (member->version[0] == 4 && member->version[1] >= 2);
    }
    if (reached || s->plan->count == 0)
        return;
    if (!mixed)
        ek_buffer_text_add(&text, ek_mode_word(s->spec, from));
    for (size_t i = 0; mixed && i < s->state->member_count; i++)
        ek_buffer_printf(&text, "%s%s %s", i ? ", " : "", ek_member(s->state, i)->name,
                         ek_mode_word(s->spec, ek_member_transport(s->state, i)->mode_running));
    ek_buffer_printf(&text, " -> %s", ek_mode_word(s->spec, s->spec->ssl_mode));
    if (s->spec->ssl_mode_written_as_tls && s->spec->ssl_mode > EK_SSL_DISABLED)
        ek_buffer_printf(&text, "   (the same as %s)", ek_ssl_mode_name(s->spec->ssl_mode));
    else if (newer && s->spec->ssl_mode > EK_SSL_DISABLED)
        ek_buffer_printf(&text, "   (these servers call it %s)",
                         ek_tls_mode_name(s->spec->ssl_mode));
    ek_show_change(s, EK_CHANGE_MODIFY, "sslMode", ek_show_keep(s, &text));
}

static void add_name_changes(struct ek_showing *s)
{
    enum { SHOWN = 5 };
    const char *label = ek_planned_label(s->planned);
    if (!ek_show_has_step(s, &ek_step_reconfigure))
        return;
    for (size_t i = 0; i < s->spec->member_count; i++) {
        char host[280];
        if (!ek_wanted_host(s->spec, label, i, host, sizeof host))
            continue;
        if (i == SHOWN) {
            ek_show_change(s, EK_CHANGE_MODIFY, "",
                           ek_arena_printf(s->arena, "and %zu more", s->spec->member_count - i));
            return;
        }
        ek_show_change(s, EK_CHANGE_MODIFY, i == 0 ? "host names" : "",
                       ek_arena_printf(s->arena, "%s   %s -> %s", s->spec->members[i].name,
                                       ek_member(s->state, i)->host, host));
    }
}

static void changes(struct ek_showing *s)
{
    const char *label = ek_planned_label(s->planned);
    if (!ek_show_has_step(s, &ek_step_initiate))
        add_mode_change(s);
    if (label[0] && !ek_transport(s->state)->domain_label[0] && s->spec->ssl_domain.base)
        ek_show_change(s, EK_CHANGE_ADD, "SSL domain",
                       ek_arena_printf(s->arena, "%s.%s", label, s->spec->ssl_domain.base));
    add_name_changes(s);
}

static void highest_mode_and_plaintext(const struct ek_state *state, enum ek_ssl_mode *ret_highest,
                                       int64_t *ret_plaintext)
{
    *ret_highest = EK_SSL_UNKNOWN;
    *ret_plaintext = 0;
    for (size_t i = 0; i < state->member_count; i++) {
        if (ek_member_transport(state, i)->mode_running > *ret_highest)
            *ret_highest = ek_member_transport(state, i)->mode_running;
        if (ek_member_transport(state, i)->plaintext_clients > 0)
            *ret_plaintext += ek_member_transport(state, i)->plaintext_clients;
    }
}

static void clients(struct ek_showing *s)
{
    enum ek_ssl_mode highest = EK_SSL_UNKNOWN;
    int64_t plaintext = 0;
    enum ek_ssl_mode wanted = s->spec->ssl_mode;
    highest_mode_and_plaintext(s->state, &highest, &plaintext);
    bool renamed = ek_show_has_step(s, &ek_step_reconfigure);
    bool created = ek_show_has_step(s, &ek_step_initiate);
    if (renamed || created) {
        EK_BUFFER text = {0};
        ek_connection_string(s->spec, s->state, ek_planned_label(s->planned), true, &text);
        s->view->connection_string = ek_show_keep(s, &text);
    }
    if (created)
        return;
    if (renamed && wanted > EK_SSL_DISABLED)
        ek_show_client(s,
                       ek_arena_printf(s->arena,
                                       "the connection string changes. Clients must be able to "
                                       "resolve the new names, and to use TLS they must trust the "
                                       "authority %s.",
                                       s->spec->certificates.authority));
    if (s->plan->count && highest > EK_SSL_DISABLED && wanted == EK_SSL_DISABLED)
        ek_show_client(
            s, ek_arena_printf(
                   s->arena,
                   "clients that use TLS must move to plaintext while the set is in %s or %s%s. "
                   "Safer in two commits: first sslMode %s, then move the clients, then "
                   "disabled.",
                   ek_mode_word(s->spec, EK_SSL_ALLOW), ek_mode_word(s->spec, EK_SSL_PREFER),
                   highest == EK_SSL_REQUIRE ? ", which this plan passes through" : "",
                   ek_mode_word(s->spec, EK_SSL_PREFER)));
    if (renamed && wanted == EK_SSL_DISABLED)
        ek_show_client(s, "the connection string changes back to the names in the specs.");
    if (s->plan->count && wanted == EK_SSL_REQUIRE && highest != EK_SSL_REQUIRE)
        ek_show_client(
            s, plaintext > 0
                   ? ek_arena_printf(s->arena,
                                     "clients in plaintext are shut out at the end; they must "
                                     "use TLS before. %lld connections are in plaintext now.",
                                     (long long)plaintext)
                   : "clients in plaintext are shut out at the end; they must use TLS before.");
    else if (s->plan->count && highest == EK_SSL_DISABLED && wanted > EK_SSL_DISABLED)
        ek_show_client(s, "clients in plaintext go on as before; from the end of this plan on they "
                          "may use TLS.");
}

static const char *why_not_fewer(const struct ek_showing *s)
{
    enum ek_ssl_mode highest = EK_SSL_UNKNOWN;
    enum ek_ssl_mode lowest = EK_SSL_REQUIRE;
    for (size_t i = 0; i < s->state->member_count; i++) {
        enum ek_ssl_mode mode = ek_member_transport(s->state, i)->mode_running;
        highest = mode > highest ? mode : highest;
        lowest = mode && mode < lowest ? mode : lowest;
    }
    if (highest > s->spec->ssl_mode)
        return "sslMode is lowered by restarts only, and members two modes apart can't talk to "
               "each other, so it goes down in stages (evenkeel explain EK-0113).";
    if (lowest == EK_SSL_DISABLED)
        return "disabled is left by a restart only, one for each member; all the rest happens at "
               "run time (evenkeel explain EK-0113).";
    return NULL;
}

void ek_note_mode(struct ek_note *note)
{
    ek_buffer_printf(note->text, "sslMode %s%s",
                     ek_mode_word(note->spec, ek_mode_argument(note->step)->mode), note->why);
}

void ek_detail_mode(const struct ek_deployment_spec *spec, const struct ek_step *step,
                    struct ek_buffer *text)
{
    ek_buffer_text_add(text, ek_mode_word(spec, ek_mode_argument(step)->mode));
}

const struct ek_show ek_transport_show = {
    .disagrees = disagrees, .changes = changes, .clients = clients, .why_not_fewer = why_not_fewer};
