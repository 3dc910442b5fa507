/* Laws are asked by what a step touches, whatever its kind: kinds that nobody thought of, which
 * touch one field each, meet every law that guards it; and steps on no member, starts that stop
 * nobody and restarts of who is down are judged for what they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/fields.h"
#include "reconciler/aspects/replica_set/fields.h"
#include "reconciler/aspects/transport/fields.h"
#include "reconciler/aspects/users/fields.h"
#include "reconciler/laws/permit.h"
#include "tests/model/cases.c"
#include "tests/model/steps.h"

enum { ONE = 0, THREE = 2, PSA = 4 };
enum { SET = -1, A, B, C };

static struct model_case fleet;

/* ---- kinds that nobody thought of ---- */

struct invented_arguments {
    enum ek_ssl_mode mode;
    int64_t version;
};

#define MODE_OF(of)                                                                                \
    {                                                                                              \
        .field = {.key = "mode", EK_FIELD(struct invented_arguments, mode, mode)},                 \
        .value_of = &(of)                                                                          \
    }

static const struct ek_argument invented[] = {
    MODE_OF(ek_field_mode_running),
    MODE_OF(ek_field_mode_configured),
    {.field = {.key = "config_version",
               EK_FIELD(struct invented_arguments, version, long),
               .unknown = -1},
     .value_of = &ek_field_config_version},
    {.field = {.key = NULL}},
};

static const struct ek_argument nothing[] = {{.field = {.key = NULL}}};

/* A step that changes this field and nothing else; good until seven more are made. */
static struct ek_step step_that_touches(const struct ek_field *field, int member,
                                        const struct ek_argument *arguments)
{
    static const struct ek_field *touched[8][2];
    static struct ek_step_kind kinds[8];
    static size_t made;
    size_t i = made++ % 8;
    touched[i][0] = field;
    kinds[i] = (struct ek_step_kind){
        .name = "invented", .verb = "invented step", .touches = touched[i], .arguments = arguments};
    struct ek_step step = {.kind = &kinds[i], .member = member, .other = -1};
    model_set_version(&step, ek_set(fleet.state)->config_version);
    return step;
}

static int judge(const struct ek_step *step, struct ek_broken_law *ret_law)
{
    *ret_law = (struct ek_broken_law){.id = "", .sentence = ""};
    return ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), step, ret_law);
}

static void assert_permitted(struct ek_step step)
{
    struct ek_broken_law law;
    if (judge(&step, &law) != 0)
        fail_msg("%s: %s", law.id, law.sentence);
}

static void assert_refused(struct ek_step step, const char *id)
{
    struct ek_broken_law law;
    assert_true(judge(&step, &law) > 0);
    assert_string_equal(law.id, id);
}

static void settle(size_t shape, enum ek_ssl_mode mode)
{
    model_case_init(&fleet, shape, mode, mode, MODEL_DOMAIN_KNOWN);
}

/* ---- what makes each law refuse ---- */

static void wrong_clock(void)
{
    ek_member(fleet.state, C)->clock_ahead_ms = 3600000;
}

static void lagging(void)
{
    ek_member(fleet.state, C)->lag_ms = 3600000;
}

static void closed_window(void)
{
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
}

static void plaintext_client(void)
{
    ek_member_transport(fleet.state, B)->plaintext_clients = 1;
}

static void plaintext_client_and_a_file_that_requires(void)
{
    plaintext_client();
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_REQUIRE;
}

static void plaintext_client_of_the_first(void)
{
    ek_member_transport(fleet.state, A)->plaintext_clients = 1;
}

static void ended_certificate(void)
{
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = fleet.policy.now_s;
}

static void certificate_of_another_authority(void)
{
    ek_member_certificates(fleet.state, C)->certificate_running.issued_by_authority = EK_NO;
}

static void no_certificate(void)
{
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_NO;
}

static void no_certificate_for_its_file(void)
{
    no_certificate();
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
}

static void file_that_requires(void)
{
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_REQUIRE;
}

/* C dials in plaintext, which B would not take any more. */
static void other_modes(void)
{
    ek_member_transport(fleet.state, C)->mode_running = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_ALLOW;
}

/* B dials in plaintext after a crash, as C does. */
static void other_modes_in_files(void)
{
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_DISABLED;
}

static void other_modes_in_the_first_file(void)
{
    ek_member_transport(fleet.state, A)->mode_configured = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_DISABLED;
}

