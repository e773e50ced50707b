/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, for every rule that has them.  A window as long as the sequence is BPTT; one that ends early, with the
   sequence or with a call, is a shorter one.  */
#include "golden_cases.h"
#include "model.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 7, OPTIONS_MAX = 6 };

static const struct {
    const char *option[OPTIONS_MAX];
} rules[] = {
    {{"--rule=d_rtrl"}},
    {{"--rule=d_rtrl", "-Lscope=coupled", "-Lkappa=0.5"}},
    {{"--rule=d_rtrl", "-Lfeedback=random"}},
    {{"--rule=pp_prop"}},
    {{"--rule=pp_prop", "-Ldecay=[0.9,0.5]"}},
    {{"--rule=hybrid", "-Lbelow=20"}},
    {{"--rule=eprop"}},
    {{"--rule=ostl_recurrent"}},
    {{"--rule=ostl_feedforward"}},
    {{"--rule=snap"}},
    {{"--rule=snap", "-Lorder=2"}},
    {{"--rule=uoro", "-Lseed=1"}},
    {{"--rule=uoro", "-Lseed=1", "-Lestimate=batch"}},
    {{"--rule=dni"}},
    {{"--rule=scalar_leak"}},
    {{"--rule=no_recursion"}},
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

static const char *const models[] = {"gru", "lif_readout", "rnn_batch4"};

enum { N_MODELS = sizeof models / sizeof models[0] };

/* NAME with RULE's options and WINDOW (NULL: bptt), all of it random; a synthesiser's arrays are zero.  */
static void open_model(model *m, const char *name, int rule, const char *window)
{
    char spec[COMMAND_PATH];
    const char *option[OPTIONS_MAX + 2] = {"--rule=bptt"};
    int n = 0;

    golden_path(spec, name, "yaml");
    for (; window && rules[rule].option[n]; n++)
        option[n] = rules[rule].option[n];
    if (window)
        option[n] = window;
    const model_source source = {.spec = spec, .option = option, .n_steps = STEPS};
    ck_assert_int_eq(model_open(m, &source), 0);
    model_randomise(m, 11);
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        for (size_t k = 0; strncmp(v->path, "dni_", 4) == 0 && k < model_numel(v); k++)
            model_put(m, v, m->params, k, 0);
    }
}

/* Steps FROM and on, N of them, in one call.  */
static double part(model *m, int from, int n)
{
    model some = *m;
    some.n_steps = n;
    some.input = model_block(m, ETR_INPUT, from);
    some.target = model_block(m, ETR_TARGET, from);
    some.output = model_block(m, ETR_OUTPUT, from);
    return model_learn_sequence(&some);
}

/* The gradients of all parameters that both have.  */
static void same_gradient(const model *a, const model *b, int rule, const char *what)
{
    double size = 0;
    for (int i = 0; i < b->info->n_vars; i++) {
        const etr_var *w = &b->info->vars[i], *v = model_find(a, ETR_PARAM, w->path);
        for (size_t k = 0; w->kind == ETR_PARAM && v && k < model_numel(v); k++) {
            const double x = model_get(a, v, a->grad, k), y = model_get(b, w, b->grad, k);
            ck_assert_msg(fabs(x - y) <= 1e-10 * fmax(1, fabs(y)), "%s %s: %s is %g, not %g", rules[rule].option[0],
                          what, v->path, x, y);
            size += fabs(y);
        }
    }
    ck_assert_double_gt(size, 0.01);
}

START_TEST(as_long_as_the_sequence_it_is_bptt)
{
    for (int i = 0; i < N_MODELS; i++) {
        model m, exact;
        open_model(&m, models[i], _i, "--window=7");
        open_model(&exact, models[i], _i, NULL);
        model_copy(&m, &exact);
        ck_assert_double_eq_tol(model_learn_all(&m), model_learn_all(&exact), 1e-12);
        same_gradient(&m, &exact, _i, models[i]);
        model_close(&m);
        model_close(&exact);
    }
}
END_TEST

/* Windows of 4 that are ended by calls of 2, 2, 2 and 1 steps; and windows of 2.  */
START_TEST(one_that_ends_early_is_a_shorter_one)
{
    for (int i = 0; i < N_MODELS; i++) {
        model cut, whole;
        open_model(&cut, models[i], _i, "--window=4");
        open_model(&whole, models[i], _i, "--window=2");
        model_reset(&cut);
        for (int t = 0; t < STEPS; t += 2)
            part(&cut, t, t + 2 <= STEPS ? 2 : STEPS - t);
        model_learn_all(&whole);
        same_gradient(&cut, &whole, _i, models[i]);
        model_close(&cut);
        model_close(&whole);
    }
}
END_TEST

Suite *windows_suite(void)
{
    Suite *suite = suite_create("windows");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 240);
    tcase_add_loop_test(all, as_long_as_the_sequence_it_is_bptt, 0, N_RULES);
    tcase_add_loop_test(all, one_that_ends_early_is_a_shorter_one, 0, N_RULES);
    suite_add_tcase(suite, all);
    return suite;
}
