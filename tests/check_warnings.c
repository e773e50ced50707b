/* SPDX-License-Identifier: Apache-2.0 */
/* What -W and its kin do with messages: which are shown, which fail a run, and how they look.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* a reaches h through the product with W alone: a warning.  */
static const char warned[] =
    "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\nparams: {V: [2, 2], W: [2, 2]}\n"
    "step: [\"h' = tanh((x @ V) @ W)\"]\noutputs: {y: h'}\nloss: sum(h')\n";

static void set_up(void)
{
    cli_set_up();
    cli_write("warned.yaml", warned);
}

static const char *said(void)
{
    return buf_text(&cli_result.err);
}

START_TEST(warnings_can_be_off)
{
    cli_run("-n warned.yaml", 0, "[-Wweight-to-weight]");
    cli_run("-n -Wno-weight-to-weight warned.yaml", 0, NULL);
    cli_run("-n -Wno-all warned.yaml", 0, NULL);
    cli_run("-n -w warned.yaml", 0, NULL);
    cli_run("-n --no-warnings warned.yaml", 0, NULL);
    cli_run("-n -q warned.yaml", 0, NULL);
    cli_run("-n -Wno-dense warned.yaml", 0, "[-Wweight-to-weight]");
    cli_run("-n -Wno-all -Wweight-to-weight warned.yaml", 0, "[-Wweight-to-weight]");
    cli_run("-Wno-weigt-to-weight warned.yaml", 2,
            "there is no warning 'weigt-to-weight'; did you mean 'weight-to-weight'");
    cli_run("-Wno-such warned.yaml", 2, "there is no warning 'such'");
    cli_run("-Wno-", 2, "needs a value: '-Wno-'");
    cli_nothing_but(1);
}
END_TEST

START_TEST(warnings_can_be_errors)
{
    cli_write("warned.c", "old\n");
    cli_run("-Werror warned.yaml", 1, "error: V reaches");
    ck_assert_ptr_nonnull(strstr(said(), "[-Werror=weight-to-weight]\n"));
    cli_is_as_before("warned.c", "old\n");
    cli_run("-Werror=weight-to-weight warned.yaml", 1, "[-Werror=weight-to-weight]");
    cli_run("-Werror --graph=text warned.yaml", 1, "[-Werror=weight-to-weight]");
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    cli_run("-n -Werror=dense warned.yaml", 0, "[-Wweight-to-weight]");
    cli_run("-n -Werror -Wno-error=weight-to-weight warned.yaml", 1, "[-Werror");
    cli_run("-n -Werror -Wno-error warned.yaml", 0, "[-Wweight-to-weight]");
    cli_run("-n -Werror -Wno-weight-to-weight warned.yaml", 0, NULL);
    cli_run("-n -Werror -w warned.yaml", 0, NULL);
    cli_run("-Werror model.yaml", 0, NULL);
}
END_TEST

START_TEST(quiet_and_verbose)
{
    cli_write("wrong.yaml", "etrace: 1\nmodel: net\nhidden: {h: [3]}\n");
    cli_run("-n wrong.yaml", 1, "error");
    ck_assert_ptr_nonnull(strstr(said(), "note: "));
    cli_run("-q -n wrong.yaml", 1, "error");
    ck_assert_ptr_null(strstr(said(), "note: "));
    cli_run("-v -o a.c model.yaml", 0, "etrace-gen: read model.yaml\n");
    ck_assert_ptr_nonnull(strstr(said(), "etrace-gen: wrote a.c\netrace-gen: wrote a.h\n"));
    cli_run("-v --diagnostics-format=json -o a.c model.yaml", 0, "\"message\": \"read model.yaml\"");
    cli_run("--trace=graph,m4 model.yaml", 0, "etrace-gen:    Group 0 ");
    ck_assert_ptr_nonnull(strstr(said(), "etrace-gen: m4: "));
    ck_assert_ptr_null(strstr(said(), "time: "));
    cli_run("--trace=time model.yaml", 0, "etrace-gen: time: learn: ");
    cli_run("--progress=always model.yaml", 0, "etrace-gen: model.yaml: spec\netrace-gen: model.yaml: lower\n");
    cli_run("--progress=auto model.yaml", 0, NULL);
    cli_run("--progress=never model.yaml", 0, NULL);
}
END_TEST

