/* Plan files: a plan's document as it was printed, read back and believed only when it is
 * whole. They hold no secrets. */
#ifndef EK_DOCUMENT_PLAN_FILE_H
#define EK_DOCUMENT_PLAN_FILE_H

#include "reconciler/base/hash.h"
#include "reconciler/document/planned.h"

#define EK_PLAN_FORMAT_MAJOR 1

struct ek_plan_file; /* opaque */

/* Write a document of ek_plan_json, signed or not, to `path`: mode 0600, atomically. */
int ek_plan_file_write(const struct json_t *document, const char *path, struct ek_error *err);

/* Read and check a file. EK_INVALID (EK-0808) when it is no plan or was changed,
 * EK_UNSUPPORTED (EK-0809) when a newer version wrote it. */
int ek_plan_file_read(const char *path, struct ek_plan_file **ret_file, struct ek_error *err);

/* The same from memory; `name` is what it is called in errors. */
int ek_plan_file_parse(const char *text, size_t length, const char *name,
                       struct ek_plan_file **ret_file, struct ek_error *err);
void ek_plan_file_free(struct ek_plan_file *file);
void ek_plan_file_cleanup(struct ek_plan_file **file);

/* Report that the file can't be believed (EK-0808), and why. */
int ek_plan_file_damaged(const struct ek_plan_file *file, const char *what, struct ek_error *err);

/* Where its specs came from; borrowed from the file. */
void ek_plan_file_source(const struct ek_plan_file *file, struct ek_plan_source *ret_source);

/* The plan's name: 64 hex digits. */
const char *ek_plan_file_name(const struct ek_plan_file *file);

/* The whole document; borrowed. */
const struct json_t *ek_plan_file_document(const struct ek_plan_file *file);

/* The name of the plan of the file's deployment `index`, as ek_planned_name gives it. */
int ek_plan_file_planned_name(const struct ek_plan_file *file, size_t index,
                              char ret_hex[EK_SHA256_HEX_SIZE], struct ek_error *err);

/* Its deployments: how many, and their names and accounts. */
size_t ek_plan_file_count(const struct ek_plan_file *file);
const char *ek_plan_file_deployment(const struct ek_plan_file *file, size_t index);
const char *ek_plan_file_account(const struct ek_plan_file *file, size_t index);

/* Whether the spec is the one that the file's deployment `index` was planned for. EK_STALE
 * (EK-0810) when it isn't. */
int ek_plan_file_current(const struct ek_plan_file *file, size_t index,
                         const struct ek_deployment_spec *spec,
                         const uint8_t spec_digest[EK_SHA256_SIZE], struct ek_error *err);

/* What the plan of the file's deployment `index` fixes of the policy: label, former primary.
 * EK_INVALID (EK-0808). */
int ek_plan_file_policy(const struct ek_plan_file *file, size_t index,
                        const struct ek_deployment_spec *spec, struct ek_policy *policy,
                        struct ek_error *err);

/* The plan of the file's deployment `index` for `spec`; the caller frees it with ek_plan_done.
 * EK_INVALID (EK-0808), EK_NO_MEMORY (EK-0599). */
int ek_plan_file_plan(const struct ek_plan_file *file, size_t index,
                      const struct ek_deployment_spec *spec, struct ek_plan *ret_plan,
                      struct ek_error *err);

/* The file's deployment `index` as the reports want it, from the file alone and owned by the
 * arena. EK_INVALID (EK-0808) when its parts make no sense together. */
struct ek_arena;
int ek_plan_file_show(const struct ek_plan_file *file, size_t index, struct ek_arena *arena,
                      struct ek_planned *ret_planned, struct ek_error *err);

/* The plan, moved into the arena so that it ends with the rest; NULL without memory. */
struct ek_plan *ek_plan_keep(struct ek_arena *arena, struct ek_plan *plan);

/* The plan in one part of the document: its "steps", "blocked", "totals" and "state_digest"; the
 * caller frees it with ek_plan_done. EK_INVALID (EK-0808). */
int ek_plan_file_part(const struct ek_plan_file *file, const struct json_t *json,
                      const struct ek_deployment_spec *spec, struct ek_plan *ret_plan,
                      struct ek_error *err);

/* All of the file as the reports want it, what a change touches included; owned by the arena, and
 * the file must outlive it. EK_INVALID (EK-0808). */
int ek_plan_file_set(const struct ek_plan_file *file, struct ek_arena *arena,
                     struct ek_plan_set *ret_set, struct ek_error *err);

/* Append what moved between the state that was planned from and this one: lines beginning
 * with "- " and "+ ". EK_NO_MEMORY (EK-0599). */
int ek_plan_file_moved(const struct ek_plan_file *file, size_t index,
                       const struct ek_situation *situation, struct ek_buffer *text,
                       struct ek_error *err);

#endif
