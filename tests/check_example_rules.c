/* SPDX-License-Identifier: Apache-2.0 */
/* The examples that take --rule.  In: examples/, the generator in ETRACE_GEN.  Out: test cases: how a rule is
   chosen, and that every row of the tables of digits and spikes learns by the rule of its name.  */
#define _GNU_SOURCE

#include "rules.h"
#include "run.h"
#include "suites.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_NUMBERS = 3 };

static void begin_at_seed(void *params, uint64_t seed)
{
    for (int i = 0; i < N_NUMBERS; i++)
        ((float *)params)[i] = (float)seed;
}

static void add_in_and_target(const void *params, const void *in, const void *target, void *grad)
{
    (void)params;
    for (int i = 0; i < N_NUMBERS; i++)
        ((float *)grad)[i] += *(const float *)in + *(const float *)target;
}

static const etr_info three_numbers = {.params_bytes = N_NUMBERS * sizeof(float)};
static const rules_row two_rules[] = {
    {"d_rtrl", &three_numbers, begin_at_seed, add_in_and_target},
    {"eprop", &three_numbers, begin_at_seed, add_in_and_target},
    {NULL, NULL, NULL, NULL},
};

/* What the program does that is called with the WORDS, ended by NULL; they become what is left.  */
static const rules_row *choose(const char **words, int *argc, int *status)
{
    static char room[8][64];
    char *argv[9] = {NULL};
    const rules_row *row;

    for (*argc = 0; words[*argc]; (*argc)++)
        argv[*argc] = strcpy(room[*argc], words[*argc]);
    optind = 1;
    row = rules_choose(two_rules, argc, argv, status);
    for (int k = 0; k < *argc; k++)
        words[k] = argv[k];
    return row;
}

START_TEST(rules_are_chosen_by_name)
{
    const char *none[] = {"p", "data", "7", NULL}, *one[] = {"p", "data", "--rule=eprop", "7", NULL};
    const char *first[] = {"p", "-r", "d_rtrl", NULL};
    int argc, status;

    ck_assert_ptr_eq(choose(none, &argc, &status), &two_rules[0]);
    ck_assert_int_eq(argc, 3);
    ck_assert_ptr_eq(choose(one, &argc, &status), &two_rules[1]);
    ck_assert_int_eq(argc, 3);
    ck_assert_str_eq(one[1], "data");
    ck_assert_str_eq(one[2], "7");
    ck_assert_ptr_eq(choose(first, &argc, &status), &two_rules[0]);
    ck_assert_int_eq(argc, 1);
}
END_TEST

/* What is printed to F, a stream that is replaced for good.  */
static size_t printed(FILE *f, const char **words, int wanted, char *text, size_t size)
{
    int end[2], argc, status = -1;

    ck_assert_int_eq(pipe(end), 0);
    ck_assert_int_eq(fcntl(end[0], F_SETFL, O_NONBLOCK), 0);
    fflush(f);
    ck_assert_int_ge(dup2(end[1], fileno(f)), 0);
    ck_assert_ptr_null(choose(words, &argc, &status));
    ck_assert_int_eq(status, wanted);
    fflush(f);
    return run_read_all(end[0], text, size);
}

START_TEST(an_unknown_rule_is_refused)
{
    const char *unknown[] = {"p", "--rule=esprop", NULL}, *option[] = {"p", "--rules", "--x", NULL};
    const char *empty[] = {"p", "--rule", NULL}, *begin[] = {"p", "--rule=epro", NULL};
    char text[512];

    printed(stderr, unknown, 2, text, sizeof text);
    ck_assert_str_eq(text, "p: there is no rule 'esprop' in this program; it has d_rtrl eprop\n");
    printed(stderr, begin, 2, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "'epro'"));
    ck_assert(printed(stderr, option, 2, text, sizeof text) > 0);
    ck_assert(printed(stderr, empty, 2, text, sizeof text) > 0);
}
END_TEST

START_TEST(help_lists_the_rules)
{
    const char *help[] = {"p", "--help", NULL};
    char text[1024];

    printed(stdout, help, 0, text, sizeof text);
    ck_assert(strncmp(text, "usage: p [--rule=NAME] [FOLDER [SEED]]\n", 39) == 0);
    ck_assert_ptr_nonnull(strstr(text, "instead of d_rtrl\n"));
    ck_assert_ptr_nonnull(strstr(text, "Rules of this program: d_rtrl eprop\n"));
}
END_TEST

