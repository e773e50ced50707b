/* SPDX-License-Identifier: Apache-2.0 */
/* Promises P1 and P5, on twenty models: T10, six compilers by four standards by four levels of optimisation, no
   warning; T11, every warning that gcc, clang, gcc's analyser and clang-tidy have, but for the lists below; T13, what
   objects for three targets need and hold.  What is not installed is left out, with a word.
   Of T10's pairs each model meets a fourth; with ETRACE_COMPILERS=all each meets all.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "command.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {
    "tests/golden/rnn.yaml", "tests/golden/gru.yaml", "tests/golden/lstm.yaml", "tests/golden/mgu.yaml",
    "tests/golden/gru2_readout.yaml", "tests/golden/rnn_batch4.yaml", "tests/golden/plain_mix.yaml",
    "tests/golden/alif_readout.yaml", "tests/golden/sparse.yaml", "tests/golden/rnn_readout.yaml",
    "tests/lang/control.yaml", "tests/lang/indices.yaml", "tests/lang/neurons.yaml", "tests/lang/shared.yaml",
    "tests/lang/surrogates.yaml", "tests/lang/twins.yaml", "tests/lang/states.yaml", "tests/targets/functions.yaml",
    "examples/cortex-m/model.yaml", "examples/digits/model.yaml"};

enum { N_MODELS = sizeof models / sizeof models[0], TIMEOUT = 900 };

/* m.c and m.h in the test's folder.  False: the target does not take the model.  */
static bool generate(int model, const char *options)
{
    buf line = {0};
    buf_printf(&line, "\"$E\" -w %s --standalone -p m -o m.c \"$srcdir/%s\" 2>said || { grep -q E0515 said && echo no; }",
               options, models[model]);
    cli_shell(line.text, 0);
    buf_free(&line);
    return strcmp(buf_text(&cli_result.out), "no\n") != 0;
}

static bool is_missing(const char *program)
{
    const bool missing = !command_exists(program);
    if (missing)
        printf("compilers: there is no %s: not tested\n", program);
    return missing;
}

/* LINE succeeds and says nothing.  */
static void silently(const char *line)
{
    buf all = {0};
    buf_printf(&all, "(%s) 2>&1", line);
    cli_shell(all.text, 0);
    ck_assert_msg(cli_result.out.len == 0, "%s: %.2000s", line, buf_text(&cli_result.out));
    buf_free(&all);
}

/* --- T10 ------------------------------------------------------------------------------------------------ */

static const char *const compilers[] = {"gcc-12", "gcc-11", "clang-14", "tcc", "pcc", "musl-gcc"};
static const char *const standards[] = {"c99", "c11", "c17", "c2x"};
static const char *const levels[] = {"-O0", "-O2", "-O3", "-Os"};

enum { N_COMPILERS = 6, N_STANDARDS = 4, N_LEVELS = 4 };

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion"

static void compile(int c, int s)
{
    /* Every pair of a compiler and a level, and of a standard and a level, is among these.  */
    const char *level = levels[(c + s) % N_LEVELS];
    const bool small = strcmp(compilers[c], "tcc") == 0 || strcmp(compilers[c], "pcc") == 0;
    buf line = {0};
    buf_printf(&line, "%s -std=%s %s %s -c m.c -o m.o", compilers[c],
               strcmp(compilers[c], "pcc") == 0 ? "c99" : standards[s], level, small ? "-Wall" : WARNINGS);
    silently(line.text);
    buf_free(&line);
}

START_TEST(pairs_of_compilers_and_options)
{
    const char *given = getenv("ETRACE_COMPILERS");
    const bool all = given && strcmp(given, "all") == 0;
    ck_assert(generate(_i, ""));
    for (int c = 0; c < N_COMPILERS; c++) {
        if (!command_exists(compilers[c]))
            continue;
        for (int s = 0; s < N_STANDARDS; s++)
            if (all || (c * N_STANDARDS + s) % 4 == (_i + c) % 4)
                compile(c, s);
    }
}
END_TEST

START_TEST(missing_compilers_are_named)
{
    for (int c = 0; c < N_COMPILERS; c++)
        is_missing(compilers[c]);
}
END_TEST

