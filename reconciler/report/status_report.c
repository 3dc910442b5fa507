#include "reconciler/report/status_report.h"
#include "reconciler/base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/validity.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/view.h"
#include "reconciler/document/words.h"
#include "reconciler/report/palette.h"
#include "reconciler/report/state_json.h"

const char *ek_sync_word(const struct ek_planned *planned)
{
    bool seen = false;
    for (size_t i = 0; i < planned->state->member_count; i++)
        seen |= ek_member(planned->state, i)->reachable == EK_YES;
    if (!seen || (planned->plan->end == EK_VERDICT_BLOCKED && planned->plan->count == 0))
        return "Unknown";
    return planned->plan->count ? "OutOfSync" : "Synced";
}

enum { HEARD_OF_WITHIN_MS = 15000 };

static bool just_began(const struct ek_member *member)
{
    return member->process == EK_YES && member->age_ms < HEARD_OF_WITHIN_MS;
}

/* Serves, but it or each of the peers that report otherwise had no time to hear of the other. */
static bool is_still_unheard(const struct ek_state *state, size_t i)
{
    const struct ek_member *member = ek_member(state, i);
    uint64_t deaf;
    ek_member_serves(state, i, &deaf);
    if (deaf == 0 || member->reachable != EK_YES || !ek_member_state_serves(member->state))
        return false;
    for (size_t k = 0; k < state->member_count; k++)
        if ((deaf >> k & 1) && !just_began(member) && !just_began(ek_member(state, k)))
            return false;
    return true;
}

const char *ek_health_word(const struct ek_state *state)
{
    size_t well = 0;
    size_t starting = 0;
    size_t seen = 0;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member *member = ek_member(state, i);
        seen += member->reachable == EK_YES || member->process != EK_UNKNOWN;
        well += ek_member_serves(state, i, NULL);
        starting += member->restart_begun == EK_YES || member->state == EK_MEMBER_STARTUP ||
                    member->state == EK_MEMBER_STARTUP2 || member->state == EK_MEMBER_RECOVERING ||
                    is_still_unheard(state, i);
    }
    if (seen == 0)
        return "Unknown";
    if (well == state->member_count && ek_state_primary(state) >= 0)
        return "Healthy";
    return starting ? "Progressing" : "Degraded";
}

/* A member that could not be seen differs from nobody. */
void ek_status_modes(const struct ek_planned *planned, struct ek_buffer *text)
{
    const struct ek_state *state = planned->state;
    enum ek_ssl_mode first = EK_SSL_UNKNOWN;
    bool mixed = false;
    for (size_t i = 0; i < state->member_count; i++) {
        enum ek_ssl_mode mode = ek_member_transport(state, i)->mode_running;
        if (first == EK_SSL_UNKNOWN)
            first = mode;
        mixed |= mode != EK_SSL_UNKNOWN && mode != first;
    }
    if (!mixed)
        ek_buffer_text_add(text, ek_mode_word(planned->spec, first));
    for (size_t i = 0; mixed && i < state->member_count; i++)
        ek_buffer_printf(text, "%s%s %s", i ? ", " : "", planned->spec->members[i].name,
                         ek_mode_word(planned->spec, ek_member_transport(state, i)->mode_running));
}

static const char *word_colour(const struct ek_palette *paint, const char *word)
{
    if (strcmp(word, "Synced") == 0 || strcmp(word, "Healthy") == 0)
        return paint->add;
    return strcmp(word, "Degraded") == 0 ? paint->bad : paint->change;
}

static void connection(const struct ek_planned *planned, struct ek_buffer *text)
{
    ek_connection_string(planned->spec, planned->state, ek_transport(planned->state)->domain_label,
                         false, text);
}

