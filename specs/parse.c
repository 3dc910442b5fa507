#include "specs/parse.h"

#include <string.h>

#include "reconciler/base/memory.h"
#include "specs/check.h"
#include "specs/text.h"

static const char *scalar_text(const struct ek_pair *pair)
{
    bool text = pair && pair->value->kind == EK_NODE_SCALAR;
    return text ? pair->value->text : NULL;
}

static struct ek_place place_of_value(const struct ek_pair *pair)
{
    bool scalar = pair->value->kind == EK_NODE_SCALAR && pair->value->length > 0;
    return scalar ? pair->value->at : pair->at;
}

/* True when the document is written in a language that this program reads. */
static bool check_version(struct ek_check *check, const struct ek_document *document)
{
    const struct ek_pair *pair = ek_node_pair(document->root, "apiVersion");
    const char *version = scalar_text(pair);
    if (version && strcmp(version, EK_API_VERSION) == 0)
        return true;
    ek_diagnostics_add(
        check->diagnostics,
        EK_WHERE(document->file, pair ? place_of_value(pair) : document->at, "apiVersion"),
        "EK-0311",
        pair ? "apiVersion must be " EK_API_VERSION : "the document does not say its apiVersion");
    ek_diagnostics_hint(check->diagnostics,
                        "every document starts with apiVersion: " EK_API_VERSION " and a kind");
    return false;
}

static const struct ek_kind *check_kind(struct ek_check *check, const struct ek_document *document)
{
    const struct ek_pair *pair = ek_node_pair(document->root, "kind");
    const char *written = scalar_text(pair);
    const char *names[16] = {0};
    struct ek_place at = pair ? place_of_value(pair) : document->at;
    for (size_t i = 0; i < ek_kind_count; i++) {
        names[i] = ek_kinds[i].name;
        if (!written || strcmp(ek_kinds[i].name, written) != 0)
            continue;
        if (!ek_kinds[i].later)
            return &ek_kinds[i];
        ek_diagnostics_add(check->diagnostics, EK_WHERE(document->file, at, "kind"), "EK-0313",
                           "kind %s is not supported by this version yet", written);
        return NULL;
    }
    ek_diagnostics_add(check->diagnostics, EK_WHERE(document->file, at, "kind"), "EK-0312",
                       written ? "unknown kind \"%.64s\"" : "the document does not say its kind%s",
                       written ? written : "");
    const char *nearest = written ? ek_text_nearest(written, names) : NULL;
    if (nearest)
        ek_diagnostics_hint(check->diagnostics, "did you mean %s?", nearest);
    else
        ek_diagnostics_hint(check->diagnostics,
                            "one of: Account, CertificateAuthority, Deployment, Controller");
    return NULL;
}

static void bind_document(struct ek_check *check, const struct ek_document *document)
{
    if (!document->root)
        return;
    if (document->root->kind != EK_NODE_MAP) {
        ek_diagnostics_add(check->diagnostics, EK_WHERE(document->file, document->at, NULL),
                           "EK-0310", "a document must be a mapping, not %s",
                           ek_node_describe(document->root, check->scratch));
        check->incomplete = true;
        return;
    }
    bool version = check_version(check, document);
    const struct ek_kind *kind = check_kind(check, document);
    check->incomplete = check->incomplete || !version || !kind;
    if (!version || !kind)
        return;
    bool controller = kind == &ek_kinds[EK_KIND_CONTROLLER];
    if (controller != check->configuration) {
        const struct ek_pair *pair = ek_node_pair(document->root, "kind");
        ek_diagnostics_add(check->diagnostics,
                           EK_WHERE(document->file, place_of_value(pair), "kind"), "EK-0314",
                           controller ? "kind Controller is no part of a fleet's specs"
                                      : "kind %s is no part of a controller's configuration",
                           kind->name);
        ek_diagnostics_hint(check->diagnostics,
                            controller ? "keep it outside of the repository, for evenkeel run "
                                         "--config"
                                       : "it belongs in a repository that the controller follows");
        check->incomplete = true;
        return;
    }
    void *value = ek_arena_zeroed(check->result, kind->size);
    if (!value)
        return;
    struct ek_subject *subject = &check->subjects[check->count++];
    *subject =
        (struct ek_subject){.check = check, .document = document, .kind = kind, .value = value};
    ek_bind(check, document, kind, subject->value);
    ek_derive(check, subject);
}

