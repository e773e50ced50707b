/* SPDX-License-Identifier: Apache-2.0 */
/* gen/diag.c: the form of messages, carets, the order, and what may reach a terminal.  */
#include "diag.h"
#include "suites.h"

#include <string.h>

static arena *memory;
static buf said;

static void set_up(void)
{
    memory = arena_new();
}

static void tear_down(void)
{
    buf_free(&said);
    arena_free(memory);
}

static const char *print(diag *d)
{
    said.len = 0;
    if (said.text)
        said.text[0] = '\0';
    diag_print(d, &said);
    return buf_text(&said);
}

static loc at(const source *src, int line, int col, int length)
{
    return (loc){src, line, col, length};
}

static const source *add(diag *d, const char *text)
{
    return diag_source(d, "m.yaml", text, strlen(text));
}

/* What is printed of an error at column COL of the one line TEXT.  */
static const char *one(const char *text, int col, int length)
{
    diag *d = diag_new(memory, 0);
    diag_error(d, at(add(d, text), 1, col, length), "E0001", "x");
    return print(d);
}

START_TEST(form)
{
    diag *d = diag_new(memory, 20);
    const source *src = add(d, "a: 1\n  - y = matmull(x, W)\n");
    diag_error(d, at(src, 2, 9, 7), "E0203", "unknown function '%s'", "matmull");
    diag_note(d, at(src, 1, 1, 1), "declared here");
    diag_warning(d, at(src, 2, 5, 1), "mixed-path", "w");
    diag_error(d, (loc){0}, "E0309", "-D");
    ck_assert_str_eq(print(d), "etrace-gen: error: -D [E0309]\n"
                               "m.yaml:2:5: warning: w [-Wmixed-path]\n"
                               "    2 |   - y = matmull(x, W)\n"
                               "      |     ^\n"
                               "m.yaml:2:9: error: unknown function 'matmull' [E0203]\n"
                               "    2 |   - y = matmull(x, W)\n"
                               "      |         ^~~~~~~\n"
                               "m.yaml:1:1: note: declared here\n"
                               "    1 | a: 1\n"
                               "      | ^\n");
    ck_assert_int_eq(diag_errors(d), 2);
    ck_assert_str_eq(print(d), ""); /* it was said */
}
END_TEST

START_TEST(carets)
{
    ck_assert_str_eq(one("\tab\tc", 2, 2),
                     "m.yaml:1:2: error: x [E0001]\n    1 | \tab\tc\n      | \t^~\n");
    ck_assert_str_eq(one("\tab\tc", 5, 1),
                     "m.yaml:1:5: error: x [E0001]\n    1 | \tab\tc\n      | \t  \t^\n");
    ck_assert_str_eq(one("é×ab", 3, 2),
                     "m.yaml:1:3: error: x [E0001]\n    1 | é×ab\n      |   ^~\n");
    ck_assert_str_eq(one("ab", 3, 0), "m.yaml:1:3: error: x [E0001]\n    1 | ab\n      |   ^\n");
    ck_assert_str_eq(one("ab", 5, 1), "m.yaml:1:5: error: x [E0001]\n    1 | ab\n      |     ^\n");
    ck_assert_str_eq(one("ab", 1, 9), "m.yaml:1:1: error: x [E0001]\n    1 | ab\n      | ^~\n");
    ck_assert_str_eq(one("", 1, 1), "m.yaml:1:1: error: x [E0001]\n    1 | \n      | ^\n");
}
END_TEST

/* What is not there has no caret.  */
START_TEST(line_out_of_the_file)
{
    diag *d = diag_new(memory, 0);
    diag_error(d, at(add(d, "a\nb"), 3, 1, 1), "E0001", "x");
    ck_assert_str_eq(print(d), "m.yaml:3:1: error: x [E0001]\n");
}
END_TEST

START_TEST(line_ends)
{
    diag *d = diag_new(memory, 0);
    const source *src = add(d, "a\r\nb\rc\nd");
    for (int line = 1; line <= 4; line++)
        diag_error(d, at(src, line, 1, 1), "E0001", "x");
    ck_assert(strstr(print(d), "    1 | a\n") && strstr(said.text, "    2 | b\n")
              && strstr(said.text, "    3 | c\n") && strstr(said.text, "    4 | d\n"));
}
END_TEST

START_TEST(long_lines)
{
    buf line = {0};
    for (int i = 0; i < 100; i++)
        buf_puts(&line, "0123456789");
    const char *text = one(line.text, 501, 3);
    const char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
    ck_assert_int_lt(third - second, 200);
    ck_assert(strncmp(second, "    1 | ...", 11) == 0 && strncmp(third - 4, "...\n", 4) == 0);
    size_t caret = strcspn(third, "^");
    ck_assert_int_eq(second[caret], '0'); /* column 501 */
    ck_assert(strncmp(third + caret, "^~~\n", 4) == 0);
    text = one(line.text, 1, 0);
    ck_assert(strncmp(strchr(text, '\n'), "\n    1 | 0123", 13) == 0);
    text = one(line.text, 1000, 1);
    ck_assert_ptr_nonnull(strstr(text, "56789\n"));
    buf_free(&line);
}
END_TEST