void ek_status_text(const struct ek_planned *planned, size_t count, bool colour,
                    struct ek_buffer *text)
{
    const struct ek_palette *paint = ek_palette(colour);
    ek_buffer_printf(text, "%s%-20s %-10s %-12s %-11s %-8s %-8s%s %s\n", paint->bold, "DEPLOYMENT",
                     "SYNC", "HEALTH", "SSLMODE", "MEMBERS", "PRIMARY", paint->plain,
                     "CONNECTION STRING");
    for (size_t i = 0; i < count; i++) {
        const struct ek_state *state = planned[i].state;
        const char *sync = ek_sync_word(&planned[i]);
        const char *health = ek_health_word(state);
        int primary = ek_state_primary(state);
        EK_BUFFER mode = {0};
        EK_BUFFER string = {0};
        ek_status_modes(&planned[i], &mode);
        connection(&planned[i], &string);
        ek_buffer_printf(
            text, "%-20s %s%-10s%s %s%-12s%s %-11s %-8zu %-8s %s\n", planned[i].spec->name,
            word_colour(paint, sync), sync, paint->plain, word_colour(paint, health), health,
            paint->plain, strchr(ek_buffer_text(&mode), ',') ? "mixed" : ek_buffer_text(&mode),
            state->member_count, primary >= 0 ? planned[i].spec->members[primary].name : "none",
            ek_buffer_text(&string));
        ek_buffer_fail_with(text, &mode);
        ek_buffer_fail_with(text, &string);
    }
}

void ek_status_line(const struct ek_planned *planned, struct ek_buffer *text)
{
    const struct ek_state *state = planned->state;
    int primary = ek_state_primary(state);
    ek_buffer_printf(text, "%s: %s, %s, sslMode ", planned->spec->name, ek_sync_word(planned),
                     ek_health_word(state));
    ek_status_modes(planned, text);
    ek_buffer_printf(text, ", primary %s",
                     primary >= 0 ? planned->spec->members[primary].name : "none");
    for (size_t i = 0; i < state->member_count; i++)
        if ((int)i != primary && ek_member(state, i)->state != EK_MEMBER_SECONDARY &&
            ek_member(state, i)->state != EK_MEMBER_ARBITER)
            ek_buffer_printf(text, ", %s %s", planned->spec->members[i].name,
                             ek_member_state_name(ek_member(state, i)->state));
    if (planned->plan->count)
        ek_buffer_printf(text, ", %zu step%s to do", planned->plan->count,
                         planned->plan->count == 1 ? "" : "s");
    for (size_t i = 0; i < planned->plan->wait_count; i++)
        ek_buffer_printf(text, ", waits: %s [%s]", planned->plan->waits[i].blocked.sentence,
                         planned->plan->waits[i].blocked.id);
    if (planned->policy->paused && planned->plan->wait_count == 0)
        ek_buffer_text_add(text, ", paused");
    if (planned->plan->end == EK_VERDICT_BLOCKED)
        ek_buffer_printf(text, ", blocked: %s [%s]", planned->plan->blocked.sentence,
                         planned->plan->blocked.id);
}

static void member_detail(const struct ek_planned *planned, size_t i, struct ek_buffer *text)
{
    const struct ek_member *member = ek_member(planned->state, i);
    const struct ek_member_transport *transport = ek_member_transport(planned->state, i);
    const struct ek_member_certificates *certificates = ek_member_certificates(planned->state, i);
    const struct ek_certificate_state *certificate = &certificates->certificate_running;
    ek_buffer_printf(text, "  %-10s %-12s %s", planned->spec->members[i].name,
                     ek_member_state_name(member->state),
                     ek_mode_word(planned->spec, transport->mode_running));
    if (transport->mode_configured != transport->mode_running)
        ek_buffer_printf(text, " (its file: %s)",
                         ek_mode_word(planned->spec, transport->mode_configured));
    if (member->version[0])
        ek_buffer_printf(text, ", version %d.%d.%d", member->version[0], member->version[1],
                         member->version[2]);
    if (member->lag_ms > 0)
        ek_buffer_printf(text, ", %lld ms behind", (long long)member->lag_ms);
    if (transport->plaintext_clients > 0)
        ek_buffer_printf(text, ", %lld clients in plaintext",
                         (long long)transport->plaintext_clients);
    ek_buffer_printf(text, "\n  %-10s %s\n", "", member->host[0] ? member->host : "host unknown");
    if (certificate->present == EK_YES) {
        char when[EK_TIME_TEXT_SIZE];
        ek_time_text(certificate->not_after_s * 1000, false, when);
        ek_buffer_printf(text, "  %-10s certificate for %s, valid until %s\n", "",
                         certificate->name, when);
    }
    if (planned->problems && planned->problems[i][0])
        ek_buffer_printf(text, "  %-10s not seen: %s\n", "", planned->problems[i]);
    uint64_t deaf;
    ek_member_serves(planned->state, i, &deaf);
    for (size_t k = 0; k < planned->state->member_count; k++)
        if (deaf >> k & 1)
            ek_buffer_printf(text, "  %-10s not healthy in the eyes of %s\n", "",
                             planned->spec->members[k].name);
}

