#include "reconciler/report/view.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct make {
    struct ek_arena *arena;
    const struct ek_planned *planned;
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_plan *plan;
    struct ek_view *view;
};

static const char *keep(struct make *m, struct ek_buffer *text)
{
    if (text->failed)
        ek_arena_fail(m->arena);
    return ek_arena_copy(m->arena, ek_buffer_text(text), text->length);
}

static bool has_step(const struct ek_plan *plan, enum ek_step_kind kind)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].kind == kind)
            return true;
    return false;
}

/* ---- the head ------------------------------------------------------------------------ */

static void make_head(struct make *m, const struct ek_plan_source *source)
{
    m->view->title = ek_arena_printf(m->arena, "%s (account %s)", m->spec->name, m->spec->account);
    if (source->commit)
        m->view->commit = ek_arena_printf(
            m->arena, "commit %.7s \"%.60s%s\"", source->commit,
            source->commit_subject ? source->commit_subject : "",
            source->commit_subject && strlen(source->commit_subject) > 60 ? "..." : "");
    else
        m->view->commit = ek_arena_printf(m->arena, "directory %s",
                                          source->directory ? source->directory : "unknown");
    int healthy = 0;
    for (size_t i = 0; i < m->state->member_count; i++)
        healthy += ek_member_serves(m->state, i, NULL);
    int primary = ek_state_primary(m->state);
    char when[32];
    ek_time_text(m->planned->observed_ms, false, when);
    const char *count = healthy == (int)m->state->member_count
                            ? ek_counted(m->arena, healthy, "member healthy", "members healthy")
                            : ek_arena_printf(m->arena, "%d of %zu members healthy", healthy,
                                              m->state->member_count);
    m->view->observed = ek_arena_printf(m->arena, "observed %s, %s, %s%s", when, count,
                                        primary >= 0 ? "primary " : "no primary",
                                        primary >= 0 ? m->spec->members[primary].name : "");
}

/* Where a server and its own files disagree: somebody else's hand, or an apply that was
 * cut short. */
static void make_drift(struct make *m)
{
    EK_BUFFER text = {0};
    for (size_t i = 0; i < m->state->member_count; i++) {
        const struct ek_member_observed *member = &m->state->members[i];
        const char *separator = text.length ? "; " : "";
        if (member->mode_running && member->mode_configured &&
            member->mode_running != member->mode_configured)
            ek_buffer_printf(&text, "%s%s runs %s, its file says %s", separator, member->name,
                             ek_mode_word(m->spec, member->mode_running),
                             ek_mode_word(m->spec, member->mode_configured));
        else if (member->options_running.known == EK_YES &&
                 member->options_configured.known == EK_YES &&
                 memcmp(member->options_running.digest, member->options_configured.digest, 32) != 0)
            ek_buffer_printf(&text, "%s%s runs with other TLS options than its file says",
                             separator, member->name);
    }
    m->view->drift = text.length || text.failed ? keep(m, &text) : "none";
}

static void make_problems(struct make *m)
{
    if (!m->planned->problems)
        return;
    for (size_t i = 0; i <= m->state->member_count; i++) {
        if (!m->planned->problems[i][0])
            continue;
        m->view->problems =
            ek_arena_grow(m->arena, m->view->problems, m->view->problem_count, sizeof(char *));
        if (!m->view->problems) {
            m->view->problem_count = 0;
            return;
        }
        m->view->problems[m->view->problem_count++] =
            i < m->state->member_count
                ? ek_arena_printf(m->arena, "member %s: %s", m->spec->members[i].name,
                                  m->planned->problems[i])
                : ek_arena_printf(m->arena, "%s", m->planned->problems[i]);
    }
}

/* ---- what changes -------------------------------------------------------------------- */

static void add_change(struct make *m, enum ek_change change, const char *what, const char *how)
{
    m->view->changes =
        ek_arena_grow(m->arena, m->view->changes, m->view->change_count, sizeof *m->view->changes);
    if (m->view->changes)
        m->view->changes[m->view->change_count++] = (struct ek_view_change){change, what, how};
    else
        m->view->change_count = 0;
}

