/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of 16 bits.  In: models whose traces are float, bfloat16 and float16, with the same numbers.  Out: test
   cases: what rounding the trace does to it and to the gradient is within bounds that follow from the format, on a
   model whose D is a constant; elsewhere, by every rule and operator, gradients stay as near as the format lets
   expect; what is stored is half as large.  Refusals are in tests/diag.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 40, FEW = 6, TIMEOUT = 300 };

/* Rounding to the nearest is off by at most UNIT of the number, or by TINY where that is subnormal.  */
static const struct {
    const char *name;
    etr_element element;
    double unit, tiny;
} formats[] = {{"trace_dtype=bfloat16", ETR_BFLOAT16, 0x1p-8, 0x1p-134},
               {"trace_dtype=float16", ETR_FLOAT16, 0x1p-11, 0x1p-25}};

/* h = DECAY h + x W: D is DECAY, df is 1, and the signal h - y does not know the trace.  */
#define DECAY 0.9

static const char leaky[] = "etrace: 1\nmodel: m\ninputs: {x: [3]}\ntargets: {y: [4]}\nparams: {W: [3, 4]}\n"
                            "hidden: {h: [4]}\nstep: [\"h' = 0.9 * h + x @ W\"]\noutputs: [h']\n"
                            "loss: 0.5 * sum(square(h' - y))\nlearning: {rule: d_rtrl, vjp_time: t}\n";

/* FORMAT NULL: float.  */
static model open_spec(const char *spec, const char *format, const char *rule, int n_steps)
{
    const char *option[] = {"--real=float", "-L", rule, format ? "-L" : NULL, format, NULL};
    model m;

    ck_assert_int_eq(model_open(&m, &(model_source){.spec = spec, .option = option, .n_steps = n_steps}), 0);
    model_randomise(&m, 21);
    model_reset(&m);
    return m;
}

static model open_leaky(const char *format)
{
    char folder[COMMAND_PATH], path[COMMAND_PATH];
    model m;

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "spec.yaml");
    ck_assert_int_eq(file_put(path, leaky), 0);
    m = open_spec(path, format, "vjp_time=t", STEPS);
    folder_remove(folder);
    return m;
}

/* Element (i, k) of a trace or a gradient of W.  */
static double at(const model *m, etr_kind kind, int i, int k)
{
    const etr_var *v = model_find(m, kind, "W");

    ck_assert_ptr_nonnull(v);
    return model_get(m, v, kind == ETR_TRACE ? m->trace : m->grad, (size_t)(4 * i + k));
}

/* The error of the stored trace obeys  b(t) = DECAY b(t-1) + rounding of e(t),  |e| that of floats and b itself; that
   of the gradient is the signal's size times DECAY b(t-1), and what float arithmetic rounds in both.  */
START_TEST(error_is_bounded_by_the_format)
{
    const double unit = formats[_i].unit, tiny = formats[_i].tiny, single = 0x1p-22;
    model exact = open_leaky(NULL), rounded = open_leaky(formats[_i].name);
    double bound[3][4] = {{0}}, allowed[3][4] = {{0}}, worst = 0;

    ck_assert_int_eq(model_find(&rounded, ETR_TRACE, "W")->element, formats[_i].element);
    for (int t = 0; t < STEPS; t++) {
        model_learn(&exact, t);
        model_learn(&rounded, t);
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 4; k++) {
                const etr_var *h = model_find(&exact, ETR_HIDDEN, "h"), *y = model_find(&exact, ETR_TARGET, "y");
                const double signal = model_get(&exact, h, exact.state, (size_t)k)
                                      - model_get(&exact, y, model_block(&exact, ETR_TARGET, t), (size_t)k);
                const double e = at(&exact, ETR_TRACE, i, k), grad = at(&exact, ETR_PARAM, i, k);
                const double carried = DECAY * bound[i][k] + single * fabs(e);
                const double far = fabs(at(&rounded, ETR_TRACE, i, k) - e);
                const double off = fabs(at(&rounded, ETR_PARAM, i, k) - grad);

                bound[i][k] = carried + fmax(unit * (fabs(e) + carried), tiny);
                allowed[i][k] += fabs(signal) * carried + single * (fabs(grad) + fabs(signal * e));
                ck_assert_msg(far <= bound[i][k], "step %d: the trace is %g away, not %g", t, far, bound[i][k]);
                ck_assert_msg(off <= allowed[i][k], "step %d: the gradient is %g away, not %g", t, off,
                              allowed[i][k]);
                worst = fmax(worst, far / (unit * fmax(fabs(e), tiny)));
            }
    }
    ck_assert_double_gt(worst, 0.1); /* it is rounded at all */
    model_close(&exact);
    model_close(&rounded);
}
END_TEST

