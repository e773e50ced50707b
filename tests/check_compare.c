/* SPDX-License-Identifier: Apache-2.0 */
/* --compare: the check program is built by its own Makefile and run.  In: specs and lists of rules.
   Out: exact rules are exact in what it prints, figures are those of --report, what does not apply
   is a line, and what is asked for wrongly leaves no file.  */
#define _POSIX_C_SOURCE 200809L
#include "command.h"
#include "model.h"
#include "run.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT = 180, WORDS = 256 };

/* The program of RULES for SPEC, built in a new folder, for run_remove_folder.  */
static char *build(const char *spec, const char *rules)
{
    char *folder = run_make_folder(), flags[WORDS], cc[WORDS];
    const char *named = getenv("CC");
    buf words = {0};
    buf_printf(&words, "--compare=%s -d %s/program %s", rules, folder, spec);
    run_result made = run_etrace(folder, buf_text(&words));
    ck_assert_msg(made.status == 0, "%s", buf_text(&made.err));
    snprintf(flags, sizeof flags, "CFLAGS=-std=c99 -O1 %s", MODEL_WARNINGS);
    snprintf(cc, sizeof cc, "CC=%s", named && *named ? named : "cc");
    const char *const make[] = {"make", "-s", cc, flags, "compare", NULL};
    run_result built = run_program(run_path(folder, "program"), make);
    ck_assert_msg(built.status == 0, "%s%s", buf_text(&built.out), buf_text(&built.err));
    buf_free(&words);
    run_free(&made);
    run_free(&built);
    return folder;
}

/* What the program in FOLDER prints for the arguments, for buf_free.  */
static buf run_compare(const char *folder, const char *steps, const char *sequences,
                       const char *seed)
{
    const char *const argv[] = {"./compare", steps, sequences, seed, NULL};
    run_result r = run_program(run_path(folder, "program"), argv);
    ck_assert_msg(r.status == 0, "%s%s", buf_text(&r.out), buf_text(&r.err));
    buf_free(&r.err);
    return r.out;
}

/* The numbers behind "  NAME " in the text from the line RULE on, N of them.  */
static void read_line(const char *text, const char *rule, const char *name, double *res, int n)
{
    char head[WORDS];
    snprintf(head, sizeof head, "\n%s\n", rule);
    const char *at = strstr(text, head);
    ck_assert_msg(at != NULL, "no %s in\n%s", rule, text);
    snprintf(head, sizeof head, "\n  %s ", name);
    at = strstr(at, head);
    ck_assert_msg(at != NULL, "no %s behind %s in\n%s", name, rule, text);
    char *rest;
    at += strlen(head);
    for (int i = 0; i < n; i++, at = rest) {
        res[i] = strtod(at, &rest);
        ck_assert_msg(rest != at, "%s, %s: %.80s", rule, name, at);
    }
}

/* The line of RULE in the table at the end.  */
enum { COSINE, NORM, STATE, TRACE, KEPT, GRADIENT, SCRATCH, FLOPS, N_COLUMNS };

static void read_summary(const char *text, const char *rule, double res[N_COLUMNS])
{
    const char *table = strstr(text, "\nall parameters");
    ck_assert_ptr_nonnull(table);
    char title[WORDS];
    snprintf(title, sizeof title, "%.*s", (int)strcspn(table + 1, "\n"), table + 1);
    read_line(table, title, rule, res, N_COLUMNS);
}

static bool no_make(void)
{
    if (command_exists("make"))
        return false;
    fputs("compare: there is no make, the check program is not built\n", stderr);
    return true;
}

/* --- the numbers ------------------------------------------------------------------------------ */

static const char *const gru_params[] = {"cell.Wz", "cell.bz", "cell.Wr",
                                         "cell.br", "cell.Wh", "cell.bh"};
enum { N_GRU = sizeof gru_params / sizeof gru_params[0] };

/* Of a GRU: bptt, rtrl and a window as long as the sequence are exact for every parameter, and a
   rule that is not exact is seen not to be.  The same numbers give the same text.  */
