/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences: what PREFIX_learn_sequence and PREFIX_evolve_sequence do with weights, lengths, updates and bad
   input.  In: one spec, generated with several rules and batches.  Out: test cases.  */
#include "suites.h"

#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 7, CUT = 3, BATCH = 4, TIMEOUT = 240 };

static const char *const rules[] = {"vjp_time=t", "window=1",     "window=3", "rule=bptt",
                                    "rule=rtrl",  "rule=pp_prop", "kappa=0.7"};

/* The first N_TIMES have drivers of their own.  */
enum { N_RULES = sizeof rules / sizeof rules[0], N_TIMES = 4, BPTT = 3 };

static const char spec[] =
    "etrace: 1\nmodel: m\ndtype: float64\nbatch: %d\n"
    "inputs: {x: [3], i: {shape: [2], type: index, size: 4}}\ntargets: {y: [2], w: []}\n"
    "params: {E: [4, 5]}\n"
    "modules:\n"
    "  rnn: {cell: gru, in: \"concat(x, embedding(i, E)[0])\", size: 4}\n"
    "  out: {cell: leaky_readout, in: rnn, size: 2}\n"
    "step:\n  - z = 0.5 * sum(square(out - y))\noutputs: [out]\nloss: %s\n";

/* The spec with LOSS and BATCH samples, by RULE and a further -L option or NULL.  */
static model open_model(int batch, const char *loss, const char *rule, const char *more)
{
    const char *option[] = {"-L", rule, more ? "-L" : NULL, more, NULL};
    char folder[COMMAND_PATH], path[COMMAND_PATH], text[1024];
    model m;

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "spec.yaml");
    snprintf(text, sizeof text, spec, batch, loss);
    ck_assert_int_eq(file_put(path, text), 0);
    ck_assert_int_eq(
        model_open(&m, &(model_source){.spec = path, .option = option, .n_steps = STEPS}), 0);
    folder_remove(folder);
    model_randomise(&m, 11);
    for (int t = 0; t < STEPS; t++) {
        const etr_var *i = model_find(&m, ETR_INPUT, "i");
        for (size_t k = 0; k < model_numel(i); k++)
            model_put(&m, i, model_block(&m, ETR_INPUT, t), k, (double)((size_t)t + k) - 4 * ((t + (int)k) / 4));
    }
    model_reset(&m);
    return m;
}

static model open_plain(const char *rule)
{
    return open_model(1, "z", rule, NULL);
}

/* --- what is kept ---------------------------------------------------------------------------- */

/* A copy of the blocks that learning changes.  */
typedef struct {
    char *block[4];
    size_t size[4];
} copy;

static char **block_of(model *m, int i)
{
    char **block[] = {&m->params, &m->state, &m->trace, &m->grad};

    return block[i];
}

static copy take(model *m)
{
    copy c = {.size = {m->info->params_bytes, m->info->state_bytes, m->info->trace_bytes,
                       m->info->params_bytes}};

    for (int i = 0; i < 4; i++) {
        c.block[i] = malloc(c.size[i] + 1);
        ck_assert_ptr_nonnull(c.block[i]);
        memcpy(c.block[i], *block_of(m, i), c.size[i]);
    }
    return c;
}

static void put(model *m, const copy *c)
{
    for (int i = 0; i < 4; i++)
        memcpy(*block_of(m, i), c->block[i], c->size[i]);
}

static void drop(copy *c)
{
    for (int i = 0; i < 4; i++)
        free(c->block[i]);
}

static void ck_same(model *m, const copy *c, const char *what)
{
    static const char *const name[] = {"parameters", "state", "trace", "gradient"};

    for (int i = 0; i < 4; i++)
        ck_assert_msg(memcmp(*block_of(m, i), c->block[i], c->size[i]) == 0, "%s: another %s", what,
                      name[i]);
}

/* Blocks A and B of N numbers.  */
static void ck_near(const char *a, const char *b, size_t bytes, double tol, const char *what)
{
    double largest = 1, far = 0;

    for (size_t k = 0; k + sizeof(double) <= bytes; k += sizeof(double)) {
        double x, y;
        memcpy(&x, a + k, sizeof x);
        memcpy(&y, b + k, sizeof y);
        largest = fmax(largest, fabs(y));
        far = fmax(far, isnan(x - y) ? (double)INFINITY : fabs(x - y));
    }
    ck_assert_msg(far <= tol * largest, "%s: %g away", what, far / largest);
}