/* --- T11 ------------------------------------------------------------------------------------------------ */

#define GCC_ALL WARNINGS " -Wsign-conversion -Wundef -Wcast-qual -Wcast-align -Wstrict-prototypes -Wmissing-prototypes" \
    " -Wfloat-equal -Wvla -Wwrite-strings -Wredundant-decls -Wold-style-definition -Wformat=2 -Wnull-dereference" \
    " -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init"

/* Declarations stand where values begin, as C99 has it.  Members are laid out as the model names them.  What the
   runtime's headers define, a model need not use, and says so by `unused`.  */
#define CLANG_BUT "-Wno-declaration-after-statement -Wno-padded -Wno-unused-macros -Wno-used-but-marked-unused"

/* gcc 12's analyser goes through a loop a few times, and takes what the other turns fill for unset; valgrind and the
   sanitizers look for that.  */
#define ANALYSER "-fanalyzer -Wno-analyzer-use-of-uninitialized-value"

/* Sizes and seeds are neighbours of one type.  A macro's argument that is a type stands in no parentheses.  The magic
   bytes of a snapshot are no string.  */
#define TIDY "-*,cert-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-macro-parentheses," \
    "-bugprone-not-null-terminated-result"

static const struct {
    const char *program, *line;
} checkers[] = {
    {"gcc", "gcc -std=c99 -O2 -Werror " GCC_ALL " -Wstack-usage=100000 -c m.c -o m.o"},
    {"clang", "clang -std=c99 -O1 -Werror -Weverything " CLANG_BUT " -c m.c -o m.o"},
    {"gcc", "gcc -std=c99 -O1 -Werror " ANALYSER " -c m.c -o m.o"},
    {"clang-tidy", "clang-tidy --quiet --warnings-as-errors='*' --checks='" TIDY "' m.c -- -std=c99 2>log || cat log"},
};

enum { N_CHECKERS = sizeof checkers / sizeof checkers[0] };

START_TEST(every_warning_there_is)
{
    ck_assert(generate(_i, ""));
    for (int k = 0; k < N_CHECKERS; k++)
        if (!is_missing(checkers[k].program))
            silently(checkers[k].line);
}
END_TEST

/* --- T13 ------------------------------------------------------------------------------------------------ */

/* A distribution's compiler may add a guard of the stack by itself.  */
#define BARE " -std=c99 -O2 -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE -c m.c -o m.o"
#define M4F "arm-none-eabi-gcc -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard"

static const struct {
    const char *target, *program, *compile, *nm;
} objects[] = {
    {"c99", "gcc", "gcc" BARE, "nm"},
    {"host", "gcc", "gcc" BARE, "nm"},
    {"cortex-m", "arm-none-eabi-gcc", M4F BARE, "arm-none-eabi-nm"},
};

enum { N_OBJECTS = sizeof objects / sizeof objects[0] };

START_TEST(objects_need_no_system)
{
    for (int k = 0; k < N_OBJECTS; k++) {
        buf line = {0};
        if (is_missing(objects[k].program))
            continue;
        buf_printf(&line, "--target=%s", objects[k].target);
        if (!generate(_i, line.text))
            continue;
        silently(objects[k].compile);
        line.len = 0;
        buf_printf(&line, "%s m.o >symbols; grep -E ' U _*(malloc|calloc|realloc|free|alloca|.*printf|puts|exit|abort|__aeabi_d.*)$'"
                          " symbols; awk '$2 ~ /^[bBdDC]$/' symbols", objects[k].nm);
        silently(line.text);
        buf_free(&line);
    }
}
END_TEST

Suite *compilers_suite(void)
{
    Suite *s = suite_create("compilers");
    TCase *t = tcase_create("compilers");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_test(t, missing_compilers_are_named);
    tcase_add_loop_test(t, pairs_of_compilers_and_options, 0, N_MODELS);
    tcase_add_loop_test(t, every_warning_there_is, 0, N_MODELS);
    tcase_add_loop_test(t, objects_need_no_system, 0, N_MODELS);
    suite_add_tcase(s, t);
    return s;
}
