/* SPDX-License-Identifier: Apache-2.0 */
/* --with-test: on models of all kinds the program finds nothing wrong; where the C does something else
   than the spec says, it does.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "grammar.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model of tests/golden, and words for the command line.  */
static const struct {
    const char *spec, *words;
} models[] = {
    {"gru", ""}, {"gru", "--rule=bptt"}, {"gru", "--window=3"}, {"gru", "--vjp-time=t"}, {"gru", "--rule=pp_prop"},
    {"gru", "--rule=rtrl"}, {"gru", "--real=float"}, {"gru", "--trace-real=bfloat16 --real=float"},
    {"gru", "--rule=dni"}, {"gru_batch4", ""}, {"gru_batch4", "--rule=uoro -L seed=1"}, {"gru_batch4", "--rule=uoro -L seed=1 -L estimate=batch"}, {"gru_batch4", "--rule=bptt"},
    {"gru_batch4", "--rule=bptt -L reduction=mean"}, {"gru_batch4", "-L reduction=mean"},
    {"alif_readout", ""}, {"gif_readout", "--window=2"}, {"conv_rnn_bias", ""}, {"einsum", ""}, {"grouped", ""},
    /* a parameter that reaches two groups has one filtered input */
    {"../lang/shared", "--rule=pp_prop"}, {"../lang/twins", "--rule=pp_prop --window=2"},
    {"embedding_batch4", ""}, {"sparse", ""}, {"lora", ""}, {"lru", ""}, {"elemwise_fn", "--single-file --standalone"},
};

enum { N_MODELS = sizeof models / sizeof models[0], TIMEOUT = 300, N_RANDOM = 16, SEED = 604 };

static const char compile[] =
    "${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror -o t ";

static void shell(const char *format, const char *spec, const char *words, int status)
{
    buf line = {0};
    buf_printf(&line, format, words, spec);
    cli_shell(line.text, status);
    buf_free(&line);
}

static void compile_and_run(const char *files, int status)
{
    buf line = {0};
    buf_printf(&line, "%s %s -lm && ./t", compile, files);
    cli_shell(line.text, status);
    buf_free(&line);
}

START_TEST(nothing_is_wrong)
{
    shell("$E -w --with-test %s -o m.c \"$srcdir/tests/golden/%s.yaml\"", models[_i].spec, models[_i].words, 0);
    compile_and_run(strstr(models[_i].words, "single") ? "m_test.c" : "m_test.c m.c", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
}
END_TEST

/* Loops of every kind, and what is carried besides.  */
static const char turns[] =
    "etrace: 1\nmodel: turns\ndtype: float64\ninputs: {x: [3], i: {shape: [], type: index, size: 4}}\n"
    "targets: {y: [4]}\nparams: {W: [3, 4], U: [4, 4], k: {shape: [4], init: 0.3}, T: [4, 4]}\n"
    "hidden: {h: [4]}\nstate: {n: [], draws: {shape: [], type: seed}}\nstep:\n"
    "  - a = x @ W + embedding(i, T)\n"
    "  - repeat: 3\n    carry: {u: 0.5 * h}\n    do: [\"u' = tanh(u @ U + a)\"]\n"
    "  - repeat: 5\n    carry: {w: u}\n    do: [\"w' = 0.5 * w + k * sin(w)\"]\n"
    "  - while: max(abs(z)) > 0.1 and n < 100\n    max: 4\n    carry: {z: w}\n    do: [\"z' = 0.5 * z\"]\n"
    "  - h' = 0.5 * h + z + 0.1 * (random_uniform(draws, [4]) - 0.5)\n  - n' = n + 1\n"
    "outputs: {out: h', first: n'}\nloss: mse(h', y)\n";

START_TEST(loops_and_states)
{
    static const char *const rules[] = {"", "--rule=bptt", "--batch=3", "--batch=5 --rule=bptt"};
    cli_write("turns.yaml", turns);
    shell("$E -w --with-test %s %s.yaml", "turns", rules[_i], 0);
    compile_and_run("turns_test.c turns.c", 0);
}
END_TEST

/* A constant that the body of a loop alone reads, and what is read behind the loop's last turn alone.  */
START_TEST(constants_of_a_loop)
{
    cli_write("turns.yaml", "etrace: 1\nmodel: turns\ninputs: {x: [3]}\ntargets: {y: [3]}\nparams: {W: [3, 3]}\n"
                            "hidden: {h: [3]}\nunroll_limit: 1\nstep:\n  - repeat: 3\n    carry: {c: h + x}\n"
                            "    do: [\"c' = 0.5 * tanh(c @ W)\"]\n  - h' = c\noutputs: [h]\nloss: mse(h', y)\n");
    shell("$E -w --with-test %s %s.yaml", "turns", "", 0);
    compile_and_run("turns_test.c turns.c", 0);
}
END_TEST

START_TEST(random_models)
{
    static const char *const words[] = {"", "--window=3 --tile=3", "--rule=bptt", "--vjp-time=t --tile=4"};
    char *text = grammar_text((uint64_t)(SEED + _i), _i % 2 ? 4 : 1);
    ck_assert_ptr_nonnull(text);
    cli_write("random.yaml", text);
    free(text);
    shell("$E -w --with-test %s %s.yaml", "random", words[_i / 2 % 4], 0);
    compile_and_run("random_test.c random.c", 0);
}
END_TEST

/* The test of one model, and the C of another.  */
static void is_found(const char *words, const char *edit, const char *said)
{
    cli_shell("$E -w --with-test -o m.c \"$srcdir/tests/golden/gru.yaml\" && mv m_test.c t.c", 0);
    cli_shell("cp \"$srcdir/tests/golden/gru.yaml\" other.yaml", 0);
    shell("$E -w %s -o m.c %s.yaml", "other", words, 0);
    if (*edit)
        cli_shell(edit, 0);
    compile_and_run("t.c m.c", 1);
    ck_assert_msg(strstr(buf_text(&cli_result.out), said), "%s", buf_text(&cli_result.out));
}

START_TEST(something_is_wrong)
{
    is_found("--vjp-time=t", "", "step 4, cell.W");
    ck_assert_ptr_null(strstr(buf_text(&cli_result.out), "step 4, loss"));
    is_found("", "sed '/return total;/s/total/2 * total/' m.c >n.c && mv n.c m.c", "step 4, loss: ");
}
END_TEST

START_TEST(is_an_output)
{
    cli_shell("$E --list-outputs --with-test model.yaml | grep -qx model_test.c", 0);
    cli_run("-n --with-test model.yaml", 0, NULL);
    cli_run("--with-test -d . model.yaml", 0, NULL);
    cli_nothing_but(3);
    cli_run("--compare=all --with-test model.yaml", 2, "--compare has no use for '--with-test'");
}
END_TEST

START_TEST(no_numbers)
{
    cli_write("model.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                            "step: [\"h' = log(x - 2)\"]\noutputs: {y: h'}\n");
    cli_run("--with-test model.yaml", 1, "E0430");
    cli_nothing_but(0);
}
END_TEST

Suite *self_test_suite(void)
{
    Suite *s = suite_create("self_test");
    TCase *t = tcase_create("self_test");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_loop_test(t, nothing_is_wrong, 0, N_MODELS);
    tcase_add_test(t, constants_of_a_loop);
    tcase_add_loop_test(t, random_models, 0, N_RANDOM);
    tcase_add_loop_test(t, loops_and_states, 0, 4);
    tcase_add_test(t, something_is_wrong);
    tcase_add_test(t, is_an_output);
    tcase_add_test(t, no_numbers);
    suite_add_tcase(s, t);
    return s;
}
