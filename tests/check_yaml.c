/* SPDX-License-Identifier: Apache-2.0 */
/* gen/yaml.c: the tree, its places, and the limits S1 to S5 on what a hostile file can ask for. The
   texts of the messages are in tests/diag; here are the limits themselves, on both sides.  */
#include "run.h"
#include "suites.h"
#include "yaml.h"

#include <stdio.h>
#include <string.h>

static arena *memory;
static diag *messages;
static buf said, text;

static void set_up(void)
{
    memory = arena_new();
    messages = diag_new(memory, 0);
}

static void tear_down(void)
{
    buf_free(&said);
    buf_free(&text);
    arena_free(memory);
}

static yaml_tree *parse_bytes(const char *bytes, size_t len)
{
    said.len = 0;
    yaml_tree *root = yaml_parse("t.yaml", bytes, len, memory, messages);
    diag_print(messages, &said);
    ck_assert_msg((root == NULL) == (said.len > 0), "%s", buf_text(&said));
    return root;
}

static yaml_tree *parse(const char *bytes)
{
    return parse_bytes(bytes, strlen(bytes));
}

static yaml_tree *accepted(const char *bytes)
{
    yaml_tree *root = parse(bytes);
    ck_assert_msg(root != NULL, "%s", buf_text(&said));
    return root;
}

static void refused(const char *bytes, const char *place, const char *code)
{
    ck_assert_msg(parse(bytes) == NULL, "accepted: %.200s", bytes);
    ck_assert_msg(strstr(said.text, place) && strstr(said.text, code), "wanted %s and %s in: %s",
                  place, code, said.text);
}

static void repeat(const char *piece, int n)
{
    for (int i = 0; i < n; i++)
        buf_puts(&text, piece);
}

/* --- the tree -------------------------------------------------------------------------------- */

START_TEST(kinds)
{
    const yaml_tree *root = accepted("a: 1\nb: [x, 'y', {z: }]\n");
    ck_assert_int_eq(root->kind, YAML_MAPPING);
    ck_assert_uint_eq(root->n, 2);
    const yaml_tree *b = yaml_get(root, "b");
    ck_assert_int_eq(b->kind, YAML_SEQUENCE);
    ck_assert_uint_eq(b->n, 3);
    ck_assert_str_eq(b->item[0]->text, "x");
    ck_assert(b->item[0]->plain);
    ck_assert_str_eq(b->item[1]->text, "y");
    ck_assert(!b->item[1]->plain);
    ck_assert_str_eq(yaml_get(b->item[2], "z")->text, "");
    ck_assert_ptr_null(yaml_get(root, "c"));
}
END_TEST

START_TEST(no_value_has_a_type)
{
    const yaml_tree *root = accepted("[no, on, ~, 0x10, 1_000, .inf, 2001-01-01, null]");
    static const char *const words[] = {"no",    "on",   "~",          "0x10",
                                        "1_000", ".inf", "2001-01-01", "null"};
    for (size_t i = 0; i < root->n; i++)
        ck_assert_str_eq(root->item[i]->text, words[i]);
}
END_TEST

START_TEST(aliases_share)
{
    const yaml_tree *root = accepted("a: &n [1, 2]\nb: *n\n");
    ck_assert_ptr_eq(yaml_get(root, "a"), yaml_get(root, "b"));
    root = accepted("a: &n 1\nb: &n 2\nc: *n\n"); /* the last one counts */
    ck_assert_str_eq(yaml_get(root, "c")->text, "2");
}
END_TEST

START_TEST(crlf_is_a_line_break)
{
    const yaml_tree *root = accepted("a: 1\r\nb: x\r\n");
    ck_assert_str_eq(yaml_get(root, "a")->text, "1");
    ck_assert_int_eq(yaml_get(root, "b")->at.line, 2);
    ck_assert_int_eq(yaml_get(root, "b")->at.col, 4);
}
END_TEST

/* --- places ---------------------------------------------------------------------------------- */

static void check_place(const char *bytes, size_t offset, int length, int line, int col, int wide)
{
    const yaml_tree *root = accepted(bytes);
    loc at = yaml_place(yaml_get(root, "k"), offset, length);
    ck_assert_int_eq(at.line, line);
    ck_assert_int_eq(at.col, col);
    ck_assert_int_eq(at.length, wide);
}

