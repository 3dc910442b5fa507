#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reconciler/kernel/plan.h"
#include "tests/model/model.h"
#include "tests/model/steps.h"

const char *model_describe(const struct model_case *c)
{
    static char text[160];
    snprintf(text, sizeof text, "%s, %s -> %s%s%s", c->shape, ek_ssl_mode_name(c->from),
             ek_ssl_mode_name(c->to), c->domain_known ? ", domain known" : "",
             c->bare               ? ", bare hosts"
             : c->certificates_due ? ", certificates due"
             : c->lapsed           ? ", one certificate ended"
                                   : "");
    return text;
}

static void print_plan(const struct model_case *c)
{
    struct ek_plan plan;
    struct ek_error err;
    if (ek_plan_make(EK_SITUATION(&c->spec, c->state, &c->policy), &plan, &err) != 0) {
        printf("%s: %s\n", err.id, err.sentence);
        return;
    }
    printf("%s: %d restarts, %d elections, %zu steps\n", model_describe(c), plan.restarts,
           plan.elections, plan.count);
    for (size_t i = 0; i < plan.count; i++)
        printf("  %zu %s %s%s%s %s%s (%s)\n", i + 1, plan.steps[i].kind->verb,
               plan.steps[i].member < 0 ? "" : c->members[plan.steps[i].member].name,
               plan.steps[i].other < 0 ? "" : " -> ",
               plan.steps[i].other < 0 ? "" : c->members[plan.steps[i].other].name,
               model_mode(&plan.steps[i]) ? ek_ssl_mode_name(model_mode(&plan.steps[i])) : "",
               model_hold(&plan.steps[i]) ? " hold" : "", plan.steps[i].why);
    ek_plan_done(&plan);
}

static void print_plans(void)
{
    static struct model_case c;
    for (size_t shape = 0; shape < model_shape_count(); shape++)
        for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++)
            for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++) {
                model_case_init(&c, shape, (enum ek_ssl_mode)from, (enum ek_ssl_mode)to, false,
                                false);
                print_plan(&c);
            }
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
    struct model_totals walked = {0};
    struct model_totals searched = {0};
    struct model_totals mixed = {0};
    struct timespec start;
    if (argc > 1 && strcmp(argv[1], "--show") == 0) {
        print_plans();
        return 0;
    }
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    walked.stop_at_first = quick;
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_walk(quick ? 3 : 5, quick ? 1 : 2, &walked);
    if (quick && walked.broken)
        return 1;
    printf(
        "walk: %zu cases, %zu states, %zu transitions, %zu failures of a member, %zu laws broken "
        "or plans lost, %.1f s\n",
        walked.cases, walked.states, walked.transitions, walked.failures, walked.broken,
        seconds_since(&start));
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_minimal(quick ? 3 : 5, &searched);
    printf("minimal: %zu cases, %zu states searched, %zu plans above the least without a listed "
           "reason, %.1f s\n",
           searched.cases, searched.states, searched.broken, seconds_since(&start));
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_mixed(all ? 5 : quick ? 3 : 4, &mixed);
    printf("mixed: %zu starting points, %zu states, %zu plans lost or above the least, %zu "
           "with a write or two more, %.1f s\n",
           mixed.cases, mixed.states, mixed.broken, mixed.listed, seconds_since(&start));
    size_t broken = walked.broken + searched.broken + mixed.broken;
    printf("model: %zu passed, %zu failed\n", walked.cases + searched.cases + mixed.cases - broken,
           broken);
    return broken ? 1 : 0;
}
