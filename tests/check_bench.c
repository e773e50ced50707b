/* SPDX-License-Identifier: Apache-2.0 */
/* bench/run.py on one small cell, ours and the control alone.  In: python3; where it is not there
   the test is skipped.  Out: test cases; nothing looks at how long anything took.  */
#include "command.h"
#include "run.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600 };

static void has_file(const char *folder, const char *name, const char *text)
{
    buf whole = {0};

    ck_assert_msg(run_read_file(run_path(folder, name), &whole), "no %s", name);
    ck_assert_msg(strstr(buf_text(&whole), text) != NULL, "%s without %s", name, text);
    buf_free(&whole);
}

START_TEST(smoke)
{
    char *folder = run_make_folder();
    const char *cc = getenv("CC");
    const char *argv[] = {"python3", "-B", run_source_path("bench/run.py"), "smoke", "--generator",
                          getenv("ETRACE_GEN"), "--cc", cc ? cc : "cc", "--cflags", "-std=c99 -O1",
                          "--out", folder, NULL};
    run_result r;

    if (!command_exists("python3")) {
        printf("bench: python3 is not there\n");
        run_remove_folder(folder);
        return;
    }
    r = run_program(folder, argv);
    ck_assert_msg(r.status == 0, "%d\n%s%s", r.status, buf_text(&r.out), buf_text(&r.err));
    ck_assert_ptr_nonnull(strstr(buf_text(&r.out), "without the reference"));
    ck_assert_ptr_nonnull(strstr(buf_text(&r.out), "GFLOP/s"));
    has_file(folder, "bench.csv", "gru,16,1,d_rtrl,sequence,");
    ck_assert_ptr_nonnull(strstr(buf_text(&r.out), "1000 spiking neurons, connected at 1 %, 5.0 spikes a step"));
    has_file(folder, "bench.json", "\"control\": ");
    has_file(folder, "spikes.json", "\"over_limit\": ");
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

Suite *bench_suite(void)
{
    Suite *s = suite_create("bench");
    TCase *t = tcase_create("smoke");

    tcase_set_timeout(t, TIMEOUT);
    tcase_add_test(t, smoke);
    suite_add_tcase(s, t);
    return s;
}