static void waits_detail(const struct ek_planned *planned, struct ek_buffer *text)
{
    const struct ek_consent *consent = &planned->policy->consent;
    char until[EK_TIME_TEXT_SIZE];
    for (size_t i = 0; i < planned->plan->wait_count; i++)
        ek_buffer_printf(text, "  %-12s %s\n", i == 0 ? "waits" : "",
                         planned->plan->waits[i].blocked.sentence);
    if (!planned->policy->paused || planned->plan->wait_count)
        return;
    ek_time_text(consent->paused_until_s * 1000, false, until);
    ek_buffer_printf(text, "  paused       until %s, by %s%s%s\n", until, consent->paused_by,
                     consent->paused_why[0] ? ": " : "", consent->paused_why);
}

/* Told as soon as certificates end with their authority. */
static void authority_detail(const struct ek_planned *planned, struct ek_buffer *text)
{
    char when[EK_TIME_TEXT_SIZE];
    if (!planned->policy ||
        !ek_authority_ends_first(EK_SITUATION(planned->spec, planned->state, planned->policy)))
        return;
    ek_time_text(ek_certificates(planned->state)->authority_not_after_s * 1000, false, when);
    ek_buffer_printf(text,
                     "  authority    %s ends %s; no certificate lasts longer, renew it before\n",
                     planned->spec->certificates.authority ? planned->spec->certificates.authority
                                                           : "(none in the specs)",
                     when);
}

void ek_status_detail(const struct ek_planned *planned, bool colour, struct ek_buffer *text)
{
    const struct ek_palette *paint = ek_palette(colour);
    const struct ek_deployment_spec *spec = planned->spec;
    const char *label = ek_transport(planned->state)->domain_label;
    const char *sync = ek_sync_word(planned);
    const char *health = ek_health_word(planned->state);
    EK_BUFFER mode = {0};
    EK_BUFFER string = {0};
    ek_status_modes(planned, &mode);
    connection(planned, &string);
    ek_buffer_printf(text, "%s%s%s (account %s): %s%s%s, %s%s%s\n", paint->bold, spec->name,
                     paint->plain, spec->account, word_colour(paint, sync), sync, paint->plain,
                     word_colour(paint, health), health, paint->plain);
    ek_buffer_printf(text, "  replica set  %s\n", spec->set_name);
    ek_buffer_printf(text, "  sslMode      %s (the specs say %s)\n", ek_buffer_text(&mode),
                     ek_mode_word(spec, spec->ssl_mode));
    if (label[0] && spec->ssl_domain.base)
        ek_buffer_printf(text, "  SSL domain   %s.%s\n", label, spec->ssl_domain.base);
    authority_detail(planned, text);
    ek_buffer_printf(text, "  clients      %s\n", ek_buffer_text(&string));
    ek_buffer_fail_with(text, &mode);
    ek_buffer_fail_with(text, &string);
    if (planned->plan->end == EK_VERDICT_BLOCKED)
        ek_buffer_printf(text, "  blocked      %s [%s]\n", planned->plan->blocked.sentence,
                         planned->plan->blocked.id);
    if (planned->plan->count)
        ek_buffer_printf(text, "  to do        %zu steps: see evenkeel plan\n",
                         planned->plan->count);
    waits_detail(planned, text);
    ek_buffer_text_add(text, "\n");
    for (size_t i = 0; i < planned->state->member_count; i++)
        member_detail(planned, i, text);
    if (planned->problems && planned->problems[planned->state->member_count][0])
        ek_buffer_printf(text, "\nnot seen: %s\n", planned->problems[planned->state->member_count]);
}

