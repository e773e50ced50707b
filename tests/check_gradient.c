/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients beyond the reference data.  One step of an online rule from any state is exact: it
   equals reverse differentiation.  And that equals differences of the loss, on random models.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "golden_cases.h"
#include "model.h"
#include "random_spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600, N_RANDOM = 10, SEED = 20250, N_STEPS = 4 };

static const char *const bptt[] = {"--rule=bptt", NULL};
static const char *const window_1[] = {"--window=1", NULL};
static const char *const vjp_time_t[] = {"--vjp-time=t", NULL};

static void open_model(model *m, const char *spec, const char *const *option, int n_steps)
{
    const model_source source = {.spec = spec, .option = option, .n_steps = n_steps};
    ck_assert_msg(model_open(m, &source) == 0, "%s: no model", spec);
}

/* The gradients of A and B, which have equal tables, agree within TOL of the largest element of
   their array, or within TOL itself.  */
static void same_gradient(const model *a, const model *b, double tol, const char *what)
{
    for (int i = 0; i < a->info->n_vars; i++) {
        const etr_var *v = &a->info->vars[i];
        const etr_var *w = v->kind == ETR_PARAM ? model_find(b, ETR_PARAM, v->path) : NULL;
        double worst = 0, largest = 1;
        for (size_t k = 0; w && k < model_numel(v); k++) {
            const double x = model_get(a, v, a->grad, k), y = model_get(b, w, b->grad, k);
            ck_assert_msg(isfinite(x) && isfinite(y), "%s: %s is not finite", what, v->path);
            worst = fmax(worst, fabs(x - y));
            largest = fmax(largest, fabs(y));
        }
        ck_assert_msg(worst <= tol * largest, "%s: %s is off by %g of %g", what, v->path, worst,
                      largest);
    }
}

/* One step from a random state: the rule that OPTION chooses against bptt.  */
static void one_step_is_exact(const char *spec, const char *const *option, uint64_t seed,
                              const char *what)
{
    model online, exact;

    open_model(&online, spec, option, 1);
    open_model(&exact, spec, bptt, 1);
    model_randomise(&online, seed);
    model_randomise(&exact, seed);
    const double loss = model_learn_all(&online);
    ck_assert_double_eq_tol(loss, model_learn_all(&exact), 1e-12);
    ck_assert_double_gt(loss, 0);
    same_gradient(&online, &exact, 1e-12, what);
    model_close(&online);
    model_close(&exact);
}

START_TEST(one_step_of_window_1_is_exact)
{
    char spec[COMMAND_PATH];
    golden_path(spec, golden_cases[_i], "yaml");
    one_step_is_exact(spec, window_1, 1, golden_cases[_i]);
}
END_TEST

/* Where a parameter reaches a state by a mixed path, the trace leaves out a part of it.  */
START_TEST(one_step_of_vjp_time_t_is_exact)
{
    char spec[COMMAND_PATH];
    golden_path(spec, golden_cases[_i], "yaml");
    if (strcmp(golden_cases[_i], "mgu") != 0)
        one_step_is_exact(spec, vjp_time_t, 2, golden_cases[_i]);
}
END_TEST

/* df of the bias is 1, its x is 1, D is a number: nothing of them is kept from step to step, and
   yet there was no step before the first.  */
START_TEST(one_step_of_constant_factors_is_exact)
{
    static const char text[] = "etrace: 1\nmodel: leaky\ndtype: float64\nbatch: 2\n"
                               "inputs: {x: [2]}\ntargets: {y: [3]}\n"
                               "params: {W: [2, 3], b: [3]}\nhidden: {r: [3]}\n"
                               "step: [\"r' = 0.8 * r + x @ W + b\"]\n"
                               "outputs: {y: r'}\nloss: sum(square(r' - y))\n";
    char folder[COMMAND_PATH], spec[COMMAND_PATH];

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "leaky.yaml");
    ck_assert_int_eq(file_put(spec, text), 0);
    one_step_is_exact(spec, window_1, 4, "leaky");
    one_step_is_exact(spec, vjp_time_t, 4, "leaky");
    folder_remove(folder);
}
END_TEST

static double at(const model *m, etr_kind kind, const char *path, size_t i)
{
    const etr_var *v = model_find(m, kind, path);
    ck_assert_msg(v != NULL, "%s", path);
    return model_get(m, v, model_block(m, kind, 0), i);
}

static void open_text(model *m, char folder[COMMAND_PATH], const char *text,
                      const char *const *option)
{
    char spec[COMMAND_PATH];
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "model.yaml");
    ck_assert_int_eq(file_put(spec, text), 0);
    open_model(m, spec, option, 1);
}

