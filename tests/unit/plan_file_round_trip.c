#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/file.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/report/plan_report.h"
#include "specs/arena.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

struct fixture {
    char directory[64];
    char path[128];
    struct model_case model;
    struct ek_plan plan;
    struct ek_planned planned;
    struct ek_plan_set set;
};

static void write_plan(const struct ek_plan_set *set, const char *path)
{
    struct ek_error err = {0};
    json_t *document = ek_plan_json(set);
    assert_non_null(document);
    assert_int_equal(ek_plan_file_write(document, path, &err), 0);
    json_decref(document);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct ek_error err = {0};
    memset(&f, 0, sizeof f);
    snprintf(f.directory, sizeof f.directory, "/tmp/ek-plan-file.XXXXXX");
    assert_non_null(mkdtemp(f.directory));
    snprintf(f.path, sizeof f.path, "%s/orders.plan", f.directory);
    model_case_init(&f.model, 3, EK_SSL_DISABLED, EK_SSL_REQUIRE, 0);
    snprintf(ek_set(f.model.state)->set_id, sizeof ek_set(f.model.state)->set_id,
             "5f0c0ffee0c0ffee0c0ffee0");
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&f.model.spec, f.model.state, &f.model.policy), &f.plan, &err),
        0);
    f.planned = (struct ek_planned){.spec = &f.model.spec,
                                    .state = f.model.state,
                                    .policy = &f.model.policy,
                                    .plan = &f.plan,
                                    .observed_ms = 1800000000000};
    memset(f.planned.spec_digest, 0x5a, sizeof f.planned.spec_digest);
    f.set = (struct ek_plan_set){.source = {.url = "/srv/specs.git",
                                            .path = "fleet",
                                            .commit = "3f2c1ab7d0c94a55b1e2f60718293a4b5c6d7e8f",
                                            .commit_subject = "Enable SSL"},
                                 .planned = &f.planned,
                                 .count = 1};
    write_plan(&f.set, f.path);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ek_plan_done(&f->plan);
    model_case_done(&f->model);
    unlink(f->path);
    return rmdir(f->directory);
}

static void reads_back_every_field(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_plan_source source;
    struct ek_policy policy = {.former_primary = -1};
    struct ek_plan plan;
    struct ek_error err = {0};
    char name[65];
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    ek_plan_file_source(file, &source);
    assert_null(source.directory);
    assert_string_equal(source.url, "/srv/specs.git");
    assert_string_equal(source.path, "fleet");
    assert_string_equal(source.commit, f->set.source.commit);
    assert_int_equal(ek_plan_name(&f->set, name, NULL), 0);
    assert_string_equal(ek_plan_file_name(file), name);
    assert_int_equal(ek_plan_file_count(file), 1);
    assert_string_equal(ek_plan_file_deployment(file, 0), f->model.spec.name);
    assert_int_equal(ek_plan_file_current(file, 0, &f->model.spec, f->planned.spec_digest, &err),
                     0);
    assert_int_equal(ek_plan_file_policy(file, 0, &f->model.spec, &policy, &err), 0);
    assert_int_equal(ek_plan_file_plan(file, 0, &f->model.spec, &plan, &err), 0);
    assert_int_equal(policy.former_primary, 0);
    assert_string_equal(policy.new_label, f->model.policy.new_label);
    assert_int_equal(plan.count, f->plan.count);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    assert_int_equal(plan.restarts, 3);
    assert_int_equal(plan.elections, f->plan.elections);
    assert_int_equal(plan.to_add, f->plan.to_add);
    assert_int_equal(plan.to_change, f->plan.to_change);
    assert_int_equal(plan.write_pause_ms, f->plan.write_pause_ms);
    assert_memory_equal(plan.digests, f->plan.digests, (plan.count + 1) * sizeof *plan.digests);
    for (size_t i = 0; i < plan.count; i++) {
        const struct ek_step *is = &plan.steps[i];
        const struct ek_step *was = &f->plan.steps[i];
        assert_ptr_equal(is->kind, was->kind);
        assert_int_equal(is->member, was->member);
        assert_int_equal(is->other, was->other);
        assert_true(ek_step_same(is, was));
        assert_string_equal(is->why, was->why);
    }
    ek_plan_done(&plan);
    ek_plan_file_free(file);
}

