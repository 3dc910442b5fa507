/* The front door of specs/: files in, desired state and every diagnostic out. */
#ifndef EK_SPECS_PARSE_H
#define EK_SPECS_PARSE_H

#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "specs/diagnostic.h"
#include "specs/source.h"
#include "specs/spec.h"

/* Parse every document of every file, fill in defaults, check all rules and resolve all
 * references. 0 with *ret_specs (freed by ek_specs_free; ret_specs->warnings holds what is only
 * worth knowing) when nothing is wrong; else
 * EK_INVALID with *err summing up (EK-0300) and *ret_specs untouched. *ret_diagnostics, which
 * is the caller's to free, is always filled: it is empty when 0 is returned, and in no other case
 * but that of EK_NO_MEMORY (EK-0599). */
int ek_specs_parse(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                   struct ek_diagnostics *ret_diagnostics, struct ek_error *err);

/* The same for a fleet that goes on while some of its specs are broken: what is sound is parsed,
 * and what is not, or needs what is not, is left out and named in ret_specs->broken (documents
 * that can't even be read are named by *ret_diagnostics alone). *ret_diagnostics holds everything
 * that is wrong. */
int ek_specs_parse_sound(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                         struct ek_diagnostics *ret_diagnostics, struct ek_error *err);

/* The same for the configuration of a controller: documents of kind Controller and no others. */
int ek_configuration_parse(const struct ek_spec_files *files, struct ek_specs *ret_specs,
                           struct ek_diagnostics *ret_diagnostics, struct ek_error *err);

/* SHA-256 over the canonical form of everything in a deployment's spec that matters for
 * planning: not where or how it was written, nor defaults written out, labels or contacts.
 * EK_NO_MEMORY is all that can go wrong. */
int ek_deployment_spec_digest(const struct ek_deployment_spec *spec,
                              uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err);

/* The same over the deployment and what it refers to: its account and its authority. Two commits
 * in which it is equal say the same about the deployment. */
int ek_deployment_reach_digest(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                               uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err);

#endif