static const char table[] = "etrace: 1\nmodel: table\ndtype: float64\n"
                            "inputs: {i: {shape: [], type: index, size: 3}}\ntargets: {y: [2]}\n"
                            "params: {W: [3, 2]}\nhidden: {h: [2]}\n"
                            "step:\n  - h' = 0.3 * h + 0.5 * embedding(i, W)\n"
                            "outputs: {y: h'}\nloss: sum(square(h' - y))\n";

/* Before the first step there was no index, not even 0.  */
START_TEST(trace_of_a_table_begins_with_nothing)
{
    char folder[COMMAND_PATH], other[COMMAND_PATH];
    model online, exact;

    open_text(&online, folder, table, window_1);
    open_text(&exact, other, table, bptt);
    model_randomise(&online, 4);
    model_randomise(&exact, 4);
    model_learn_all(&online);
    model_learn_all(&exact);
    same_gradient(&online, &exact, 1e-12, "table");
    model_close(&online);
    model_close(&exact);
    folder_remove(folder);
    folder_remove(other);
}
END_TEST

static const char zero[] = "etrace: 1\nmodel: zero\ndtype: float64\ninputs: {x: []}\n"
                           "params: {w: [2]}\nhidden: {h: [2]}\nstep:\n  - h' = h + w * x\n"
                           "outputs: {y: h'}\nloss: sum(softplus(h' - stop_gradient(h')))\n";

/* The derivative of log(1 + exp(x)) at 0 is 1/2, though |x| and max(x, 0) have kinks there.  */
START_TEST(softplus_has_no_kink)
{
    char folder[COMMAND_PATH];
    model m;

    open_text(&m, folder, zero, window_1);
    model_randomise(&m, 5);
    model_learn_all(&m);
    const double x = at(&m, ETR_INPUT, "x", 0);
    for (size_t k = 0; k < 2; k++)
        ck_assert_double_eq_tol(model_get(&m, model_find(&m, ETR_PARAM, "w"), m.grad, k), x / 2, 1e-15);
    model_close(&m);
    folder_remove(folder);
}
END_TEST

/* --- old states ------------------------------------------------------------------------------- */

static const char swap[] = "etrace: 1\nmodel: swap\ndtype: float64\ninputs: {x: [2]}\n"
                           "hidden: {a: [3], b: [3], c: [2, 3]}\n"
                           "step:\n  - a' = b\n  - b' = a\n  - c' = transpose(reshape(c, [3, 2]))\n"
                           "outputs: {first: a, part: \"b[1:3]\", now: b'}\n"
                           "learning: {dense: drop}\n";

/* New states that are old ones, and outputs that show old ones, whatever is overwritten first.  */
START_TEST(old_states_leave_as_they_were)
{
    static const char *const unroll[][2] = {{"--unroll=1", NULL}, {"--unroll=64", NULL}};
    static const size_t from[] = {0, 2, 4, 1, 3, 5}; /* c'[i][j] = c's element 2 j + i */
    char folder[COMMAND_PATH], spec[COMMAND_PATH];
    double a[3], b[3], c[6];
    model m;

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "swap.yaml");
    ck_assert_int_eq(file_put(spec, swap), 0);
    open_model(&m, spec, unroll[_i], 1);
    model_randomise(&m, 3);
    for (size_t i = 0; i < 6; i++) {
        a[i % 3] = at(&m, ETR_HIDDEN, "a", i % 3);
        b[i % 3] = at(&m, ETR_HIDDEN, "b", i % 3);
        c[i] = at(&m, ETR_HIDDEN, "c", i);
    }
    model_step(&m, 0);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_double_eq(at(&m, ETR_HIDDEN, "a", i % 3), b[i % 3]);
        ck_assert_double_eq(at(&m, ETR_HIDDEN, "b", i % 3), a[i % 3]);
        ck_assert_double_eq(at(&m, ETR_HIDDEN, "c", i), c[from[i]]);
        ck_assert_double_eq(at(&m, ETR_OUTPUT, "first", i % 3), a[i % 3]);
        ck_assert_double_eq(at(&m, ETR_OUTPUT, "part", i % 2), b[1 + i % 2]);
        ck_assert_double_eq(at(&m, ETR_OUTPUT, "now", i % 3), a[i % 3]);
    }
    model_close(&m);
    folder_remove(folder);
}
END_TEST

/* --- random models ---------------------------------------------------------------------------- */

