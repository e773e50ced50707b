/* SPDX-License-Identifier: Apache-2.0 */
/* In: a schedule.  Out: statements, one macro call each; the templates decide how they look.
   Afterwards every value has a C name or stands in the expression that reads it.  */
#include "cgen.h"

#include "quote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One subscript: a C expression plus a literal, or the literal alone.  */
typedef struct {
    const char *text; /* NULL: the literal alone */
    int64_t add;
} subscript;

typedef struct {
    const schedule *sc;
    const ir *ir;
    const cgen_style *style;
    arena *arena;
    buf *out;
    const char **name; /* of nodes that have one */
    int n_names;
    const char **names; /* all of them */
    size_t cap_names;
    int kernel; /* the one being written */
} cgen;

static const char *const loop_var[RANK_MAX] = {"i", "k", "m", "n"};

static const char *real_type(const cgen *c)
{
    return c->ir->real_bits == 32 ? "float" : "double";
}

const char *cgen_number(arena *a, double x, int real_bits)
{
    char text[64] = "";
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = strtod(text, NULL);
        bool same = real_bits == 32 ? !((float)back < (float)x || (float)back > (float)x)
                                    : !(back < x || back > x);
        if (same)
            break;
    }
    bool point = strpbrk(text, ".e") != NULL;
    return arena_printf(a, "%s%s%s", text, point ? "" : ".0", real_bits == 32 ? "f" : "");
}

const char *cgen_dims(arena *a, shape s)
{
    const char *text = "";
    for (int i = 0; i < s.rank; i++)
        text = arena_printf(a, "%s[%lld]", text, (long long)s.dim[i]);
    return text;
}

void cgen_macro(buf *out, const char *macro, int n, const char *const *arg)
{
    buf_printf(out, "%s(", macro);
    for (int i = 0; i < n; i++) {
        buf_puts(out, i ? ", «" : "«");
        quote_m4(out, arg[i], strlen(arg[i]));
        buf_puts(out, "»");
    }
    buf_puts(out, ")m4_dnl\n");
}

static void line(cgen *c, const char *text)
{
    cgen_macro(c->out, "et_line", 1, &text);
}

static void open_for(cgen *c, const char *variable, int64_t n)
{
    const char *arg[] = {variable, arena_printf(c->arena, "%lld", (long long)n)};
    cgen_macro(c->out, "et_for", 2, arg);
}

static void close_block(cgen *c)
{
    cgen_macro(c->out, "et_end", 0, NULL);
}

/* --- names ----------------------------------------------------------------------------------------- */

static bool name_taken(const cgen *c, const char *name)
{
    static const char *const reserved[] = {"p",    "s",   "e",   "in",  "target", "out", "jac",
                                           "sig",  "ds",  "grad", "i",  "k",      "m",   "n",
                                           "b",    "o",   "q",   "r",   "tape",   "n_steps", "t",
                                           "acc",  "x0",  "x1",  "x2",  "x3",     "seed", "lane",
                                           "total"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], name) == 0)
            return true;
    for (int i = 0; i < c->n_names; i++)
        if (strcmp(c->names[i], name) == 0)
            return true;
    return false;
}

static const char *name_of(cgen *c, int n)
{
    if (c->name[n])
        return c->name[n];
    const char *base = c->ir->node[n].name;
    const char *name = base ? base : "v1";
    for (int k = base ? 2 : 1; name_taken(c, name); k++)
        name = base ? arena_printf(c->arena, "%s_%d", base, k) : arena_printf(c->arena, "v%d", k);
    arena_grow(c->arena, &c->names, (size_t)c->n_names, &c->cap_names, sizeof *c->names);
    c->names[c->n_names++] = name;
    c->name[n] = name;
    return name;
}

/* --- values ---------------------------------------------------------------------------------------- */

static const char *value(cgen *c, int n, const subscript *at, int *prec);

static const char *subscript_text(cgen *c, subscript s)
{
    if (!s.text)
        return arena_printf(c->arena, "%lld", (long long)s.add);
    if (s.add == 0)
        return s.text;
    return arena_printf(c->arena, "%s + %lld", s.text, (long long)s.add);
}

