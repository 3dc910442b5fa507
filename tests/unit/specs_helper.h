/* What the spec tests share: text in, specs and diagnostics out. */
#ifndef EK_TESTS_SPECS_HELPER_H
#define EK_TESTS_SPECS_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "specs/parse.h"

struct parsed {
    int result;
    struct ek_specs specs;
    struct ek_diagnostics diagnostics;
    struct ek_error err;
};

static inline struct parsed parse_bytes(const char *text, size_t length)
{
    char path[] = "orders.yaml";
    /* An exact copy on the heap, so that a sanitizer sees a read past the end. */
    char *copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    struct ek_spec_file file = {.path = path, .text = copy, .length = length};
    struct ek_spec_files files = {.files = &file, .count = 1};
    struct parsed parsed = {0};
    parsed.result = ek_specs_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    free(copy);
    return parsed;
}

static inline struct parsed parse_text(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static inline void parsed_done(struct parsed *parsed)
{
    ek_specs_free(&parsed->specs);
    ek_diagnostics_done(&parsed->diagnostics);
}

static inline const struct ek_diagnostic *find_diagnostic(const struct parsed *parsed,
                                                          const char *id)
{
    for (size_t i = 0; i < parsed->diagnostics.count; i++)
        if (strcmp(parsed->diagnostics.items[i].id, id) == 0)
            return &parsed->diagnostics.items[i];
    return NULL;
}

static inline void show_diagnostics(const struct parsed *parsed)
{
    EK_BUFFER text = {0};
    ek_diagnostics_render(&parsed->diagnostics, false, &text);
    print_error("%s", ek_buffer_text(&text));
}

#define ACCOUNT "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme }\n"
#define AUTHORITY                                                                                  \
    "---\napiVersion: evenkeel/v1\nkind: CertificateAuthority\n"                                   \
    "metadata: { name: acme-ca, account: acme }\n"

/* A sound tree; line 13 is the first below `spec:`. */
static const char *const sound_lines[] = {
    "apiVersion: evenkeel/v1",
    "kind: Account",
    "metadata: { name: acme }",
    "---",
    "apiVersion: evenkeel/v1",
    "kind: CertificateAuthority",
    "metadata: { name: acme-ca, account: acme }",
    "---",
    "apiVersion: evenkeel/v1",
    "kind: Deployment",
    "metadata: { name: orders, account: acme }",
    "spec:",
    "  plan: dedicated",
    "  provider: { name: local, directory: /srv/orders }",
    "  replicaSet:",
    "    name: rs-orders",
    "    members:",
    "      - { name: a, host: db-a.example.net }",
    "      - { name: b, host: db-b.example.net }",
    "      - { name: c, host: db-c.example.net }",
    "  sslMode: preferSSL",
    "  sslDomain: { base: fleet.example.net }",
    "  certificates: { authority: acme-ca }",
};
#define SOUND_LINES (sizeof sound_lines / sizeof *sound_lines)

/* The sound tree with line `line` (from 1; 0: none) replaced by `instead`. */
static inline char *tree_with(size_t line, const char *instead)
{
    struct ek_buffer text = {0};
    for (size_t i = 0; i < SOUND_LINES; i++)
        ek_buffer_printf(&text, "%s\n", i + 1 == line ? instead : sound_lines[i]);
    return ek_buffer_take(&text);
}

#endif
