/* SPDX-License-Identifier: Apache-2.0 */
/* examples/mpi, by tests/mpi.sh.  In: MPI; where it is not there the test is skipped.  */
#include "run.h"
#include "suites.h"

#include <stdio.h>

enum { TIMEOUT = 600, SKIPPED = 77 };

START_TEST(repeats)
{
    char *folder = run_make_folder();
    const char *argv[] = {"/bin/sh", run_source_path("tests/mpi.sh"), run_source_path(""), NULL};
    run_result r = run_program(folder, argv);

    if (r.status == SKIPPED)
        printf("mpi: %s", buf_text(&r.out));
    else
        ck_assert_msg(r.status == 0, "%d\n%s%s", r.status, buf_text(&r.out), buf_text(&r.err));
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

Suite *mpi_suite(void)
{
    Suite *s = suite_create("mpi");
    TCase *t = tcase_create("repeats");

    tcase_set_timeout(t, TIMEOUT);
    tcase_add_test(t, repeats);
    suite_add_tcase(s, t);
    return s;
}