static const char *element(cgen *c, const char *base, shape s, const subscript *at)
{
    for (int i = 0; i < s.rank; i++)
        base = arena_printf(c->arena, "%s[%s]", base, subscript_text(c, at[i]));
    return base;
}

/* The array or scalar that holds leaf or kept node N, without subscripts.  */
static const char *base_of(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    if (v->op == OP_var) {
        const var *x = &c->ir->var[v->var];
        bool batched = c->style->batched && x->kind != VAR_PARAM;
        return arena_printf(c->arena, "%s%s%s", c->style->block[x->kind], x->c_name,
                            batched ? "[b]" : "");
    }
    if (c->sc->hold[n] == HOLD_PLACE)
        return c->sc->store[c->sc->place_of[n]].place;
    return name_of(c, n);
}

/* `(&x[0][0])[i * 4 + k]`: element AT of S in an array of shape FROM.  */
static const char *flat_element(cgen *c, const char *base, shape from, shape s, const subscript *at)
{
    const char *flat = NULL;
    int64_t add = 0, stride = 1;
    for (int i = s.rank - 1; i >= 0; i--) {
        if (at[i].text) {
            const char *term = stride == 1 ? at[i].text
                                           : arena_printf(c->arena, "%lld * %s", (long long)stride,
                                                          at[i].text);
            flat = flat ? arena_printf(c->arena, "%s + %s", term, flat) : term;
        }
        add += at[i].add * stride;
        stride *= s.dim[i];
    }
    const char *first = base;
    for (int i = 0; i < from.rank; i++)
        first = arena_printf(c->arena, "%s[0]", first);
    if (from.rank == 0)
        return base;
    const char *index = subscript_text(c, (subscript){flat, add});
    return from.rank == 1 ? arena_printf(c->arena, "%s[%s]", base, index)
                          : arena_printf(c->arena, "(&%s)[%s]", first, index);
}

/* Do the shapes differ by axes of one element only?  */
static bool unit_reshape(shape a, shape b)
{
    int i = 0, k = 0;
    while (i < a.rank || k < b.rank) {
        if (i < a.rank && a.dim[i] == 1)
            i++;
        else if (k < b.rank && b.dim[k] == 1)
            k++;
        else if (i < a.rank && k < b.rank && a.dim[i] == b.dim[k])
            i++, k++;
        else
            return false;
    }
    return true;
}

static const char *reshaped(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    shape from = c->ir->node[v->arg[0]].shape;
    if (!unit_reshape(from, v->shape)) {
        *prec = 0;
        return flat_element(c, base_of(c, v->arg[0]), from, v->shape, at);
    }
    subscript inner[RANK_MAX];
    int k = 0;
    for (int i = 0; i < from.rank; i++) {
        inner[i] = (subscript){NULL, 0};
        if (from.dim[i] == 1)
            continue;
        while (v->shape.dim[k] == 1)
            k++;
        inner[i] = at[k++];
    }
    return value(c, v->arg[0], inner, prec);
}

static const char *view_value(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    shape from = c->ir->node[v->arg[0]].shape;
    subscript inner[RANK_MAX];
    int zero = 0;
    if (v->op == OP_reshape)
        return reshaped(c, n, at, prec);
    for (int i = 0; i < from.rank; i++) {
        int shift = v->op == OP_broadcast ? v->shape.rank - from.rank : 0;
        inner[i] = i + shift < v->shape.rank ? at[i + shift] : (subscript){NULL, 0};
        if (v->op == OP_broadcast && from.dim[i] == 1)
            inner[i] = (subscript){NULL, 0};
    }
    if (v->op == OP_slice)
        inner[v->axis].add += v->start;
    if (v->op == OP_transpose) {
        inner[from.rank - 1] = at[from.rank - 2];
        inner[from.rank - 2] = at[from.rank - 1];
    }
    if (v->op == OP_take)
        inner[from.rank - 1] = (subscript){value(c, v->arg[1], NULL, &zero), 0};
    return value(c, v->arg[0], inner, prec);
}

