#include "reconciler/lease/decide.h"

#include <string.h>

enum { MARGIN = 5 };

int64_t ek_lease_margin(int64_t ttl_ms)
{
    return ttl_ms / MARGIN;
}

int64_t ek_lease_until(int64_t sent_ms, int64_t ttl_ms)
{
    return sent_ms + ttl_ms - ek_lease_margin(ttl_ms);
}

bool ek_lease_same(const struct ek_lease_record *a, const struct ek_lease_record *b)
{
    return a->token == b->token && a->beat == b->beat && strcmp(a->holder, b->holder) == 0;
}

void ek_lease_watch_saw(struct ek_lease_watch *watch, const struct ek_lease_record *record,
                        int64_t now_ms)
{
    if (watch->any && ek_lease_same(&watch->record, record))
        return;
    *watch = (struct ek_lease_watch){.record = *record, .since_ms = now_ms, .any = true};
}

bool ek_lease_watch_free(const struct ek_lease_watch *watch, bool gone, int64_t ttl_ms,
                         int64_t now_ms)
{
    if (!watch->any)
        return false;
    return !watch->record.holder[0] || gone || now_ms - watch->since_ms >= ttl_ms;
}

void ek_lease_taken(const struct ek_lease_record *now, const char *holder,
                    struct ek_lease_record *ret_record)
{
    struct ek_lease_record taken = {.token = now->token + 1, .beat = 1};
    size_t length = strnlen(holder, sizeof taken.holder - 1);
    memcpy(taken.holder, holder, length);
    *ret_record = taken;
}

void ek_lease_renewed(const struct ek_lease_record *now, struct ek_lease_record *ret_record)
{
    *ret_record = *now;
    ret_record->beat++;
}

void ek_lease_released(const struct ek_lease_record *now, struct ek_lease_record *ret_record)
{
    *ret_record = (struct ek_lease_record){.token = now->token, .beat = now->beat + 1};
}

void ek_lease_raised(const struct ek_lease_record *now, int64_t other,
                     struct ek_lease_record *ret_record)
{
    *ret_record = *now;
    ret_record->token = (other > now->token ? other : now->token) + 1;
    ret_record->beat = 1;
}
