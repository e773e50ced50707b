/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the documents, held against the code that they are about.  doc/spec.md: every key,
   function, init, rule and cell of the language.  templates/README.md: the values that C gives to
   the templates.  tests/README.md and doc/promises.md: the suites.  What the code has is read from its sources, where the tables are.  And what is to be in tables
   alone is nowhere else.  */
#define _XOPEN_SOURCE 700
#include "builtin.h"
#include "rule.h"
#include "run.h"
#include "spec_read.h"
#include "suites.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 800, WORD_LENGTH = 80 };

typedef struct {
    int n;
    char word[WORDS_MAX][WORD_LENGTH];
} words;

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool has(const words *w, const char *word)
{
    for (int i = 0; i < w->n; i++)
        if (strcmp(w->word[i], word) == 0)
            return true;
    return false;
}

/* BEFORE, WORD (N characters) and AFTER as one word.  */
static void add(words *w, const char *before, const char *word, size_t n, const char *after)
{
    char whole[WORD_LENGTH];
    ck_assert_int_lt(snprintf(whole, sizeof whole, "%s%.*s%s", before, (int)n, word, after),
                     WORD_LENGTH);
    if (n == 0 || has(w, whole))
        return;
    ck_assert_int_lt(w->n, WORDS_MAX);
    strcpy(w->word[w->n++], whole);
}

/* All files of the source tree that FILES names, one behind the other.  */
static void read_all(const char *files, buf *text)
{
    glob_t found = {0};
    ck_assert_msg(glob(run_source_path(files), 0, NULL, &found) == 0, "no file is %s", files);
    for (size_t i = 0; i < found.gl_pathc; i++)
        ck_assert(run_read_file(found.gl_pathv[i], text));
    globfree(&found);
}

/* Every word of TEXT that stands behind LEFT and before RIGHT; one that goes on with an argument
   of a macro ($1) is none.  */
static void add_between(words *w, const char *text, const char *left, const char *right,
                        const char *before, const char *after)
{
    for (const char *p = strstr(text, left); p; p = strstr(p, left)) {
        p += strlen(left);
        size_t n = 0;
        while (is_word(p[n]))
            n++;
        if (p[n] != '$' && strncmp(p + n, right, strlen(right)) == 0)
            add(w, before, p, n, after);
    }
}

/* Fails with the words of A that B lacks.  */
static void all_in(const words *a, const words *b, const char *what)
{
    buf missing = {0};
    for (int i = 0; i < a->n; i++)
        if (!has(b, a->word[i]))
            buf_printf(&missing, " %s", a->word[i]);
    ck_assert_msg(a->n > 0, "%s: nothing was found to compare", what);
    ck_assert_msg(missing.len == 0, "%s:%s", what, buf_text(&missing));
    buf_free(&missing);
}

/* --- templates/README.md ---------------------------------------------------------------------- */

/* A macro of the templates that stands for values named after its argument.  */
static const struct {
    const char *call, *before, *after;
} uses[] = {
    {"et_value(", "et_value(", ")"},
    {"et_each_", "et_each_", ""},
    {"et_struct(«", "et_each_", ""},
    {"et_body_", "et_body_", ""},
    {"et_unused_", "et_unused_", ""},
    {"et_once_", "et_once_", ""},
    {"et_function(«", "et_body_", ""},
    {"et_function(«", "et_unused_", ""},
    {"et_function(«", "et_once_", ""},
    {"et_function(«", "et_value(returns_", ")"},
    {"et_function(«", "et_value(passes_", ")"},
    {"et_function(«", "et_value(next_", ")"},
    {"et_check(«", "et_body_", ""},
    {"et_check(«", "et_unused_", ""},
};