/* Only what is to be learned moves, and the gradient of one update is not in the next.  */
START_TEST(rules_learn_a_part)
{
    rules_learner l;
    const float in = 2, target = 1;

    ck_assert_int_eq(rules_begin(&l, two_rules, 5), 0);
    ck_assert_uint_eq(l.n, N_NUMBERS);
    l.first = 1;
    l.n = 1;
    for (int k = 0; k < 2; k++)
        rules_learn(&l, &in, &target, 0.5f);
    ck_assert_int_eq(l.updates, 2);
    ck_assert_double_eq((double)l.grad[1], 3);
    ck_assert_double_eq((double)l.params[0], 5);
    ck_assert_double_eq_tol((double)l.params[1], 4, 1e-5);
    ck_assert_double_eq((double)l.params[2], 5);
    rules_end(&l);
    ck_assert_ptr_null(l.params);
}
END_TEST

/* --- the tables ------------------------------------------------------------------------------- */

static const char *const programs[] = {"digits", "spikes"};

/* A line for each row: its name, its model's rule, whether the parameters begin as those of the first row, and whether there
   is a gradient.  */
static const char rows[] =
    "#include \"rules.h\"\n"
    "#include <math.h>\n#include <stdio.h>\n#include <string.h>\n"
    "static float in[2048], target[64], params[65536], first[65536], grad[65536];\n"
    "int main(void)\n{\n"
    "    const size_t bytes = rules_table->info->params_bytes;\n"
    "    for (int i = 0; i < 2048; i++)\n        in[i] = (float)(i % 7 == 0);\n"
    "    for (int i = 1; i < 64 && rules_table->info->target_bytes == 8; i += 2)\n        target[i] = 1;\n"
    "    for (const rules_row *row = rules_table; row->name; row++) {\n"
    "        double sum = 0;\n"
    "        if (row->info->params_bytes > sizeof params)\n            return 1;\n"
    "        row->init_params(params, 3);\n"
    "        if (row == rules_table)\n            memcpy(first, params, bytes);\n"
    "        memset(grad, 0, sizeof grad);\n"
    "        row->learn(params, in, target, grad);\n"
    "        for (size_t i = 0; i < bytes / sizeof *grad; i++)\n            sum += fabs((double)grad[i]);\n"
    "        printf(\"%s %.*s %d %d\\n\", row->name, (int)strcspn(row->info->rule, \",\"), row->info->rule,\n"
    "               memcmp(first, params, bytes) == 0, isfinite(sum) && sum > 0.01);\n"
    "    }\n    return 0;\n}\n";

START_TEST(rows_learn_by_the_rule_of_their_name)
{
    char folder[] = "/tmp/etrace-rules-XXXXXX";
    char *command = NULL;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_ge(
        asprintf(&command,
                 "set -e; d=%s; n=%s; trap 'rm -rf $d' EXIT; s=$srcdir/examples/$n; c=$srcdir/examples/common\n"
                 "cat >$d/rows.c <<'END'\n%sEND\n"
                 "{ $ETRACE_GEN -o $d/$n.c $s/model.yaml\n"
                 "$ETRACE_GEN -o $d/${n}_bptt.c -p ${n}_bptt --rule=bptt $s/model.yaml\n"
                 "sh $c/rules.sh $ETRACE_GEN $s/model.yaml $n $d :; } 2>$d/log || { cat $d/log; exit 1; }\n"
                 "set -- -std=c11 -DALL_RULES -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I $d "
                 "-I $srcdir/runtime -iquote $c\n"
                 "$CC $@ -fsyntax-only $s/main.c $c/rules.c\n"
                 "$CC $@ -o $d/rows $d/rows.c $s/rules.c $d/${n}*.c -lm\n"
                 "$d/rows >$d/out\n"
                 "awk '$1 != $2 || $3 != 1 || $4 != 1 { print; bad = 1 } END { exit bad || NR != 12 }' $d/out",
                 folder, programs[_i], rows), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
}
END_TEST

Suite *example_rules_suite(void)
{
    Suite *suite = suite_create("example_rules");
    TCase *choice = tcase_create("choice"), *tables = tcase_create("tables");

    tcase_add_test(choice, rules_are_chosen_by_name);
    tcase_add_test(choice, an_unknown_rule_is_refused);
    tcase_add_test(choice, help_lists_the_rules);
    tcase_add_test(choice, rules_learn_a_part);
    suite_add_tcase(suite, choice);
    tcase_set_timeout(tables, 300);
    tcase_add_loop_test(tables, rows_learn_by_the_rule_of_their_name, 0, 2);
    suite_add_tcase(suite, tables);
    return suite;
}
