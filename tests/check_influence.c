/* SPDX-License-Identifier: Apache-2.0 */
/* What snap keeps.  In: a ring of units, where a weight reaches one unit more each step.  Out: only what is not zero is
   stored, and as long as nothing was left out the gradient is exact.  */
#include "model.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 10, STEPS = 5 };

static void ring_path(char path[COMMAND_PATH])
{
    snprintf(path, COMMAND_PATH, "%s/tests/models/ring.yaml", getenv("srcdir"));
}

static void open_ring(model *m, const char *rule, const char *order, const char *time)
{
    char spec[COMMAND_PATH];
    const char *const option[] = {rule, order, time, NULL};
    ring_path(spec);
    const model_source source = {.spec = spec, .option = option, .n_steps = STEPS};
    ck_assert_int_eq(model_open(m, &source), 0);
    model_randomise(m, 9);
}

/* --- memory -------------------------------------------------------------------------------------- */

static const int orders[] = {2, 3, 6, 9, 10};

/* Three weights W feed a unit, one bias and one non-zero of the ring: each has ORDER places.  */
START_TEST(only_what_is_not_zero_is_stored)
{
    static const struct {
        const char *relation;
        int weights;
    } relations[] = {{"W", 3 * UNITS}, {"b", UNITS}, {"ring", UNITS}};
    char option[40], file[COMMAND_PATH], report[COMMAND_PATH + 20], folder[COMMAND_PATH], spec[COMMAND_PATH];
    command c = {.n = 0};
    model m;

    snprintf(option, sizeof option, "-Lorder=%d", orders[_i]);
    open_ring(&m, "--rule=snap", option, "--vjp-time=t");
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(file, folder, "report.json");
    snprintf(report, sizeof report, "--report=%s", file);
    ring_path(spec);
    command_add(&c, getenv("ETRACE_GEN"));
    command_add(&c, "--check");
    command_add(&c, "--rule=snap");
    command_add(&c, option);
    command_add(&c, "--vjp-time=t");
    command_add(&c, report);
    command_add(&c, spec);
    folder_path(report, folder, "log");
    ck_assert_int_eq(command_run(&c, report), 0);
    char *json = file_text(file);
    ck_assert_ptr_nonnull(json);
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        char line[80];
        const etr_var *v = model_find(&m, ETR_TRACE, relations[i].relation);
        const size_t want = (size_t)(relations[i].weights * orders[_i]);
        ck_assert_ptr_nonnull(v);
        ck_assert_uint_eq(model_numel(v), want);
        snprintf(line, sizeof line, "\"name\": \"%s\", \"trace_bytes\": %zu", v->path, want * sizeof(double));
        ck_assert_msg(strstr(json, line) != NULL, "the report has no %s", line);
    }
    free(json);
    folder_remove(folder);
    model_close(&m);
}
END_TEST

/* --- gradients ----------------------------------------------------------------------------------- */

/* The largest difference of a gradient to that of RULE.  */
static double distance(model *m, const char *rule)
{
    double worst = 0;
    model exact;

    open_ring(&exact, rule, NULL, NULL);
    model_copy(m, &exact);
    model_learn_all(&exact);
    model_learn_all(m);
    for (int i = 0; i < exact.info->n_vars; i++) {
        const etr_var *w = &exact.info->vars[i], *v = model_find(m, ETR_PARAM, w->path);
        for (size_t k = 0; w->kind == ETR_PARAM && k < model_numel(w); k++)
            worst = fmax(worst, fabs(model_get(m, v, m->grad, k) - model_get(&exact, w, exact.grad, k)));
    }
    model_close(&exact);
    return worst;
}

/* In five steps influence goes four units far: with order 5 nothing is left out, with 10 nothing ever is.  */
static const struct {
    const char *order, *time;
    int exact;
} cases[] = {
    {"-Lorder=4", "--vjp-time=t", 0},  {"-Lorder=5", "--vjp-time=t", 1}, {"-Lorder=10", "--vjp-time=t", 1},
    {"-Lorder=2", "--window=1", 0},    {"-Lorder=4", "--window=1", 1},   {"-Lorder=10", "--window=1", 1},
};

START_TEST(it_is_exact_until_something_is_left_out)
{
    static const char *const exact[] = {"--rule=bptt", "--rule=rtrl"};
    for (int i = 0; i < 2; i++) {
        model m;
        open_ring(&m, "--rule=snap", cases[_i].order, cases[_i].time);
        const double off = distance(&m, exact[i]);
        ck_assert_msg((off < 1e-12) == cases[_i].exact, "%s %s: off by %g", cases[_i].order, cases[_i].time, off);
        model_close(&m);
    }
}
END_TEST

Suite *influence_suite(void)
{
    Suite *suite = suite_create("influence");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, only_what_is_not_zero_is_stored, 0, (int)(sizeof orders / sizeof orders[0]));
    tcase_add_loop_test(all, it_is_exact_until_something_is_left_out, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, all);
    return suite;
}