static void is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void the_name_does_not_depend_on_the_time(void **state)
{
    struct fixture *f = *state;
    char first[65];
    char later[65];
    char other[65];
    assert_int_equal(ek_plan_name(&f->set, first, NULL), 0);
    f->planned.observed_ms += 60000;
    assert_int_equal(ek_plan_name(&f->set, later, NULL), 0);
    assert_string_equal(first, later);
    f->planned.spec_digest[0] ^= 1;
    assert_int_equal(ek_plan_name(&f->set, other, NULL), 0);
    assert_string_not_equal(first, other);
}

static void refuses_other_specs(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    uint8_t digest[32];
    memcpy(digest, f->planned.spec_digest, sizeof digest);
    digest[31] ^= 1;
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    assert_int_equal(ek_plan_file_current(file, 0, &f->model.spec, digest, &err), EK_STALE);
    assert_string_equal(err.id, "EK-0810");
    ek_plan_file_free(file);
}

/* Whatever single byte of the content is changed: it is refused, or (the time, white
 * space) means the same. */
static void any_changed_byte_is_noticed(void **state)
{
    struct fixture *f = *state;
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    size_t refused = 0;
    assert_int_equal(ek_file_read(f->path, 1 << 20, &text, NULL, &err), 0);
    const char *time = strstr(text.bytes, "\"observed_at\"");
    assert_non_null(time);
    for (size_t i = 0; i < text.length; i += 7) {
        struct ek_plan_file *file = NULL;
        if (i >= (size_t)(time - text.bytes) && i < (size_t)(time - text.bytes) + 40)
            continue;
        char was = text.bytes[i];
        text.bytes[i] = was == '7' ? '8' : '7';
        assert_int_equal(ek_file_write(f->path, text.bytes, text.length, 0600, &err), 0);
        int result = ek_plan_file_read(f->path, &file, &err);
        if (result == 0)
            fail_msg("a changed byte at %zu (\"%.20s\") passed", i, text.bytes + i);
        assert_true(result == EK_INVALID || result == EK_UNSUPPORTED);
        text.bytes[i] = was;
        refused++;
    }
    assert_true(refused > 500);
}

static void a_cut_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    assert_int_equal(truncate(f->path, 1000), 0);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), EK_INVALID);
    assert_string_equal(err.id, "EK-0808");
    assert_int_equal(truncate(f->path, 0), 0);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), EK_INVALID);
    unlink(f->path);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), EK_NOT_FOUND);
    assert_int_equal(ek_file_write(f->path, "[]", 2, 0600, &err), 0);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), EK_INVALID);
    assert_null(file);
}

/* Replace the document's text by what `change` makes of it, with a digest that fits. */
static void rewrite(struct fixture *f, const char *key, json_t *value, bool in_step)
{
    char digest[65];
    struct ek_error err = {0};
    json_t *document = json_load_file(f->path, 0, NULL);
    assert_non_null(document);
    json_t *deployment = json_array_get(json_object_get(document, "deployments"), 0);
    json_t *step = json_array_get(json_object_get(deployment, "steps"), 3);
    json_object_set_new(in_step ? step : document, key, value);
    assert_int_equal(ek_plan_json_name(deployment, digest, NULL), 0);
    json_object_set_new(deployment, "plan", json_string(digest));
    assert_int_equal(ek_plan_json_digest(document, digest, NULL), 0);
    json_object_set_new(document, "sha256", json_string(digest));
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    assert_int_equal(ek_file_write(f->path, text, strlen(text), 0600, &err), 0);
    free(text);
    json_decref(document);
}

static void a_newer_format_is_refused_as_such(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    rewrite(f, "format_version", json_string("2.0"), false);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), EK_UNSUPPORTED);
    assert_string_equal(err.id, "EK-0809");
    rewrite(f, "format_version", json_string("1.7"), false);
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    ek_plan_file_free(file);
}

/* A digest can be computed by anybody: what the steps say is still checked. */
static void senseless_steps_are_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *key;
        const char *value;
    } bad[] = {{"kind", "format-disk"},
               {"member", "nobody"},
               {"label", "far-too-long-a-label-for-any-ssl-domain"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ek_plan_file *file = NULL;
        struct ek_policy policy = {.former_primary = -1};
        struct ek_plan plan;
        struct ek_error err = {0};
        write_plan(&f->set, f->path);
        rewrite(f, bad[i].key, json_string(bad[i].value), true);
        assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
        int result = ek_plan_file_policy(file, 0, &f->model.spec, &policy, &err);
        if (result == 0)
            result = ek_plan_file_plan(file, 0, &f->model.spec, &plan, &err);
        assert_int_equal(result, EK_INVALID);
        assert_string_equal(err.id, "EK-0808");
        ek_plan_file_free(file);
    }
}