START_TEST(json)
{
    cli_run("-n --diagnostics-format=json wrong.yaml", 1, "");
    ck_assert_str_eq(said(),
                     "{\"file\": \"wrong.yaml\", \"line\": 4, \"column\": 14, \"endLine\": 4, "
                     "\"endColumn\": 16, \"severity\": \"error\", \"code\": \"E0332\", "
                     "\"message\": \"'hh' is not known (did you mean 'h'?)\", \"fix\": \"h\"}\n");
    cli_run("-n --diagnostics-format=json warned.yaml", 0,
            "\"severity\": \"warning\", \"code\": \"weight-to-weight\"");
    cli_run("-n --diagnostics-format=json missing.yaml", 3,
            "{\"file\": null, \"line\": null, \"column\": null, \"endLine\": null, "
            "\"endColumn\": null, \"severity\": \"error\", \"code\": \"E0119\", "
            "\"message\": \"missing.yaml: No such file or directory\", \"fix\": null}\n");
    cli_write("wrong.yaml", "etrace: 1\nmodel: net\n\"a\\\"b\\\\c\xf0\x9f\x90\x88\": 1\n");
    cli_run("-n --diagnostics-format=json wrong.yaml", 1, "'a\\\"b\\\\c\\ud83d\\udc08'");
    cli_write("wrong.yaml", "etrace: 1\nmodel: net\na: 1\nb: 2\n");
    cli_run("-n --max-errors=1 --diagnostics-format=json wrong.yaml", 1,
            "\"message\": \"more than 1 errors; the rest is not shown\"");
}
END_TEST

/* Every golden spec's messages, read by somebody else's program.  */
START_TEST(json_is_json)
{
    cli_shell("command -v python3 >/dev/null || echo none", 0);
    if (cli_result.out.len > 0)
        return;
    cli_shell(
        "cd \"$srcdir/tests/diag\" && \"$E\" -n --max-errors=0 --diagnostics-format=json *.yaml "
        "2>\"$OLDPWD/lines\"; test $? -eq 1",
        0);
    cli_shell(
        "python3 -c 'import json\nn = 0\nkeys = [\"file\", \"line\", \"column\", \"endLine\", "
        "\"endColumn\", \"severity\", \"code\", \"message\", \"fix\"]\n"
        "for line in open(\"lines\", encoding=\"ascii\"):\n"
        "    assert list(json.loads(line)) == keys, line\n    n += 1\nassert n > 200, n'",
        0);
}
END_TEST

START_TEST(colors)
{
    cli_run(
        "-n --color=always wrong.yaml", 1,
        "\033[01mwrong.yaml:4:14:\033[m \033[01;31merror: \033[m'hh' is not known (did you mean "
        "'h'?) \033[01;31m[E0332]\033[m\n");
    cli_run("-n --color=never wrong.yaml", 1, "wrong.yaml:4:14: error: ");
    cli_run("-n wrong.yaml", 1, "wrong.yaml:4:14: error: "); /* no terminal */
    ck_assert_ptr_null(strchr(said(), '\033'));
    cli_run("-n --color=sometimes wrong.yaml", 2, "--color is one of auto, always, never");
    cli_run("-n --color=always --diagnostics-format=json wrong.yaml", 1, "");
    ck_assert_ptr_null(strchr(said(), '\033'));
}
END_TEST

/* On a terminal, which `script` gives.  */
START_TEST(colors_on_a_terminal)
{
    cli_shell("command -v script >/dev/null || echo none", 0);
    if (cli_result.out.len > 0)
        return;
    cli_shell("unset NO_COLOR; script -qec \"$E -n wrong.yaml\" /dev/null </dev/null | grep -c "
              "'\033\\[01;31merror' "
              ">n; test \"$(cat n)\" = 1",
              0);
    cli_shell(
        "NO_COLOR=1 script -qec \"$E -n wrong.yaml\" /dev/null </dev/null | grep -c '\033' >n; "
        "test \"$(cat n)\" = 0",
        0);
}
END_TEST

Suite *warnings_suite(void)
{
    const TTest *const test[] = {
        warnings_can_be_off, warnings_can_be_errors, quiet_and_verbose, json, json_is_json, colors,
        colors_on_a_terminal};
    Suite *s = suite_create("warnings");
    TCase *t = tcase_create("warnings");
    tcase_add_checked_fixture(t, set_up, cli_tear_down);
    tcase_set_timeout(t, 60);
    for (size_t i = 0; i < sizeof test / sizeof test[0]; i++)
        tcase_add_test(t, test[i]);
    suite_add_tcase(s, t);
    return s;
}
