/* What documents say about each other: duplicates, and names that must lead somewhere. */
#include <stdlib.h>
#include <string.h>

#include "specs/check.h"
#include "specs/text.h"

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* By kind, account and name, then in the order of the tree. */
static int compare_subjects(const void *left, const void *right)
{
    const struct ek_subject *a = *(const struct ek_subject *const *)left;
    const struct ek_subject *b = *(const struct ek_subject *const *)right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = compare_texts(ek_subject_account(a), ek_subject_account(b));
    if (order == 0)
        order = compare_texts(ek_subject_name(a), ek_subject_name(b));
    if (order == 0)
        order = a < b ? -1 : a > b;
    return order;
}

/* The subjects, sorted for looking up. */
struct directory {
    const struct ek_subject **sorted;
    size_t count;
};

static bool same_identity(const struct ek_subject *a, const struct ek_subject *b)
{
    return a->kind == b->kind && ek_subject_name(a) && ek_subject_name(b) &&
           compare_texts(ek_subject_account(a), ek_subject_account(b)) == 0 &&
           strcmp(ek_subject_name(a), ek_subject_name(b)) == 0;
}

static void check_duplicates(struct ek_check *check, const struct directory *directory)
{
    for (size_t i = 1, first = 0; i < directory->count; i++) {
        const struct ek_subject *subject = directory->sorted[i];
        const struct ek_subject *earlier = directory->sorted[first];
        if (!same_identity(earlier, subject)) {
            first = i;
            continue;
        }
        const char *account = ek_subject_account(subject);
        struct ek_place at = ek_subject_place(earlier, "metadata.name");
        ek_subject_report(subject, "metadata.name", "EK-0351",
                          "%s \"%s\"%s%s is defined twice; the first one is at %s:%d:%d",
                          subject->kind->name, ek_subject_name(subject),
                          account ? " of account " : "", account ? account : "",
                          earlier->document->file->path, at.line, at.column);
        ek_diagnostics_hint(check->diagnostics, "give one of them another name, or delete it");
    }
}

