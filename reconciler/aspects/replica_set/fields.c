#include "reconciler/aspects/replica_set/fields.h"

#include <jansson.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/base/json.h"

/* ---- a member's state ---- */

static void write_member_state(const struct ek_state *state, const struct ek_field *field,
                               const void *value, json_t **object)
{
    (void)state;
    enum ek_member_state member_state = *(const enum ek_member_state *)value;
    if (member_state != EK_MEMBER_UNKNOWN)
        ek_json_set(object, field->key, ek_json_text(ek_member_state_name(member_state)));
}

static int read_member_state(const struct ek_field_scope *scope, const struct ek_field *field,
                             const json_t *json, void *ret_value)
{
    const char *word = json_string_value(json);
    for (int i = EK_MEMBER_UNINITIATED; word && i <= (int)EK_MEMBER_REMOVED; i++)
        if (strcmp(word, ek_member_state_name((enum ek_member_state)i)) == 0) {
            *(enum ek_member_state *)ret_value = (enum ek_member_state)i;
            return 0;
        }
    return ek_field_wrong(scope, field, "a state of a member: PRIMARY, SECONDARY, DOWN, …");
}

static void say_member_state(const struct ek_state *state, const struct ek_field *field,
                             const void *value, struct ek_buffer *text)
{
    (void)state;
    (void)field;
    ek_buffer_text_add(text, ek_member_state_name(*(const enum ek_member_state *)value));
}

static bool member_state_unknown(const struct ek_field *field, const void *value)
{
    (void)field;
    return *(const enum ek_member_state *)value == EK_MEMBER_UNKNOWN;
}

const struct ek_field_kind ek_member_state_kind = {.write = write_member_state,
                                                   .read = read_member_state,
                                                   .words = say_member_state,
                                                   .unknown = member_state_unknown};

/* ---- what matters to a plan ---- */

/* Whether there is data decides only whether a new member is started. */
static void data_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    if (ek_set(question->situation->state)->initiated != EK_YES)
        ek_buffer_text_add(text, ek_tri_word(*(const enum ek_tri *)question->value));
}

/* The specs' own names are used where no SSL domain is. */
static void spec_host_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    if (question->situation->spec->ssl_mode == EK_SSL_DISABLED)
        ek_buffer_text_add(text, ek_tri_word(*(const enum ek_tri *)question->value));
}

static void id_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    ek_buffer_text_add(text, *(const int *)question->value < 0 ? "no" : "yes");
}

/* ---- the rows ---- */

#define WHOLE(member_, kind_)                                                                      \
    .part = EK_PART_replica_set, EK_FIELD(struct ek_replica_set, member_, kind_)
#define MEMBER(member_, kind_)                                                                     \
    .part = EK_PART_replica_set_members, EK_FIELD(struct ek_member, member_, kind_)

static const struct ek_field account = {.key = "account",
                                        .label = "account",
                                        WHOLE(account, text),
                                        .role = EK_FIELD_PLANNED,
                                        .drift = EK_NO_DRIFT};
static const struct ek_field deployment = {.key = "deployment",
                                           .label = "deployment",
                                           WHOLE(deployment, text),
                                           .role = EK_FIELD_PLANNED,
                                           .drift = EK_NO_DRIFT};
const struct ek_field ek_field_initiated = {.key = "initiated",
                                            .label = "replica set initiated",
                                            WHOLE(initiated, tri),
                                            .role = EK_FIELD_PLANNED,
                                            .drift = EK_DRIFT_MEMBERS};
static const struct ek_field set_name = {.key = "set_name",
                                         .label = "replica set",
                                         WHOLE(set_name, text),
                                         .role = EK_FIELD_PLANNED,
                                         .drift = EK_DRIFT_MEMBERS};
static const struct ek_field set_id = {.key = "set_id",
                                       .label = "replica set id",
                                       WHOLE(set_id, text),
                                       .role = EK_FIELD_TOLD,
                                       .drift =
                                           EK_NO_DRIFT}; /* compared apart: of whom a plan is */
const struct ek_field ek_field_config_version = {.key = "config_version",
                                                 .label = "configuration version",
                                                 WHOLE(config_version, long),
                                                 .unknown = -1,
                                                 .role = EK_FIELD_PLANNED,
                                                 .drift = EK_DRIFT_MEMBERS};