static int position(struct fixture *f)
{
    struct ek_plan_file *file = NULL;
    struct ek_policy policy = {.former_primary = -1, .now_s = f->model.policy.now_s};
    struct ek_plan plan;
    struct ek_error err = {0};
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    assert_int_equal(ek_plan_file_current(file, 0, &f->model.spec, f->planned.spec_digest, &err),
                     0);
    assert_int_equal(ek_plan_file_policy(file, 0, &f->model.spec, &policy, &err), 0);
    assert_int_equal(ek_plan_file_plan(file, 0, &f->model.spec, &plan, &err), 0);
    int found = ek_plan_fits(&plan, EK_SITUATION(&f->model.spec, f->model.state, &policy));
    ek_plan_done(&plan);
    ek_plan_file_free(file);
    return found;
}

/* Each thing that a plan is pinned to; the specs' digest is above, the commit is where apply
 * reads the specs from. */
static void fits_what_it_was_made_for_only(void **state)
{
    struct fixture *f = *state;
    struct ek_state *now = f->model.state;
    assert_int_equal(position(f), 0);
    ek_set(now)->config_version++;
    assert_int_equal(position(f), -1);
    ek_set(now)->config_version--;
    ek_set(now)->set_id[0] = '6';
    assert_int_equal(position(f), -1);
    ek_set(now)->set_id[0] = '5';
    ek_member_transport(now, 1)->mode_configured = EK_SSL_PREFER;
    assert_int_equal(position(f), -1);
    ek_member_transport(now, 1)->mode_configured = EK_SSL_DISABLED;
    assert_int_equal(position(f), 0);
    for (int done = 0; done < 4; done++)
        ek_effect(EK_SITUATION(&f->model.spec, now, &f->model.policy), &f->plan.steps[done], &now,
                  NULL);
    assert_int_equal(position(f), 4);
    ek_set(now)->set_id[0] = 0;
    assert_int_equal(position(f), -1);
}

/* What show makes of a file is what plan showed. */
static void shows_what_it_was_made_of(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_planned planned;
    struct ek_error err = {0};
    struct ek_arena *arena = ek_arena_new();
    char name[65];
    char again[65];
    EK_BUFFER text = {0};
    EK_BUFFER shown = {0};
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    assert_int_equal(ek_plan_file_show(file, 0, arena, &planned, &err), 0);
    assert_int_equal(ek_planned_name(&f->planned, name, NULL), 0);
    assert_int_equal(ek_planned_name(&planned, again, NULL), 0);
    assert_string_equal(again, name);
    struct ek_plan_set set = {
        .source = f->set.source, .planned = &planned, .count = 1, .name = ek_plan_file_name(file)};
    ek_plan_text(&f->set, false, &text);
    ek_plan_text(&set, false, &shown);
    assert_string_equal(ek_buffer_text(&shown), ek_buffer_text(&text));
    ek_arena_free(arena);
    ek_plan_file_free(file);
}

static void shows_what_moved(void **state)
{
    struct fixture *f = *state;
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    EK_BUFFER text = {0};
    assert_int_equal(ek_plan_file_read(f->path, &file, &err), 0);
    ek_plan_file_moved(file, 0, EK_SITUATION(&f->model.spec, f->model.state, &f->model.policy),
                       &text, NULL);
    assert_int_equal(text.length, 0);
    ek_member_transport(f->model.state, 1)->mode_running = EK_SSL_ALLOW;
    ek_plan_file_moved(file, 0, EK_SITUATION(&f->model.spec, f->model.state, &f->model.policy),
                       &text, NULL);
    assert_non_null(strstr(ek_buffer_text(&text), "- b sslMode running: disabled\n"));
    assert_non_null(strstr(ek_buffer_text(&text), "+ b sslMode running: allowSSL\n"));
    assert_null(strstr(ek_buffer_text(&text), "a sslMode"));
    ek_plan_file_free(file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_back_every_field),
        TEST(is_for_its_owner_only),
        TEST(fits_what_it_was_made_for_only),
        TEST(shows_what_it_was_made_of),
        TEST(the_name_does_not_depend_on_the_time),
        TEST(refuses_other_specs),
        TEST(any_changed_byte_is_noticed),
        TEST(a_cut_file_is_refused),
        TEST(a_newer_format_is_refused_as_such),
        TEST(senseless_steps_are_refused),
        TEST(shows_what_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