/* Does argument K of operator OP stand between parentheses or commas in its form?  */
static bool enclosed(const char *form, const char *at)
{
    bool before = at > form && (at[-1] == '(' || (at[-1] == ' ' && at - form > 1 && at[-2] == ','));
    return before && (at[2] == ')' || at[2] == ',');
}

static bool needs_parens(const op_info *op, const char *at, int prec, bool first)
{
    if (prec == 0 || enclosed(op->form, at))
        return false;
    if (at > op->form && at[-1] == '-') /* --x is something else */
        return true;
    if (op->prec == 0 || op->prec == 2)
        return prec > 2;
    if (op->prec == 3 || op->prec == 4)
        return first ? prec > op->prec : prec >= op->prec;
    return prec > 4;
}

/* An index among reals is converted.  */
static const char *operand(cgen *c, int n, int i, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    const char *text = value(c, v->arg[i], at, prec);
    bool all_index = true;
    for (int k = 0; k < v->n_args; k++)
        all_index = all_index && c->ir->node[v->arg[k]].type == TYPE_INDEX;
    if (c->ir->node[v->arg[i]].type != TYPE_INDEX || all_index)
        return text;
    text = arena_printf(c->arena, *prec ? "(%s)(%s)" : "(%s)%s", real_type(c), text);
    *prec = 2;
    return text;
}

static const char *expression(cgen *c, int n, const subscript *at, int *prec)
{
    const op_info *op = &op_table[c->ir->node[n].op];
    buf text = {0};
    *prec = op->prec;
    if (strcmp(op->form, "$1") == 0)
        return value(c, c->ir->node[n].arg[0], at, prec);
    for (const char *f = op->form; *f; f++) {
        if (*f == '$') {
            int inner = 0;
            const char *arg = operand(c, n, f[1] - '1', at, &inner);
            bool parens = needs_parens(op, f, inner, f == op->form);
            buf_printf(&text, parens ? "(%s)" : "%s", arg);
            f++;
        } else if (*f == '{') {
            buf_puts(&text, cgen_number(c->arena, f[1] - '0', c->ir->real_bits));
            f += 2;
        } else if (*f == '~') {
            buf_puts(&text, c->ir->real_bits == 32 ? "f" : "");
        } else if (strncmp(f, "(real)", 6) == 0) {
            buf_printf(&text, "(%s)", real_type(c));
            f += 5;
        } else {
            buf_bytes(&text, f, 1);
        }
    }
    const char *res = arena_strdup(c->arena, buf_text(&text));
    buf_free(&text);
    return res;
}

static bool is_local(const cgen *c, int n)
{
    if (c->sc->kernel_of[n] != c->kernel)
        return false;
    return c->sc->hold[n] == HOLD_LOCAL
           || (c->sc->hold[n] == HOLD_PLACE && c->sc->store[c->sc->place_of[n]].var >= 0);
}

/* The C text of element AT of node N; *PREC as in ops.def.  */
static const char *value(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    *prec = 0;
    if (v->op == OP_const) {
        *prec = v->number < 0 ? 2 : 0;
        return cgen_number(c->arena, v->number, c->ir->real_bits);
    }
    if (v->op == OP_iota) {
        *prec = at[0].text && at[0].add ? 4 : 0;
        return subscript_text(c, at[0]);
    }
    if (schedule_is_view(c->sc, n))
        return view_value(c, n, at, prec);
    if (is_local(c, n))
        return name_of(c, n);
    if (c->sc->hold[n] == HOLD_INLINE)
        return expression(c, n, at, prec);
    return element(c, base_of(c, n), v->shape, at);
}

/* --- statements ------------------------------------------------------------------------------------ */

static void declare(cgen *c, int n, const char *init)
{
    const ir_node *v = &c->ir->node[n];
    line(c, arena_printf(c->arena, "%s %s%s%s;", real_type(c), name_of(c, n),
                         cgen_dims(c->arena, v->shape), init));
}

static void comment(cgen *c, int n)
{
    const char *note = c->ir->node[n].note;
    if (!note)
        return;
    buf text = {0};
    quote_comment(&text, note);
    const char *arg = buf_text(&text);
    cgen_macro(c->out, "et_comment", 1, &arg);
    buf_free(&text);
}

