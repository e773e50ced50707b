/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of layers.  In: the generator in ETRACE_GEN.  Out: test cases of what layers can name.  */
#define _GNU_SOURCE

#include "suites.h"

#include <stdio.h>
#include <string.h>

/* A layer's input and size are read where the stack stands: once no layer could name an input.  */
START_TEST(layers_name_what_surrounds_the_stack)
{
    static const char *const command =
        "dir=$(mktemp -d) && trap 'rm -rf \"$dir\"' EXIT && cat >\"$dir/m.yaml\" <<'END'\n"
        "etrace: 1\n"
        "model: m\n"
        "dims: {n: 5}\n"
        "inputs: {x: [3]}\n"
        "targets: {y: [n]}\n"
        "modules:\n"
        "  deep: [{cell: lstm, in: x, size: n}, [{cell: rnn, size: n}, {cell: rnn, size: n}]]\n"
        "outputs: {y_hat: deep}\n"
        "loss: mse(deep, y)\n"
        "END\n"
        "\"$ETRACE_GEN\" --graph=text \"$dir/m.yaml\" 2>&1";
    char text[8192];
    FILE *f = popen(command, "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    ck_assert_msg(pclose(f) == 0, "%s", text);
    ck_assert_msg(strstr(text, "deep.0.h, deep.0.c") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "deep.1.0.W [10, 5]") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "deep.1.1.h") != NULL, "%s", text);
}
END_TEST

Suite *stack_suite(void)
{
    Suite *suite = suite_create("stack");
    TCase *all = tcase_create("layers");

    tcase_add_test(all, layers_name_what_surrounds_the_stack);
    suite_add_tcase(suite, all);
    return suite;
}
