/* SPDX-License-Identifier: Apache-2.0 */
/* What the documents show is tried.  In README.md, HACKING.md and doc/ (all .md files):

     ```yaml      a block that begins with `etrace:` is a model, kept as NAME.yaml, and has to pass
                  etrace-gen --check; one that begins with `cell:` is a cell, kept as NAME.yaml,
                  and some model of the same document has to use it
     ```console   `$ etrace-gen WORDS`, run beside these files; the lines below it are lines of
                  what it prints, in order, and neighbours unless `...` stands between them
     ```sh        lines of the shell, run there with our programs in the path; left out, with a word, where
                  the program that the block is about is missing

   Other blocks are for the reader alone.  */
#define _XOPEN_SOURCE 700
#include "run.h"
#include "suites.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char language[16];
    const char *text; /* of the lines inside */
    size_t len;
    int line;         /* of the opening fence */
} block;

/* The next block of the document from *AT on; false: there is none.  *AT and *LINE are moved behind
   it.  */
static bool next_block(const char **at, int *line, block *res)
{
    bool inside = false;
    for (const char *p = *at; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
        ++*line;
        if (strncmp(p, "```", 3) != 0)
            continue;
        const char *next = p + strcspn(p, "\n") + 1;
        if (inside) {
            res->len = (size_t)(p - res->text);
            *at = next;
            return true;
        }
        inside = true;
        *res = (block){.text = next, .line = *line};
        snprintf(res->language, sizeof res->language, "%.*s", (int)strcspn(p + 3, "\n"), p + 3);
    }
    return false;
}

/* The word behind KEY in the text of B, for free(); NULL: no line begins with KEY.  */
static char *value_of(const block *b, const char *key)
{
    const char *end = b->text + b->len;
    for (const char *p = b->text; p < end; p += strcspn(p, "\n") + 1)
        if (strncmp(p, key, strlen(key)) == 0) {
            p += strlen(key) + strspn(p + strlen(key), " ");
            return strndup(p, strcspn(p, " \n"));
        }
    return NULL;
}

/* --- specs ------------------------------------------------------------------------------------ */

static bool begins(const block *b, const char *language, const char *text)
{
    return strcmp(b->language, language) == 0 && strncmp(b->text, text, strlen(text)) == 0;
}

/* The spec of B as the file NAME.yaml of FOLDER; returns its path.  */
static const char *keep(const char *doc, const block *b, const char *key, const char *folder)
{
    buf file = {0};
    char *name = value_of(b, key);
    ck_assert_msg(name != NULL, "%s:%d: the spec has no '%s'", doc, b->line, key);
    buf_printf(&file, "%s.yaml", name);
    const char *path = run_path(folder, file.text);
    run_write_file(path, b->text, b->len);
    buf_free(&file);
    free(name);
    return path;
}

static void check_model(const char *doc, const block *b, const char *folder)
{
    buf words = {0};
    buf_printf(&words, "--check %s", keep(doc, b, "model:", folder));
    run_result r = run_etrace(folder, words.text);
    ck_assert_msg(r.status == 0, "%s:%d: etrace-gen --check: %d\n%s", doc, b->line, r.status,
                  buf_text(&r.err));
    run_free(&r);
    buf_free(&words);
}

static void check_cell(const char *doc, const block *b, const char *folder, const char *whole)
{
    buf use = {0};
    char *name = value_of(b, "cell:");
    keep(doc, b, "cell:", folder);
    buf_printf(&use, "{cell: %s", name);
    const char *at = strstr(whole, use.text);
    ck_assert_msg(at && !isalnum((unsigned char)at[use.len]),
                  "%s:%d: no model uses the cell '%s'", doc, b->line, name);
    buf_free(&use);
    free(name);
}

/* --- transcripts ------------------------------------------------------------------------------ */

/* The place behind the line [LINE, LINE + N) in TEXT, at its first line alone where NEIGHBOUR;
   NULL: it is not there.  */
static const char *find_line(const char *text, const char *line, size_t n, bool neighbour)
{
    for (const char *p = text; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
        size_t m = strcspn(p, "\n");
        if (m == n && memcmp(p, line, n) == 0)
            return p + m + (p[m] == '\n');
        if (neighbour)
            return NULL;
    }
    return NULL;
}

static void compare_output(const char *doc, const block *b, const char *shown, const char *printed)
{
    const char *at = printed, *end = b->text + b->len;
    bool neighbour = false;
    int line = b->line + 1;
    for (const char *p = shown; p < end; p += strcspn(p, "\n") + 1) {
        size_t n = strcspn(p, "\n");
        line++;
        if (n == 3 && strncmp(p, "...", 3) == 0) {
            neighbour = false;
            continue;
        }
        at = find_line(at, p, n, neighbour);
        neighbour = true;
        ck_assert_msg(at != NULL,
                      "%s:%d: this line is not printed (there):\n%.*s\n--- what is:\n%.2000s", doc,
                      line, (int)n, p, printed);
    }
}