static double learn(model *m, const model_sequence *q)
{
    double loss = (double)NAN;

    ck_assert_int_eq(model_learn_from(m, q, &loss), ETR_UPDATE_OK);
    return loss;
}

/* --- weights, lengths, means ------------------------------------------------------------------- */

static const double weight[STEPS] = {0, 1, 0.5, 0, -2, 1e-3, 0};

START_TEST(weights_scale_losses)
{
    model m = open_model(1, "z", rules[_i], NULL), scaled = open_model(1, "w * z", rules[_i], NULL);
    model_sequence q = model_whole_sequence(&m), r = model_whole_sequence(&scaled);

    for (int t = 0; t < STEPS; t++)
        model_put(&scaled, model_find(&scaled, ETR_TARGET, "w"), model_block(&scaled, ETR_TARGET, t),
                  0, weight[t]);
    q.weight = weight;
    const double a = learn(&m, &q), b = learn(&scaled, &r);
    ck_assert_double_eq_tol(a, b, 1e-14);
    ck_near(m.grad, scaled.grad, m.info->params_bytes, 1e-14, rules[_i]);
    ck_near(m.state, scaled.state, m.info->state_bytes, 1e-15, rules[_i]);
    ck_near(m.trace, scaled.trace, m.info->trace_bytes, 1e-14, rules[_i]);
    model_close(&m);
    model_close(&scaled);
}
END_TEST

/* Sample B of BLOCK of ALL, into that of ONE, or (BACK) compared with it.  */
static void sample(const model *all, model *one, etr_kind kind, int b, int t, int back)
{
    for (int i = 0; i < all->info->n_vars; i++) {
        const etr_var *v = &all->info->vars[i];
        const etr_var *u = &one->info->vars[i];
        if (v->kind != kind)
            continue;
        const size_t n = model_numel(u);
        for (size_t k = 0; k < n; k++) {
            double x = model_get(all, v, model_block(all, kind, t), (size_t)b * n + k);
            char *block = model_block(one, kind, t);
            if (back)
                ck_assert_msg(!(fabs(x - model_get(one, u, block, k)) > 0), "sample %d: another %s", b,
                              v->path);
            else
                model_put(one, u, block, k, x);
        }
    }
}

START_TEST(lengths_are_samples_by_themselves)
{
    static const size_t length[BATCH] = {5, 0, 2, 3};
    model all = open_model(BATCH, "z", rules[_i], NULL), one = open_plain(rules[_i]);
    double weights[STEPS * BATCH], mine[STEPS], loss = 0;
    model_sequence q = model_whole_sequence(&all), r = model_whole_sequence(&one);
    copy start = take(&one), first = take(&all);
    char *sum = calloc(1, one.info->params_bytes);

    for (int k = 0; k < STEPS * BATCH; k++)
        weights[k] = 1 + 0.1 * (k % 5);
    q.weight = weights;
    q.length = length;
    const double total = learn(&all, &q);
    copy end = take(&all);
    memcpy(one.params, all.params, one.info->params_bytes);
    for (int b = 0; b < BATCH; b++) {
        put(&all, &first); /* the states at the beginning */
        memcpy(start.block[0], all.params, start.size[0]);
        put(&one, &start);
        sample(&all, &one, ETR_HIDDEN, b, 0, 0);
        for (int t = 0; t < STEPS; t++) {
            sample(&all, &one, ETR_INPUT, b, t, 0);
            sample(&all, &one, ETR_TARGET, b, t, 0);
            mine[t] = weights[t * BATCH + b];
        }
        r.weight = mine;
        r.length = b == 2 ? &length[b] : NULL; /* one of one sample, and the same in other words */
        r.n_steps = b == 2 ? STEPS : length[b];
        loss += learn(&one, &r);
        put(&all, &end);
        sample(&all, &one, ETR_HIDDEN, b, 0, 1);
        if (one.info->trace_bytes > 0)
            sample(&all, &one, ETR_TRACE, b, 0, 1);
        for (size_t k = 0; k < one.info->params_bytes; k += sizeof(double)) {
            double x, y;
            memcpy(&x, one.grad + k, sizeof x);
            memcpy(&y, sum + k, sizeof y);
            x += y;
            memcpy(sum + k, &x, sizeof x);
        }
    }
    ck_assert_double_eq_tol(total, loss, 1e-13);
    ck_near(all.grad, sum, one.info->params_bytes, 1e-13, rules[_i]);
    free(sum);
    drop(&start);
    drop(&first);
    drop(&end);
    model_close(&all);
    model_close(&one);
}
END_TEST

