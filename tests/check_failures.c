/* SPDX-License-Identifier: Apache-2.0 */
/* T17 and T18: whatever fails, and whenever the program is stopped, an output is the old one or a
   whole new one, and no temporary file stays (but after SIGKILL); many at once do not disturb each
   other.  Delays are there to hit many places; nothing depends on how long anything takes.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 100, STOPS = 20, ROUNDS = 20, DELAY_US = 24000 };

static const char old_c[] = "old c\n", old_h[] = "old h\n";
static buf new_c, new_h; /* what a run that is left alone writes */

static void set_up(void)
{
    cli_set_up();
    cli_run("model.yaml", 0, NULL);
    new_c = new_h = (buf){0};
    ck_assert(run_read_file(run_path(cli_folder, "model.c"), &new_c));
    ck_assert(run_read_file(run_path(cli_folder, "model.h"), &new_h));
}

static void tear_down(void)
{
    buf_free(&new_c);
    buf_free(&new_h);
    cli_tear_down();
}

static void put_old(void)
{
    cli_write("model.c", old_c);
    cli_write("model.h", old_h);
}

/* NAME holds OLD or FRESH; returns whether it is fresh.  */
static bool is_whole(const char *name, const char *old, const buf *fresh)
{
    buf text = {0};
    ck_assert_msg(run_read_file(run_path(cli_folder, name), &text), "%s has gone", name);
    bool is_new = strcmp(buf_text(&text), fresh->text) == 0;
    ck_assert_msg(is_new || strcmp(buf_text(&text), old) == 0, "%s is neither old nor whole", name);
    buf_free(&text);
    return is_new;
}

