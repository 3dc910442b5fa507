#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/planned.h"
#include "reconciler/document/view.h"
#include "reconciler/document/words.h"

static json_t *member_name(const struct ek_deployment_spec *spec, int member)
{
    return member >= 0 ? ek_json_text(spec->members[member].name) : json_null();
}

static json_t *mode_json(enum ek_ssl_mode mode)
{
    return mode ? ek_json_text(ek_ssl_mode_name(mode)) : json_null();
}

static json_t *step_json(const struct ek_planned *planned, size_t i)
{
    static const char *const changes[] = {"add", "modify", "replace", "remove"};
    const struct ek_step *step = &planned->plan->steps[i];
    const struct ek_step_kind *kind = step->kind;
    json_t *json = json_object();
    ek_json_set(&json, "number", json_integer((json_int_t)i + 1));
    ek_json_set(&json, "kind", ek_json_text(kind->name));
    ek_json_set(&json, "verb", ek_json_text(kind->verb));
    ek_json_set(&json, "change", ek_json_text(changes[kind->change]));
    ek_json_set(&json, "member", member_name(planned->spec, step->member));
    ek_json_set(&json, "other", member_name(planned->spec, step->other));
    ek_step_arguments_json(step, &json);
    ek_json_set(&json, "reason", ek_json_text(step->why));
    ek_json_set(&json, "restarts", json_integer(kind->restarts));
    ek_json_set(&json, "elections", json_integer(kind->elections));
    ek_json_set(&json, "can_be_undone", json_boolean(kind->can_be_undone));
    ek_json_set(&json, "state_digest_before", ek_json_text(planned->plan->digests[i]));
    ek_json_set(&json, "state_digest_after", ek_json_text(planned->plan->digests[i + 1]));
    return json;
}

static json_t *lines_json(const struct ek_state *state, const struct ek_options_state *options)
{
    json_t *lines = json_array();
    if (options->known != EK_YES) {
        json_decref(lines);
        return json_null();
    }
    for (const char *at = ek_state_text(state, options->keys); *at;) {
        size_t length = strcspn(at, "\n");
        ek_json_append(&lines, json_stringn(at, length));
        at += length + (at[length] == '\n');
    }
    return lines;
}

/* What people set, where they set anything. */
static void set_options(json_t **json, const struct ek_state *state, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    if (!ek_state_text(state, transport->options_running.keys)[0] &&
        !ek_state_text(state, transport->options_configured.keys)[0] &&
        !ek_state_text(state, transport->options_wanted.keys)[0])
        return;
    json_t *options = json_object();
    ek_json_set(&options, "running", lines_json(state, &transport->options_running));
    ek_json_set(&options, "configured", lines_json(state, &transport->options_configured));
    ek_json_set(&options, "wanted", lines_json(state, &transport->options_wanted));
    ek_json_set(json, "options", options);
}

static json_t *member_json(const struct ek_planned *planned, size_t i)
{
    const struct ek_member *member = ek_member(planned->state, i);
    const struct ek_member_transport *transport = ek_member_transport(planned->state, i);
    char version[48] = "";
    json_t *json = json_object();
    if (member->version[0])
        snprintf(version, sizeof version, "%d.%d.%d", member->version[0], member->version[1],
                 member->version[2]);
    ek_json_set(&json, "name", ek_json_text(planned->spec->members[i].name));
    ek_json_set(&json, "reachable", ek_json_text(ek_tri_word(member->reachable)));
    ek_json_set(&json, "state", ek_json_text(ek_member_state_name(member->state)));
    ek_json_set(&json, "healthy", json_boolean(ek_member_serves(planned->state, i, NULL)));
    ek_json_set(&json, "host", ek_json_text_or_null(member->host));
    ek_json_set(&json, "version", ek_json_text_or_null(version));
    ek_json_set(&json, "ssl_mode_running", mode_json(transport->mode_running));
    ek_json_set(&json, "ssl_mode_configured", mode_json(transport->mode_configured));
    set_options(&json, planned->state, i);
    ek_json_set(&json, "problem",
                ek_json_text_or_null(planned->problems ? planned->problems[i] : NULL));
    return json;
}