/* Of five, two and three steps.  */
START_TEST(means_are_sums_divided)
{
    static const size_t length[BATCH] = {5, 0, 2, 3};
    model m = open_model(BATCH, "z", rules[_i], NULL);
    model mean = open_model(BATCH, "z", rules[_i], "reduction=mean");
    model_sequence q = model_whole_sequence(&m), r = model_whole_sequence(&mean);

    q.length = r.length = length;
    const double sum = learn(&m, &q);
    ck_assert_double_eq_tol(learn(&mean, &r), sum / 10, 1e-14);
    for (size_t k = 0; k < m.info->params_bytes; k += sizeof(double)) {
        double x;
        memcpy(&x, m.grad + k, sizeof x);
        x /= 10;
        memcpy(m.grad + k, &x, sizeof x);
    }
    ck_near(mean.grad, m.grad, m.info->params_bytes, 1e-14, rules[_i]);
    if (model_has(&mean, MODEL_LEARN)) { /* a step by itself: of the batch */
        model_init_state(&m);
        model_init_state(&mean);
        model_reset(&m);
        model_reset(&mean);
        ck_assert_double_eq_tol(model_learn(&mean, 0), model_learn(&m, 0) / BATCH, 1e-14);
    }
    model_close(&m);
    model_close(&mean);
}
END_TEST

/* --- going on ------------------------------------------------------------------------------------ */

START_TEST(two_calls_are_one)
{
    model m = open_plain(rules[_i]);
    model_sequence q = model_whole_sequence(&m), one = q, two = q;
    copy start = take(&m);

    if (_i == BPTT) { /* sees no further than a call */
        model_close(&m);
        drop(&start);
        return;
    }
    const double loss = learn(&m, &q);
    copy whole = take(&m);
    put(&m, &start);
    one.n_steps = CUT;
    two.n_steps = STEPS - CUT;
    two.in = model_block(&m, ETR_INPUT, CUT);
    two.target = model_block(&m, ETR_TARGET, CUT);
    const double first = learn(&m, &one);
    ck_assert_double_eq_tol(first + learn(&m, &two), loss, 1e-12);
    ck_same(&m, &whole, rules[_i]);
    drop(&start);
    drop(&whole);
    model_close(&m);
}
END_TEST

START_TEST(reset_begins_anew)
{
    model m = open_plain(rules[_i]);
    model_sequence q = model_whole_sequence(&m);

    model_init_state(&m);
    learn(&m, &q);
    copy first = take(&m);
    memset(m.grad, 0, m.info->params_bytes);
    q.reset = 1;
    learn(&m, &q); /* from the end of the first */
    ck_same(&m, &first, rules[_i]);
    q.last_output = 1;
    q.out = calloc(1, m.info->output_bytes);
    learn(&m, &q);
    ck_assert_mem_eq(q.out, model_block(&m, ETR_OUTPUT, STEPS - 1), m.info->output_bytes);
    free(q.out);
    drop(&first);
    model_close(&m);
}
END_TEST

START_TEST(evolving_is_learning_without_a_gradient)
{
    model m = open_plain(rules[_i]);
    model_sequence q = model_whole_sequence(&m);
    copy start = take(&m);

    learn(&m, &q);
    copy learned = take(&m);
    put(&m, &start);
    q.target = NULL;
    ck_assert_int_eq(model_evolve(&m, &q), ETR_UPDATE_OK);
    ck_assert_mem_eq(m.grad, start.block[3], start.size[3]);
    ck_near(m.state, learned.block[1], learned.size[1], 1e-15, rules[_i]);
    ck_near(m.trace, learned.block[2], learned.size[2], 1e-14, rules[_i]);
    drop(&start);
    drop(&learned);
    model_close(&m);
}
END_TEST