static const struct ek_field config_term = {.key = "config_term",
                                            .label = "configuration term",
                                            WHOLE(config_term, long),
                                            .unknown = -1,
                                            .role = EK_FIELD_TOLD,
                                            .drift = EK_NO_DRIFT};
static const struct ek_field election_term = {.key = "election_term",
                                              .label = "election term",
                                              WHOLE(election_term, long),
                                              .unknown = -1,
                                              .role = EK_FIELD_TOLD,
                                              .drift = EK_NO_DRIFT};
static const struct ek_field foreign_member = {.key = "foreign_member",
                                               .label = "member outside the specs",
                                               WHOLE(foreign_member, text),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_DRIFT_MEMBERS};
static const struct ek_field cluster_role = {.key = "cluster_role",
                                             .label = "role in a sharded cluster",
                                             WHOLE(cluster_role, text),
                                             .role = EK_FIELD_PLANNED,
                                             .drift = EK_DRIFT_MEMBERS};

static const struct ek_field name = {.key = "name",
                                     .label = "name",
                                     MEMBER(name, text),
                                     .role = EK_FIELD_TOLD,
                                     .drift = EK_NO_DRIFT};
const struct ek_field ek_field_process = {.key = "process",
                                          .label = "process",
                                          MEMBER(process, tri),
                                          .role = EK_FIELD_PLANNED,
                                          .drift = EK_NO_DRIFT};
static const struct ek_field pid = {.key = "pid",
                                    .label = "process id",
                                    MEMBER(pid, long),
                                    .role = EK_FIELD_TOLD,
                                    .drift = EK_NO_DRIFT};
static const struct ek_field started_ms = {.key = "started_ms",
                                           .label = "process started",
                                           MEMBER(started_ms, long),
                                           .role = EK_FIELD_TOLD,
                                           .drift = EK_NO_DRIFT};
static const struct ek_field age_ms = {.key = "age_ms",
                                       .label = "process age",
                                       MEMBER(age_ms, long),
                                       .role = EK_FIELD_TOLD,
                                       .drift = EK_NO_DRIFT};
static const struct ek_field clock_ahead_ms = {.key = "clock_ahead_ms",
                                               .label = "clock ahead",
                                               MEMBER(clock_ahead_ms, long),
                                               .unknown = EK_CLOCK_UNKNOWN,
                                               .role = EK_FIELD_PASSING,
                                               .drift = EK_NO_DRIFT};
static const struct ek_field restart_begun = {.key = "restart_begun",
                                              .label = "restart begun",
                                              MEMBER(restart_begun, tri),
                                              .role = EK_FIELD_PLANNED,
                                              .drift = EK_NO_DRIFT};
static const struct ek_field data = {.key = "data",
                                     .label = "data",
                                     MEMBER(data, tri),
                                     .role = EK_FIELD_PLANNED,
                                     .drift = EK_NO_DRIFT,
                                     .fact = data_fact};
const struct ek_field ek_field_configuration = {.key = "configuration",
                                                .label = "configuration file",
                                                MEMBER(configuration, tri),
                                                .role = EK_FIELD_PLANNED,
                                                .drift = EK_DRIFT_CONFIGURATION,
                                                .unread_forbids = true};
static const struct ek_field options_lost = {.key = "options_lost",
                                             .label = "options that its next start would lose",
                                             MEMBER(options_lost, text_ref),
                                             .role = EK_FIELD_PLANNED,
                                             .drift = EK_DRIFT_CONFIGURATION};
static const struct ek_field options_added = {.key = "options_added",
                                              .label = "options of its next start alone",
                                              MEMBER(options_added, text_ref),
                                              .role = EK_FIELD_PLANNED,
                                              .drift = EK_DRIFT_CONFIGURATION};
static const struct ek_field reachable = {.key = "reachable",
                                          .label = "reachable",
                                          MEMBER(reachable, tri),
                                          .role = EK_FIELD_PASSING,
                                          .drift = EK_NO_DRIFT};
const struct ek_field ek_field_member_state = {.key = "state",
                                               .label = "role",
                                               MEMBER(state, member_state),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_NO_DRIFT};
static const struct ek_field writable = {.key = "writable",
                                         .label = "writable",
                                         MEMBER(writable, tri),
                                         .role = EK_FIELD_PASSING,
                                         .drift = EK_NO_DRIFT};
