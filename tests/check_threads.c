/* SPDX-License-Identifier: Apache-2.0 */
/* --openmp: any number of threads gives the same bits, those of C without threads, and no two threads meet in memory.
   In: a compiler with OpenMP, and gcc with its race detector; where they are not there, that is left out, with a
   word.  */
#define _POSIX_C_SOURCE 200809L
#include "run.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600, THREADS_MAX = 4 };

#define STEP "--vjp-time=t"
#define FACTORS "--rule=pp_prop"
#define WINDOW "--window=4"

static const struct {
    const char *model, *batch, *rule;
    bool races; /* are looked for, which takes its time */
} cases[] = {
    {"rnn", "--batch=1", STEP, false},     {"rnn", "--batch=32", STEP, false},
    {"rnn", "--batch=32", WINDOW, false},  {"gru", "--batch=1", STEP, true},
    {"gru", "--batch=1", FACTORS, false},  {"gru", "--batch=1", WINDOW, false},
    {"gru", "--batch=32", STEP, true},     {"gru", "--batch=32", FACTORS, false},
    {"lstm", "--batch=1", WINDOW, true},   {"lstm", "--batch=32", STEP, false},
    {"conv", "--batch=1", STEP, false},    {"conv", "--batch=32", STEP, false},
    {"conv", "--batch=32", WINDOW, true},  {"sparse", "--batch=1", STEP, false},
    {"sparse", "--batch=32", STEP, true},  {"sparse", "--batch=32", WINDOW, false},
};

/* As plain C the first few are compiled, by another compiler, too.  */
enum { N_CASES = sizeof cases / sizeof cases[0], N_PLAIN = 4 };

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror "
#define STRICT "-std=c99 -ffp-contract=off "

/* Run LINE in FOLDER, by a shell.  */
static run_result shell(const char *folder, const char *line)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    return run_program(folder, argv);
}

/* FOLDER/m.c and m.h of case I.  */
static void generate(const char *folder, int i, const char *option)
{
    buf words = {0};
    buf_printf(&words, "-w -p m -o m.c %s %s %s %s/%s.yaml", option, cases[i].batch, cases[i].rule,
               run_source_path("tests/threads"), cases[i].model);
    run_result r = run_etrace(folder, buf_text(&words));
    ck_assert_msg(r.status == 0, "%s\n%s", buf_text(&words), buf_text(&r.err));
    run_free(&r);
    buf_free(&words);
}

static const char *compiler(void)
{
    const char *cc = getenv("CC");
    return cc ? cc : "cc";
}

/* Compile FOLDER/m.c and what runs it as FOLDER/run.  */
static void build(const char *folder, const char *cc, const char *flags)
{
    buf line = {0};
    buf_printf(&line, "%s %s -I . -I '%s' -o run m.c '%s/learn.c' -lm", cc, flags, run_source_path("runtime"),
               run_source_path("tests/threads"));
    run_result r = shell(folder, buf_text(&line));
    ck_assert_msg(r.status == 0, "%s\n%s%s", buf_text(&line), buf_text(&r.out), buf_text(&r.err));
    run_free(&r);
    buf_free(&line);
}

/* What FOLDER/run says with so many THREADS.  */
static run_result run_threads(const char *folder, int threads)
{
    buf line = {0};
    buf_printf(&line, "OMP_WAIT_POLICY=passive OMP_NUM_THREADS=%d ./run", threads);
    run_result r = shell(folder, buf_text(&line));
    buf_free(&line);
    return r;
}

static void check_digest(const char *folder, int threads, const char *wanted)
{
    run_result r = run_threads(folder, threads);
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    ck_assert_msg(strcmp(buf_text(&r.out), wanted) == 0, "%d threads: %snot %s", threads, buf_text(&r.out), wanted);
    run_free(&r);
}

/* Can FLAGS be linked and run by CC?  Else a word.  */
static bool has(const char *folder, const char *cc, const char *flags)
{
    static const char program[] = "int main(void) { return 0; }\n";
    buf line = {0};
    run_write_file(run_path(folder, "try.c"), program, sizeof program - 1);
    buf_printf(&line, "%s %s -o try try.c && ./try", cc, flags);
    run_result r = shell(folder, buf_text(&line));
    bool can = r.status == 0;
    if (!can)
        fprintf(stderr, "check_threads: %s has no %s: not tested\n", cc, flags);
    run_free(&r);
    buf_free(&line);
    return can;
}

