/* SPDX-License-Identifier: Apache-2.0 */
/* uoro is right on the average.  In: one sequence, its gradient by bptt, and very many draws of the
   signs.  Out: test cases: the mean over the draws is that gradient within its own standard error,
   for every weight; and with signs that do not average to zero it is not.  Seeds are fixed: each
   case has one outcome.  */
#define _POSIX_C_SOURCE 200809L
#include "model.h"
#include "suites.h"

#include "etrace_random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 120, N_STEPS = 5, N_DRAWS = 40000, SEED = 7, MAX_PARAMS = 64 };

/* Two states that mix, so that a random direction has two parts.  */
static const char spec[] =
    "etrace: 1\nmodel: mixing\ndtype: float64\ninputs: {x: [2]}\ntargets: {y: [3]}\n"
    "params: {W: [5, 3], b: [3], a: [3]}\nhidden: {h: [3], c: [3]}\n"
    "step:\n  - c' = 0.6 * c + a * tanh(concat(x, h) @ W + b)\n  - h' = tanh(c')\n"
    "outputs: {y: h'}\nloss: sum(square(h' - y))\n";

/* One element of all gradients over the draws.  */
typedef struct {
    double mean, squares; /* of deviations, added up (Welford 1962) */
} moments;

typedef struct {
    int n;
    moments of[MAX_PARAMS];
} estimate;

static void open_rule(model *m, const char *const *option)
{
    char folder[COMMAND_PATH], path[COMMAND_PATH];
    const model_source source = {.spec = path, .option = option, .n_steps = N_STEPS};
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "mixing.yaml");
    ck_assert_int_eq(file_put(path, spec), 0);
    ck_assert_int_eq(model_open(m, &source), 0);
    folder_remove(folder);
}

/* Draw number DRAW: signs given as inputs, 1 as often as SHARE says; or the model's own, by the
   count of steps that it draws from.  */
static void draw_signs(model *m, double share, int draw)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        const bool given = v->kind == ETR_INPUT && strncmp(v->path, "uoro_nu", 7) == 0;
        if (v->kind == ETR_TRACE && strncmp(v->path, "draws", 5) == 0)
            model_put(m, v, m->trace, 0, draw * N_STEPS);
        for (size_t k = 0; given && k < N_STEPS * model_numel(v); k++) {
            const size_t n = model_numel(v);
            const double u = etr_uniform_f64(SEED, (uint32_t)i, (size_t)draw * N_STEPS * n + k);
            model_put(m, v, model_block(m, ETR_INPUT, (int)(k / n)), k % n, u < share ? 1 : -1);
        }
    }
}

/* The numbers of M's gradient, in the order of its table.  */
static int read_gradient(const model *m, double *res)
{
    int n = 0;
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        for (size_t k = 0; v->kind == ETR_PARAM && k < model_numel(v); k++) {
            ck_assert_int_lt(n, MAX_PARAMS);
            res[n++] = model_get(m, v, m->grad, k);
        }
    }
    return n;
}

/* Each draw from the state START.  */
static estimate average(model *m, const char *start, double share)
{
    estimate e = {.n = 0};
    double grad[MAX_PARAMS];
    for (int draw = 0; draw < N_DRAWS; draw++) {
        model_reset(m);
        draw_signs(m, share, draw);
        memcpy(m->state, start, m->info->state_bytes);
        for (int t = 0; t < N_STEPS; t++)
            model_learn(m, t);
        e.n = read_gradient(m, grad);
        for (int i = 0; i < e.n; i++) {
            const double off = grad[i] - e.of[i].mean;
            e.of[i].mean += off / (draw + 1);
            e.of[i].squares += off * (grad[i] - e.of[i].mean);
        }
    }
    return e;
}

/* What M shares with FROM: parameters, states, inputs and targets, by their paths.  */
static void copy_data(model *m, const model *from)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i], *w = model_find(from, v->kind, v->path);
        const bool each = v->kind == ETR_INPUT || v->kind == ETR_TARGET;
        if (!w || !(each || v->kind == ETR_PARAM || v->kind == ETR_HIDDEN))
            continue;
        for (int t = 0; t < (each ? N_STEPS : 1); t++)
            for (size_t k = 0; k < model_numel(v); k++)
                model_put(m, v, model_block(m, v->kind, t), k,
                          model_get(from, w, model_block(from, v->kind, t), k));
    }
}

/* The largest distance of a mean from the exact gradient, in standard errors of the mean.  */
static double worst_of(const estimate *e, const double *exact)
{
    double worst = 0;
    for (int i = 0; i < e->n; i++) {
        const double variance = e->of[i].squares / (N_DRAWS - 1);
        const double error =
            sqrt(variance / N_DRAWS) + 1e-12; /* some are exact, without variance */
        worst = fmax(worst, fabs(e->of[i].mean - exact[i]) / error);
    }
    return worst;
}

static const char *const given[] = {"--rule=uoro", "-L", "noise=input", NULL},
                         *const given_at_t[] = {"--rule=uoro", "-L", "noise=input", "--vjp-time=t",
                                                NULL},
                         *const drawn[] = {"--rule=uoro", "-L", "seed=3", NULL};

static const struct {
    const char *const *option;
    double share; /* of signs that are 1 */
    double least, most; /* standard errors */
} cases[] = {
    {given, 0.5, 0, 4.5},
    {given_at_t, 0.5, 0, 4.5},
    {drawn, 0.5, 0, 4.5},
    {given, 0.7, 10, 1e9},
};

START_TEST(mean_of_many_draws_is_the_gradient)
{
    static const char *const bptt[] = {"--rule=bptt", NULL};
    model m, exact;
    double grad[MAX_PARAMS];
    open_rule(&m, cases[_i].option);
    open_rule(&exact, bptt);
    model_randomise(&exact, SEED);
    copy_data(&m, &exact);
    const estimate e = average(&m, exact.state, cases[_i].share);
    model_learn_all(&exact);
    ck_assert_int_eq(read_gradient(&exact, grad), e.n);
    const double worst = worst_of(&e, grad);
    model_close(&m);
    model_close(&exact);
    ck_assert_msg(worst >= cases[_i].least && worst <= cases[_i].most, "%g standard errors", worst);
}
END_TEST

Suite *unbiased_suite(void)
{
    Suite *suite = suite_create("unbiased");
    TCase *means = tcase_create("means");
    tcase_set_timeout(means, TIMEOUT);
    tcase_add_loop_test(means, mean_of_many_draws_is_the_gradient, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, means);
    return suite;
}
