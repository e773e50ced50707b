/* SPDX-License-Identifier: Apache-2.0 */
/* In: the text of a YAML scalar.  Out: an expression tree, each node with its place in the file.
   Afterwards operators are calls, every number is finite, and no tree has more than NODES_MAX
   nodes, so that whoever walks it need not count.  */
#include "expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 2000, NESTING_MAX = 100 };

typedef struct {
    arena *arena;
    diag *diag;
    const yaml_tree *scalar;
    const char *text;
    size_t at, end;
    int n_nodes, nesting;
    bool failed; /* an error was reported: the rest is not read */
} parser;

/* Binary operators by how tightly they bind.  The longer of two with one beginning comes first.  */
typedef struct {
    const char *text, *name;
    int level;
} binary;

enum { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY };

static const binary binaries[] = {
    {"or", "or", LEVEL_OR},         {"and", "and", LEVEL_AND},      {"<=", "le", LEVEL_COMPARE},
    {">=", "ge", LEVEL_COMPARE},    {"==", "eq", LEVEL_COMPARE},    {"!=", "ne", LEVEL_COMPARE},
    {"<", "lt", LEVEL_COMPARE},     {">", "gt", LEVEL_COMPARE},     {"+", "add", LEVEL_SUM},
    {"-", "sub", LEVEL_SUM},        {"*", "mul", LEVEL_PRODUCT},    {"/", "div", LEVEL_PRODUCT},
    {"@", "matmul", LEVEL_PRODUCT},
};

static expr *parse_level(parser *p, int level);

static loc place(const parser *p, size_t from, size_t to)
{
    return yaml_place(p->scalar, from, (int)(to - from));
}

static expr *fail(parser *p, size_t from, size_t to, const char *code, const char *what)
{
    if (!p->failed)
        diag_error(p->diag, place(p, from, to), code, "%s", what);
    p->failed = true;
    return NULL;
}

static void skip_space(parser *p)
{
    while (p->at < p->end && strchr(" \t\n", p->text[p->at]) != NULL)
        p->at++;
}

