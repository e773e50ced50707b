/* SPDX-License-Identifier: Apache-2.0 */
/* gen/expr.c: what binds to what, every node's place, every error with its column.  */
#include "expr.h"
#include "suites.h"

#include <string.h>

static arena *memory;
static diag *messages;
static buf said, shown;

static void set_up(void)
{
    memory = arena_new();
    messages = diag_new(memory, 0);
}

static void tear_down(void)
{
    buf_free(&said);
    buf_free(&shown);
    arena_free(memory);
}

/* TEXT as a plain scalar that begins at line 1, column 1.  */
static yaml_tree *scalar(const char *text)
{
    size_t len = strlen(text);
    int points = 0;
    for (size_t i = 0; i < len; i++)
        points += ((unsigned char)text[i] & 0xc0) != 0x80;
    yaml_tree *t = ARENA_NEW(memory, yaml_tree);
    *t = (yaml_tree){.kind = YAML_SCALAR, .plain = true, .text = text, .len = len,
                     .at = {diag_source(messages, "t", text, len), 1, 1, points}};
    return t;
}

/* E as nested calls: (add x (mul y 2)).  */
static void show(const expr *e)
{
    const char *before = "";
    switch (e->kind) {
    case EXPR_NUMBER:
        buf_printf(&shown, "%.17g%s", e->number, e->integer ? "" : "r");
        return;
    case EXPR_NAME:
        buf_printf(&shown, "%s%s", e->name, e->primed ? "'" : "");
        return;
    case EXPR_STRING:
        buf_printf(&shown, "\"%s\"", e->name);
        return;
    case EXPR_CALL: buf_printf(&shown, "(%s", e->name); before = " "; break;
    case EXPR_LIST: buf_puts(&shown, "[list"); before = " "; break;
    case EXPR_SLICE: buf_puts(&shown, "(slice"); before = " "; break;
    }
    for (size_t i = 0; i < e->n_args; i++) {
        const char *keyword = e->keyword ? e->keyword[i] : NULL;
        buf_printf(&shown, "%s%s%s", before, keyword ? keyword : "", keyword ? "=" : "");
        show(e->arg[i]);
    }
    for (size_t i = 0; i < e->n_slices; i++) {
        buf_puts(&shown, " ");
        if (e->slice[i].first)
            show(e->slice[i].first);
        if (!e->slice[i].single)
            buf_puts(&shown, ":");
        if (e->slice[i].last)
            show(e->slice[i].last);
    }
    buf_puts(&shown, e->kind == EXPR_LIST ? "]" : ")");
}

static expr *parse(const char *text)
{
    expr *e = expr_parse(scalar(text), memory, messages);
    said.len = 0;
    diag_print(messages, &said);
    ck_assert_msg((e == NULL) == (said.len > 0), "%s: %s", text, buf_text(&said));
    return e;
}

static void reads(const char *text, const char *wanted)
{
    expr *e = parse(text);
    ck_assert_msg(e != NULL, "%s", buf_text(&said));
    shown.len = 0;
    show(e);
    ck_assert_str_eq(shown.text, wanted);
}

/* TEXT has one error, of the code CODE, from column COL, LENGTH characters wide.  */
static void fails(const char *text, const char *code, int col, int length)
{
    ck_assert_msg(parse(text) == NULL, "accepted: %s", text);
    buf head = {0}, mark = {0};
    buf_printf(&head, "t:1:%d: error: ", col);
    ck_assert_msg(strncmp(said.text, head.text, head.len) == 0 && strstr(said.text, code),
                  "wanted %s%s in: %s", head.text, code, said.text);
    ck_assert_ptr_null(strstr(said.text + 1, "t:1:"));
    buf_printf(&mark, "      | %*s^", col - 1, "");
    for (int i = 1; i < length; i++)
        buf_puts(&mark, "~");
    buf_puts(&mark, "\n");
    ck_assert_msg(strstr(said.text, mark.text), "wanted \"%s\" in: %s", mark.text, said.text);
    buf_free(&head);
    buf_free(&mark);
}

