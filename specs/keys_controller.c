/* The keys of the kind Controller. */
#include "specs/keys.h"
#include "specs/spec.h"

#define CONTROLLER(field) EK_STORED(struct ek_controller_spec, field)
#define REPOSITORY(field) EK_STORED(struct ek_repository_spec, field)

static const struct ek_word rewritten_words[] = {
    {"refuse", EK_REWRITTEN_REFUSE, false}, {"accept", EK_REWRITTEN_ACCEPT, false}, {0}};

static const struct ek_key repository_rows[] = {
    {.key = "name",
     .type = EK_TYPE_NAME,
     .required = true,
     REPOSITORY(name),
     .since = "0.1",
     .doc = "What the repository is called in logs, in metrics and in the webhook's path."},
    {.key = "url",
     .type = EK_TYPE_URL,
     .required = true,
     REPOSITORY(url),
     .since = "0.1",
     .doc = "Where the repository is: an absolute path, or an https, ssh or file URL."},
    {.key = "revision",
     .type = EK_TYPE_TITLE,
     REPOSITORY(revision),
     .initial_words = "the repository's HEAD",
     .most = 200,
     .since = "0.1",
     .doc = "The branch, tag or commit that is followed."},
    {.key = "folder",
     .type = EK_TYPE_TITLE,
     REPOSITORY(folder),
     .initial_words = "all of it",
     .most = 200,
     .since = "0.1",
     .doc = "The folder inside the repository that holds the specs."},
    {.key = "tokenFile",
     .type = EK_TYPE_PATH,
     REPOSITORY(token_file),
     .since = "0.1",
     .doc = "The file with the token or password for https."},
    {.key = "sshKeyFile",
     .type = EK_TYPE_PATH,
     REPOSITORY(ssh_key_file),
     .since = "0.1",
     .doc = "The private key for ssh."},
    {.key = "webhookSecretFile",
     .type = EK_TYPE_PATH,
     REPOSITORY(webhook_secret_file),
     .since = "0.1",
     .doc = "The file with the secret that webhooks of this repository are signed with."},
    {.key = "interval",
     .type = EK_TYPE_DURATION,
     REPOSITORY(interval_s),
     .initial = "60s",
     .least = 1,
     .most = EK_DAYS(1),
     .since = "0.1",
     .doc = "How often the repository is fetched without a webhook."},
    {.key = "rewrittenHistory",
     .type = EK_TYPE_WORD,
     REPOSITORY(rewritten),
     .initial = "refuse",
     .words = rewritten_words,
     .since = "0.1",
     .doc = "Whether a branch may be followed that no longer leads back to the commit that was "
            "followed before (a forced push)."},
};
static const struct ek_keys repository_keys = {EK_ROWS(repository_rows),
                                               .item_size = sizeof(struct ek_repository_spec)};

static const struct ek_key limit_rows[] = {
    {.key = "total",
     .type = EK_TYPE_INTEGER,
     CONTROLLER(acting_total),
     .initial = "10",
     .least = 1,
     .most = 1000,
     .since = "0.1",
     .doc = "How many deployments are changed at a time."},
    {.key = "perAccount",
     .type = EK_TYPE_INTEGER,
     CONTROLLER(acting_per_account),
     .initial = "2",
     .least = 1,
     .most = 1000,
     .since = "0.1",
     .doc = "How many deployments of one account are changed at a time."},
};
static const struct ek_keys limits_keys = {EK_ROWS(limit_rows)};

static const struct ek_key approval_rows[] = {
    {.key = "floor",
     .type = EK_TYPE_WORD,
     CONTROLLER(maintenance.approval),
     .initial = "none",
     .words = ek_approval_words,
     .since = "0.1",
     .doc = "What every plan needs at least before it is carried out, whatever the specs ask for."},
    EK_APPROVER_ROWS(struct ek_controller_spec, NULL),
};
static const struct ek_keys approval_keys = {EK_ROWS(approval_rows)};

static const struct ek_key controller_metadata_rows[] = {
    {.key = "name",
     .type = EK_TYPE_NAME,
     .required = true,
     CONTROLLER(name),
     .since = "0.1",
     .doc = "The controller's name."},
    EK_LABELS_ROW,
};
static const struct ek_keys controller_metadata_keys = {EK_ROWS(controller_metadata_rows)};

static const struct ek_key controller_spec_rows[] = {
    {.key = "repositories",
     .type = EK_TYPE_LIST,
     .required = true,
     CONTROLLER(repositories),
     .offset_count = offsetof(struct ek_controller_spec, repository_count),
     .least = 1,
     .most = 100,
     .children = &repository_keys,
     .since = "0.1",
     .doc = "The repositories whose specs are reconciled."},
    {.key = "listen",
     .type = EK_TYPE_TITLE,
     CONTROLLER(listen),
     .initial_words = "nowhere",
     .most = 100,
     .since = "0.1",
     .doc = "Where /metrics, /healthz, /readyz and /webhook are served: ADDRESS:PORT."},
    {.key = "observeEvery",
     .type = EK_TYPE_DURATION,
     CONTROLLER(observe_every_s),
     .initial = "2s",
     .least = 1,
     .most = EK_HOURS(1),
     .since = "0.1",
     .doc = "How often each deployment is looked at."},
    {.key = "limits",
     .type = EK_TYPE_MAP,
     .children = &limits_keys,
     .since = "0.1",
     .doc = "How much is changed at a time."},
    {.key = "approval",
     .type = EK_TYPE_MAP,
     .children = &approval_keys,
     .since = "0.1",
     .doc = "The consent that every plan needs besides what the specs ask for, and whose "
            "signatures count for that: who can push can't change it."},
};
static const struct ek_keys controller_spec_keys = {EK_ROWS(controller_spec_rows)};

static const struct ek_key document_rows[] = {
    EK_DOCUMENT_ROWS("Controller", &controller_metadata_keys, "What the controller is called."),
    {.key = "spec",
     .type = EK_TYPE_MAP,
     .required = true,
     .children = &controller_spec_keys,
     .since = "0.1",
     .doc = "What the controller looks after."},
};
const struct ek_keys ek_controller_keys = {EK_ROWS(document_rows)};