/* --- updates ------------------------------------------------------------------------------------- */

typedef struct {
    model *m;
    int calls, stop_at;
} trainer;

static int descend(void *context, void *grad)
{
    trainer *t = context;

    for (size_t k = 0; k < t->m->info->params_bytes; k += sizeof(double)) {
        double p, g;
        memcpy(&p, t->m->params + k, sizeof p);
        memcpy(&g, (char *)grad + k, sizeof g);
        p -= 0.1 * g;
        memcpy(t->m->params + k, &p, sizeof p);
    }
    return ++t->calls == t->stop_at ? 7 : 0;
}

static void compare_updates(model *m, size_t every, const char *rule)
{
    const size_t part = every ? every : STEPS;
    trainer by = {.m = m};
    model_sequence q = model_whole_sequence(m);
    copy start = take(m);

    q.update = descend;
    q.context = &by;
    q.update_every = every;
    learn(m, &q);
    ck_assert_int_eq(by.calls, (int)((STEPS + part - 1) / part));
    copy driven = take(m);
    put(m, &start);
    q.update = NULL;
    for (size_t t = 0; t < STEPS; t += part) {
        q.in = model_block(m, ETR_INPUT, (int)t);
        q.target = model_block(m, ETR_TARGET, (int)t);
        q.n_steps = STEPS - t < part ? STEPS - t : part;
        learn(m, &q);
        descend(&by, m->grad);
        memset(m->grad, 0, m->info->params_bytes);
    }
    ck_same(m, &driven, rule);
    put(m, &start);
    drop(&start);
    drop(&driven);
}

/* After each step, after each three, and at the end.  */
START_TEST(updates_are_calls_in_between)
{
    model m = open_plain(rules[_i]);

    compare_updates(&m, 1, rules[_i]);
    compare_updates(&m, CUT, rules[_i]);
    compare_updates(&m, 0, rules[_i]);
    model_close(&m);
}
END_TEST

START_TEST(no_loss_no_update)
{
    static const double last[STEPS] = {[STEPS - 1] = 1};
    model m = open_plain(rules[_i]);
    trainer by = {.m = &m, .stop_at = 1};
    model_sequence q = model_whole_sequence(&m);
    double loss;

    q.weight = last;
    q.update = descend;
    q.context = &by;
    q.update_every = 2;
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_STOPPED);
    ck_assert_int_eq(by.calls, 1);
    model_close(&m);
}
END_TEST

/* --- bad input ------------------------------------------------------------------------------------- */

/* Element 0 of PATH at step 4 is X.  */
static void spoil(model *m, etr_kind kind, const char *path, double x)
{
    model_put(m, model_find(m, kind, path), model_block(m, kind, 4), 0, x);
}

static const struct {
    etr_kind kind;
    const char *path;
    double x;
} faults[] = {{ETR_INPUT, "x", (double)NAN}, {ETR_INPUT, "x", -(double)INFINITY},
              {ETR_TARGET, "y", (double)NAN}, {ETR_INPUT, "i", 4}, {ETR_INPUT, "i", -1}};

enum { N_FAULTS = sizeof faults / sizeof faults[0] };

START_TEST(bad_input_changes_nothing)
{
    model m = open_plain(rules[_i]);
    trainer by = {.m = &m};
    model_sequence q = model_whole_sequence(&m);
    double loss, bad_weight[STEPS] = {0, 0, (double)NAN};

    learn(&m, &q); /* so that there is a trace, and a gradient */
    copy before = take(&m);
    q.reset = 1;
    q.update = descend;
    q.context = &by;
    q.update_every = 1;
    q.weight = bad_weight;
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_BAD_INPUT);
    q.weight = NULL;
    for (int f = 0; f < N_FAULTS; f++) {
        const etr_var *v = model_find(&m, faults[f].kind, faults[f].path);
        const double was = model_get(&m, v, model_block(&m, v->kind, 4), 0);
        spoil(&m, v->kind, v->path, faults[f].x);
        ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_BAD_INPUT);
        ck_same(&m, &before, rules[_i]);
        if (v->kind == ETR_INPUT) {
            ck_assert_int_eq(model_evolve(&m, &q), ETR_UPDATE_BAD_INPUT);
            ck_same(&m, &before, rules[_i]);
        }
        spoil(&m, v->kind, v->path, was);
    }
    ck_assert_int_eq(by.calls, 0);
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_OK);
    model_close(&m);
    drop(&before);
}
END_TEST

