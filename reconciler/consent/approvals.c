#include "reconciler/consent/approvals.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/consent/sign.h"
#include "reconciler/loop/journal.h"

enum { LOOKED_AT = 32 };

/* ---- finding -------------------------------------------------------------------------- */

struct search {
    const struct ek_consent_question *question;
    const struct ek_policy *policy;
    struct ek_approval approvals[LOOKED_AT];
    size_t count;
    bool spent[LOOKED_AT];
};

static bool note_spent(void *context, const struct ek_store_event *event)
{
    struct search *search = context;
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->approvals[i].plan, event->plan) == 0 &&
            event->at_ms >= search->approvals[i].at_ms)
            search->spent[i] = true;
    return true;
}

static int load(struct search *search, struct ek_error *err)
{
    const struct ek_store_handle *store = search->question->store;
    const struct ek_deployment_spec *spec = search->question->spec;
    struct ek_approvals found = {.at = search->approvals, .max = LOOKED_AT};
    int result = store->driver->get_approvals(store->store, spec->account, spec->name, &found, err);
    search->count = found.count;
    if (result != 0 || search->count == 0)
        return result;
    struct ek_store_query query = {.account = spec->account,
                                   .deployment = spec->name,
                                   .kind = ek_journal_word(EK_JOURNAL_APPROVAL_SPENT),
                                   .since_ms = search->approvals[search->count - 1].at_ms};
    return store->driver->events(store->store, &query, note_spent, search, err);
}

/* Documents that are signed are kept under a name of their own: the same plan may have been
 * approved without a signature before. */
static int signed_name(const char *plan, const char *key, char ret_name[EK_SHA256_HEX_SIZE],
                       struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_buffer_printf(&text, "plan %s signed by %s", plan, key);
    return ek_sha256_hex_of(&text, ret_name, err);
}

/* jansson loses a letter that it has no room for, so what is whole may read as changed once. */
static int parse(const char *text, struct ek_plan_file **ret_file, struct ek_error *err)
{
    static const char name[] = "the plan in the store";
    int result = ek_plan_file_parse(text, strlen(text), name, ret_file, err);
    if (result == EK_INVALID)
        result = ek_plan_file_parse(text, strlen(text), name, ret_file, err);
    return result;
}

static int fetch(const struct search *search, const char *name, struct ek_plan_file **ret_file,
                 struct ek_error *err)
{
    const struct ek_store_handle *store = search->question->store;
    char *text = NULL;
    struct ek_error problem = {0};
    int result = store->driver->get_plan(store->store, name, &text, &problem);
    if (result == 0) {
        result = parse(text, ret_file, &problem);
        if (result != 0 && result != EK_NO_MEMORY)
            result = EK_NOT_FOUND; /* what can't be understood was not agreed to */
    }
    if (result != 0 && result != EK_NOT_FOUND && err)
        *err = problem;
    free(text);
    return result;
}

static int fetch_signed(const struct search *search, const char *plan,
                        struct ek_plan_file **ret_file, struct ek_error *err)
{
    const struct ek_approvers *approvers = search->question->demand->approvers;
    for (size_t i = 0; i < approvers->plan_key_count; i++) {
        const char *key = approvers->plan_keys[i];
        char name[EK_SHA256_HEX_SIZE];
        char by[EK_PUBLIC_KEY_SIZE];
        struct ek_error problem = {0};
        struct ek_plan_file *file = NULL;
        int result = signed_name(plan, key, name, err);
        if (result == 0)
            result = fetch(search, name, &file, err);
        int trusted =
            result == 0 ? ek_plan_verify(ek_plan_file_document(file), &key, 1, by, &problem) : 0;
        if (result == 0 && trusted == 0) {
            *ret_file = file;
            return 0;
        }
        ek_plan_file_free(file);
        if (trusted == EK_NO_MEMORY) {
            *err = problem;
            return trusted;
        }
        if (result != 0 && result != EK_NOT_FOUND)
            return result;
    }
    return EK_NOT_FOUND;
}

