/* SPDX-License-Identifier: Apache-2.0 */
/* The golden cases: forward, Jacobians, signals and gradients of generated models against the
   reference data in tests/golden, and the runner itself.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "golden.h"
#include "golden_cases.h"
#include "golden_names.h"

#include <stdlib.h>
#include <string.h>

/* Long, for machines that run under valgrind or sanitizers; nothing here comes near it.  */
enum { TIMEOUT = 600, WORDS_MAX = 16 };

const char *const golden_cases[] = {
    "rnn", "rnn_readout", "gru", "lstm", "mgu", "gru2_readout", "rnn_batch4", "gru_batch4", "plain_mix",
    "tied", "elemwise", /* the dense ones; FLOAT32_CASES of them */
    "alif_readout", "cfn", "conv_rnn", "conv_rnn_bias", "einsum", "elemwise_batch4", "elemwise_fn",
    "embedding", "embedding_batch4", "gif_readout", "grouped", "lif", "lif_batch4", "lif_readout",
    "lora", "lru", "masked_linear", "mini_gru", "mini_lstm", "minimal_rnn", "signed_linear", "sparse",
    "two_state", "urlstm",
    /* more data of the same kind, from tests/golden/reference.py */
    "stack3", "stack3_batch3", "cross", "conv_bias_rules"};
const int n_golden_cases = sizeof golden_cases / sizeof golden_cases[0];

void golden_path(char path[COMMAND_PATH], const char *name, const char *extension)
{
    const char *srcdir = getenv("srcdir");
    snprintf(path, COMMAND_PATH, "%s/tests/golden/%s.%s", srcdir ? srcdir : ".", name, extension);
}

/* Run golden-check with the words of OPTIONS.  Returns its status; its report, for free(), in
   *TEXT.  */
static int run(const char *spec, const char *npz, const char *options, char **text)
{
    command words = {.n = 0};
    size_t size;
    FILE *report = open_memstream(text, &size);

    ck_assert_ptr_nonnull(report);
    command_add(&words, "golden-check");
    command_add(&words, spec);
    command_add(&words, npz);
    command_add_words(&words, options);
    int status = golden_run(words.n, words.word, report);
    fclose(report);
    return status;
}

static void check_same(const char *spec, const char *npz, const char *options)
{
    char *text = NULL;
    int status = run(spec, npz, options, &text);
    ck_assert_msg(status == GOLDEN_SAME, "golden-check %s %s %s: exit %d\n%s", spec, npz, options,
                  status, text);
    free(text);
}

static const char *const settings[] = {
    "--vjp-time t --signal total --plain none",
    "--window 1",
    "--window 4",
    "--window 12 --grad bptt", /* as long as the cases: nothing is left to the trace */
    "--rule bptt",
};

/* What the last cases have no data for.  */
static const char *const not_of_more = "--window 1";

enum { N_SETTINGS = sizeof settings / sizeof settings[0], FLOAT32_CASES = 11, MORE_CASES = 4 };

START_TEST(cases_agree_with_the_reference)
{
    char spec[COMMAND_PATH], npz[COMMAND_PATH];

    golden_path(spec, golden_cases[_i / N_SETTINGS], "yaml");
    golden_path(npz, golden_cases[_i / N_SETTINGS], "npz");
    if (_i / N_SETTINGS >= n_golden_cases - MORE_CASES && strcmp(settings[_i % N_SETTINGS], not_of_more) == 0)
        return;
    check_same(spec, npz, settings[_i % N_SETTINGS]);
}
END_TEST

/* The spec NAME with another line for its dtype, as the file PATH.  */
static void put_float32(const char *name, const char *path)
{
    static const char was[] = "dtype: float64";
    char spec[COMMAND_PATH];

    golden_path(spec, name, "yaml");
    char *text = file_text(spec);
    ck_assert_ptr_nonnull(text);
    char *at = strstr(text, was);
    ck_assert_ptr_nonnull(at);
    memcpy(at + strlen("dtype: float"), "32", 2);
    ck_assert_int_eq(file_put(path, text), 0);
    free(text);
}