static void item_statement(cgen *c, int n, const subscript *at)
{
    const ir_node *v = &c->ir->node[n];
    holding hold = c->sc->hold[n];
    int prec;
    if (!op_table[v->op].elementwise) {
        const char *x = value(c, v->arg[0], at, &prec);
        if (v->op != OP_sum && v->op != OP_reduce_max && v->op != OP_reduce_min) {
            line(c, arena_printf(c->arena, "%s = %s;", element(c, name_of(c, n), v->shape, at),
                                 view_value(c, n, at, &prec)));
            return;
        }
        subscript kept[RANK_MAX];
        int rank = 0;
        for (int i = 0; i < c->ir->node[v->arg[0]].shape.rank; i++)
            if (!(v->mask & 1u << i))
                kept[rank++] = at[i];
        const char *to = element(c, name_of(c, n), v->shape, kept);
        buf text = {0};
        if (v->op == OP_sum)
            buf_printf(&text, "%s += %s;", to, x);
        else
            buf_printf(&text, "%s = %s %c %s ? %s : %s;", to, x, v->op == OP_reduce_max ? '>' : '<', to, x,
                       to);
        line(c, buf_text(&text));
        buf_free(&text);
        return;
    }
    if (hold == HOLD_INLINE)
        return;
    const char *text = expression(c, n, at, &prec);
    if (is_local(c, n)) {
        const char *type = v->type == TYPE_BOOL ? "int" : real_type(c);
        line(c, arena_printf(c->arena, "const %s %s = %s;", type, name_of(c, n), text));
    } else if (hold == HOLD_ARRAY && v->shape.rank == 0) {
        line(c, arena_printf(c->arena, "const %s %s = %s;", real_type(c), name_of(c, n), text));
    } else {
        line(c, arena_printf(c->arena, "%s = %s;", element(c, base_of(c, n), v->shape, at), text));
    }
}

static void store_statement(cgen *c, const store *st, int index, const subscript *at)
{
    int prec;
    bool done = c->sc->hold[st->node] == HOLD_PLACE && c->sc->place_of[st->node] == index
                && st->var < 0;
    if (done)
        return;
    shape s = c->ir->node[st->node].shape;
    const char *from;
    if (c->sc->hold[st->node] == HOLD_PLACE && c->sc->place_of[st->node] == index)
        from = name_of(c, st->node);
    else
        from = value(c, st->node, at, &prec);
    line(c, arena_printf(c->arena, "%s %s %s;", element(c, st->place, s, at), st->add ? "+=" : "=",
                         from));
}

static void loop_body(cgen *c, const kernel *k, const subscript *at)
{
    for (int i = 0; i < k->n_items; i++)
        item_statement(c, k->item[i], at);
    for (int i = 0; i < k->n_stores; i++)
        store_statement(c, &c->sc->store[k->store[i]], k->store[i], at);
}

/* What the loop fills and what it says about it.  */
static void loop_head(cgen *c, const kernel *k)
{
    for (int i = 0; i < k->n_items; i++)
        comment(c, k->item[i]);
    for (int i = 0; i < k->n_items; i++) {
        int n = k->item[i];
        const ir_node *v = &c->ir->node[n];
        bool reduction = v->op == OP_sum || v->op == OP_reduce_max || v->op == OP_reduce_min;
        if (c->sc->hold[n] != HOLD_ARRAY)
            continue;
        if (!reduction) {
            if (v->shape.rank > 0)
                declare(c, n, "");
            continue;
        }
        const char *huge = c->ir->real_bits == 32 ? "HUGE_VALF" : "HUGE_VAL";
        const char *start = v->op == OP_sum ? cgen_number(c->arena, 0, c->ir->real_bits)
                            : v->op == OP_reduce_max ? arena_printf(c->arena, "-%s", huge)
                                                     : huge;
        if (v->shape.rank == 0) {
            declare(c, n, arena_printf(c->arena, " = %s", start));
            continue;
        }
        declare(c, n, "");
        const char *to = name_of(c, n);
        for (int d = 0; d < v->shape.rank; d++) {
            open_for(c, loop_var[d], v->shape.dim[d]);
            to = arena_printf(c->arena, "%s[%s]", to, loop_var[d]);
        }
        line(c, arena_printf(c->arena, "%s = %s;", to, start));
        for (int d = 0; d < v->shape.rank; d++)
            close_block(c);
    }
}

