#include <bson/bson.h>
#include <git2.h>
#include <jansson.h>
#include <mongoc/mongoc.h>
#include <openssl/crypto.h>

#include "reconciler/command/command.h"

#ifndef EK_VERSION
#define EK_VERSION "unknown"
#endif

int ek_command_version(const struct ek_options *options)
{
    EK_BUFFER text = {0};
    if (options->output != EK_OUTPUT_JSON) {
        ek_buffer_printf(&text, "evenkeel %s\n", EK_VERSION);
        if (options->verbose)
            ek_buffer_printf(&text, "libmongoc %s\nlibgit2 %s\n%s\n", mongoc_get_version(),
                             LIBGIT2_VERSION, OpenSSL_version(OPENSSL_VERSION));
        ek_print(&text);
        return EK_EXIT_OK;
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "format_version", "1.0", "evenkeel",
                             EK_VERSION, "libmongoc", mongoc_get_version(), "libgit2",
                             LIBGIT2_VERSION, "openssl", OpenSSL_version(OPENSSL_VERSION));
    ek_json_add(json, JSON_COMPACT, &text);
    ek_print(&text);
    return EK_EXIT_OK;
}
