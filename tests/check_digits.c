/* SPDX-License-Identifier: Apache-2.0 */
/* The example digits, but for its training (make nightly does that).  In: examples/digits, the
   generator in ETRACE_GEN.  Out: test cases of its data, its size, and that it compiles.  */
#define _GNU_SOURCE

#include "etrace_npz.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 1797, PIXELS = 64, LINES_MAX = 150 };

static const char *from_environment(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value && *value ? value : fallback;
}

static char *example(const char *file)
{
    char *path = NULL;

    ck_assert_int_ge(asprintf(&path, "%s/examples/digits/%s", from_environment("srcdir", "."),
                              file), 0);
    return path;
}

START_TEST(data_are_those_of_uci)
{
    static const int of_digit[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    char *path = example("digits.npz");
    int rank, shape[ETR_RANK_MAX], count[10] = {0};
    double sum = 0;
    etr_npz *npz = etr_npz_open(path);
    const double *pixel, *label;

    ck_assert_msg(npz != NULL, "%s", etr_npz_error());
    pixel = etr_npz_get(npz, "image", &rank, shape);
    ck_assert_ptr_nonnull(pixel);
    ck_assert_int_eq(rank, 3);
    ck_assert(shape[0] == IMAGES && shape[1] == 8 && shape[2] == 8);
    for (int i = 0; i < IMAGES * PIXELS; i++) {
        ck_assert(pixel[i] >= 0 && pixel[i] <= 16);
        sum += pixel[i];
    }
    ck_assert_double_eq(sum, 561718);
    label = etr_npz_get(npz, "label", &rank, shape);
    ck_assert_ptr_nonnull(label);
    ck_assert(rank == 1 && shape[0] == IMAGES);
    for (int i = 0; i < IMAGES; i++)
        count[(int)label[i]]++;
    ck_assert_mem_eq(count, of_digit, sizeof count);
    etr_npz_close(npz);
    free(path);
}
END_TEST

START_TEST(main_has_under_150_lines)
{
    char *path = example("main.c");
    FILE *f = fopen(path, "r");
    int lines = 0;

    ck_assert_ptr_nonnull(f);
    for (int c = getc(f); c != EOF; c = getc(f))
        lines += c == '\n';
    fclose(f);
    free(path);
    ck_assert_int_gt(lines, 50);
    ck_assert_int_lt(lines, LINES_MAX);
}
END_TEST

/* Both models generated, and the example's own files taken by the compiler without a warning.  */
START_TEST(generates_and_compiles)
{
    char folder[] = "/tmp/etrace-digits-XXXXXX";
    char *command = NULL;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_ge(
        asprintf(&command,
                 "set -e; d=%s; trap 'rm -rf $d' EXIT; s=$srcdir/examples/digits\n"
                 "$ETRACE_GEN -o $d/digits.c $s/model.yaml 2>$d/log || { cat $d/log; exit 1; }\n"
                 "$ETRACE_GEN -o $d/digits_bptt.c -p digits_bptt --rule=bptt $s/model.yaml 2>$d/log "
                 "|| { cat $d/log; exit 1; }\n"
                 "$CC -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror "
                 "-fsyntax-only -I $d -I $srcdir/examples/common -I $srcdir/runtime $s/*.c $d/digits.c "
                 "$d/digits_bptt.c",
                 folder), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
}
END_TEST

Suite *digits_suite(void)
{
    Suite *suite = suite_create("digits");
    TCase *all = tcase_create("example");

    tcase_add_test(all, data_are_those_of_uci);
    tcase_add_test(all, main_has_under_150_lines);
    tcase_add_test(all, generates_and_compiles);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    return suite;
}
