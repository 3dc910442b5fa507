/* Which documents are sound when others are not. */
#include <string.h>

#include "specs/check.h"

/* The first diagnostic between the document's beginning and the next one's, or NULL. */
static const struct ek_diagnostic *trouble_of(const struct ek_check *check,
                                              const struct ek_documents *documents,
                                              const struct ek_document *document)
{
    const struct ek_document *next = document + 1;
    bool last = next == documents->items + documents->count || next->file != document->file;
    for (size_t i = 0; i < check->diagnostics->count; i++) {
        const struct ek_diagnostic *diagnostic = &check->diagnostics->items[i];
        if (strcmp(diagnostic->file, document->file->path) == 0 &&
            diagnostic->line >= document->at.line && (last || diagnostic->line < next->at.line))
            return diagnostic;
    }
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool same_identity(const struct ek_subject *a, const struct ek_subject *b)
{
    const char *account = ek_subject_account(a);
    const char *other = ek_subject_account(b);
    return a->kind == b->kind && same_text(ek_subject_name(a), ek_subject_name(b)) &&
           ((!account && !other) || same_text(account, other));
}

static bool is_sound(const struct ek_check *check, enum ek_kind_index kind, const char *account,
                     const char *name)
{
    for (size_t i = 0; i < check->count; i++) {
        const struct ek_subject *subject = &check->subjects[i];
        if (subject->kind == &ek_kinds[kind] && !subject->broken &&
            same_text(ek_subject_name(subject), name) &&
            (!account || same_text(ek_subject_account(subject), account)))
            return true;
    }
    return false;
}

static bool lacks_what_it_needs(const struct ek_check *check, const struct ek_subject *subject)
{
    const char *account = ek_subject_account(subject);
    if (subject->kind == &ek_kinds[EK_KIND_ACCOUNT])
        return false;
    if (!is_sound(check, EK_KIND_ACCOUNT, NULL, account))
        return true;
    if (subject->kind != &ek_kinds[EK_KIND_DEPLOYMENT])
        return false;
    const struct ek_deployment_spec *spec = subject->value;
    const char *authority = spec->certificates.authority;
    return authority && !is_sound(check, EK_KIND_AUTHORITY, account, authority);
}

void ek_check_mark_broken(struct ek_check *check, const struct ek_documents *documents)
{
    if (check->diagnostics->count == 0)
        return;
    for (size_t i = 0; i < check->count; i++) {
        struct ek_subject *subject = &check->subjects[i];
        subject->trouble = trouble_of(check, documents, subject->document);
        subject->broken = subject->trouble != NULL;
    }
    for (size_t i = 0; i < check->count; i++)
        for (size_t j = 0; check->subjects[i].trouble && j < check->count; j++)
            if (same_identity(&check->subjects[i], &check->subjects[j]))
                check->subjects[j].broken = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < check->count; i++) {
            struct ek_subject *subject = &check->subjects[i];
            if (!subject->broken && lacks_what_it_needs(check, subject))
                subject->broken = more = true;
        }
    }
}
