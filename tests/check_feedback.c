/* SPDX-License-Identifier: Apache-2.0 */
/* Feedback from the error.  In: models of the reference with a readout.  Out: where theory says that it is symmetric
   feedback it is; by hand in the one case that has no trace; and adaptive feedback learns what the readout learns.  */
#include "etrace_random.h"
#include "model.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 7, OPTIONS_MAX = 6 };

static void open_model(model *m, const char *name, const char *const *option)
{
    char spec[COMMAND_PATH];
    snprintf(spec, sizeof spec, "%s/tests/golden/%s.yaml", getenv("srcdir"), name);
    const model_source source = {.spec = spec, .option = option, .n_steps = STEPS};
    ck_assert_int_eq(model_open(m, &source), 0);
    model_randomise(m, 5);
}

static const etr_var *find(const model *m, etr_kind kind, const char *path)
{
    const etr_var *v = model_find(m, kind, path);
    ck_assert_msg(v != NULL, "no %s", path);
    return v;
}

/* FEEDBACK, [outputs, units], as the transposed READOUT; of TO from FROM.  */
static void put_transposed(model *m, char *to, const char *feedback, const char *from, const char *readout)
{
    const etr_var *B = find(m, ETR_PARAM, feedback), *W = find(m, ETR_PARAM, readout);
    const size_t outputs = (size_t)B->shape[0], units = (size_t)B->shape[1];
    ck_assert_int_eq(B->shape[0], W->shape[1]);
    ck_assert_int_eq(B->shape[1], W->shape[0]);
    for (size_t i = 0; i < outputs; i++)
        for (size_t k = 0; k < units; k++)
            model_put(m, B, to, i * units + k, model_get(m, W, from, k * outputs + i));
}

/* --- where it is symmetric feedback ----------------------------------------------------------------- */

static const struct {
    const char *name, *feedback;
    const char *option[OPTIONS_MAX];
} symmetric[] = {
    {"rnn_readout", "feedback.y.group0", {"--rule=d_rtrl"}},
    {"rnn_readout", "feedback.y.group0", {"--rule=eprop", "-Lscope=coupled"}},
    {"rnn_readout", "feedback.y.group0", {"--rule=pp_prop", "-Ldecay=0.5"}},
    {"lif_readout", "feedback.y.group0", {"--rule=d_rtrl"}},
    {"lif_readout", "feedback.y.group0", {"--rule=eprop", "-Lkappa=0.6", "--signal=total"}},
    {"alif_readout", "feedback.y.group0", {"--rule=scalar_leak"}},
};

START_TEST(the_transposed_readout_is_symmetric_feedback)
{
    const char *plain[OPTIONS_MAX + 3] = {0}, *fed[OPTIONS_MAX + 3] = {0};
    model a, b;
    int n = 0;

    for (; symmetric[_i].option[n]; n++)
        plain[n] = fed[n] = symmetric[_i].option[n];
    plain[n] = "--vjp-time=t";
    fed[n] = "-Lfeedback=random";
    fed[n + 1] = "-Lfeedback_from=error";
    open_model(&a, symmetric[_i].name, plain);
    open_model(&b, symmetric[_i].name, fed);
    model_copy(&b, &a);
    put_transposed(&b, b.params, symmetric[_i].feedback, b.params, "out.W");
    model_learn_all(&a);
    model_learn_all(&b);
    for (int i = 0; i < a.info->n_vars; i++) {
        const etr_var *v = &a.info->vars[i];
        for (size_t k = 0; v->kind == ETR_PARAM && k < model_numel(v); k++)
            ck_assert_msg(fabs(model_get(&a, v, a.grad, k) - model_get(&b, find(&b, ETR_PARAM, v->path), b.grad, k))
                              < 1e-12, "%s of %s", v->path, symmetric[_i].name);
    }
    model_close(&a);
    model_close(&b);
}
END_TEST

/* --- by hand ------------------------------------------------------------------------------------------ */