/* Model SEED as a file of the new folder FOLDER, and its text, for free().  */
static char *put_random(char folder[COMMAND_PATH], char spec[COMMAND_PATH], uint64_t seed,
                        int batch)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(f);
    random_spec(f, seed, batch);
    fclose(f);
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "random.yaml");
    ck_assert_int_eq(file_put(spec, text), 0);
    return text;
}

/* The loss of all steps from the state START.  */
static double forward(model *m, const char *start)
{
    double total = 0;
    memcpy(m->state, start, m->info->state_bytes);
    for (int t = 0; t < m->n_steps; t++)
        total += model_solve_signal(m, t);
    return total;
}

/* (L(x + d) - L(x - d)) / 2 d, with the error in d^2 taken out by a second pair at 2 d.  */
static double difference(model *m, const etr_var *v, size_t k, const char *start)
{
    const double d = 1e-3, x = model_get(m, v, m->params, k);
    double f[4];

    for (int i = 0; i < 4; i++) {
        static const int step[] = {-2, -1, 1, 2};
        model_put(m, v, m->params, k, x + step[i] * d);
        f[i] = forward(m, start);
    }
    model_put(m, v, m->params, k, x);
    return (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * d);
}

static void gradient_is_difference(model *m, const etr_var *v, const char *start, const char *what)
{
    double worst = 0, largest = 1e-2;
    for (size_t k = 0; k < model_numel(v); k++) {
        const double got = model_get(m, v, m->grad, k), want = difference(m, v, k, start);
        ck_assert_msg(isfinite(got), "%s: %s is not finite", what, v->path);
        worst = fmax(worst, fabs(got - want));
        largest = fmax(largest, fabs(want));
    }
    ck_assert_msg(worst <= 1e-6 * largest, "%s\n%s is off by %g of %g", what, v->path, worst,
                  largest);
}

/* Batches of 1 and 3 in turn.  */
static int batch_of(int i)
{
    return i % 2 ? 3 : 1;
}

START_TEST(bptt_is_the_difference_of_losses)
{
    char folder[COMMAND_PATH], spec[COMMAND_PATH], what[4096];
    const uint64_t seed = SEED + (uint64_t)_i;
    char *text = put_random(folder, spec, seed, batch_of(_i));
    model m;

    snprintf(what, sizeof what, "random model of seed %d\n%s", (int)seed, text);
    open_model(&m, spec, bptt, N_STEPS);
    model_randomise(&m, seed);
    char *start = malloc(m.info->state_bytes);
    ck_assert_ptr_nonnull(start);
    memcpy(start, m.state, m.info->state_bytes);
    const double loss = model_learn_all(&m);
    ck_assert_double_eq_tol(loss, forward(&m, start), 1e-12 * fmax(1, loss));
    for (int i = 0; i < m.info->n_vars; i++)
        if (m.info->vars[i].kind == ETR_PARAM)
            gradient_is_difference(&m, &m.info->vars[i], start, what);
    free(start);
    free(text);
    model_close(&m);
    folder_remove(folder);
}
END_TEST

START_TEST(one_step_of_random_models_is_exact)
{
    char folder[COMMAND_PATH], spec[COMMAND_PATH], what[4096];
    const uint64_t seed = SEED + (uint64_t)_i;
    char *text = put_random(folder, spec, seed, batch_of(_i));
    model m;

    snprintf(what, sizeof what, "random model of seed %d\n%s", (int)seed, text);
    one_step_is_exact(spec, window_1, seed, what);
    open_model(&m, spec, vjp_time_t, 1);
    const int mixed = strstr(m.messages, "[-Wmixed-path]") != NULL;
    model_close(&m);
    if (!mixed)
        one_step_is_exact(spec, vjp_time_t, seed, what);
    free(text);
    folder_remove(folder);
}
END_TEST

Suite *gradient_suite(void)
{
    Suite *suite = suite_create("gradient");
    TCase *cases = tcase_create("gradient");

    tcase_set_timeout(cases, TIMEOUT);
    tcase_add_loop_test(cases, one_step_of_window_1_is_exact, 0, n_golden_cases);
    tcase_add_loop_test(cases, one_step_of_vjp_time_t_is_exact, 0, n_golden_cases);
    tcase_add_test(cases, one_step_of_constant_factors_is_exact);
    tcase_add_test(cases, trace_of_a_table_begins_with_nothing);
    tcase_add_test(cases, softplus_has_no_kink);
    tcase_add_loop_test(cases, old_states_leave_as_they_were, 0, 2);
    tcase_add_loop_test(cases, bptt_is_the_difference_of_losses, 0, N_RANDOM);
    tcase_add_loop_test(cases, one_step_of_random_models_is_exact, 0, N_RANDOM);
    suite_add_tcase(suite, cases);
    return suite;
}