static json_t *observed_json(const struct ek_planned *planned, const struct ek_view *view)
{
    json_t *json = json_object();
    json_t *members = json_array();
    for (size_t i = 0; i < planned->state->member_count; i++)
        ek_json_append(&members, member_json(planned, i));
    ek_json_set(&json, "primary", member_name(planned->spec, ek_state_primary(planned->state)));
    ek_json_set(&json, "ssl_domain_label",
                ek_json_text_or_null(ek_transport(planned->state)->domain_label));
    ek_json_set(&json, "members", members);
    ek_json_set(&json, "drift",
                strcmp(view->drift, "none") ? ek_json_text(view->drift) : json_null());
    ek_json_set(&json, "problem",
                ek_json_text_or_null(
                    planned->problems ? planned->problems[planned->state->member_count] : NULL));
    return json;
}

/* By field, compared when the plan turns out to be stale; and the same in words. */
static void set_facts(json_t **json, const struct ek_planned *planned)
{
    json_t *state = NULL;
    EK_BUFFER lines = {0};
    json_t *facts = json_array();
    const struct ek_situation situation = {
        .spec = planned->spec, .state = planned->state, .policy = planned->policy};
    (void)ek_facts_json(&situation, &state, NULL);
    (void)ek_facts_words(&situation, &lines, NULL);
    for (const char *at = ek_buffer_text(&lines); *at;) {
        size_t length = strcspn(at, "\n");
        ek_json_append(&facts, json_stringn(at, length));
        at += length + (at[length] == '\n');
    }
    if (lines.failed)
        ek_json_append(&facts, NULL);
    ek_json_set(json, "state", state);
    ek_json_set(json, "facts", facts);
}

static json_t *blocked_json(const struct ek_planned *planned)
{
    const struct ek_blocked *blocked = &planned->plan->blocked;
    json_t *json = json_object();
    if (planned->plan->end != EK_VERDICT_BLOCKED) {
        json_decref(json);
        return json_null();
    }
    ek_json_set(&json, "id", ek_json_text(blocked->id));
    ek_json_set(&json, "passing", json_boolean(blocked->passing));
    ek_json_set(&json, "member", member_name(planned->spec, blocked->member));
    ek_json_set(&json, "sentence", ek_json_text(blocked->sentence));
    ek_json_set(&json, "hint", ek_json_text_or_null(blocked->hint));
    return json;
}

json_t *ek_plan_waits_json(const struct ek_planned *planned)
{
    static const char *const kinds[] = {"none",      "pause",  "approval",
                                        "signature", "window", "watch"};
    const struct ek_consent *consent = &planned->policy->consent;
    json_t *json = json_array();
    for (size_t i = 0; i < planned->plan->wait_count; i++) {
        const struct ek_plan_wait *wait = &planned->plan->waits[i];
        int64_t until_s = wait->blocked.waits == EK_WAIT_WINDOW  ? consent->window_changes_s
                          : wait->blocked.waits == EK_WAIT_PAUSE ? consent->paused_until_s
                                                                 : wait->blocked.until_s;
        char until[EK_TIME_TEXT_SIZE] = "";
        if (until_s)
            ek_time_text(until_s * 1000, true, until);
        json_t *item = json_object();
        ek_json_set(&item, "kind", ek_json_text(kinds[wait->blocked.waits]));
        ek_json_set(&item, "before_step", json_integer((json_int_t)wait->before + 1));
        ek_json_set(&item, "id", ek_json_text(wait->blocked.id));
        ek_json_set(&item, "sentence", ek_json_text(wait->blocked.sentence));
        ek_json_set(&item, "hint", ek_json_text_or_null(wait->blocked.hint));
        ek_json_set(&item, "until", ek_json_text_or_null(until));
        ek_json_append(&json, item);
    }
    return json;
}

static json_t *totals_json(const struct ek_planned *planned, size_t count)
{
    struct ek_plan_sums sums = ek_plan_sums(planned, count);
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "add", sums.add, "change", sums.change,
                     "destroy", sums.destroy, "restarts", sums.restarts, "elections",
                     sums.elections, "write_pause_ms", (json_int_t)sums.write_pause_ms);
}

