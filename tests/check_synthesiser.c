/* SPDX-License-Identifier: Apache-2.0 */
/* The synthesiser of dni.  In: small models.  Out: its own gradient against differences of what it is defined by, and
   what training it is worth to a parameter without a trace.  */
#include "model.h"
#include "suites.h"

#include "etrace_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void open_model(model *m, const char *name, const char *const *option, int n_steps)
{
    char spec[COMMAND_PATH];
    snprintf(spec, sizeof spec, "%s/tests/models/%s.yaml", getenv("srcdir"), name);
    const model_source source = {.spec = spec, .option = option, .n_steps = n_steps};
    ck_assert_int_eq(model_open(m, &source), 0);
}

static const etr_var *find(const model *m, etr_kind kind, const char *path)
{
    const etr_var *v = model_find(m, kind, path);
    ck_assert_msg(v != NULL, "no %s", path);
    return v;
}

/* --- its gradient -------------------------------------------------------------------------------- */

enum { PLACES = 3, STATES = 2, ALL = PLACES * STATES, WINDOW = 3 };

/* The states of the group as the synthesiser reads them: [place, state].  */
static void read_states(const model *m, double *h)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        for (int k = 0; v->kind == ETR_HIDDEN && k < PLACES; k++)
            h[k * STATES + v->row] = model_get(m, v, m->state, (size_t)k);
    }
}

static void write_states(model *m, const double *h)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        for (int k = 0; v->kind == ETR_HIDDEN && k < PLACES; k++)
            model_put(m, v, m->state, (size_t)k, h[k * STATES + v->row]);
    }
}

static void guess(const model *m, const double *h, double *res)
{
    const etr_var *W = find(m, ETR_PARAM, "dni_W.group0"), *b = find(m, ETR_PARAM, "dni_b.group0");
    for (size_t k = 0; k < ALL; k++) {
        res[k] = model_get(m, b, m->params, k);
        for (size_t i = 0; i < ALL; i++)
            res[k] += h[i] * model_get(m, W, m->params, i * ALL + k);
    }
}

/* The window's losses and LATER, held fixed, times the state at its end, from the state H.  */
static double shown(model *m, const double *h, const double *later)
{
    double loss = 0, end[ALL];
    write_states(m, h);
    for (int t = 0; t < WINDOW; t++)
        loss += model_solve_signal(m, t);
    read_states(m, end);
    for (int k = 0; k < ALL; k++)
        loss += later[k] * end[k];
    return loss;
}

START_TEST(its_gradient_is_that_of_the_regression)
{
    static const char *const option[] = {"--rule=dni", "--window=3", "-Lscope=diagonal", NULL};
    double h[ALL], end[ALL], later[ALL], said[ALL];
    const double step = 1e-5;
    model m;

    open_model(&m, "two_states", option, WINDOW);
    model_randomise(&m, 3);
    read_states(&m, h);
    for (int t = 0; t < WINDOW; t++)
        model_step(&m, t);
    read_states(&m, end);
    guess(&m, end, later);
    guess(&m, h, said);
    write_states(&m, h);
    model_learn_all(&m);
    const etr_var *W = find(&m, ETR_PARAM, "dni_W.group0"), *b = find(&m, ETR_PARAM, "dni_b.group0");
    for (size_t k = 0; k < ALL; k++) {
        double up[ALL], down[ALL];
        memcpy(up, h, sizeof h);
        memcpy(down, h, sizeof h);
        up[k] += step;
        down[k] -= step;
        const double target = (shown(&m, up, later) - shown(&m, down, later)) / (2 * step);
        ck_assert_double_eq_tol(model_get(&m, b, m.grad, k), said[k] - target, 1e-8);
        for (size_t i = 0; i < ALL; i++)
            ck_assert_double_eq_tol(model_get(&m, W, m.grad, i * ALL + k), h[i] * (said[k] - target), 1e-8);
    }
    model_close(&m);
}
END_TEST

/* --- what it is worth ---------------------------------------------------------------------------- */

enum { LENGTH = 24, LESSONS = 1000, EXAMS = 200 };

/* Inputs and targets of a sequence that is drawn from SEED; the target is the input some steps ago.  */
static void draw_sequence(model *m, uint64_t seed)
{
    const etr_var *x = find(m, ETR_INPUT, "x"), *y = find(m, ETR_TARGET, "y");
    const size_t n = model_numel(x), back = 3;
    for (size_t t = 0; t < LENGTH; t++)
        for (size_t i = 0; i < n; i++) {
            const double now = 2 * etr_uniform_f64(seed, 7, t * n + i) - 1;
            const double then = t < back ? 0 : 2 * etr_uniform_f64(seed, 7, (t - back) * n + i) - 1;
            model_put(m, x, model_block(m, ETR_INPUT, (int)t), i, now);
            model_put(m, y, model_block(m, ETR_TARGET, (int)t), i, then);
        }
}

static void descend(model *m, const char *path, double rate)
{
    const etr_var *v = find(m, ETR_PARAM, path);
    for (size_t i = 0; i < model_numel(v); i++)
        model_put(m, v, m->params, i, model_get(m, v, m->params, i) - rate * model_get(m, v, m->grad, i));
}

/* How far the gradient of the reset gate's weight is from BPTT's: that of all exams together, for what later losses say
   can be guessed on the average alone.  */
static double distance(model *m, model *exact)
{
    const etr_var *v = find(m, ETR_PARAM, "rnn.Wr");
    const size_t n = model_numel(v);
    double ours[64] = {0}, theirs[64] = {0}, off = 0, all = 0;
    ck_assert_uint_le(n, 64);
    for (int i = 0; i < EXAMS; i++) {
        model *const both[] = {m, exact};
        for (int k = 0; k < 2; k++) {
            model_init_state(both[k]);
            draw_sequence(both[k], 100000 + (uint64_t)i);
            model_learn_all(both[k]);
        }
        for (size_t k = 0; k < n; k++) {
            ours[k] += model_get(m, v, m->grad, k);
            theirs[k] += model_get(exact, find(exact, ETR_PARAM, "rnn.Wr"), exact->grad, k);
        }
    }
    for (size_t k = 0; k < n; k++) {
        off += pow(ours[k] - theirs[k], 2);
        all += theirs[k] * theirs[k];
    }
    return sqrt(off / all);
}

START_TEST(training_it_brings_a_parameter_without_a_trace_nearer_to_bptt)
{
    static const char *const dni[] = {"--rule=dni", "--window=2", NULL}, *const bptt[] = {"--rule=bptt", NULL};
    model m, exact;

    open_model(&m, "gru_delay", dni, LENGTH);
    open_model(&exact, "gru_delay", bptt, LENGTH);
    const double before = distance(&m, &exact);
    for (int i = 0; i < LESSONS; i++) {
        model_init_state(&m);
        draw_sequence(&m, (uint64_t)i);
        model_learn_all(&m);
        descend(&m, "dni_W.group0", 0.02);
        descend(&m, "dni_b.group0", 0.02);
    }
    const double after = distance(&m, &exact);
    ck_assert_msg(after < 0.7 * before, "distance %g before, %g after", before, after);
    model_close(&m);
    model_close(&exact);
}
END_TEST

Suite *synthesiser_suite(void)
{
    Suite *suite = suite_create("synthesiser");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 120);
    tcase_add_test(all, its_gradient_is_that_of_the_regression);
    tcase_add_test(all, training_it_brings_a_parameter_without_a_trace_nearer_to_bptt);
    suite_add_tcase(suite, all);
    return suite;
}
