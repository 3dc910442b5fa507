/* The specs as text: what was found, and beside it what a person has to know. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/import/parts.h"
#include "specs/names.h"
#include "specs/text.h"

enum { WIDTH = 96 };

/* ---- words ---- */

/* A word that YAML, as anybody reads it, can only take for a text. */
static bool is_plain(const char *text)
{
    static const char *const others[] = {"true", "false", "yes", "no", "on",
                                         "off",  "null",  "y",   "n"};
    bool letter = false;
    for (const char *c = text; *c; c++) {
        bool alphabetic = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        letter |= alphabetic || *c == '/';
        if (!alphabetic && !(*c >= '0' && *c <= '9') && !strchr("./@-", *c))
            return false;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(text, others[i]) == 0)
            return false;
    bool begins = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') ||
                  text[0] == '/' || text[0] == '_';
    return letter && begins;
}

/* As it stands in double quotes; what is no character of UTF-8 has no way to be written. */
static size_t quoted(struct ek_buffer *text, const char *at)
{
    uint32_t character = 0;
    size_t size = ek_utf8_decode(at, strlen(at), &character);
    if (size == 0)
        return 1;
    if (character == '"' || character == '\\')
        ek_buffer_printf(text, "\\%c", (char)character);
    else if (character >= 0x20 && ek_text_width(character) <= 2)
        ek_buffer_add(text, at, size);
    else if (character < 0x10000)
        ek_buffer_printf(text, "\\u%04x", character);
    else
        ek_buffer_printf(text, "\\U%08x", character);
    return size;
}

/* In double quotes where it must be. */
static void scalar(struct ek_buffer *text, const char *value)
{
    if (is_plain(value)) {
        ek_buffer_text_add(text, value);
        return;
    }
    ek_buffer_text_add(text, "\"");
    for (const char *at = value; *at;)
        at += quoted(text, at);
    ek_buffer_text_add(text, "\"");
}

static void key(struct ek_buffer *text, int indent, const char *name, const char *value)
{
    ek_buffer_printf(text, "%*s%s: ", indent, "", name);
    scalar(text, value);
    ek_buffer_text_add(text, "\n");
}

/* A comment of as many lines as it takes; `words` has no line end (notes are escaped). */
static void comment(struct ek_buffer *text, int indent, const char *words)
{
    while (*words) {
        size_t room = (size_t)(WIDTH - indent - 2);
        size_t length = strlen(words);
        if (length > room) {
            length = room;
            while (length > 0 && words[length] != ' ')
                length--;
            if (length == 0)
                length = strcspn(words, " ");
        }
        ek_buffer_printf(text, "%*s# %.*s\n", indent, "", (int)length, words);
        words += length;
        words += strspn(words, " ");
    }
}

static void notes(struct ek_buffer *text, int indent, const struct ek_import_notes *all)
{
    static const char *const heads[] = {[EK_NOTE_KEPT] = "Stays as it is: ",
                                        [EK_NOTE_TOLD] = "",
                                        [EK_NOTE_DECIDE] = "DECIDE: ",
                                        [EK_NOTE_UNSEEN] = "NOT SEEN: ",
                                        [EK_NOTE_IN_THE_WAY] = "IN THE WAY: "};
    for (size_t i = 0; i < all->count; i++) {
        char words[600];
        const struct ek_import_note *note = &all->rows[i];
        snprintf(words, sizeof words, "%s%s%s%s%s", heads[note->kind], note->sentence,
                 note->id[0] ? " [" : "", note->id, note->id[0] ? "]" : "");
        comment(text, indent, words);
    }
}

/* ---- documents ---- */

static void head(struct ek_buffer *text, const struct ek_import *import,
                 const struct ek_import_setting *setting)
{
    EK_BUFFER words = {0};
    ek_buffer_printf(&words, "Replica set %s as it was found, by evenkeel import %s.",
                     import->set_name, setting->source);
    comment(text, 0, ek_buffer_text(&words));
    if (ek_import_has(import, EK_NOTE_DECIDE) || import->mode == EK_SSL_DISABLED)
        comment(text, 0, "Where it says DECIDE somebody has to.");
}

static void document(struct ek_buffer *text, const char *kind, const char *name,
                     const char *account)
{
    ek_buffer_printf(text, "apiVersion: evenkeel/v1\nkind: %s\nmetadata:\n", kind);
    key(text, 2, "name", name);
    if (account)
        key(text, 2, "account", account);
}

static void ssh(struct ek_buffer *text, const struct ek_import *import, const struct ek_ssh *ssh)
{
    const struct {
        const char *key;
        const char *value;
    } texts[] = {
        {"user", ssh->user},
        {"identityFile", ssh->identity_file},
        {"knownHosts", ssh->known_hosts},
        {"config", ssh->config},
    };
    bool any = ssh->port != 0 || import->sudo;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        any |= texts[i].value != NULL;
    if (!any)
        return;
    ek_buffer_text_add(text, "    ssh:\n");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value)
            key(text, 6, texts[i].key, texts[i].value);
    if (ssh->port)
        ek_buffer_printf(text, "      port: %d\n", ssh->port);
    if (import->sudo)
        ek_buffer_text_add(text, "      sudo: true # contrib/sudoers is on each host\n");
}

/* The directory that most of the members' own are in. */
static void parent_of(const char *path, char *ret_parent, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(ret_parent, size, "%.*s", slash && slash > path ? (int)(slash - path) : 1,
             slash ? path : "/");
}