/* Where the structs of each kind go. */
struct shelf {
    const struct ek_kind *kind;
    char *items;
    size_t count;
};

static void shelve(const struct ek_check *check, struct shelf *shelf)
{
    shelf->items = ek_arena_zeroed(check->result, (check->count + 1) * shelf->kind->size);
    for (size_t i = 0; shelf->items && i < check->count; i++)
        if (check->subjects[i].kind == shelf->kind && !check->subjects[i].broken)
            memcpy(shelf->items + shelf->kind->size * shelf->count++, check->subjects[i].value,
                   shelf->kind->size);
}

static struct ek_specs collect(const struct ek_check *check, const struct ek_spec_files *files)
{
    struct shelf shelves[EK_KIND_COUNT_SERVED];
    for (size_t i = 0; i < EK_KIND_COUNT_SERVED; i++) {
        shelves[i] = (struct shelf){.kind = &ek_kinds[i]};
        shelve(check, &shelves[i]);
    }
    struct ek_specs specs = {
        .accounts = (void *)shelves[EK_KIND_ACCOUNT].items,
        .account_count = shelves[EK_KIND_ACCOUNT].count,
        .authorities = (void *)shelves[EK_KIND_AUTHORITY].items,
        .authority_count = shelves[EK_KIND_AUTHORITY].count,
        .deployments = (void *)shelves[EK_KIND_DEPLOYMENT].items,
        .deployment_count = shelves[EK_KIND_DEPLOYMENT].count,
        .controllers = (void *)shelves[EK_KIND_CONTROLLER].items,
        .controller_count = shelves[EK_KIND_CONTROLLER].count,
        .warnings = check->warnings,
        .memory = check->result,
    };
    if (files->commit)
        specs.commit = ek_arena_copy(check->result, files->commit, strlen(files->commit));
    if (files->commit_subject)
        specs.commit_subject =
            ek_arena_copy(check->result, files->commit_subject, strlen(files->commit_subject));
    return specs;
}

static int sum_up(const struct ek_diagnostics *diagnostics, const struct ek_spec_files *files,
                  struct ek_error *err)
{
    size_t bad = 0;
    for (size_t i = 0; i < diagnostics->count; i++)
        bad += i == 0 || strcmp(diagnostics->items[i].file, diagnostics->items[i - 1].file) != 0;
    ek_fail(err, EK_INVALID, "EK-0300", "%zu %s in %zu of %zu %s", diagnostics->count,
            diagnostics->count == 1 ? "error" : "errors", bad, files->count,
            files->count == 1 ? "spec file" : "spec files");
    ek_hint(err, "evenkeel validate shows each at its line");
    return EK_INVALID;
}

/* ---- what is broken ---- */

static char *keep(const struct ek_check *check, const char *text)
{
    return text ? ek_arena_copy(check->result, text, strlen(text)) : NULL;
}

static void name_broken(const struct ek_check *check, struct ek_specs *specs)
{
    specs->broken = ek_arena_zeroed(check->result, (check->count + 1) * sizeof *specs->broken);
    for (size_t i = 0; specs->broken && i < check->count; i++) {
        const struct ek_subject *subject = &check->subjects[i];
        const struct ek_diagnostic *trouble = subject->trouble;
        EK_BUFFER sentence = {0};
        if (!subject->broken)
            continue;
        if (trouble)
            ek_buffer_printf(&sentence, "%s:%d:%d: %s", trouble->file, trouble->line,
                             trouble->column, trouble->sentence);
        else
            ek_buffer_printf(&sentence, "%s:%d: it needs a document that is broken or missing",
                             subject->document->file->path, subject->document->at.line);
        specs->broken[specs->broken_count++] = (struct ek_broken_spec){
            .kind = keep(check, subject->kind->name),
            .account = keep(check, ek_subject_account(subject)),
            .name = keep(check, ek_subject_name(subject)),
            .file = keep(check, subject->document->file->path),
            .sentence = keep(check, ek_buffer_text(&sentence)),
        };
        if (sentence.failed)
            ek_arena_fail(check->result);
    }
}

/* ---- the front door ---- */

