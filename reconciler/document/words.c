#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/fields.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/document/view.h"
#include "reconciler/document/words.h"

const char *ek_mode_word(const struct ek_deployment_spec *spec, enum ek_ssl_mode mode)
{
    return spec->ssl_mode_written_as_tls ? ek_tls_mode_name(mode) : ek_ssl_mode_name(mode);
}

const char *ek_change_symbol(enum ek_change change)
{
    static const char *const symbols[] = {
        [EK_CHANGE_ADD] = "+",
        [EK_CHANGE_MODIFY] = "~",
        [EK_CHANGE_REPLACE] = "-/+",
        [EK_CHANGE_REMOVE] = "-",
    };
    return symbols[change];
}

const char *ek_change_meaning(enum ek_change change)
{
    static const char *const meanings[] = {
        [EK_CHANGE_ADD] = "add",
        [EK_CHANGE_MODIFY] = "change in place",
        [EK_CHANGE_REPLACE] = "stop and start again",
        [EK_CHANGE_REMOVE] = "remove",
    };
    return meanings[change];
}

const char *ek_counted(struct ek_arena *arena, int count, const char *one, const char *many)
{
    return ek_arena_printf(arena, "%d %s", count, count == 1 ? one : many);
}

const char *ek_planned_label(const struct ek_planned *planned)
{
    if (ek_transport(planned->state)->domain_label[0])
        return ek_transport(planned->state)->domain_label;
    for (size_t i = 0; i < planned->plan->count; i++) {
        const char *label = ek_step_value(&planned->plan->steps[i], &ek_field_domain_label);
        if (label && label[0])
            return label;
    }
    return "";
}

void ek_connection_string(const struct ek_deployment_spec *spec, const struct ek_state *state,
                          const char *label, bool wanted, struct ek_buffer *text)
{
    char host[EK_HOST_SIZE];
    const char *separator = "";
    bool tls = spec->ssl_mode > EK_SSL_DISABLED;
    ek_buffer_text_add(text, "mongodb://");
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct ek_member_spec *member = &spec->members[i];
        if (member->hidden || member->arbiter)
            continue;
        if (!wanted) {
            snprintf(host, sizeof host, "%s", ek_member(state, i)->host);
            tls = ek_member_transport(state, i)->mode_running > EK_SSL_DISABLED;
        }
        if ((wanted && !ek_wanted_host(spec, label, i, host, sizeof host)) || !host[0])
            snprintf(host, sizeof host, "%s:%d", member->host, member->port);
        ek_buffer_printf(text, "%s%s", separator, host);
        separator = ",";
    }
    ek_buffer_printf(text, "/?replicaSet=%s%s", spec->set_name, tls ? "&tls=true" : "");
}

void ek_shell_word(struct ek_buffer *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:@%+=,";
    if (word[0] && word[0] != '~' && !word[strspn(word, plain)]) {
        ek_buffer_text_add(text, word);
        return;
    }
    ek_buffer_text_add(text, "'");
    for (; *word; word++)
        if (*word == '\'')
            ek_buffer_text_add(text, "'\\''");
        else
            ek_buffer_add(text, word, 1);
    ek_buffer_text_add(text, "'");
}

void ek_plan_change_words(const struct ek_plan_set *set, struct ek_buffer *text)
{
    const struct ek_plan_change *change = set->change;
    size_t touched = set->count + set->failure_count;
    size_t added = 0;
    for (size_t i = 0; i < set->count; i++)
        added += set->planned[i].touched == EK_TOUCHED_ADDED;
    ek_buffer_printf(text, "%.7s..%.7s ", change->base ? change->base : "0000000",
                     set->source.commit ? set->source.commit : "");
    if (change->base_errors) {
        ek_buffer_printf(text,
                         "can't be told apart: the specs at %.7s have %zu error%s. All %zu "
                         "deployments are planned.",
                         change->base, change->base_errors, change->base_errors == 1 ? "" : "s",
                         touched);
        return;
    }
    size_t all = touched + change->untouched;
    ek_buffer_printf(text, "touches %zu of %zu deployment%s", touched, all, all == 1 ? "" : "s");
    if (added)
        ek_buffer_printf(text, " (%zu new)", added);
    if (change->gone_count)
        ek_buffer_printf(text, ", and takes %zu out of the specs", change->gone_count);
    ek_buffer_text_add(text, ".");
}
