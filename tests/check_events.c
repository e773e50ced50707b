/* SPDX-License-Identifier: Apache-2.0 */
/* Values of which most is zero.  In: models with and without the word.  Out: test cases: outputs, losses, traces and
   gradients are the same; rows of weights behind a zero are not read; and how many turns are left out is counted, by
   a `continue` that counts.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "model.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 12, TIMEOUT = 300, INPUTS = 40, BLOCK = 8 };

/* A spec as TEXT has it: with the word E(..) is events(..), and EVENTS the key; without it neither is there.  */
#define HEAD "etrace: 1\nmodel: m\ninputs: {x: {shape: [40]EVENTS}}\ntargets: {y: [3]}\n"
#define TAIL "outputs: [out]\nloss: 0.5 * sum(square(out - y))\n"

static const char *const specs[] = {
    /* a product with parts that have the word, and one that has not; its outer product */
    HEAD "params: {W: [88, 24], V: [24, 3]}\nhidden: {h: [24]}\nstep:\n"
         "  - \"h' = tanh(concat(x, h, E(spike(h - 0.3))) @ W)\"\n  - \"out = E(relu(h')) @ V\"\n" TAIL,
    /* spiking neurons, whose D is not zero, with sparse connections */
    HEAD "params:\n  U: {shape: [40, 24], sparse: {random: {p: 0.4, seed: 1}}}\n"
         "  W: {shape: [24, 24], sparse: {random: {p: 0.3, seed: 2}}}\n  V: [24, 3]\n"
         "modules:\n  n: {cell: lif, in: \"2 * sparse_matmul(x, U) + sparse_matmul(E(n.s), abs(W))\", size: 24}\n"
         "step:\n  - \"out = E(n) @ V\"\n" TAIL,
    /* sparse connections without a trace: a row of weights has a gradient of its own */
    HEAD "params:\n  U: {shape: [40, 24], sparse: {random: {p: 0.4, seed: 1}}, trace: false}\n"
         "  V: {shape: [24, 3]}\nhidden: {h: [24]}\n"
         "step:\n  - \"h' = 0.5 * h + tanh(sparse_matmul(x, U))\"\n  - \"out = h' @ V\"\n" TAIL,
    /* a convolution: zeros of an image are those of its windows */
    HEAD "params: {K: [3, 2, 24], V: [480, 3]}\nhidden: {h: [20, 24]}\nstep:\n"
         "  - \"h' = tanh(0.5 * h + conv(reshape(x, [20, 2]), K, padding=same))\"\n"
         "  - \"out = E(spike(reshape(h', [480]))) @ V\"\n" TAIL,
};

enum { N_SPECS = sizeof specs / sizeof specs[0] };

static const char *const rules[] = {"rule=d_rtrl", "vjp_time=t", "rule=pp_prop", "window=4", "rule=bptt"};

enum { N_RULES = sizeof rules / sizeof rules[0] };

/* TEXT with the word, or without it, into TO.  */
static void fill_in(char to[COMMAND_PATH * 4], const char *text, int word)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        const char *put = NULL;
        if (strncmp(p, "EVENTS", 6) == 0) {
            put = word ? ", events: true" : "";
            p += 5;
        } else if (strncmp(p, "E(", 2) == 0) {
            put = word ? "events(" : "(";
            p += 1;
        }
        if (put)
            n += (size_t)sprintf(to + n, "%s", put);
        else
            to[n++] = *p;
    }
    to[n] = '\0';
}

static model open_text(const char *text, int word, const char *const *option, const char *cflags)
{
    char folder[COMMAND_PATH], path[COMMAND_PATH], spec[COMMAND_PATH * 4];
    model m;

    fill_in(spec, text, word);
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "spec.yaml");
    ck_assert_int_eq(file_put(path, spec), 0);
    ck_assert_int_eq(model_open(&m, &(model_source){.spec = path, .option = option, .cflags = cflags, .n_steps = STEPS}),
                     0);
    folder_remove(folder);
    model_randomise(&m, 5);
    return m;
}

