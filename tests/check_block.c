/* SPDX-License-Identifier: Apache-2.0 */
/* Several steps of learning at once (--tile) give what single steps give, to rounding.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "golden_cases.h"
#include "grammar.h"
#include "model.h"
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two blocks and some steps behind them.  */
enum { TIMEOUT = 300, STEPS = 13, N_RANDOM = 8, N_RANDOM_WINDOWS = 24, SEED = 77000 };

static void open_model(model *m, const char *spec, const char *const *option)
{
    const model_source source = {.spec = spec, .option = option, .n_steps = STEPS};
    ck_assert_int_eq(model_open(m, &source), 0);
    model_randomise(m, 5);
}

/* A copy of SIZE bytes, for free().  */
static char *copy_of(const char *block, size_t size)
{
    char *copy = malloc(size + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, block, size);
    return copy;
}

/* Does V stand in the block of KIND?  */
static int is_block_of(const etr_var *v, etr_kind kind)
{
    return v->kind == kind || (kind == ETR_HIDDEN && v->kind == ETR_STATE);
}

/* All variables of KIND in two blocks.  */
static void check_same(const model *m, etr_kind kind, const char *a, const char *b, const char *what)
{
    const double tolerance = m->info->real_bytes == 8 ? 1e-11 : 3e-4;
    double largest = 1e-12;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < m->info->n_vars; i++) {
            const etr_var *v = &m->info->vars[i];
            for (size_t k = 0; is_block_of(v, kind) && k < model_numel(v); k++) {
                const double x = model_get(m, v, a, k), y = model_get(m, v, b, k);
                largest = fabs(x) > largest ? fabs(x) : largest;
                ck_assert_msg(pass == 0 || fabs(x - y) <= tolerance * largest,
                              "%s of %s, element %zu: %.17g in a block, %.17g step by step", what, v->path, k,
                              y, x);
            }
        }
}

static void check_blocks(const char *spec, const char *const *option)
{
    model m;
    open_model(&m, spec, option);
    if (!model_has(&m, MODEL_LEARN)) {
        model_close(&m);
        return;
    }
    const etr_info *info = m.info;
    char *start = copy_of(m.state, info->state_bytes);
    const double loss = model_learn_all(&m);
    char *grad = copy_of(m.grad, info->params_bytes), *state = copy_of(m.state, info->state_bytes);
    char *trace = copy_of(m.trace, info->trace_bytes);
    char *output = copy_of(m.output, STEPS * info->output_bytes);
    memcpy(m.state, start, info->state_bytes);
    model_reset(&m);
    const double other = model_learn_sequence(&m);
    ck_assert_msg(fabs(loss - other) <= 1e-4 * fabs(loss), "loss %g, in blocks %g", loss, other);
    check_same(&m, ETR_PARAM, grad, m.grad, "gradient");
    check_same(&m, ETR_HIDDEN, state, m.state, "state");
    check_same(&m, ETR_TRACE, trace, m.trace, "trace");
    for (int t = 0; t < STEPS; t++)
        check_same(&m, ETR_OUTPUT, output + (size_t)t * info->output_bytes,
                   m.output + (size_t)t * info->output_bytes, "output");
    free(start);
    free(grad);
    free(state);
    free(trace);
    free(output);
    model_close(&m);
}

/* A window that is a block gives what its steps, one by one, give.  */
static void check_windows(const char *spec, const char *window, const char *rule)
{
    model m[2];
    for (int i = 0; i < 2; i++) {
        const char *const option[] = {i ? "--tile=8" : "--tile=1", window, rule, NULL};
        open_model(&m[i], spec, option);
    }
    if (!model_has(&m[0], MODEL_LEARN_SEQUENCE)) {
        model_close(&m[0]);
        model_close(&m[1]);
        return;
    }
    const double loss = model_learn_sequence(&m[0]), other = model_learn_sequence(&m[1]);
    ck_assert_msg(fabs(loss - other) <= 1e-4 * fabs(loss), "loss %g, in blocks %g", loss, other);
    check_same(&m[0], ETR_PARAM, m[0].grad, m[1].grad, "gradient");
    check_same(&m[0], ETR_HIDDEN, m[0].state, m[1].state, "state");
    check_same(&m[0], ETR_TRACE, m[0].trace, m[1].trace, "trace");
    for (size_t t = 0; t < STEPS; t++)
        check_same(&m[0], ETR_OUTPUT, m[0].output + t * m[0].info->output_bytes,
                   m[1].output + t * m[1].info->output_bytes, "output");
    model_close(&m[0]);
    model_close(&m[1]);
}