/* It goes by another name than the SSL domain gives it, and its certificates by that. */
static void old_name(void)
{
    struct ek_member_certificates *certificates = ek_member_certificates(fleet.state, B);
    snprintf(ek_member(fleet.state, B)->host, EK_HOST_SIZE, "b.old:27017");
    snprintf(certificates->certificate_installed.name, EK_CERTIFICATE_NAME_SIZE, "b.old");
    snprintf(certificates->certificate_running.name, EK_CERTIFICATE_NAME_SIZE, "b.old");
}

static void other_primary(void)
{
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, B)->state = EK_MEMBER_PRIMARY;
}

static void most_votes(void)
{
    ek_member(fleet.state, B)->votes = 5;
}

static void unelectable_heir(void)
{
    ek_member(fleet.state, B)->priority = 0;
}

static void unbound_name(void)
{
    ek_member_transport(fleet.state, B)->domain_name_bound = EK_NO;
}

static void stranger(void)
{
    snprintf(ek_set(fleet.state)->foreign_member, sizeof ek_set(fleet.state)->foreign_member,
             "x:1");
}

struct guarded {
    const char *law;
    const struct ek_field *field;
    int member;
    enum ek_ssl_mode from;
    enum ek_ssl_mode to; /* for fields that are modes */
    void (*arrange)(void);
};

#define D EK_SSL_DISABLED
#define AL EK_SSL_ALLOW
#define P EK_SSL_PREFER
#define R EK_SSL_REQUIRE

static const struct guarded guarded[] = {
    {"EK-0201", &ek_field_mode_running, B, P, R, other_modes},
    {"EK-0201", &ek_field_mode_configured, B, P, P, other_modes_in_files},
    {"EK-0201", &ek_field_mode_configured, A, P, P, other_modes_in_the_first_file},
    {"EK-0201", &ek_field_process, B, D, D, file_that_requires},
    {"EK-0201", &ek_field_host, SET, P, P, old_name},
    {"EK-0201", &ek_field_certificate_installed, B, P, P, old_name},
    {"EK-0202", &ek_field_mode_configured, B, D, AL, no_certificate},
    {"EK-0202", &ek_field_process, B, D, D, no_certificate_for_its_file},
    {"EK-0203", &ek_field_process, B, P, P, lagging},
    {"EK-0203", &ek_field_member_state, A, P, P, lagging},
    {"EK-0203", &ek_field_mode_running, B, P, R, lagging},
    {"EK-0203", &ek_field_host, SET, P, P, lagging},
    {"EK-0204", &ek_field_process, B, P, P, most_votes},
    {"EK-0205", &ek_field_process, B, P, P, other_primary},
    {"EK-0206", &ek_field_member_state, A, P, P, unelectable_heir},
    {"EK-0207", &ek_field_config_version, SET, P, P, stranger},
    {"EK-0208", &ek_field_host, SET, P, P, unbound_name},
    {"EK-0209", &ek_field_mode_running, B, P, R, plaintext_client},
    {"EK-0209", &ek_field_process, B, P, P, plaintext_client_and_a_file_that_requires},
    {"EK-0211", &ek_field_trust_installed, B, P, P, certificate_of_another_authority},
    {"EK-0213", &ek_field_process, B, P, P, closed_window},
    {"EK-0213", &ek_field_member_state, A, P, P, closed_window},
    {"EK-0213", &ek_field_mode_running, B, P, R, closed_window},
    {"EK-0213", &ek_field_host, SET, P, P, closed_window},
    {"EK-0216", &ek_field_authority, SET, P, P, wrong_clock},
    {"EK-0216", &ek_field_certificate_installed, B, P, P, wrong_clock},
    {"EK-0216", &ek_field_process, B, P, P, wrong_clock},
    {"EK-0216", &ek_field_member_state, A, P, P, wrong_clock},
    {"EK-0216", &ek_field_mode_running, B, P, R, wrong_clock},
    {"EK-0216", &ek_field_host, SET, P, P, wrong_clock},
    {"EK-0217", &ek_field_process, B, P, P, ended_certificate},
    {"EK-0217", &ek_field_mode_running, B, AL, P, ended_certificate},
    {"EK-0217", &ek_field_mode_running, A, AL, P, ended_certificate},
    {"EK-0209", &ek_field_mode_running, A, P, R, plaintext_client_of_the_first},
};

