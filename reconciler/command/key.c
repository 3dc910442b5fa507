/* key new FILE: a key that signs plans. */
#include <jansson.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/command/command.h"
#include "reconciler/consent/sign.h"

static void print(const struct ek_options *options, const char *path, const char *public)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = json_pack("{s:s, s:s, s:o, s:s}", "format_version", "1.0", "type", "key",
                                 "file", ek_json_text(path), "public_key", public);
        ek_json_add(json, JSON_COMPACT, &text);
    } else {
        ek_buffer_printf(&text, "%s\n", public);
    }
    ek_print(&text);
    ek_say(options,
           "%s signs plans: keep it to yourself. Its public key above goes into "
           "maintenance.approvers.planKeys of the specs",
           path);
}

int ek_command_key(const struct ek_options *options)
{
    struct ek_error err = {0};
    char public[EK_PUBLIC_KEY_SIZE];
    int result = 0;
    if (options->argument_count != 2 || strcmp(options->arguments[0], "new") != 0) {
        result = ek_fail(&err, EK_INVALID, "EK-0804", "key wants the word \"new\" and a file");
        ek_hint(&err, "evenkeel key new plan.key");
    } else {
        result = ek_sign_key_create(options->arguments[1], public, &err);
    }
    if (result != 0) {
        ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    print(options, options->arguments[1], public);
    return EK_EXIT_OK;
}