/* --- what is read ---------------------------------------------------------------------------- */

START_TEST(precedence)
{
    reads("a + b * c", "(add a (mul b c))");
    reads("a * b + c", "(add (mul a b) c)");
    reads("a - b * c", "(sub a (mul b c))");
    reads("a + b @ c", "(add a (matmul b c))");
    reads("a + b / c", "(add a (div b c))");
    reads("(a + b) * c", "(mul (add a b) c)");
    reads("a @ b + c", "(add (matmul a b) c)");
    reads("a * b @ c", "(matmul (mul a b) c)");
    reads("-a * b", "(mul (neg a) b)");
    reads("a * -b", "(mul a (neg b))");
    reads("-a ** b", "(neg (pow a b))");
    reads("a ** -b", "(pow a (neg b))");
    reads("a ^ b * c", "(mul (pow a b) c)");
    reads("a + b < c * d", "(lt (add a b) (mul c d))");
    reads("not a < b and c", "(and (not (lt a b)) c)");
    reads("a or b and c", "(or a (and b c))");
    reads("a and b or c", "(or (and a b) c)");
    reads("a < b and c == d", "(and (lt a b) (eq c d))");
    reads("-x[0]", "(neg (slice x 0))");
    reads("x[0] ** 2", "(pow (slice x 0) 2)");
    reads("f(x)[1] @ y", "(matmul (slice (f x) 1) y)");
}
END_TEST

START_TEST(associativity)
{
    reads("a - b - c", "(sub (sub a b) c)");
    reads("a / b / c", "(div (div a b) c)");
    reads("a @ b @ c", "(matmul (matmul a b) c)");
    reads("a ** b ** c", "(pow a (pow b c))");
    reads("a ^ b ^ c", "(pow a (pow b c))");
    reads("not not a", "(not (not a))");
    reads("- -a", "(neg (neg a))");
    reads("+a", "a");
    reads("a and b and c", "(and (and a b) c)");
}
END_TEST

START_TEST(operators)
{
    reads("a <= b", "(le a b)");
    reads("a >= b", "(ge a b)");
    reads("a > b", "(gt a b)");
    reads("a == b", "(eq a b)");
    reads("a != b", "(ne a b)");
    reads("a<b", "(lt a b)");
    reads("a*b**c", "(mul a (pow b c))");
    reads("order + android", "(add order android)"); /* words, not operators */
    reads("notes or ifs", "(or notes ifs)");
}
END_TEST

START_TEST(signs)
{
    ck_assert_str_eq(expr_sign("mul"), "*");
    ck_assert_str_eq(expr_sign("pow"), "**");
    ck_assert_str_eq(expr_sign("neg"), "-");
    ck_assert_str_eq(expr_sign("tanh"), "tanh");
}
END_TEST

START_TEST(numbers)
{
    reads("3", "3");
    reads("3.", "3r");
    reads(".5", "0.5r");
    reads("2.5e-1", "0.25r");
    reads("1e3", "1000r");
    reads("1E+2", "100r");
    reads("0.1", "0.10000000000000001r"); /* no locale with a comma in its place */
    reads("1e-400", "0r");
    reads("9007199254740993", "9007199254740992");
}
END_TEST

START_TEST(names)
{
    reads("h'", "h'");
    reads("rnn.h", "rnn.h");
    reads("rnn.h'", "rnn.h'");
    reads("stack.0.h", "stack.0.h");
    reads("_a1", "_a1");
}
END_TEST

START_TEST(calls)
{
    reads("f()", "(f)");
    reads("f (x)", "(f x)");
    reads("f(x, y + 1)", "(f x (add y 1))");
    reads("sum(x, axis=-1)", "(sum x axis=(neg 1))");
    reads("f(a == b)", "(f (eq a b))");
    reads("reshape(x, [2, n + 1])", "(reshape x [list 2 (add n 1)])");
    reads("f([])", "(f [list])");
    reads("einsum(\"i,ij->j\", x, W)", "(einsum \"i,ij->j\" x W)");
}
END_TEST

