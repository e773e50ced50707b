/* SPDX-License-Identifier: Apache-2.0 */
/* The emitted C as a product: no compiler warns, C++ takes the header, nothing is needed but libm,
   and the bytes depend on the spec alone.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "golden_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT = 600 };

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror"
/* What a distribution adds by itself would be seen in the symbols.  */
#define BARE "-fno-stack-protector -U_FORTIFY_SOURCE"

static const char *const rules[] = {"--window=1", "--window=4", "--vjp-time=t", "--rule=bptt"};

enum { N_RULES = sizeof rules / sizeof rules[0] };

/* Generate SPEC as FOLDER/out.c and out.h.  */
static void generate(const char *folder, const char *spec, const char *rule)
{
    const char *program = getenv("ETRACE_GEN");
    char path[COMMAND_PATH], log[COMMAND_PATH];
    command c = {.n = 0};

    folder_path(path, folder, "out.c");
    folder_path(log, folder, "log");
    command_add(&c, program ? program : "etrace-gen");
    command_add(&c, rule);
    command_add(&c, "-o");
    command_add(&c, path);
    command_add(&c, spec);
    ck_assert_msg(command_run(&c, log) == 0, "%s %s: not generated", spec, rule);
}

/* Run LINE, and then FOLDER/NAME as its last word.  It has to succeed and to print nothing; its
   output is kept in FOLDER/log.  */
static void run_on(const char *line, const char *folder, const char *name, int silent)
{
    char path[COMMAND_PATH], log[COMMAND_PATH];
    command c = {.n = 0};

    folder_path(path, folder, name);
    folder_path(log, folder, "log");
    command_add_words(&c, line);
    command_add(&c, path);
    int status = command_run(&c, log);
    char *text = file_text(log);
    ck_assert_msg(status == 0 && text && (!silent || !*text), "%s: exit %d\n%s", line, status,
                  text ? text : "");
    free(text);
}

/* Compile out.c of FOLDER, silently, to out.o.  */
static void compile(const char *cc, const char *folder, const char *options)
{
    char line[2 * COMMAND_PATH];

    snprintf(line, sizeof line, "%.200s -std=c99 -O2 %s -o %s/out.o -c", cc, options, folder);
    run_on(line, folder, "out.c", 1);
}

static int is_allowed(const char *symbol)
{
    static const char *const allowed[] = {
        "memcpy", "memset", "exp",  "log",  "log1p", "expm1", "sqrt",  "sin",  "cos",  "tan",
        "tanh",   "sinh",   "cosh", "atan", "erf",   "pow",   "fabs",  "floor", "ceil", "fmax",
        "fmin",   "sincos"};
    char name[64];

    /* some systems begin every symbol with _ */
    snprintf(name, sizeof name, "%s", symbol + (symbol[0] == '_'));
    for (int single = 0; single < 2; single++) {
        for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
            if (strcmp(name, allowed[i]) == 0)
                return 1;
        const size_t n = strlen(name);
        if (n == 0 || name[n - 1] != 'f') /* expf: the same of float */
            return 0;
        name[n - 1] = '\0';
    }
    return 0;
}

/* nm -u prints "U name" lines.  */
static void check_symbols(char *text)
{
    for (char *word = strtok(text, " \t\n"); word; word = strtok(NULL, " \t\n"))
        ck_assert_msg(strcmp(word, "U") == 0 || is_allowed(word), "the model needs %s", word);
}

static void needs_libm_alone(const char *folder)
{
    char log[COMMAND_PATH];

    if (!command_exists("nm"))
        return;
    run_on("nm -u", folder, "out.o", 0);
    folder_path(log, folder, "log");
    char *text = file_text(log);
    ck_assert_ptr_nonnull(text);
    check_symbols(text);
    free(text);
}

START_TEST(compilers_say_nothing_and_add_nothing)
{
    static const char *const compiler[] = {"gcc", "clang"};
    char folder[COMMAND_PATH], spec[COMMAND_PATH];

    golden_path(spec, golden_cases[_i / N_RULES], "yaml");
    ck_assert_int_eq(folder_make(folder), 0);
    generate(folder, spec, rules[_i % N_RULES]);
    for (int i = 0; i < 2; i++) {
        if (!command_exists(compiler[i]))
            continue;
        compile(compiler[i], folder, WARNINGS " " BARE);
        needs_libm_alone(folder);
    }
    folder_remove(folder);
}
END_TEST