static void every_law_is_asked_of_what_it_guards(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        const struct guarded *row = &guarded[i];
        settle(THREE, row->from);
        struct ek_step step = step_that_touches(row->field, row->member, invented);
        ((struct invented_arguments *)(void *)step.arguments)->mode = row->to;
        step.other = row->field == &ek_field_member_state ? B : -1;
        assert_permitted(step);
        row->arrange();
        struct ek_broken_law law;
        int broken = judge(&step, &law);
        if (broken == 0 || strcmp(law.id, row->law) != 0)
            fail_msg("a step on %s is %s by %s, not by %s", row->field->key,
                     broken ? "refused" : "permitted", broken ? law.id : "all", row->law);
    }
}

/* ---- a step on no member ---- */

static void assert_told(const struct ek_field *field, int member, const char *id,
                        const char *sentence)
{
    struct ek_step step = step_that_touches(field, member, nothing);
    struct ek_broken_law law;
    assert_true(judge(&step, &law) > 0);
    assert_string_equal(law.id, id);
    assert_string_equal(law.sentence, sentence);
}

static void what_is_on_no_member_is_judged_as_such(void **state)
{
    static const char unknown[] = "what the servers would start with is not known";
    (void)state;
    settle(THREE, P);
    assert_told(&ek_field_process, SET, "EK-0202", unknown);
    assert_told(&ek_field_mode_configured, SET, "EK-0202", unknown);
    assert_told(&ek_field_mode_running, SET, "EK-0210", "sslMode is raised member by member");
    assert_told(&ek_field_member_state, SET, "EK-0206",
                "nobody is named to take over from member that leads");
    struct ek_step yields = step_that_touches(&ek_field_member_state, SET, nothing);
    yields.other = B;
    assert_refused(yields, "EK-0206");
    assert_told(&ek_field_config_version, SET, "EK-0207",
                "the configuration has version 1 by now, the step was made for -1");
}

static void a_role_that_nobody_takes_over(void **state)
{
    (void)state;
    settle(THREE, P);
    assert_told(&ek_field_member_state, A, "EK-0206", "nobody is named to take over from member a");
}

/* ---- what stops a process ---- */

static void left_down(int m)
{
    struct ek_member *member = ek_member(fleet.state, m);
    member->process = member->reachable = EK_NO;
    member->state = EK_MEMBER_DOWN;
    member->restart_begun = EK_YES;
}

static void who_is_down_is_started_and_not_restarted(void **state)
{
    (void)state;
    settle(THREE, P);
    left_down(B);
    assert_permitted(model_step(&ek_step_start, B, P));
    assert_refused(model_step(&ek_step_restart, B, P), "EK-0203");
}

static void a_start_of_who_runs_stops_it(void **state)
{
    (void)state;
    settle(THREE, P);
    assert_permitted(model_step(&ek_step_start, B, P));
    lagging();
    assert_refused(model_step(&ek_step_start, B, P), "EK-0203");
}

/* Whatever is wrong with the others, and whenever: it was down already. */
static void a_start_of_who_is_down_takes_nobody_away(void **state)
{
    (void)state;
    settle(THREE, P);
    left_down(B);
    lagging();
    closed_window();
    assert_permitted(model_step(&ek_step_start, B, P));
    ek_member(fleet.state, B)->state = EK_MEMBER_PRIMARY; /* when it was last seen */
    assert_permitted(model_step(&ek_step_start, B, P));
}

/* ---- each law's finer print ---- */

static void the_lowest_id_is_told(void **state)
{
    struct ek_broken_law law;
    (void)state;
    settle(THREE, D);
    lagging();
    file_that_requires();
    struct ek_step step = model_step(&ek_step_restart, B, R);
    assert_true(judge(&step, &law) > 1);
    assert_string_equal(law.id, "EK-0201");
}

static void who_has_to_hold_the_keys(void **state)
{
    (void)state;
    settle(PSA, P);
    struct ek_step step = model_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    for (int m = A; m <= C; m++)
        if (ek_member(fleet.state, m)->arbiter)
            ek_member(fleet.state, m)->signing_key = 0;
        else if (m != A)
            step.other = m;
    assert_permitted(step);
    settle(THREE, P);
    step.other = B;
    ek_member(fleet.state, C)->priority = 0;
    ek_member(fleet.state, C)->signing_key = 0;
    assert_permitted(step);
    ek_member(fleet.state, C)->priority = 1;
    ek_member(fleet.state, C)->signing_key = ek_member(fleet.state, A)->signing_key + 1;
    assert_refused(step, "EK-0206");
}

