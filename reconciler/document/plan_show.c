/* A plan out of its file, as the reports want it: the file alone is asked. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"
#include "reconciler/document/plan_file.h"
#include "specs/arena.h"

struct show {
    const struct ek_plan_file *file;
    const json_t *json; /* the deployment's part */
    struct ek_arena *arena;
    struct ek_deployment_spec *spec;
    struct ek_state *state; /* its own block while it is read, then the arena's */
    char (*problems)[EK_PROBLEM_SIZE];
    bool sound;
    bool no_memory;
};

/* ---- values --------------------------------------------------------------------------- */

static char *text_of(struct show *show, const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    if (value && !json_is_string(value) && !json_is_null(value))
        show->sound = false;
    const char *text = json_string_value(value);
    return ek_arena_copy(show->arena, text ? text : "", text ? strlen(text) : 0);
}

static char *text_or_null(struct show *show, const json_t *json, const char *key)
{
    return json_is_string(json_object_get(json, key)) ? text_of(show, json, key) : NULL;
}

static void copy_text(struct show *show, const json_t *json, const char *key, char *buffer,
                      size_t size)
{
    const char *text = text_of(show, json, key);
    show->sound = show->sound && strlen(text) < size;
    snprintf(buffer, size, "%s", text);
}

static enum ek_ssl_mode mode_of(struct show *show, const json_t *json, const char *key)
{
    const char *text = text_of(show, json, key);
    return text[0] ? ek_ssl_mode_parse(text) : EK_SSL_UNKNOWN;
}

static bool read_hex(const char *text, uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2 * count)
        return false;
    for (size_t i = 0; i < 2 * count; i++) {
        const char *digit = strchr(digits, text[i]);
        if (!digit)
            return false;
        bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (digit - digits));
    }
    return true;
}

/* ---- specs ---------------------------------------------------------------------------- */

static void read_members(struct show *show, const json_t *members)
{
    struct ek_deployment_spec *spec = show->spec;
    spec->member_count = json_array_size(members);
    show->sound = show->sound && spec->member_count > 0 && spec->member_count <= EK_MEMBERS_MAX;
    if (!show->sound)
        spec->member_count = 0;
    spec->members = ek_arena_zeroed(show->arena, (spec->member_count + 1) * sizeof *spec->members);
    if (!spec->members)
        spec->member_count = 0;
    for (size_t i = 0; i < spec->member_count; i++) {
        const json_t *json = json_array_get(members, i);
        struct ek_member_spec *member = &spec->members[i];
        member->name = text_of(show, json, "name");
        member->host = text_of(show, json, "host");
        member->port = (int)json_integer_value(json_object_get(json, "port"));
        member->hidden = json_is_true(json_object_get(json, "hidden"));
        member->arbiter = json_is_true(json_object_get(json, "arbiter"));
    }
}

static void read_spec(struct show *show)
{
    struct ek_deployment_spec *spec = show->spec;
    const json_t *wants = json_object_get(show->json, "wants");
    show->sound = show->sound && json_is_object(wants);
    spec->name = text_of(show, show->json, "name");
    spec->account = text_of(show, show->json, "account");
    spec->set_name = text_of(show, show->json, "replica_set");
    spec->ssl_mode = mode_of(show, show->json, "ssl_mode");
    spec->ssl_mode_written_as_tls = strcmp(text_of(show, wants, "spelled"), "TLS") == 0;
    spec->ssl_domain.base = text_or_null(show, wants, "ssl_domain");
    spec->certificates.authority = text_or_null(show, wants, "authority");
    spec->certificates.algorithm =
        strcmp(text_of(show, wants, "key_algorithm"), "P-256") == 0 ? EK_KEY_P256 : EK_KEY_RSA3072;
    spec->certificates.validity_s =
        json_integer_value(json_object_get(wants, "certificate_validity_s"));
    read_members(show, json_object_get(wants, "members"));
}

/* ---- what was observed ---------------------------------------------------------------- */

static enum ek_member_state state_of(const char *name)
{
    for (int state = EK_MEMBER_UNKNOWN; state <= (int)EK_MEMBER_REMOVED; state++)
        if (strcmp(ek_member_state_name((enum ek_member_state)state), name) == 0)
            return (enum ek_member_state)state;
    return EK_MEMBER_UNKNOWN;
}

