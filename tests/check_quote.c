/* SPDX-License-Identifier: Apache-2.0 */
/* gen/quote.c: what a user wrote goes through m4, into C strings and into C comments as text,
   whatever it is. 400 strings of the worst tokens, the same in every run.  */
#define _XOPEN_SOURCE 700
#include "quote.h"
#include "run.h"
#include "skel.h"
#include "suites.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_TEXTS = 400 };

static char *texts[N_TEXTS];

static uint64_t state = 400;

/* xorshift64*: Vigna 2016.  */
static size_t below(size_t n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(2685821657736338717) >> 33) % n);
}

static const char *const tokens[] = {
    "]]", "[[", "]", "[", "«", "»", "`", "'", "''", "$1", "$@", "$*", "$#", "$0", "m4_esyscmd(",
    "m4_syscmd(", "m4_define(", "m4_include(/etc/passwd)", "m4_dnl", "m4_changequote",
    "m4_m4exit(0)", "m4_builtin(", "m4_indir(", "m4_defn(", "esyscmd(echo PWNED)", "dnl",
    "et_value(", "et_file(1)", "et_missing", "m4", "et", "_", "m4_", "et_", "@{", "@}", "@", "@@",
    "@40", "@{file:1@}", "@{end@}", "@+", "@-", "(", ")", ",", ", ", "\n", "\n\n", "\t", " ", "  ",
    "#", "\n#define x", "*/", "/*", "//", "*", "/", "?\?/", "?\?>", "?", "??", "\\", "\\\n", "\\n",
    "\"", "%s", "%n", "%d%%", "\x01", "\x1b[31m", "\x7f", "\r", "\xff", "\xc3\xa9", "\xe2\x80\xae",
    "a", "B7", "0x", ";", "<", ">", "&", "|", "=", "+", "-", ":", ".", "~", "^", "{", "}", "!"};

enum { N_TOKENS = sizeof tokens / sizeof tokens[0] };

static void make_texts(void)
{
    for (int i = 0; i < N_TEXTS; i++) {
        buf b = {0};
        size_t n = 1 + below(12);
        for (size_t k = 0; k < n && b.len < 60; k++)
            buf_puts(&b, i < N_TOKENS && k == 0 ? tokens[i] : tokens[below(N_TOKENS)]);
        texts[i] = b.text;
    }
}

static void free_texts(void)
{
    for (int i = 0; i < N_TEXTS; i++)
        free(texts[i]);
}

/* --- m4 -------------------------------------------------------------------------------------- */

/* The definitions of all texts, as emit.c writes them.  */
static void put_values(buf *values)
{
    for (int i = 0; i < N_TEXTS; i++) {
        buf_printf(values, "m4_define(«et_value_v%d», «", i);
        quote_m4(values, texts[i], strlen(texts[i]));
        buf_puts(values, "»)m4_dnl\n");
    }
    buf_puts(values, "m4_define(«et_each_text», «");
    for (int i = 0; i < N_TEXTS; i++) {
        buf_puts(values, "$1(«");
        quote_m4(values, texts[i], strlen(texts[i]));
        buf_puts(values, "»)");
    }
    buf_puts(values, "»)m4_dnl\n");
}

/* A folder of templates: our prelude and one template with TEXT.  */
static char *make_templates(const char *text)
{
    char *folder = run_make_folder();
    const char *argv[] = {"cp", run_source_path("templates/prelude.m4"), "templates", NULL};
    const char *make[] = {"mkdir", "templates", NULL};
    run_result r = run_program(folder, make);
    run_free(&r);
    r = run_program(folder, argv);
    ck_assert_int_eq(r.status, 0);
    run_free(&r);
    run_write_file(run_path(folder, "templates/t.m4"), text, strlen(text));
    return folder;
}

static void run_template(const char *text, buf *out)
{
    static const char *const name[] = {"t.m4"};
    arena *a = arena_new();
    diag *d = diag_new(a, 0);
    char *folder = make_templates(text);
    buf values = {0}, said = {0};
    put_values(&values);
    skel_status status = skel_run(M4_PROGRAM, folder, name, 1, &values, out, NULL, 1, d);
    diag_print(d, &said);
    ck_assert_msg(status == SKEL_OK, "%s", buf_text(&said));
    buf_free(&values);
    buf_free(&said);
    run_remove_folder(folder);
    arena_free(a);
}