START_TEST(float32_agrees_too)
{
    char folder[COMMAND_PATH], spec[COMMAND_PATH], npz[COMMAND_PATH], options[256];

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "float32.yaml");
    put_float32(golden_cases[_i / N_SETTINGS], spec);
    golden_path(npz, golden_cases[_i / N_SETTINGS], "npz");
    snprintf(options, sizeof options, "%s --tol 1e-4", settings[_i % N_SETTINGS]);
    check_same(spec, npz, options);
    folder_remove(folder);
}
END_TEST

START_TEST(float32_has_fewer_digits)
{
    char folder[COMMAND_PATH], spec[COMMAND_PATH], npz[COMMAND_PATH], *text = NULL;

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "float32.yaml");
    put_float32("lstm", spec);
    golden_path(npz, "lstm", "npz");
    ck_assert_msg(run(spec, npz, "--window 1 --tol 1e-10", &text) == GOLDEN_DIFFERS, "%s", text);
    free(text);
    folder_remove(folder);
}
END_TEST

/* Loops that are not unrolled, and everything unrolled, are the same model.  */
START_TEST(loops_do_not_matter)
{
    static const char *const unroll[] = {"--window 1 --set unroll=1", "--window 1 --set unroll=64"};
    char spec[COMMAND_PATH], npz[COMMAND_PATH];

    golden_path(spec, _i / 2 ? "tied" : "lstm", "yaml");
    golden_path(npz, _i / 2 ? "tied" : "lstm", "npz");
    check_same(spec, npz, unroll[_i % 2]);
}
END_TEST

/* --- the runner ------------------------------------------------------------------------------- */

static const struct {
    const char *what, *spec, *npz, *options;
    int status;
    const char *says;
} verdicts[] = {
    {"another case", "gru", "rnn", "", GOLDEN_DIFFERS, "param/W.weight"},
    {"our parameters without a value", "gru", "rnn", "", GOLDEN_DIFFERS, "our param/cell.Wz"},
    {"another gradient", "gru", "gru", "--window 1 --grad d_rtrl", GOLDEN_DIFFERS,
     "grad/d_rtrl/Wz.weight"},
    {"no such gradient", "gru", "gru", "--grad nothing", GOLDEN_DIFFERS, "grad/nothing"},
    {"our own signal and gradient are not the reference's", "lstm", "lstm",
     "--vjp-time t --plain none", GOLDEN_DIFFERS, "grad/d_rtrl/Wi.weight"},
    {"nearly", "gru", "gru", "--window 1 --tol 1e-18", GOLDEN_DIFFERS, "output/y"},
    {"a name for the gradient", "gru", "gru", "--window=1 --grad=d_rtrl_ms1", GOLDEN_SAME, "loss"},
    {"an option of the generator", "gru", "gru", "--window 1 --set unroll=1", GOLDEN_SAME, "loss"},
    {"a spec that is none", "gru", "gru", "--set define=n=3", GOLDEN_FAILURE, NULL},
    {"a name that is none", "gru", "gru", "--map nothing=W", GOLDEN_USAGE, NULL},
    {"a pair that is none", "gru", "gru", "--map W", GOLDEN_USAGE, NULL},
    {"an option that is none", "gru", "gru", "--nothing 1", GOLDEN_USAGE, NULL},
    {"an option without a value", "gru", "gru", "--window", GOLDEN_USAGE, NULL},
    {"a tolerance that is none", "gru", "gru", "--tol little", GOLDEN_USAGE, NULL},
    {"three files", "gru", "gru", "more", GOLDEN_USAGE, NULL},
    {"no case", "gru", "nothing", "", GOLDEN_FAILURE, NULL},
    {"no spec", "nothing", "gru", "", GOLDEN_FAILURE, NULL},
};

START_TEST(runner_says_what_it_saw)
{
    char spec[COMMAND_PATH], npz[COMMAND_PATH], *text = NULL;

    golden_path(spec, verdicts[_i].spec, "yaml");
    golden_path(npz, verdicts[_i].npz, "npz");
    int status = run(spec, npz, verdicts[_i].options, &text);
    ck_assert_msg(status == verdicts[_i].status, "%s: exit %d\n%s", verdicts[_i].what, status,
                  text);
    if (verdicts[_i].says)
        ck_assert_msg(strstr(text, verdicts[_i].says) != NULL, "%s:\n%s", verdicts[_i].what, text);
    free(text);
}
END_TEST