static void local_provider(struct ek_buffer *text, const struct ek_import *import)
{
    char directory[512] = "/var/lib/evenkeel";
    for (size_t i = import->member_count; i-- > 0;)
        if (import->members[i].configuration[0]) {
            char own[512];
            parent_of(import->members[i].configuration, own, sizeof own);
            parent_of(own, directory, sizeof directory);
        }
    ek_buffer_text_add(text, "    name: local\n");
    key(text, 4, "directory", directory);
    if (import->program[0] &&
        (!strchr(import->program, '/') || ek_is_absolute_path(import->program)))
        key(text, 4, "server", import->program);
}

static void provider(struct ek_buffer *text, const struct ek_import *import,
                     const struct ek_import_request *request)
{
    ek_buffer_text_add(text, "  provider:\n");
    if (request->provider == EK_PROVIDER_LOCAL) {
        local_provider(text, import);
        return;
    }
    ek_buffer_text_add(text, "    name: hosts\n");
    if (import->user[0])
        key(text, 4, "user", import->user);
    if (request->reach == EK_REACH_LOCAL)
        ek_buffer_text_add(text, "    reach: local\n");
    else
        ssh(text, import, &request->ssh);
}

static void member_places(struct ek_buffer *text, const struct ek_import_member *member,
                          const struct ek_import_request *request)
{
    if (request->provider == EK_PROVIDER_HOSTS) {
        if (member->unit[0])
            key(text, 8, "unit", member->unit);
        else
            comment(text, 8,
                    "DECIDE: unit: the systemd service that runs it (default: "
                    "mongod.service)");
    } else if (member->network_namespace[0]) {
        key(text, 8, "networkNamespace", member->network_namespace);
    }
    if (!member->configuration[0]) {
        comment(text, 8,
                "DECIDE: configuration: its configuration file (default: "
                "/etc/mongod.conf)");
        return;
    }
    if (request->provider == EK_PROVIDER_LOCAL) {
        char directory[512];
        parent_of(member->configuration, directory, sizeof directory);
        key(text, 8, "directory", directory);
    }
    key(text, 8, "configuration", member->configuration);
}

static void member(struct ek_buffer *text, const struct ek_import_member *found,
                   const struct ek_import_request *request)
{
    const struct ek_mongodb_member *row = &found->row;
    notes(text, 6, &found->notes);
    ek_buffer_text_add(text, "      - name: ");
    scalar(text, found->name);
    ek_buffer_text_add(text, "\n");
    key(text, 8, "host", found->host);
    ek_buffer_printf(text, "        port: %d\n", found->port);
    if (row->arbiter)
        ek_buffer_text_add(text, "        arbiter: true\n");
    if (row->hidden)
        ek_buffer_text_add(text, "        hidden: true\n");
    double usual = row->arbiter ? 0 : 1;
    if (row->priority >= 0 && row->priority <= 1000 && fabs(row->priority - usual) > 0)
        ek_buffer_printf(text, "        priority: %.15g\n", row->priority);
    if (row->votes == 0)
        ek_buffer_text_add(text, "        votes: 0\n");
    member_places(text, found, request);
}

/* "example.net" of "db-a.example.net"; private ground where hosts have no domain. */
static void domain_of(const struct ek_import *import, char ret_domain[static 300])
{
    if (import->domain[0]) {
        snprintf(ret_domain, 300, "%s", import->domain);
        return;
    }
    const char *dot = strchr(import->members[0].host, '.');
    bool named = dot && !ek_is_ipv4(import->members[0].host) && ek_is_host_name(dot + 1) &&
                 strlen(dot) < 140;
    snprintf(ret_domain, 300, "fleet.%s", named ? dot + 1 : "internal");
}

static void transport(struct ek_buffer *text, const struct ek_import *import,
                      const struct ek_import_setting *setting)
{
    char domain[300];
    domain_of(import, domain);
    ek_buffer_printf(text, "  sslMode: %s\n", ek_ssl_mode_name(import->mode));
    if (import->mode == EK_SSL_DISABLED)
        comment(text, 2,
                "What follows counts once sslMode is another one: preferSSL, for example.");
    if (!import->authority[0])
        comment(text, 2,
                "DECIDE: a domain of your own, under which the members get names; they are bound "
                "in the hosts file of Evenkeel's machine, which servers and clients need as well.");
    ek_buffer_text_add(text, "  sslDomain:\n");
    key(text, 4, "base", domain);
    ek_buffer_text_add(text, "  certificates:\n");
    key(text, 4, "authority", setting->authority);
    if (import->foreign_tls)
        ek_buffer_text_add(text, "  maintenance:\n    approval: required\n");
}

void ek_import_write(const struct ek_import *import, const struct ek_import_request *request,
                     const struct ek_import_setting *setting, struct ek_buffer *ret_text)
{
    struct ek_buffer *text = ret_text;
    head(text, import, setting);
    if (!setting->account_is_there) {
        if (setting->account_is_guessed)
            comment(text, 0, "DECIDE: whose it is; documents of one account belong together.");
        document(text, "Account", setting->account, NULL);
        ek_buffer_text_add(text, "---\n");
    }
    if (!setting->authority_is_there) {
        comment(text, 0,
                "Evenkeel's own authority; it is made when a certificate is first needed.");
        document(text, "CertificateAuthority", setting->authority, setting->account);
        ek_buffer_text_add(text, "---\n");
    }
    document(text, "Deployment", setting->deployment, setting->account);
    ek_buffer_text_add(text, "spec:\n");
    notes(text, 2, &import->notes);
    ek_buffer_text_add(text, "  plan: dedicated\n");
    provider(text, import, request);
    ek_buffer_text_add(text, "  replicaSet:\n");
    key(text, 4, "name", import->set_name);
    ek_buffer_text_add(text, "    members:\n");
    for (size_t i = 0; i < import->member_count; i++)
        member(text, &import->members[i], request);
    transport(text, import, setting);
}
