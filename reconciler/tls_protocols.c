#include "reconciler/tls_protocols.h"

#include <stddef.h>
#include <string.h>

enum { OLDEST = 1, NEWEST = 8, ALL = 15 }; /* a bit for each of TLS 1.0, 1.1, 1.2, 1.3 */

/* By default servers leave 1.0 out, newer ones 1.1 as well: neither is counted on. */
enum { DEFAULT = 12 };

static unsigned enabled(const char *disabled)
{
    static const char *const words[] = {"TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"};
    unsigned left = ALL;
    if (!*disabled)
        return DEFAULT;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(disabled, words[i])) /* "noTLS1_0" is another word for the same */
            left &= ~(1U << i);
    return left;
}

/* Who dials offers its newest protocol and those right below it, down to the first that it lacks.
 */
static unsigned offered(unsigned protocols)
{
    unsigned bit = NEWEST;
    unsigned offer = 0;
    while (bit >= OLDEST && !(protocols & bit))
        bit >>= 1;
    for (; bit >= OLDEST && (protocols & bit); bit >>= 1)
        offer |= bit;
    return offer;
}

bool ek_protocols_meet(const char *dialler, const char *taker)
{
    return (offered(enabled(dialler)) & enabled(taker)) != 0;
}

bool ek_protocols_meet_latest(const char *dialler, const char *taker)
{
    return (enabled(dialler) & enabled(taker) & NEWEST) != 0;
}