/* How many loops of FOLDER/m.c are shared.  */
static int shared_loops(const char *folder)
{
    buf text = {0};
    int n = 0;
    ck_assert(run_read_file(run_path(folder, "m.c"), &text));
    for (const char *p = text.text; (p = strstr(p, " ETR_PARALLEL\n    ")) != NULL; p++)
        n++;
    buf_free(&text);
    return n;
}

#define DETECTOR "-fsanitize=thread "

/* FOLDER/run of m.c, which says where it has races; false: not here.  */
static bool build_detector(const char *folder)
{
    if (!has(folder, "gcc", "-fopenmp") || !has(folder, "gcc", DETECTOR))
        return false;
    buf line = {0};
    buf_printf(&line,
               "gcc " STRICT "-g -O1 -fopenmp " DETECTOR "-I . -c m.c && "
               "gcc -g -O1 " DETECTOR "-I . -I '%s' -o run m.o '%s/learn.c' '%s/pthreads.c' -lm -lpthread",
               run_source_path("runtime"), run_source_path("tests/threads"), run_source_path("tests/threads"));
    run_result r = shell(folder, buf_text(&line));
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    run_free(&r);
    buf_free(&line);
    return true;
}

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    char *folder = run_make_folder();
    generate(folder, _i, "");
    build(folder, compiler(), STRICT "-O1");
    run_result plain = run_threads(folder, 1);
    ck_assert_int_eq(plain.status, 0);
    ck_assert_int_eq((int)strlen(buf_text(&plain.out)), 9);
    generate(folder, _i, "--openmp");
    ck_assert_int_ge(shared_loops(folder), 1);
    if (has(folder, compiler(), "-fopenmp")) {
        build(folder, compiler(), STRICT WARNINGS "-O1 -fopenmp");
        for (int threads = 1; threads <= THREADS_MAX; threads++)
            check_digest(folder, threads, buf_text(&plain.out));
    }
    if (cases[_i].races && build_detector(folder))
        check_digest(folder, 3, buf_text(&plain.out));
    run_free(&plain);
    run_remove_folder(folder);
}
END_TEST

/* A compiler without OpenMP takes it as plain C.  */
START_TEST(nothing_is_lost_without_openmp)
{
    char *folder = run_make_folder(), line[16];
    generate(folder, _i, "--openmp");
    build(folder, compiler(), STRICT WARNINGS "-O1");
    run_result r = run_threads(folder, 1);
    ck_assert_int_eq(r.status, 0);
    ck_assert_int_lt(snprintf(line, sizeof line, "%s", buf_text(&r.out)), (int)sizeof line);
    if (has(folder, "clang", STRICT)) {
        build(folder, "clang", STRICT WARNINGS "-O1");
        check_digest(folder, 1, line);
    }
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

/* A counter that all turns have in common is found.  */
START_TEST(the_detector_finds_a_race)
{
    char *folder = run_make_folder();
    generate(folder, 0, "--openmp");
    run_result r = shell(folder, "sed -i 's/^#include <string.h>/&\\nstatic float met;/; s/const float x0 = /&0.0f * met++ + /' m.c");
    ck_assert_int_eq(r.status, 0);
    run_free(&r);
    if (build_detector(folder)) {
        r = run_threads(folder, 3);
        ck_assert_int_ne(r.status, 0);
        ck_assert_ptr_nonnull(strstr(buf_text(&r.err), "data race"));
        run_free(&r);
    }
    run_remove_folder(folder);
}
END_TEST

Suite *threads_suite(void)
{
    Suite *s = suite_create("threads");
    TCase *t = tcase_create("threads");
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_loop_test(t, nothing_is_lost_without_openmp, 0, N_PLAIN);
    tcase_add_test(t, the_detector_finds_a_race);
    tcase_add_loop_test(t, any_number_of_threads_gives_the_same_bits, 0, N_CASES);
    suite_add_tcase(s, t);
    return s;
}
