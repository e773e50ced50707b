/* SPDX-License-Identifier: Apache-2.0 */
/* Models from Python: python/tests, with the generator that is tested.  Skipped, with a word, where there is no
   python3 with NumPy.  */
#define _XOPEN_SOURCE 700
#include "run.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 300, COMMAND_LENGTH = 3000 };

static int python(const char *words)
{
    char line[COMMAND_LENGTH], *path = realpath(run_source_path("python"), NULL);
    const char *generator = getenv("ETRACE_GEN");
    char *program = generator ? realpath(generator, NULL) : NULL;
    ck_assert_ptr_nonnull(path);
    ck_assert_ptr_nonnull(program);
    int n = snprintf(line, sizeof line,
                     "cd '%s' && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='%s' ETRACE_GEN='%s' python3 %s", path, path,
                     program, words);
    ck_assert_int_lt(n, COMMAND_LENGTH);
    free(path);
    free(program);
    return system(line);
}

START_TEST(models_work_from_python)
{
    if (python("-c 'import numpy' 2>/dev/null") != 0) {
        puts("python: skipped, there is no python3 with numpy");
        return;
    }
    ck_assert_int_eq(python("-m unittest discover -q -s tests"), 0);
}
END_TEST

Suite *python_suite(void)
{
    Suite *s = suite_create("python");
    TCase *c = tcase_create("package");
    tcase_set_timeout(c, TIMEOUT);
    tcase_add_test(c, models_work_from_python);
    suite_add_tcase(s, c);
    return s;
}
