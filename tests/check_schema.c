/* SPDX-License-Identifier: Apache-2.0 */
/* --schema and --init: what the program accepts fits the schema, which has every key; each spec to
   start from passes the program.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "option_table.h"
#include "schema.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every definition that is referred to is there, and every one that is there is referred to.  */
START_TEST(definitions_are_whole)
{
    static const char ref[] = "\"#/definitions/";
    buf text = {0};
    schema_write(&text);
    for (const char *p = strstr(text.text, ref); p; p = strstr(p + 1, ref)) {
        char head[80];
        const char *name = p + strlen(ref);
        snprintf(head, sizeof head, "\n    \"%.*s\": ", (int)strcspn(name, "\""), name);
        ck_assert_msg(strstr(text.text, head), "there is no definition%s", head);
    }
    for (const char *p = strstr(text.text, "\n    \""); p; p = strstr(p + 1, "\n    \"")) {
        char use[80];
        snprintf(use, sizeof use, "%s%.*s\"", ref, (int)strcspn(p + 6, "\""), p + 6);
        ck_assert_msg(strstr(text.text, use), "%s is not used", use);
    }
    buf_free(&text);
}
END_TEST

START_TEST(schema_is_printed)
{
    cli_run("--schema", 0, NULL);
    ck_assert(strncmp(buf_text(&cli_result.out), "{\"$schema\": ", 12) == 0);
    cli_shell("test -w /dev/full || exit 3; \"$E\" --schema >/dev/full", 3);
}
END_TEST

/* By another reader of YAML and a validator of its own.  */
START_TEST(specs_fit_the_schema)
{
    cli_shell("python3 -c 'import jsonschema, yaml' 2>/dev/null || echo none", 0);
    if (cli_result.out.len > 0) {
        puts("schema: python3-jsonschema and python3-yaml are not there, and not asked");
        return;
    }
    cli_shell("\"$E\" --schema >schema.json && "
              "python3 \"$srcdir/tests/schema.py\" schema.json \"$srcdir\"", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    ck_assert_msg(strncmp(buf_text(&cli_result.err), "True ", 5) == 0, "%s",
                  buf_text(&cli_result.err));
}
END_TEST

static const char *const *init_words(void)
{
    int i = 0;
    while (!option_table.row[i].name || strcmp(option_table.row[i].name, "init") != 0)
        i++;
    return option_table.row[i].words();
}

START_TEST(specs_to_start_from)
{
    for (const char *const *word = init_words(); *word; word++) {
        buf line = {0};
        buf_printf(&line, "--init=%s", *word);
        cli_run(line.text, 0, NULL);
        ck_assert_msg(strstr(buf_text(&cli_result.out), "# "), "%s has no comment", *word);
        cli_write("start.yaml", buf_text(&cli_result.out));
        if (strcmp(*word, "cell") == 0) {
            cli_write("mine.yaml", buf_text(&cli_result.out));
            cli_write("start.yaml",
                      "etrace: 1\nmodel: net\ninputs: {x: [3]}\nmodules: {a: {cell: mine, "
                      "in: x, size: 4}}\noutputs: [a]\nloss: sum(a)\n");
        }
        cli_run("-w start.yaml", 0, NULL);
        cli_shell("${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -c start.c", 0);
        buf_free(&line);
    }
    cli_run("--init", 0, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "model: leaky"));
}
END_TEST

START_TEST(init_writes_a_file)
{
    cli_run("--init=lif -o new.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    cli_holds("new.yaml", "model: spiking");
    cli_run("--init=lif model.yaml", 2, "--init writes a spec and reads none: 'model.yaml'");
    cli_run("--init=lstm", 2, "--init is one of minimal, gru, lif, cell, not 'lstm'");
    cli_run("--init -o nowhere/new.yaml", 3, "nowhere/new.yaml");
    ck_assert_int_eq(setenv("ETRACE_DATADIR", cli_folder, 1), 0);
    cli_run("--init", 4, "minimal.yaml: the installation is not complete [E0412]");
}
END_TEST

Suite *schema_suite(void)
{
    const TTest *const test[] = {definitions_are_whole, schema_is_printed, specs_fit_the_schema,
                                 specs_to_start_from, init_writes_a_file};
    Suite *s = suite_create("schema");
    TCase *t = tcase_create("schema");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, 120);
    for (size_t i = 0; i < sizeof test / sizeof test[0]; i++)
        tcase_add_test(t, test[i]);
    suite_add_tcase(s, t);
    return s;
}