/* null: not known, which is neither none nor the year 1970. */
static json_t *when_known(bool known, int64_t number)
{
    return known ? json_integer((json_int_t)number) : json_null();
}

json_t *ek_status_json_one(const struct ek_planned *planned)
{
    const struct ek_state *state = planned->state;
    int primary = ek_state_primary(state);
    EK_BUFFER string = {0};
    json_t *members = json_array();
    connection(planned, &string);
    for (size_t m = 0; m < state->member_count; m++)
        json_array_append_new(
            members,
            json_pack(
                "{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", planned->spec->members[m].name,
                "state", ek_member_state_name(ek_member(state, m)->state), "host",
                ek_member(state, m)->host, "ssl_mode_running",
                ek_ssl_mode_name(ek_member_transport(state, m)->mode_running),
                "ssl_mode_configured",
                ek_ssl_mode_name(ek_member_transport(state, m)->mode_configured),
                "plaintext_clients",
                when_known(ek_member_transport(state, m)->plaintext_clients >= 0,
                           ek_member_transport(state, m)->plaintext_clients),
                "certificate_ends_s",
                when_known(ek_member_certificates(state, m)->certificate_running.present == EK_YES,
                           ek_member_certificates(state, m)->certificate_running.not_after_s)));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:b, s:s?, s:s, s:o, s:o}", "name",
                     planned->spec->name, "account", planned->spec->account, "sync",
                     ek_sync_word(planned), "health", ek_health_word(state), "ssl_mode",
                     ek_ssl_mode_name(planned->spec->ssl_mode), "steps_to_do",
                     (int)planned->plan->count, "waits", ek_plan_waits_json(planned), "paused",
                     planned->policy->paused, "primary",
                     primary >= 0 ? planned->spec->members[primary].name : NULL,
                     "connection_string", string.failed ? NULL : ek_buffer_text(&string), "members",
                     members, "observed", ek_state_json(state, planned->problems));
}

json_t *ek_status_json(const struct ek_planned *planned, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        ek_json_append(&list, ek_status_json_one(&planned[i]));
    return json_pack("{s:s, s:s, s:o}", "format_version", "1.1", "type", "status", "deployments",
                     list);
}

void ek_verify_text(const struct ek_verified *verified, bool colour, struct ek_buffer *text)
{
    static const char *const words[] = {"ok", "FAILED", "unknown"};
    const struct ek_palette *paint = ek_palette(colour);
    const char *const colours[] = {paint->add, paint->bad, paint->change};
    ek_buffer_printf(text, "%s%s%s (account %s), sslMode %s\n\n", paint->bold, verified->spec->name,
                     paint->plain, verified->spec->account,
                     ek_mode_word(verified->spec, verified->spec->ssl_mode));
    for (size_t i = 0; i < verified->count; i++) {
        const struct ek_check *check = &verified->checks[i];
        ek_buffer_printf(text, "  %s%-8s%s %-10s %-22s %s\n", colours[check->result],
                         words[check->result], paint->plain,
                         check->member >= 0 ? verified->spec->members[check->member].name : "-",
                         check->name, check->sentence);
    }
    ek_buffer_text_add(text, "\n");
}

json_t *ek_verify_json(const struct ek_verified *verified, size_t count)
{
    static const char *const words[] = {"passed", "failed", "unknown"};
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *checks = json_array();
        for (size_t k = 0; k < verified[i].count; k++) {
            const struct ek_check *check = &verified[i].checks[k];
            ek_json_append(
                &checks,
                json_pack("{s:s?, s:s, s:s, s:s}", "member",
                          check->member >= 0 ? verified[i].spec->members[check->member].name : NULL,
                          "check", check->name, "result", words[check->result], "sentence",
                          check->sentence));
        }
        ek_json_append(&list, json_pack("{s:s, s:s, s:o}", "name", verified[i].spec->name,
                                        "account", verified[i].spec->account, "checks", checks));
    }
    return json_pack("{s:s, s:s, s:o}", "format_version", "1.0", "type", "verification",
                     "deployments", list);
}