/* The first place in the directory that is not before (kind, account, name). */
static size_t lower_bound(const struct directory *directory, const struct ek_kind *kind,
                          const char *account, const char *name)
{
    size_t low = 0;
    size_t high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ek_subject *subject = directory->sorted[middle];
        int order = kind == subject->kind ? 0 : kind < subject->kind ? -1 : 1;
        if (order == 0)
            order = compare_texts(account, ek_subject_account(subject));
        if (order == 0)
            order = compare_texts(name, ek_subject_name(subject));
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static const struct ek_subject *find(const struct directory *directory, const struct ek_kind *kind,
                                     const char *account, const char *name)
{
    size_t at = lower_bound(directory, kind, account, name);
    const struct ek_subject *subject = at < directory->count ? directory->sorted[at] : NULL;
    bool same = subject && subject->kind == kind &&
                compare_texts(account, ek_subject_account(subject)) == 0 &&
                compare_texts(name, ek_subject_name(subject)) == 0;
    return same ? subject : NULL;
}

struct reference {
    const char *path;
    const struct ek_kind *kind;
    const char *account; /* NULL: any, or a kind without one */
    const char *name;
};

#define NAMES_MAX 200 /* that are looked at for did-you-mean */

/* The names of the kind in the account, NULL-terminated. */
static void names_of(const struct directory *directory, const struct reference *reference,
                     const char *names[NAMES_MAX + 1])
{
    size_t count = 0;
    size_t at = lower_bound(directory, reference->kind, reference->account, NULL);
    for (; at < directory->count && count < NAMES_MAX; at++) {
        const struct ek_subject *subject = directory->sorted[at];
        if (subject->kind != reference->kind ||
            compare_texts(ek_subject_account(subject), reference->account) != 0)
            break;
        if (ek_subject_name(subject))
            names[count++] = ek_subject_name(subject);
    }
    names[count] = NULL;
}

static const char *account_holding(const struct directory *directory,
                                   const struct reference *reference)
{
    size_t at = lower_bound(directory, reference->kind, NULL, NULL);
    if (!reference->account)
        return NULL;
    for (; at < directory->count && directory->sorted[at]->kind == reference->kind; at++)
        if (compare_texts(ek_subject_name(directory->sorted[at]), reference->name) == 0)
            return ek_subject_account(directory->sorted[at]);
    return NULL;
}

static void report_unresolved(struct ek_check *check, const struct ek_subject *subject,
                              const struct directory *directory, const struct reference *reference)
{
    const char *elsewhere = account_holding(directory, reference);
    if (elsewhere) {
        ek_subject_report(subject, reference->path, "EK-0352",
                          "%s \"%s\" belongs to account %s, not to %s", reference->kind->name,
                          reference->name, elsewhere, reference->account);
        ek_diagnostics_hint(check->diagnostics, "a deployment uses what its own account owns");
        return;
    }
    ek_subject_report(subject, reference->path, "EK-0350", "there is no %s \"%s\"%s%s",
                      reference->kind->name, reference->name,
                      reference->account ? " in account " : "",
                      reference->account ? reference->account : "");
    const char *names[NAMES_MAX + 1];
    names_of(directory, reference, names);
    const char *nearest = ek_text_nearest(reference->name, names);
    if (nearest)
        ek_diagnostics_hint(check->diagnostics, "did you mean \"%s\"?", nearest);
    else if (names[0] && !names[1])
        ek_diagnostics_hint(check->diagnostics, "the only one there is \"%s\"", names[0]);
    else
        ek_diagnostics_hint(check->diagnostics, "add a document of kind %s with metadata.name: %s",
                            reference->kind->name, reference->name);
}

/* An authority that ends first leaves certificates behind that nobody can verify. One that ends
 * within renewBefore of the first renewal signs certificates that are due again at once, since none
 * can outlive it. */
static void check_lifetimes(const struct ek_subject *subject, const struct ek_subject *found)
{
    const struct ek_deployment_spec *deployment = subject->value;
    const struct ek_authority_spec *authority = found->value;
    const char *const keys[] = {"spec.certificates.renewBefore", "spec.certificates.validity",
                                "spec.certificates.authority"};
    int64_t validity_s = deployment->certificates.validity_s;
    int64_t renew_s = deployment->certificates.renew_before_s;
    bool outlived = validity_s > authority->validity_s;
    if (authority->validity_s >= validity_s + renew_s || renew_s >= validity_s ||
        !ek_subject_sound(subject, keys[0]) || !ek_subject_sound(subject, keys[1]) ||
        !ek_subject_sound(found, "spec.validity"))
        return;
    size_t place = outlived;
    while (place < 2 && !ek_subject_node(subject, keys[place]))
        place++;
    EK_BUFFER leaf = {0};
    EK_BUFFER root = {0};
    EK_BUFFER renew = {0};
    ek_text_duration(&leaf, validity_s);
    ek_text_duration(&root, authority->validity_s);
    ek_text_duration(&renew, renew_s);
    if (outlived)
        ek_subject_report(subject, keys[place], "EK-0345",
                          "certificates valid for %s would outlive authority \"%s\", which is "
                          "valid for %s",
                          ek_buffer_text(&leaf), authority->name, ek_buffer_text(&root));
    else
        ek_subject_report(subject, keys[place], "EK-0354",
                          "authority \"%s\" is valid for %s: too short for certificates valid for "
                          "%s and renewed %s before their end",
                          authority->name, ek_buffer_text(&root), ek_buffer_text(&leaf),
                          ek_buffer_text(&renew));
    subject->check->diagnostics->failed |= leaf.failed || root.failed || renew.failed;
    struct ek_place at = ek_subject_place(found, "spec.validity");
    ek_subject_hint(subject,
                    "the authority, at %s:%d, must be valid for validity and renewBefore "
                    "together at least",
                    found->document->file->path, at.line);
}

static void check_authority(struct ek_check *check, const struct ek_subject *subject,
                            const struct directory *directory)
{
    const struct ek_deployment_spec *deployment = subject->value;
    struct reference reference = {"spec.certificates.authority", &ek_kinds[EK_KIND_AUTHORITY],
                                  deployment->account, deployment->certificates.authority};
    if (!reference.name || !reference.account)
        return;
    const struct ek_subject *found =
        find(directory, reference.kind, reference.account, reference.name);
    if (!found && !check->incomplete)
        report_unresolved(check, subject, directory, &reference);
    if (!found)
        return;
    check_lifetimes(subject, found);
}

/* What a deployment does not say about consent, its account says. */
static void inherit_consent(struct ek_deployment_spec *deployment,
                            const struct ek_account_spec *account)
{
    struct ek_approvers *own = &deployment->maintenance.approvers;
    const struct ek_approvers *general = &account->maintenance.approvers;
    if (deployment->maintenance.approval == EK_APPROVAL_DEFAULT)
        deployment->maintenance.approval = account->maintenance.approval;
    if (own->plan_key_count == 0) {
        own->plan_keys = general->plan_keys;
        own->plan_key_count = general->plan_key_count;
    }
    if (own->commit_key_count == 0) {
        own->commit_keys = general->commit_keys;
        own->commit_key_count = general->commit_key_count;
    }
}

static void check_consent(struct ek_check *check, const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = subject->value;
    const char *path = "spec.maintenance.approval";
    if (deployment->maintenance.approval != EK_APPROVAL_SIGNED ||
        deployment->maintenance.approvers.plan_key_count > 0 || !ek_subject_sound(subject, path))
        return;
    ek_subject_report(subject, path, "EK-1112",
                      "approval: signed needs keys whose signatures count");
    ek_diagnostics_hint(check->diagnostics, "name them in maintenance.approvers.planKeys, here or "
                                            "in the account; evenkeel key new makes one");
}

void ek_check_references(struct ek_check *check)
{
    struct directory directory = {.count = check->count};
    directory.sorted =
        ek_arena_zeroed(check->scratch, (check->count + 1) * sizeof *directory.sorted);
    if (!directory.sorted)
        return;
    for (size_t i = 0; i < check->count; i++)
        directory.sorted[i] = &check->subjects[i];
    qsort(directory.sorted, directory.count, sizeof *directory.sorted, compare_subjects);
    check_duplicates(check, &directory);
    for (size_t i = 0; i < check->count; i++) {
        const struct ek_subject *subject = &check->subjects[i];
        struct reference account = {"metadata.account", &ek_kinds[EK_KIND_ACCOUNT], NULL,
                                    ek_subject_account(subject)};
        const struct ek_subject *owner =
            account.name ? find(&directory, account.kind, NULL, account.name) : NULL;
        bool known = owner != NULL;
        if (account.name && !known && !check->incomplete)
            report_unresolved(check, subject, &directory, &account);
        /* What an account that does not exist owns would be a second error about the first. */
        if (known && subject->kind == &ek_kinds[EK_KIND_DEPLOYMENT]) {
            check_authority(check, subject, &directory);
            inherit_consent(subject->value, owner->value);
            check_consent(check, subject);
        }
    }
}