static bool has_locals(const cgen *c, const kernel *k)
{
    for (int i = 0; i < k->n_items; i++)
        if (is_local(c, k->item[i]))
            return true;
    return false;
}

static void unrolled(cgen *c, const kernel *k)
{
    int64_t n = shape_numel(k->shape);
    bool block = n > 1 && has_locals(c, k);
    for (int64_t flat = 0; flat < n; flat++) {
        subscript at[RANK_MAX];
        int64_t rest = flat;
        for (int d = k->shape.rank - 1; d >= 0; d--) {
            at[d] = (subscript){NULL, rest % k->shape.dim[d]};
            rest /= k->shape.dim[d];
        }
        if (block)
            cgen_macro(c->out, "et_block", 0, NULL);
        loop_body(c, k, at);
        if (block)
            close_block(c);
    }
}

static void loop_kernel(cgen *c, const kernel *k)
{
    loop_head(c, k);
    if (shape_numel(k->shape) <= c->style->unroll) {
        unrolled(c, k);
        return;
    }
    subscript at[RANK_MAX];
    for (int d = 0; d < k->shape.rank; d++) {
        at[d] = (subscript){loop_var[d], 0};
        open_for(c, loop_var[d], k->shape.dim[d]);
    }
    loop_body(c, k, at);
    for (int d = 0; d < k->shape.rank; d++)
        close_block(c);
}

/* --- contractions ---------------------------------------------------------------------------------- */

static const char *row_of(cgen *c, const char *base, int leading)
{
    for (int d = 0; d < leading; d++)
        base = arena_printf(c->arena, "%s[%s]", base, loop_var[d]);
    return base;
}

/* y[o] = x[0] * W[0][o] + ...; written out.  */
static void small_product(cgen *c, const kernel *k, const char *y, const char *x, const char *w,
                          int64_t inner)
{
    const ir_node *v = &c->ir->node[k->node];
    bool plain = v->op == OP_matmul;
    for (int64_t o = 0; o < v->shape.dim[v->shape.rank - 1]; o++) {
        buf text = {0};
        buf_printf(&text, "%s[%lld] = ", y, (long long)o);
        for (int64_t i = 0; i < inner; i++)
            buf_printf(&text, "%s%s[%lld] * %s[%lld][%lld]", i ? " + " : "", x, (long long)i, w,
                       (long long)(plain ? i : o + v->start), (long long)(plain ? o : i));
        buf_puts(&text, ";");
        line(c, buf_text(&text));
        buf_free(&text);
    }
}

static void product_kernel(cgen *c, const kernel *k)
{
    const ir_node *v = &c->ir->node[k->node];
    int leading = v->shape.rank - 1;
    int64_t inner = c->ir->node[v->arg[0]].shape.dim[leading], outer = v->shape.dim[leading];
    comment(c, k->node);
    declare(c, k->node, "");
    for (int d = 0; d < leading; d++)
        open_for(c, loop_var[d], v->shape.dim[d]);
    const char *y = row_of(c, name_of(c, k->node), leading);
    const char *x = row_of(c, base_of(c, v->arg[0]), leading);
    const char *w = base_of(c, v->arg[1]);
    if (outer <= c->style->unroll && inner * outer <= 4 * c->style->unroll) {
        small_product(c, k, y, x, w, inner);
    } else {
        int64_t step = v->op == OP_matmul ? 4 : 8, count = inner;
        const char *arg[] = {
            y, x, w, arena_printf(c->arena, "%lld", (long long)inner),
            arena_printf(c->arena, "%lld", (long long)outer),
            arena_printf(c->arena, "%lld", (long long)(count - count % step)),
            count % step ? "1" : "0", count >= step ? "1" : "0",
            arena_printf(c->arena, "%s", v->start ? arena_printf(c->arena, " + %lld",
                                                                 (long long)v->start) : "")};
        cgen_macro(c->out, v->op == OP_matmul ? "et_matmul" : "et_matmul_t", 9, arg);
    }
    for (int d = 0; d < leading; d++)
        close_block(c);
}

