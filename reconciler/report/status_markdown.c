#include <string.h>

#include "reconciler/base/time_text.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/status_report.h"

/* ---- status ------------------------------------------------------------------------------- */

static const char *primary_of(const struct ek_planned *planned)
{
    int primary = ek_state_primary(planned->state);
    return primary >= 0 ? planned->spec->members[primary].name : "none";
}

static void overview(const struct ek_planned *planned, struct ek_buffer *text)
{
    EK_BUFFER mode = {0};
    ek_status_modes(planned, &mode);
    ek_buffer_text_add(text, "| ");
    ek_markdown_code(text, planned->spec->name);
    ek_buffer_text_add(text, " | ");
    ek_markdown_code(text, planned->spec->account);
    ek_buffer_printf(text, " | %s | %s | ", ek_sync_word(planned), ek_health_word(planned->state));
    ek_markdown_text(text, ek_buffer_text(&mode));
    ek_buffer_fail_with(text, &mode);
    ek_buffer_printf(text, " | %zu | ", planned->state->member_count);
    ek_markdown_text(text, primary_of(planned));
    ek_buffer_text_add(text, " |\n");
}

static void member_row(const struct ek_planned *planned, size_t i, struct ek_buffer *text)
{
    const struct ek_member *member = ek_member(planned->state, i);
    const struct ek_member_transport *transport = ek_member_transport(planned->state, i);
    const struct ek_member_certificates *certificates = ek_member_certificates(planned->state, i);
    char when[EK_TIME_TEXT_SIZE] = "";
    if (certificates->certificate_running.present == EK_YES)
        ek_time_text(certificates->certificate_running.not_after_s * 1000, false, when);
    ek_buffer_text_add(text, "| ");
    ek_markdown_code(text, planned->spec->members[i].name);
    ek_buffer_printf(text, " | %s | %s", ek_member_state_name(member->state),
                     ek_mode_word(planned->spec, transport->mode_running));
    if (transport->mode_configured != transport->mode_running)
        ek_buffer_printf(text, " (its file: %s)",
                         ek_mode_word(planned->spec, transport->mode_configured));
    ek_buffer_text_add(text, " | ");
    ek_markdown_code(text, member->host);
    ek_buffer_printf(text, " | %s | ", when);
    if (planned->problems && planned->problems[i][0])
        ek_markdown_text(text, planned->problems[i]);
    ek_buffer_text_add(text, " |\n");
}

static void detail_of(const struct ek_planned *planned, struct ek_buffer *text)
{
    EK_BUFFER string = {0};
    ek_connection_string(planned->spec, planned->state, ek_transport(planned->state)->domain_label,
                         false, &string);
    ek_buffer_text_add(text, "\n#### ");
    ek_markdown_code(text, planned->spec->name);
    if (planned->plan->end == EK_VERDICT_BLOCKED) {
        ek_buffer_text_add(text, "\n\n**Blocked:** ");
        ek_markdown_text(text, planned->plan->blocked.sentence);
        ek_buffer_printf(text, " (`%s`)", planned->plan->blocked.id);
    }
    for (size_t i = 0; i < planned->plan->wait_count; i++) {
        ek_buffer_text_add(text, "\n\n**Waits:** ");
        ek_markdown_text(text, planned->plan->waits[i].blocked.sentence);
        ek_buffer_printf(text, " (`%s`)", planned->plan->waits[i].blocked.id);
    }
    if (planned->policy->paused && planned->plan->wait_count == 0)
        ek_buffer_text_add(text, "\n\n**Paused.**");
    if (planned->plan->count)
        ek_buffer_printf(text, "\n\n%zu step%s to do: see `evenkeel plan`.", planned->plan->count,
                         planned->plan->count == 1 ? "" : "s");
    ek_buffer_text_add(text, "\n\n| Member | State | sslMode | Host | Certificate until | |\n"
                             "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < planned->state->member_count; i++)
        member_row(planned, i, text);
    ek_buffer_text_add(text, "\n");
    ek_markdown_block(text, "", ek_buffer_text(&string));
    ek_buffer_fail_with(text, &string);
}

void ek_status_markdown(const struct ek_planned *planned, size_t count, bool detail,
                        struct ek_buffer *text)
{
    ek_buffer_text_add(text, "### Evenkeel: status\n\n"
                             "| Deployment | Account | Sync | Health | sslMode | Members | "
                             "Primary |\n|---|---|---|---|---|---:|---|\n");
    for (size_t i = 0; i < count; i++)
        overview(&planned[i], text);
    for (size_t i = 0; detail && i < count; i++)
        detail_of(&planned[i], text);
}

/* ---- verify ------------------------------------------------------------------------------- */

static const char *const results[] = {
    [EK_CHECK_PASSED] = "ok", [EK_CHECK_FAILED] = "**failed**", [EK_CHECK_UNKNOWN] = "unknown"};

static void checks(const struct ek_verified *verified, bool passed, struct ek_buffer *text)
{
    ek_buffer_text_add(text, "| | Member | Check | Seen |\n|---|---|---|---|\n");
    for (size_t i = 0; i < verified->count; i++) {
        const struct ek_check *check = &verified->checks[i];
        if ((check->result == EK_CHECK_PASSED) != passed)
            continue;
        ek_buffer_printf(text, "| %s | ", results[check->result]);
        if (check->member >= 0)
            ek_markdown_code(text, verified->spec->members[check->member].name);
        ek_buffer_printf(text, " | `%s` | ", check->name);
        ek_markdown_text(text, check->sentence);
        ek_buffer_text_add(text, " |\n");
    }
}

/* What did not hold stands open; what did is folded. */
static void verified_one(const struct ek_verified *verified, struct ek_buffer *text)
{
    size_t passed = 0;
    for (size_t i = 0; i < verified->count; i++)
        passed += verified->checks[i].result == EK_CHECK_PASSED;
    ek_buffer_text_add(text, "### Evenkeel: ");
    ek_markdown_text(text, verified->spec->name);
    ek_buffer_printf(text, ": %zu of %zu checks passed\n\nsslMode %s\n\n", passed, verified->count,
                     ek_mode_word(verified->spec, verified->spec->ssl_mode));
    if (passed < verified->count) {
        checks(verified, false, text);
        ek_buffer_text_add(text, "\n");
    }
    if (passed) {
        ek_buffer_printf(text, "<details><summary>%zu checks passed</summary>\n\n", passed);
        checks(verified, true, text);
        ek_buffer_text_add(text, "\n</details>\n\n");
    }
}

void ek_verify_markdown(const struct ek_verified *verified, size_t count, struct ek_buffer *text)
{
    for (size_t i = 0; i < count; i++)
        verified_one(&verified[i], text);
}
