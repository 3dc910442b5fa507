#include "reconciler/loop/drift.h"

#include <stdio.h>
#include <string.h>

/* Which facts (ek_state_facts) belong to which field of the specs. */
static const struct {
    const char *word;
    const char *facts; /* parts of their lines, separated by | */
} fields[EK_DRIFT_FIELDS] = {
    [EK_DRIFT_SSL_MODE] = {"sslMode", " sslMode running:| sslMode configured:"},
    [EK_DRIFT_CERTIFICATES] = {"certificates",
                               " certificate | trust installed:| keyFile:|authority:| serves the |"
                               " runs with the installed trust:"},
    [EK_DRIFT_CONFIGURATION] = {"configuration", " TLS options "},
    [EK_DRIFT_NAMES] = {"names", " name bound:|SSL domain label:"},
    [EK_DRIFT_MEMBERS] = {"members", " host:|replica set:| votes |member outside "},
    [EK_DRIFT_USERS] = {"users", "own user|authentication:"},
};

void ek_synced_note(struct ek_synced *synced, const struct ek_deployment_spec *spec,
                    const uint8_t spec_digest[32], const struct ek_state *state,
                    const struct ek_policy *policy)
{
    synced->known = true;
    synced->at_s = policy->now_s;
    memcpy(synced->spec_digest, spec_digest, sizeof synced->spec_digest);
    ek_buffer_done(&synced->facts);
    ek_state_facts(spec, state, policy, &synced->facts);
}

void ek_synced_forget(struct ek_synced *synced)
{
    synced->known = false;
}

void ek_synced_done(struct ek_synced *synced)
{
    ek_buffer_done(&synced->facts);
    *synced = (struct ek_synced){0};
}

static void add_missing(const char *lines, const char *other, char sign, struct ek_buffer *text)
{
    for (const char *at = lines; *at;) {
        size_t length = strcspn(at, "\n");
        if (!ek_facts_have(other, at, length))
            ek_buffer_printf(text, "%c %.*s\n", sign, (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static bool names_one_of(const char *lines, const char *facts)
{
    for (const char *at = facts; *at;) {
        char fact[48];
        size_t length = strcspn(at, "|");
        snprintf(fact, sizeof fact, "%.*s", (int)length, at);
        if (strstr(lines, fact))
            return true;
        at += length + (at[length] == '|');
    }
    return false;
}

static unsigned fields_of(const char *change)
{
    unsigned found = 0;
    for (size_t f = 0; f < EK_DRIFT_FIELDS; f++)
        if (names_one_of(change, fields[f].facts))
            found |= 1U << f;
    return found;
}

/* With the clock of then, would there have been nothing to do? */
static int is_due(const struct ek_synced *synced, const struct ek_deployment_spec *spec,
                  const struct ek_state *state, const struct ek_policy *policy, bool *ret_due,
                  struct ek_error *err)
{
    struct ek_plan then;
    struct ek_policy past = *policy;
    past.now_s = synced->at_s;
    int result = ek_plan_make(spec, state, &past, &then, err);
    if (result != 0)
        return result;
    *ret_due = then.count == 0;
    ek_plan_done(&then);
    return 0;
}

int ek_drift_find(const struct ek_synced *synced, const struct ek_deployment_spec *spec,
                  const uint8_t spec_digest[32], const struct ek_state *state,
                  const struct ek_policy *policy, const struct ek_plan *plan,
                  struct ek_drift *ret_drift, struct ek_error *err)
{
    struct ek_drift drift = {0};
    bool due = false;
    if (synced->known && plan->count > 0 &&
        memcmp(synced->spec_digest, spec_digest, sizeof synced->spec_digest) == 0) {
        int result = is_due(synced, spec, state, policy, &due, err);
        if (result != 0)
            return result;
        drift.present = !due;
    }
    if (drift.present) {
        EK_BUFFER now = {0};
        ek_state_facts(spec, state, policy, &now);
        if (ek_buffer_check(&now, err) != 0 || ek_buffer_check(&synced->facts, err) != 0)
            return EK_NO_MEMORY;
        add_missing(ek_buffer_text(&synced->facts), ek_buffer_text(&now), '-', &drift.change);
        add_missing(ek_buffer_text(&now), ek_buffer_text(&synced->facts), '+', &drift.change);
        if (ek_buffer_check(&drift.change, err) != 0)
            return EK_NO_MEMORY;
        drift.fields = fields_of(ek_buffer_text(&drift.change));
    }
    *ret_drift = drift;
    return 0;
}

void ek_drift_done(struct ek_drift *drift)
{
    ek_buffer_done(&drift->change);
    *drift = (struct ek_drift){0};
}

const char *ek_drift_word(enum ek_drift_field field)
{
    return fields[field].word;
}

void ek_drift_words(unsigned found, struct ek_buffer *text)
{
    for (size_t f = 0; f < EK_DRIFT_FIELDS; f++)
        if (found & 1U << f)
            ek_buffer_printf(text, "%s%s", text->length ? ", " : "", fields[f].word);
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
