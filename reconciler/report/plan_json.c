#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/memory.h"
#include "reconciler/report/plan_report.h"
#include "reconciler/report/view.h"

static json_t *text_or_null(const char *text)
{
    return text && text[0] ? json_string(text) : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value ? value : json_null());
}

static json_t *member_name(const struct ek_deployment_spec *spec, int member)
{
    return member >= 0 ? json_string(spec->members[member].name) : json_null();
}

static json_t *mode_json(enum ek_ssl_mode mode)
{
    return mode ? json_string(ek_ssl_mode_name(mode)) : json_null();
}

static json_t *step_json(const struct ek_planned *planned, size_t i)
{
    static const char *const changes[] = {"add", "modify", "replace", "remove"};
    const struct ek_step *step = &planned->plan->steps[i];
    const struct ek_step_kind *kind = step->kind;
    json_t *json = json_object();
    set(json, "number", json_integer((json_int_t)i + 1));
    set(json, "kind", json_string(kind->name));
    set(json, "verb", json_string(kind->verb));
    set(json, "change", json_string(changes[kind->change]));
    set(json, "member", member_name(planned->spec, step->member));
    set(json, "other", member_name(planned->spec, step->other));
    ek_step_arguments_json(step, json);
    set(json, "reason", json_string(step->why));
    set(json, "restarts", json_integer(kind->restarts));
    set(json, "elections", json_integer(kind->elections));
    set(json, "can_be_undone", json_boolean(kind->can_be_undone));
    set(json, "state_digest_before", json_string(planned->plan->digests[i]));
    set(json, "state_digest_after", json_string(planned->plan->digests[i + 1]));
    return json;
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
    set(json, "name", json_string(planned->spec->members[i].name));
    set(json, "reachable", json_string(ek_tri_word(member->reachable)));
    set(json, "state", json_string(ek_member_state_name(member->state)));
    set(json, "healthy", json_boolean(ek_member_serves(planned->state, i, NULL)));
    set(json, "host", text_or_null(member->host));
    set(json, "version", text_or_null(version));
    set(json, "ssl_mode_running", mode_json(transport->mode_running));
    set(json, "ssl_mode_configured", mode_json(transport->mode_configured));
    set(json, "problem", text_or_null(planned->problems ? planned->problems[i] : NULL));
    return json;
}

static json_t *observed_json(const struct ek_planned *planned, const struct ek_view *view)
{
    json_t *json = json_object();
    json_t *members = json_array();
    for (size_t i = 0; i < planned->state->member_count; i++)
        json_array_append_new(members, member_json(planned, i));
    set(json, "primary", member_name(planned->spec, ek_state_primary(planned->state)));
    set(json, "ssl_domain_label", text_or_null(ek_transport(planned->state)->domain_label));
    set(json, "members", members);
    set(json, "drift", strcmp(view->drift, "none") ? json_string(view->drift) : json_null());
    set(json, "problem",
        text_or_null(planned->problems ? planned->problems[planned->state->member_count] : NULL));
    return json;
}

static json_t *facts_json(const struct ek_planned *planned)
{
    json_t *facts = NULL;
    const struct ek_situation situation = {
        .spec = planned->spec, .state = planned->state, .policy = planned->policy};
    return ek_facts_json(&situation, &facts, NULL) == 0 ? facts : NULL;
}

static json_t *blocked_json(const struct ek_planned *planned)
{
    const struct ek_blocked *blocked = &planned->plan->blocked;
    json_t *json = json_object();
    if (planned->plan->end != EK_VERDICT_BLOCKED) {
        json_decref(json);
        return json_null();
    }
    set(json, "id", json_string(blocked->id));
    set(json, "passing", json_boolean(blocked->passing));
    set(json, "member", member_name(planned->spec, blocked->member));
    set(json, "sentence", json_string(blocked->sentence));
    set(json, "hint", text_or_null(blocked->hint));
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
        char until[32] = "";
        if (until_s)
            ek_time_text(until_s * 1000, true, until);
        json_t *item = json_object();
        set(item, "kind", json_string(kinds[wait->blocked.waits]));
        set(item, "before_step", json_integer((json_int_t)wait->before + 1));
        set(item, "id", json_string(wait->blocked.id));
        set(item, "sentence", json_string(wait->blocked.sentence));
        set(item, "hint", text_or_null(wait->blocked.hint));
        set(item, "until", text_or_null(until));
        json_array_append_new(json, item);
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
        json_array_append_new(notes, json_string(view->clients[i]));
    set(json, "connection_string", json_string(ek_buffer_text(&before)));
    set(json, "new_connection_string", text_or_null(view->connection_string));
    set(json, "notes", notes);
    return json;
}