static char peek(const parser *p, size_t ahead)
{
    return p->at + ahead < p->end ? p->text[p->at + ahead] : '\0';
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_digit(char c)
{
    return isdigit((unsigned char)c);
}

static size_t word_length(const parser *p, size_t from)
{
    size_t n = 0;
    while (from + n < p->end && is_word(p->text[from + n]))
        n++;
    return n;
}

/* Does the text go on with TEXT, as a word of its own where it is one?  */
static bool looking_at(const parser *p, const char *text)
{
    size_t n = strlen(text);
    if (p->end - p->at < n || memcmp(p->text + p->at, text, n) != 0)
        return false;
    return !is_letter(text[0]) || !is_word(peek(p, n));
}

static bool accept(parser *p, const char *text)
{
    skip_space(p);
    if (!looking_at(p, text))
        return false;
    p->at += strlen(text);
    return true;
}

static expr *unexpected(parser *p, const char *wanted)
{
    skip_space(p);
    size_t n = p->at < p->end ? word_length(p, p->at) : 0;
    const char *found = arena_strndup(p->arena, p->text + p->at, n ? n : 1);
    if (looking_at(p, "if") || looking_at(p, "else"))
        return fail(p, p->at, p->at + n, "E0210",
                    "there is no 'if' here; where(condition, a, b) chooses");
    if (p->at >= p->end)
        return fail(p, p->at, p->at, "E0211",
                    arena_printf(p->arena, "the expression ends where %s is wanted", wanted));
    if ((unsigned char)found[0] >= 0x80)
        return fail(p, p->at, p->at + 1, "E0212",
                    "expressions are written in ASCII; this character has no meaning in one");
    if (strncmp(p->text + p->at, "'", 1) == 0)
        return fail(p, p->at, p->at + 1, "E0213", "a prime follows the name of a state: h'");
    return fail(p, p->at, p->at + (n ? n : 1), "E0214",
                arena_printf(p->arena, "%s is wanted here, not '%s'", wanted, found));
}

static bool expect(parser *p, const char *text)
{
    if (accept(p, text))
        return true;
    unexpected(p, arena_printf(p->arena, "'%s'", text));
    return false;
}

static expr *new_expr(parser *p, expr_kind kind, size_t from, size_t to)
{
    expr *e = ARENA_NEW(p->arena, expr);
    if (++p->n_nodes > NODES_MAX)
        return fail(p, from, to, "E0215", "the expression is too long; give names to its parts");
    if (!diag_spend(p->diag, place(p, from, to), "E0126", "too many parts of expressions", LIMIT_PARTS))
        p->failed = true;
    e->kind = kind;
    e->at = place(p, from, to);
    return e;
}

static expr *new_call(parser *p, const char *name, size_t from, size_t to, expr *a, expr *b)
{
    expr *e = a ? new_expr(p, EXPR_CALL, from, to) : NULL;
    if (!e || p->failed)
        return NULL;
    e->name = name;
    e->n_args = b ? 2 : 1;
    e->arg = ARENA_ARRAY(p->arena, expr *, 2);
    e->arg[0] = a;
    e->arg[1] = b;
    e->keyword = ARENA_ARRAY(p->arena, const char *, 2);
    return e;
}

static expr *parse_number(parser *p)
{
    size_t from = p->at;
    bool integer = true;
    while (is_digit(peek(p, 0)))
        p->at++;
    if (peek(p, 0) == '.') {
        integer = false;
        for (p->at++; is_digit(peek(p, 0));)
            p->at++;
    }
    bool sign = peek(p, 1) == '+' || peek(p, 1) == '-';
    if ((peek(p, 0) == 'e' || peek(p, 0) == 'E') && is_digit(peek(p, 1 + sign))) {
        integer = false;
        for (p->at += 1 + sign; is_digit(peek(p, 0));)
            p->at++;
    }
    if (is_word(peek(p, 0)) || peek(p, 0) == '.')
        return fail(p, from, p->at + 1, "E0216", "this is not a number");
    expr *e = new_expr(p, EXPR_NUMBER, from, p->at);
    if (!e)
        return NULL;
    e->integer = integer;
    e->number = strtod(arena_strndup(p->arena, p->text + from, p->at - from), NULL);
    return isfinite(e->number) ? e : fail(p, from, p->at, "E0217", "the number is too large");
}

static bool check_keyword(parser *p, const expr *e, const char *keyword, size_t from)
{
    for (size_t i = 0; i < e->n_args; i++)
        if (e->keyword[i] && strcmp(e->keyword[i], keyword) == 0) {
            fail(p, from, from + strlen(keyword), "E0224", "this argument is given a second time");
            return false;
        }
    return true;
}

/* One more argument of E, its keyword first if it has one.  */
static bool parse_argument(parser *p, expr *e, size_t *cap, size_t *cap_keyword)
{
    const char *keyword = NULL;
    skip_space(p);
    size_t start = p->at, n = is_letter(peek(p, 0)) ? word_length(p, p->at) : 0;
    p->at += n;
    skip_space(p);
    if (n > 0 && peek(p, 0) == '=' && peek(p, 1) != '=') {
        keyword = arena_strndup(p->arena, p->text + start, n);
        p->at++;
        if (!check_keyword(p, e, keyword, start))
            return false;
    } else {
        p->at = start;
    }
    if (!keyword && e->n_args > 0 && e->keyword[e->n_args - 1]) {
        fail(p, start, start + 1, "E0218", "an argument without a name follows one with a name");
        return false;
    }
    expr *value = parse_level(p, LEVEL_OR);
    if (!value)
        return false;
    arena_grow(p->arena, &e->keyword, e->n_args, cap_keyword, sizeof *e->keyword);
    e->keyword[e->n_args] = keyword;
    ARENA_PUSH(p->arena, e->arg, e->n_args, *cap, value);
    return true;
}

static expr *parse_arguments(parser *p, expr *e, const char *close)
{
    size_t cap = 0, cap_keyword = 0;
    if (!e || accept(p, close))
        return e;
    do
        if (!parse_argument(p, e, &cap, &cap_keyword))
            return NULL;
    while (accept(p, ","));
    return expect(p, close) ? e : NULL;
}

static expr *parse_name(parser *p)
{
    size_t from = p->at;
    p->at += word_length(p, p->at);
    bool dotted = false;
    while (peek(p, 0) == '.' && is_word(peek(p, 1))) {
        size_t n = word_length(p, p->at + 1);
        dotted = true;
        p->at += 1 + n;
    }
    const char *name = arena_strndup(p->arena, p->text + from, p->at - from);
    size_t to = p->at;
    bool primed = peek(p, 0) == '\'';
    p->at += primed;
    if (!dotted && !primed && accept(p, "(")) {
        expr *e = new_expr(p, EXPR_CALL, from, to);
        if (e)
            e->name = name;
        return parse_arguments(p, e, ")");
    }
    expr *e = new_expr(p, EXPR_NAME, from, to + primed);
    if (!e)
        return NULL;
    e->name = name;
    e->primed = primed;
    return e;
}

static expr *parse_string(parser *p)
{
    size_t from = p->at++;
    while (p->at < p->end && peek(p, 0) != '"')
        p->at++;
    if (p->at == p->end)
        return fail(p, from, from + 1, "E0225", "the text that begins here does not end");
    expr *e = new_expr(p, EXPR_STRING, from, ++p->at);
    if (e)
        e->name = arena_strndup(p->arena, p->text + from + 1, p->at - from - 2);
    return e;
}

static expr *parse_atom(parser *p)
{
    skip_space(p);
    size_t from = p->at;
    if (peek(p, 0) == '"')
        return parse_string(p);
    if (is_digit(peek(p, 0)) || (peek(p, 0) == '.' && is_digit(peek(p, 1))))
        return parse_number(p);
    if (is_letter(peek(p, 0)) && !looking_at(p, "and") && !looking_at(p, "or")
        && !looking_at(p, "not") && !looking_at(p, "if") && !looking_at(p, "else"))
        return parse_name(p);
    if (accept(p, "(")) {
        expr *e = parse_level(p, LEVEL_OR);
        return e && expect(p, ")") ? e : NULL;
    }
    if (accept(p, "["))
        return parse_arguments(p, new_expr(p, EXPR_LIST, from, from + 1), "]");
    return unexpected(p, "a value");
}

static bool parse_subscript(parser *p, expr_slice *s)
{
    skip_space(p);
    *s = (expr_slice){0};
    if (peek(p, 0) != ':') {
        s->first = parse_level(p, LEVEL_SUM);
        if (!s->first)
            return false;
    }
    skip_space(p);
    s->single = peek(p, 0) != ':';
    if (s->single)
        return true;
    p->at++;
    skip_space(p);
    if (peek(p, 0) == ',' || peek(p, 0) == ']')
        return true;
    s->last = parse_level(p, LEVEL_SUM);
    return s->last != NULL;
}

static expr *parse_postfix(parser *p)
{
    expr *x = parse_atom(p);
    skip_space(p);
    while (x && peek(p, 0) == '[') {
        size_t from = p->at++, cap = 0;
        expr *e = new_call(p, NULL, from, from + 1, x, NULL);
        if (!e)
            return NULL;
        e->kind = EXPR_SLICE;
        do {
            expr_slice s;
            if (!parse_subscript(p, &s))
                return NULL;
            ARENA_PUSH(p->arena, e->slice, e->n_slices, cap, s);
        } while (accept(p, ","));
        if (!expect(p, "]"))
            return NULL;
        x = e;
        skip_space(p);
    }
    return x;
}

/* -x ** y is -(x ** y), x ** -y is allowed, and x ** y ** z is x ** (y ** z).  */
static expr *parse_unary(parser *p)
{
    skip_space(p);
    size_t from = p->at;
    if (accept(p, "+"))
        return parse_level(p, LEVEL_UNARY);
    if (accept(p, "-"))
        return new_call(p, "neg", from, from + 1, parse_level(p, LEVEL_UNARY), NULL);
    expr *x = parse_postfix(p);
    skip_space(p);
    from = p->at;
    if (!x || !(accept(p, "**") || accept(p, "^")))
        return x;
    size_t to = p->at;
    expr *y = parse_level(p, LEVEL_UNARY);
    return y ? new_call(p, "pow", from, to, x, y) : NULL;
}

static const binary *binary_here(parser *p, int level)
{
    skip_space(p);
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (looking_at(p, binaries[i].text))
            return binaries[i].level == level ? &binaries[i] : NULL;
    return NULL;
}

static expr *parse_binary(parser *p, int level)
{
    expr *x = parse_level(p, level + 1);
    const binary *op;
    bool compared = false;
    while (x && (op = binary_here(p, level)) != NULL) {
        size_t from = p->at;
        if (level == LEVEL_COMPARE && compared)
            return fail(p, from, from + strlen(op->text), "E0219",
                        "comparisons do not chain; write (a < b) and (b < c)");
        compared = true;
        p->at += strlen(op->text);
        expr *y = parse_level(p, level + 1);
        x = y ? new_call(p, op->name, from, from + strlen(op->text), x, y) : NULL;
    }
    return x;
}

static expr *parse_not(parser *p)
{
    skip_space(p);
    size_t from = p->at;
    if (!accept(p, "not"))
        return parse_level(p, LEVEL_COMPARE);
    return new_call(p, "not", from, p->at, parse_level(p, LEVEL_NOT), NULL);
}

static expr *parse_level(parser *p, int level)
{
    /* Every way into itself leads through one of these three levels.  */
    bool counted = level == LEVEL_OR || level == LEVEL_NOT || level == LEVEL_UNARY;
    if (counted && p->nesting >= NESTING_MAX * 3)
        return fail(p, p->at, p->at + 1, "E0220", "the expression is nested too deeply");
    p->nesting += counted;
    expr *e = level == LEVEL_NOT     ? parse_not(p)
              : level == LEVEL_UNARY ? parse_unary(p)
                                     : parse_binary(p, level);
    p->nesting -= counted;
    return p->failed ? NULL : e;
}

static parser parser_of(const yaml_tree *scalar, arena *a, diag *d)
{
    return (parser){
        .arena = a, .diag = d, .scalar = scalar, .text = scalar->text, .end = scalar->len};
}

static expr *parse_whole(parser *p)
{
    expr *e = parse_level(p, LEVEL_OR);
    skip_space(p);
    if (e && p->at < p->end && peek(p, 0) == '=')
        return fail(p, p->at, p->at + 1, "E0221", "an assignment has no place here; == compares");
    return e && p->at < p->end ? unexpected(p, "an operator or the end") : e;
}

const char *expr_sign(const char *name)
{
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (strcmp(binaries[i].name, name) == 0)
            return binaries[i].text;
    return strcmp(name, "neg") == 0 ? "-" : strcmp(name, "pow") == 0 ? "**" : name;
}

expr *expr_parse(const yaml_tree *scalar, arena *a, diag *d)
{
    if (scalar->kind != YAML_SCALAR) {
        diag_error(d, scalar->at, "E0222", "an expression is wanted here, not a %s",
                   scalar->kind == YAML_MAPPING ? "mapping" : "list");
        return NULL;
    }
    parser p = parser_of(scalar, a, d);
    return parse_whole(&p);
}

expr *expr_parse_equation(const yaml_tree *scalar, expr **target, arena *a, diag *d)
{
    parser p = parser_of(scalar, a, d);
    skip_space(&p);
    if (!is_letter(peek(&p, 0)))
        return unexpected(&p, "an equation (name = expression)");
    *target = parse_name(&p);
    if (!*target)
        return NULL;
    if ((*target)->kind != EXPR_NAME) {
        diag_error(d, (*target)->at, "E0223", "the left side of an equation is a name");
        return NULL;
    }
    skip_space(&p);
    if (peek(&p, 0) != '=' || peek(&p, 1) == '=')
        return unexpected(&p, "'=' (an equation is name = expression)");
    p.at++;
    return parse_whole(&p);
}