static json_t *clients_json(const struct ek_planned *planned, const struct ek_view *view)
{
    EK_BUFFER before = {0};
    json_t *json = json_object();
    json_t *notes = json_array();
    ek_connection_string(planned->spec, planned->state, ek_transport(planned->state)->domain_label,
                         false, &before);
    for (size_t i = 0; i < view->client_count; i++)
        ek_json_append(&notes, ek_json_text(view->clients[i]));
    ek_json_set(&json, "connection_string",
                before.failed ? NULL : ek_json_text(ek_buffer_text(&before)));
    ek_json_set(&json, "new_connection_string", ek_json_text_or_null(view->connection_string));
    ek_json_set(&json, "notes", notes);
    return json;
}

/* Of a document that is let go of. */
static int digest(json_t *json, char ret_hex[EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_json_print(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII, &text);
    return ek_sha256_hex_of(&text, ret_hex, err);
}

/* The label of an SSL domain that is to be made is a throw of dice: it is left out, and the
 * digests of later states with it. */
/* Where there is one. */
static void copy_member(json_t **to, const char *key, const json_t *from, const char *its_key)
{
    json_t *value = json_object_get(from, its_key);
    if (value)
        ek_json_set(to, key, json_incref(value));
}

int ek_plan_json_name(const json_t *deployment, char ret_hex[EK_SHA256_HEX_SIZE],
                      struct ek_error *err)
{
    static const char *const kept[] = {"account",        "name",         "spec_digest",
                                       "replica_set_id", "state_digest", "former_primary"};
    static const char *const of_step[] = {"kind", "member",         "other",
                                          "mode", "config_version", "hold"};
    const json_t *blocked = json_object_get(deployment, "blocked");
    json_t *json = json_object();
    json_t *steps = json_array();
    size_t i;
    json_t *whole;
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
        copy_member(&json, kept[k], deployment, kept[k]);
    json_array_foreach(json_object_get(deployment, "steps"), i, whole)
    {
        json_t *step = json_object();
        for (size_t k = 0; k < sizeof of_step / sizeof *of_step; k++)
            copy_member(&step, of_step[k], whole, of_step[k]);
        ek_json_append(&steps, step);
    }
    ek_json_set(&json, "steps", steps);
    copy_member(&json, "blocked", blocked, "id");
    return digest(json, ret_hex, err);
}

/* What of the specs the words of a plan are made of. */
static json_t *wants_json(const struct ek_deployment_spec *spec)
{
    json_t *json = json_object();
    json_t *members = json_array();
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct ek_member_spec *member = &spec->members[i];
        json_t *item = json_object();
        ek_json_set(&item, "name", ek_json_text(member->name));
        ek_json_set(&item, "host", ek_json_text_or_null(member->host));
        ek_json_set(&item, "port", json_integer(member->port));
        ek_json_set(&item, "hidden", json_boolean(member->hidden));
        ek_json_set(&item, "arbiter", json_boolean(member->arbiter));
        ek_json_append(&members, item);
    }
    ek_json_set(&json, "ssl_domain", ek_json_text_or_null(spec->ssl_domain.base));
    ek_json_set(&json, "authority", ek_json_text_or_null(spec->certificates.authority));
    ek_json_set(&json, "key_algorithm",
                ek_json_text(spec->certificates.algorithm == EK_KEY_P256 ? "P-256" : "RSA-3072"));
    ek_json_set(&json, "certificate_validity_s", json_integer(spec->certificates.validity_s));
    ek_json_set(&json, "spelled", ek_json_text(spec->ssl_mode_written_as_tls ? "TLS" : "SSL"));
    ek_json_set(&json, "members", members);
    return json;
}

static json_t *steps_json(const struct ek_planned *planned)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < planned->plan->count; i++)
        ek_json_append(&steps, step_json(planned, i));
    return steps;
}

