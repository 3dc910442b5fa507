/* One table says which fields of a state are written and read; none goes one way only. */
#include "reconciler/report/state_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/report/state_fields.h"

/* ---- the tables ------------------------------------------------------------------------- */

#define FIELD(type, member, kind_of, ...)                                                          \
    .kind = &ek_##kind_of##_kind, .offset = offsetof(struct type, member),                         \
    .size = sizeof((struct type *)0)->member, ##__VA_ARGS__

#define PART(member, kind, ...)                                                                    \
    {                                                                                              \
        .key = #member, FIELD(ek_certificate_state, member, kind, ##__VA_ARGS__)                   \
    }
static const struct ek_field certificate_fields[] = {
    PART(present, tri),      PART(sha256, digest), PART(issued_by_authority, tri),
    PART(key_sealed, tri),   PART(sole_name, tri), PART(name, text),
    PART(not_after_s, long), {.key = NULL},
};

static const struct ek_field trust_fields[] = {
    {.key = "present", FIELD(ek_trust_state, present, tri)},
    {.key = "authorities", .kind = &ek_trusted_kind},
    {.key = NULL},
};

static const struct ek_field options_fields[] = {
    {.key = "known", FIELD(ek_options_state, known, tri)},
    {.key = "digest", FIELD(ek_options_state, digest, digest)},
    {.key = NULL},
};

#define MEMBER(member, kind, ...)                                                                  \
    {                                                                                              \
        .key = #member, FIELD(ek_member_observed, member, kind, ##__VA_ARGS__)                     \
    }
static const struct ek_field member_fields[] = {
    MEMBER(name, text),
    MEMBER(process, tri),
    MEMBER(pid, long),
    MEMBER(started_ms, long),
    MEMBER(age_ms, long),
    MEMBER(clock_ahead_ms, long, .unknown = EK_CLOCK_UNKNOWN),
    MEMBER(restart_begun, tri),
    MEMBER(data, tri),
    MEMBER(configuration, tri),
    MEMBER(key_file, tri),
    {.key = "ssl_mode_configured", FIELD(ek_member_observed, mode_configured, mode)},
    MEMBER(options_configured, object, .parts = options_fields),
    MEMBER(options_wanted, object, .parts = options_fields),
    MEMBER(certificate_installed, object, .parts = certificate_fields),
    MEMBER(trust_installed, object, .parts = trust_fields),
    MEMBER(reachable, tri),
    MEMBER(state, member_state),
    MEMBER(writable, tri),
    MEMBER(version, version),
    {.key = "ssl_mode_running", FIELD(ek_member_observed, mode_running, mode)},
    MEMBER(options_running, object, .parts = options_fields),
    MEMBER(certificate_running, object, .parts = certificate_fields),
    MEMBER(trust_running, object, .parts = trust_fields),
    MEMBER(signing_key, long, .unknown = -1),
    MEMBER(lag_ms, long, .unknown = -1),
    MEMBER(plaintext_clients, long, .unknown = -1),
    MEMBER(id, int, .unknown = -1),
    MEMBER(host, text),
    MEMBER(priority, number),
    MEMBER(votes, int),
    MEMBER(hidden, flag),
    MEMBER(arbiter, flag),
    MEMBER(delayed, flag),
    MEMBER(healthy_for, members),
    MEMBER(viewed_by, members),
    MEMBER(domain_name_bound, tri),
    MEMBER(spec_host_resolves, tri),
    {.key = NULL},
};

#define STATE(member, kind, ...)                                                                   \
    {                                                                                              \
        .key = #member, FIELD(ek_state, member, kind, ##__VA_ARGS__)                               \
    }
static const struct ek_field state_fields[] = {
    STATE(account, text),
    STATE(deployment, text),
    STATE(initiated, tri),
    STATE(set_name, text),
    STATE(set_id, text),
    STATE(config_version, long, .unknown = -1),
    STATE(config_term, long, .unknown = -1),
    STATE(election_term, long, .unknown = -1),
    STATE(foreign_member, text),
    STATE(domain_label, text),
    STATE(authority, tri),
    STATE(authority_sha256, digest),
    STATE(authentication, tri),
    STATE(own_user, tri),
    {.key = NULL},
};

