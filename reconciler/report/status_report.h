/* How deployments are: one line each, or everything on one. And the checks of verify. */
#ifndef EK_REPORT_STATUS_REPORT_H
#define EK_REPORT_STATUS_REPORT_H

#include "reconciler/document/planned.h"
#include "reconciler/execute/verify.h"

/* "Synced", "OutOfSync" or "Unknown". */
const char *ek_sync_word(const struct ek_planned *planned);

/* "Healthy", "Progressing", "Degraded" or "Unknown". */
const char *ek_health_word(const struct ek_state *state);

/* Append one line per deployment below a heading. */
void ek_status_text(const struct ek_planned *planned, size_t count, bool colour,
                    struct ek_buffer *text);

/* Append everything that is known of one. */
void ek_status_detail(const struct ek_planned *planned, bool colour, struct ek_buffer *text);

/* "preferSSL", or "a allowSSL, b preferSSL" while members differ; appended. */
void ek_status_modes(const struct ek_planned *planned, struct ek_buffer *text);

/* Append all that can change about one in a line without a newline: what --watch compares and,
 * off a terminal, shows. */
void ek_status_line(const struct ek_planned *planned, struct ek_buffer *text);

/* All as one JSON document, or one deployment of it; the caller owns it. */
struct json_t *ek_status_json(const struct ek_planned *planned, size_t count);
struct json_t *ek_status_json_one(const struct ek_planned *planned);

/* Append a table of all; with `detail` also everything on each. Names are harmless in it. */
void ek_status_markdown(const struct ek_planned *planned, size_t count, bool detail,
                        struct ek_buffer *text);

struct ek_verified {
    const struct ek_deployment_spec *spec;
    const struct ek_check *checks;
    size_t count;
};

/* Append a table of the checks. */
void ek_verify_text(const struct ek_verified *verified, bool colour, struct ek_buffer *text);
struct json_t *ek_verify_json(const struct ek_verified *verified, size_t count);
void ek_verify_markdown(const struct ek_verified *verified, size_t count, struct ek_buffer *text);

#endif
