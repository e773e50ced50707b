/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of options against what is made from it: --help, the manual page, the completions. Each
   has every option and no other one, and the programs that read them find nothing wrong.  */
#define _XOPEN_SOURCE 700
#include "convert_options.h"
#include "option_docs.h"
#include "option_table.h"
#include "run.h"
#include "suites.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder;

static const option_set *const sets[] = {&option_table, &convert_table};

enum { N_SETS = sizeof sets / sizeof sets[0] };

static void set_up(void)
{
    folder = run_make_folder();
}

static void tear_down(void)
{
    run_remove_folder(folder);
}

static void write_manual(const option_set *set, buf *out)
{
    buf template = {0}, path = {0};
    buf_printf(&path, "doc/%s.1.in", set->program);
    ck_assert(run_read_file(run_source_path(path.text), &template));
    option_manual(set, template.text, out);
    buf_free(&template);
    buf_free(&path);
}

/* LINE in a shell, in the folder of the test.  */
static run_result shell(const char *line)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    return run_program(folder, argv);
}

/* Is PROGRAM there?  Says a word where it is not.  */
static bool there(const char *program)
{
    buf line = {0};
    buf_printf(&line, "command -v %s >/dev/null", program);
    run_result r = shell(line.text);
    bool found = r.status == 0;
    buf_free(&line);
    run_free(&r);
    if (!found)
        printf("options: %s is not there, and not asked\n", program);
    return found;
}

/* LINE says nothing and ends well.  */
static void is_clean(const char *line)
{
    run_result r = shell(line);
    ck_assert_msg(r.status == 0 && r.out.len == 0 && r.err.len == 0, "%s: %s%s", line,
                  buf_text(&r.out), buf_text(&r.err));
    run_free(&r);
}

static void keep(const char *name, const buf *text)
{
    run_write_file(run_path(folder, name), text->text, text->len);
}

/* Is WORD in TEXT, and no longer word in its place?  */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
        bool starts = p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '-');
        if (starts && !(isalnum((unsigned char)p[n]) || p[n] == '-'))
            return true;
    }
    return false;
}

static void all_are_in(const option_set *set, const char *what, const char *text)
{
    arena *a = arena_new();
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        const char *tail = row->tail ? row->tail : "";
        if (row->name)
            ck_assert_msg(has_word(text, arena_printf(a, "--%s", row->name)), "--%s is not in %s",
                          row->name, what);
        const char *word = arena_printf(a, "-%c%s", row->letter, tail);
        bool joined = !row->name && row->argument && !row->apart; /* -Wno-NAME */
        if (row->letter)
            ck_assert_msg(joined ? strstr(text, word) != NULL : has_word(text, word),
                          "%s is not in %s", word, what);
    }
    arena_free(a);
}

static bool is_long_option(const option_set *set, const char *word, size_t n)
{
    for (int i = 0; i < set->n; i++)
        if (set->row[i].name && strlen(set->row[i].name) == n
            && strncmp(set->row[i].name, word, n) == 0)
            return true;
    return false;
}

/* Every --word of TEXT is an option.  */
static void no_other_is_in(const option_set *set, const char *what, const char *text)
{
    for (const char *p = strstr(text, "--"); p; p = strstr(p + 2, "--")) {
        size_t n = 0;
        while (isalnum((unsigned char)p[2 + n]) || p[2 + n] == '-')
            n++;
        if (n > 0 && (p == text || !isalnum((unsigned char)p[-1])))
            ck_assert_msg(is_long_option(set, p + 2, n), "%s has --%.*s", what, (int)n, p + 2);
    }
}

/* TEXT without fonts (\\fB) and escapes (\\-).  */
static void drop_roff(buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        if (text->text[i] == '\\')
            i += text->text[i + 1] == 'f' ? 2 : 0;
        else
            text->text[n++] = text->text[i];
    text->text[n] = '\0';
    text->len = n;
}

START_TEST(every_option_is_everywhere)
{
    const option_set *set = sets[_i];
    buf help = {0}, manual = {0}, bash = {0}, zsh = {0};
    option_help(set, &help);
    write_manual(set, &manual);
    drop_roff(&manual);
    option_bash(set, &bash);
    option_zsh(set, &zsh);
    const char *const what[] = {"--help", "the manual page", "bash", "zsh"};
    const buf *const all[] = {&help, &manual, &bash, &zsh};
    for (int i = 0; i < 4; i++) {
        all_are_in(set, what[i], all[i]->text);
        if (i < 2)
            no_other_is_in(set, what[i], all[i]->text);
    }
    buf_free(&help);
    buf_free(&manual);
    buf_free(&bash);
    buf_free(&zsh);
}
END_TEST