/* Element I of the input in step T: one in five is an event, of any size.  */
static double event(int t, size_t i)
{
    const size_t k = (i * 7 + (size_t)t * 11) % 5;
    return k == 0 ? 1 : k == 1 && i % 3 == 0 ? -0.5 : 0;
}

static void put_events(model *m, double (*value)(int t, size_t i))
{
    const etr_var *x = model_find(m, ETR_INPUT, "x");
    for (int t = 0; t < STEPS; t++)
        for (size_t i = 0; i < model_numel(x); i++)
            model_put(m, x, model_block(m, ETR_INPUT, t), i, value(t, i));
}

/* All variables of KIND, in the blocks A and B; returns the largest.  */
static double same_block(const model *m, const model *n, etr_kind kind, const char *a, const char *b)
{
    double most = 0;
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i], *w = v->kind == kind ? model_find(n, kind, v->path) : NULL;
        for (size_t k = 0; w && k < model_numel(v); k++) {
            const double x = model_get(m, v, a, k), y = model_get(n, w, b, k);
            ck_assert_msg(fabs(x - y) <= 1e-11 * fmax(1, fabs(x)), "%s[%d] is %g, and with events %g", v->path, (int)k,
                          x, y);
            most = fmax(most, fabs(x));
        }
    }
    return most;
}

/* Step by step where that is possible, and all steps at once; one sample, and several.  */
START_TEST(numbers_are_the_same)
{
    static const char *const batches[] = {"--batch=1", "--batch=6"};
    const char *option[] = {"--real=double", "--unroll=0", "-L", rules[_i % N_RULES], NULL, NULL};

    for (int b = 0; b < 2; b++) {
        option[4] = batches[b];
        model plain = open_text(specs[_i / N_RULES], 0, option, NULL);
        model quick = open_text(specs[_i / N_RULES], 1, option, NULL);
        put_events(&plain, event);
        put_events(&quick, event);
        for (int whole = 0; whole < 2; whole++) {
            model_init_state(&plain);
            model_init_state(&quick);
            model_reset(&plain);
            model_reset(&quick);
            ck_assert_double_eq_tol((whole ? model_learn_sequence : model_learn_all)(&plain),
                                    (whole ? model_learn_sequence : model_learn_all)(&quick), 1e-10);
            ck_assert_double_gt(same_block(&plain, &quick, ETR_PARAM, plain.grad, quick.grad), 0.01);
            same_block(&plain, &quick, ETR_TRACE, plain.trace, quick.trace);
            same_block(&plain, &quick, ETR_HIDDEN, plain.state, quick.state);
            for (int t = 0; t < STEPS; t++)
                same_block(&plain, &quick, ETR_OUTPUT, model_block(&plain, ETR_OUTPUT, t),
                           model_block(&quick, ETR_OUTPUT, t));
        }
        model_close(&plain);
        model_close(&quick);
    }
}
END_TEST

/* Element 7 alone is an event, in the last step.  */
static double late(int t, size_t i)
{
    return t == STEPS - 1 && i == 7;
}

/* A NaN in row 7 of the weight is met with its first event, and not before; nothing but 0 is silent.  */
START_TEST(rows_behind_zeros_are_not_read)
{
    static const char *const first[] = {"W", "U", "U", "K"};
    const char *option[] = {"--unroll=0", NULL};
    model m = open_text(specs[_i], 1, option, NULL);
    const etr_var *w = model_find(&m, ETR_PARAM, first[_i]), *out = model_find(&m, ETR_OUTPUT, "out");

    for (size_t k = 0; k < model_numel(w); k++)
        if (_i > 0 || k / 24 < INPUTS) /* the rows behind are the neurons' own */
            model_put(&m, w, m.params, k, NAN);
    model_init_state(&m);
    put_events(&m, late);
    for (int t = 0; t < STEPS; t++) {
        double sum = 0;
        model_step(&m, t);
        for (size_t k = 0; k < model_numel(out); k++)
            sum += model_get(&m, out, model_block(&m, ETR_OUTPUT, t), k);
        for (int i = 0; i < m.info->n_vars; i++) {
            const etr_var *h = &m.info->vars[i];
            for (size_t k = 0; h->kind == ETR_HIDDEN && k < model_numel(h); k++)
                sum += model_get(&m, h, m.state, k);
        }
        ck_assert_msg(isnan(sum) == (t == STEPS - 1), "the sum is %g in step %d", sum, t);
    }
    model_close(&m);
}
END_TEST