START_TEST(names_find_one_another)
{
    static const char *const pairs[] = {"cell.*=*", "cell.b=W.bias", "h2w/A=lora", "V#2=U"};
    static const struct {
        const char *kind, *ours, *theirs;
        int match;
    } row[] = {
        {"param", "W", "W", 1},           {"param", "W", "W.weight", 1},
        {"param", "W", "W.bias", 0},      {"hidden", "W", "W.weight", 0},
        {"param", "cell.W", "W", 1},      {"param", "cell.W", "W.weight", 1},
        {"param", "cell.b", "W.bias", 1}, {"param", "cell.b", "b", 0},
        {"hidden", "cell.h", "h", 1},     {"h2w", "A", "lora", 1},
        {"param", "A", "lora", 0},        {"param", "A", "A", 1},
        {"h2w", "cell.W#2", "W#2", 1},    {"h2w", "cell.W#2", "W", 0},
        {"h2w", "V#2", "U", 1},           {"h2w", "V", "V", 1},
    };
    static name_map map;

    map.n = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        ck_assert_int_eq(name_map_add(&map, pairs[i]), 0);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        ck_assert_msg(name_map_match(&map, row[i].kind, row[i].ours, row[i].theirs) == row[i].match,
                      "%s %s %s", row[i].kind, row[i].ours, row[i].theirs);
    ck_assert_int_eq(name_map_add(&map, "=x"), -1);
    ck_assert_int_eq(name_map_add(&map, "x="), -1);
    ck_assert_int_eq(name_map_add(&map, "x"), -1);
}
END_TEST

START_TEST(groups_are_read_in_their_order)
{
    static const char json[] =
        "{\"states\": [\"no\"], \"hidden_groups_coupled\": [{\"states\": [\"no\"]}],\n"
        " \"hidden_groups\": [{\"index\": 0, \"states\": [\"h\", \"a]\\\"b\"],\n"
        " \"varshape\": [5]},\n"
        " {\"states\" : [ \"c\" ]}], \"relations\": [{\"states\": [\"no\"]}]}";
    static name_groups groups;

    ck_assert_int_eq(name_groups_read(&groups, json), 0);
    ck_assert_int_eq(groups.n, 3);
    ck_assert_str_eq(groups.state[1], "a]\"b");
    ck_assert_int_eq(groups.row[1], 1);
    ck_assert_str_eq(groups.state[2], "c");
    ck_assert_int_eq(groups.group[2], 1);
    ck_assert_int_eq(groups.row[2], 0);
    ck_assert_int_eq(name_groups_read(&groups, "{\"hidden_groups\": [{\"states\": [\"h\""), -1);
    ck_assert_int_eq(name_groups_read(&groups, "{}"), -1);
}
END_TEST

Suite *golden_suite(void)
{
    Suite *suite = suite_create("golden");
    TCase *cases = tcase_create("cases"), *runner = tcase_create("runner");

    tcase_set_timeout(cases, TIMEOUT);
    tcase_add_loop_test(cases, cases_agree_with_the_reference, 0, n_golden_cases * N_SETTINGS);
    tcase_add_loop_test(cases, float32_agrees_too, 0, FLOAT32_CASES * N_SETTINGS);
    tcase_add_test(cases, float32_has_fewer_digits);
    tcase_add_loop_test(cases, loops_do_not_matter, 0, 4);
    suite_add_tcase(suite, cases);
    tcase_set_timeout(runner, TIMEOUT);
    tcase_add_loop_test(runner, runner_says_what_it_saw, 0, sizeof verdicts / sizeof verdicts[0]);
    tcase_add_test(runner, names_find_one_another);
    tcase_add_test(runner, groups_are_read_in_their_order);
    suite_add_tcase(suite, runner);
    return suite;
}
