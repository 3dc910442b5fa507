/* How transport shows itself: modes, names, and what clients notice of them. */
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/rows.h"
#include "reconciler/document/note.h"
#include "reconciler/document/show.h"
#include "reconciler/document/words.h"

static const char allow[] = "net.tls.allowConnectionsWithoutCertificates";

/* "net.tls." is where all of them are. */
static const char *short_name(const char *name)
{
    return strncmp(name, "net.tls.", 8) == 0 ? name + 8 : name;
}

/* A switch that is not there is off. */
static const char *shown(const char *name, const char *value)
{
    return *value ? value : strncmp(name, "net.tls.allow", 13) == 0 ? "false" : "unset";
}

/* The options that differ between two lists of keys, one by one. */
struct differences {
    const char *from, *to;
    const char *at;
    bool gone; /* what only `from` has */
};

static bool next_difference(struct differences *d, struct ek_option_text *ret_option,
                            char ret_from[static EK_OPTION_KEYS_SIZE])
{
    char other[EK_OPTION_KEYS_SIZE];
    if (!d->gone && ek_option_differs(&d->at, d->from, ret_option)) {
        ek_option_value(d->from, ret_option->name, ret_from, EK_OPTION_KEYS_SIZE);
        return true;
    }
    if (!d->gone)
        d->at = d->from;
    d->gone = true;
    while (ek_option_differs(&d->at, d->to, ret_option))
        if (!ek_option_value(d->to, ret_option->name, other, sizeof other)) {
            snprintf(ret_from, EK_OPTION_KEYS_SIZE, "%s", ret_option->value);
            ret_option->value[0] = 0;
            return true;
        }
    return false;
}

static bool same_mode_of_tls(const struct ek_member_transport *transport)
{
    return (transport->mode_running == EK_SSL_DISABLED) ==
           (transport->mode_configured == EK_SSL_DISABLED);
}

static void disagree_in_options(const struct ek_state *state, size_t m, struct ek_buffer *text)
{
    const char *name = ek_member(state, m)->name;
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    const char *configured = ek_state_text(state, transport->options_configured.keys);
    struct differences d = {.from = ek_state_text(state, transport->options_running.keys),
                            .to = configured,
                            .at = configured};
    struct ek_option_text option;
    char from[EK_OPTION_KEYS_SIZE];
    bool any = false;
    while (next_difference(&d, &option, from)) {
        if (!same_mode_of_tls(transport) && strncmp(option.name, "net.tls.", 8) == 0)
            continue;
        ek_buffer_printf(text, "%s%s runs %s: %s, its file says %s", text->length ? "; " : "", name,
                         short_name(option.name), shown(option.name, from),
                         shown(option.name, option.value));
        any = true;
    }
    if (!any && !text->length && same_mode_of_tls(transport) &&
        memcmp(transport->options_running.digest, transport->options_configured.digest, 32) != 0)
        ek_buffer_printf(text, "%s runs with other TLS options than its file says", name);
}

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
    if (transport->options_running.known == EK_YES && transport->options_configured.known == EK_YES)
        disagree_in_options(state, m, text);
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

/* "a, b"; "" for all of them. */
static void add_members(const struct ek_state *state, uint64_t members, struct ek_buffer *text)
{
    bool first = true;
    for (size_t m = 0; m < state->member_count; m++)
        if (members >> m & 1) {
            ek_buffer_printf(text, "%s%s", first ? "" : " ", ek_member(state, m)->name);
            first = false;
        }
}

/* What member m has now: what runs, or would by its file. */
static const char *keys_now(const struct ek_state *state, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    bool running =
        transport->options_running.known == EK_YES && transport->mode_running > EK_SSL_DISABLED;
    return ek_state_text(state, running ? transport->options_running.keys
                                        : transport->options_configured.keys);
}

/* The first of its options under net.tls, "" when it has none. */
static const char *keys_tls(const struct ek_showing *s, size_t m)
{
    const char *keys = keys_now(s->state, m);
    const char *found = strncmp(keys, "net.tls.", 8) == 0 ? keys : strstr(keys, "\nnet.tls.");
    return found ? found : "";
}