/* ---- the whole ------------------------------------------------------------------------- */

json_t *ek_state_json(const struct ek_state *state, const char (*problems)[512])
{
    json_t *object = ek_fields_write(state, state_fields, state);
    json_t *members = json_array();
    for (size_t i = 0; i < state->member_count; i++) {
        json_t *member = ek_fields_write(state, member_fields, &state->members[i]);
        if (problems && problems[i][0])
            json_object_set_new(member, "problem", json_string(problems[i]));
        json_array_append_new(members, member);
    }
    if (problems && problems[state->member_count][0])
        json_object_set_new(object, "problem", json_string(problems[state->member_count]));
    json_object_set_new(object, "members", members);
    return object;
}

static void begin_member(struct ek_member_observed *member)
{
    for (const struct ek_field *field = member_fields; field->key; field++) {
        void *value = (char *)member + field->offset;
        if (field->kind == &ek_long_kind)
            *(int64_t *)value = field->unknown;
        else if (field->kind == &ek_int_kind)
            *(int *)value = (int)field->unknown;
    }
}

static int read_problem(const json_t *json, const char *path, char (*ret_problems)[512], size_t i,
                        struct ek_error *err)
{
    const json_t *problem = json_object_get(json, "problem");
    const char *text = json_string_value(problem);
    if (problem && !text)
        return ek_fail(err, EK_INVALID, "EK-0819", "%sproblem must be a text", path);
    if (text && ret_problems)
        snprintf(ret_problems[i], sizeof *ret_problems, "%s", text);
    return 0;
}

/* Names first: members name each other. */
static int read_names(const json_t *members, struct ek_state *state, struct ek_error *err)
{
    size_t count = json_array_size(members);
    if (!json_is_array(members) || count == 0 || count > EK_MEMBERS_MAX)
        return ek_fail(err, EK_INVALID, "EK-0819", "members must be a list of 1 to %d",
                       EK_MEMBERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(members, i), "name"));
        if (!name || !name[0] || strlen(name) >= sizeof state->members[i].name)
            return ek_fail(err, EK_INVALID, "EK-0819", "members[%zu] has no name", i);
        if (ek_fields_member(state, name) >= 0)
            return ek_fail(err, EK_INVALID, "EK-0819", "members[%zu]: there are two called %s", i,
                           name);
        snprintf(state->members[i].name, sizeof state->members[i].name, "%s", name);
        state->member_count = i + 1;
    }
    return 0;
}

static int read_state(const json_t *json, struct ek_state *state, char (*ret_problems)[512],
                      struct ek_error *err)
{
    static const char *const beside_state[] = {"members", "problem", NULL};
    static const char *const beside_member[] = {"problem", NULL};
    const json_t *members = json_object_get(json, "members");
    struct ek_field_scope scope = {.state = state, .path = "", .err = err};
    char path[32];
    state->config_version = state->config_term = state->election_term = -1;
    int result = ek_fields_read(&scope, state_fields, json, beside_state, state);
    if (result == 0)
        result = read_names(members, state, err);
    for (size_t i = 0; result == 0 && i < state->member_count; i++) {
        const json_t *member = json_array_get(members, i);
        snprintf(path, sizeof path, "members[%zu].", i);
        scope.path = path;
        begin_member(&state->members[i]);
        result = ek_fields_read(&scope, member_fields, member, beside_member, &state->members[i]);
        if (result == 0)
            result = read_problem(member, path, ret_problems, i, err);
    }
    return result == 0 ? read_problem(json, "", ret_problems, state->member_count, err) : result;
}

int ek_state_json_read(const json_t *json, struct ek_state *ret_state, char (*ret_problems)[512],
                       struct ek_error *err)
{
    struct ek_state *state = calloc(1, sizeof *state);
    if (!state)
        return ek_fail(err, EK_NO_MEMORY, "EK-0599", "out of memory while reading an observation");
    if (ret_problems)
        memset(ret_problems, 0, (EK_MEMBERS_MAX + 1) * sizeof *ret_problems);
    int result = read_state(json, state, ret_problems, err);
    if (result == 0)
        *ret_state = *state;
    free(state);
    return result;
}