static void add_mode_change(struct make *m)
{
    EK_BUFFER text = {0};
    enum ek_ssl_mode from = m->state->members[0].mode_running;
    bool mixed = false;
    bool newer = false;
    bool reached = true;
    for (size_t i = 0; i < m->state->member_count; i++) {
        const struct ek_member_observed *member = &m->state->members[i];
        mixed |= member->mode_running != from;
        reached &= member->mode_running == m->spec->ssl_mode &&
                   member->mode_configured == m->spec->ssl_mode;
        newer |= member->version[0] > 4 || (member->version[0] == 4 && member->version[1] >= 2);
    }
    if (reached || m->plan->count == 0)
        return;
    if (!mixed)
        ek_buffer_text_add(&text, ek_mode_word(m->spec, from));
    for (size_t i = 0; mixed && i < m->state->member_count; i++)
        ek_buffer_printf(&text, "%s%s %s", i ? ", " : "", m->state->members[i].name,
                         ek_mode_word(m->spec, m->state->members[i].mode_running));
    ek_buffer_printf(&text, " -> %s", ek_mode_word(m->spec, m->spec->ssl_mode));
    if (m->spec->ssl_mode_written_as_tls && m->spec->ssl_mode > EK_SSL_DISABLED)
        ek_buffer_printf(&text, "   (the same as %s)", ek_ssl_mode_name(m->spec->ssl_mode));
    else if (newer && m->spec->ssl_mode > EK_SSL_DISABLED)
        ek_buffer_printf(&text, "   (these servers call it %s)",
                         ek_tls_mode_name(m->spec->ssl_mode));
    add_change(m, EK_CHANGE_MODIFY, "sslMode", keep(m, &text));
}

static void add_name_changes(struct make *m)
{
    enum { SHOWN = 5 };
    const char *label = ek_planned_label(m->planned);
    if (!has_step(m->plan, EK_STEP_RECONFIGURE))
        return;
    for (size_t i = 0; i < m->spec->member_count; i++) {
        char host[280];
        if (!ek_wanted_host(m->spec, label, i, host, sizeof host))
            continue;
        if (i == SHOWN) {
            add_change(m, EK_CHANGE_MODIFY, "",
                       ek_arena_printf(m->arena, "and %zu more", m->spec->member_count - i));
            return;
        }
        add_change(m, EK_CHANGE_MODIFY, i == 0 ? "host names" : "",
                   ek_arena_printf(m->arena, "%s   %s -> %s", m->spec->members[i].name,
                                   m->state->members[i].host, host));
    }
}

static void make_changes(struct make *m)
{
    const char *label = ek_planned_label(m->planned);
    if (has_step(m->plan, EK_STEP_INITIATE))
        add_change(
            m, EK_CHANGE_ADD, "replica set",
            ek_arena_printf(m->arena, "%s, %s, sslMode %s from the first start", m->spec->set_name,
                            ek_counted(m->arena, (int)m->spec->member_count, "member", "members"),
                            ek_mode_word(m->spec, m->spec->ssl_mode)));
    else
        add_mode_change(m);
    if (label[0] && !m->state->domain_label[0] && m->spec->ssl_domain.base)
        add_change(m, EK_CHANGE_ADD, "SSL domain",
                   ek_arena_printf(m->arena, "%s.%s", label, m->spec->ssl_domain.base));
    add_name_changes(m);
}

/* ---- the steps ----------------------------------------------------------------------- */

/* English plurals of the verbs that are shown for several members at once. */
static const char *verb_for(const struct ek_step *step, size_t count)
{
    static const struct {
        enum ek_step_kind kind;
        const char *many;
    } plurals[] = {
        {EK_STEP_BIND_NAME, "bind names"},
        {EK_STEP_ISSUE_CERTIFICATE, "issue certificates"},
        {EK_STEP_INSTALL_KEY_FILE, "install keyFiles"},
        {EK_STEP_WRITE_CONFIGURATION, "write configurations"},
    };
    for (size_t i = 0; count > 1 && i < sizeof plurals / sizeof *plurals; i++)
        if (plurals[i].kind == step->kind)
            return plurals[i].many;
    return ek_step_row(step->kind)->verb;
}

static bool same_row(const struct ek_step *a, const struct ek_step *b)
{
    const struct ek_step_row *row = ek_step_row(a->kind);
    return a->kind == b->kind && row->on_member && !row->restarts && !row->elections &&
           a->mode == b->mode && strcmp(a->why, b->why) == 0;
}

