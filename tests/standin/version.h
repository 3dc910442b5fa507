/* Which server is being played. 4.2.2 unless STANDIN_VERSION says otherwise. */
#ifndef STANDIN_VERSION_H
#define STANDIN_VERSION_H

#include "util.h"

struct version {
    char text[16];
    int32_t part[3];
    int32_t max_wire;
    int32_t candidate; /* of a release candidate, negative: how far it is from the release */
    char feature[8];   /* featureCompatibilityVersion */
};
extern struct version version;

void version_init(void);
void version_print(void);
bool version_at_least(int major, int minor);
/* The same with a patch. */
bool version_at_least_patch(int major, int minor, int patch);
/* TLS without a CAFile is refused at start (CVE-2024-1351). */
bool version_wants_authority(void);

#endif