/* A vanilla RNN has no past in its trace: grad W = sum over t of x (df (e B)), e the error of the readout.  */
START_TEST(the_error_comes_back_by_its_matrix_alone)
{
    static const char *const option[] = {"-Lfeedback=random", "-Lfeedback_from=error", NULL};
    double want[64] = {0};
    model m;

    open_model(&m, "rnn_readout", option);
    const etr_var *B = find(&m, ETR_PARAM, "feedback.y.group0"), *W = find(&m, ETR_PARAM, "cell.W");
    const etr_var *x = find(&m, ETR_H2W_X, "cell.W"), *df = find(&m, ETR_H2W, "cell.W");
    const etr_var *y = find(&m, ETR_TARGET, "y"), *out = find(&m, ETR_OUTPUT, "y");
    const size_t outputs = (size_t)B->shape[0], units = (size_t)B->shape[1], inputs = (size_t)W->shape[0];
    char *before = malloc(m.info->state_bytes);
    ck_assert_ptr_nonnull(before);
    memcpy(before, m.state, m.info->state_bytes);
    for (int t = 0; t < STEPS; t++) {
        model_solve(&m, t);
        for (size_t k = 0; k < units; k++) {
            double back = 0;
            for (size_t i = 0; i < outputs; i++)
                back += (model_get(&m, out, model_block(&m, ETR_OUTPUT, t), i)
                         - model_get(&m, y, model_block(&m, ETR_TARGET, t), i))
                        * model_get(&m, B, m.params, i * units + k);
            for (size_t i = 0; i < inputs; i++)
                want[i * units + k] += model_get(&m, x, m.jacobian, i) * model_get(&m, df, m.jacobian, k) * back;
        }
    }
    memcpy(m.state, before, m.info->state_bytes);
    free(before);
    model_learn_all(&m);
    for (size_t i = 0; i < inputs * units; i++)
        ck_assert_double_eq_tol(model_get(&m, W, m.grad, i), want[i], 1e-12);
    model_close(&m);
}
END_TEST

/* --- adaptive --------------------------------------------------------------------------------------- */

static const char *const readouts[] = {"rnn_readout", "lif_readout"};

START_TEST(it_learns_what_the_readout_learns)
{
    static const char *const option[] = {"--rule=eprop", "-Lkappa=0", "-Lfeedback=adaptive", NULL};
    model m;

    open_model(&m, readouts[_i], option);
    for (int i = 0; i < m.info->n_vars; i++) { /* enough for spikes */
        const etr_var *v = &m.info->vars[i];
        for (size_t k = 0; v->kind == ETR_PARAM && k < model_numel(v); k++)
            model_put(&m, v, m.params, k, 8 * model_get(&m, v, m.params, k));
    }
    model_learn_all(&m);
    const etr_var *B = find(&m, ETR_PARAM, "feedback.y.group0");
    char *grad = malloc(m.info->params_bytes);
    ck_assert_ptr_nonnull(grad);
    put_transposed(&m, grad, "feedback.y.group0", m.grad, "out.W");
    double size = 0;
    for (size_t i = 0; i < model_numel(B); i++) {
        ck_assert_double_eq_tol(model_get(&m, B, m.grad, i), model_get(&m, B, grad, i), 1e-14);
        size += fabs(model_get(&m, B, grad, i));
    }
    ck_assert_double_gt(size, 0.1);
    free(grad);
    model_close(&m);
}
END_TEST

/* The cosine between the feedback and the transposed readout.  */
static double alignment(model *m)
{
    const etr_var *B = find(m, ETR_PARAM, "feedback.y.group0"), *W = find(m, ETR_PARAM, "out.W");
    const size_t outputs = (size_t)B->shape[0], units = (size_t)B->shape[1];
    double dot = 0, b = 0, w = 0;
    for (size_t i = 0; i < outputs; i++)
        for (size_t k = 0; k < units; k++) {
            const double x = model_get(m, B, m->params, i * units + k);
            const double y = model_get(m, W, m->params, k * outputs + i);
            dot += x * y;
            b += x * x;
            w += y * y;
        }
    return dot / sqrt(b * w);
}

/* Kolen and Pollack: with weight decay on both, what they began with is forgotten.  */
START_TEST(with_weight_decay_it_aligns_with_the_readout)
{
    static const char *const option[] = {"--rule=eprop", "-Lkappa=0", "-Lfeedback=adaptive", NULL};
    const double rate = 0.02, decay = 0.02;
    model m;

    open_model(&m, readouts[0], option);
    const double before = alignment(&m);
    for (int i = 0; i < 400; i++) {
        model_init_state(&m);
        model_learn_all(&m);
        for (int k = 0; k < m.info->n_vars; k++) {
            const etr_var *v = &m.info->vars[k];
            for (size_t j = 0; v->kind == ETR_PARAM && j < model_numel(v); j++)
                model_put(&m, v, m.params, j, (1 - decay) * model_get(&m, v, m.params, j)
                                                  - rate * model_get(&m, v, m.grad, j));
        }
    }
    ck_assert_msg(before < 0.8 && alignment(&m) > 0.999, "%g, then %g", before, alignment(&m));
    model_close(&m);
}
END_TEST

Suite *feedback_suite(void)
{
    Suite *suite = suite_create("feedback");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, the_transposed_readout_is_symmetric_feedback, 0,
                        (int)(sizeof symmetric / sizeof symmetric[0]));
    tcase_add_test(all, the_error_comes_back_by_its_matrix_alone);
    tcase_add_loop_test(all, it_learns_what_the_readout_learns, 0, 2);
    tcase_add_test(all, with_weight_decay_it_aligns_with_the_readout);
    suite_add_tcase(suite, all);
    return suite;
}