/* A step whose square of a difference overflows; the update before it stays.  */
START_TEST(bad_loss_puts_back_the_last_update)
{
    model m = open_plain(rules[_i]);
    trainer by = {.m = &m};
    model_sequence q = model_whole_sequence(&m);
    char *backup = calloc(3, m.info->params_bytes + m.info->state_bytes + m.info->trace_bytes + 8);
    double loss;

    q.update = descend;
    q.context = &by;
    q.update_every = 2;
    q.backup = backup;
    q.n_steps = 4;
    copy start = take(&m);
    learn(&m, &q);
    copy good = take(&m);
    put(&m, &start);
    spoil(&m, ETR_TARGET, "y", 1e200);
    q.n_steps = STEPS;
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_BAD_LOSS);
    ck_assert(!isfinite(loss));
    ck_same(&m, &good, rules[_i]);
    q.n_steps = STEPS; /* without updates: all as it was, also what a reset would have changed */
    q.update = NULL;
    q.reset = 1;
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_BAD_LOSS);
    ck_same(&m, &good, rules[_i]);
    free(backup);
    drop(&start);
    drop(&good);
    model_close(&m);
}
END_TEST

/* The square root has no derivative at 0.  */
START_TEST(bad_gradient_is_not_used)
{
    model m = open_model(1, "z + sqrt(abs(w * sum(out)))", rules[_i], NULL);
    trainer by = {.m = &m};
    model_sequence q = model_whole_sequence(&m);
    char *backup = calloc(3, m.info->params_bytes + m.info->state_bytes + m.info->trace_bytes + 8);
    double loss;

    for (int t = 0; t < STEPS; t++)
        model_put(&m, model_find(&m, ETR_TARGET, "w"), model_block(&m, ETR_TARGET, t), 0, t != 4);
    copy start = take(&m);
    q.update = descend;
    q.context = &by;
    q.backup = backup;
    ck_assert_int_eq(model_learn_from(&m, &q, &loss), ETR_UPDATE_BAD_GRAD);
    ck_assert(isfinite(loss));
    ck_assert_int_eq(by.calls, 0);
    ck_same(&m, &start, rules[_i]);
    free(backup);
    drop(&start);
    model_close(&m);
}
END_TEST

Suite *sequence_suite(void)
{
    Suite *s = suite_create("sequence");
    TCase *parts = tcase_create("parts"), *going = tcase_create("going"),
          *updates = tcase_create("updates"), *bad = tcase_create("bad");

    tcase_add_loop_test(parts, weights_scale_losses, 0, N_RULES);
    tcase_add_loop_test(parts, lengths_are_samples_by_themselves, 0, N_RULES);
    tcase_add_loop_test(parts, means_are_sums_divided, 0, N_RULES);
    tcase_add_loop_test(going, two_calls_are_one, 0, N_RULES);
    tcase_add_loop_test(going, reset_begins_anew, 0, N_RULES);
    tcase_add_loop_test(going, evolving_is_learning_without_a_gradient, 0, N_RULES);
    tcase_add_loop_test(updates, updates_are_calls_in_between, 0, N_RULES);
    tcase_add_loop_test(updates, no_loss_no_update, 0, N_TIMES);
    tcase_add_loop_test(bad, bad_input_changes_nothing, 0, N_TIMES);
    tcase_add_loop_test(bad, bad_loss_puts_back_the_last_update, 0, N_TIMES);
    tcase_add_loop_test(bad, bad_gradient_is_not_used, 0, N_TIMES);
    TCase *all[] = {parts, going, updates, bad};
    for (int i = 0; i < 4; i++) {
        tcase_set_timeout(all[i], TIMEOUT);
        suite_add_tcase(s, all[i]);
    }
    return s;
}