/* What rounds in a trace of this kind; every operator has a trace of its own form.  */
static const struct {
    const char *spec, *rule;
} cases[] = {{"conv_rnn_bias", "window=1"},      {"elemwise_batch4", "window=3"}, {"embedding_batch4", "vjp_time=t"},
             {"lif_batch4", "kappa=0.7"},        {"lru", "window=4"},             {"mini_lstm", "vjp_time=t"},
             {"sparse", "window=1"},             {"stack3_batch3", "window=2"},   {"two_state", "scope=coupled"},
             {"stack3_batch3", "rule=pp_prop"},  {"two_state", "rule=snap"},      {"mini_lstm", "rule=dni"}};

enum { N_CASES = sizeof cases / sizeof cases[0] };

/* The distance of the gradients, by the size of that of A.  */
static double distance(const model *a, const model *b)
{
    double far = 0, size = 0;

    for (int i = 0; i < a->info->n_vars; i++) {
        const etr_var *v = &a->info->vars[i];
        const etr_var *w = model_find(b, ETR_PARAM, v->path);
        for (size_t k = 0; v->kind == ETR_PARAM && k < model_numel(v); k++) {
            const double x = model_get(a, v, a->grad, k), y = model_get(b, w, b->grad, k);
            ck_assert(isfinite(y));
            far += (x - y) * (x - y);
            size += x * x;
        }
    }
    return sqrt(far / size);
}

/* A trace is rounded FEW times on its way; several times that is reserve, a number misread is worlds away.  */
START_TEST(gradients_stay_near)
{
    const char *root = getenv("srcdir");
    char path[COMMAND_PATH];
    double far[2];

    snprintf(path, sizeof path, "%s/tests/golden/%s.yaml", root ? root : ".", cases[_i].spec);
    model single = open_spec(path, NULL, cases[_i].rule, FEW);
    model_learn_sequence(&single);
    for (int f = 0; f < 2; f++) {
        model half = open_spec(path, formats[f].name, cases[_i].rule, FEW);
        model_learn_sequence(&half);
        far[f] = distance(&single, &half);
        ck_assert_msg(far[f] < 4 * formats[f].unit, "%s, %s: %g away", cases[_i].spec, formats[f].name, far[f]);
        ck_assert_uint_lt(half.info->trace_bytes, single.info->trace_bytes);
        model_close(&half);
    }
    ck_assert_msg(far[0] > 0 && far[0] > far[1], "%g and %g: nothing is rounded", far[0], far[1]);
    model_close(&single);
}
END_TEST

Suite *trace_dtype_suite(void)
{
    Suite *s = suite_create("trace_dtype");
    TCase *bounds = tcase_create("bounds"), *near = tcase_create("near");

    tcase_set_timeout(bounds, TIMEOUT);
    tcase_add_loop_test(bounds, error_is_bounded_by_the_format, 0, 2);
    suite_add_tcase(s, bounds);
    tcase_set_timeout(near, TIMEOUT);
    tcase_add_loop_test(near, gradients_stay_near, 0, N_CASES);
    suite_add_tcase(s, near);
    return s;
}
