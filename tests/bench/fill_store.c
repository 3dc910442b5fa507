/* fill_store FILE COUNT: a store with as many events, as a fleet of a hundred deployments makes
 * them. For bench_history.py. */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/store/store.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"

enum { DEPLOYMENTS = 100, APART_MS = 1000 };

int main(int count, char **words)
{
    struct ek_error err = {0};
    struct ek_store_location location = {.path = count > 1 ? words[1] : ""};
    EK_CLEANUP(ek_store_close) struct ek_store_handle handle = {0};
    int64_t most = count > 2 ? strtoll(words[2], NULL, 10) : 0;
    int64_t began_ms = ek_wall_ms() - most * APART_MS;
    int result = ek_store_open(&location, &handle, &err);
    for (int64_t i = 0; i < most && result == 0; i++) {
        char deployment[16];
        int64_t number;
        snprintf(deployment, sizeof deployment, "d%03d", (int)(i % DEPLOYMENTS));
        struct ek_store_event event = {.at_ms = began_ms + i * APART_MS,
                                       .account = "acme",
                                       .deployment = deployment,
                                       .kind = "step-done",
                                       .who = "evenkeel@bench",
                                       .commit = "0123456789abcdef0123456789abcdef01234567",
                                       .plan = "",
                                       .text = "restart a done (1.2 s)",
                                       .detail = "{}"};
        result = handle.driver->append(handle.store, &event, &number, &err);
    }
    if (result != 0)
        fprintf(stderr, "%s: %s\n", err.id, err.sentence);
    return result == 0 ? 0 : 1;
}