/* -(-x), and the minus of a function's own before a negative argument.  */
START_TEST(minus_signs_stay_apart)
{
    static const char text[] = "etrace: 1\nmodel: minus\ninputs: {x: [3]}\nhidden: {h: [3]}\n"
                               "step: [\"h' = sigmoid(-(x - h)) - -x + -sigmoid(-h) - -2 * x\"]\n"
                               "outputs: {y: h'}\n";
    char folder[COMMAND_PATH], spec[COMMAND_PATH];
    const char *cc = getenv("CC");

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(spec, folder, "minus.yaml");
    ck_assert_int_eq(file_put(spec, text), 0);
    generate(folder, spec, rules[0]);
    compile(cc && *cc ? cc : "cc", folder, WARNINGS);
    folder_remove(folder);
}
END_TEST

/* --- what makes it fast and small -------------------------------------------------------------- */

static int count(const char *text, const char *part)
{
    int n = 0;

    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static const char large_gru[] =
    "etrace: 1\nmodel: large\ninputs: {x: [%d]}\ntargets: {y: [%d]}\nmodules: {rnn: {cell: gru, in: x, size: %d}}\n"
    "outputs: [rnn]\nloss: sum(square(rnn - y))\n";

/* The C of a GRU with N units, compiled silently with the option of each target; for free().  */
static char *text_of_gru(int n, const char *option)
{
    static const char *const compiler[] = {"gcc", "clang"};
    char folder[COMMAND_PATH], path[COMMAND_PATH], spec[sizeof large_gru + 32];

    snprintf(spec, sizeof spec, large_gru, n, n, n);
    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "large.yaml");
    ck_assert_int_eq(file_put(path, spec), 0);
    generate(folder, path, option);
    for (size_t i = 0; i < sizeof compiler / sizeof *compiler; i++)
        if (command_exists(compiler[i]))
            compile(compiler[i], folder, WARNINGS);
    folder_path(path, folder, "out.c");
    char *text = file_text(path);
    ck_assert_ptr_nonnull(text);
    folder_remove(folder);
    return text;
}

/* Their loops stand in one function, not in each that has such a product; a small machine has no stack for that.  */
START_TEST(large_products_are_called)
{
    static const struct {
        const char *option;
        int n, defined, called;
    } cases[] = {{"--target=c99", 64, 1, 15}, {"--target=host", 64, 1, 15}, {"--target=c99", 16, 0, 0},
                 {"--target=cortex-m", 64, 0, 0}};
    char *text = text_of_gru(cases[_i].n, cases[_i].option);

    ck_assert_int_eq(count(text, "static void etr_product_128_64("), cases[_i].defined);
    ck_assert_int_ge(count(text, "    etr_product_128_64(&"), cases[_i].called);
    free(text);
}
END_TEST

/* r h is computed where concat(x, r h) has it.  */
START_TEST(parts_are_not_copied)
{
    char *text = text_of_gru(64, "--tile=1");

    ck_assert_int_ge(count(text, "[i + 64] = rnn_r * s->rnn_h[i];"), 3);
    free(text);
}
END_TEST

/* A loop with a sum of its elements is no vector code: once a loss over 16 units made the whole step slow.  */
START_TEST(sums_of_sixteen_have_their_own_loop)
{
    char *text = text_of_gru(16, "--tile=1");

    ck_assert_ptr_nonnull(strstr(text, "lane[r] += v"));
    free(text);
}
END_TEST

START_TEST(header_is_cplusplus_too)
{
    char folder[COMMAND_PATH], spec[COMMAND_PATH];

    if (!command_exists("c++"))
        return;
    golden_path(spec, golden_cases[_i], "yaml");
    ck_assert_int_eq(folder_make(folder), 0);
    generate(folder, spec, rules[_i % N_RULES]);
    run_on("c++ -x c++ -Wall -Wextra -Wpedantic -Werror -fsyntax-only", folder, "out.h", 1);
    folder_remove(folder);
}
END_TEST

/* --- reproducible ----------------------------------------------------------------------------- */