/* Four windows of three steps and one step more, or two of six.  */
START_TEST(golden_windows)
{
    char spec[COMMAND_PATH];
    golden_path(spec, golden_cases[_i / 2], "yaml");
    check_windows(spec, _i % 2 ? "--window=6" : "--window=3", _i % 4 > 1 ? "--rule=pp_prop" : NULL);
}
END_TEST

static const char *const settings[][4] = {
    {"--tile=5", "--window=1"},
    {"--tile=4", "--vjp-time=t"},
};

enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

START_TEST(golden_models)
{
    char spec[COMMAND_PATH];
    golden_path(spec, golden_cases[_i / N_SETTINGS], "yaml");
    check_blocks(spec, settings[_i % N_SETTINGS]);
}
END_TEST

static const struct {
    const char *name, *option[5];
} rules[] = {
    {"gru_batch4", {"--tile=5", "--rule=pp_prop"}},
    {"gru_batch4", {"--tile=5", "--rule=pp_prop", "--vjp-time=t"}},
    {"lstm", {"--tile=6", "--rule=pp_prop"}},
    {"lstm", {"--tile=5", "--rule=eprop"}},
    {"lif_batch4", {"--tile=5", "--rule=eprop"}},
    {"gru", {"--tile=2", "--signal=total", "--vjp-time=t"}},
    {"lstm", {"--tile=13", "--plain=none", "--vjp-time=t"}},
    {"gru", {"--tile=5", "--rule=scalar_leak"}},
};

START_TEST(other_rules)
{
    char spec[COMMAND_PATH];
    golden_path(spec, rules[_i].name, "yaml");
    check_blocks(spec, rules[_i].option);
}
END_TEST

static void check_window_of_three(const char *spec, const char *const *option)
{
    check_windows(spec, "--window=3", option[0]);
}

/* What WRITE says about case I, in a file of its own, by CHECK.  */
static void check_written(void (*write)(FILE *f, int i), int i, const char *const *option,
                          void (*check)(const char *spec, const char *const *option))
{
    char spec[COMMAND_PATH];
    model where; /* for its folder */
    golden_path(spec, "rnn", "yaml");
    open_model(&where, spec, option);
    ck_assert_int_lt(snprintf(spec, sizeof spec, "%s/written.yaml", where.folder), (int)sizeof spec);
    FILE *f = fopen(spec, "w");
    ck_assert_ptr_nonnull(f);
    write(f, i);
    ck_assert_int_eq(fclose(f), 0);
    check(spec, option);
    ck_assert_int_eq(remove(spec), 0);
    model_close(&where);
}

static void write_random(FILE *f, int i)
{
    grammar_spec(f, (uint64_t)(SEED + i), i % 2 ? 4 : 1);
}

START_TEST(random_models)
{
    static const char *const option[] = {"--tile=4", NULL};
    check_written(write_random, _i, option, check_blocks);
}
END_TEST

START_TEST(random_windows)
{
    static const char *const option[] = {NULL};
    check_written(write_random, _i, option, check_window_of_three);
}
END_TEST

/* Windows that were wrong once.  */
static const char *const windows[] = {
    /* the sum over the steps of a scaled value: of what it is made of there was none */
    "etrace: 1\nmodel: scaled\ninputs: {x: [3]}\ntargets: {y: [4]}\nmodules:\n"
    "  c: {cell: linear, in: \"concat(x, n.s)\", size: 4}\n  n: {cell: lif, in: c, size: 4, R: 10}\n"
    "outputs: [n]\nloss: mse(n, y)\n",
    /* a step backwards that does not read the state, but writes its adjoint first of all */
    "etrace: 1\nmodel: unread\nbatch: 2\ninputs: {x: [3]}\ntargets: {y: [4]}\nparams: {W: [3, 4]}\n"
    "hidden: {h: [4]}\nstep: [\"h' = tanh(x @ W)\"]\noutputs: [h]\nloss: mse(h', y)\n",
};

static void write_window(FILE *f, int i)
{
    fputs(windows[i], f);
}

START_TEST(windows_that_were_wrong)
{
    static const char *const option[] = {NULL};
    check_written(write_window, _i, option, check_window_of_three);
}
END_TEST