/* --- order, repeats, limits ------------------------------------------------------------------ */

START_TEST(order)
{
    diag *d = diag_new(memory, 0);
    const source *first = diag_source(d, "b", "x\n", 2), *second = diag_source(d, "a", "x\n", 2);
    diag_error(d, at(second, 1, 1, 0), "E0001", "4");
    diag_note(d, at(first, 1, 1, 0), "of 4");
    diag_error(d, at(first, 2, 1, 0), "E0001", "3");
    diag_error(d, at(first, 1, 9, 0), "E0001", "2");
    diag_error(d, at(first, 1, 1, 0), "E0002", "1");
    diag_error(d, at(first, 1, 1, 0), "E0001", "1b");
    const char *p = print(d);
    static const char *const wanted[] = {"b:1:1: error: 1 ", "b:1:1: error: 1b", "b:1:9: error: 2",
                                         "b:2:1: error: 3", "a:1:1: error: 4", "b:1:1: note: of 4"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        p = strstr(p, wanted[i]);
        ck_assert_msg(p != NULL, "%s is missing, or not in its place, in: %s", wanted[i],
                      said.text);
    }
}
END_TEST

START_TEST(repeats)
{
    diag *d = diag_new(memory, 0);
    const source *src = add(d, "x\n");
    for (int i = 0; i < 3; i++) {
        diag_error(d, at(src, 1, 1, 1), "E0001", "same");
        diag_error(d, at(src, 1, 1, 1), "E0001", "other %d", i);
        diag_warning(d, at(src, 1, 1, 1), "E0001", "same");
    }
    const char *text = print(d);
    int n = 0;
    for (const char *p = strstr(text, "m.yaml:"); p; p = strstr(p + 1, "m.yaml:"))
        n++;
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(max_errors)
{
    diag *d = diag_new(memory, 20);
    const source *src = add(d, "x\n");
    for (int i = 0; i < 50; i++) {
        diag_error(d, at(src, 1, i + 1, 0), "E0001", "e");
        diag_warning(d, at(src, 1, i + 1, 0), "w", "w");
    }
    const char *text = print(d);
    int n = 0;
    for (const char *p = strstr(text, ": error: e"); p; p = strstr(p + 1, ": error: e"))
        n++;
    ck_assert_int_eq(n, 20);
    ck_assert_ptr_nonnull(
        strstr(text, "etrace-gen: error: more than 20 errors; the rest is not shown\n"));
    ck_assert_int_eq(diag_errors(d), 50);
    diag_error(d, at(src, 1, 1, 0), "E0001", "later");
    ck_assert_str_eq(print(d), ""); /* it stays so */
}
END_TEST

START_TEST(as_many_as_the_limit)
{
    diag *d = diag_new(memory, 2);
    const source *src = add(d, "x\n");
    diag_error(d, at(src, 1, 1, 0), "E0001", "a");
    diag_error(d, at(src, 1, 2, 0), "E0001", "b");
    ck_assert_ptr_null(strstr(print(d), "more than"));
}
END_TEST

/* --- S17: nothing from a file drives a terminal ---------------------------------------------- */

START_TEST(control_characters)
{
    diag *d = diag_new(memory, 0);
    const char *line = "a\x1b[31m\x07\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xff\xc3z";
    const source *src = diag_source(d, "\x1b]0;m.yaml", line, strlen(line));
    diag_error(d, at(src, 1, 14, 1), "E0001", "name '%s'", "x\x1b[2J\r\n\xe2\x81\xa6");
    diag_note(d, at(src, 1, 2, 2), "\x08");
    const char *text = print(d);
    for (const char *p = text; *p; p++)
        ck_assert_msg(*p == '\n' || (*p >= ' ' && *p <= '~'), "byte %02x", (unsigned char)*p);
    ck_assert_ptr_nonnull(
        strstr(text, "\\x1b]0;m.yaml:1:14: error: name 'x\\x1b[2J\\x0d\\x0a\\u2066'"));
    ck_assert_ptr_nonnull(strstr(text, "a\\x1b[31m\\x07\\x7f\\u009b\\u202e\\u200b\\xff\\xc3z"));
}
END_TEST

/* The caret stands under what is shown, however wide that is.  */
START_TEST(caret_under_escapes)
{
    ck_assert_str_eq(one("\x01"
                         "b",
                         2, 1),
                     "m.yaml:1:2: error: x [E0001]\n    1 | \\x01b\n      |     ^\n");
    ck_assert_str_eq(one("\x01"
                         "b",
                         1, 1),
                     "m.yaml:1:1: error: x [E0001]\n    1 | \\x01b\n      | ^~~~\n");
}
END_TEST

START_TEST(long_messages)
{
    diag *d = diag_new(memory, 0);
    buf word = {0};
    for (int i = 0; i < 1000; i++)
        buf_puts(&word, "é");
    for (int i = 0; i < 2; i++) /* an even and an odd number of bytes before the cut */
        diag_error(d, (loc){0}, "E0001", "%s%s", i ? "x" : "", word.text);
    print(d);
    ck_assert_ptr_null(strstr(said.text, "\\x"));
    ck_assert_ptr_nonnull(strstr(said.text, "é... [E0001]"));
    ck_assert_uint_lt(said.len, 1400);
    buf_free(&word);
}
END_TEST

/* --- names ----------------------------------------------------------------------------------- */

START_TEST(short_names)
{
    diag *d = diag_new(memory, 0);
    const source *inside = diag_source(d, "/usr/share/cells/gru.yaml", "x", 1);
    const source *outside = diag_source(d, "/usr/share/other.yaml", "x", 1);
    diag_shorten(d, "/usr/share/cells/", "<cells>/");
    diag_error(d, at(inside, 1, 1, 0), "E0001", "a");
    diag_error(d, at(outside, 1, 1, 0), "E0001", "b");
    const char *text = print(d);
    ck_assert_ptr_nonnull(strstr(text, "<cells>/gru.yaml:1:1: error: a"));
    ck_assert_ptr_nonnull(strstr(text, "\n/usr/share/other.yaml:1:1: error: b"));
}
END_TEST

/* Texts that were no files are none of them.  */
START_TEST(files_that_were_read)
{
    diag *d = diag_new(memory, 0);
    size_t n;
    diag_source(d, "--learning", "x", 1);
    diag_read(d, "a.yaml");
    diag_read(d, "b.npz");
    ck_assert_str_eq(diag_files(d, &n)[1], "b.npz");
    ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(characters)
{
    diag *d = diag_new(memory, 0);
    const source *src = add(d, "a\né\tb");
    ck_assert_int_eq(diag_character(at(src, 1, 1, 0)), 'a');
    ck_assert_int_eq(diag_character(at(src, 2, 2, 0)), '\t');
    ck_assert_int_eq(diag_character(at(src, 2, 3, 0)), 'b');
    ck_assert_int_eq(diag_character(at(src, 2, 1, 0)), '\0');
    ck_assert_int_eq(diag_character(at(src, 2, 4, 0)), '\0');
    ck_assert_int_eq(diag_character(at(src, 3, 1, 0)), '\0');
    ck_assert_int_eq(diag_character((loc){0}), '\0');
}
END_TEST

static const char *near(const char *name)
{
    static const char *const names[] = {"tan", "tanh", "matmul", "sigmoid",
                                        "h",   "x",    "relu",   "n_in"};
    return diag_nearest(name, names, sizeof names / sizeof names[0]);
}

START_TEST(nearest)
{
    ck_assert_str_eq(near("matmull"), "matmul");
    ck_assert_str_eq(near("mtamul"), "matmul");
    ck_assert_str_eq(near("Tanh"), "tanh");
    ck_assert_str_eq(near("tahn"), "tanh"); /* "tan" is as near, but shorter */
    ck_assert_str_eq(near("sigmoyd"), "sigmoid");
    ck_assert_str_eq(near("nin"), "n_in");
    ck_assert_ptr_null(near("softmax"));
    ck_assert_ptr_null(near("y")); /* one letter for another is no typing error */
    ck_assert_ptr_null(near(""));
    buf name = {0};
    for (int i = 0; i < 5000; i++)
        buf_puts(&name, "x");
    ck_assert_ptr_null(near(name.text));
    buf_free(&name);
}
END_TEST

Suite *diag_suite(void)
{
    Suite *s = suite_create("diag");
    TCase *t = tcase_create("diag");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, form);
    tcase_add_test(t, carets);
    tcase_add_test(t, line_out_of_the_file);
    tcase_add_test(t, line_ends);
    tcase_add_test(t, long_lines);
    tcase_add_test(t, order);
    tcase_add_test(t, repeats);
    tcase_add_test(t, max_errors);
    tcase_add_test(t, as_many_as_the_limit);
    tcase_add_test(t, control_characters);
    tcase_add_test(t, caret_under_escapes);
    tcase_add_test(t, long_messages);
    tcase_add_test(t, short_names);
    tcase_add_test(t, files_that_were_read);
    tcase_add_test(t, characters);
    tcase_add_test(t, nearest);
    suite_add_tcase(s, t);
    return s;
}
