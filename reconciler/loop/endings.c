#include "reconciler/loop/endings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/base/time_text.h"
#include "reconciler/loop/loop_internal.h"

enum { DAY_S = 86400 };

int64_t ek_ending_distance_s(int64_t left_s)
{
    static const int64_t distances_s[] = {0, DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S};
    for (size_t i = 0; i < sizeof distances_s / sizeof *distances_s; i++)
        if (left_s <= distances_s[i])
            return distances_s[i];
    return EK_ENDING_FAR;
}

static void tell(struct ek_keeper *keeper, int64_t left_s)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_CERTIFICATE_ENDS);
    const struct ek_assessment *assessment = &keeper->assessment;
    const char *authority = assessment->spec->certificates.authority;
    int64_t end_s = ek_certificates(assessment->observation->state)->authority_not_after_s;
    char end[32];
    EK_BUFFER message = {0};
    ek_time_text(end_s * 1000, false, end);
    ek_buffer_printf(&message,
                     "the certificate authority %s %s on %s, and no certificate lasts longer",
                     authority ? authority : "", left_s > 0 ? "ends" : "ended", end);
    entry.id = "EK-1308";
    entry.message = ek_journal_text(&message);
    json_t *detail = json_object();
    ek_json_set(&detail, "authority", ek_json_text(authority ? authority : ""));
    ek_json_set(&detail, "ends_s", json_integer(end_s));
    ek_tell(keeper->loop, &entry, detail);
}

/* The store keeps what was told, for every process that shares it. */
void ek_keeper_tell_endings(struct ek_keeper *keeper)
{
    const struct ek_store_handle *store = keeper->loop->store;
    const struct ek_assessment *assessment = &keeper->assessment;
    const struct ek_certificates *certificates = ek_certificates(assessment->observation->state);
    int64_t left_s = certificates->authority_not_after_s - assessment->policy.now_s;
    int64_t distance_s = ek_ending_distance_s(left_s);
    char fingerprint[EK_SHA256_HEX_SIZE];
    char key[sizeof keeper->ending];
    struct ek_error err = {0};
    bool first = false;
    if (certificates->authority != EK_YES || certificates->authority_not_after_s == 0 ||
        distance_s == EK_ENDING_FAR)
        return;
    ek_hex(certificates->authority_sha256, sizeof certificates->authority_sha256, fingerprint);
    snprintf(key, sizeof key, "ending of %s, %" PRId64 " s before: %s/%s", fingerprint, distance_s,
             keeper->account, keeper->name);
    if (strcmp(key, keeper->ending) == 0)
        return;
    if (store->driver->note_once(store->store, key, ek_loop_now_ms(keeper->loop), &first, &err) !=
        0)
        return; /* told at a later look: a store that fails is told of elsewhere */
    snprintf(keeper->ending, sizeof keeper->ending, "%s", key);
    if (first)
        tell(keeper, left_s);
}