static void same_file(const char *one, const char *two, const char *name)
{
    char path[COMMAND_PATH];

    folder_path(path, one, name);
    char *a = file_text(path);
    folder_path(path, two, name);
    char *b = file_text(path);
    ck_assert(a && b && strlen(a) > 100);
    ck_assert_msg(strcmp(a, b) == 0, "%s differs", name);
    free(a);
    free(b);
}

/* The second time elsewhere, from a copy of the spec named by a relative path, in another locale
   and time zone.  */
START_TEST(bytes_depend_on_the_spec_alone)
{
    char one[COMMAND_PATH], two[COMMAND_PATH], spec[COMMAND_PATH], copy[COMMAND_PATH], name[64];

    golden_path(spec, golden_cases[_i], "yaml");
    ck_assert_int_eq(folder_make(one), 0);
    ck_assert_int_eq(folder_make(two), 0);
    generate(one, spec, rules[_i % N_RULES]);
    snprintf(name, sizeof name, "%s.yaml", golden_cases[_i]);
    folder_path(copy, two, name);
    char *text = file_text(spec);
    ck_assert(text && file_put(copy, text) == 0);
    free(text);
    ck_assert_int_eq(chdir(two), 0);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    setenv("LANG", "tr_TR.UTF-8", 1);
    setenv("TZ", "Pacific/Auckland", 1);
    generate(two, name, rules[_i % N_RULES]);
    ck_assert_int_eq(chdir("/"), 0);
    same_file(one, two, "out.c");
    same_file(one, two, "out.h");
    folder_remove(one);
    folder_remove(two);
}
END_TEST

/* The hash in the banner of what is generated beside a cell that begins with COMMENT.  */
static void hash_with(const char *comment, char hash[65])
{
    static const char spec[] = "etrace: 1\nmodel: m\ninputs: {x: [3]}\n"
                               "modules: {a: {cell: mine, in: x, size: 2}}\noutputs: [a]\n";
    static const char cell[] = "cell: mine\nargs: {size: dim}\ninputs: {x: [n]}\n"
                               "hidden: {h: [size]}\nparams: {W: [n, size]}\n"
                               "step: [\"h' = x @ W\"]\noutputs: {y: h'}\n";
    char folder[COMMAND_PATH], path[COMMAND_PATH], text[512];

    ck_assert_int_eq(folder_make(folder), 0);
    folder_path(path, folder, "mine.yaml");
    snprintf(text, sizeof text, "%s\n%s", comment, cell);
    ck_assert_int_eq(file_put(path, text), 0);
    folder_path(path, folder, "m.yaml");
    ck_assert_int_eq(file_put(path, spec), 0);
    generate(folder, path, "--unroll=0");
    folder_path(path, folder, "out.c");
    char *c = file_text(path), *at = c ? strstr(c, "SHA-256 ") : NULL;
    ck_assert_ptr_nonnull(at);
    memcpy(hash, at + 8, 64);
    hash[64] = '\0';
    free(c);
    folder_remove(folder);
}

/* Once it was the spec's alone: a snapshot of another cell's parameters was taken.  */
START_TEST(hash_covers_cells)
{
    char one[65], same[65], other[65];

    hash_with("# one", one);
    hash_with("# one", same);
    hash_with("# another", other);
    ck_assert_str_eq(one, same);
    ck_assert_str_ne(one, other);
}
END_TEST

Suite *emitted_suite(void)
{
    Suite *suite = suite_create("emitted");
    TCase *cases = tcase_create("emitted");

    tcase_set_timeout(cases, TIMEOUT);
    tcase_add_loop_test(cases, compilers_say_nothing_and_add_nothing, 0, n_golden_cases * N_RULES);
    tcase_add_test(cases, minus_signs_stay_apart);
    tcase_add_loop_test(cases, header_is_cplusplus_too, 0, n_golden_cases);
    tcase_add_loop_test(cases, bytes_depend_on_the_spec_alone, 0, n_golden_cases);
    TCase *hash = tcase_create("hash");
    tcase_add_test(hash, hash_covers_cells);
    suite_add_tcase(suite, hash);
    TCase *large = tcase_create("large");
    tcase_set_timeout(large, TIMEOUT);
    tcase_add_loop_test(large, large_products_are_called, 0, 4);
    tcase_add_test(large, parts_are_not_copied);
    tcase_add_test(large, sums_of_sixteen_have_their_own_loop);
    suite_add_tcase(suite, large);
    suite_add_tcase(suite, cases);
    return suite;
}