static const char *const large_cells[] = {"gru", "lstm", "rnn", NULL};

/* Traces of several states with factors that are the same everywhere, and concat(x, s): once all steps' values of a
   trace's size were an array, of more than a stack.  */
static const char large_lif[] =
    "etrace: 1\nmodel: large\nbatch: 32\ninputs: {x: [64]}\ntargets: {y: [64]}\nmodules:\n"
    "  comm: {cell: linear, in: \"concat(x, neu.s)\", size: 64}\n  syn: {cell: expon, in: comm, tau: 6}\n"
    "  neu: {cell: lif, in: syn, size: 64, tau: 8}\noutputs: [neu]\nloss: 0.5 * sum(square(neu - y))\n"
    "learning: {rule: d_rtrl, vjp_time: t}\n";

static void write_large(FILE *f, int i)
{
    if (!large_cells[i]) {
        fputs(large_lif, f);
        return;
    }
    fprintf(f,
            "etrace: 1\nmodel: large\ndtype: float64\nbatch: 4\ninputs: {x: [32]}\ntargets: {y: [64]}\n"
            "modules: {rnn: {cell: %s, in: x, size: 64}}\noutputs: [rnn]\nloss: mse(rnn, y)\n",
            large_cells[i]);
}

/* Large enough for blocks by themselves, and for loops that are parted.  */
START_TEST(large_models)
{
    static const char *const option[] = {NULL};
    check_written(write_large, _i, option, check_blocks);
}
END_TEST

/* What is made of inputs alone is done before the steps: in a product that takes inputs and states put together, in front,
   behind and between them; in a layer of its own, which is an output too; in a convolution; of several inputs, one of
   which the trace meets as it is.  */
static const char *const early_steps[] = {
    "hidden: {h: [48]}\nparams: {W: {shape: [48 + 48, 48], init: glorot_uniform}}\n"
    "step:\n  - h' = tanh(concat(h, x) @ W)\n  - o = h'\noutputs: [o]\n",
    "hidden: {h: [48]}\nparams: {W: {shape: [48 + 48 + 16, 48], init: glorot_uniform}, U: {shape: [48, 48], init: "
    "glorot_uniform}}\nstep:\n  - u = relu(x @ U)\n  - h' = 0.5 * h + tanh(concat(u, h, z) @ W)\n"
    "  - o = h'\noutputs: [o, u]\n",
    "hidden: {h: [48], g: [48]}\nparams: {W: {shape: [48, 48], init: glorot_uniform}, V: {shape: [96, 48], init: "
    "glorot_uniform}}\nstep:\n  - h' = 0.9 * h + tanh(x @ W)\n  - g' = tanh(concat(x * x, h') @ V) + 0.1 * g\n"
    "  - o = g'\noutputs: [o]\n",
    "hidden: {h: [48]}\nparams: {K: {shape: [3, 16, 32], init: glorot_uniform}, W: {shape: [96 + 48, 48], init: "
    "glorot_uniform}}\nstep:\n  - c = tanh(conv(reshape(x, [3, 16]), K, padding=same))\n"
    "  - h' = tanh(concat(reshape(c, [96]), h) @ W)\n  - o = h'\noutputs: [o]\n",
};

static void write_early(FILE *f, int i)
{
    fprintf(f, "etrace: 1\nmodel: early\ndtype: float64\ninputs: {x: [48], z: [16]}\ntargets: {y: [48]}\n%s"
               "loss: mse(o, y)\n", early_steps[i]);
}

/* Is there something to be done before the steps of a block of case I?  */
static void check_is_early(int i)
{
    char *folder = run_make_folder();
    FILE *f = fopen(run_path(folder, "early.yaml"), "w");
    ck_assert_ptr_nonnull(f);
    write_early(f, i);
    ck_assert_int_eq(fclose(f), 0);
    run_result r = run_etrace(folder, "-w -o - early.yaml");
    ck_assert_int_eq(r.status, 0);
    ck_assert_ptr_nonnull(strstr(buf_text(&r.out), "what needs no state"));
    run_free(&r);
    run_remove_folder(folder);
}

START_TEST(early_products)
{
    static const char *const options[][2] = {{NULL}, {"--rule=pp_prop"}, {"--vjp-time=t"}};
    enum { N = sizeof options / sizeof options[0] };
    check_is_early(_i / N);
    check_written(write_early, _i / N, options[_i % N], check_blocks);
}
END_TEST