/* Adds the texts to the state, which may move. */
static struct ek_options_state options_of(struct show *show, const json_t *lines)
{
    size_t i;
    json_t *line;
    size_t used = 0;
    char keys[EK_OPTION_KEYS_SIZE] = "";
    struct ek_options_state options = {.known = json_is_array(lines) ? EK_YES : EK_UNKNOWN};
    json_array_foreach(lines, i, line)
    {
        const char *text = json_string_value(line);
        size_t length = text ? strlen(text) : 0;
        show->sound = show->sound && text && used + length + 1 < sizeof keys;
        if (show->sound)
            used += (size_t)snprintf(keys + used, sizeof keys - used, "%s\n", text);
    }
    if (ek_state_add_text(&show->state, keys, &options.keys, NULL) != 0)
        show->no_memory = true;
    return options;
}

static void read_options(struct show *show, const json_t *json, size_t i)
{
    const struct ek_options_state running = options_of(show, json_object_get(json, "running"));
    const struct ek_options_state configured =
        options_of(show, json_object_get(json, "configured"));
    const struct ek_options_state wanted = options_of(show, json_object_get(json, "wanted"));
    struct ek_member_transport *transport = ek_member_transport(show->state, i);
    transport->options_running = running;
    transport->options_configured = configured;
    transport->options_wanted = wanted;
}

static void read_member(struct show *show, const json_t *json, size_t i, const char *primary)
{
    static const char *const words[] = {"unknown", "no", "yes"};
    struct ek_member *member = ek_member(show->state, i);
    struct ek_member_transport *transport = ek_member_transport(show->state, i);
    const char *reachable = text_of(show, json, "reachable");
    copy_text(show, json, "name", member->name, sizeof member->name);
    copy_text(show, json, "host", member->host, sizeof member->host);
    copy_text(show, json, "problem", show->problems[i], sizeof show->problems[i]);
    for (int word = 0; word < 3; word++)
        if (strcmp(words[word], reachable) == 0)
            member->reachable = (enum ek_tri)word;
    member->state = state_of(text_of(show, json, "state"));
    if (json_is_false(json_object_get(json, "healthy")))
        member->viewed_by = ~(uint64_t)0; /* and nobody reports it as healthy */
    member->writable = strcmp(primary, member->name) == 0 ? EK_YES : EK_NO;
    transport->mode_running = mode_of(show, json, "ssl_mode_running");
    transport->mode_configured = mode_of(show, json, "ssl_mode_configured");
    char *end = text_of(show, json, "version");
    for (int part = 0; part < 3 && *end; part++) {
        member->version[part] = (int)strtol(end, &end, 10);
        end += *end == '.';
    }
    read_options(show, json_object_get(json, "options"), i);
}

static void read_observed(struct show *show)
{
    const json_t *observed = json_object_get(show->json, "observed");
    const json_t *members = json_object_get(observed, "members");
    const char *primary = text_of(show, observed, "primary");
    struct ek_state *state = show->state;
    const size_t count = state->member_count;
    show->sound = show->sound && json_array_size(members) == count;
    copy_text(show, show->json, "replica_set_id", ek_set(state)->set_id,
              sizeof ek_set(state)->set_id);
    copy_text(show, observed, "ssl_domain_label", ek_transport(state)->domain_label,
              sizeof ek_transport(state)->domain_label);
    for (size_t i = 0; show->sound && i < count; i++)
        read_member(show, json_array_get(members, i), i, primary);
    copy_text(show, observed, "problem", show->problems[count], sizeof show->problems[0]);
}

/* A state as large as the specs, that ends with the rest. */
static int read_state(struct show *show, struct ek_error *err)
{
    struct ek_state *state;
    int result = ek_state_new(show->spec->member_count, &show->state, err);
    if (result != 0)
        return result;
    read_observed(show);
    state = show->state;
    show->state = ek_arena_zeroed(show->arena, state->size);
    if (show->state)
        memcpy(show->state, state, state->size);
    free(state);
    return show->state && !show->no_memory ? 0 : ek_no_memory(err);
}

/* ---- the plan ------------------------------------------------------------------------- */