/* The deployment of a file whose plan has that name: its index, or EK_NOT_FOUND. */
static int index_of(const struct ek_plan_file *file, const struct ek_deployment_spec *spec,
                    const char *plan, size_t *ret_index, struct ek_error *err)
{
    for (size_t i = 0; i < ek_plan_file_count(file); i++) {
        char name[EK_SHA256_HEX_SIZE];
        int result = ek_plan_file_planned_name(file, i, name, err);
        if (result == EK_NO_MEMORY)
            return result;
        if (result == 0 && strcmp(name, plan) == 0 &&
            strcmp(ek_plan_file_deployment(file, i), spec->name) == 0 &&
            strcmp(ek_plan_file_account(file, i), spec->account) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    return EK_NOT_FOUND;
}

/* What was agreed to, read back; EK_NOT_FOUND when that was something else. */
static int read_approved(const struct search *search, const struct ek_plan_file *file, size_t index,
                         struct ek_approved *ret_approved, struct ek_error *err)
{
    const struct ek_consent_question *question = search->question;
    struct ek_error problem = {0};
    int result = ek_plan_file_current(file, index, question->spec, question->spec_digest, &problem);
    if (result == 0)
        result = ek_plan_file_policy(file, index, question->spec, &ret_approved->policy, &problem);
    if (result == 0)
        result = ek_plan_file_plan(file, index, question->spec, &ret_approved->plan, &problem);
    if (result != EK_NO_MEMORY)
        return result == 0 ? 0 : EK_NOT_FOUND;
    *err = problem;
    return result;
}

/* Whether the deployment is somewhere in the plan; EK_NOT_FOUND when it isn't. */
static int fits(const struct search *search, const struct ek_plan_file *file, const char *plan,
                struct ek_approved *ret_approved, struct ek_error *err)
{
    const struct ek_consent_question *question = search->question;
    struct ek_approved approved = {.policy = *search->policy};
    size_t index;
    int result = question->state ? index_of(file, question->spec, plan, &index, err) : EK_NOT_FOUND;
    if (result == 0)
        result = read_approved(search, file, index, &approved, err);
    if (result != 0)
        return result;
    int position =
        ek_plan_fits(&approved.plan, EK_SITUATION(question->spec, question->state, search->policy));
    /* One without steps is approved only for what the specs ask of people from now on. */
    bool good =
        position >= 0 && ((size_t)position < approved.plan.count || approved.plan.count == 0);
    if (good && ret_approved)
        *ret_approved = approved;
    else
        ek_plan_done(&approved.plan);
    if (position == EK_NO_MEMORY)
        return ek_no_memory(err);
    return good ? 0 : EK_NOT_FOUND;
}

static int holds(const struct search *search, size_t i, struct ek_approved *ret_approved,
                 struct ek_error *err)
{
    const struct ek_consent_question *question = search->question;
    const struct ek_approval *approval = &search->approvals[i];
    bool signature = question->demand->rule == EK_APPROVAL_SIGNED;
    struct ek_plan_file *file = NULL;
    if (search->spent[i] || approval->at_ms + EK_APPROVAL_LASTS_MS <= question->now_ms)
        return EK_NOT_FOUND;
    bool named = question->plan && strcmp(question->plan, approval->plan) == 0 && !ret_approved;
    if (named && !signature)
        return 0;
    int result = signature ? fetch_signed(search, approval->plan, &file, err)
                           : fetch(search, approval->plan, &file, err);
    if (result == 0 && !named)
        result = fits(search, file, approval->plan, ret_approved, err);
    ek_plan_file_free(file);
    return result;
}

int ek_approval_find(const struct ek_consent_question *question, const struct ek_policy *policy,
                     struct ek_approved *ret_approved, struct ek_approval *ret_approval,
                     struct ek_error *err)
{
    if (!question->store)
        return EK_NOT_FOUND;
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return ek_no_memory(err);
    search->question = question;
    search->policy = policy;
    int result = load(search, err);
    int found = EK_NOT_FOUND;
    for (size_t i = 0; result == 0 && found == EK_NOT_FOUND && i < search->count; i++) {
        found = holds(search, i, ret_approved, err);
        if (found == 0)
            *ret_approval = search->approvals[i];
    }
    free(search);
    return result != 0 ? result : found;
}

/* ---- putting, spending ---------------------------------------------------------------- */

static int keep_document(const struct ek_store_handle *store, const struct ek_plan_file *file,
                         const struct ek_approval *approval, const char *name, struct ek_error *err)
{
    EK_BUFFER text = {0};
    ek_json_print(json_incref((json_t *)(uintptr_t)ek_plan_file_document(file)),
                  JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII, &text);
    const struct ek_plan_record plan = {.account = approval->account,
                                        .deployment = approval->deployment,
                                        .name = name,
                                        .document = ek_buffer_text(&text),
                                        .at_ms = approval->at_ms};
    int result = ek_buffer_check(&text, err);
    return result == 0 ? store->driver->put_plan(store->store, &plan, err) : result;
}

/* `event` says its kind, commit and text; the rest is the approval's. */
static int record(const struct ek_store_handle *store, const struct ek_approval *approval,
                  struct ek_store_event event, struct ek_error *err)
{
    EK_BUFFER detail = {0};
    int64_t number;
    ek_buffer_printf(&detail, "{\"how\":\"%s\"}", approval->how);
    event.at_ms = approval->at_ms;
    event.account = approval->account;
    event.deployment = approval->deployment;
    event.who = approval->who;
    event.plan = approval->plan;
    event.detail = approval->how[0] ? ek_buffer_text(&detail) : "{}";
    int result = ek_buffer_check(&detail, err);
    return result == 0 ? store->driver->append(store->store, &event, &number, err) : result;
}

int ek_consent_approve(const struct ek_store_handle *store, const struct ek_consent_given *given,
                       struct ek_error *err)
{
    const struct ek_plan_file *file = given->file;
    const char *key = given->key;
    struct ek_approval approval = {.at_ms = given->now_ms};
    struct ek_plan_source source;
    char name[EK_SHA256_HEX_SIZE];
    ek_plan_file_source(file, &source);
    int result = ek_plan_file_planned_name(file, given->index, approval.plan, err);
    if (result != 0)
        return result;
    snprintf(approval.account, sizeof approval.account, "%s",
             ek_plan_file_account(file, given->index));
    snprintf(approval.deployment, sizeof approval.deployment, "%s",
             ek_plan_file_deployment(file, given->index));
    snprintf(approval.who, sizeof approval.who, "%s", given->who);
    snprintf(approval.how, sizeof approval.how, "%s", key ? "signed-plan" : "command");
    EK_BUFFER text = {0};
    ek_buffer_printf(&text, "%s approved plan %.12s%s", given->who, approval.plan,
                     key ? ", which is signed" : "");
    result = ek_buffer_check(&text, err);
    if (result == 0)
        result = keep_document(store, file, &approval, approval.plan, err);
    if (result == 0 && key) {
        result = signed_name(approval.plan, key, name, err);
        if (result == 0)
            result = keep_document(store, file, &approval, name, err);
    }
    if (result == 0)
        result = store->driver->put_approval(store->store, &approval, err);
    if (result == 0)
        result = record(store, &approval,
                        (struct ek_store_event){.kind = ek_journal_word(EK_JOURNAL_APPROVED),
                                                .commit = source.commit ? source.commit : "",
                                                .text = ek_buffer_text(&text)},
                        err);
    return result;
}

int ek_consent_spend(const struct ek_consent_question *question, const char *plan,
                     struct ek_error *err)
{
    const struct ek_deployment_spec *spec = question->spec;
    struct ek_approval approval = {.at_ms = question->now_ms};
    if (!question->store)
        return 0;
    snprintf(approval.account, sizeof approval.account, "%s", spec->account);
    snprintf(approval.deployment, sizeof approval.deployment, "%s", spec->name);
    snprintf(approval.plan, sizeof approval.plan, "%s", plan);
    snprintf(approval.who, sizeof approval.who, "%s", question->who ? question->who : "evenkeel");
    return record(
        question->store, &approval,
        (struct ek_store_event){.kind = ek_journal_word(EK_JOURNAL_APPROVAL_SPENT),
                                .commit = "",
                                .text = "the approved plan was carried out; its approval is spent"},
        err);
}