START_TEST(places)
{
    check_place("a: 1\nk: x + yy\n", 4, 2, 2, 8, 2);               /* plain */
    check_place("k:   'x + yy'\n", 4, 2, 1, 11, 2);                /* in quotes */
    check_place("k: \"x + yy\"\n", 4, 2, 1, 9, 2);
    check_place("k: {a: 1}\n", 0, 0, 1, 4, 1);                     /* no scalar: where it begins */
    check_place("k: é × y\n", 6, 1, 1, 8, 1);                      /* bytes are not columns */
    check_place("k: 'it''s x'\n", 6, 1, 1, 4, 9);                  /* escapes: the whole of it */
    check_place("k: \"\\x78 + y\"\n", 4, 1, 1, 4, 10);
    check_place("k: x +\n   yy\n", 4, 2, 1, 4, 0);                 /* two lines: where it begins */
    check_place("k: >-\n  x + yy\n", 4, 2, 1, 4, 0);
    check_place("k: &a x + yy\n", 4, 2, 1, 4, 9);                  /* with its anchor */
}
END_TEST

/* --- S1, S2: aliases ------------------------------------------------------------------------- */

START_TEST(billion_laughs)
{
    buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
        buf_puts(&text, "]\n");
    }
    refused(text.text, "t.yaml:6:5", "E0114");
}
END_TEST

/* Aliases multiply, but their product stays below the limit.  */
START_TEST(some_laughs)
{
    accepted("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b]\nd: "
             "[*c, *c]\n");
}
END_TEST

START_TEST(number_of_aliases)
{
    buf_puts(&text, "- &a 1\n");
    repeat("- *a\n", 1000);
    accepted(text.text);
    repeat("- *a\n", 1);
    refused(text.text, "t.yaml:1002:3", "E0104");
}
END_TEST

START_TEST(cycles)
{
    refused("&a [*a]", "t.yaml:1:5", "E0105");
    refused("a: &a {b: {c: *a}}", "t.yaml:1:15", "E0105");
    refused("? &a [*a]\n: 1\n", "t.yaml:1:7", "E0105");
    refused("[*a, &a 1]", "t.yaml:1:2", "E0106");
}
END_TEST

/* --- S3, S4: sizes --------------------------------------------------------------------------- */

START_TEST(depth)
{
    repeat("[", 63);
    buf_puts(&text, "x");
    repeat("]", 63);
    accepted(text.text);
    text.len = 0;
    repeat("[", 64);
    buf_puts(&text, "x");
    repeat("]", 64);
    refused(text.text, "t.yaml:1:65", "E0113");
    text.len = 0;
    repeat("- ", 100);
    refused(text.text, "t.yaml:1:129", "E0113");
}
END_TEST

/* Quadratic in libyaml alone: refused as soon as the depth is reached.  */
START_TEST(depth_of_a_million)
{
    repeat("[", 1000000);
    refused(text.text, "t.yaml:1:65", "E0113");
}
END_TEST

START_TEST(number_of_anchors)
{
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "- &a%d 1\n", i);
    accepted(text.text);
    buf_puts(&text, "- &b 1\n");
    refused(text.text, "t.yaml:1001:3", "E0112");
}
END_TEST

START_TEST(number_of_values)
{
    repeat("- a\n", 99999);
    accepted(text.text);
    repeat("- a\n", 1);
    refused(text.text, "t.yaml:100000:3", "E0114");
    repeat("- a\n", 1000000); /* not read to its end */
    refused(text.text, "t.yaml:100000:3", "E0114");
}
END_TEST

START_TEST(size_of_a_scalar)
{
    repeat("x", 65536);
    accepted(text.text);
    repeat("x", 1);
    refused(text.text, "t.yaml:1:1", "E0107");
}
END_TEST

START_TEST(size_of_a_file)
{
    repeat("# 4567890123456\n", 1024 * 1024 - 1);
    buf_puts(&text, "a: 12345678901\n\n");
    ck_assert_uint_eq(text.len, 16 * 1024 * 1024);
    accepted(text.text);
    repeat("#", 1);
    refused(text.text, "t.yaml:1:1", "E0117");
}
END_TEST