/* TEXT without the lines that are m4's comments.  */
static void drop_comments(const char *text, buf *res)
{
    for (const char *p = text; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
        if (strncmp(p, "m4_dnl", 6) != 0)
            buf_bytes(res, p, strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'));
}

static void find_used(words *w)
{
    buf all = {0}, text = {0};
    read_all("templates/*.m4", &all);
    read_all("templates/compare/*.m4", &all);
    drop_comments(all.text, &text);
    buf_free(&all);
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        add_between(w, text.text, uses[i].call, "", uses[i].before, uses[i].after);
    buf_free(&text);
}

/* The functions of emit.c that give values, and what these are called.  */
static const struct {
    const char *call, *before, *after;
} gives[] = {
    {"set(em, \"", "et_value(", ")"},
    {"set_flag(em, \"", "et_value(", ")"},
    {"set_flag(&em, \"", "et_value(", ")"},
    {"set_number(em, \"", "et_value(", ")"},
    {"set_number(&em, \"", "et_value(", ")"},
    {"set_source(&em, \"", "et_value(", ")"},
    {"set_part(em, \"", "et_value(", ")"},
    {"set_called(&em, \"", "et_value(has_", ")"},
    {"set_called(&em, \"", "et_value(", "_source)"},
    {"open_list(em, \"", "et_each_", ""},
    {"set_block(em, \"", "et_each_", ""},
    {"set_entries(em, \"", "et_each_", ""},
    {"open_body(em, \"", "et_body_", ""},
    {"values_set(&v, \"", "et_value(", ")"},
    {"values_open(v, \"", "et_each_", ""},
    {"values_set(values, \"", "et_value(", ")"},
    {"values_open(values, \"", "et_each_", ""},
    {"_map, \"", "et_each_", ""}, /* set_code */
    {"emit_init(&em, \"", "et_body_", ""},
    {"emit_checks(&em, \"", "et_body_", ""},
    {"emit_checks(&em, \"", "et_unused_", ""},
    {"_form = {\"", "et_body_", ""},
    {"_form = {\"", "et_unused_", ""},
    {".name = \"", "et_body_", ""}, /* forms */
    {".name = \"", "et_unused_", ""},
    {".name = \"", "et_once_", ""},
    {".name = \"", "et_value(returns_", ")"},
    {".name = \"", "et_value(passes_", ")"},
    {".name = \"", "et_value(next_", ")"},
    {".name = \"", "et_value(splits_", ")"},
    {".name = \"", "et_one_", ""},
    {".name = \"", "et_unused_one_", ""},
};

static void find_given(words *w)
{
    buf text = {0};
    read_all("gen/emit*.c", &text);
    read_all("gen/compare.c", &text);
    read_all("gen/page*.c", &text);
    for (size_t i = 0; i < sizeof gives / sizeof gives[0]; i++)
        add_between(w, text.text, gives[i].call, "\"", gives[i].before, gives[i].after);
    buf_free(&text);
}

/* The first cells of the README's tables: | `et_value(name)` | ...  */
static void find_listed(words *w)
{
    buf text = {0};
    read_all("templates/README.md", &text);
    add_between(w, text.text, "| `et_value(", ")` |", "et_value(", ")");
    add_between(w, text.text, "| `et_each_", "` |", "et_each_", "");
    add_between(w, text.text, "| `et_body_", "` |", "et_body_", "");
    add_between(w, text.text, "| `et_unused_", "` |", "et_unused_", "");
    add_between(w, text.text, "| `et_one_", "` |", "et_one_", "");
    add_between(w, text.text, "| `et_once_", "` |", "et_once_", "");
    buf_free(&text);
}

START_TEST(values_are_listed)
{
    static words used, given, listed;
    find_used(&used);
    find_given(&given);
    find_listed(&listed);
    all_in(&used, &listed, "used in templates, not in templates/README.md");
    all_in(&given, &listed, "given by emit.c or compare.c, not in templates/README.md");
    all_in(&listed, &given, "in templates/README.md, given by nobody");
}
END_TEST

START_TEST(statement_macros_are_listed)
{
    static words defined, listed;
    buf text = {0}, readme = {0};
    read_all("templates/kernels.m4", &text);
    add_between(&defined, text.text, "m4_define(«et_", "», ", "et_", "");
    read_all("templates/README.md", &readme);
    add_between(&listed, readme.text, "| `et_", "(", "et_", "");
    add_between(&listed, readme.text, "| `et_", "`", "et_", "");
    all_in(&defined, &listed, "defined in kernels.m4, not in templates/README.md");
    buf_free(&text);
    buf_free(&readme);
}
END_TEST

/* --- doc/spec.md ------------------------------------------------------------------------------ */

/* All that stands between back quotes with WORD at its beginning.  */
static void find_named(words *w)
{
    buf text = {0};
    read_all("doc/spec.md", &text);
    add_between(w, text.text, "`", "`", "", "");
    add_between(w, text.text, "`", "(", "", "");
    add_between(w, text.text, "`", ":", "", "");
    add_between(w, text.text, "`", " =", "", "");
    buf_free(&text);
}

/* From the tables that the reader and the schema have.  */
START_TEST(every_key_is_in_the_reference)
{
    static words keys, named;
    const spec_mapping *const mappings[] = {spec_top_mappings, spec_decl_mappings, spec_net_mappings,
                                            spec_step_mappings};
    const spec_words *const choices[] = {spec_top_words, spec_decl_words};
    buf text = {0};
    for (size_t i = 0; i < sizeof mappings / sizeof mappings[0]; i++)
        for (const spec_mapping *m = mappings[i]; m->name; m++)
            for (size_t k = 0; k < m->n; k++)
                add(&keys, "", m->keys[k].name, strlen(m->keys[k].name), "");
    for (int k = 0; k < LEARN_COUNT; k++) {
        const char *name = rule_key_row((learning_key)k)->name;
        add(&keys, "", name, strlen(name), "");
    }
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        for (const spec_words *w = choices[i]; w->name; w++)
            for (const char *const *word = w->words; *word; word++)
                add(&keys, "", *word, strlen(*word), "");
    read_all("gen/spec*.c", &text);
    add_between(&keys, text.text, "strcmp(key->text, \"", "\") == 0", "", "");
    find_named(&named);
    ck_assert(has(&keys, "etrace") && has(&keys, "window") && has(&keys, "in"));
    ck_assert(has(&keys, "sparse") && has(&keys, "carry") && has(&keys, "float64"));
    all_in(&keys, &named, "keys and words that doc/spec.md does not name");
    buf_free(&text);
}
END_TEST

START_TEST(every_function_is_in_the_reference)
{
    static words functions, named;
    const char *builtin[100];
    size_t n = builtin_names(builtin, 100);
    for (size_t i = 0; i < n; i++)
        add(&functions, "", builtin[i], strlen(builtin[i]), "");
    n = activation_names(builtin, 100);
    for (size_t i = 0; i < n; i++)
        add(&functions, "", builtin[i], strlen(builtin[i]), "");
    for (int op = 0; op < OP_COUNT; op++)
        if (op_table[op].elementwise && op_table[op].result != TYPE_INDEX && op != OP_real
            && op != OP_copy && op != OP_graft && op != OP_weight && op != OP_random)
            add(&functions, "", op_table[op].name, strlen(op_table[op].name), "");
    add(&functions, "", "spike", 5, "");
    find_named(&named);
    all_in(&functions, &named, "functions that doc/spec.md does not name");
}
END_TEST

START_TEST(every_init_is_in_the_reference)
{
    static words inits, named;
    buf text = {0};
    read_all("gen/init.c", &text);
    add_between(&inits, text.text, "{\"", "\", INIT_", "", "");
    add_between(&inits, text.text, "(e->name, \"", "\") == 0", "", "");
    find_named(&named);
    ck_assert(has(&inits, "glorot_uniform") && has(&inits, "orthogonal") && has(&inits, "uniform"));
    all_in(&inits, &named, "inits that doc/spec.md does not name");
    buf_free(&text);
}
END_TEST

/* Rules, and the words that a key of learning chooses from.  */
START_TEST(every_choice_is_in_the_reference)
{
    static words chosen, named;
    for (int k = -1; k < LEARN_COUNT; k++) {
        const char *const *word = k < 0 ? rule_names() : rule_words((learning_key)k);
        for (; word && *word; word++)
            add(&chosen, "", *word, strlen(*word), "");
    }
    find_named(&named);
    all_in(&chosen, &named, "choices that doc/spec.md does not name");
}
END_TEST

/* An argument as the table of cells has it: `tau = 5`, or `size` where there is no default.  */
static void argument_text(const spec_arg *arg, buf *res)
{
    if (arg->fallback)
        buf_printf(res, "`%s = %s`", arg->name, arg->fallback->text);
    else
        buf_printf(res, "`%s`", arg->name);
}

/* The row of the table of cells that begins with | `NAME` |, or NULL.  */
static char *cell_row(const char *text, const char *name)
{
    char head[WORD_LENGTH];
    snprintf(head, sizeof head, "\n| `%s` |", name);
    const char *row = strstr(text, head);
    return row ? strndup(row + 1, strcspn(row + 1, "\n")) : NULL;
}

static void check_cell(const char *path, const char *text, buf *missing)
{
    arena *a = arena_new();
    spec_status status;
    const spec *s = spec_read(path, true, a, diag_new(a, 1), &status);
    ck_assert_msg(s != NULL, "%s cannot be read", path);
    char *row = cell_row(text, s->name);
    if (!row)
        buf_printf(missing, "\n%s", s->name);
    for (size_t i = 0; row && i < s->n_args; i++) {
        buf arg = {0};
        argument_text(&s->arg[i], &arg);
        if (!strstr(row, arg.text))
            buf_printf(missing, "\n%s: %s", s->name, arg.text);
        buf_free(&arg);
    }
    for (size_t i = 0; row && i < s->n_inputs; i++) {
        buf input = {0};
        buf_printf(&input, "`%s`", s->input[i].name);
        if (!strstr(row, input.text))
            buf_printf(missing, "\n%s: input %s", s->name, input.text);
        buf_free(&input);
    }
    for (size_t i = 0; row && i < s->n_equations; i++)
        if (!strstr(row, s->equation[i].text))
            buf_printf(missing, "\n%s: %s", s->name, s->equation[i].text);
    free(row);
    arena_free(a);
}

START_TEST(every_cell_is_in_the_reference)
{
    glob_t found = {0};
    buf text = {0}, missing = {0};
    read_all("doc/spec.md", &text);
    ck_assert_int_eq(glob(run_source_path("templates/cells/*.yaml"), 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_cell(found.gl_pathv[i], text.text, &missing);
    ck_assert_msg(missing.len == 0, "doc/spec.md's table of cells lacks:%s", buf_text(&missing));
    globfree(&found);
    buf_free(&text);
    buf_free(&missing);
}
END_TEST

/* Every public name of braintrace 0.2.6 and its `nn`, a line each.  */
START_TEST(the_reference_is_covered)
{
    static words names, named;
    buf text = {0}, doc = {0};
    read_all("tests/data/braintrace-names.txt", &text);
    for (char *name = strtok(text.text, "\n"); name; name = strtok(NULL, "\n"))
        add(&names, "", name, strlen(name), "");
    read_all("doc/from-braintrace.md", &doc);
    for (const char *p = doc.text; *p; p++)
        if (is_word(*p) && (p == doc.text || !is_word(p[-1]))) {
            size_t n = 0;
            while (is_word(p[n]))
                n++;
            for (int i = 0; i < names.n; i++)
                if (strlen(names.word[i]) == n && strncmp(names.word[i], p, n) == 0)
                    add(&named, "", p, n, "");
        }
    ck_assert_int_gt(names.n, 150);
    all_in(&names, &named, "names of the reference that doc/from-braintrace.md lacks");
    buf_free(&text);
    buf_free(&doc);
}
END_TEST

/* A weight op is a row of ops.def and a maker: sparse stands for all those that no pass treats in a way of its own.
   The interpreter is no pass: it has every operator once more.  */
START_TEST(no_pass_names_a_weight_op)
{
    glob_t found = {0};
    ck_assert_int_eq(glob(run_source_path("gen/*.c"), 0, NULL, &found), 0);
    ck_assert_uint_gt(found.gl_pathc, 50);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        buf text = {0};
        const char *file = strrchr(found.gl_pathv[i], '/') + 1, *name = "OP_sparse";
        ck_assert(run_read_file(found.gl_pathv[i], &text));
        for (const char *p = strstr(text.text, name); p; p = strstr(p + 1, name))
            ck_assert_msg(is_word(p[strlen(name)]) || strcmp(file, "ir_linear.c") == 0
                              || strcmp(file, "interpret.c") == 0, "gen/%s names %s", file, name);
        buf_free(&text);
    }
    globfree(&found);
}
END_TEST

/* --- the suites --------------------------------------------------------------------------------- */

START_TEST(suites_are_there)
{
    static words made, promised, listed;
    buf code = {0}, promises = {0}, readme = {0};
    read_all("tests/check_*.c", &code);
    read_all("doc/promises.md", &promises);
    read_all("tests/README.md", &readme);
    add_between(&made, code.text, "= suite_create(\"", "\")", "", "");
    add_between(&promised, promises.text, "`", "`", "", "");
    add_between(&listed, readme.text, "`", "`", "", "");
    all_in(&promised, &made, "in doc/promises.md, and no suite");
    all_in(&made, &listed, "suites that tests/README.md lacks");
    buf_free(&code);
    buf_free(&promises);
    buf_free(&readme);
}
END_TEST

Suite *lists_suite(void)
{
    Suite *s = suite_create("lists");
    TCase *templates = tcase_create("templates"), *language = tcase_create("language");
    TCase *generator = tcase_create("generator"), *promises = tcase_create("promises");
    tcase_add_test(templates, values_are_listed);
    tcase_add_test(templates, statement_macros_are_listed);
    tcase_add_test(language, every_key_is_in_the_reference);
    tcase_add_test(language, every_function_is_in_the_reference);
    tcase_add_test(language, every_init_is_in_the_reference);
    tcase_add_test(language, every_choice_is_in_the_reference);
    tcase_add_test(language, every_cell_is_in_the_reference);
    tcase_add_test(language, the_reference_is_covered);
    tcase_add_test(generator, no_pass_names_a_weight_op);
    tcase_add_test(promises, suites_are_there);
    suite_add_tcase(s, templates);
    suite_add_tcase(s, language);
    suite_add_tcase(s, generator);
    suite_add_tcase(s, promises);
    return s;
}