START_TEST(exact_rules_are_exact)
{
    static const char *const exact[] = {"bptt", "rtrl", "d_rtrl:window=30",
                                        "pp_prop:window=30:decay=[0.9,0.5]"};
    double x[N_COLUMNS];
    if (no_make())
        return;
    char *folder = build(run_source_path("tests/golden/gru.yaml"),
                         "bptt,rtrl,d_rtrl,d_rtrl:window=30,pp_prop:window=30:decay=[0.9,0.5]");
    buf text = run_compare(folder, "30", "5", "3"), again = run_compare(folder, "30", "5", "3"),
        other = run_compare(folder, "30", "5", "4");
    for (size_t r = 0; r < sizeof exact / sizeof exact[0]; r++)
        for (int p = 0; p < N_GRU; p++) {
            read_line(text.text, exact[r], gru_params[p], x, 2);
            ck_assert_msg(fabs(x[COSINE] - 1) < 1e-9 && fabs(x[NORM] - 1) < 1e-9, "%s, %s: %g, %g",
                          exact[r], gru_params[p], x[COSINE], x[NORM]);
        }
    read_summary(text.text, "d_rtrl", x);
    ck_assert_msg(x[COSINE] > 0.9 && x[COSINE] < 0.9999 && x[NORM] < 0.9999, "%g, %g", x[COSINE],
                  x[NORM]);
    ck_assert_str_eq(text.text, again.text);
    ck_assert(strcmp(text.text, other.text) != 0);
    buf_free(&text);
    buf_free(&again);
    buf_free(&other);
    run_remove_folder(folder);
}
END_TEST

/* Exact but for the rounding of its traces, which decay slowly: the format with fewer digits shows more of it.  */
static const char leaky[] = "etrace: 1\nmodel: leaky\ninputs: {x: [3]}\ntargets: {y: [4]}\nparams: {W: [3, 4]}\n"
                            "hidden: {h: [4]}\nstep: [\"h' = 0.99 * h + x @ W\"]\noutputs: {y: h'}\nloss: mse(h', y)\n";

START_TEST(rounding_of_traces_is_seen)
{
    static const char *const rules[] = {"d_rtrl:dtype=float32", "d_rtrl:trace_dtype=float16:dtype=float32",
                                        "d_rtrl:trace_dtype=bfloat16:dtype=float32"};
    double x[3][N_COLUMNS], off[3];
    if (no_make())
        return;
    char *folder = run_make_folder(), list[WORDS];
    run_write_file(run_path(folder, "leaky.yaml"), leaky, strlen(leaky));
    snprintf(list, sizeof list, "%s,%s,%s", rules[0], rules[1], rules[2]);
    char *made = build(run_path(folder, "leaky.yaml"), list);
    buf text = run_compare(made, "200", "3", "1");
    for (int i = 0; i < 3; i++) {
        read_summary(text.text, rules[i], x[i]);
        off[i] = fabs(x[i][NORM] - 1);
        ck_assert_msg(x[i][COSINE] > 0.9999, "%s: %g", rules[i], x[i][COSINE]);
    }
    ck_assert_msg(off[0] < 1e-4 && off[1] > 2e-4 && off[2] > 2 * off[1], "%g, %g, %g", off[0], off[1], off[2]);
    ck_assert(x[1][TRACE] < x[0][TRACE] && x[2][TRACE] <= x[1][TRACE]);
    buf_free(&text);
    run_remove_folder(made);
    run_remove_folder(folder);
}
END_TEST

/* Indices, a batch, floats, a modulator, a feedback matrix that bptt does not have.  */
static const char mixed[] =
    "etrace: 1\nmodel: mixed\nbatch: 2\n"
    "inputs: {i: {shape: [], type: index, size: 7}, x: [5], reward: []}\n"
    "targets: {l: {shape: [], type: index, size: 3}}\nparams: {E: [7, 5]}\n"
    "modules: {com: {cell: linear, in: e, size: 3}, net: {cell: alif, in: com, size: 3}}\n"
    "step: ['e = embedding(i, E) * x']\noutputs: [net]\nloss: softmax_cross_entropy(net, l)\n"
    "learning: {rule: three_factor, modulator: reward}\n";

static double number_of(const char *json, const char *rule, const char *key)
{
    char quoted[WORDS];
    snprintf(quoted, sizeof quoted, "{\"rule\": \"%s", rule);
    const char *at = strstr(json, quoted);
    ck_assert_msg(at != NULL, "no %s in %s", rule, json);
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    return strtod(strstr(at, quoted) + strlen(quoted), NULL);
}

/* Memory and operations are those of --report, of floats where the spec says float, though the
   models are in double; and what bptt keeps is as long as the sequence.  */