/* --- S5: what is not part of the language ---------------------------------------------------- */

START_TEST(keys)
{
    refused("a: 1\nb: 2\na: 3\n", "t.yaml:3:1", "E0108");
    ck_assert(strstr(said.text, "t.yaml:1:1: note"));
    refused("x: {a: 1, 'a': 2}", "t.yaml:1:11", "E0108");
    refused("? [1]\n: 2\n", "t.yaml:1:3", "E0109");
    refused("a: &a {x: 1}\nb:\n  <<: *a\n", "t.yaml:3:3", "E0110");
    accepted("'<<': 1");
}
END_TEST

START_TEST(tags)
{
    refused("a: !!python/object:os.system x", "t.yaml:1:4", "E0111");
    refused("a: !!str x", "'!!str'", "E0111");
    refused("!t {a: 1}", "t.yaml:1:1", "E0111");
    refused("- !t [1]", "t.yaml:1:3", "E0111");
}
END_TEST

START_TEST(documents)
{
    refused("", "t.yaml:1:1", "E0115");
    refused("\n# nothing\n", "t.yaml:1:1", "E0115");
    refused("a: 1\n---\nb: 2\n", "t.yaml:2:1", "E0116");
    accepted("---\na: 1\n...\n");
}
END_TEST

START_TEST(directives)
{
    accepted("%YAML 1.1\n---\na: 1\n");
    refused("%YAML 2.0\n---\na: 1\n", "t.yaml:1:1", "E0103");
}
END_TEST

START_TEST(encodings)
{
    refused("\xef\xbb\xbf" "a: 1\n", "t.yaml:1:1", "E0120");
    refused("a: 1 # \xef\xbb\xbf\n", "t.yaml:1:8", "E0120");
    ck_assert_ptr_null(parse_bytes("\xff\xfe" "a\0:\0", 6));
    ck_assert(strstr(said.text, "E0123"));
    ck_assert_ptr_null(parse_bytes("\xfe\xff\0a\0:", 6));
    ck_assert(strstr(said.text, "E0123"));
    ck_assert_ptr_null(parse_bytes("\0a\0:\0 \0001", 8));
    ck_assert(strstr(said.text, "E0123"));
}
END_TEST

START_TEST(not_utf8)
{
    static const char *const wrong[] = {
        "\xff", "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        text.len = 0;
        buf_printf(&text, "a: 1\nb: é%s\n", wrong[i]);
        refused(text.text, "t.yaml:2:5", "E0101");
    }
    accepted("a: \xc2\xa0 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80 "
             "\xf4\x8f\xbf\xbd\n");
}
END_TEST

