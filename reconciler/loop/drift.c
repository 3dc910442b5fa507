#include "reconciler/loop/drift.h"
#include "reconciler/base/hash.h"

#include <jansson.h>
#include <string.h>

/* The specs' own words for what their key `drift` tells apart. */
static const char *const words[EK_DRIFT_FIELDS] = {
    [EK_DRIFT_SSL_MODE] = "sslMode",
    [EK_DRIFT_CERTIFICATES] = "certificates",
    [EK_DRIFT_CONFIGURATION] = "configuration",
    [EK_DRIFT_NAMES] = "names",
    [EK_DRIFT_MEMBERS] = "members",
    [EK_DRIFT_USERS] = "users",
};

int ek_synced_note(struct ek_synced *synced, const struct ek_situation *situation,
                   const uint8_t spec_digest[EK_SHA256_SIZE], struct ek_error *err)
{
    json_t *facts;
    int result = ek_facts_json(situation, &facts, err);
    if (result != 0)
        return result;
    json_decref(synced->facts);
    *synced = (struct ek_synced){.known = true, .at_s = situation->policy->now_s, .facts = facts};
    memcpy(synced->spec_digest, spec_digest, sizeof synced->spec_digest);
    return 0;
}

void ek_synced_forget(struct ek_synced *synced)
{
    synced->known = false;
}

void ek_synced_done(struct ek_synced *synced)
{
    json_decref(synced->facts);
    *synced = (struct ek_synced){0};
}

/* With the clock of then, would there have been nothing to do? */
static int is_due(const struct ek_synced *synced, const struct ek_situation *situation,
                  bool *ret_due, struct ek_error *err)
{
    struct ek_plan then;
    struct ek_policy past = *situation->policy;
    past.now_s = synced->at_s;
    int result = ek_plan_make(EK_SITUATION(situation->spec, situation->state, &past), &then, err);
    if (result != 0)
        return result;
    *ret_due = then.count == 0;
    ek_plan_done(&then);
    return 0;
}

int ek_drift_find(const struct ek_synced *synced, const struct ek_drift_question *question,
                  struct ek_drift *ret_drift, struct ek_error *err)
{
    struct ek_drift drift = {0};
    bool due = false;
    int result = 0;
    if (synced->known && question->plan->count > 0 &&
        memcmp(synced->spec_digest, question->spec_digest, sizeof synced->spec_digest) == 0) {
        result = is_due(synced, question->situation, &due, err);
        drift.present = !due;
    }
    if (result == 0 && drift.present)
        result =
            ek_facts_moved(synced->facts, question->situation, &drift.change, &drift.fields, err);
    if (result == 0)
        *ret_drift = drift;
    else
        ek_buffer_done(&drift.change);
    return result;
}

void ek_drift_done(struct ek_drift *drift)
{
    ek_buffer_done(&drift->change);
    *drift = (struct ek_drift){0};
}

const char *ek_drift_word(enum ek_drift_field field)
{
    return words[field];
}

void ek_drift_words(unsigned found, struct ek_buffer *text)
{
    for (size_t f = 0; f < EK_DRIFT_FIELDS; f++)
        if (found & 1U << f)
            ek_buffer_printf(text, "%s%s", text->length ? ", " : "", words[f]);
}

enum ek_drift_policy ek_drift_policy_of(const struct ek_deployment_spec *spec, unsigned found)
{
    size_t counts[EK_DRIFT_IGNORE + 1] = {0};
    for (size_t f = 0; f < EK_DRIFT_FIELDS; f++)
        if (found & 1U << f)
            counts[spec->drift[f]]++;
    if (counts[EK_DRIFT_IGNORE] && !counts[EK_DRIFT_ENFORCE] && !counts[EK_DRIFT_REPORT])
        return EK_DRIFT_IGNORE;
    return counts[EK_DRIFT_IGNORE] || counts[EK_DRIFT_REPORT] ? EK_DRIFT_REPORT : EK_DRIFT_ENFORCE;
}
