/* SPDX-License-Identifier: Apache-2.0 */
/* --explain: every line of what is emitted has an answer, and lines whose origin is known have that one.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

/* What an answer begins with.  */
static const char *const answers[] = {
    "forward step", "Jacobian", "learning signal", "eligibility trace", "gradient", "declaration",
    "initial value", "check of what is read", "table", "runtime: ", "template ",
};

/* A line with WORDS in it, for each file that is written of a model.  */
static const struct {
    const char *words, *answer;
} known[] = {
    {"/* model.yaml:7: h' =", "forward step, from model.yaml:7: h' = tanh(x @ W + b) + 0.5 * h"},
    {" s->h[i] = ", "forward step, from model.yaml:7:"},
    {"/* h2w: ", "Jacobian, from model.yaml:7:"},
    {" jac->df_W_h[i] = ", "Jacobian, from model.yaml:7:"},
    {" jac->x_W[i] = ", "Jacobian, from model.yaml:7:"},
    {" sig->signal_h[i] = ", "learning signal, from model.yaml:9: loss: sum(h' * h')"},
    {"/* eligibility trace of W", "eligibility trace, from model.yaml:7:"},
    {" e->W[i][k] = ", "eligibility trace, from model.yaml:7:"},
    {" grad->W[i][k] += ", "gradient, from model.yaml:7:"},
    {" total += ", "forward step, from model.yaml:9: loss"},
    {"etr_fill_uniform_f32(&p->W", "initial value, from model.yaml:6: params: {W"},
    {"good = good && all_finite(&in->x", "check of what is read, from model.yaml:4: inputs: {x: [2]}"},
    {"    {\"W\", ETR_PARAM", "declaration, from model.yaml:6: params"},
    {"    float W[2][3]; /* W */", "declaration, from model.yaml:6: params"},
    {" * h' = tanh", "forward step, from model.yaml:7: h' ="},
    {"typedef char net_int_is", "template model.c.m4"},
    {"const etr_info net_info = ", "template tables.c.m4"},
    {"static int all_finite(", "template sequence.c.m4"},
    {"#ifndef NET_H", "template model.h.m4"},
    {"} etr_info;", "runtime: etrace_info.h"},
};

enum { N_ANSWERS = sizeof answers / sizeof answers[0], N_KNOWN = sizeof known / sizeof known[0] };

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* The answer ANSWER to the line LINE, of N characters.  SEEN counts those that are known.  */
static void check_line(const char *line, size_t n, const char *answer, int *seen)
{
    bool any = false;
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)n, line);
    for (int i = 0; i < N_ANSWERS; i++)
        any = any || begins(answer, answers[i]);
    ck_assert_msg(any, "no answer to %s: %.60s", text, answer);
    for (int i = 0; seen && i < N_KNOWN; i++)
        if (strstr(text, known[i].words)) {
            ck_assert_msg(begins(answer, known[i].answer), "%s: %.90s", text, answer);
            seen[i]++;
        }
}

/* What was said of the file NAME, from SAID on, against its lines.  Returns what follows.  */
static const char *check_file(const char *name, const char *said, int *seen)
{
    buf text = {0};
    char head[80];
    ck_assert(run_read_file(run_path(cli_folder, name), &text));
    int number = 1;
    for (const char *p = buf_text(&text); *p; p += strcspn(p, "\n") + 1, number++) {
        snprintf(head, sizeof head, "%s:%d: ", name, number);
        ck_assert_msg(begins(said, head), "wanted %s, got %.60s", head, said);
        check_line(p, strcspn(p, "\n"), said + strlen(head), seen);
        said += strcspn(said, "\n") + 1;
    }
    buf_free(&text);
    return said;
}

START_TEST(every_line_has_an_answer)
{
    int seen[N_KNOWN] = {0};
    cli_run("--unroll=0 --vjp-time=t -o net.c model.yaml", 0, NULL);
    cli_run("--unroll=0 --vjp-time=t -o net.c --explain=all model.yaml", 0, NULL);
    const char *said = check_file("net.c", buf_text(&cli_result.out), seen);
    said = check_file("net.h", said, seen);
    ck_assert_str_eq(said, "");
    for (int i = 0; i < N_KNOWN; i++)
        ck_assert_msg(seen[i] > 0, "no line with %s", known[i].words);
}
END_TEST

/* Every rule has statements of its own, a batch has samples together and one by one, and a window a way back.  */
static const char *const settings[] = {
    "", "--window=4", "--rule=pp_prop", "--rule=uoro -L seed=1", "--rule=rtrl", "--rule=bptt", "--rule=snap", "--rule=dni",
    "--batch=4", "--batch=4 --window=3", "--rule=uoro -L seed=1 --batch=3", "-L feedback=random", "--real=double --math=libm",
    "--no-lines",
};

enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

START_TEST(so_has_every_line_of_every_rule)
{
    char words[160];
    snprintf(words, sizeof words, "%s -o net.c model.yaml", settings[_i]);
    cli_run(words, 0, NULL);
    snprintf(words, sizeof words, "%s -o net.c --explain=all model.yaml", settings[_i]);
    cli_run(words, 0, NULL);
    const char *said = check_file("net.c", buf_text(&cli_result.out), NULL);
    ck_assert_str_eq(check_file("net.h", said, NULL), "");
}
END_TEST

START_TEST(a_single_file_has_one_line_after_the_other)
{
    cli_run("--single-file --standalone -o one.c model.yaml", 0, NULL);
    cli_run("--single-file -o one.c --explain=all model.yaml", 0, NULL);
    buf text = {0};
    ck_assert(run_read_file(run_path(cli_folder, "one.c"), &text));
    const char *said = buf_text(&cli_result.out), *p = buf_text(&text);
    for (; *said; said += strcspn(said, "\n") + 1, p += strcspn(p, "\n") + 1)
        check_line(p, strcspn(p, "\n"), strchr(strchr(said, ':') + 1, ':') + 2, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), ": template model.h.m4\n"));
    buf_free(&text);
}
END_TEST

START_TEST(one_line_is_shown_beside_its_answer)
{
    cli_run("--explain=1 model.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out),
                     "model.c:1: template model.c.m4\n"
                     "    1 | /* net.c: generated by etrace-gen " PACKAGE_VERSION " from model.yaml.  Do not edit.\n");
    cli_run("--explain=model.h:3 model.yaml", 0, NULL);
    ck_assert(begins(buf_text(&cli_result.out), "model.h:3: template model.h.m4\n    3 |  * spec"));
    cli_run("-d out --explain=out/model.h:1 model.yaml", 0, NULL);
    cli_run("-d out --explain=model.c:1 model.yaml", 0, NULL);
    cli_nothing_but(0);
}
END_TEST

/* The equation stands in another file, and in a module.  */
START_TEST(a_cell_is_named_with_its_module)
{
    cli_write("gru.yaml", "etrace: 1\nmodel: g\ninputs: {x: [2]}\n"
                          "modules: {a: {cell: gru, in: x, size: 3}, b: {cell: gru, in: a, size: 3}}\n"
                          "outputs: [b]\nloss: sum(b * b)\n");
    cli_run("--explain=all gru.yaml", 0, "");
    const char *said = buf_text(&cli_result.out);
    ck_assert_ptr_nonnull(strstr(said, ", from <cells>/gru.yaml:"));
    ck_assert_ptr_nonnull(strstr(said, " (a): h' = "));
    ck_assert_ptr_nonnull(strstr(said, " (b): h' = "));
}
END_TEST

START_TEST(what_is_no_line_is_refused)
{
    cli_run("--explain=x model.yaml", 2, "--explain is LINE, FILE:LINE or all, not 'x'");
    cli_run("--explain=1x model.yaml", 2, "--explain is LINE, FILE:LINE or all, not '1x'");
    cli_run("--explain= model.yaml", 2, "--explain is LINE, FILE:LINE or all, not ''");
    cli_run("--explain=0 model.yaml", 2, "model.c has lines 1 to ");
    cli_run("--explain=999999 model.yaml", 2, "model.c has lines 1 to ");
    cli_run("--explain=other.c:1 model.yaml", 2, "--explain names no file that would be written: 'other.c:1'");
    cli_run("--single-file --explain=model.h:1 model.yaml", 2, "--explain names no file");
    cli_run("--explain=1 model.yaml wrong.yaml", 2, "--explain is about one model");
}
END_TEST

Suite *explain_suite(void)
{
    Suite *s = suite_create("explain");
    TCase *c = tcase_create("explain");
    tcase_add_checked_fixture(c, cli_set_up, cli_tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, every_line_has_an_answer);
    tcase_add_loop_test(c, so_has_every_line_of_every_rule, 0, N_SETTINGS);
    tcase_add_test(c, a_single_file_has_one_line_after_the_other);
    tcase_add_test(c, one_line_is_shown_beside_its_answer);
    tcase_add_test(c, a_cell_is_named_with_its_module);
    tcase_add_test(c, what_is_no_line_is_refused);
    suite_add_tcase(s, c);
    return s;
}
