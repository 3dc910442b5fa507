#include "version.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct version version = {"4.2.2", {4, 2, 2}, 8, 0, "4.2"};

static const struct {
    int major, minor;
    int32_t wire, newest,
        wants_authority; /* patches: played when only "5.0" is said; SERVER-72839 */
} wires[] = {{4, 2, 8, 2, 1000}, {4, 4, 9, 29, 29}, {5, 0, 13, 31, 25},
             {6, 0, 17, 20, 14}, {7, 0, 21, 16, 6}, {8, 0, 25, 4, 0}};

void version_init(void)
{
    const char *text = getenv("STANDIN_VERSION");
    struct version v = version;
    char *end = NULL;

    if (text == NULL || *text == '\0')
        return;
    v.part[0] = (int32_t)strtol(text, &end, 10);
    v.part[1] = *end == '.' ? (int32_t)strtol(end + 1, &end, 10) : 0;
    v.part[2] = *end == '.' ? (int32_t)strtol(end + 1, &end, 10) : -1;
    for (size_t i = 0; i < COUNT_OF(wires); i++) {
        if (wires[i].major == v.part[0] && wires[i].minor == v.part[1]) {
            v.max_wire = wires[i].wire;
            v.part[2] = v.part[2] < 0 ? wires[i].newest : v.part[2];
            put(v.text, sizeof v.text, "%d.%d.%d%s", v.part[0], v.part[1], v.part[2],
                *end == '-' ? end : ""); /* as 5.0.0-rc4 is written */
            v.candidate = strncmp(end, "-rc", 3) == 0 ? (int32_t)strtol(end + 3, NULL, 10) - 50 : 0;
            put(v.feature, sizeof v.feature, "%d.%d", v.part[0], v.part[1]);
            version = v;
            return;
        }
    }
    fprintf(stderr, "STANDIN_VERSION: %s is not played\n", text);
    exit(2);
}

bool version_wants_authority(void)
{
    for (size_t i = 0; i < COUNT_OF(wires); i++)
        if (wires[i].major == version.part[0] && wires[i].minor == version.part[1])
            return version.part[2] >= wires[i].wants_authority;
    return false;
}

bool version_at_least(int major, int minor)
{
    return version.part[0] > major || (version.part[0] == major && version.part[1] >= minor);
}

bool version_at_least_patch(int major, int minor, int patch)
{
    return version_at_least(major, minor) &&
           (version.part[0] != major || version.part[1] != minor || version.part[2] >= patch);
}

void version_print(void)
{
    printf("db version v%s\n", version.text);
    printf("git version: unknown\n");
    printf("OpenSSL version: %s\n", OpenSSL_version(OPENSSL_VERSION));
    printf("allocator: system\nmodules: none\nbuild environment:\n    distarch: x86_64\n    "
           "target_arch: x86_64\n");
}