static const struct ek_field version = {.key = "version",
                                        .label = "version",
                                        MEMBER(version, version),
                                        .role = EK_FIELD_TOLD,
                                        .drift = EK_NO_DRIFT};
static const struct ek_field signing_key = {.key = "signing_key",
                                            .label = "signing key",
                                            MEMBER(signing_key, long),
                                            .unknown = -1,
                                            .role = EK_FIELD_PASSING,
                                            .drift = EK_NO_DRIFT};
static const struct ek_field lag_ms = {.key = "lag_ms",
                                       .label = "lag",
                                       MEMBER(lag_ms, long),
                                       .unknown = -1,
                                       .role = EK_FIELD_PASSING,
                                       .drift = EK_NO_DRIFT};
static const struct ek_field id = {.key = "id",
                                   .label = "in the configuration",
                                   MEMBER(id, int),
                                   .unknown = -1,
                                   .role = EK_FIELD_PLANNED,
                                   .drift = EK_DRIFT_MEMBERS,
                                   .fact = id_fact};
const struct ek_field ek_field_host = {.key = "host",
                                       .label = "host",
                                       MEMBER(host, text),
                                       .role = EK_FIELD_PLANNED,
                                       .drift = EK_DRIFT_MEMBERS};
static const struct ek_field priority = {.key = "priority",
                                         .label = "priority",
                                         MEMBER(priority, number),
                                         .role = EK_FIELD_PLANNED,
                                         .drift = EK_DRIFT_MEMBERS};
static const struct ek_field votes = {.key = "votes",
                                      .label = "votes",
                                      MEMBER(votes, int),
                                      .role = EK_FIELD_PLANNED,
                                      .drift = EK_DRIFT_MEMBERS};
static const struct ek_field hidden = {.key = "hidden",
                                       .label = "hidden",
                                       MEMBER(hidden, flag),
                                       .role = EK_FIELD_PLANNED,
                                       .drift = EK_DRIFT_MEMBERS};
static const struct ek_field arbiter = {.key = "arbiter",
                                        .label = "arbiter",
                                        MEMBER(arbiter, flag),
                                        .role = EK_FIELD_PLANNED,
                                        .drift = EK_DRIFT_MEMBERS};
static const struct ek_field delayed = {.key = "delayed",
                                        .label = "delayed",
                                        MEMBER(delayed, flag),
                                        .role = EK_FIELD_PLANNED,
                                        .drift = EK_DRIFT_MEMBERS};
static const struct ek_field healthy_for = {.key = "healthy_for",
                                            .label = "healthy for",
                                            MEMBER(healthy_for, members),
                                            .role = EK_FIELD_PASSING,
                                            .drift = EK_NO_DRIFT};
static const struct ek_field viewed_by = {.key = "viewed_by",
                                          .label = "viewed by",
                                          MEMBER(viewed_by, members),
                                          .role = EK_FIELD_PASSING,
                                          .drift = EK_NO_DRIFT};
static const struct ek_field spec_host_resolves = {.key = "spec_host_resolves",
                                                   .label = "host of the specs resolves",
                                                   MEMBER(spec_host_resolves, tri),
                                                   .role = EK_FIELD_PLANNED,
                                                   .drift = EK_DRIFT_NAMES,
                                                   .fact = spec_host_fact};

const struct ek_field *const ek_replica_set_fields[] = {&account,
                                                        &deployment,
                                                        &ek_field_initiated,
                                                        &set_name,
                                                        &set_id,
                                                        &ek_field_config_version,
                                                        &config_term,
                                                        &election_term,
                                                        &foreign_member,
                                                        &cluster_role,
                                                        &name,
                                                        &ek_field_process,
                                                        &pid,
                                                        &started_ms,
                                                        &age_ms,
                                                        &clock_ahead_ms,
                                                        &restart_begun,
                                                        &data,
                                                        &ek_field_configuration,
                                                        &options_lost,
                                                        &options_added,
                                                        &reachable,
                                                        &ek_field_member_state,
                                                        &writable,
                                                        &version,
                                                        &signing_key,
                                                        &lag_ms,
                                                        &id,
                                                        &ek_field_host,
                                                        &priority,
                                                        &votes,
                                                        &hidden,
                                                        &arbiter,
                                                        &delayed,
                                                        &healthy_for,
                                                        &viewed_by,
                                                        &spec_host_resolves,
                                                        NULL};
