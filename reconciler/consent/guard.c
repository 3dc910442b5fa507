#include "reconciler/consent/guard.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/journal.h"

static const char *const words[] = {[EK_APPROVAL_DEFAULT] = "none",
                                    [EK_APPROVAL_NONE] = "none",
                                    [EK_APPROVAL_REQUIRED] = "required",
                                    [EK_APPROVAL_SIGNED] = "signed"};

static bool asks(enum ek_approval_rule rule)
{
    return rule == EK_APPROVAL_REQUIRED || rule == EK_APPROVAL_SIGNED;
}

/* ---- rules as JSON --------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted: the order in which keys are written means nothing. */
static json_t *keys_json(char **keys, size_t count)
{
    json_t *json = json_array();
    char **sorted = calloc(count + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = keys[i];
    if (sorted)
        qsort(sorted, count, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < count; i++)
        ek_json_append(&json, sorted ? json_string(sorted[i]) : NULL);
    free(sorted);
    return json;
}

/* Canonical; NULL: out of memory. */
static char *rule_text(enum ek_approval_rule approval, const struct ek_approvers *approvers)
{
    EK_BUFFER text = {0};
    ek_json_print(json_pack("{s:s, s:o, s:o}", "approval", words[approval], "commitKeys",
                            keys_json(approvers->commit_keys, approvers->commit_key_count),
                            "planKeys", keys_json(approvers->plan_keys, approvers->plan_key_count)),
                  JSON_COMPACT | JSON_SORT_KEYS, &text);
    return ek_buffer_take(&text);
}

static bool read_keys(const json_t *json, char ***ret_keys, size_t *ret_count)
{
    size_t count = json_array_size(json);
    char **keys = calloc(count + 1, sizeof *keys);
    for (size_t i = 0; keys && i < count; i++) {
        const char *text = json_string_value(json_array_get(json, i));
        keys[i] = (char *)(uintptr_t)(text ? text : "");
    }
    *ret_keys = keys;
    *ret_count = keys ? count : 0;
    return keys != NULL;
}

/* What can't be understood asks for a signature that nobody can give: it may have been stricter
 * than anything known here. */
static int read_rule(const char *text, struct ek_guard_rule *ret_rule, struct ek_error *err)
{
    struct ek_guard_rule *rule = ret_rule;
    if (ek_json_read(text, strlen(text), JSON_REJECT_DUPLICATES, &rule->json, NULL) == EK_NO_MEMORY)
        return ek_no_memory(err);
    const char *word = json_string_value(json_object_get(rule->json, "approval"));
    rule->approval = EK_APPROVAL_SIGNED;
    for (int i = EK_APPROVAL_NONE; word && i <= (int)EK_APPROVAL_SIGNED; i++)
        if (strcmp(words[i], word) == 0)
            rule->approval = (enum ek_approval_rule)i;
    bool read = read_keys(json_object_get(rule->json, "planKeys"), &rule->approvers.plan_keys,
                          &rule->approvers.plan_key_count) &&
                read_keys(json_object_get(rule->json, "commitKeys"), &rule->approvers.commit_keys,
                          &rule->approvers.commit_key_count);
    return read ? 0 : ek_no_memory(err);
}

static void rule_done(struct ek_guard_rule *rule)
{
    free(rule->approvers.plan_keys);
    free(rule->approvers.commit_keys);
    json_decref(rule->json);
    *rule = (struct ek_guard_rule){0};
}

int ek_guard_floor_text(const struct ek_controller_spec *controller, char **ret_text,
                        struct ek_error *err)
{
    char *text = NULL;
    if (asks(controller->maintenance.approval)) {
        text = rule_text(controller->maintenance.approval, &controller->maintenance.approvers);
        if (!text)
            return ek_no_memory(err);
    }
    *ret_text = text;
    return 0;
}

/* ---- comparing --------------------------------------------------------------------------- */

static bool has(char **keys, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

struct key_list {
    const char *what; /* "planKeys" */
    char **keys;
    size_t count;
};

/* Append the keys of `after` that `before` lacks, cut so that they can be told apart. */
static void tell_new_keys(struct ek_buffer *text, const struct key_list *before,
                          const struct key_list *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const char *key = after->keys[i];
        size_t length = strlen(key);
        if (has(before->keys, before->count, key))
            continue;
        ek_buffer_printf(text, "%s%s gains ...%s", text->length ? "; " : "", after->what,
                         length > 24 ? key + length - 24 : key);
    }
}

/* Which keys count under a rule: commits can't take the place of a signed plan. */
static int compare(struct ek_guard *guard, const struct ek_deployment_spec *spec,
                   struct ek_error *err)
{
    const struct ek_guard_rule *kept = &guard->kept;
    const struct ek_approvers *before = &kept->approvers;
    const struct ek_approvers *after = &spec->maintenance.approvers;
    enum ek_approval_rule rule = spec->maintenance.approval;
    EK_BUFFER text = {0};
    if (!asks(kept->approval))
        return 0;
    if (rule < kept->approval)
        ek_buffer_printf(&text, "approval %s -> %s", words[kept->approval], words[rule]);
    tell_new_keys(&text, &(struct key_list){"", before->plan_keys, before->plan_key_count},
                  &(struct key_list){"planKeys", after->plan_keys, after->plan_key_count});
    if (rule == EK_APPROVAL_REQUIRED)
        tell_new_keys(
            &text, &(struct key_list){"", before->commit_keys, before->commit_key_count},
            &(struct key_list){"commitKeys", after->commit_keys, after->commit_key_count});
    guard->loosened = text.length > 0;
    snprintf(guard->words, sizeof guard->words, "%s", ek_buffer_text(&text));
    return ek_buffer_check(&text, err);
}

static void demand(struct ek_guard *guard, const struct ek_guard_rule *rule)
{
    if (asks(rule->approval))
        guard->also[guard->also_count++] =
            (struct ek_demand){.rule = rule->approval, .approvers = &rule->approvers};
}

/* ---- the store --------------------------------------------------------------------------- */

struct latest {
    char *detail;
    bool failed;
};

static bool keep_detail(void *context, const struct ek_store_event *event)
{
    struct latest *latest = context;
    free(latest->detail);
    latest->detail = strdup(event->detail);
    latest->failed = latest->detail == NULL;
    return !latest->failed;
}

/* *ret_text is NULL when nothing was ever kept. */
static int recall(const struct ek_store_handle *store, const struct ek_deployment_spec *spec,
                  char **ret_text, struct ek_error *err)
{
    struct ek_store_query query = {.account = spec->account,
                                   .deployment = spec->name,
                                   .kind = ek_journal_word(EK_JOURNAL_CONSENT_RULE),
                                   .most = 1};
    struct latest latest = {0};
    int result = store->driver->events(store->store, &query, keep_detail, &latest, err);
    if (result == 0 && latest.failed)
        result = ek_no_memory(err);
    if (result == 0)
        *ret_text = latest.detail;
    else
        free(latest.detail);
    return result;
}

static int with_kept(struct ek_guard *guard, const struct ek_deployment_spec *spec,
                     const char *kept, struct ek_error *err)
{
    EK_BUFFER both = {0};
    char *now = rule_text(spec->maintenance.approval, &spec->maintenance.approvers);
    if (!now)
        return ek_no_memory(err);
    int result = kept ? read_rule(kept, &guard->kept, err) : 0;
    guard->moved = kept ? strcmp(kept, now) != 0 : asks(spec->maintenance.approval);
    if (result == 0)
        result = compare(guard, spec, err);
    if (result == 0 && guard->loosened) {
        ek_buffer_printf(&both, "%s\n%s\n", kept, now);
        result = ek_sha256_hex_of(&both, guard->change, err);
    }
    free(now);
    return result;
}

int ek_guard_load(const struct ek_store_handle *store, const struct ek_deployment_spec *spec,
                  const char *floor, struct ek_guard *ret_guard, struct ek_error *err)
{
    char *kept = NULL;
    *ret_guard = (struct ek_guard){0};
    int result = store ? recall(store, spec, &kept, err) : 0;
    if (result == 0)
        result = with_kept(ret_guard, spec, kept, err);
    free(kept);
    if (result == 0 && floor)
        result = read_rule(floor, &ret_guard->floor, err);
    if (result != 0)
        return result;
    if (ret_guard->loosened)
        demand(ret_guard, &ret_guard->kept);
    if (floor)
        demand(ret_guard, &ret_guard->floor);
    return 0;
}

void ek_guard_done(struct ek_guard *guard)
{
    rule_done(&guard->kept);
    rule_done(&guard->floor);
    *guard = (struct ek_guard){0};
}

int ek_guard_digest(const struct ek_guard *guard, uint8_t digest[EK_SHA256_SIZE],
                    struct ek_error *err)
{
    char hex[EK_SHA256_HEX_SIZE];
    EK_BUFFER text = {0};
    if (!guard->loosened)
        return 0;
    ek_hex(digest, 32, hex);
    ek_buffer_printf(&text, "spec %s with less consent %s\n", hex, guard->change);
    if (ek_buffer_check(&text, err) != 0)
        return EK_NO_MEMORY;
    ek_sha256(text.bytes, text.length, digest);
    return 0;
}

int ek_guard_keep(const struct ek_store_handle *store, const struct ek_deployment_spec *spec,
                  const struct ek_guard *guard, const struct ek_guard_note *note,
                  struct ek_error *err)
{
    EK_BUFFER text = {0};
    int64_t number;
    const struct ek_approvers *approvers = &spec->maintenance.approvers;
    if (!store || !guard->moved)
        return 0;
    char *rule = rule_text(spec->maintenance.approval, approvers);
    if (!rule)
        return ek_no_memory(err);
    ek_buffer_printf(&text, "from now on: approval %s, %zu plan keys, %zu commit keys",
                     words[spec->maintenance.approval], approvers->plan_key_count,
                     approvers->commit_key_count);
    struct ek_store_event event = {
        .at_ms = note->at_ms,
        .account = spec->account,
        .deployment = spec->name,
        .kind = ek_journal_word(EK_JOURNAL_CONSENT_RULE),
        .who = note->who,
        .commit = note->commit ? note->commit : "",
        .plan = "",
        .text = ek_buffer_text(&text),
        .detail = rule,
    };
    int result = ek_buffer_check(&text, err);
    if (result == 0)
        result = store->driver->append(store->store, &event, &number, err);
    free(rule);
    return result;
}