/* w[i][k] += x[m][i] * y[m][k], over the rows m.  */
static void outer_kernel(cgen *c, const kernel *k)
{
    const ir_node *v = &c->ir->node[k->node];
    shape sx = c->ir->node[v->arg[0]].shape, sy = c->ir->node[v->arg[1]].shape;
    comment(c, k->node);
    declare(c, k->node, " = {{0}}");
    for (int d = 0; d + 1 < sx.rank; d++)
        open_for(c, arena_printf(c->arena, "r%d", d), sx.dim[d]);
    open_for(c, "i", sx.dim[sx.rank - 1]);
    open_for(c, "k", sy.dim[sy.rank - 1]);
    const char *x = base_of(c, v->arg[0]), *y = base_of(c, v->arg[1]);
    for (int d = 0; d + 1 < sx.rank; d++) {
        x = arena_printf(c->arena, "%s[r%d]", x, d);
        y = arena_printf(c->arena, "%s[r%d]", y, d);
    }
    line(c, arena_printf(c->arena, "%s[i][k] += %s[i] * %s[k];", name_of(c, k->node), x, y));
    for (int d = 0; d + 1 < sx.rank + 2; d++)
        close_block(c);
}

/* The argument copied into its place along the axis.  */
static void copy_part(cgen *c, int n, int x, int axis, int64_t start)
{
    shape s = c->ir->node[x].shape, to = c->ir->node[n].shape;
    subscript from[RANK_MAX], at[RANK_MAX];
    bool written_out = shape_numel(s) <= c->style->unroll;
    int prec;
    for (int64_t flat = 0; flat < (written_out ? shape_numel(s) : 1); flat++) {
        int64_t rest = flat;
        for (int d = s.rank - 1; d >= 0; d--) {
            from[d] = written_out ? (subscript){NULL, rest % s.dim[d]} : (subscript){loop_var[d], 0};
            rest /= s.dim[d];
            at[d] = from[d];
        }
        at[axis].add += start;
        for (int d = 0; d < s.rank && !written_out; d++)
            open_for(c, loop_var[d], s.dim[d]);
        line(c, arena_printf(c->arena, "%s = %s;", element(c, name_of(c, n), to, at),
                             value(c, x, from, &prec)));
        for (int d = 0; d < s.rank && !written_out; d++)
            close_block(c);
    }
}

static void copy_kernel(cgen *c, const kernel *k)
{
    const ir_node *v = &c->ir->node[k->node];
    comment(c, k->node);
    bool pad = k->kind == KERNEL_PAD;
    declare(c, k->node, pad ? v->shape.rank > 1 ? " = {{0}}" : " = {0}" : "");
    int64_t start = pad ? v->start : 0;
    for (int i = 0; i < v->n_args; i++) {
        copy_part(c, k->node, v->arg[i], v->axis, start);
        start += c->ir->node[v->arg[i]].shape.dim[v->axis];
    }
}

void cgen_body(const schedule *sc, const cgen_style *style, buf *out)
{
    const ir *g = sc->ir;
    cgen c = {.sc = sc, .ir = g, .style = style, .arena = g->arena, .out = out,
              .name = ARENA_ARRAY(g->arena, const char *, g->n_nodes)};
    for (c.kernel = 0; c.kernel < sc->n_kernels; c.kernel++) {
        const kernel *k = &sc->kernel[c.kernel];
        switch (k->kind) {
        case KERNEL_LOOP: loop_kernel(&c, k); break;
        case KERNEL_MATMUL:
        case KERNEL_MATMUL_T: product_kernel(&c, k); break;
        case KERNEL_OUTER: outer_kernel(&c, k); break;
        default: copy_kernel(&c, k);
        }
    }
}
