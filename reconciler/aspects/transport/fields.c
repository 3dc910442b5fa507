#include "reconciler/aspects/transport/fields.h"

#include <jansson.h>
#include <string.h>

#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"

/* ---- an sslMode ---- */

static void write_mode(const struct ek_state *state, const struct ek_field *field,
                       const void *value, json_t **object)
{
    (void)state;
    enum ek_ssl_mode mode = *(const enum ek_ssl_mode *)value;
    if (mode != EK_SSL_UNKNOWN)
        ek_json_set(object, field->key, ek_json_text(ek_ssl_mode_name(mode)));
}

static int read_mode(const struct ek_field_scope *scope, const struct ek_field *field,
                     const json_t *json, void *ret_value)
{
    const char *word = json_string_value(json);
    enum ek_ssl_mode mode = word ? ek_ssl_mode_parse(word) : EK_SSL_UNKNOWN;
    if (mode == EK_SSL_UNKNOWN)
        return ek_field_wrong(scope, field, "disabled, allowSSL, preferSSL or requireSSL");
    *(enum ek_ssl_mode *)ret_value = mode;
    return 0;
}

static void say_mode(const struct ek_state *state, const struct ek_field *field, const void *value,
                     struct ek_buffer *text)
{
    (void)state;
    (void)field;
    ek_buffer_text_add(text, ek_ssl_mode_name(*(const enum ek_ssl_mode *)value));
}

static bool mode_unknown(const struct ek_field *field, const void *value)
{
    (void)field;
    return *(const enum ek_ssl_mode *)value == EK_SSL_UNKNOWN;
}

const struct ek_field_kind ek_mode_kind = {
    .write = write_mode, .read = read_mode, .words = say_mode, .unknown = mode_unknown};

/* ---- what matters to a plan ---- */

/* Of what people set only what is not as wanted, by name and value. */
static void add_differences(const char *keys, const char *wanted, struct ek_buffer *text)
{
    struct ek_option_text option;
    char other[EK_OPTION_KEYS_SIZE];
    for (const char *at = keys; ek_option_differs(&at, wanted, &option);)
        ek_buffer_printf(text, "; %s: %s", option.name, option.value);
    for (const char *at = wanted; ek_option_differs(&at, keys, &option);)
        if (!ek_option_value(keys, option.name, other, sizeof other))
            ek_buffer_printf(text, "; no %s", option.name);
}

/* Options matter by whether they are the wanted ones. */
static void options_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    static const uint8_t none[EK_SHA256_SIZE];
    const struct ek_options_state *options = question->value;
    const struct ek_state *state = question->situation->state;
    const struct ek_options_state *wanted =
        &ek_member_transport(state, question->member)->options_wanted;
    const char *word = "other";
    if (options->known != EK_YES)
        word = "unknown";
    else if (memcmp(options->digest, none, sizeof none) == 0)
        word = "none";
    else if (memcmp(options->digest, wanted->digest, sizeof none) == 0)
        word = "as wanted";
    ek_buffer_text_add(text, word);
    if (options->known == EK_YES && word[0] != 'n')
        add_differences(ek_state_text(state, options->keys), ek_state_text(state, wanted->keys),
                        text);
}

static void wanted_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    const struct ek_options_state *options = question->value;
    ek_buffer_text_add(text, options->known == EK_YES ? "known" : "unknown");
    add_differences(ek_state_text(question->situation->state, options->keys), "", text);
}

/* Time alone makes it long enough. */
static void watched_fact(const struct ek_fact_question *question, struct ek_buffer *text)
{
    const struct ek_situation *situation = question->situation;
    int64_t since_s = *(const int64_t *)question->value;
    int64_t window_s = situation->spec->maintenance.plaintext_window_s;
    bool long_enough = since_s > 0 && situation->policy->now_s - since_s >= window_s;
    ek_buffer_text_add(text, long_enough ? "for long enough" : "not for long enough");
}

/* ---- the rows ---- */

static const struct ek_field options_parts[] = {
    {.key = "known", EK_FIELD(struct ek_options_state, known, tri)},
    {.key = "digest", EK_FIELD(struct ek_options_state, digest, digest)},
    {.key = "keys", EK_FIELD(struct ek_options_state, keys, text_ref)},
    {.key = NULL},
};

#define MEMBER(member_, kind_)                                                                     \
    .part = EK_PART_transport_members, EK_FIELD(struct ek_member_transport, member_, kind_)
#define OPTIONS(member_) MEMBER(member_, object), .parts = options_parts

const struct ek_field ek_field_domain_label = {.key = "domain_label",
                                               .label = "SSL domain label",
                                               .part = EK_PART_transport,
                                               EK_FIELD(struct ek_transport, domain_label, text),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_DRIFT_NAMES};
const struct ek_field ek_field_mode_configured = {.key = "ssl_mode_configured",
                                                  .label = "sslMode configured",
                                                  MEMBER(mode_configured, mode),
                                                  .role = EK_FIELD_PLANNED,
                                                  .drift = EK_DRIFT_SSL_MODE};
const struct ek_field ek_field_mode_running = {.key = "ssl_mode_running",
                                               .label = "sslMode running",
                                               MEMBER(mode_running, mode),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_DRIFT_SSL_MODE};
const struct ek_field ek_field_options_configured = {.key = "options_configured",
                                                     .label = "TLS options configured",
                                                     OPTIONS(options_configured),
                                                     .role = EK_FIELD_PLANNED,
                                                     .drift = EK_DRIFT_CONFIGURATION,
                                                     .fact = options_fact};
static const struct ek_field options_wanted = {.key = "options_wanted",
                                               .label = "TLS options wanted",
                                               OPTIONS(options_wanted),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_DRIFT_CONFIGURATION,
                                               .fact = wanted_fact};
static const struct ek_field options_running = {.key = "options_running",
                                                .label = "TLS options running",
                                                OPTIONS(options_running),
                                                .role = EK_FIELD_PLANNED,
                                                .drift = EK_DRIFT_CONFIGURATION,
                                                .fact = options_fact};
static const struct ek_field plaintext_clients = {.key = "plaintext_clients",
                                                  .label = "clients in plaintext",
                                                  MEMBER(plaintext_clients, long),
                                                  .unknown = -1,
                                                  .role = EK_FIELD_PASSING,
                                                  .drift = EK_NO_DRIFT};
static const struct ek_field watched_since = {.key = "watched_since_s",
                                              .label = "without clients in plaintext",
                                              MEMBER(watched_since_s, long),
                                              .unknown = 0,
                                              .role = EK_FIELD_PASSING,
                                              .drift = EK_NO_DRIFT,
                                              .fact = watched_fact};
const struct ek_field ek_field_domain_name_bound = {.key = "domain_name_bound",
                                                    .label = "name bound",
                                                    MEMBER(domain_name_bound, tri),
                                                    .role = EK_FIELD_PLANNED,
                                                    .drift = EK_DRIFT_NAMES};

const struct ek_field *const ek_transport_fields[] = {&ek_field_domain_label,
                                                      &ek_field_mode_configured,
                                                      &ek_field_mode_running,
                                                      &ek_field_options_configured,
                                                      &options_wanted,
                                                      &options_running,
                                                      &plaintext_clients,
                                                      &watched_since,
                                                      &ek_field_domain_name_bound,
                                                      NULL};
