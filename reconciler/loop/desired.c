#include "reconciler/loop/desired.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

static int fingerprint(const struct ek_spec_files *files, char ret_hex[EK_SHA256_HEX_SIZE],
                       struct ek_error *err)
{
    EK_BUFFER digests = {0};
    for (size_t i = 0; i < files->count; i++) {
        char hex[EK_SHA256_HEX_SIZE];
        ek_sha256_hex(files->files[i].text, files->files[i].length, hex);
        ek_buffer_printf(&digests, "%s %s\n", hex, files->files[i].path);
    }
    return ek_sha256_hex_of(&digests, ret_hex, err);
}

static bool is_listed(const struct ek_desired *desired, const char *file)
{
    for (size_t i = 0; i < desired->broken_file_count; i++)
        if (desired->broken_files[i] && strcmp(desired->broken_files[i], file) == 0)
            return true;
    return false;
}

static int list_broken_files(struct ek_desired *desired, const struct ek_diagnostics *diagnostics,
                             struct ek_error *err)
{
    desired->broken_files = calloc(diagnostics->count + 1, sizeof(char *));
    if (!desired->broken_files)
        return ek_no_memory(err);
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (is_listed(desired, diagnostics->items[i].file))
            continue;
        char *copy = strdup(diagnostics->items[i].file);
        if (!copy)
            return ek_no_memory(err);
        desired->broken_files[desired->broken_file_count++] = copy;
    }
    return 0;
}

int ek_desired_new(const char *repository, const struct ek_spec_files *files,
                   struct ek_desired **ret_desired, struct ek_error *err)
{
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_desired *desired = calloc(1, sizeof *desired);
    if (!desired)
        return ek_no_memory(err);
    desired->holders = 1;
    int result = ek_specs_parse_sound(files, &desired->specs, &diagnostics, err);
    if (result == 0 && !(desired->repository = strdup(repository)))
        result = ek_no_memory(err);
    if (result == 0)
        result = list_broken_files(desired, &diagnostics, err);
    ek_diagnostics_render(&diagnostics, false, &desired->trouble);
    if (result == 0)
        result = ek_buffer_check(&desired->trouble, err);
    if (result == 0)
        result = fingerprint(files, desired->fingerprint, err);
    if (result != 0) {
        ek_desired_release(desired);
        return result;
    }
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
