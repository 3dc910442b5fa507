#include "crash.h"
#include "node.h"
#include "storage.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CRASHED 137 /* the status of a killed process, as a shell shows it */

static atomic_long passed;

void crash_point(bool locked)
{
    static _Atomic long at = -1;
    const char *given;

    if (atomic_load(&at) < 0) {
        given = getenv("STANDIN_CRASH");
        atomic_store(&at, given == NULL ? 0 : strtol(given, NULL, 10));
    }
    if (atomic_load(&at) == 0 || atomic_fetch_add(&passed, 1) + 1 != atomic_load(&at))
        return;
    if (!locked) /* so that nobody goes on with what is being lost */
        node_lock();
    storage_lose_unsynced();
    _exit(CRASHED);
}

bool broken_on_purpose(const char *what)
{
    const char *given = getenv("STANDIN_BREAK");

    return given != NULL && strcmp(given, what) == 0;
}
