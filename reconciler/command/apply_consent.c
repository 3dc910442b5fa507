#include "reconciler/command/apply_consent.h"
#include "reconciler/command/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"

enum { KEY_FILE_MAX = 8192 };

/* ---- signatures ----------------------------------------------------------------------- */

/* --trusted-key: a public key, or a file that holds one. */
static int trusted_key(const char *value, char ret_key[EK_PUBLIC_KEY_SIZE], struct ek_error *err)
{
    EK_BUFFER text = {0};
    if (ek_public_key_parse(value, ret_key))
        return 0;
    int result = ek_input_read(value, KEY_FILE_MAX, &text, err);
    if (result != 0)
        return result;
    size_t length = text.length;
    while (length > 0 && strchr(" \r\n", text.bytes[length - 1]))
        text.bytes[--length] = 0;
    if (ek_public_key_parse(ek_buffer_text(&text), ret_key))
        return 0;
    ek_fail(err, EK_INVALID, "EK-1113", "%s holds no Ed25519 public key", value);
    return ek_hint(err, "evenkeel key new FILE prints it");
}

int ek_plan_file_signer(const struct ek_options *options, const struct ek_plan_file *file,
                        const struct ek_deployment_spec *spec, char ret_key[EK_PUBLIC_KEY_SIZE],
                        struct ek_error *err)
{
    const struct ek_approvers *approvers = &spec->maintenance.approvers;
    const struct json_t *document = ek_plan_file_document(file);
    char trusted[EK_PUBLIC_KEY_SIZE];
    char key[EK_PUBLIC_KEY_SIZE] = "";
    struct ek_error problem = {0};
    if (options->trusted_key) {
        const char *keys[] = {trusted};
        int result = trusted_key(options->trusted_key, trusted, err);
        if (result == 0)
            result = ek_plan_verify(document, keys, 1, key, err);
        if (result != 0)
            return result;
    }
    int result = ek_plan_verify(document, (const char *const *)approvers->plan_keys,
                                approvers->plan_key_count, key, &problem);
    if (result != 0 && spec->maintenance.approval == EK_APPROVAL_SIGNED) {
        if (err)
            *err = problem;
        return ek_wrap(err, "%s", spec->name);
    }
    snprintf(ret_key, EK_PUBLIC_KEY_SIZE, "%s", result == 0 ? key : "");
    return 0;
}

/* ---- what was agreed to --------------------------------------------------------------- */

/* By whose keys, of those that count besides the specs', the file is signed. */
static void find_signers(struct ek_guard *guard, const struct ek_plan_file *file)
{
    for (size_t i = 0; i < guard->also_count; i++) {
        struct ek_demand *demand = &guard->also[i];
        struct ek_error ignored = {0};
        if (ek_plan_verify(ek_plan_file_document(file),
                           (const char *const *)demand->approvers->plan_keys,
                           demand->approvers->plan_key_count, guard->keys[i], &ignored) == 0)
            demand->plan_signed_by = guard->keys[i];
    }
}

int ek_guard_signer(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                    const struct ek_plan_file *file, char ret_key[EK_PUBLIC_KEY_SIZE],
                    struct ek_error *err)
{
    EK_CLEANUP(ek_guard_done) struct ek_guard guard;
    int result = ek_fleet_guard(fleet, assessment, &guard, err);
    if (result != 0)
        return result;
    find_signers(&guard, file);
    for (size_t i = 0; i < guard.also_count; i++)
        if (guard.also[i].plan_signed_by)
            memcpy(ret_key, guard.keys[i], EK_PUBLIC_KEY_SIZE);
    return 0;
}

int ek_apply_consent_init(struct ek_apply_consent *consent, const struct ek_fleet *fleet,
                          const struct ek_apply_subject *subject, struct ek_error *err)
{
    const struct ek_plan_file *file = subject->file;
    *consent = (struct ek_apply_consent){0};
    int result = file ? ek_plan_file_signer(fleet->options, file, subject->assessment->spec,
                                            consent->key, err)
                      : 0;
    if (result == 0)
        result = ek_fleet_guard(fleet, subject->assessment, &consent->guard, err);
    if (result != 0)
        return result;
    if (file)
        find_signers(&consent->guard, file);
    consent->question =
        ek_fleet_consent(fleet, subject->assessment, &consent->guard, consent->signer);
    ek_this_person(consent->who, sizeof consent->who);
    memcpy(consent->plan, subject->plan, sizeof consent->plan);
    consent->question.plan = consent->plan;
    consent->question.who = consent->who;
    consent->question.plan_signed_by = consent->key[0] ? consent->key : NULL;
    return 0;
}