static const char *members_of(struct make *m, const struct ek_step *steps, size_t count)
{
    EK_BUFFER text = {0};
    if (steps->member < 0)
        return steps->kind == EK_STEP_RECONFIGURE || steps->kind == EK_STEP_INITIATE
                   ? ek_counted(m->arena, (int)m->spec->member_count, "member", "members")
                   : "";
    for (size_t i = 0; i < count; i++)
        ek_buffer_printf(&text, "%s%s", i ? " " : "", m->spec->members[steps[i].member].name);
    if (steps->other >= 0)
        ek_buffer_printf(&text, " -> %s", m->spec->members[steps->other].name);
    return keep(m, &text);
}

struct note {
    struct make *m;
    const struct ek_step *step;
    const char *why; /* "; reason", or "" where the row before of this kind gave the same one */
    int election;    /* its number in the plan */
    bool lonely;     /* no member to spare */
};

static const char *note_reconfigure(struct note *n)
{
    return ek_arena_printf(n->m->arena, "%s; version %lld -> %lld", n->step->why,
                           (long long)n->step->config_version,
                           (long long)n->step->config_version + 1);
}

static const char *note_issue(struct note *n)
{
    return ek_arena_printf(n->m->arena, "%s; %s, %lld days; the key never leaves its host",
                           n->step->why,
                           n->m->spec->certificates.algorithm == EK_KEY_P256 ? "P-256" : "RSA 3072",
                           (long long)(n->m->spec->certificates.validity_s / 86400));
}

static const char *note_mode(struct note *n)
{
    return ek_arena_printf(n->m->arena, "sslMode %s%s", ek_mode_word(n->m->spec, n->step->mode),
                           n->why);
}

static const char *note_restart(struct note *n)
{
    const char *who = "secondary; nobody notices";
    if (n->m->spec->members[n->step->member].arbiter)
        who = "arbiter; nobody notices";
    if (n->lonely)
        who = "no member to spare: writes pause while it restarts";
    return ek_arena_printf(n->m->arena, "%s%s", who, n->why);
}

static const char *note_election(struct note *n)
{
    return ek_arena_printf(n->m->arena, "election %d of %d, handoff, about 1-2 s without writes%s",
                           n->election, n->m->plan->elections, n->why);
}

