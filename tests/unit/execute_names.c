/* Names as they are observed: what the resolver could not tell is unknown, and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/clock.h"
#include "reconciler/execute/observe.h"

extern const struct ek_observer ek_transport_observer;

/* What the resolver says of any name. */
static int answer;

static int list(const struct ek_dns_zone *zone, const char *mark,
                struct ek_dns_records *ret_records, struct ek_error *err)
{
    (void)zone, (void)mark, (void)err;
    ret_records->count = 0;
    return 0;
}

static int look_up(const struct ek_dns_zone *zone, const char *name, int64_t deadline,
                   struct ek_dns_address *ret_address, struct ek_error *err)
{
    (void)zone, (void)deadline;
    if (answer != 0)
        return ek_fail(err, (enum ek_code)answer, "EK-0424", "%s: nobody answers", name);
    snprintf(ret_address->text, sizeof ret_address->text, "10.0.0.1");
    return 0;
}

static const struct ek_dns_driver dns = {.name = "fake", .list = list, .look_up = look_up};

/* A state as it is observed with that answer; problems are for one member and the deployment. */
static struct ek_state *observe(int with, char (*problems)[EK_PROBLEM_SIZE])
{
    static char domain[] = "fleet.example.net";
    static struct ek_member_spec members[] = {
        {.name = "a", .host = "db-a.example.net", .address = "10.0.0.1"}};
    struct ek_deployment_spec spec = {
        .members = members, .member_count = 1, .ssl_domain = {.base = domain}};
    struct ek_world world = {.spec = &spec, .dns = &dns};
    struct ek_observing *o = calloc(1, sizeof *o);
    struct ek_state *state;
    assert_non_null(o);
    assert_int_equal(ek_state_new(1, &state, NULL), 0);
    answer = with;
    snprintf(ek_transport(state)->domain_label, EK_LABEL_SIZE, "q7w3");
    o->world = &world;
    o->deadline = ek_monotonic_ms() + 10000;
    o->state = state;
    o->problems = problems;
    ek_transport_observer.between(o);
    free(o);
    return state;
}

static void test_what_nobody_could_tell_is_unknown(void **state)
{
    static const struct {
        int answer;
        enum ek_tri told;
    } table[] = {{0, EK_YES},
                 {EK_NOT_FOUND, EK_NO},
                 {EK_UNREACHABLE, EK_UNKNOWN},
                 {EK_TIMEOUT, EK_UNKNOWN},
                 {EK_INVALID, EK_UNKNOWN}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char problems[2][EK_PROBLEM_SIZE] = {"", ""};
        struct ek_state *observed = observe(table[i].answer, problems);
        assert_int_equal(ek_member(observed, 0)->spec_host_resolves, table[i].told);
        assert_int_equal(ek_member_transport(observed, 0)->domain_name_bound, table[i].told);
        assert_int_equal(problems[0][0] != 0, table[i].told == EK_UNKNOWN);
        if (table[i].told == EK_UNKNOWN)
            assert_non_null(strstr(problems[0], "nobody answers"));
        free(observed);
    }
}

/* Whoever reads it finds the place, and more about it. */
static void test_a_failure_tells_its_place_and_its_row(void **state)
{
    static const struct {
        struct ek_error err;
        const char *told;
    } table[] = {
        {{.id = "EK-0410", .at = {"/etc/mongod.conf", 21, 1, 0}, .sentence = "duplicate key 'net'"},
         "/etc/mongod.conf:21:1: duplicate key 'net' [EK-0410], see: evenkeel explain EK-0410"},
        {{.id = "EK-0411",
          .at = {"/etc/mongod.conf", 4, 3, 0},
          .sentence = "/etc/mongod.conf: not in block style"},
         "/etc/mongod.conf:4:3: not in block style [EK-0411], see: evenkeel explain EK-0411"},
        {{.id = "EK-0415", .sentence = "/x: Permission denied"},
         "/x: Permission denied [EK-0415], see: evenkeel explain EK-0415"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char problems[2][EK_PROBLEM_SIZE] = {"", ""};
        struct ek_observing *o = calloc(1, sizeof *o);
        assert_non_null(o);
        o->problems = problems;
        ek_observe_failure(o, 0, &table[i].err);
        assert_string_equal(problems[0], table[i].told);
        free(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failure_tells_its_place_and_its_row),
        cmocka_unit_test(test_what_nobody_could_tell_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