static json_t *deployment_json(const struct ek_plan_source *source,
                               const struct ek_planned *planned)
{
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    char spec_digest[EK_SHA256_HEX_SIZE];
    char name[EK_SHA256_HEX_SIZE];
    json_t *json = json_object();
    const struct ek_deployment_spec *spec = planned->spec;
    ek_view_make(arena, source, planned, &view);
    ek_hex(planned->spec_digest, sizeof planned->spec_digest, spec_digest);
    ek_json_set(&json, "name", ek_json_text(spec->name));
    ek_json_set(&json, "account", ek_json_text(spec->account));
    ek_json_set(&json, "commit", ek_json_text_or_null(source->commit));
    ek_json_set(&json, "spec_digest", ek_json_text(spec_digest));
    ek_json_set(&json, "replica_set", ek_json_text(spec->set_name));
    ek_json_set(&json, "replica_set_id", ek_json_text_or_null(ek_set(planned->state)->set_id));
    ek_json_set(&json, "ssl_mode", mode_json(spec->ssl_mode));
    ek_json_set(&json, "ssl_domain_label", ek_json_text_or_null(ek_planned_label(planned)));
    ek_json_set(&json, "former_primary", member_name(spec, planned->policy->former_primary));
    ek_json_set(&json, "wants", wants_json(spec));
    if (planned->less_consent)
        ek_json_set(&json, "less_consent", ek_json_text(planned->less_consent));
    ek_json_set(&json, "observed", observed_json(planned, &view));
    ek_json_set(&json, "steps", steps_json(planned));
    ek_json_set(&json, "blocked", blocked_json(planned));
    ek_json_set(&json, "waits", ek_plan_waits_json(planned));
    ek_json_set(&json, "totals", totals_json(planned, 1));
    ek_json_set(&json, "disruption", ek_json_text(view.disruption));
    ek_json_set(&json, "why_not_fewer_restarts", ek_json_text_or_null(view.why_not_fewer));
    ek_json_set(&json, "clients", clients_json(planned, &view));
    ek_json_set(&json, "state_digest", ek_json_text(planned->plan->digests[0]));
    set_facts(&json, planned);
    bool whole = ek_arena_check(arena, NULL) == 0 && ek_plan_json_name(json, name, NULL) == 0;
    ek_json_set(&json, "plan", whole ? ek_json_text(name) : NULL);
    ek_arena_free(arena);
    return json;
}

static json_t *source_json(const struct ek_plan_source *source)
{
    json_t *json = json_object();
    ek_json_set(&json, "kind", ek_json_text(source->directory ? "directory" : "git"));
    ek_json_set(&json, "location",
                ek_json_text_or_null(source->directory ? source->directory : source->url));
    ek_json_set(&json, "path", ek_json_text_or_null(source->path));
    ek_json_set(&json, "commit", ek_json_text_or_null(source->commit));
    ek_json_set(&json, "commit_subject", ek_json_text_or_null(source->commit_subject));
    return json;
}

/* What a plan waits for comes and goes while the plan stays the same. */
static json_t *without_waits(const json_t *deployments)
{
    json_t *copies = json_array();
    size_t i;
    json_t *deployment;
    json_array_foreach(deployments, i, deployment)
    {
        json_t *copy = ek_json_copy(deployment);
        (void)(copy && json_object_del(copy, "waits"));
        ek_json_append(&copies, copy);
    }
    return copies;
}

/* The plan for the specs as they were; ek_plan_file_part reads it. */
static json_t *before_json(const struct ek_planned *before)
{
    json_t *json = json_object();
    json_t *steps = json_array();
    for (size_t i = 0; i < before->plan->count; i++)
        ek_json_append(&steps, step_json(before, i));
    ek_json_set(&json, "steps", steps);
    ek_json_set(&json, "blocked", blocked_json(before));
    ek_json_set(&json, "totals", totals_json(before, 1));
    ek_json_set(&json, "state_digest", ek_json_text(before->plan->digests[0]));
    return json;
}

static json_t *touched_json(const struct ek_planned *planned)
{
    static const char *const words[] = {[EK_TOUCHED_UNASKED] = NULL,
                                        [EK_TOUCHED_ADDED] = "added",
                                        [EK_TOUCHED_CHANGED] = "changed"};
    json_t *json = json_object();
    ek_json_set(&json, "name", ek_json_text(planned->spec->name));
    ek_json_set(&json, "account", ek_json_text(planned->spec->account));
    ek_json_set(&json, "touched", ek_json_text_or_null(words[planned->touched]));
    ek_json_set(&json, "renamed_from", ek_json_text_or_null(planned->renamed));
    ek_json_set(&json, "without_change",
                planned->before ? before_json(planned->before) : json_null());
    ek_json_set(&json, "problem", ek_json_text_or_null(planned->before_problem));
    return json;
}