/* What skel_decode makes of "<TEXT>": lines without white space at their ends, empty ones once.  */
static void put_as_lines(const char *text, buf *out)
{
    size_t begin = out->len;
    buf_printf(out, "<%s>\n", text);
    char *line = strdup(out->text + begin), *rest = line;
    bool blank = false;
    out->len = begin;
    for (char *end; (end = strchr(rest, '\n')) != NULL; rest = end + 1) {
        size_t n = (size_t)(end - rest);
        while (n > 0 && (rest[n - 1] == ' ' || rest[n - 1] == '\t'))
            n--;
        if (n == 0) {
            blank = true;
            continue;
        }
        if (blank)
            buf_puts(out, "\n");
        blank = false;
        buf_bytes(out, rest, n);
        buf_puts(out, "\n");
    }
    free(line);
}

/* As values by name and as arguments of a macro: all come back.  */
START_TEST(through_m4)
{
    buf template = {0}, wanted = {0}, out = {0}, diff = {0};
    buf_puts(&template, "m4_define(«show», «<$1>\n»)m4_dnl\net_file(0)\n");
    for (int i = 0; i < N_TEXTS; i++) {
        buf_printf(&template, "<et_value(v%d)>\n", i);
        put_as_lines(texts[i], &wanted);
    }
    buf_puts(&template, "et_each_text(«show»)m4_dnl\n");
    for (int i = 0; i < N_TEXTS; i++)
        put_as_lines(texts[i], &wanted);
    run_template(template.text, &out);
    run_diff(wanted.text, buf_text(&out), &diff);
    ck_assert_msg(diff.len == 0, "%s", buf_text(&diff));
    ck_assert_ptr_null(strstr(out.text, "root:"));
    buf_free(&template);
    buf_free(&wanted);
    buf_free(&out);
    buf_free(&diff);
}
END_TEST

/* Byte for byte, lines aside: each byte is one that m4 leaves alone, or @hh.  */
START_TEST(m4_bytes)
{
    for (int i = 0; i < N_TEXTS; i++) {
        buf quoted = {0}, back = {0};
        quote_m4(&quoted, texts[i], strlen(texts[i]));
        for (const char *p = quoted.text; *p; p++) {
            unsigned byte = (unsigned char)*p;
            if (*p == '@') {
                ck_assert_int_eq(sscanf(p + 1, "%2x", &byte), 1);
                p += 2;
            } else {
                ck_assert(isalnum((unsigned char)*p) || strchr(" +-*/=<>.;:", *p));
            }
            char c = (char)byte;
            buf_bytes(&back, &c, 1);
        }
        ck_assert_str_eq(back.text, texts[i]);
        buf_free(&quoted);
        buf_free(&back);
    }
}
END_TEST

START_TEST(m4_any_byte)
{
    char bytes[256];
    buf quoted = {0}, out[1] = {{0}}, text = {0};
    const char *why;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(i == '\n' ? 'n' : i);
    bytes[255] = '!'; /* white space at a line's end is dropped */
    quote_m4(&quoted, bytes, sizeof bytes);
    buf_printf(&text, "@{file:0@}\n\"%s\n@{end@}\n", quoted.text); /* a string is never broken */
    ck_assert_msg(skel_decode(text.text, text.len, out, NULL, 1, &why), "%s", why);
    ck_assert_uint_eq(out[0].len, sizeof bytes + 2);
    ck_assert_mem_eq(out[0].text + 1, bytes, sizeof bytes);
    buf_free(&quoted);
    buf_free(&text);
    buf_free(&out[0]);
}
END_TEST

/* A template may write text of its own right behind a value; together they are no macro's name.  */
START_TEST(m4_completed_words)
{
    static const char *const values[] = {"m4", "et", "xm4", "m4_", "et_", "m4_m4", "et_et"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        buf quoted = {0};
        quote_m4(&quoted, values[i], strlen(values[i]));
        buf_puts(&quoted, "_esyscmd");
        ck_assert_ptr_null(strstr(quoted.text, "m4_"));
        ck_assert_ptr_null(strstr(quoted.text, "et_"));
        buf_free(&quoted);
    }
}
END_TEST

/* --- C --------------------------------------------------------------------------------------- */

/* Compile PROGRAM with the C compiler of the build and run it; its output.  */
static run_result compile_and_run(const char *program)
{
    char *folder = run_make_folder();
    const char *cc = getenv("CC");
    buf line = {0};
    run_write_file(run_path(folder, "t.c"), program, strlen(program));
    buf_printf(&line, "%s -std=c99 -Wall -Wextra -Wcomment -Wno-trigraphs -Werror -o t t.c && ./t",
               cc && *cc ? cc : "cc");
    const char *argv[] = {"sh", "-c", line.text, NULL};
    run_result r = run_program(folder, argv);
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    buf_free(&line);
    run_remove_folder(folder);
    return r;
}