static void read_waits(struct show *show, struct ek_plan *plan)
{
    static const char *const kinds[] = {"none",      "pause",  "approval",
                                        "signature", "window", "watch"};
    const json_t *waits = json_object_get(show->json, "waits");
    for (size_t i = 0; i < json_array_size(waits) && i < EK_PLAN_WAITS_MAX; i++) {
        const json_t *json = json_array_get(waits, i);
        struct ek_plan_wait *wait = &plan->waits[plan->wait_count++];
        json_int_t before = json_integer_value(json_object_get(json, "before_step"));
        const char *kind = text_of(show, json, "kind");
        show->sound = show->sound && before >= 1 && (size_t)before <= plan->count;
        wait->before = before >= 1 ? (size_t)before - 1 : 0;
        wait->blocked.member = -1;
        for (int known = 0; known < (int)(sizeof kinds / sizeof *kinds); known++)
            if (strcmp(kinds[known], kind) == 0)
                wait->blocked.waits = (enum ek_wait)known;
        copy_text(show, json, "id", wait->blocked.id, sizeof wait->blocked.id);
        copy_text(show, json, "sentence", wait->blocked.sentence, sizeof wait->blocked.sentence);
        copy_text(show, json, "hint", wait->blocked.hint, sizeof wait->blocked.hint);
    }
}

struct ek_plan *ek_plan_keep(struct ek_arena *arena, struct ek_plan *plan)
{
    struct ek_plan *kept = ek_arena_zeroed(arena, sizeof *kept);
    struct ek_step *steps = ek_arena_zeroed(arena, (plan->count + 1) * sizeof *steps);
    char(*digests)[EK_SHA256_HEX_SIZE] =
        ek_arena_zeroed(arena, (plan->count + 1) * sizeof *digests);
    bool all = kept && steps && digests;
    if (all) {
        *kept = *plan;
        kept->steps = steps;
        kept->digests = digests;
        memcpy(steps, plan->steps, plan->count * sizeof *steps);
        memcpy(digests, plan->digests, (plan->count + 1) * sizeof *digests);
    }
    ek_plan_done(plan);
    return all ? kept : NULL;
}

static int64_t observed_ms(const struct show *show)
{
    const char *text =
        json_string_value(json_object_get(ek_plan_file_document(show->file), "observed_at"));
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;
    return end && !*end ? (int64_t)timegm(&parts) * 1000 : 0;
}

int ek_plan_file_show(const struct ek_plan_file *file, size_t index, struct ek_arena *arena,
                      struct ek_planned *ret_planned, struct ek_error *err)
{
    struct show show = {
        .file = file,
        .json = json_array_get(json_object_get(ek_plan_file_document(file), "deployments"), index),
        .arena = arena,
        .spec = ek_arena_zeroed(arena, sizeof *show.spec),
        .problems = ek_arena_zeroed(arena, (EK_MEMBERS_MAX + 1) * sizeof *show.problems),
        .sound = true,
    };
    struct ek_policy *policy = ek_arena_zeroed(arena, sizeof *policy);
    struct ek_planned planned = {.spec = show.spec,
                                 .policy = policy,
                                 .problems = (const char(*)[EK_PROBLEM_SIZE])show.problems,
                                 .observed_ms = observed_ms(&show),
                                 .less_consent = text_or_null(&show, show.json, "less_consent"),
                                 .shown = show.json};
    struct ek_plan plan = {0};
    if (ek_arena_check(arena, err) != 0)
        return EK_NO_MEMORY;
    policy->former_primary = -1;
    read_spec(&show);
    int result = read_state(&show, err);
    if (result != 0)
        return result;
    planned.state = show.state;
    show.sound = show.sound && read_hex(text_of(&show, show.json, "spec_digest"),
                                        planned.spec_digest, sizeof planned.spec_digest);
    if (ek_arena_check(arena, err) != 0)
        return EK_NO_MEMORY;
    if (!show.sound)
        return ek_plan_file_damaged(file, "what it says of a deployment makes no sense", err);
    result = ek_plan_file_policy(file, index, show.spec, policy, err);
    if (result == 0)
        result = ek_plan_file_plan(file, index, show.spec, &plan, err);
    if (result != 0)
        return result;
    planned.plan = ek_plan_keep(arena, &plan);
    if (!planned.plan)
        return ek_no_memory(err);
    read_waits(&show, (struct ek_plan *)(uintptr_t)planned.plan);
    if (!show.sound)
        return ek_plan_file_damaged(file, "what it waits for makes no sense", err);
    *ret_planned = planned;
    return 0;
}
