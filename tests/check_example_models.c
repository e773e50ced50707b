/* SPDX-License-Identifier: Apache-2.0 */
/* The other examples, but for their training (make nightly does that).  In: examples/, the
   generator in ETRACE_GEN.  Out: test cases: of what their training shares, and that each generates and is
   taken by the compiler without a warning.  */
#define _GNU_SOURCE

#include "suites.h"
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 150, N = 1000 };

static const char *const examples[] = {"spikes", "cues",   "balanced",
                                       "conv",   "vowels", "characters"};

START_TEST(main_has_under_150_lines)
{
    const char *srcdir = getenv("srcdir");
    char *path = NULL;
    FILE *f;
    int lines = 0;

    ck_assert_int_ge(
        asprintf(&path, "%s/examples/%s/main.c", srcdir ? srcdir : ".", examples[_i]), 0);
    f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    for (int c = getc(f); c != EOF; c = getc(f))
        lines += c == '\n';
    fclose(f);
    free(path);
    ck_assert_int_gt(lines, 50);
    ck_assert_int_lt(lines, LINES_MAX);
}
END_TEST

/* vowels wants a second model, with BPTT; for the others it is one more that must compile.  */
START_TEST(generates_and_compiles)
{
    char folder[] = "/tmp/etrace-example-XXXXXX";
    char *command = NULL;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_ge(
        asprintf(&command,
                 "set -e; d=%s; n=%s; trap 'rm -rf $d' EXIT; s=$srcdir/examples/$n\n"
                 "$ETRACE_GEN -o $d/$n.c $s/model.yaml 2>$d/log || { cat $d/log; exit 1; }\n"
                 "$ETRACE_GEN -o $d/${n}_bptt.c -p ${n}_bptt --rule=bptt $s/model.yaml 2>$d/log "
                 "|| { cat $d/log; exit 1; }\n"
                 "$CC -std=c11 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow "
                 "-Wdouble-promotion -Werror -fsyntax-only -I $d -I $srcdir/runtime -iquote $srcdir/examples/common "
                 "$s/*.c $d/*.c",
                 folder, examples[_i]), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
}
END_TEST

START_TEST(shuffle_is_an_order)
{
    int a[N], b[N], seen[N] = {0}, fixed = 0;

    training_shuffle(a, N, 3, 1);
    training_shuffle(b, N, 3, 1);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < N; i++) {
        ck_assert(a[i] >= 0 && a[i] < N);
        seen[a[i]]++;
        fixed += a[i] == i;
    }
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_lt(fixed, 10); /* 1 in the mean */
    training_shuffle(b, N, 4, 1);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
    training_shuffle(b, N, 3, 2);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
}
END_TEST

START_TEST(largest_is_the_first_of_equals)
{
    ck_assert_int_eq(training_largest((const float[]){-3}, 1), 0);
    ck_assert_int_eq(training_largest((const float[]){-3, -1, -2, -1}, 4), 1);
    ck_assert_int_eq(training_largest((const float[]){0, 0, 5}, 3), 2);
}
END_TEST

START_TEST(arguments_have_defaults)
{
    char program[] = "p", folder[] = "data", seed[] = "7";
    char *argv[] = {program, folder, seed, NULL};

    ck_assert_str_eq(training_path(1, argv, "x.npz"), "./x.npz");
    ck_assert_str_eq(training_path(2, argv, "x.npz"), "data/x.npz");
    ck_assert_uint_eq(training_seed(2, argv), 1);
    ck_assert_uint_eq(training_seed(3, argv), 7);
}
END_TEST

Suite *example_models_suite(void)
{
    const int n = sizeof examples / sizeof examples[0];
    Suite *suite = suite_create("example_models");
    TCase *models = tcase_create("models"), *training = tcase_create("training");

    tcase_add_loop_test(models, main_has_under_150_lines, 0, n);
    tcase_add_loop_test(models, generates_and_compiles, 0, n);
    tcase_set_timeout(models, 120);
    suite_add_tcase(suite, models);
    tcase_add_test(training, shuffle_is_an_order);
    tcase_add_test(training, largest_is_the_first_of_equals);
    tcase_add_test(training, arguments_have_defaults);
    suite_add_tcase(suite, training);
    return suite;
}