void ek_apply_consent_done(struct ek_apply_consent *consent)
{
    ek_guard_done(&consent->guard);
}

/* Which approval it is that holds, as long as the fleet shows it. */
static void note_approval(struct ek_apply_consent *consent, const struct ek_policy *policy)
{
    struct ek_policy copy = *policy;
    struct ek_plan plan;
    struct ek_approval approval;
    struct ek_error ignored = {0};
    if (consent->approved[0] ||
        ek_consent_approved_plan(&consent->question, &copy, &plan, &approval, &ignored) != 0)
        return;
    ek_plan_done(&plan);
    memcpy(consent->approved, approval.plan, sizeof consent->approved);
}

int ek_apply_consent_refresh(struct ek_apply_consent *consent, const struct ek_state *state,
                             struct ek_policy *policy, struct ek_error *err)
{
    struct ek_consent_question *question = &consent->question;
    question->state = state;
    question->now_ms = ek_wall_ms();
    int result = ek_consent_refresh(question, policy, err);
    if (result == 0 && question->store && state)
        note_approval(consent, policy);
    return result;
}

static int spend(struct ek_apply_consent *consent, struct ek_error *err)
{
    int result = ek_consent_spend(&consent->question, consent->plan, err);
    if (result == 0 && consent->approved[0] && strcmp(consent->approved, consent->plan) != 0)
        result = ek_consent_spend(&consent->question, consent->approved, err);
    return result;
}

int ek_apply_consent_complete(struct ek_apply_consent *consent, const struct ek_fleet *fleet,
                              const struct ek_policy *policy, struct ek_error *err)
{
    const struct ek_deployment_spec *spec = consent->question.spec;
    enum ek_approval_rule rule = spec->maintenance.approval;
    bool asked =
        rule == EK_APPROVAL_REQUIRED || rule == EK_APPROVAL_SIGNED || consent->guard.also_count > 0;
    struct ek_policy now = *policy;
    if (consent->approved[0])
        consent->question.plan = consent->approved;
    consent->question.now_ms = ek_wall_ms();
    const struct ek_guard_note note = {
        .who = consent->who, .commit = fleet->source.commit, .at_ms = consent->question.now_ms};
    int result = consent->guard.loosened ? ek_consent_refresh(&consent->question, &now, err) : 0;
    if (result == 0 && consent->guard.loosened)
        result = ek_consent_missing(spec, &now.consent, err);
    if (result == 0)
        result = ek_guard_keep(consent->question.store, spec, &consent->guard, &note, err);
    return result == 0 && asked ? spend(consent, err) : result;
}

/* ---- windows -------------------------------------------------------------------------- */

static int ask_for_name(const struct ek_options *options, const struct ek_deployment_spec *spec,
                        const struct ek_consent *closed, struct ek_error *err)
{
    EK_BUFFER question = {0};
    if (options->yes)
        return 0;
    ek_buffer_printf(
        &question, "\nNo maintenance window of %s is open (%s). To disturb it now, type its name: ",
        spec->name, closed->window_words[0] ? closed->window_words : "none opens again");
    if (ek_buffer_check(&question, err) != 0)
        return EK_NO_MEMORY;
    const struct ek_prompt prompt = {.question = ek_buffer_text(&question),
                                     .wanted = spec->name,
                                     .otherwise = "nothing was changed",
                                     .no_terminal = "there is no terminal to ask on: give --yes"};
    return ek_ask(&prompt, err);
}

int ek_apply_outside_window(const struct ek_options *options, struct ek_apply_consent *consent,
                            struct ek_record *record, struct ek_error *err)
{
    struct ek_consent_question question = consent->question;
    struct ek_policy policy = {0};
    EK_BUFFER text = {0};
    if (!options->outside_window)
        return 0;
    question.outside_window = false;
    question.now_ms = ek_wall_ms();
    int result = ek_consent_refresh(&question, &policy, err);
    if (result != 0 || policy.consent.window != EK_WINDOW_CLOSED)
        return result;
    result = ask_for_name(options, question.spec, &policy.consent, err);
    if (result != 0)
        return result;
    ek_buffer_printf(&text, "%s lets plan %.12s go on while no window is open", consent->who,
                     consent->plan);
    result = ek_buffer_check(&text, err);
    if (result != 0)
        return result;
    ek_record_said(record, EK_JOURNAL_OUTSIDE_WINDOW, question.now_ms, ek_buffer_text(&text));
    if (record->error.code != 0 && err)
        *err = record->error;
    return record->error.code;
}