/* Temporary files in the test's folder, which are removed.  */
static int count_temporary(void)
{
    DIR *dir = opendir(cli_folder);
    int n = 0;
    for (const struct dirent *file; (file = readdir(dir)) != NULL;)
        if (strncmp(file->d_name, ".etrace-", 8) == 0) {
            n++;
            ck_assert_int_eq(unlink(run_path(cli_folder, file->d_name)), 0);
        }
    closedir(dir);
    return n;
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Builds the library that makes allocations fail; false where it cannot be loaded (a program with
   sanitizers wants to be first).  */
static bool has_library(void)
{
    run_result r;
    const char *argv[] = {
        "sh", "-c",
        "${CC:-cc} -shared -fPIC \"$srcdir/tests/fail_malloc.c\" -o fail.so -ldl && "
        "LD_PRELOAD=./fail.so FAIL_COUNT=count \"$ETRACE_GEN\" -w -d . model.yaml && "
        "test -s count",
        NULL};
    r = run_program(cli_folder, argv);
    bool is_there = r.status == 0;
    if (!is_there)
        printf("failures: allocations cannot be made to fail here: %s", buf_text(&r.err));
    run_free(&r);
    return is_there;
}

static long count_allocations(const char *model)
{
    buf line = {0}, text = {0};
    buf_printf(&line, "LD_PRELOAD=./fail.so FAIL_COUNT=count \"$E\" -w -o model.c %s", model);
    cli_shell(line.text, 0);
    ck_assert(run_read_file(run_path(cli_folder, "count"), &text));
    long n = atol(text.text);
    buf_free(&line);
    buf_free(&text);
    return n;
}

/* Allocation AT of MODEL fails.  */
static void fail_at(const char *model, long at, const char *once)
{
    buf line = {0};
    buf_printf(&line, "LD_PRELOAD=./fail.so FAIL_AT=%ld %s \"$E\" -w -o model.c %s", at, once,
               model);
    const char *argv[] = {"sh", "-c", line.text, NULL};
    put_old();
    run_free(&cli_result);
    cli_result = run_program(cli_folder, argv);
    int status = cli_result.status;
    ck_assert_msg(status == 0 || status == 1 || status == 3 || status == 4 || status == 70,
                  "%s: status %d: %s", line.text, status, buf_text(&cli_result.err));
    ck_assert_msg(status == 0 || cli_result.err.len > 0, "%s: nothing is said", line.text);
    bool is_new = is_whole("model.c", old_c, &new_c);
    ck_assert_msg(is_new == is_whole("model.h", old_h, &new_h) && is_new == (status == 0),
                  "%s: status %d, outputs %s", line.text, status, is_new ? "new" : "old");
    ck_assert_int_eq(count_temporary(), 0);
    buf_free(&line);
}

/* Every one, of models of all kinds; a quarter of them each time.  */
START_TEST(every_allocation_fails)
{
    static const char *const model[] = {"tests/golden/lora.yaml", "tests/golden/sparse.yaml", "tests/lang/indices.yaml",
                                        "tests/lang/surrogates.yaml", "tests/lang/derivatives.yaml"};
    buf path = {0};
    ck_assert_int_eq(setenv("E", run_etrace_path(), 1), 0);
    if (!has_library())
        return;
    buf_puts(&path, run_source_path(model[_i / 4]));
    long n = count_allocations(path.text);
    ck_assert_int_gt(n, 100);
    new_c.len = new_h.len = 0;
    ck_assert(run_read_file(run_path(cli_folder, "model.c"), &new_c));
    ck_assert(run_read_file(run_path(cli_folder, "model.h"), &new_h));
    for (long at = 1 + _i % 4; at <= n; at += 4)
        fail_at(path.text, at, at % 8 < 4 ? "" : "FAIL_ONCE=1");
    buf_free(&path);
}
END_TEST

/* --- signals --------------------------------------------------------------------------------- */

static pid_t start(void)
{
    static const int number[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set, before;
    sigemptyset(&set);
    for (int i = 0; i < 3; i++)
        sigaddset(&set, number[i]);
    sigprocmask(SIG_BLOCK, &set, &before);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0); /* -1 would be everybody to kill */
    if (pid > 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid == 0) {
        /* The handlers of the test program would end the test.  */
        for (int i = 0; i < 3; i++)
            signal(number[i], SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        int nothing = open("/dev/null", O_RDWR);
        if (chdir(cli_folder) != 0 || nothing < 0)
            _exit(99);
        dup2(nothing, 1);
        dup2(nothing, 2);
        execl(run_etrace_path(), "etrace-gen", "model.yaml", (char *)NULL);
        _exit(98);
    }
    return pid;
}

static void wait_us(long us)
{
    const struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

/* Stopped for ever in the middle.  */
START_TEST(killed_at_any_time)
{
    for (int i = 0; i < KILLS; i++) {
        int status;
        put_old();
        pid_t pid = start();
        wait_us((long)i * DELAY_US / KILLS);
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        is_whole("model.c", old_c, &new_c);
        is_whole("model.h", old_h, &new_h);
        ck_assert_int_le(count_temporary(), 2);
    }
    cli_run("model.yaml", 0, NULL);
    ck_assert(is_whole("model.c", old_c, &new_c) && is_whole("model.h", old_h, &new_h));
}
END_TEST

/* A signal that can be caught: nothing stays.  */
START_TEST(ended_at_any_time)
{
    static const int number[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < KILLS; i++) {
        int status;
        put_old();
        pid_t pid = start();
        wait_us((long)i * DELAY_US / KILLS);
        kill(pid, number[i % 3]);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        bool ended = WIFSIGNALED(status) && WTERMSIG(status) == number[i % 3];
        ck_assert_msg(ended || status == 0, "status %x", (unsigned)status);
        is_whole("model.c", old_c, &new_c);
        is_whole("model.h", old_h, &new_h);
        ck_assert_int_eq(count_temporary(), 0);
    }
}
END_TEST

/* Being stopped and going on breaks off system calls (EINTR); it changes nothing.  */
START_TEST(stopped_and_gone_on)
{
    for (int i = 0; i < STOPS; i++) {
        int status = 0;
        put_old();
        pid_t pid = start();
        for (int k = 0; k < 50; k++) {
            kill(pid, SIGSTOP);
            kill(pid, SIGCONT);
            wait_us(i * 20);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        ck_assert(is_whole("model.c", old_c, &new_c) && is_whole("model.h", old_h, &new_h));
    }
    ck_assert_int_eq(count_temporary(), 0);
}
END_TEST

/* m4 does not come to its end: a signal ends both.  */
START_TEST(m4_hangs)
{
    cli_fake_m4("exec sleep 98765");
    cli_shell(
        "M4=./m4 \"$E\" model.yaml & pid=$!; sleep 0.3; kill $pid; wait $pid; test $? -gt 128", 0);
    cli_shell("sleep 0.3; for p in /proc/[0-9]*/cmdline; do "
              "tr '\\0' ' ' <$p 2>/dev/null | grep -q '^sleep 98765' && echo $p; done; :", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    ck_assert_int_eq(count_temporary(), 0);
}
END_TEST

/* --- disks ----------------------------------------------------------------------------------- */

/* A disk of 16 KiB, and one that is read-only, where we may mount such.  */
START_TEST(small_and_read_only_disks)
{
    cli_shell(
        "mkdir disk; unshare -m mount -t tmpfs -o size=16k none disk 2>/dev/null || echo none", 0);
    if (cli_result.out.len > 0) {
        puts("failures: no disk may be mounted here");
        return;
    }
    cli_shell("unshare -m sh -c 'mount -t tmpfs -o size=16k none disk && echo old >disk/model.c && "
              "\"$E\" -d disk model.yaml; test $? -eq 3 && ls -A disk && cat disk/model.c'", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "model.c\nold\n");
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.err), "No space left on device [E0410]"));
    cli_shell(
        "unshare -m sh -c 'mount -t tmpfs none disk && echo old >disk/model.c && "
        "mount -o remount,ro disk && \"$E\" -d disk model.yaml; test $? -eq 3 && ls -A disk && "
        "cat disk/model.c'",
        0);
    ck_assert_str_eq(buf_text(&cli_result.out), "model.c\nold\n");
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.err), "Read-only file system [E0410]"));
}
END_TEST