static const char *note_of(struct note *n)
{
    static const struct {
        enum ek_step_kind kind;
        const char *(*note)(struct note *n);
    } notes[] = {
        {EK_STEP_RECONFIGURE, note_reconfigure},
        {EK_STEP_ISSUE_CERTIFICATE, note_issue},
        {EK_STEP_WRITE_CONFIGURATION, note_mode},
        {EK_STEP_SET_SSL_MODE, note_mode},
        {EK_STEP_START, note_mode},
        {EK_STEP_RESTART, note_restart},
        {EK_STEP_STEP_DOWN, note_election},
        {EK_STEP_REINSTATE, note_election},
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (notes[i].kind == n->step->kind)
            return notes[i].note(n);
    return ek_arena_copy(n->m->arena, n->step->why, strlen(n->step->why));
}

static void make_rows(struct make *m)
{
    struct ek_view *view = m->view;
    const char *said[EK_STEP_KINDS] = {0};
    int elections = 0;
    size_t width = 0;
    for (size_t i = 0; i < m->plan->count; i += width) {
        const struct ek_step *step = &m->plan->steps[i];
        const struct ek_step_row *row = ek_step_row(step->kind);
        for (width = 1; i + width < m->plan->count && same_row(step, step + width);)
            width++;
        elections += row->elections;
        bool again = said[step->kind] && strcmp(said[step->kind], step->why) == 0;
        said[step->kind] = step->why;
        struct note note = {
            .m = m,
            .step = step,
            .why = again || !step->why[0] ? "" : ek_arena_printf(m->arena, "; %s", step->why),
            .election = elections,
            .lonely = m->state->member_count < 3,
        };
        view->rows = ek_arena_grow(m->arena, view->rows, view->row_count, sizeof *view->rows);
        if (!view->rows) {
            view->row_count = 0;
            return;
        }
        view->rows[view->row_count++] = (struct ek_view_row){
            .first = i + 1,
            .last = i + width,
            .change = row->change,
            .verb = verb_for(step, width),
            .members = members_of(m, step, width),
            .note = note_of(&note),
        };
    }
}

/* ---- what it costs, and whom --------------------------------------------------------- */

static void make_disruption(struct make *m)
{
    EK_BUFFER text = {0};
    char pause[32];
    const struct ek_plan *plan = m->plan;
    if (plan->restarts + plan->elections == 0) {
        m->view->disruption = "none: no restart, no election, writes go on.";
        return;
    }
    ek_buffer_text_add(&text, ek_counted(m->arena, plan->restarts, "restart", "restarts"));
    const char *separator = " (";
    for (size_t i = 0; i < m->spec->member_count; i++) {
        int restarts = 0;
        for (size_t k = 0; k < plan->count; k++)
            restarts +=
                plan->steps[k].member == (int)i ? ek_step_row(plan->steps[k].kind)->restarts : 0;
        if (restarts == 0)
            continue;
        ek_buffer_printf(&text, "%s%s: %d", separator, m->spec->members[i].name, restarts);
        separator = ", ";
    }
    ek_buffer_printf(&text, "%s, %s", plan->restarts ? ")" : "",
                     ek_counted(m->arena, plan->elections, "election", "elections"));
    ek_duration_text(plan->write_pause_ms, pause);
    if (plan->write_pause_ms == 0)
        ek_buffer_text_add(&text, ", writes go on.");
    else
        ek_buffer_printf(&text, ", writes pause for about %s%s.", pause,
                         plan->elections > 1 ? " in all" : "");
    m->view->disruption = keep(m, &text);
}

static void add_client(struct make *m, const char *sentence)
{
    m->view->clients =
        ek_arena_grow(m->arena, m->view->clients, m->view->client_count, sizeof(char *));
    if (m->view->clients)
        m->view->clients[m->view->client_count++] = sentence;
    else
        m->view->client_count = 0;
}

static void highest_mode_and_plaintext(const struct ek_state *state, enum ek_ssl_mode *ret_highest,
                                       int64_t *ret_plaintext)
{
    *ret_highest = EK_SSL_UNKNOWN;
    *ret_plaintext = 0;
    for (size_t i = 0; i < state->member_count; i++) {
        if (state->members[i].mode_running > *ret_highest)
            *ret_highest = state->members[i].mode_running;
        if (state->members[i].plaintext_clients > 0)
            *ret_plaintext += state->members[i].plaintext_clients;
    }
}

static void make_clients(struct make *m)
{
    enum ek_ssl_mode highest = EK_SSL_UNKNOWN;
    int64_t plaintext = 0;
    enum ek_ssl_mode wanted = m->spec->ssl_mode;
    highest_mode_and_plaintext(m->state, &highest, &plaintext);
    bool renamed = has_step(m->plan, EK_STEP_RECONFIGURE);
    bool created = has_step(m->plan, EK_STEP_INITIATE);
    if (renamed || created) {
        EK_BUFFER text = {0};
        ek_connection_string(m->spec, m->state, ek_planned_label(m->planned), true, &text);
        m->view->connection_string = keep(m, &text);
    }
    if (created)
        return;
    if (renamed && wanted > EK_SSL_DISABLED)
        add_client(m, ek_arena_printf(m->arena,
                                      "the connection string changes. Clients must be able to "
                                      "resolve the new names, and to use TLS they must trust the "
                                      "authority %s.",
                                      m->spec->certificates.authority));
    if (m->plan->count && highest > EK_SSL_DISABLED && wanted == EK_SSL_DISABLED)
        add_client(
            m, ek_arena_printf(
                   m->arena,
                   "clients that use TLS must move to plaintext while the set is in %s or %s%s. "
                   "Safer in two commits: first sslMode %s, then move the clients, then "
                   "disabled.",
                   ek_mode_word(m->spec, EK_SSL_ALLOW), ek_mode_word(m->spec, EK_SSL_PREFER),
                   highest == EK_SSL_REQUIRE ? ", which this plan passes through" : "",
                   ek_mode_word(m->spec, EK_SSL_PREFER)));
    if (renamed && wanted == EK_SSL_DISABLED)
        add_client(m, "the connection string changes back to the names in the specs.");
    if (m->plan->count && wanted == EK_SSL_REQUIRE && highest != EK_SSL_REQUIRE)
        add_client(m,
                   plaintext > 0
                       ? ek_arena_printf(m->arena,
                                         "clients in plaintext are shut out at the end; they must "
                                         "use TLS before. %lld connections are in plaintext now.",
                                         (long long)plaintext)
                       : "clients in plaintext are shut out at the end; they must use TLS before.");
    else if (m->plan->count && highest == EK_SSL_DISABLED && wanted > EK_SSL_DISABLED)
        add_client(m, "clients in plaintext go on as before; from the end of this plan on they "
                      "may use TLS.");
}

static void make_why(struct make *m)
{
    enum ek_ssl_mode highest = EK_SSL_UNKNOWN;
    enum ek_ssl_mode lowest = EK_SSL_REQUIRE;
    if (m->plan->restarts == 0)
        return;
    for (size_t i = 0; i < m->state->member_count; i++) {
        enum ek_ssl_mode mode = m->state->members[i].mode_running;
        highest = mode > highest ? mode : highest;
        lowest = mode && mode < lowest ? mode : lowest;
    }
    if (highest > m->spec->ssl_mode)
        m->view->why_not_fewer =
            "sslMode is lowered by restarts only, and members two modes apart can't talk to each "
            "other, so it goes down in stages (evenkeel explain EK-0113).";
    else if (lowest == EK_SSL_DISABLED)
        m->view->why_not_fewer =
            "disabled is left by a restart only, one for each member; all the rest happens at run "
            "time (evenkeel explain EK-0113).";
    else
        m->view->why_not_fewer =
            "these servers read their certificates and TLS options at the start "
            "only (evenkeel explain EK-0113).";
}

/* ---- what it waits for ------------------------------------------------------------------ */

static const char *way_out(struct make *m, const struct ek_blocked *blocked)
{
    char name[65];
    if (blocked->waits == EK_WAIT_SIGNATURE)
        return ek_arena_printf(m->arena, ": %s", blocked->hint);
    if (blocked->waits != EK_WAIT_APPROVAL)
        return ".";
    if (ek_planned_name(m->planned, name, NULL) != 0) {
        ek_arena_fail(m->arena);
        return ".";
    }
    return ek_arena_printf(m->arena, ": %s %.12s", blocked->hint, name);
}

static void make_waits(struct make *m)
{
    for (size_t i = 0; i < m->plan->wait_count; i++) {
        const struct ek_plan_wait *wait = &m->plan->waits[i];
        EK_BUFFER text = {0};
        if (wait->before)
            ek_buffer_printf(&text, "from step %zu on: ", wait->before + 1);
        ek_buffer_printf(&text, "%s%s", wait->blocked.sentence, way_out(m, &wait->blocked));
        m->view->waits[m->view->wait_count++] = keep(m, &text);
    }
}

/* ---- what only a file's own words know ---------------------------------------------------- */

static void take_words(struct make *m)
{
    const json_t *shown = m->planned->shown;
    const json_t *clients = json_object_get(shown, "clients");
    const json_t *observed = json_object_get(shown, "observed");
    const char *drift = json_string_value(json_object_get(observed, "drift"));
    const char *connection = json_string_value(json_object_get(clients, "new_connection_string"));
    size_t i;
    const json_t *note;
    m->view->drift = drift ? drift : "none";
    m->view->connection_string = connection;
    m->view->clients = NULL;
    m->view->client_count = 0;
    json_array_foreach(json_object_get(clients, "notes"), i, note) if (json_is_string(note))
        add_client(m, json_string_value(note));
}

struct ek_plan_sums ek_plan_sums(const struct ek_planned *planned, size_t count)
{
    struct ek_plan_sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        const struct ek_plan *plan = planned[i].plan;
        sums.add += plan->to_add;
        sums.change += plan->to_change;
        sums.destroy += plan->to_destroy;
        sums.restarts += plan->restarts;
        sums.elections += plan->elections;
        sums.write_pause_ms += plan->write_pause_ms;
        sums.steps += plan->count;
        if (plan->count && sums.busy++ == 0)
            sums.first_busy = planned[i].spec->name;
        sums.stuck += plan->end == EK_VERDICT_BLOCKED;
    }
    return sums;
}

void ek_view_make(struct ek_arena *arena, const struct ek_plan_source *source,
                  const struct ek_planned *planned, struct ek_view *ret_view)
{
    *ret_view = (struct ek_view){0};
    struct make m = {arena, planned, planned->spec, planned->state, planned->plan, ret_view};
    make_head(&m, source);
    make_drift(&m);
    make_problems(&m);
    make_changes(&m);
    make_rows(&m);
    make_disruption(&m);
    make_clients(&m);
    make_why(&m);
    make_waits(&m);
    if (planned->shown)
        take_words(&m);
}