static void digest(const json_t *json, char ret_hex[65])
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    if (!text)
        ek_memory_exhausted();
    ek_sha256_hex(text, strlen(text), ret_hex);
    free(text);
}

/* The label of an SSL domain that is to be made is a throw of dice: it is left out, and the
 * digests of later states with it. */
void ek_plan_json_name(const json_t *deployment, char ret_hex[65])
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
        json_object_set(json, kept[k], json_object_get(deployment, kept[k]));
    json_array_foreach(json_object_get(deployment, "steps"), i, whole)
    {
        json_t *step = json_object();
        for (size_t k = 0; k < sizeof of_step / sizeof *of_step; k++)
            json_object_set(step, of_step[k], json_object_get(whole, of_step[k]));
        json_array_append_new(steps, step);
    }
    json_object_set_new(json, "steps", steps);
    json_object_set(json, "blocked", json_object_get(blocked, "id"));
    digest(json, ret_hex);
    json_decref(json);
}

/* What of the specs the words of a plan are made of. */
static json_t *wants_json(const struct ek_deployment_spec *spec)
{
    json_t *json = json_object();
    json_t *members = json_array();
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct ek_member_spec *member = &spec->members[i];
        json_t *item = json_object();
        set(item, "name", json_string(member->name));
        set(item, "host", text_or_null(member->host));
        set(item, "port", json_integer(member->port));
        set(item, "hidden", json_boolean(member->hidden));
        set(item, "arbiter", json_boolean(member->arbiter));
        json_array_append_new(members, item);
    }
    set(json, "ssl_domain", text_or_null(spec->ssl_domain.base));
    set(json, "authority", text_or_null(spec->certificates.authority));
    set(json, "key_algorithm",
        json_string(spec->certificates.algorithm == EK_KEY_P256 ? "P-256" : "RSA-3072"));
    set(json, "certificate_validity_s", json_integer(spec->certificates.validity_s));
    set(json, "spelled", json_string(spec->ssl_mode_written_as_tls ? "TLS" : "SSL"));
    set(json, "members", members);
    return json;
}

static json_t *steps_json(const struct ek_planned *planned)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < planned->plan->count; i++)
        json_array_append_new(steps, step_json(planned, i));
    return steps;
}

static json_t *deployment_json(const struct ek_plan_source *source,
                               const struct ek_planned *planned)
{
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    char spec_digest[65];
    char name[65];
    json_t *json = json_object();
    const struct ek_deployment_spec *spec = planned->spec;
    ek_view_make(arena, source, planned, &view);
    ek_hex(planned->spec_digest, sizeof planned->spec_digest, spec_digest);
    set(json, "name", json_string(spec->name));
    set(json, "account", json_string(spec->account));
    set(json, "commit", text_or_null(source->commit));
    set(json, "spec_digest", json_string(spec_digest));
    set(json, "replica_set", json_string(spec->set_name));
    set(json, "replica_set_id", text_or_null(ek_set(planned->state)->set_id));
    set(json, "ssl_mode", mode_json(spec->ssl_mode));
    set(json, "ssl_domain_label", text_or_null(ek_planned_label(planned)));
    set(json, "former_primary", member_name(spec, planned->policy->former_primary));
    set(json, "wants", wants_json(spec));
    set(json, "observed", observed_json(planned, &view));
    set(json, "steps", steps_json(planned));
    set(json, "blocked", blocked_json(planned));
    set(json, "waits", ek_plan_waits_json(planned));
    set(json, "totals", totals_json(planned, 1));
    set(json, "disruption", json_string(view.disruption));
    set(json, "why_not_fewer_restarts", text_or_null(view.why_not_fewer));
    set(json, "clients", clients_json(planned, &view));
    set(json, "state_digest", json_string(planned->plan->digests[0]));
    set(json, "facts", facts_json(planned));
    ek_plan_json_name(json, name);
    set(json, "plan", json_string(name));
    ek_arena_free(arena);
    return json;
}

static json_t *source_json(const struct ek_plan_source *source)
{
    json_t *json = json_object();
    set(json, "kind", json_string(source->directory ? "directory" : "git"));
    set(json, "location", text_or_null(source->directory ? source->directory : source->url));
    set(json, "path", text_or_null(source->path));
    set(json, "commit", text_or_null(source->commit));
    set(json, "commit_subject", text_or_null(source->commit_subject));
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
        json_t *copy = json_copy(deployment);
        json_object_del(copy, "waits");
        json_array_append_new(copies, copy ? copy : json_null());
    }
    return copies;
}