static void check_transcript(const char *doc, const block *b, const char *folder)
{
    static const char command[] = "$ etrace-gen ";
    ck_assert_msg(strncmp(b->text, command, strlen(command)) == 0,
                  "%s:%d: a console block begins with '%s'", doc, b->line, command);
    const char *words = b->text + strlen(command), *shown = words + strcspn(words, "\n") + 1;
    char *line = strndup(words, strcspn(words, "\n"));
    run_result r = run_etrace(folder, line);
    buf printed = {0};
    buf_puts(&printed, buf_text(&r.err));
    buf_puts(&printed, buf_text(&r.out));
    bool fails = strstr(buf_text(&r.err), "error: ") != NULL;
    ck_assert_msg(fails == (r.status != 0), "%s:%d: exit %d\n%s", doc, b->line, r.status,
                  buf_text(&printed));
    compare_output(doc, b, shown, buf_text(&printed));
    buf_free(&printed);
    run_free(&r);
    free(line);
}

/* --- commands --------------------------------------------------------------------------------- */

/* A program that may be missing, and the document whose blocks need it.  */
static const char *const needs[][2] = {{"convert.md", "etrace-convert"}, {"embedded.md", "arm-none-eabi-gcc"}};

/* The files that are the user's, by the names that documents give them.  */
static const char bring[] = "cp \"$srcdir/tests/data/convert/conv.nir\" net.nir\n"
                            "cp \"$srcdir/tests/data/convert/torch_gru.safetensors\" gru.safetensors\n"
                            "unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES\nPATH=$ETRACE_BUILDDIR:$PATH\nset -e\n";

static void check_commands(const char *doc, const block *b, const char *folder)
{
    buf lines = {0};
    buf_puts(&lines, bring);
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (strcmp(doc, needs[i][0]) == 0)
            buf_printf(&lines, "command -v %s >/dev/null || { echo 'docs: no %s' >&2; exit 0; }\n", needs[i][1],
                       needs[i][1]);
    buf_bytes(&lines, b->text, b->len);
    run_result r = run_program(folder, (const char *[]){"sh", "-c", lines.text, NULL});
    ck_assert_msg(r.status == 0, "%s:%d: exit %d\n%s%s", doc, b->line, r.status, buf_text(&r.out), buf_text(&r.err));
    if (strncmp(buf_text(&r.err), "docs: ", 6) == 0)
        fputs(buf_text(&r.err), stdout);
    run_free(&r);
    buf_free(&lines);
}

/* --- documents -------------------------------------------------------------------------------- */

static const char *const patterns[] = {"README.md", "HACKING.md", "doc/*.md"};

/* Outside of a test nothing may be asserted.  */
static glob_t find_documents(void)
{
    const char *root = getenv("srcdir");
    glob_t found = {0};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        buf pattern = {0};
        buf_printf(&pattern, "%s/%s", root ? root : ".", patterns[i]);
        glob(pattern.text, i ? GLOB_APPEND : 0, NULL, &found);
        buf_free(&pattern);
    }
    return found;
}

/* In this order: a model may stand before the cell that it uses, a command before its model.  */
typedef enum { PASS_CELLS, PASS_MODELS, PASS_COMMANDS, N_PASSES } doc_pass;

static int check_blocks(const char *doc, const char *whole, const char *folder, doc_pass pass)
{
    const char *at = whole;
    int line = 0, n = 0;
    block b;
    while (next_block(&at, &line, &b)) {
        if (pass == PASS_CELLS && begins(&b, "yaml", "cell:"))
            check_cell(doc, &b, folder, whole);
        else if (pass == PASS_MODELS && begins(&b, "yaml", "etrace:"))
            check_model(doc, &b, folder);
        else if (pass == PASS_COMMANDS && strcmp(b.language, "console") == 0)
            check_transcript(doc, &b, folder);
        else if (pass == PASS_COMMANDS && strcmp(b.language, "sh") == 0)
            check_commands(doc, &b, folder);
        else
            continue;
        n++;
    }
    return n;
}

START_TEST(documents_show_what_works)
{
    glob_t found = find_documents();
    const char *path = found.gl_pathv[_i], *doc = strrchr(path, '/') + 1;
    char *folder = run_make_folder();
    buf text = {0};
    ck_assert(run_read_file(path, &text));
    int n = 0;
    for (int pass = 0; pass < N_PASSES; pass++)
        n += check_blocks(doc, buf_text(&text), folder, (doc_pass)pass);
    bool shows = strstr(buf_text(&text), "\n```yaml\netrace:") != NULL;
    ck_assert_msg(!shows || n > 0, "%s: %d blocks were tried", doc, n);
    buf_free(&text);
    run_remove_folder(folder);
    globfree(&found);
}
END_TEST