static void clients_in_plaintext_where_both_are_taken(void **state)
{
    (void)state;
    settle(THREE, AL);
    plaintext_client();
    assert_permitted(model_step(&ek_step_set_ssl_mode, B, P));
    assert_permitted(model_step(&ek_step_restart, B, AL));
}

static void rungs_of_a_lone_member(void **state)
{
    (void)state;
    settle(ONE, AL);
    assert_permitted(model_step(&ek_step_set_ssl_mode, A, P));
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT; /* else EK-0209 is first */
    assert_refused(model_step(&ek_step_set_ssl_mode, A, R), "EK-0210");
    settle(ONE, D);
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_refused(model_step(&ek_step_set_ssl_mode, A, R), "EK-0210");
    settle(ONE, P);
    assert_permitted(model_step(&ek_step_set_ssl_mode, A, R));
}

static void what_another_member_has_unread(void **state)
{
    (void)state;
    settle(THREE, P);
    struct ek_step own = step_that_touches(&ek_field_certificate_installed, B, nothing);
    ek_member_access(fleet.state, C)->key_file = EK_UNKNOWN;
    assert_permitted(step_that_touches(&ek_field_key_file, A, nothing));
    assert_permitted(step_that_touches(&ek_field_key_file, B, nothing));
    assert_refused(step_that_touches(&ek_field_key_file, C, nothing), "EK-0218");
    assert_refused(step_that_touches(&ek_field_key_file, SET, nothing), "EK-0218");
    assert_permitted(own);
    ek_certificates(fleet.state)->authority = EK_UNKNOWN;
    assert_refused(step_that_touches(&ek_field_authority, SET, nothing), "EK-0218");
    assert_refused(step_that_touches(&ek_field_authority, C, nothing), "EK-0218");
}

static void options_that_could_not_be_read(void **state)
{
    (void)state;
    settle(THREE, P);
    for (int m = A; m <= C; m++) {
        assert_permitted(model_step(&ek_step_write_configuration, m, P));
        ek_member_transport(fleet.state, m)->options_wanted.known = EK_UNKNOWN;
        assert_refused(model_step(&ek_step_write_configuration, m, P), "EK-0218");
    }
}

/* Nothing but what is touched is new: a restart renames nobody's certificate. */
static void a_restart_keeps_the_name(void **state)
{
    (void)state;
    settle(THREE, P);
    old_name();
    assert_permitted(model_step(&ek_step_restart, B, P));
}

/* The authority's own certificate in the place of a file that had it already, and one beside it. */
static void trust_that_stays(void **state)
{
    (void)state;
    settle(THREE, R);
    assert_permitted(model_step(&ek_step_install_trust, B, EK_SSL_UNKNOWN));
    ek_member_certificates(fleet.state, B)->trust_installed.count = 2;
    assert_permitted(model_step(&ek_step_install_trust, B, EK_SSL_UNKNOWN));
}

/* A stepdown right before the restart that saves a certificate, whatever its file says of modes. */
static void a_stepdown_that_saves_a_certificate(void **state)
{
    (void)state;
    settle(THREE, P);
    struct ek_step step = model_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    step.other = B;
    closed_window();
    fleet.spec.maintenance.urgent_renewal_s = 86400;
    assert_refused(step, "EK-0213");
    ek_member_certificates(fleet.state, A)->certificate_running.not_after_s =
        fleet.policy.now_s + 3600;
    ek_member_transport(fleet.state, A)->mode_configured = R;
    assert_permitted(step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_law_is_asked_of_what_it_guards),
        cmocka_unit_test(what_is_on_no_member_is_judged_as_such),
        cmocka_unit_test(a_role_that_nobody_takes_over),
        cmocka_unit_test(who_is_down_is_started_and_not_restarted),
        cmocka_unit_test(a_start_of_who_runs_stops_it),
        cmocka_unit_test(a_start_of_who_is_down_takes_nobody_away),
        cmocka_unit_test(the_lowest_id_is_told),
        cmocka_unit_test(who_has_to_hold_the_keys),
        cmocka_unit_test(clients_in_plaintext_where_both_are_taken),
        cmocka_unit_test(rungs_of_a_lone_member),
        cmocka_unit_test(what_another_member_has_unread),
        cmocka_unit_test(options_that_could_not_be_read),
        cmocka_unit_test(a_restart_keeps_the_name),
        cmocka_unit_test(trust_that_stays),
        cmocka_unit_test(a_stepdown_that_saves_a_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