static int n_events;

static double some(int t, size_t i)
{
    (void)t;
    return (int)i < n_events ? 1 : 0;
}

/* Turns that are left out where rows up to N have events: in a block of rows those without, and all others at once.  */
static long turns_left_out(int n)
{
    const int met = (n + BLOCK - 1) / BLOCK;
    return met * BLOCK - n + (INPUTS / BLOCK - met);
}

/* Of the rows of each product with x, and of its gradient, as many are met as there are events.  */
START_TEST(work_follows_the_events)
{
    static const char *const models[] = {
        HEAD "params: {W: [40, 24]}\nhidden: {h: [24]}\nstep:\n"
             "  - \"h' = tanh(x @ W)\"\n  - \"out = h'[0:3]\"\n" TAIL,
        HEAD "params: {W: {shape: [40, 24], sparse: {random: {p: 0.4, seed: 1}}}}\nhidden: {h: [24]}\nstep:\n"
             "  - \"h' = tanh(sparse_matmul(x, W))\"\n  - \"out = h'[0:3]\"\n" TAIL,
    };
    const char *option[] = {"--unroll=0", "-L", "vjp_time=t", NULL};
    char folder[COMMAND_PATH], header[COMMAND_PATH], cflags[2 * COMMAND_PATH];

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(header, folder, "count.h");
    ck_assert_int_eq(file_put(header, "extern long left_out;\nlong left_out;\n"
                                      "#define continue { left_out++; continue; }\n"), 0);
    snprintf(cflags, sizeof cflags, "-include %s", header);
    model m = open_text(models[_i], 1, option, cflags);
    long *left_out = dlsym(m.library, "left_out");
    ck_assert_ptr_nonnull(left_out);
    for (n_events = 0; n_events <= INPUTS; n_events += 10) {
        put_events(&m, some);
        *left_out = 0;
        model_step(&m, 0);
        ck_assert_int_eq(*left_out, turns_left_out(n_events));
        *left_out = 0;
        model_learn(&m, 0);
        ck_assert_int_eq(*left_out, 2 * turns_left_out(n_events));
    }
    model_close(&m);
    folder_remove(folder);
}
END_TEST

/* A sparse product of spikes goes by rows without a word, and gives the same bits.  */
START_TEST(sparse_sums_are_the_same_bits)
{
    const char *option[] = {"--unroll=0", "--real=float", NULL};
    model plain = open_text(specs[2], 0, option, NULL), quick = open_text(specs[2], 1, option, NULL);
    const etr_var *h = model_find(&plain, ETR_HIDDEN, "h");

    put_events(&plain, event);
    put_events(&quick, event);
    for (int t = 0; t < STEPS; t++) {
        model_step(&plain, t);
        model_step(&quick, t);
        for (size_t k = 0; k < model_numel(h); k++)
            ck_assert(model_get(&plain, h, plain.state, k) == model_get(&quick, h, quick.state, k));
    }
    model_close(&plain);
    model_close(&quick);
}
END_TEST

Suite *events_suite(void)
{
    Suite *s = suite_create("events");
    TCase *numbers = tcase_create("numbers"), *work = tcase_create("work");

    tcase_set_timeout(numbers, TIMEOUT);
    tcase_add_loop_test(numbers, numbers_are_the_same, 0, N_SPECS * N_RULES);
    tcase_add_test(numbers, sparse_sums_are_the_same_bits);
    suite_add_tcase(s, numbers);
    tcase_set_timeout(work, TIMEOUT);
    tcase_add_loop_test(work, rows_behind_zeros_are_not_read, 0, N_SPECS);
    tcase_add_loop_test(work, work_follows_the_events, 0, 2);
    suite_add_tcase(s, work);
    return s;
}