/* What stands in the table is fit for all of its readers.  */
START_TEST(rows_are_in_form)
{
    const option_set *set = sets[_i];
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        if (row->kind == OPTION_HEADING)
            continue;
        ck_assert_msg(row->name || row->letter, "row %d has no name", i);
        ck_assert_msg(row->help && row->help[strlen(row->help) - 1] != '.',
                      "--%s: help ends without a full stop", row->name ? row->name : "?");
        ck_assert(!row->more || row->more[strlen(row->more) - 1] == '.');
        ck_assert(!row->words || row->kind == OPTION_WORD || row->kind == OPTION_OTHER);
        ck_assert((row->kind == OPTION_OTHER) == (row->read != NULL));
        ck_assert(row->kind != OPTION_FLAG || !row->argument);
        for (int k = 0; k < i; k++)
            ck_assert(!row->name || !set->row[k].name
                      || strcmp(row->name, set->row[k].name) != 0);
    }
}
END_TEST

START_TEST(help_is_narrow)
{
    buf help = {0};
    option_help(sets[_i], &help);
    for (const char *line = help.text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(strcspn(line, "\n") < 80, "%.*s", (int)strcspn(line, "\n"), line);
    buf_free(&help);
}
END_TEST

/* A page of roff needs a date, and nothing here may have one.  */
START_TEST(mandoc_finds_nothing)
{
    buf manual = {0};
    write_manual(sets[_i], &manual);
    keep("manual.1", &manual);
    buf_free(&manual);
    if (there("mandoc"))
        is_clean("mandoc -T lint manual.1 | grep -v 'missing date' || :");
}
END_TEST

START_TEST(help2man_reads_help)
{
    if (!there("help2man"))
        return;
    ck_assert_int_eq(setenv("E", run_etrace_path(), 1), 0);
    run_result r = shell("help2man -N \"$E\"");
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    buf text = {0};
    buf_puts(&text, buf_text(&r.out));
    drop_roff(&text);
    all_are_in(&option_table, "help2man's page", text.text);
    ck_assert_ptr_nonnull(strstr(text.text, ".SS \"Exit status:\""));
    buf_free(&text);
    run_free(&r);
}
END_TEST

/* What bash offers for the last word of `PROGRAM WORDS`.  */
static void bash_offers(const option_set *set, const char *words, const char *wanted)
{
    const char *function = set == &option_table ? "_etrace_gen" : "_etrace_convert";
    buf line = {0};
    buf_printf(&line,
               "compopt() { :; }; . ./bash; COMP_WORDS=(%s %s); "
               "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); %s; echo \"${COMPREPLY[@]}\"",
               set->program, words, function);
    const char *argv[] = {"bash", "-c", line.text, NULL};
    run_result r = run_program(folder, argv);
    ck_assert_msg(r.status == 0 && strcmp(buf_text(&r.out), wanted) == 0, "%s: %s%s", words,
                  buf_text(&r.out), buf_text(&r.err));
    run_free(&r);
    buf_free(&line);
}

START_TEST(bash_completes)
{
    static const struct {
        const option_set *set;
        const char *words, *wanted;
    } row[] = {
        {&option_table, "--list-o", "--list-outputs\n"},
        {&option_table, "--dump = d", "diff\n"},
        {&option_table, "--dump =", "ir diff json\n"},
        {&option_table, "n", "net.yaml\n"},
        {&option_table, "-o net.t", "net.txt\n"},
        {&convert_table, "--from = t", "torch\n"},
        {&convert_table, "--act", "--activation=\n"},
        {&convert_table, "-w net.t", "net.txt\n"},
        {&convert_table, "n", "net.yaml\n"},
    };
    buf text = {0};
    if (!there("bash"))
        return;
    option_bash(sets[_i], &text);
    keep("bash", &text);
    buf_free(&text);
    run_write_file(run_path(folder, "net.yaml"), "", 0);
    run_write_file(run_path(folder, "net.txt"), "", 0);
    is_clean("bash -n bash");
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (row[i].set == sets[_i])
            bash_offers(row[i].set, row[i].words, row[i].wanted);
}
END_TEST

START_TEST(zsh_reads_its_file)
{
    buf text = {0};
    option_zsh(sets[_i], &text);
    keep("zsh", &text);
    buf_free(&text);
    if (there("zsh"))
        is_clean("zsh -n zsh");
}
END_TEST

Suite *options_suite(void)
{
    Suite *s = suite_create("options");
    TCase *t = tcase_create("table");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_option_is_everywhere, 0, N_SETS);
    tcase_add_loop_test(t, rows_are_in_form, 0, N_SETS);
    tcase_add_loop_test(t, help_is_narrow, 0, N_SETS);
    tcase_add_loop_test(t, mandoc_finds_nothing, 0, N_SETS);
    tcase_add_test(t, help2man_reads_help);
    tcase_add_loop_test(t, bash_completes, 0, N_SETS);
    tcase_add_loop_test(t, zsh_reads_its_file, 0, N_SETS);
    suite_add_tcase(s, t);
    return s;
}
