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
             : c->old_files        ? ", files at the old place"
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
                model_case_init(&c, shape, (enum ek_ssl_mode)from, (enum ek_ssl_mode)to, 0);
                print_plan(&c);
            }
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* How far each part goes. */
struct extent {
    bool quick, all;
};

static void add(struct model_totals *sum, const struct model_totals *part)
{
    sum->cases += part->cases;
    sum->broken += part->broken;
}

static bool walk(const struct extent *extent, struct model_totals *sum)
{
    struct model_totals walked = {.stop_at_first = extent->quick};
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_walk(extent->quick ? 3 : 5, extent->quick ? 1 : 2, &walked);
    add(sum, &walked);
    if (extent->quick && walked.broken)
        return false;
    printf(
        "walk: %zu cases, %zu states, %zu transitions, %zu failures of a member, %zu laws broken "
        "or plans lost, %.1f s\n",
        walked.cases, walked.states, walked.transitions, walked.failures, walked.broken,
        seconds_since(&start));
    return true;
}

static bool minimal(const struct extent *extent, struct model_totals *sum)
{
    struct model_totals searched = {0};
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_minimal(extent->quick ? 3 : 5, &searched);
    add(sum, &searched);
    printf("minimal: %zu cases, %zu states searched, %zu plans above the least without a listed "
           "reason, %.1f s\n",
           searched.cases, searched.states, searched.broken, seconds_since(&start));
    return true;
}

static bool mixed(const struct extent *extent, struct model_totals *sum)
{
    struct model_totals started = {0};
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    model_mixed(extent->all ? 5 : extent->quick ? 3 : 4, &started);
    add(sum, &started);
    printf("mixed: %zu starting points, %zu states, %zu plans lost or above the least, %zu "
           "with a write or two more, %.1f s\n",
           started.cases, started.states, started.broken, started.listed, seconds_since(&start));
    return true;
}

/* model [--quick|--all] [--only walk|minimal|mixed], or --show for the plans. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*run)(const struct extent *extent, struct model_totals *sum);
    } parts[] = {{"walk", walk}, {"minimal", minimal}, {"mixed", mixed}};
    struct model_totals sum = {0};
    struct extent extent = {0};
    const char *only = NULL;
    if (argc > 1 && strcmp(argv[1], "--show") == 0) {
        print_plans();
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        extent.all |= strcmp(argv[i], "--all") == 0;
        extent.quick |= strcmp(argv[i], "--quick") == 0;
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if ((!only || strcmp(only, parts[i].name) == 0) && !parts[i].run(&extent, &sum))
            return 1;
    printf("model: %zu passed, %zu failed\n", sum.cases - sum.broken, sum.broken);
    return sum.broken || sum.cases == 0 ? 1 : 0;
}