static bool keys_change(const struct ek_showing *s, size_t m, struct differences *ret_differences,
                        char ret_wanted[EK_OPTION_KEYS_SIZE])
{
    const struct ek_member_transport *transport = ek_member_transport(s->state, m);
    if (transport->options_wanted.known != EK_YES)
        return false;
    ek_keys_in_mode(ek_state_text(s->state, transport->options_wanted.keys), s->spec->ssl_mode,
                    ret_wanted);
    *ret_differences =
        (struct differences){.from = keys_now(s->state, m), .to = ret_wanted, .at = ret_wanted};
    return true;
}

/* Whether the option changes the same way for member m. */
static bool changes_so(const struct ek_showing *s, size_t m, const struct ek_option_text *option,
                       const char *from)
{
    struct differences d;
    char wanted[EK_OPTION_KEYS_SIZE];
    struct ek_option_text other;
    char before[EK_OPTION_KEYS_SIZE];
    if (!keys_change(s, m, &d, wanted))
        return false;
    while (next_difference(&d, &other, before))
        if (strcmp(other.name, option->name) == 0)
            return strcmp(other.value, option->value) == 0 && strcmp(before, from) == 0;
    return false;
}

static void add_option_change(struct ek_showing *s, size_t m, const struct ek_option_text *option,
                              const char *from, bool *first)
{
    EK_BUFFER text = {0};
    uint64_t members = 0;
    size_t count = 0;
    for (size_t i = 0; i < s->state->member_count; i++) {
        if (!changes_so(s, i, option, from))
            continue;
        if (i < m)
            return; /* told with that one */
        members |= (uint64_t)1 << i;
        count++;
    }
    ek_buffer_printf(&text, "%s   %s -> %s", short_name(option->name), shown(option->name, from),
                     shown(option->name, option->value));
    if (s->spec->ssl_mode == EK_SSL_DISABLED && !option->value[0])
        ek_buffer_text_add(&text, "   (kept as a comment in the file, for when TLS is on again)");
    if (count < s->state->member_count) {
        ek_buffer_text_add(&text, "   on ");
        add_members(s->state, members, &text);
    }
    ek_show_change(s, EK_CHANGE_MODIFY, *first ? "options" : "", ek_show_keep(s, &text));
    *first = false;
}

/* Options that people set, or that specs state, and that this plan brings into force or takes away.
 * What Evenkeel adds of its own is no news. */
static void add_option_changes(struct ek_showing *s)
{
    bool first = true;
    for (size_t m = 0; s->plan->count && m < s->state->member_count; m++) {
        struct differences d;
        char wanted[EK_OPTION_KEYS_SIZE];
        struct ek_option_text option;
        char from[EK_OPTION_KEYS_SIZE];
        if (!keys_change(s, m, &d, wanted))
            continue;
        while (next_difference(&d, &option, from)) {
            bool own = strcmp(option.name, allow) == 0 &&
                       (s->spec->ssl_mode == EK_SSL_DISABLED || !*keys_tls(s, m)) &&
                       strcmp(*option.value ? option.value : from, "true") == 0;
            if (strncmp(option.name, "net.tls.", 8) == 0 && !own)
                add_option_change(s, m, &option, from, &first);
        }
    }
}

static void add_name_changes(struct ek_showing *s)
{
    enum { SHOWN = 5 };
    const char *label = ek_planned_label(s->planned);
    if (!ek_show_has_step(s, &ek_step_reconfigure))
        return;
    for (size_t i = 0; i < s->spec->member_count; i++) {
        char host[EK_HOST_SIZE];
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
    if (!ek_show_has_step(s, &ek_step_initiate))
        add_option_changes(s);
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

/* Whether a member lets clients of TLS in without a certificate, and shall not any more. */
static bool will_ask_for_certificates(const struct ek_showing *s)
{
    char value[8];
    for (size_t m = 0; s->spec->ssl_mode > EK_SSL_DISABLED && m < s->state->member_count; m++) {
        const struct ek_member_transport *transport = ek_member_transport(s->state, m);
        if (transport->mode_running > EK_SSL_DISABLED &&
            ek_option_value(ek_state_text(s->state, transport->options_running.keys), allow, value,
                            sizeof value) &&
            transport->options_wanted.known == EK_YES &&
            !ek_option_value(ek_state_text(s->state, transport->options_wanted.keys), allow, value,
                             sizeof value))
            return true;
    }
    return false;
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
    if (s->plan->count && will_ask_for_certificates(s))
        ek_show_client(s,
                       ek_arena_printf(s->arena,
                                       "clients that use TLS need a certificate of their own, by "
                                       "the authority %s; those without are shut out.",
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