/* The compiler reads each literal as the text it was made of; -std=c99 has trigraphs.  */
START_TEST(c_strings)
{
    buf program = {0}, wanted = {0}, diff = {0};
    buf_puts(&program, "#include <stdio.h>\nstatic const char *const s[] = {\n");
    for (int i = 0; i < N_TEXTS; i++) {
        quote_string(&program, texts[i]);
        buf_puts(&program, ",\n");
        for (const char *p = texts[i]; *p; p++)
            buf_printf(&wanted, "%02x", (unsigned)(unsigned char)*p);
        buf_puts(&wanted, "\n");
    }
    buf_printf(&program,
               "};\nint main(void)\n{\n    for (int i = 0; i < %d; i++, putchar('\\n'))\n"
               "        for (const char *p = s[i]; *p; p++)\n"
               "            printf(\"%%02x\", (unsigned)(unsigned char)*p);\n    return 0;\n}\n",
               N_TEXTS);
    run_result r = compile_and_run(program.text);
    run_diff(wanted.text, buf_text(&r.out), &diff);
    ck_assert_msg(diff.len == 0, "%s", buf_text(&diff));
    run_free(&r);
    buf_free(&program);
    buf_free(&wanted);
    buf_free(&diff);
}
END_TEST

/* No text ends the comment it stands in, nor begins another, nor joins the next line to it.  */
START_TEST(c_comments)
{
    buf program = {0}, wanted = {0}, diff = {0};
    buf_puts(&program, "#include <stdio.h>\nstatic const int n[] = {\n");
    for (int i = 0; i < N_TEXTS; i++) {
        buf_puts(&program, "/* ");
        quote_comment(&program, texts[i]);
        buf_printf(&program, " */ %d, // ", 2 * i);
        quote_comment(&program, texts[i]);
        buf_printf(&program, "\n%d,\n", 2 * i + 1);
    }
    for (int i = 0; i < 2 * N_TEXTS; i++)
        buf_printf(&wanted, "%d\n", i);
    buf_puts(&program,
             "};\nint main(void)\n{\n    for (unsigned i = 0; i < sizeof n / sizeof n[0]; i++)\n"
             "        printf(\"%d\\n\", n[i]);\n    return 0;\n}\n");
    run_result r = compile_and_run(program.text);
    run_diff(wanted.text, buf_text(&r.out), &diff);
    ck_assert_msg(diff.len == 0, "%s", buf_text(&diff));
    run_free(&r);
    buf_free(&program);
    buf_free(&wanted);
    buf_free(&diff);
}
END_TEST

static void without_spaces(const char *text, buf *out)
{
    for (; *text; text++)
        if (*text != ' ')
            buf_bytes(out, text, 1);
}

/* But for the spaces put in, what can be printed stays as it was; the rest is \xhh.  */
START_TEST(comments_keep_their_text)
{
    for (int i = 0; i < N_TEXTS; i++) {
        buf comment = {0}, plain = {0}, got = {0}, wanted = {0};
        quote_comment(&comment, texts[i]);
        for (const char *p = texts[i]; *p; p++) {
            bool splice = *p == '\\' && (p[1] == '\0' || p[1] == ' ');
            if (*p >= ' ' && *p <= '~' && !splice)
                buf_bytes(&plain, p, 1);
            else
                buf_printf(&plain, "\\x%02x", (unsigned)(unsigned char)*p);
        }
        without_spaces(comment.text, &got);
        without_spaces(plain.text, &wanted);
        ck_assert_str_eq(buf_text(&got), buf_text(&wanted));
        for (const char *p = comment.text; *p; p++)
            ck_assert(*p >= ' ' && *p <= '~');
        buf_free(&comment);
        buf_free(&plain);
        buf_free(&got);
        buf_free(&wanted);
    }
}
END_TEST

/* A pair may come about between two calls.  */
START_TEST(comments_in_two_pieces)
{
    buf out = {0};
    quote_comment(&out, "a*");
    quote_comment(&out, "/ b/");
    quote_comment(&out, "* c?");
    quote_comment(&out, "?/");
    ck_assert_str_eq(out.text, "a* / b/ * c? ?/");
    buf_free(&out);
}
END_TEST

Suite *quote_suite(void)
{
    Suite *s = suite_create("quote");
    TCase *t = tcase_create("quote");
    tcase_add_checked_fixture(t, make_texts, free_texts);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, through_m4);
    tcase_add_test(t, m4_bytes);
    tcase_add_test(t, m4_any_byte);
    tcase_add_test(t, m4_completed_words);
    tcase_add_test(t, c_strings);
    tcase_add_test(t, c_comments);
    tcase_add_test(t, comments_keep_their_text);
    tcase_add_test(t, comments_in_two_pieces);
    suite_add_tcase(s, t);
    return s;
}
