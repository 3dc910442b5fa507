/* Specs, as any file in a repository may be: `make fuzz TARGET=specs`. They are sound, or there is
 * at least one error, which can be shown. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "specs/parse.h"
#include "tests/fuzz/hold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int parser(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                   struct ek_diagnostics *ret_diagnostics, struct ek_error *err);

static void parse_with(parser *parse, const struct ek_spec_files *files)
{
    struct ek_specs specs = {0};
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_error err = {0};
    EK_BUFFER shown = {0};
    int result = parse(files, &specs, &diagnostics, &err);
    if (result != 0 && result != EK_INVALID)
        abort();
    if (parse != ek_specs_parse_sound && (result == 0) != (diagnostics.count == 0))
        abort();
    ek_diagnostics_render(&diagnostics, true, &shown);
    json_decref(ek_diagnostics_json(&diagnostics));
    for (size_t i = 0; i < specs.deployment_count; i++) {
        uint8_t digest[32];
        hold(ek_deployment_spec_digest(&specs.deployments[i], digest, NULL) == 0);
        hold(ek_deployment_reach_digest(&specs, &specs.deployments[i], digest, NULL) == 0);
    }
    ek_specs_free(&specs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "specs.yaml";
    char *text = malloc(size + 1); /* an exact copy: a read past its end is seen */
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    struct ek_spec_file file = {.path = path, .text = text, .length = size};
    struct ek_spec_files files = {.files = &file, .count = 1};
    parse_with(ek_specs_parse, &files);
    parse_with(ek_specs_parse_sound, &files);
    parse_with(ek_configuration_parse, &files);
    free(text);
    return 0;
}
