/* SPDX-License-Identifier: Apache-2.0 */
/* doc/differences.md, "The numbers".  In: the cases in tests/golden.  Out: the distance to BPTT of the reference and
   of three of our settings for each of them; the table in the document has to say the same, and on the mean ours is
   never farther than the reference.  */
#define _POSIX_C_SOURCE 200809L
#include "etrace_npz.h"
#include "golden.h"
#include "golden_cases.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4, CASES_MAX = 100 };

/* The reference's own is read from the data; ours is run.  */
static const char *const columns[COLUMNS] = {NULL, "--vjp-time t", "--window 1", "--window 4"};

/* ||grad/A - grad/B|| / ||grad/B|| over all parameters of the file; what A lacks is zero there.  */
static double reference_distance(const char *name, const char *a, const char *b)
{
    char path[COMMAND_PATH], head[80], other[200];
    double off = 0, all = 0;

    golden_path(path, name, "npz");
    etr_npz *file = etr_npz_open(path);
    ck_assert_ptr_nonnull(file);
    snprintf(head, sizeof head, "grad/%s/", b);
    for (int i = 0; i < etr_npz_count(file); i++) {
        const char *array = etr_npz_name(file, i);
        int rank, shape[ETR_RANK_MAX];
        size_t n = 1;
        if (strncmp(array, head, strlen(head)) != 0)
            continue;
        const double *want = etr_npz_get(file, array, &rank, shape);
        ck_assert_ptr_nonnull(want);
        for (int k = 0; k < rank; k++)
            n *= (size_t)shape[k];
        snprintf(other, sizeof other, "grad/%s/%s", a, array + strlen(head));
        const double *got = etr_npz_get(file, other, &rank, shape);
        for (size_t k = 0; k < n; k++) {
            const double d = (got ? got[k] : 0) - want[k];
            off += d * d;
            all += want[k] * want[k];
        }
    }
    etr_npz_close(file);
    ck_assert_msg(all > 0, "%s has no grad/%s", name, b);
    return sqrt(off / all);
}

static double our_distance(const char *name, const char *options)
{
    char spec[COMMAND_PATH], npz[COMMAND_PATH], *text = NULL;
    command words = {.n = 0};
    size_t size;

    golden_path(spec, name, "yaml");
    golden_path(npz, name, "npz");
    FILE *report = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(report);
    command_add(&words, "golden-check");
    command_add(&words, spec);
    command_add(&words, npz);
    command_add_words(&words, options);
    command_add_words(&words, "--rule d_rtrl --dense drop --grad bptt --distance distance");
    golden_run(words.n, words.word, report);
    fclose(report);
    const char *last = text ? strstr(text, "\ndistance ") : NULL;
    ck_assert_msg(last != NULL, "%s %s\n%s", name, options, text);
    const double res = strtod(last + strlen("\ndistance "), NULL);
    free(text);
    return res;
}

/* A number of the document's table: **0.222**, 0.222, or 0.  */
static double read_number(const char **p)
{
    char *end;
    *p += strspn(*p, " |*");
    const double x = strtod(*p, &end);
    ck_assert_msg(end != *p, "no number: %.20s", *p);
    *p = end;
    return x;
}

/* TABLE's row of NAME has the numbers in DISTANCE, to three digits.  */
static void compare_row(const char *table, const char *name, const double *distance)
{
    char head[80];
    snprintf(head, sizeof head, "\n| %s |", name);
    const char *p = strstr(table, head);
    ck_assert_msg(p != NULL, "doc/differences.md has no row for %s", name);
    p += strlen(head);
    for (int k = 0; k < COLUMNS; k++) {
        const double said = read_number(&p);
        ck_assert_msg(fabs(said - distance[k]) < 0.00051, "%s, column %d: the document says %.3f, it is %.4f", name,
                      k + 1, said, distance[k]);
    }
}

START_TEST(the_table_says_what_is_so)
{
    char path[COMMAND_PATH], mean_name[40];
    double mean[COLUMNS] = {0};

    snprintf(path, sizeof path, "%s/doc/differences.md", getenv("srcdir"));
    char *text = file_text(path);
    const char *table = text ? strstr(text, "## The numbers") : NULL;
    ck_assert_ptr_nonnull(table);
    printf("distance to BPTT            reference  vjp_time t    window 1    window 4\n");
    for (int c = 0; c < n_golden_cases; c++) {
        double distance[COLUMNS];
        distance[0] = reference_distance(golden_cases[c], "d_rtrl", "bptt");
        for (int k = 1; k < COLUMNS; k++)
            distance[k] = our_distance(golden_cases[c], columns[k]);
        printf("%-24s", golden_cases[c]);
        for (int k = 0; k < COLUMNS; k++) {
            printf("%12.4f", distance[k]);
            mean[k] += distance[k] / n_golden_cases;
        }
        printf("\n");
        compare_row(table, golden_cases[c], distance);
    }
    printf("%-24s%12.4f%12.4f%12.4f%12.4f\n", "mean", mean[0], mean[1], mean[2], mean[3]);
    snprintf(mean_name, sizeof mean_name, "**mean of %d**", n_golden_cases);
    compare_row(table, mean_name, mean);
    for (int k = 1; k < COLUMNS; k++)
        ck_assert_msg(mean[k] <= mean[0], "ours is farther: %s, %g against %g", columns[k], mean[k], mean[0]);
    free(text);
}
END_TEST

Suite *differences_suite(void)
{
    Suite *suite = suite_create("differences");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 600);
    tcase_add_test(all, the_table_says_what_is_so);
    suite_add_tcase(suite, all);
    return suite;
}
