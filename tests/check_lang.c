/* SPDX-License-Identifier: Apache-2.0 */
/* The language's functions: stated derivatives and surrogates.  */
#include "lang_run.h"
#include "suites.h"
#include "surrogate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const programs[] = {"surrogates", "stated", "control", "states", "twins", "indices",
                                      "neurons",    "shared"};

START_TEST(program)
{
    lang_run(programs[_i]);
}
END_TEST

/* Both ways to write a loop compile without a warning.  */
START_TEST(network_compiles)
{
    lang_compile("network.yaml", _i ? "--unroll=0" : "--unroll=64");
}
END_TEST

START_TEST(check_finds_wrong_derivatives)
{
    static const char *const found[] = {
        "'cube' with respect to 'x' is stated as -1.02944 at x = -0.3431; differences give 0.353247",
        "'product' with respect to 'b' is stated as 0.928203 at a = -0.3431, b = 0.9282; differences give "
        "-0.343146",
        "'first' with respect to 'b' is stated as 5 at a = -0.3431, b = 0.9282; differences give 0"};
    char *text;
    int n = 0;
    ck_assert_int_eq(lang_generate("derivatives.yaml", "--check", &text), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(strstr(text, found[i]) != NULL, "%s is not in\n%s", found[i], text);
    for (const char *p = text; (p = strstr(p, "[-Wderivative]")) != NULL; p++)
        n++;
    ck_assert_int_eq(n, 3);
    free(text);
}
END_TEST

START_TEST(derivatives_are_not_compared_unasked)
{
    char *text;
    ck_assert_int_eq(lang_generate("derivatives.yaml", "--graph=text", &text), 0);
    ck_assert_ptr_null(strstr(text, "derivative"));
    free(text);
}
END_TEST

/* The row of doc/surrogates.md that says what the table says.  */
START_TEST(surrogates_are_documented)
{
    const formula *s = &surrogates[_i];
    char row[1000], *doc = lang_file("doc/surrogates.md");
    int n = snprintf(row, sizeof row, "| `%s` |", s->name);
    for (int k = 0; k < FORMULA_PARAMETERS && s->parameter[k].name; k++)
        n += snprintf(row + n, sizeof row - (size_t)n, "%s %s = %g", k ? "," : "", s->parameter[k].name,
                      s->parameter[k].value);
    snprintf(row + n, sizeof row - (size_t)n, " | `%s` | %s |\n", s->text, s->paper);
    ck_assert_msg(strstr(doc, row) != NULL, "doc/surrogates.md lacks the row\n%s", row);
    free(doc);
}
END_TEST

Suite *lang_suite(void)
{
    Suite *s = suite_create("lang");
    TCase *c = tcase_create("functions");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, program, 0, (int)(sizeof programs / sizeof programs[0]));
    tcase_add_loop_test(c, network_compiles, 0, 2);
    tcase_add_test(c, check_finds_wrong_derivatives);
    tcase_add_test(c, derivatives_are_not_compared_unasked);
    tcase_add_loop_test(c, surrogates_are_documented, 0, n_surrogates);
    suite_add_tcase(s, c);
    return s;
}
