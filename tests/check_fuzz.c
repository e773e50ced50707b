/* SPDX-License-Identifier: Apache-2.0 */
/* T8 without a fuzzer: what the targets of tests/fuzz begin with, and what was found once, is tried again.  In
   a tree with sanitizers it is tried with them.  `make fuzz` looks for more.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <stdlib.h>

static const char *const targets[] = {"spec", "expr", "compile", "npz", "safetensors", "nir", "snapshot"};

enum { N_TARGETS = sizeof targets / sizeof targets[0], TIMEOUT = 600 };

START_TEST(seeds_and_findings)
{
    ck_assert_int_eq(setenv("T", targets[_i], 1), 0);
    /* A build without HDF5 has no target nir.  */
    cli_shell("R=$ETRACE_BUILDDIR/tests/fuzz-replay; $R | grep -q -x $T || { test $T = nir; exit; }; "
              "\"$srcdir/tests/fuzz/seeds\" \"$srcdir\" $T seeds && $R $T seeds/* || { cat last; exit 1; }", 0);
}
END_TEST

/* Every target has files to begin with: its own corpus, or what `seeds` finds for it.  */
START_TEST(every_target_has_seeds)
{
    ck_assert_int_eq(setenv("T", targets[_i], 1), 0);
    cli_shell("\"$srcdir/tests/fuzz/seeds\" \"$srcdir\" $T seeds && ls seeds | grep -q .", 0);
}
END_TEST

Suite *fuzz_suite(void)
{
    Suite *s = suite_create("fuzz");
    TCase *t = tcase_create("fuzz");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_loop_test(t, every_target_has_seeds, 0, N_TARGETS);
    tcase_add_loop_test(t, seeds_and_findings, 0, N_TARGETS);
    suite_add_tcase(s, t);
    return s;
}