/* Products that are called, against those that are written out.  */
START_TEST(called_products)
{
    static const char *const options[][2] = {{"--target=c99"}, {"--target=cortex-m"}};
    char spec[COMMAND_PATH];
    model m[2], where; /* for its folder */
    golden_path(spec, "rnn", "yaml");
    open_model(&where, spec, options[0]);
    ck_assert_int_lt(snprintf(spec, sizeof spec, "%s/written.yaml", where.folder), (int)sizeof spec);
    FILE *f = fopen(spec, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "etrace: 1\nmodel: large\nbatch: %d\ninputs: {x: [32]}\ntargets: {y: [64]}\n"
               "modules: {rnn: {cell: gru, in: x, size: 64}}\noutputs: [rnn]\nloss: mse(rnn, y)\n"
               "learning: {%s}\n", _i ? 8 : 1, _i == 2 ? "rule: pp_prop, decay: 0.9" : "vjp_time: t");
    ck_assert_int_eq(fclose(f), 0);
    for (int i = 0; i < 2; i++) {
        open_model(&m[i], spec, options[i]);
        model_learn_sequence(&m[i]);
    }
    check_same(&m[0], ETR_PARAM, m[0].grad, m[1].grad, "gradient");
    check_same(&m[0], ETR_HIDDEN, m[0].state, m[1].state, "state");
    model_close(&m[0]);
    model_close(&m[1]);
    ck_assert_int_eq(remove(spec), 0);
    model_close(&where);
}
END_TEST

/* Blocks are for steps in which all samples are there and the loss counts.  */
START_TEST(weights_and_lengths)
{
    static const char *const options[][4] = {{"--tile=1"}, {"--tile=4"}, {"--tile=1", "--window=3"},
                                             {"--tile=4", "--window=3"}, {"--tile=1", "--window=2", "-Lreduction=mean"},
                                             {"--tile=4", "--window=2", "-Lreduction=mean"}};
    static const size_t length[] = {13, 9, 13, 11};
    char spec[COMMAND_PATH];
    double weight[STEPS * 4], loss[2];
    model m[2];
    golden_path(spec, "gru_batch4", "yaml");
    for (int i = 0; i < STEPS * 4; i++)
        weight[i] = i / 4 == 5 ? 0 : 0.5 + i % 3;
    for (int i = 0; i < 2; i++) {
        open_model(&m[i], spec, options[2 * _i + i]);
        ck_assert_int_eq(m[i].info->real_bytes, 8);
        model_sequence q = model_whole_sequence(&m[i]);
        q.weight = weight;
        q.length = length;
        model_reset(&m[i]);
        ck_assert_int_eq(model_learn_from(&m[i], &q, &loss[i]), ETR_UPDATE_OK);
    }
    ck_assert_double_eq_tol(loss[0], loss[1], 1e-10);
    check_same(&m[0], ETR_PARAM, m[0].grad, m[1].grad, "gradient");
    check_same(&m[0], ETR_HIDDEN, m[0].state, m[1].state, "state");
    check_same(&m[0], ETR_TRACE, m[0].trace, m[1].trace, "trace");
    model_close(&m[0]);
    model_close(&m[1]);
}
END_TEST

Suite *block_suite(void)
{
    Suite *s = suite_create("block");
    TCase *t = tcase_create("block");
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_loop_test(t, golden_models, 0, n_golden_cases * N_SETTINGS);
    tcase_add_loop_test(t, golden_windows, 0, n_golden_cases * 2);
    tcase_add_loop_test(t, other_rules, 0, (int)(sizeof rules / sizeof rules[0]));
    tcase_add_loop_test(t, random_models, 0, N_RANDOM);
    tcase_add_loop_test(t, windows_that_were_wrong, 0, (int)(sizeof windows / sizeof windows[0]));
    tcase_add_loop_test(t, random_windows, 0, N_RANDOM_WINDOWS);
    tcase_add_loop_test(t, large_models, 0, (int)(sizeof large_cells / sizeof large_cells[0]));
    tcase_add_loop_test(t, early_products, 0, 3 * (int)(sizeof early_steps / sizeof early_steps[0]));
    tcase_add_loop_test(t, called_products, 0, 3);
    tcase_add_loop_test(t, weights_and_lengths, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