/* What the tree as a whole leaves out. */
static void warn_of_tree(struct ek_check *check, const struct ek_spec_files *files)
{
    static const struct ek_place nowhere;
    static char here[] = "the specs";
    struct ek_spec_file tree = {.path = files->origin ? files->origin : here};
    size_t deployments = 0;
    for (size_t i = 0; i < check->count; i++)
        deployments += check->subjects[i].kind == &ek_kinds[EK_KIND_DEPLOYMENT];
    for (size_t i = 0; i < files->submodule_count; i++) {
        struct ek_spec_file submodule = {.path = files->submodules[i]};
        ek_diagnostics_add(check->warnings, EK_WHERE(&submodule, nowhere, NULL), "EK-0619",
                           "this is a submodule: specs in it are not read");
        ek_diagnostics_hint(check->warnings,
                            "put them into this repository, or let a controller follow the other "
                            "one as well");
    }
    if (deployments > 0 || check->incomplete)
        return;
    ek_diagnostics_add(check->warnings, EK_WHERE(&tree, nowhere, NULL), "EK-0353",
                       "there is no deployment in %zu spec file%s: nothing is looked after",
                       files->count, files->count == 1 ? "" : "s");
    ek_diagnostics_hint(check->warnings, "look whether path and revision are the right ones");
}

/* What was parsed, and what was said about it, is all there. */
static int check_memory(const struct ek_check *check, struct ek_error *err)
{
    int result = ek_diagnostics_check(check->diagnostics, err);
    if (result == 0)
        result = ek_diagnostics_check(check->warnings, err);
    if (result == 0)
        result = ek_arena_check(check->scratch, err);
    return result == 0 ? ek_arena_check(check->result, err) : result;
}

static int run_passes(struct ek_check *check, const struct ek_spec_files *files,
                      struct ek_documents *documents, struct ek_error *err)
{
    for (size_t i = 0; i < files->count; i++)
        check->incomplete =
            !ek_nodes_read(&files->files[i], check->scratch, documents, check->diagnostics) ||
            check->incomplete;
    check->subjects =
        ek_arena_zeroed(check->scratch, (documents->count + 1) * sizeof *check->subjects);
    if (!check->subjects)
        return check_memory(check, err);
    for (size_t i = 0; i < documents->count; i++)
        bind_document(check, &documents->items[i]);
    for (size_t i = 0; i < check->count; i++)
        ek_check_rules(&check->subjects[i]);
    ek_check_references(check);
    ek_check_collisions(check);
    if (!check->configuration)
        warn_of_tree(check, files);
    ek_diagnostics_finish(check->diagnostics);
    ek_diagnostics_finish(check->warnings);
    return check_memory(check, err);
}

enum what { SPECS, SOUND_SPECS, CONFIGURATION };

static int parse(const struct ek_spec_files *files, enum what what, struct ek_specs *ret_specs,
                 struct ek_diagnostics *ret_diagnostics, struct ek_error *err)
{
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *scratch = ek_arena_new();
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *result = ek_arena_new();
    struct ek_diagnostics diagnostics = {0};
    struct ek_documents documents = {0};
    struct ek_check check = {.result = result,
                             .scratch = scratch,
                             .diagnostics = &diagnostics,
                             .configuration = what == CONFIGURATION};
    check.warnings = ek_arena_zeroed(result, sizeof *check.warnings);
    if (!check.warnings)
        return ek_no_memory(err);
    check.warnings->warnings = true;
    if (run_passes(&check, files, &documents, err) != 0) {
        ek_diagnostics_done(check.warnings);
        ek_diagnostics_done(&diagnostics);
        return EK_NO_MEMORY;
    }
    *ret_diagnostics = diagnostics;
    if (diagnostics.count > 0 && what != SOUND_SPECS) {
        ek_diagnostics_done(check.warnings);
        return sum_up(&diagnostics, files, err);
    }
    ek_check_mark_broken(&check, &documents);
    struct ek_specs specs = collect(&check, files);
    name_broken(&check, &specs);
    if (check_memory(&check, err) != 0) {
        ek_diagnostics_done(check.warnings);
        return EK_NO_MEMORY;
    }
    *ret_specs = specs;
    result = NULL;
    return 0;
}

int ek_specs_parse(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                   struct ek_diagnostics *ret_diagnostics, struct ek_error *err)
{
    return parse(files, SPECS, ret_specs, ret_diagnostics, err);
}

int ek_specs_parse_sound(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                         struct ek_diagnostics *ret_diagnostics, struct ek_error *err)
{
    return parse(files, SOUND_SPECS, ret_specs, ret_diagnostics, err);
}

int ek_configuration_parse(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                           struct ek_diagnostics *ret_diagnostics, struct ek_error *err)
{
    return parse(files, CONFIGURATION, ret_specs, ret_diagnostics, err);
}