/* In the text itself or as an escape.  */
START_TEST(characters)
{
    static const struct {
        const char *bytes, *code;
    } wrong[] = {
        {"\x01", "E0102"},         {"\x1b", "E0102"},         {"\x7f", "E0102"},
        {"\xc2\x85", "E0102"},     {"\xc2\x9b", "E0102"},     {"\r", "E0102"},
        {"\\e", "E0102"},          {"\\x9b", "E0102"},        {"\\r\\n", "E0102"},
        {"\\0", "E0102"},          {"\\N", "E0102"},          {"\xe2\x80\xa8", "E0122"},
        {"\\L", "E0122"},          {"\\P", "E0122"},          {"\\uFEFF", "E0120"},
        {"\xe2\x80\xae", "E0121"}, {"\xe2\x81\xa6", "E0121"}, {"\xd8\x9c", "E0121"},
        {"\\u202a", "E0121"},      {"\\u2069", "E0121"},      {"\\u200f", "E0121"},
        {"\xef\xbf\xbf", "E0124"}, {"\xef\xbf\xbe", "E0124"}, {"\xf0\x9f\xbf\xbf", "E0124"},
        {"\\U0010FFFF", "E0124"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bool escape = wrong[i].bytes[0] == '\\';
        text.len = 0;
        buf_printf(&text, "a: 1\nb: \"x%s\"\n", wrong[i].bytes);
        refused(text.text, escape ? "t.yaml:2:4" : "t.yaml:2:6", wrong[i].code);
        ck_assert_ptr_null(strstr(said.text, "\x1b"));
    }
    ck_assert_ptr_null(parse_bytes("a: x\0y", 6));
    ck_assert(strstr(said.text, "t.yaml:1:5") && strstr(said.text, "E0102"));
    accepted("a: \"\\t\\n\\x20\\xe9\\u263a\"\n");
}
END_TEST

/* --- what goes on after an error ------------------------------------------------------------- */

START_TEST(all_errors_in_one_run)
{
    ck_assert_ptr_null(parse("a: !t 1\nb: *no\nc: {<<: 1, k: 1, k: 2}\n? [1]\n: \"\\e\"\na: 2\n&s "
                             "s: &t [*t]\nlast: *s\ny: *z\n"));
    const char *p = said.text;
    static const char *const wanted[] = {
        "t.yaml:1:4: error",  "t.yaml:2:4: error",  "t.yaml:3:5: error",
        "t.yaml:3:18: error", "t.yaml:4:3: error",  "t.yaml:5:3: error",
        "t.yaml:6:1: error",  "t.yaml:7:11: error", "t.yaml:9:4: error"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        p = strstr(p, wanted[i]);
        ck_assert_msg(p != NULL, "no %s after the one before in: %s", wanted[i], said.text);
    }
}
END_TEST

START_TEST(structure_errors)
{
    refused("a: [1, 2\n", "t.yaml:2:1", "E0103");
    refused("a: b: c\n", "t.yaml:1:5", "E0103");
    refused("a:\n\tb: 1\n", "t.yaml:2:1", "a tab cannot stand here");
    refused("a: `x`\n", "t.yaml:1:4", "'`' cannot begin a value");
    refused("a: 'x\n", "t.yaml:2:1", "E0103");
    refused("a: \"\\q\"\n", "t.yaml:1:5", "E0103");
    refused("a: 1\n b: 2\n", "t.yaml:2:3", "E0103");
}
END_TEST

/* --- files ----------------------------------------------------------------------------------- */

START_TEST(files)
{
    char *folder = run_make_folder();
    bool io_error = false;
    run_write_file(run_path(folder, "a.yaml"), "a: 1\n", 5);
    ck_assert_ptr_nonnull(yaml_read(run_path(folder, "a.yaml"), memory, messages, &io_error));
    ck_assert(!io_error);
    ck_assert_ptr_null(yaml_read(run_path(folder, "b.yaml"), memory, messages, &io_error));
    ck_assert(io_error);
    io_error = false;
    ck_assert_ptr_null(yaml_read(folder, memory, messages, &io_error));
    ck_assert(io_error);
    diag_print(messages, &said);
    ck_assert(strstr(said.text, "b.yaml: No such file") && strstr(said.text, "Is a directory"));
    run_remove_folder(folder);
}
END_TEST

Suite *yaml_suite(void)
{
    Suite *s = suite_create("yaml");
    TCase *t = tcase_create("yaml");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, kinds);
    tcase_add_test(t, no_value_has_a_type);
    tcase_add_test(t, aliases_share);
    tcase_add_test(t, crlf_is_a_line_break);
    tcase_add_test(t, places);
    tcase_add_test(t, billion_laughs);
    tcase_add_test(t, some_laughs);
    tcase_add_test(t, number_of_aliases);
    tcase_add_test(t, cycles);
    tcase_add_test(t, depth);
    tcase_add_test(t, depth_of_a_million);
    tcase_add_test(t, number_of_anchors);
    tcase_add_test(t, number_of_values);
    tcase_add_test(t, size_of_a_scalar);
    tcase_add_test(t, size_of_a_file);
    tcase_add_test(t, keys);
    tcase_add_test(t, tags);
    tcase_add_test(t, documents);
    tcase_add_test(t, directives);
    tcase_add_test(t, encodings);
    tcase_add_test(t, not_utf8);
    tcase_add_test(t, characters);
    tcase_add_test(t, all_errors_in_one_run);
    tcase_add_test(t, structure_errors);
    tcase_add_test(t, files);
    suite_add_tcase(s, t);
    return s;
}
