/* SPDX-License-Identifier: Apache-2.0 */
/* Specs with one random edit each: whatever comes out, all passes up to the plan return, and say
   something where they refuse.  Run it with --enable-sanitizers and under valgrind too.  The seed
   is fixed; ETRACE_EDITS=N makes N edits instead of 5,000.  */
#define _XOPEN_SOURCE 700
#include "diff.h"
#include "lower.h"
#include "options.h"
#include "run.h"
#include "suites.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t state = 20250101;

/* xorshift64*: Vigna 2016.  */
static size_t below(size_t n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(2685821657736338717) >> 33) % n);
}

/* What the language is made of, and what it must survive.  */
static const char *const words[] = {
    "'", "\"", "[", "]", "{", "}", "(", ")", ":", ": ", ",", "-", "- ", "&a ", "*a", "!t ", "#",
    "|", ">", "?", "0", "1", "-1", "2.5", "99999999999999999999", "1e400", "1e-400", "2147483647",
    "65536", "h", "h'", "x", "W", "b", "n", "t", "y", "rnn", "a.b", "@", "+", "*", "/", "**",
    " < ", " == ", " and ", " not ", "=", "concat(", "matmul(", "sum(", "mean(", "max(",
    "softmax(", "reshape(", "transpose(", "where(", "mse(", "softmax_cross_entropy(", "axis=",
    "axis=-1", "[0]", "[0:2]", "[-1:]", "[h]", "params", "hidden", "state", "inputs", "targets",
    "modules", "functions", "outputs", "loss", "step", "shape", "init", "type: index", "size",
    "value", "cell", "gru", "repeat", "while", "if", "max", "import", "sparse", "random", "spike(",
    "surrogate=relu", "conv(", "einsum(", "padding=same", "embedding(", "lora(", "element_wise(",
    "stop_gradient(", "rule: ", "rtrl", "uoro", "pp_prop", "hybrid", "snap", "order: 2",
    "scope: coupled", "window: 3", "\t", "\n", "\n  ", "\r", "\xff", "\xc3\xa9", "\xef\xbb\xbf",
    "\xe2\x80\xae"};

enum { N_WORDS = sizeof words / sizeof words[0], EDITS = 5000 };

static void edit(const buf *from, buf *to)
{
    size_t at = below(from->len + 1), left = from->len - at;
    size_t n = below(below(4) ? 6 : 60);
    const char *word = words[below(N_WORDS)];
    if (n > left)
        n = left;
    buf_bytes(to, from->text, at);
    switch (below(5)) {
    case 0: buf_puts(to, word); n = 0; break;                                /* insert a word */
    case 1: buf_puts(to, word); break; /* put one in the place of a piece */
    case 2: break;                                                           /* leave a piece out */
    case 3:
        buf_bytes(to, from->text + at, n);
        n = 0;
        break; /* write a piece twice */
    default:
        buf_bytes(to, from->text + below(from->len), 1);
        n = n > 0;
        break; /* another character */
    }
    buf_bytes(to, from->text + at + n, left - n);
}

/* All passes up to the plan, each as in main.c.  */
static void compile_model(const spec *s, arena *a, diag *d)
{
    const lower_options lowering = {.data_dir = run_source_path(".")};
    const options nothing_said = {0};
    learning set;
    if (!options_learning(&nothing_said, s, a, d, &set))
        return;
    ir *g = lower_spec(s, &lowering, a, d);
    ck_assert((g == NULL) == (diag_errors(d) > 0));
    if (!g)
        return;
    ir_check(g);
    graph *gr = learn_graph(g, &set);
    if (!gr)
        return;
    learn_plan(gr, &set);
    if (diag_errors(d) == 0)
        ir_check(g);
}

static void compile(const char *name, const buf *text)
{
    arena *a = arena_new();
    diag *d = diag_new(a, 20);
    bool is_cell = strncmp(buf_text(text), "cell:", 5) == 0 || strstr(name, "/cells/");
    spec_status status;
    const spec *s = spec_parse(name, buf_text(text), text->len, is_cell, a, d, &status);
    ck_assert((s == NULL) == (diag_errors(d) > 0));
    if (s && !is_cell)
        compile_model(s, a, d);
    diag_flush(d);
    arena_free(a);
}

static void add_files(const char *below, glob_t *found, int flags)
{
    ck_assert_int_eq(glob(run_source_path(below), flags, NULL, found), 0);
}

START_TEST(edited_specs_return)
{
    const char *given = getenv("ETRACE_EDITS");
    int n = given ? atoi(given) : EDITS, nothing = open("/dev/null", O_WRONLY);
    static const char last[] = "last-edit.yaml"; /* stays where the test does not return */
    glob_t found = {0};
    add_files("tests/diag/*.yaml", &found, 0);
    add_files("tests/golden/*.yaml", &found, GLOB_APPEND);
    add_files("tests/lang/*.yaml", &found, GLOB_APPEND);
    add_files("templates/cells/*.yaml", &found, GLOB_APPEND);
    ck_assert_int_ge(dup2(nothing, STDERR_FILENO), 0); /* what is said is of no interest here */
    for (int i = 0; i < n; i++) {
        const char *name = found.gl_pathv[below(found.gl_pathc)];
        buf text = {0}, edited = {0};
        ck_assert(run_read_file(name, &text));
        edit(&text, &edited);
        run_write_file(last, edited.text, edited.len);
        compile(name, &edited);
        buf_free(&text);
        buf_free(&edited);
    }
    remove(last);
    globfree(&found);
    close(nothing);
}
END_TEST

Suite *edits_suite(void)
{
    Suite *s = suite_create("edits");
    TCase *t = tcase_create("edits");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, edited_specs_return);
    suite_add_tcase(s, t);
    return s;
}