/* --- many at once ---------------------------------------------------------------------------- */

/* Sixteen models into one folder by make, each with its depfile, and the same as one by one.  */
START_TEST(many_models_by_make)
{
    cli_shell("command -v make >/dev/null || echo none", 0);
    if (cli_result.out.len > 0)
        return;
    cli_write("Makefile",
              "models = a b c d e f g h i j k l m n o p\n"
              "all: $(models:%=out/%.c)\n"
              "out/%.c: %.yaml\n\t@\"$$E\" -MD -MT $@ --standalone -d out $<\n"
              "-include $(models:%=out/%.d)\n");
    cli_shell("mkdir out one; for m in a b c d e f g h i j k l m n o p; do "
              "sed \"s/model: net/model: net_$m/\" model.yaml >$m.yaml; "
              "\"$E\" --standalone -d one $m.yaml; done", 0);
    for (int round = 0; round < ROUNDS; round++) {
        cli_shell("unset MAKEFLAGS MFLAGS; rm -f out/*; make -s -j16 all && "
                  "rm -rf out.d && mkdir out.d && mv out/*.d out.d && diff -r out one", 0);
        ck_assert_str_eq(buf_text(&cli_result.out), "");
    }
    cli_shell("ls -a out | grep -c etrace-; :", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "0\n");
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 300);
    suite_add_tcase(s, t);
    return t;
}

Suite *failures_suite(void)
{
    Suite *s = suite_create("failures");
    TCase *memory = add_case(s, "memory"), *signals = add_case(s, "signals");
    tcase_add_loop_test(memory, every_allocation_fails, 0, 5 * 4);
    tcase_add_test(signals, killed_at_any_time);
    tcase_add_test(signals, ended_at_any_time);
    tcase_add_test(signals, stopped_and_gone_on);
    tcase_add_test(signals, m4_hangs);
    tcase_add_test(add_case(s, "disks"), small_and_read_only_disks);
    tcase_add_test(add_case(s, "many"), many_models_by_make);
    return s;
}