static int count_documents(void)
{
    glob_t found = find_documents();
    int n = (int)found.gl_pathc;
    globfree(&found);
    return n;
}

/* --- the tutorial's program --------------------------------------------------------------------- */

/* The models and programs of the tutorial, in FOLDER.  A program says what its name is, or it is main.c.  */
static void write_tutorial(char *folder)
{
    const char *doc = "tutorial.md", *at;
    buf text = {0};
    int line = 0;
    block b;
    ck_assert(run_read_file(run_source_path("doc/tutorial.md"), &text));
    at = buf_text(&text);
    while (next_block(&at, &line, &b)) {
        if (begins(&b, "yaml", "etrace:"))
            keep(doc, &b, "model:", folder);
        else if (strcmp(b.language, "c") == 0)
            run_write_file(run_path(folder, begins(&b, "c", "/* console.c") ? "console.c" : "main.c"), b.text, b.len);
    }
    buf_free(&text);
}

/* LINES of the shell in FOLDER, after the generator with WORDS: the program learns.  */
static void check_learns(const char *folder, const char *words, const char *lines)
{
    run_result r = run_etrace(folder, words);
    ck_assert_int_eq(r.status, 0);
    run_free(&r);
    r = run_program(folder, (const char *[]){"sh", "-c", lines, NULL});
    ck_assert_msg(r.status == 0 && strstr(buf_text(&r.out), "200000 steps: 100.0 % right\n"), "%s%s",
                  buf_text(&r.err), buf_text(&r.out));
    run_free(&r);
}

START_TEST(the_tutorial_learns)
{
    char *folder = run_make_folder();
    write_tutorial(folder);
    check_learns(folder, "recall.yaml", "${CC:-cc} -O2 -Wall -Werror -o recall main.c recall.c -lm && ./recall");
    if (system("command -v arm-none-eabi-gcc >/dev/null && command -v qemu-system-arm >/dev/null") == 0)
        check_learns(folder, "--target=cortex-m --max-ram=32K --max-stack=4K recall.yaml",
                     "board=\"$srcdir/examples/cortex-m\"; arm-none-eabi-gcc -std=c99 -Os -mthumb -mcpu=cortex-m4"
                     " -mfpu=fpv4-sp-d16 -mfloat-abi=hard -nostartfiles --specs=nano.specs --specs=nosys.specs"
                     " -u _printf_float -Wl,--gc-sections -I \"$board\" -T \"$board/mps2.ld\" -o recall.elf main.c"
                     " recall.c console.c \"$board/board.c\" -lm && qemu-system-arm -M mps2-an386 -nographic -monitor"
                     " none -serial none -semihosting-config enable=on,target=native -kernel recall.elf 2>&1");
    else
        puts("docs: no arm-none-eabi-gcc or qemu-system-arm: the tutorial's board was not tried");
    run_remove_folder(folder);
}
END_TEST

/* --- the reader of blocks itself -------------------------------------------------------------- */

START_TEST(blocks_are_found)
{
    static const char text[] = "a\n```yaml\netrace: 1\nmodel: m # x\n```\nb\n\n```\nplain\n```\n";
    const char *at = text;
    int line = 0;
    block b;
    ck_assert(next_block(&at, &line, &b));
    ck_assert_int_eq(b.line, 2);
    ck_assert(begins(&b, "yaml", "etrace:"));
    char *name = value_of(&b, "model:");
    ck_assert_str_eq(name, "m");
    free(name);
    ck_assert_ptr_null(value_of(&b, "cell:"));
    ck_assert(next_block(&at, &line, &b));
    ck_assert_int_eq(b.line, 8);
    ck_assert_str_eq(b.language, "");
    ck_assert(!next_block(&at, &line, &b));
}
END_TEST

START_TEST(lines_are_found)
{
    static const char text[] = "one\ntwo\nthree";
    ck_assert_str_eq(find_line(text, "two", 3, false), "three");
    ck_assert_ptr_null(find_line(text, "two", 3, true));
    ck_assert_ptr_null(find_line(text, "tw", 2, false));
    ck_assert_str_eq(find_line(text, "three", 5, false), "");
}
END_TEST

Suite *docs_suite(void)
{
    Suite *s = suite_create("docs");
    TCase *shown = tcase_create("shown"), *reader = tcase_create("reader");
    tcase_set_timeout(shown, 600);
    tcase_add_loop_test(shown, documents_show_what_works, 0, count_documents());
    tcase_add_test(shown, the_tutorial_learns);
    tcase_add_test(reader, blocks_are_found);
    tcase_add_test(reader, lines_are_found);
    suite_add_tcase(s, shown);
    suite_add_tcase(s, reader);
    return s;
}
