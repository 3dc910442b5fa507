/* What things are to be called, and which authority of ours is at work. */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drivers/certificate/certificate.h"
#include "reconciler/base/file.h"
#include "reconciler/base/sizes.h"
#include "reconciler/import/parts.h"
#include "specs/names.h"

enum { LABEL_SIZE = 64, PEM_MAX = 1 << 16 };

void ek_import_label(const char *name, char ret_label[static 64])
{
    size_t length = 0;
    for (const char *c = name; *c && length < LABEL_SIZE - 1; c++) {
        unsigned char letter = (unsigned char)*c;
        bool plain = letter < 0x80 && isalnum(letter);
        if (plain)
            ret_label[length++] = (char)tolower(letter);
        else if (length > 0 && ret_label[length - 1] != '-')
            ret_label[length++] = '-';
    }
    while (length > 0 && ret_label[length - 1] == '-')
        length--;
    ret_label[length] = 0;
}

bool ek_import_split(const char *text, char *ret_host, size_t size, int *ret_port)
{
    bool bracketed = text[0] == '[';
    const char *colon = strrchr(text, ':');
    if (bracketed && colon && colon[-1] != ']')
        colon = NULL; /* of the address itself */
    const char *end = colon ? colon : text + strlen(text);
    char *after = NULL;
    long port = colon ? strtol(colon + 1, &after, 10) : 27017;
    if ((colon && (!isdigit((unsigned char)colon[1]) || *after)) || port < 1 || port > 65535)
        return false;
    if (bracketed && (end == text || end[-1] != ']'))
        return false;
    text += bracketed;
    end -= bracketed;
    if (end <= text || (size_t)(end - text) >= size)
        return false;
    snprintf(ret_host, size, "%.*s", (int)(end - text), text);
    *ret_port = (int)port;
    return true;
}

/* ---- the members ---- */

static bool is_taken(const struct ek_import *import, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(import->members[i].name, name) == 0)
            return true;
    return false;
}

/* The host's first label; where several members have that, the port too; else the id. */
static void name_member(const struct ek_import *import, size_t index)
{
    struct ek_import_member *member = &import->members[index];
    char first[EK_DNS_NAME_SIZE];
    char with_port[EK_HOST_PORT_SIZE];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(member->host, "."), member->host);
    if (!ek_is_ipv4(member->host))
        ek_import_label(first, member->name);
    if (member->name[0] && !is_taken(import, index, member->name))
        return;
    snprintf(with_port, sizeof with_port, "%.50s-%d", member->name[0] ? member->name : "member",
             member->port);
    ek_import_label(with_port, member->name);
    if (!ek_is_ipv4(member->host) && !is_taken(import, index, member->name))
        return;
    snprintf(member->name, sizeof member->name, "member-%d", member->row.id);
}

void ek_import_name_members(struct ek_import *import)
{
    for (size_t i = 0; i < import->member_count; i++)
        name_member(import, i);
}

/* ---- an authority of ours ---- */

/* What follows the first label of every member's host, "LABEL.BASE", when it is the same for all.
 */
static const char *common_domain(const struct ek_import *import)
{
    const char *common = NULL;
    for (size_t i = 0; i < import->member_count; i++) {
        const char *dot = strchr(import->members[i].host, '.');
        if (!dot || (common && strcasecmp(common, dot + 1) != 0))
            return NULL;
        common = dot + 1;
    }
    return common;
}

static int signed_all(const struct ek_import *import, const struct ek_buffer *pem, bool *ret_signed,
                      struct ek_error *err)
{
    bool any = false;
    for (size_t i = 0; i < import->member_count; i++) {
        const char *served = import->members[i].certificate;
        if (!served)
            continue;
        int result =
            ek_certificate_issued_by(served, strlen(served), ek_buffer_text(pem), pem->length, err);
        if (result == EK_NO_MEMORY)
            return result;
        if (result != 0)
            return *ret_signed = false, 0;
        any = true;
    }
    *ret_signed = any;
    return 0;
}

/* "acme/acme-ca.pem" below the state directory's authorities. */
static int try_authority(const char *directory, const char *account, const char *file,
                         struct ek_import *import, struct ek_error *err)
{
    char path[PATH_MAX];
    char name[300];
    EK_BUFFER pem = {0};
    struct ek_error problem = {0};
    bool signs = false;
    size_t length = strlen(file);
    if (length < 5 || length > 68 || strcmp(file + length - 4, ".pem") != 0)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)length - 4, file);
    if (!ek_is_label(name) || !ek_is_label(account))
        return 0;
    if (snprintf(path, sizeof path, "%s/%s/%s", directory, account, file) >= (int)sizeof path)
        return 0;
    int result = ek_file_read(path, PEM_MAX, &pem, NULL, &problem);
    if (result == 0)
        result = signed_all(import, &pem, &signs, &problem);
    if (result == EK_NO_MEMORY)
        return *err = problem, result;
    if (result != 0 || !signs)
        return 0;
    snprintf(import->authority, sizeof import->authority, "%.63s", name);
    snprintf(import->account, sizeof import->account, "%.63s", account);
    return 0;
}

static int try_account(const char *directory, const char *account, struct ek_import *import,
                       struct ek_error *err)
{
    char path[PATH_MAX];
    int result = 0;
    if (snprintf(path, sizeof path, "%s/%s", directory, account) >= (int)sizeof path)
        return 0;
    DIR *files = opendir(path);
    for (struct dirent *entry;
         files && result == 0 && !import->authority[0] && (entry = readdir(files));)
        result = try_authority(directory, account, entry->d_name, import, err);
    if (files)
        closedir(files);
    return result;
}

/* The directory that Evenkeel makes for a member's certificate is named DEPLOYMENT-MEMBER. */
static void recognise_deployment(struct ek_import *import)
{
    static const char root[] = "/etc/evenkeel/";
    const struct ek_import_member *member = &import->members[0];
    size_t label = strcspn(member->host, ".");
    const char *path = member->certificate_key_file;
    if (strncmp(path, root, strlen(root)) != 0)
        return;
    const char *name = path + strlen(root);
    size_t length = strcspn(name, "/");
    if (length <= label + 1 || length - label - 1 >= sizeof import->deployment ||
        strncasecmp(name + length - label, member->host, label) != 0 ||
        name[length - label - 1] != '-')
        return;
    snprintf(import->deployment, sizeof import->deployment, "%.*s", (int)(length - label - 1),
             name);
    if (!ek_is_label(import->deployment))
        import->deployment[0] = 0;
}

int ek_import_recognise(const struct ek_import_request *request, struct ek_import *import,
                        struct ek_error *err)
{
    char directory[PATH_MAX];
    const char *domain = common_domain(import);
    const char *base = domain ? strchr(domain, '.') : NULL;
    int result = 0;
    snprintf(directory, sizeof directory, "%s/authorities", request->state_directory);
    DIR *accounts = base ? opendir(directory) : NULL;
    for (struct dirent *entry;
         accounts && result == 0 && !import->authority[0] && (entry = readdir(accounts));)
        if (entry->d_name[0] != '.')
            result = try_account(directory, entry->d_name, import, err);
    if (accounts)
        closedir(accounts);
    if (result != 0 || !import->authority[0])
        return result;
    snprintf(import->domain, sizeof import->domain, "%s", base + 1);
    recognise_deployment(import);
    ek_import_note(&import->notes, EK_NOTE_DECIDE, "",
                   "the members go by their names in the SSL domain; as their host write the name "
                   "that they had before, which is dialled again when sslMode becomes disabled");
    return 0;
}