START_TEST(slices)
{
    reads("x[0]", "(slice x 0)");
    reads("x[1:n]", "(slice x 1:n)");
    reads("x[:2]", "(slice x :2)");
    reads("x[2:]", "(slice x 2:)");
    reads("x[:]", "(slice x :)");
    reads("x[-1]", "(slice x (neg 1))");
    reads("x[0, 1:2, :]", "(slice x 0 1:2 :)");
    reads("x[0][1]", "(slice (slice x 0) 1)");
    reads("x [ n + 1 : 2 * n ]", "(slice x (add n 1):(mul 2 n))");
}
END_TEST

START_TEST(white_space)
{
    reads("  a\n  +\tb ", "(add a b)");
    reads("a+b", "(add a b)");
}
END_TEST

START_TEST(places)
{
    const expr *e = parse("tanh(x) + rnn.h' * 2.50");
    ck_assert_int_eq(e->at.col, 9); /* the operator */
    ck_assert_int_eq(e->at.length, 1);
    ck_assert_int_eq(e->arg[0]->at.col, 1); /* a call's name */
    ck_assert_int_eq(e->arg[0]->at.length, 4);
    ck_assert_int_eq(e->arg[1]->arg[0]->at.col, 11);
    ck_assert_int_eq(e->arg[1]->arg[0]->at.length, 6);
    ck_assert_int_eq(e->arg[1]->arg[1]->at.col, 20);
    ck_assert_int_eq(e->arg[1]->arg[1]->at.length, 4);
}
END_TEST

START_TEST(equations)
{
    expr *target = NULL;
    expr *e = expr_parse_equation(scalar("h' = a == b"), &target, memory, messages);
    ck_assert_str_eq(target->name, "h");
    ck_assert(target->primed);
    ck_assert_str_eq(e->name, "eq");
    e = expr_parse_equation(scalar("y=1"), &target, memory, messages);
    ck_assert_str_eq(target->name, "y");
    ck_assert(!target->primed && e->number > 0);
}
END_TEST

/* --- what is not ----------------------------------------------------------------------------- */

START_TEST(errors)
{
    fails("a if b else c", "E0210", 3, 2);
    fails("else", "E0210", 1, 4);
    fails("", "E0211", 1, 1);
    fails("a +", "E0211", 4, 1);
    fails("f(a", "E0211", 4, 1);
    fails("x[1", "E0211", 4, 1);
    fails("a × b", "E0212", 3, 1);
    fails("é", "E0212", 1, 1);
    fails("'a", "E0213", 1, 1);
    fails("a + * b", "E0214", 5, 1);
    fails("a bcd", "E0214", 3, 3);
    fails("a)", "E0214", 2, 1);
    fails("(a, b)", "E0214", 3, 1);
    fails("f(a b)", "E0214", 5, 1);
    fails("f(,)", "E0214", 3, 1);
    fails("x[]", "E0214", 3, 1);
    fails("x[1:2:3]", "E0214", 6, 1);
    fails("[a, b", "E0211", 6, 1);
    fails("a and", "E0211", 6, 1);
    fails("and b", "E0214", 1, 3);
    fails("a & b", "E0214", 3, 1);
    fails("a // b", "E0214", 4, 1);
    fails("a.", "E0214", 2, 1);
    fails("h''", "E0213", 3, 1);
    fails("$(reboot)", "E0214", 1, 1);
    fails("\\", "E0214", 1, 1);
    fails("a; b", "E0214", 2, 1);
    fails("1.2.3", "E0216", 1, 4);
    fails("x + 3x", "E0216", 5, 2);
    fails("0x10", "E0216", 1, 2);
    fails("1e", "E0216", 1, 2);
    fails("1_000", "E0216", 1, 2);
    fails("a * 1e999", "E0217", 5, 5);
    fails("f(x=1, y)", "E0218", 8, 1);
    fails("f(x=1, y=2, x=3)", "E0224", 13, 1);
    fails("f(\"ij, x)", "E0225", 3, 1);
    fails("a < b < c", "E0219", 7, 1);
    fails("a == b != c", "E0219", 8, 2);
    fails("a = b", "E0221", 3, 1);
}
END_TEST

