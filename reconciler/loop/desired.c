#include "reconciler/loop/desired.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

static void fingerprint(const struct ek_spec_files *files, char ret_hex[65])
{
    EK_BUFFER digests = {0};
    for (size_t i = 0; i < files->count; i++) {
        char hex[65];
        ek_sha256_hex(files->files[i].text, files->files[i].length, hex);
        ek_buffer_printf(&digests, "%s %s\n", hex, files->files[i].path);
    }
    ek_sha256_hex(digests.bytes, digests.length, ret_hex);
}

static bool is_listed(const struct ek_desired *desired, const char *file)
{
    for (size_t i = 0; i < desired->broken_file_count; i++)
        if (desired->broken_files[i] && strcmp(desired->broken_files[i], file) == 0)
            return true;
    return false;
}

static void list_broken_files(struct ek_desired *desired, const struct ek_diagnostics *diagnostics)
{
    desired->broken_files = ek_need(calloc(diagnostics->count + 1, sizeof(char *)));
    for (size_t i = 0; i < diagnostics->count; i++)
        if (!is_listed(desired, diagnostics->items[i].file))
            desired->broken_files[desired->broken_file_count++] =
                ek_need(strdup(diagnostics->items[i].file));
}

int ek_desired_new(const char *repository, const struct ek_spec_files *files,
                   struct ek_desired **ret_desired, struct ek_error *err)
{
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_desired *desired = ek_need(calloc(1, sizeof *desired));
    desired->holders = 1;
    int result = ek_specs_parse_sound(files, &desired->specs, &diagnostics, err);
    if (result != 0) {
        ek_desired_release(desired);
        return result;
    }
    desired->repository = ek_need(strdup(repository));
    list_broken_files(desired, &diagnostics);
    ek_diagnostics_render(&diagnostics, false, &desired->trouble);
    fingerprint(files, desired->fingerprint);
    *ret_desired = desired;
    return 0;
}

struct ek_desired *ek_desired_hold(struct ek_desired *desired)
{
    if (desired)
        __atomic_add_fetch(&desired->holders, 1, __ATOMIC_RELAXED);
    return desired;
}

void ek_desired_release(struct ek_desired *desired)
{
    if (!desired || __atomic_sub_fetch(&desired->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    ek_specs_free(&desired->specs);
    ek_buffer_done(&desired->trouble);
    for (size_t i = 0; i < desired->broken_file_count; i++)
        free(desired->broken_files[i]);
    free(desired->broken_files);
    free(desired->repository);
    free(desired);
}
