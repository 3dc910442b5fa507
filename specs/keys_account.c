/* The keys of the kinds Account and CertificateAuthority, and the list of all kinds. */
#include <stdio.h>
#include <string.h>

#include "specs/keys.h"
#include "specs/spec.h"

#define ACCOUNT(field) EK_STORED(struct ek_account_spec, field)
#define AUTHORITY(field) EK_STORED(struct ek_authority_spec, field)

static const struct ek_key account_metadata_rows[] = {
    {.key = "name",
     .type = EK_TYPE_NAME,
     .required = true,
     ACCOUNT(name),
     .since = "0.1",
     .doc = "The account's name, unique in the tree."},
    EK_LABELS_ROW,
};
static const struct ek_keys account_metadata_keys = {EK_ROWS(account_metadata_rows)};

static const struct ek_key account_approvers_rows[] = {
    EK_APPROVER_ROWS(struct ek_account_spec, NULL),
};
static const struct ek_keys account_approvers_keys = {EK_ROWS(account_approvers_rows)};

static const struct ek_key account_maintenance_rows[] = {
    {.key = "approval",
     .type = EK_TYPE_WORD,
     ACCOUNT(maintenance.approval),
     .initial = "none",
     .words = ek_approval_words,
     .planless = true,
     .since = "0.1",
     .doc = "What a plan of a deployment that says nothing else needs before it is carried out."},
    {.key = "approvers",
     .type = EK_TYPE_MAP,
     .children = &account_approvers_keys,
     .since = "0.1",
     .doc = "Whose signatures count, for deployments that name nobody else."},
};
static const struct ek_keys account_maintenance_keys = {EK_ROWS(account_maintenance_rows)};

static const struct ek_key account_spec_rows[] = {
    {.key = "technicalContact",
     .type = EK_TYPE_EMAIL,
     ACCOUNT(technical_contact),
     .planless = true,
     .sensitivity = EK_SENSITIVITY_PERSONAL,
     .since = "0.1",
     .doc = "Who is told of maintenance, by email, where a deployment names nobody else.",
     .not_yet = "no mail is sent"},
    {.key = "maintenance",
     .type = EK_TYPE_MAP,
     .children = &account_maintenance_keys,
     .since = "0.1",
     .doc = "What has to be agreed to before a deployment of the account is changed."},
};
static const struct ek_keys account_spec_keys = {EK_ROWS(account_spec_rows)};

static const struct ek_key account_rows[] = {
    EK_DOCUMENT_ROWS("Account", &account_metadata_keys, "What the account is called."),
    {.key = "spec",
     .type = EK_TYPE_MAP,
     .children = &account_spec_keys,
     .since = "0.1",
     .doc = "What holds for everything in the account."},
};
const struct ek_keys ek_account_keys = {EK_ROWS(account_rows)};

static const struct ek_word authority_types[] = {
    {"builtIn", 0, false}, {"vault", 0, true}, {"acme", 0, true}, {0}};

static const struct ek_key authority_metadata_rows[] = {
    {.key = "name",
     .type = EK_TYPE_NAME,
     .required = true,
     AUTHORITY(name),
     .since = "0.1",
     .doc = "The authority's name, unique in its account."},
    {.key = "account",
     .type = EK_TYPE_NAME,
     .required = true,
     AUTHORITY(account),
     .since = "0.1",
     .doc = "The Account that owns the authority."},
    EK_LABELS_ROW,
};
static const struct ek_keys authority_metadata_keys = {EK_ROWS(authority_metadata_rows)};