START_TEST(figures_are_those_of_the_report)
{
    static const struct {
        int column;
        const char *key;
    } figure[] = {{STATE, "state"},
                  {TRACE, "trace"},
                  {GRADIENT, "gradient"},
                  {SCRATCH, "scratch"},
                  {FLOPS, "flops"}};
    static const char *const rules[] = {"bptt", "d_rtrl", "pp_prop", "eprop", "uoro", "rtrl"};
    double x[N_COLUMNS];
    if (no_make())
        return;
    char *folder = run_make_folder();
    const char *spec = run_path(folder, "mixed.yaml");
    run_write_file(spec, mixed, strlen(mixed));
    char *made = build(spec, "all,eprop:feedback=random,bptt:dtype=float32");
    run_result r = run_etrace(folder, "-n --report=r.json mixed.yaml");
    buf json = {0}, text = run_compare(made, "12", "3", "1"), picture = {0};
    ck_assert(run_read_file(run_path(folder, "r.json"), &json));
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        read_summary(text.text, rules[i], x);
        ck_assert_msg(isfinite(x[COSINE]), "%s", text.text);
        for (size_t k = 0; k < sizeof figure / sizeof figure[0]; k++)
            ck_assert_double_eq(x[figure[k].column], number_of(json.text, rules[i], figure[k].key));
    }
    read_summary(text.text, "bptt", x);
    ck_assert_double_eq(x[KEPT], 12 * x[STATE]);
    read_summary(text.text, "rtrl", x);
    ck_assert_double_eq_tol(x[COSINE], 1, 1e-9);
    read_summary(text.text, "bptt:dtype=float32", x);
    ck_assert_msg(fabs(x[COSINE] - 1) < 1e-5 && fabs(x[NORM] - 1) < 1e-3, "%g, %g", x[COSINE],
                  x[NORM]);
    ck_assert(run_read_file(run_path(made, "program/compare.svg"), &picture));
    ck_assert_ptr_nonnull(strstr(picture.text, "eprop:feedback=random"));
    ck_assert_ptr_nonnull(strstr(picture.text, "</svg>\n"));
    buf_free(&json);
    buf_free(&text);
    buf_free(&picture);
    run_free(&r);
    run_remove_folder(made);
    run_remove_folder(folder);
}
END_TEST

/* Its other rules are compared all the same.  */
START_TEST(a_rule_that_does_not_apply_is_a_line)
{
    if (no_make())
        return;
    char *folder = build(run_source_path("tests/golden/rnn.yaml"), "three_factor,d_rtrl");
    buf text = run_compare(folder, "5", "2", "1");
    ck_assert_ptr_nonnull(
        strstr(text.text, "does not apply: rule: three_factor needs a modulator\n"));
    ck_assert_ptr_nonnull(strstr(text.text, "\nd_rtrl\n"));
    ck_assert_ptr_null(strstr(text.text, "\nthree_factor\n"));
    buf_free(&text);
    run_remove_folder(folder);
}
END_TEST

/* --- the command line ------------------------------------------------------------------------- */

/* Arguments, the exit status, and a part of what is said.  */
static const struct {
    const char *words;
    int status;
    const char *said;
} wrong[] = {
    {"--compare=d_rtl m.yaml", 1, "there is no rule 'd_rtl' (did you mean 'd_rtrl'?)"},
    {"--compare= m.yaml", 1, "there is no rule ''"},
    {"--compare=bptt,,rtrl m.yaml", 1, "there is no rule ''"},
    {"--compare=bptt, m.yaml", 1, "there is no rule ''"},
    {"--compare=d_rtrl:windw=4 m.yaml", 1, "windw"},
    {"--compare=d_rtrl:window m.yaml", 1, "KEY=VALUE"},
    {"--compare=d_rtrl --rule=bptt m.yaml", 2, "has no use for '--rule'"},
    {"--compare=d_rtrl -o x.c m.yaml", 2, "has no use for '-o'"},
    {"--compare=d_rtrl --report m.yaml", 2, "has no use for '--report'"},
    {"--compare=d_rtrl -L plain=none m.yaml", 2, "has no use for '-L'"},
    {"--compare=d_rtrl -d m.yaml m.yaml", 3, "m.yaml"},
    {"--compare=d_rtrl -d no/where m.yaml", 3, "cannot make the folder no/where"},
    {"--compare=d_rtrl --m4=/no/m4 m.yaml", 4, "m4"},
    {"--compare=d_rtrl -n m.yaml", 0, ""},
};