/* The plan for the specs as they were; ek_plan_file_part reads it. */
static json_t *before_json(const struct ek_planned *before)
{
    json_t *json = json_object();
    json_t *steps = json_array();
    for (size_t i = 0; i < before->plan->count; i++)
        json_array_append_new(steps, step_json(before, i));
    set(json, "steps", steps);
    set(json, "blocked", blocked_json(before));
    set(json, "totals", totals_json(before, 1));
    set(json, "state_digest", json_string(before->plan->digests[0]));
    return json;
}

static json_t *touched_json(const struct ek_planned *planned)
{
    static const char *const words[] = {[EK_TOUCHED_UNASKED] = NULL,
                                        [EK_TOUCHED_ADDED] = "added",
                                        [EK_TOUCHED_CHANGED] = "changed"};
    json_t *json = json_object();
    set(json, "name", json_string(planned->spec->name));
    set(json, "account", json_string(planned->spec->account));
    set(json, "touched", text_or_null(words[planned->touched]));
    set(json, "renamed_from", text_or_null(planned->renamed));
    set(json, "without_change", planned->before ? before_json(planned->before) : json_null());
    set(json, "problem", text_or_null(planned->before_problem));
    return json;
}

static json_t *change_json(const struct ek_plan_set *plans)
{
    const struct ek_plan_change *change = plans->change;
    json_t *json = json_object();
    json_t *deployments = json_array();
    json_t *gone = json_array();
    for (size_t i = 0; i < plans->count; i++)
        json_array_append_new(deployments, touched_json(&plans->planned[i]));
    for (size_t i = 0; i < change->gone_count; i++)
        json_array_append_new(gone, json_pack("{s:s, s:s, s:s?}", "name", change->gone[i].name,
                                              "account", change->gone[i].account, "renamed_to",
                                              change->gone[i].renamed));
    set(json, "base", text_or_null(change->base));
    set(json, "base_errors", json_integer((json_int_t)change->base_errors));
    set(json, "untouched", json_integer((json_int_t)change->untouched));
    set(json, "deployments", deployments);
    set(json, "removed", gone);
    return json;
}

void ek_plan_json_digest(const json_t *document, char ret_hex[65])
{
    static const char *const passing[] = {"sha256", "observed_at", "signature"};
    json_t *copy = json_copy((json_t *)(uintptr_t)document);
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        json_object_del(copy, passing[i]);
    if (json_is_array(json_object_get(copy, "deployments")))
        set(copy, "deployments", without_waits(json_object_get(copy, "deployments")));
    digest(copy, ret_hex);
    json_decref(copy);
}

void ek_planned_name(const struct ek_planned *planned, char ret_hex[65])
{
    static const struct ek_plan_source nowhere;
    /* The words of the document may be about what the plan waits for, and so about its name. */
    struct ek_plan plan = *planned->plan;
    struct ek_planned idle = *planned;
    plan.wait_count = 0;
    idle.plan = &plan;
    json_t *json = deployment_json(&nowhere, &idle);
    ek_plan_json_name(json, ret_hex);
    json_decref(json);
}

json_t *ek_plan_json(const struct ek_plan_set *plans)
{
    char hex[65];
    char when[32];
    json_t *json = json_object();
    json_t *deployments = json_array();
    for (size_t i = 0; i < plans->count; i++)
        json_array_append_new(deployments, deployment_json(&plans->source, &plans->planned[i]));
    set(json, "format_version", json_string("1.2"));
    set(json, "type", json_string("plan"));
    if (plans->change)
        set(json, "change", change_json(plans));
    set(json, "source", source_json(&plans->source));
    set(json, "deployments", deployments);
    set(json, "totals", totals_json(plans->planned, plans->count));
    ek_plan_json_digest(json, hex);
    set(json, "sha256", json_string(hex));
    ek_time_text(plans->count ? plans->planned[0].observed_ms : 0, true, when);
    set(json, "observed_at", json_string(when));
    return json;
}

void ek_plan_name(const struct ek_plan_set *plans, char ret_hex[65])
{
    if (plans->name) {
        snprintf(ret_hex, 65, "%s", plans->name);
        return;
    }
    json_t *json = ek_plan_json(plans);
    snprintf(ret_hex, 65, "%s", json_string_value(json_object_get(json, "sha256")));
    json_decref(json);
}