static const struct ek_key authority_spec_rows[] = {
    {.key = "type",
     .type = EK_TYPE_WORD,
     .initial = "builtIn",
     .words = authority_types,
     .since = "0.1",
     .doc = "Who keeps the authority's key: builtIn is Evenkeel itself."},
    {.key = "algorithm",
     .type = EK_TYPE_WORD,
     AUTHORITY(algorithm),
     .initial = "P-256",
     .words = ek_algorithm_words,
     .since = "0.1",
     .doc = "The algorithm of the authority's own key."},
    {.key = "commonName",
     .type = EK_TYPE_TITLE,
     AUTHORITY(common_name),
     .initial_words = "<account> <name>",
     .most = 64,
     .since = "0.1",
     .doc = "The common name (CN) in the authority's certificate."},
    {.key = "organization",
     .type = EK_TYPE_TITLE,
     AUTHORITY(organization),
     .initial_words = "the account's name",
     .most = 64,
     .since = "0.1",
     .doc = "The organization (O) in the authority's certificate and in every certificate that it "
            "signs."},
    {.key = "validity",
     .type = EK_TYPE_DURATION,
     AUTHORITY(validity_s),
     .initial = "3650d",
     .least = EK_HOURS(1),
     .most = EK_DAYS(9131),
     .since = "0.1",
     .doc = "How long the authority's certificate is valid."},
};
static const struct ek_keys authority_spec_keys = {EK_ROWS(authority_spec_rows)};

static const struct ek_key authority_rows[] = {
    EK_DOCUMENT_ROWS("CertificateAuthority", &authority_metadata_keys,
                     "What the authority is called and to whom it belongs."),
    {.key = "spec",
     .type = EK_TYPE_MAP,
     .children = &authority_spec_keys,
     .since = "0.1",
     .doc = "What the authority should be."},
};
const struct ek_keys ek_authority_keys = {EK_ROWS(authority_rows)};

/* The kinds that are served come first, in the order of enum ek_kind_index. */
const struct ek_kind ek_kinds[] = {
    {.name = "Account",
     .keys = &ek_account_keys,
     .size = sizeof(struct ek_account_spec),
     .at_offset = offsetof(struct ek_account_spec, at),
     .name_offset = offsetof(struct ek_account_spec, name),
     .doc = "Who owns deployments and authorities."},
    {.name = "CertificateAuthority",
     .keys = &ek_authority_keys,
     .size = sizeof(struct ek_authority_spec),
     .at_offset = offsetof(struct ek_authority_spec, at),
     .name_offset = offsetof(struct ek_authority_spec, name),
     .account_offset = offsetof(struct ek_authority_spec, account),
     .doc = "Who signs the certificates of deployments."},
    {.name = "Deployment",
     .keys = &ek_deployment_keys,
     .size = sizeof(struct ek_deployment_spec),
     .at_offset = offsetof(struct ek_deployment_spec, at),
     .name_offset = offsetof(struct ek_deployment_spec, name),
     .account_offset = offsetof(struct ek_deployment_spec, account),
     .doc = "One replica set and what it should be."},
    {.name = "Controller",
     .keys = &ek_controller_keys,
     .size = sizeof(struct ek_controller_spec),
     .at_offset = offsetof(struct ek_controller_spec, at),
     .name_offset = offsetof(struct ek_controller_spec, name),
     .doc = "What one evenkeel run looks after, and how: the file that --config names. It is no "
            "part of a fleet's specs."},
    {.name = "BackupTarget", .later = true, .doc = "Where backups go."},
    {.name = "NotificationChannel", .later = true, .doc = "How people are told."},
};
const size_t ek_kind_count = sizeof ek_kinds / sizeof *ek_kinds;

const struct ek_key *ek_keys_find(const struct ek_keys *keys, const char *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->rows[i].key, key) == 0)
            return &keys->rows[i];
    return NULL;
}

/* The tables are ours: no path in them is longer. */
enum { KEY_PATH_MAX = 256 };

static void visit(const struct ek_keys *keys, char path[KEY_PATH_MAX], ek_key_visitor visitor,
                  void *context)
{
    size_t length = strlen(path);
    for (size_t i = 0; i < keys->count; i++) {
        const struct ek_key *key = &keys->rows[i];
        bool list = key->type == EK_TYPE_LIST || key->type == EK_TYPE_SCALARS;
        snprintf(path + length, KEY_PATH_MAX - length, "%s%s%s", length ? "." : "", key->key,
                 list ? "[]" : "");
        visitor(path, key, context);
        if (key->children)
            visit(key->children, path, visitor, context);
        path[length] = 0;
    }
}

void ek_keys_visit(const struct ek_keys *keys, ek_key_visitor visitor, void *context)
{
    char path[KEY_PATH_MAX] = "";
    visit(keys, path, visitor, context);
}