static void fails_as_equation(const char *text, const char *code, int col)
{
    expr *target = NULL;
    buf head = {0};
    ck_assert_msg(!expr_parse_equation(scalar(text), &target, memory, messages), "accepted: %s",
                  text);
    said.len = 0;
    diag_print(messages, &said);
    buf_printf(&head, "t:1:%d: error: ", col);
    ck_assert_msg(strncmp(said.text, head.text, head.len) == 0 && strstr(said.text, code),
                  "wanted %s%s in: %s", head.text, code, said.text);
    buf_free(&head);
}

START_TEST(equation_errors)
{
    fails_as_equation("", "E0211", 1);
    fails_as_equation("tanh(h) = h", "E0223", 1);
    fails_as_equation("3 = h", "E0214", 1);
    fails_as_equation("h", "E0211", 2);
    fails_as_equation("h == 1", "E0214", 3);
    fails_as_equation("h =", "E0211", 4);
    fails_as_equation("h = a = b", "E0221", 7);
    fails_as_equation("h[0] = 1", "E0214", 2);
}
END_TEST

START_TEST(only_texts)
{
    yaml_tree list = {.kind = YAML_SEQUENCE, .at = {diag_source(messages, "t", "[]", 2), 1, 1, 1}};
    ck_assert_ptr_null(expr_parse(&list, memory, messages));
    diag_print(messages, &said);
    ck_assert(strstr(said.text, "not a list [E0222]"));
}
END_TEST

static void repeat(buf *text, const char *piece, int n)
{
    for (int i = 0; i < n; i++)
        buf_puts(text, piece);
}

/* However the nesting comes about, it has an end before the stack has one.  */
START_TEST(nesting)
{
    static const char *const open[] = {"(", "-", "not ", "f(", "x[", "[", "2**", "f(a="};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        buf text = {0};
        repeat(&text, open[i], 20000);
        ck_assert_msg(!parse(text.text), "%s", open[i]);
        ck_assert_msg(strstr(said.text, "E0220") || strstr(said.text, "E0215"), "%s: %s", open[i],
                      said.text);
        buf_free(&text);
    }
    buf text = {0};
    repeat(&text, "(", 90);
    buf_puts(&text, "a");
    repeat(&text, ")", 90);
    reads(text.text, "a");
    buf_free(&text);
}
END_TEST

START_TEST(length)
{
    buf text = {0};
    buf_puts(&text, "a");
    repeat(&text, "+a", 999);
    ck_assert_ptr_nonnull(parse(text.text));
    buf_puts(&text, "+a");
    ck_assert_ptr_null(parse(text.text));
    ck_assert(strstr(said.text, "E0215"));
    buf_free(&text);
}
END_TEST

Suite *expr_suite(void)
{
    Suite *s = suite_create("expr");
    TCase *t = tcase_create("expr");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, precedence);
    tcase_add_test(t, associativity);
    tcase_add_test(t, operators);
    tcase_add_test(t, signs);
    tcase_add_test(t, numbers);
    tcase_add_test(t, names);
    tcase_add_test(t, calls);
    tcase_add_test(t, slices);
    tcase_add_test(t, white_space);
    tcase_add_test(t, places);
    tcase_add_test(t, equations);
    tcase_add_test(t, errors);
    tcase_add_test(t, equation_errors);
    tcase_add_test(t, only_texts);
    tcase_add_test(t, nesting);
    tcase_add_test(t, length);
    suite_add_tcase(s, t);
    return s;
}
