/* SPDX-License-Identifier: Apache-2.0 */
/* In: command lines.  Out: failed tests, where the program did something else than was wanted.  */
#define _XOPEN_SOURCE 700
#include "cli.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char cli_model[] =
    "etrace: 1\nmodel: net\ndims: {n: 3}\ninputs: {x: [2]}\nhidden: {h: [n]}\n"
    "params: {W: [2, n], b: {shape: [n], init: 0}}\nstep: [\"h' = tanh(x @ W + b) + 0.5 * h\"]\n"
    "outputs: {y: h'}\nloss: sum(h' * h')\n";

static const char wrong[] = "etrace: 1\nmodel: net\nhidden: {h: [3]}\nstep: [\"h' = hh\"]\n";

char *cli_folder;
run_result cli_result;

void cli_write(const char *name, const char *text)
{
    run_write_file(run_path(cli_folder, name), text, strlen(text));
}

void cli_set_up(void)
{
    cli_folder = run_make_folder();
    cli_result = (run_result){0};
    cli_write("model.yaml", cli_model);
    cli_write("wrong.yaml", wrong);
}

void cli_tear_down(void)
{
    run_free(&cli_result);
    run_remove_folder(cli_folder);
}

void cli_run(const char *words, int status, const char *said)
{
    run_free(&cli_result);
    cli_result = run_etrace(cli_folder, words);
    const char *err = buf_text(&cli_result.err);
    ck_assert_msg(cli_result.status == status, "etrace-gen %s: status %d, not %d: %s", words,
                  cli_result.status, status, err);
    if (said)
        ck_assert_msg(strstr(err, said), "etrace-gen %s: wanted '%s' in: %s", words, said, err);
    else
        ck_assert_str_eq(err, "");
}

bool cli_exists(const char *name)
{
    struct stat st;
    return lstat(run_path(cli_folder, name), &st) == 0;
}

void cli_holds(const char *name, const char *text)
{
    buf all = {0};
    ck_assert_msg(run_read_file(run_path(cli_folder, name), &all), "%s is missing", name);
    ck_assert_msg(strstr(buf_text(&all), text), "no '%s' in %s", text, name);
    buf_free(&all);
}

void cli_is_as_before(const char *name, const char *text)
{
    buf all = {0};
    ck_assert(run_read_file(run_path(cli_folder, name), &all));
    ck_assert_str_eq(buf_text(&all), text);
    buf_free(&all);
}

void cli_nothing_but(int more)
{
    ck_assert_int_eq(run_count_files(cli_folder), 2 + more);
}

void cli_shell(const char *line, int status)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    ck_assert_int_eq(setenv("E", run_etrace_path(), 1), 0);
    run_free(&cli_result);
    cli_result = run_program(cli_folder, argv);
    ck_assert_msg(cli_result.status == status, "%s: status %d: %s", line, cli_result.status,
                  buf_text(&cli_result.err));
}

void cli_fake_m4(const char *script)
{
    buf text = {0};
    buf_printf(&text, "#!/bin/sh\n%s\n", script);
    cli_write("m4", text.text);
    ck_assert_int_eq(chmod(run_path(cli_folder, "m4"), 0755), 0);
    buf_free(&text);
}

void cli_breaks(const char *words, const char *said)
{
    cli_write("model.c", "old c\n");
    cli_write("model.h", "old h\n");
    int before = run_count_files(cli_folder);
    cli_run(words, 4, said);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    cli_is_as_before("model.c", "old c\n");
    cli_is_as_before("model.h", "old h\n");
    ck_assert_int_eq(run_count_files(cli_folder), before);
}