START_TEST(what_is_wrong_leaves_no_file)
{
    static const char spec[] =
        "etrace: 1\nmodel: m\ninputs: {x: [2]}\nparams: {W: [2, 3]}\nhidden: {h: [3]}\n"
        "step: [\"h' = tanh(x @ W) * h\"]\nloss: sum(h')\n";
    char *folder = run_make_folder();
    run_write_file(run_path(folder, "m.yaml"), spec, strlen(spec));
    run_result r = run_etrace(folder, wrong[_i].words);
    ck_assert_msg(r.status == wrong[_i].status && strstr(buf_text(&r.err), wrong[_i].said),
                  "%s: %d, %s", wrong[_i].words, r.status, buf_text(&r.err));
    ck_assert_int_eq(run_count_files(folder), 1);
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

/* A list that is too long is refused, one rule said twice is one.  */
START_TEST(rules_are_counted)
{
    const char *spec = run_source_path("tests/golden/rnn.yaml");
    buf twice = {0}, many = {0};
    for (int i = 0; i < 100; i++) {
        buf_printf(&twice, "%srtrl", i ? "," : "-n --compare=");
        buf_printf(&many, "%sd_rtrl:kappa=0.%02d", i ? "," : "-n --compare=", i);
    }
    buf_printf(&twice, " %s", spec);
    buf_printf(&many, " %s", spec);
    run_result one = run_etrace("/", buf_text(&twice)), more = run_etrace("/", buf_text(&many));
    ck_assert_msg(one.status == 0, "%s", buf_text(&one.err));
    ck_assert_int_eq(more.status, 1);
    ck_assert_ptr_nonnull(strstr(buf_text(&more.err), "[E0560]"));
    buf_free(&twice);
    buf_free(&many);
    run_free(&one);
    run_free(&more);
}
END_TEST

/* Without -d the folder is named after the spec; a second time its files are replaced, and one that
   is in the way leaves the others as they were.  */
START_TEST(the_folder_is_named_after_the_spec)
{
    char *folder = run_make_folder();
    buf before = {0}, after = {0};
    run_write_file(run_path(folder, "mixed.yaml"), mixed, strlen(mixed));
    run_result first = run_etrace(folder, "--compare=d_rtrl,no_recursion mixed.yaml");
    ck_assert_int_eq(first.status, 0);
    ck_assert_int_eq(run_count_files(run_path(folder, "mixed-compare")), 5 + 2 + 2 * 3);
    ck_assert(run_read_file(run_path(folder, "mixed-compare/rules.c"), &before));
    run_result second = run_etrace(folder, "--compare=d_rtrl,no_recursion mixed.yaml");
    ck_assert_int_eq(second.status, 0);
    ck_assert_int_eq(unlink(run_path(folder, "mixed-compare/Makefile")), 0);
    ck_assert_int_eq(symlink("/dev/full", run_path(folder, "mixed-compare/Makefile")), 0);
    run_result third = run_etrace(folder, "--compare=uoro mixed.yaml");
    ck_assert_int_eq(third.status, 3);
    ck_assert(run_read_file(run_path(folder, "mixed-compare/rules.c"), &after));
    ck_assert_str_eq(before.text, after.text);
    buf_free(&before);
    buf_free(&after);
    run_free(&first);
    run_free(&second);
    run_free(&third);
    run_remove_folder(folder);
}
END_TEST

Suite *compare_suite(void)
{
    Suite *suite = suite_create("compare");
    TCase *numbers = tcase_create("numbers"), *words = tcase_create("words");
    tcase_set_timeout(numbers, TIMEOUT);
    tcase_set_timeout(words, TIMEOUT);
    tcase_add_test(numbers, exact_rules_are_exact);
    tcase_add_test(numbers, rounding_of_traces_is_seen);
    tcase_add_test(numbers, figures_are_those_of_the_report);
    tcase_add_test(numbers, a_rule_that_does_not_apply_is_a_line);
    tcase_add_loop_test(words, what_is_wrong_leaves_no_file, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(words, rules_are_counted);
    tcase_add_test(words, the_folder_is_named_after_the_spec);
    suite_add_tcase(suite, numbers);
    suite_add_tcase(suite, words);
    return suite;
}
