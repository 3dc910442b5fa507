#include "reconciler/document/plan_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/document/plan_json.h"

enum { PLAN_FILE_MAX = 64 * 1024 * 1024 };

struct ek_plan_file {
    json_t *document;
    char path[512];
};

int ek_plan_file_write(const json_t *document, const char *path, struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_json_print(json_incref((json_t *)(uintptr_t)document),
                  JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII, &text);
    int result = ek_buffer_check(&text, err);
    return result == 0 ? ek_file_write(path, text.bytes, text.length, 0600, err) : result;
}

static const json_t *deployment(const struct ek_plan_file *file, size_t index)
{
    return json_array_get(json_object_get(file->document, "deployments"), index);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int ek_plan_file_damaged(const struct ek_plan_file *file, const char *what, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-0808", "%s is not a whole plan file: %s", file->path, what);
    return ek_hint(err, "make a new one: evenkeel plan --out FILE");
}

static int check(const struct ek_plan_file *file, struct ek_error *err)
{
    char hex[EK_SHA256_HEX_SIZE];
    const char *type = json_string_value(json_object_get(file->document, "type"));
    const char *version = json_string_value(json_object_get(file->document, "format_version"));
    const char *name = json_string_value(json_object_get(file->document, "sha256"));
    if (!type || strcmp(type, "plan") != 0 || !version || !name)
        return ek_plan_file_damaged(file, "it is JSON, but no plan", err);
    char *end = NULL;
    long major = strtol(version, &end, 10);
    if (end == version || *end != '.' || major < 1)
        return ek_plan_file_damaged(file, "its format_version makes no sense", err);
    if (major > EK_PLAN_FORMAT_MAJOR) {
        ek_fail(err, EK_UNSUPPORTED, "EK-0809",
                "%s was written by a newer Evenkeel (format %s; this one knows %d.x)", file->path,
                version, EK_PLAN_FORMAT_MAJOR);
        return ek_hint(err, "apply it with that version, or make a new plan with this one");
    }
    if (ek_plan_json_digest(file->document, hex, err) != 0)
        return EK_NO_MEMORY;
    if (strcmp(hex, name) != 0)
        return ek_plan_file_damaged(file, "its content was changed after it was written", err);
    if (!json_is_array(json_object_get(file->document, "deployments")))
        return ek_plan_file_damaged(file, "it has no deployments", err);
    for (size_t i = 0; i < ek_plan_file_count(file); i++) {
        if (!ek_plan_file_deployment(file, i) || !ek_plan_file_account(file, i))
            return ek_plan_file_damaged(file, "a deployment has no name", err);
        const char *planned = text_of(deployment(file, i), "plan");
        if (ek_plan_file_planned_name(file, i, hex, err) != 0)
            return EK_NO_MEMORY;
        if (planned && strcmp(planned, hex) != 0)
            return ek_plan_file_damaged(file, "the name of a plan is not its own", err);
    }
    return 0;
}

int ek_plan_file_parse(const char *text, size_t length, const char *name,
                       struct ek_plan_file **ret_file, struct ek_error *err)
{
    json_error_t problem;
    int result;
    struct ek_plan_file *file = calloc(1, sizeof *file);
    if (!file)
        return ek_no_memory(err);
    snprintf(file->path, sizeof file->path, "%s", name);
    result = ek_json_read(text, length, JSON_REJECT_DUPLICATES, &file->document, &problem);
    if (result == EK_NO_MEMORY) {
        ek_no_memory(err);
    } else if (result != 0) {
        result = ek_plan_file_damaged(file, "it is not JSON", err);
        ek_cause(err, "line %d: %s", problem.line, problem.text);
    } else {
        result = check(file, err);
    }
    if (result != 0) {
        ek_plan_file_free(file);
        return result;
    }
    *ret_file = file;
    return 0;
}

int ek_plan_file_read(const char *path, struct ek_plan_file **ret_file, struct ek_error *err)
{
    EK_BUFFER text = {0};
    int result = ek_input_read(path, PLAN_FILE_MAX, &text, err);
    return result == 0 ? ek_plan_file_parse(ek_buffer_text(&text), text.length, path, ret_file, err)
                       : result;
}

void ek_plan_file_free(struct ek_plan_file *file)
{
    if (!file)
        return;
    json_decref(file->document);
    free(file);
}

void ek_plan_file_cleanup(struct ek_plan_file **file)
{
    ek_plan_file_free(*file);
}

void ek_plan_file_source(const struct ek_plan_file *file, struct ek_plan_source *ret_source)
{
    const json_t *source = json_object_get(file->document, "source");
    const char *kind = json_string_value(json_object_get(source, "kind"));
    const char *location = json_string_value(json_object_get(source, "location"));
    bool git = kind && strcmp(kind, "git") == 0;
    *ret_source = (struct ek_plan_source){
        .directory = git ? NULL : location,
        .url = git ? location : NULL,
        .path = json_string_value(json_object_get(source, "path")),
        .commit = json_string_value(json_object_get(source, "commit")),
        .commit_subject = json_string_value(json_object_get(source, "commit_subject")),
    };
}

const char *ek_plan_file_name(const struct ek_plan_file *file)
{
    return json_string_value(json_object_get(file->document, "sha256"));
}

const json_t *ek_plan_file_document(const struct ek_plan_file *file)
{
    return file->document;
}

size_t ek_plan_file_count(const struct ek_plan_file *file)
{
    return json_array_size(json_object_get(file->document, "deployments"));
}

const char *ek_plan_file_deployment(const struct ek_plan_file *file, size_t index)
{
    return text_of(deployment(file, index), "name");
}

int ek_plan_file_planned_name(const struct ek_plan_file *file, size_t index,
                              char ret_hex[EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    return ek_plan_json_name(deployment(file, index), ret_hex, err);
}

const char *ek_plan_file_account(const struct ek_plan_file *file, size_t index)
{
    return text_of(deployment(file, index), "account");
}

/* -1 for null; -2 for what is no member. */
static int member_index(const struct ek_deployment_spec *spec, const json_t *value)
{
    if (!json_is_string(value))
        return json_is_null(value) ? -1 : -2;
    for (size_t i = 0; i < spec->member_count; i++)
        if (strcmp(spec->members[i].name, json_string_value(value)) == 0)
            return (int)i;
    return -2;
}

static bool copy_text(const json_t *json, const char *key, char *buffer, size_t size)
{
    const char *text = text_of(json, key);
    return snprintf(buffer, size, "%s", text ? text : "") < (int)size;
}

/* Arguments that the kind has; those of other kinds are null, or as if they were. */
static bool read_arguments(const json_t *json, struct ek_step *step)
{
    struct ek_error ignored = {0};
    const struct ek_field_scope scope = {.path = "", .err = &ignored};
    for (const struct ek_argument *a = step->kind->arguments; a->field.key; a++) {
        const json_t *value = json_object_get(json, a->field.key);
        if (value && !json_is_null(value) &&
            a->field.kind->read(&scope, &a->field, value, step->arguments + a->field.offset) != 0)
            return false;
    }
    return true;
}

static bool read_step(const struct ek_deployment_spec *spec, const json_t *json, size_t i,
                      struct ek_plan *plan)
{
    struct ek_step *step = &plan->steps[i];
    const char *kind = text_of(json, "kind");
    step->kind = kind ? ek_step_kind_named(kind) : NULL;
    if (!step->kind || !read_arguments(json, step))
        return false;
    step->member = member_index(spec, json_object_get(json, "member"));
    step->other = member_index(spec, json_object_get(json, "other"));
    return step->member > -2 && step->other > -2 && step->kind->on_member == (step->member >= 0) &&
           copy_text(json, "reason", step->why, sizeof step->why) &&
           copy_text(json, "state_digest_before", plan->digests[i], 65) &&
           copy_text(json, "state_digest_after", plan->digests[i + 1], 65);
}

static bool read_blocked(const struct ek_deployment_spec *spec, const json_t *json,
                         struct ek_plan *plan)
{
    struct ek_blocked *blocked = &plan->blocked;
    plan->end = json_is_object(json) ? EK_VERDICT_BLOCKED : EK_VERDICT_DONE;
    if (!json_is_object(json))
        return true;
    blocked->passing = json_is_true(json_object_get(json, "passing"));
    blocked->member = member_index(spec, json_object_get(json, "member"));
    return blocked->member > -2 && copy_text(json, "id", blocked->id, sizeof blocked->id) &&
           copy_text(json, "sentence", blocked->sentence, sizeof blocked->sentence) &&
           copy_text(json, "hint", blocked->hint, sizeof blocked->hint);
}

static void read_totals(const json_t *totals, struct ek_plan *plan)
{
    plan->to_add = (int)json_integer_value(json_object_get(totals, "add"));
    plan->to_change = (int)json_integer_value(json_object_get(totals, "change"));
    plan->to_destroy = (int)json_integer_value(json_object_get(totals, "destroy"));
    plan->restarts = (int)json_integer_value(json_object_get(totals, "restarts"));
    plan->elections = (int)json_integer_value(json_object_get(totals, "elections"));
    plan->write_pause_ms = json_integer_value(json_object_get(totals, "write_pause_ms"));
}

static int read_plan(const struct ek_plan_file *file, const json_t *json,
                     const struct ek_deployment_spec *spec, struct ek_plan *plan,
                     struct ek_error *err)
{
    const json_t *steps = json_object_get(json, "steps");
    size_t count = json_array_size(steps);
    if (!json_is_array(steps) || count > EK_PLAN_STEPS_MAX)
        return ek_plan_file_damaged(file, "its steps are missing", err);
    plan->steps = calloc(count + 1, sizeof *plan->steps);
    plan->digests = calloc(count + 1, sizeof *plan->digests);
    if (!plan->steps || !plan->digests)
        return ek_no_memory(err);
    plan->count = count;
    if (!copy_text(json, "replica_set_id", plan->set_id, sizeof plan->set_id) ||
        !copy_text(json, "state_digest", plan->digests[0], 65))
        return ek_plan_file_damaged(file, "it does not say what state it starts from", err);
    for (size_t i = 0; i < count; i++)
        if (!read_step(spec, json_array_get(steps, i), i, plan))
            return ek_plan_file_damaged(file, "one of its steps makes no sense", err);
    if (!read_blocked(spec, json_object_get(json, "blocked"), plan))
        return ek_plan_file_damaged(file, "what blocks it makes no sense", err);
    read_totals(json_object_get(json, "totals"), plan);
    return 0;
}

int ek_plan_file_part(const struct ek_plan_file *file, const json_t *json,
                      const struct ek_deployment_spec *spec, struct ek_plan *ret_plan,
                      struct ek_error *err)
{
    struct ek_plan plan = {0};
    int result = read_plan(file, json, spec, &plan, err);
    if (result == 0)
        *ret_plan = plan;
    else
        ek_plan_done(&plan);
    return result;
}

int ek_plan_file_current(const struct ek_plan_file *file, size_t index,
                         const struct ek_deployment_spec *spec,
                         const uint8_t spec_digest[EK_SHA256_SIZE], struct ek_error *err)
{
    const char *planned = text_of(deployment(file, index), "spec_digest");
    char digest[EK_SHA256_HEX_SIZE];
    ek_hex(spec_digest, 32, digest);
    if (planned && strcmp(planned, digest) == 0)
        return 0;
    ek_fail(err, EK_STALE, "EK-0810", "the specs of %s changed since this plan was made",
            spec->name);
    return ek_hint(err, "make a new plan, read it, and apply that");
}

int ek_plan_file_policy(const struct ek_plan_file *file, size_t index,
                        const struct ek_deployment_spec *spec, struct ek_policy *policy,
                        struct ek_error *err)
{
    const json_t *json = deployment(file, index);
    const char *label = text_of(json, "ssl_domain_label");
    int former = member_index(spec, json_object_get(json, "former_primary"));
    if (former < -1 || (label && strlen(label) >= sizeof policy->new_label))
        return ek_plan_file_damaged(file, "its policy makes no sense", err);
    policy->former_primary = former;
    if (label)
        snprintf(policy->new_label, sizeof policy->new_label, "%s", label);
    return 0;
}

int ek_plan_file_plan(const struct ek_plan_file *file, size_t index,
                      const struct ek_deployment_spec *spec, struct ek_plan *ret_plan,
                      struct ek_error *err)
{
    return ek_plan_file_part(file, deployment(file, index), spec, ret_plan, err);
}

int ek_plan_file_moved(const struct ek_plan_file *file, size_t index,
                       const struct ek_situation *situation, struct ek_buffer *text,
                       struct ek_error *err)
{
    const json_t *facts = json_object_get(deployment(file, index), "state");
    return json_is_object(facts) ? ek_facts_moved(facts, situation, text, NULL, err) : 0;
}