static json_t *change_json(const struct ek_plan_set *plans)
{
    const struct ek_plan_change *change = plans->change;
    json_t *json = json_object();
    json_t *deployments = json_array();
    json_t *gone = json_array();
    for (size_t i = 0; i < plans->count; i++)
        ek_json_append(&deployments, touched_json(&plans->planned[i]));
    for (size_t i = 0; i < change->gone_count; i++)
        ek_json_append(&gone,
                       json_pack("{s:s, s:s, s:s?}", "name", change->gone[i].name, "account",
                                 change->gone[i].account, "renamed_to", change->gone[i].renamed));
    ek_json_set(&json, "base", ek_json_text_or_null(change->base));
    ek_json_set(&json, "base_errors", json_integer((json_int_t)change->base_errors));
    ek_json_set(&json, "untouched", json_integer((json_int_t)change->untouched));
    ek_json_set(&json, "deployments", deployments);
    ek_json_set(&json, "removed", gone);
    return json;
}

int ek_plan_json_digest(const json_t *document, char ret_hex[EK_SHA256_HEX_SIZE],
                        struct ek_error *err)
{
    static const char *const passing[] = {"sha256", "observed_at", "signature"};
    json_t *copy = ek_json_copy(document);
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        (void)(copy && json_object_del(copy, passing[i]));
    if (json_is_array(json_object_get(copy, "deployments")))
        ek_json_set(&copy, "deployments", without_waits(json_object_get(copy, "deployments")));
    return digest(copy, ret_hex, err);
}

int ek_planned_name(const struct ek_planned *planned, char ret_hex[EK_SHA256_HEX_SIZE],
                    struct ek_error *err)
{
    static const struct ek_plan_source nowhere;
    /* The words of the document may be about what the plan waits for, and so about its name. */
    struct ek_plan plan = *planned->plan;
    struct ek_planned idle = *planned;
    plan.wait_count = 0;
    idle.plan = &plan;
    json_t *json = deployment_json(&nowhere, &idle);
    int result = json ? ek_plan_json_name(json, ret_hex, err) : ek_no_memory(err);
    json_decref(json);
    return result;
}

json_t *ek_plan_json(const struct ek_plan_set *plans)
{
    char hex[EK_SHA256_HEX_SIZE];
    char when[EK_TIME_TEXT_SIZE];
    json_t *json = json_object();
    json_t *deployments = json_array();
    for (size_t i = 0; i < plans->count; i++)
        ek_json_append(&deployments, deployment_json(&plans->source, &plans->planned[i]));
    ek_json_set(&json, "format_version", ek_json_text("1.3"));
    ek_json_set(&json, "type", ek_json_text("plan"));
    if (plans->change)
        ek_json_set(&json, "change", change_json(plans));
    ek_json_set(&json, "source", source_json(&plans->source));
    ek_json_set(&json, "deployments", deployments);
    ek_json_set(&json, "totals", totals_json(plans->planned, plans->count));
    bool whole = json && ek_plan_json_digest(json, hex, NULL) == 0;
    ek_json_set(&json, "sha256", whole ? ek_json_text(hex) : NULL);
    ek_time_text(plans->count ? plans->planned[0].observed_ms : 0, true, when);
    ek_json_set(&json, "observed_at", ek_json_text(when));
    return json;
}

int ek_plan_name(const struct ek_plan_set *plans, char ret_hex[EK_SHA256_HEX_SIZE],
                 struct ek_error *err)
{
    if (plans->name) {
        snprintf(ret_hex, 65, "%s", plans->name);
        return 0;
    }
    json_t *json = ek_plan_json(plans);
    if (!json)
        return ek_no_memory(err);
    snprintf(ret_hex, 65, "%s", json_string_value(json_object_get(json, "sha256")));
    json_decref(json);
    return 0;
}
