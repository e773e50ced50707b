/* SPDX-License-Identifier: Apache-2.0 */
/* In: nodes of a schedule.  Out: C names and expressions for them.
   Afterwards every value has a C name or stands in the expression that reads it.  */
#include "cgen_part.h"

#include "origin.h"
#include "quote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cgen_loop_var[RANK_MAX] = {"i", "k", "m", "n", "i4", "i5", "i6", "i7"};

const char *cgen_real(const cgen *c)
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

void cgen_macro(buf *out, const char *macro, int from, int n, const char *const *arg)
{
    buf_printf(out, "%s(«", macro);
    origin_mark(from, out);
    for (int i = 0; i < n; i++) {
        buf_puts(out, i ? "», «" : "");
        quote_m4(out, arg[i], strlen(arg[i]));
    }
    buf_puts(out, "»)m4_dnl\n");
}

void cgen_statement(cgen *c, const char *macro, int n, const char *const *arg)
{
    cgen_macro(c->out, macro, c->from, n, arg);
}

void cgen_line(cgen *c, const char *text)
{
    cgen_statement(c, "et_line", 1, &text);
}

static void for_part(cgen *c, const char *variable)
{
    const char *arg[] = {variable, "part", c->part_end, arena_printf(c->arena, "%s++", variable)};
    cgen_statement(c, "et_for_from", 4, arg);
}

void cgen_for(cgen *c, const char *variable, int64_t n)
{
    const char *arg[] = {variable, arena_printf(c->arena, "%lld", (long long)n)};
    if (c->parted && strcmp(c->parted, variable) == 0)
        for_part(c, variable);
    else
        cgen_statement(c, "et_for", 2, arg);
}

/* Turns of a loop that gcc writes out before it looks for vectors; of the loop around it it then makes worse ones.  */
enum { FEW = 4, SHORT = 16 };

bool cgen_is_short(int64_t n)
{
    return n >= FEW && n <= SHORT;
}

void cgen_for_each(cgen *c, const char *variable, int64_t n)
{
    cgen_statement(c, cgen_is_short(n) ? "et_short" : "et_independent", 0, NULL);
    cgen_for(c, variable, n);
}

void cgen_for_back(cgen *c, const char *variable, int64_t n)
{
    const char *arg[] = {variable, arena_printf(c->arena, "%lld", (long long)n - 1)};
    cgen_statement(c, "et_for_back", 2, arg);
}

void cgen_for_from(cgen *c, const char *variable, int64_t from, int64_t to, int64_t step)
{
    const char *arg[] = {variable, arena_printf(c->arena, "%lld", (long long)from),
                         arena_printf(c->arena, "%lld", (long long)to),
                         step == 1 ? arena_printf(c->arena, "%s++", variable)
                                   : arena_printf(c->arena, "%s += %lld", variable, (long long)step)};
    cgen_statement(c, "et_for_from", 4, arg);
}

void cgen_loops(cgen *c, shape s, subscript *at)
{
    for (int d = 0; d < s.rank; d++) {
        at[d] = (subscript){cgen_loop_var[d], 0};
        cgen_for(c, cgen_loop_var[d], s.dim[d]);
    }
}

void cgen_ends(cgen *c, int n)
{
    for (int d = 0; d < n; d++)
        cgen_end(c);
}

void cgen_end(cgen *c)
{
    cgen_macro(c->out, "et_end", 0, 0, NULL);
}

/* --- names ----------------------------------------------------------------------------------------- */

static const char *const reserved[] = {"seq", "from", "scale",
                                       "p",    "s",   "e",   "in",  "target", "out", "jac",
                                       "sig",  "ds",  "de",  "grad", "i",  "k",      "m",   "n",
                                       "b",    "o",   "q",   "r",   "row",  "turned", "block", "any", "part", "tape",   "n_steps", "t",
                                       "x0",  "x1",  "x2",  "x3",  "x4",     "x5", "x6", "x7", "seed", "lane", "total_q", "sum",
                                       "total", "weight", "length", "i4",  "i5",  "i6",  "i7", "r0",   "r1",  "r2"};

static cgen_name_entry *find_name(const cgen_names *names, const char *text)
{
    size_t hash = 5381;
    for (const char *p = text; *p; p++)
        hash = hash * 33 + (unsigned char)*p;
    size_t at = hash & (names->n_slots - 1);
    while (names->slot[at].text && strcmp(names->slot[at].text, text) != 0)
        at = (at + 1) & (names->n_slots - 1);
    return &names->slot[at];
}

static void add_name(cgen *c, const char *text)
{
    cgen_names *names = &c->names, old = *names;
    if (2 * (names->n + 1) > names->n_slots) {
        names->n_slots = old.n_slots ? 2 * old.n_slots : 256;
        names->slot = ARENA_ARRAY(c->arena, cgen_name_entry, names->n_slots);
        for (size_t i = 0; i < old.n_slots; i++)
            if (old.slot[i].text)
                *find_name(names, old.slot[i].text) = old.slot[i];
    }
    names->n++;
    *find_name(names, text) = (cgen_name_entry){text, 1};
}

static bool name_taken(cgen *c, const char *name)
{
    if (c->names.n == 0)
        for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
            add_name(c, reserved[i]);
    return find_name(&c->names, name)->text != NULL;
}

/* Search goes on where it last ended.  */
const char *cgen_free_name(cgen *c, const char *base)
{
    const char *name = base;
    if (name_taken(c, base)) {
        int k = find_name(&c->names, base)->number;
        do
            name = arena_printf(c->arena, "%s_%d", base, ++k);
        while (name_taken(c, name));
        find_name(&c->names, base)->number = k;
    }
    add_name(c, name);
    return name;
}

const char *cgen_name(cgen *c, int n)
{
    const char *base = c->ir->node[n].name, *name;
    if (c->name[n])
        return c->name[n];
    if (base) {
        name = cgen_free_name(c, base);
    } else {
        do
            name = arena_printf(c->arena, "v%d", ++c->n_unnamed);
        while (name_taken(c, name));
        add_name(c, name);
    }
    c->name[n] = name;
    return name;
}

/* --- values ---------------------------------------------------------------------------------------- */

static const char *subscript_text(cgen *c, subscript s)
{
    if (!s.text)
        return arena_printf(c->arena, "%lld", (long long)s.add);
    if (s.add == 0)
        return s.text;
    return arena_printf(c->arena, "%s + %lld", s.text, (long long)s.add);
}

const char *cgen_element(cgen *c, const char *base, shape s, const subscript *at)
{
    for (int i = 0; i < s.rank; i++)
        base = arena_printf(c->arena, "%s[%s]", base, subscript_text(c, at[i]));
    return base;
}

/* Has what is reached at BASE one element or array a sample, from another block than the function's own?  */
static bool of_samples(const cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    if (c->style->batch <= 1)
        return false;
    if (v->op == OP_var)
        return ir_is_batched(&c->ir->var[v->var]);
    const store *st = &c->sc->store[c->sc->place_of[n]];
    return !c->frame && c->sc->hold[n] == HOLD_PLACE && !st->add && !st->local;
}

/* Values of a pass begin at sample 0, those of a block at sample b.  */
static const subscript *from_sample_b(const cgen *c, const subscript *at, int rank, subscript *res)
{
    if (c->style->rows == 0 || c->style->rows == c->style->batch)
        return at;
    memcpy(res, at, sizeof *at * (size_t)rank);
    res[0].text = at[0].text ? arena_printf(c->arena, "b + %s", at[0].text) : "b";
    return res;
}

const char *cgen_place(cgen *c, const store *st, const subscript *at)
{
    shape s = c->ir->node[st->node].shape;
    subscript shifted[RANK_MAX];
    if (st->add || st->local || c->frame || c->style->batch <= 1)
        return cgen_element(c, st->place, s, at);
    if (c->style->rows == 0)
        return cgen_element(c, arena_printf(c->arena, "%s[b]", st->place), s, at);
    return cgen_element(c, st->place, s, from_sample_b(c, at, s.rank, shifted));
}

/* The array or scalar that holds leaf or kept node N, without subscripts but that of the one sample.  */
const char *cgen_base(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    const char *one = of_samples(c, n) && c->style->rows == 0 ? "[b]" : "";
    if (v->op == OP_var) {
        const var *x = &c->ir->var[v->var];
        return arena_printf(c->arena, "%s%s%s", c->style->block[x->kind], x->c_name, one);
    }
    if (v->op == OP_bound)
        return cgen_bound_base(c, n);
    if (c->sc->hold[n] == HOLD_PLACE)
        return arena_printf(c->arena, "%s%s", c->sc->store[c->sc->place_of[n]].place, one);
    return cgen_name(c, n);
}

half_kind cgen_half(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    if (v->op == OP_var)
        return c->ir->var[v->var].half;
    if (v->op == OP_bound)
        return cgen_bound_half(c, n);
    return c->sc->hold[n] == HOLD_PLACE ? cgen_store_half(c, &c->sc->store[c->sc->place_of[n]]) : HALF_NONE;
}

half_kind cgen_store_half(const cgen *c, const store *st)
{
    return st->var >= 0 && st->var < c->ir->n_vars ? c->ir->var[st->var].half : HALF_NONE;
}

const char *cgen_widened(cgen *c, half_kind half, const char *element)
{
    return half == HALF_NONE ? element
                             : arena_printf(c->arena, "etr_f32_from_%s(%s)", half == HALF_BFLOAT16 ? "bf16" : "f16",
                                            element);
}

/* Element AT of N, which is part of the array of a concatenation.  */
static const char *joined_element(cgen *c, int n, const subscript *at)
{
    int all = c->sc->joined[n] - 1, i = c->sc->part[n], k = 0;
    const ir_node *v = &c->ir->node[all];
    shape own = c->ir->node[n].shape, part = c->ir->node[v->arg[i]].shape;
    subscript to[RANK_MAX];
    for (int d = 0; d < part.rank; d++) {
        while (k < own.rank && own.dim[k] == 1)
            k++;
        to[d] = part.dim[d] == 1 ? (subscript){NULL, 0} : at[k++];
    }
    while (i > 0)
        to[v->axis].add += c->ir->node[v->arg[--i]].shape.dim[v->axis];
    return cgen_element(c, cgen_name(c, all), v->shape, to);
}

const char *cgen_held(cgen *c, int n, const subscript *at)
{
    shape s = c->ir->node[n].shape;
    subscript shifted[RANK_MAX];
    if (n < c->sc->n_nodes && c->sc->joined[n])
        return joined_element(c, n, at);
    if (of_samples(c, n))
        at = from_sample_b(c, at, s.rank, shifted);
    return cgen_widened(c, cgen_half(c, n), cgen_element(c, cgen_base(c, n), s, at));
}

/* The number of element AT of an array of shape S.  */
static subscript flat_subscript(cgen *c, shape s, const subscript *at)
{
    const char *flat = NULL;
    int64_t add = 0, stride = 1;
    for (int i = s.rank - 1; i >= 0; i--) {
        if (at[i].text) {
            bool sum = strchr(at[i].text, ' ') != NULL;
            const char *term = stride == 1 ? at[i].text
                                           : arena_printf(c->arena, sum ? "%lld * (%s)" : "%lld * %s",
                                                          (long long)stride, at[i].text);
            flat = flat ? arena_printf(c->arena, "%s + %s", term, flat) : term;
        }
        add += at[i].add * stride;
        stride *= s.dim[i];
    }
    return (subscript){flat, add};
}

const char *cgen_flat(cgen *c, const char *name, shape s, const subscript *at)
{
    return arena_printf(c->arena, "%s[%s]", name, subscript_text(c, flat_subscript(c, s, at)));
}

/* `(&x[0][0])[i * 4 + k]`: element AT of S in an array of shape FROM.  */
static const char *flat_element(cgen *c, const char *base, shape from, shape s, const subscript *at)
{
    const char *first = base;
    for (int i = 0; i < from.rank; i++)
        first = arena_printf(c->arena, "%s[0]", first);
    if (from.rank == 0)
        return base;
    const char *index = subscript_text(c, flat_subscript(c, s, at));
    return from.rank == 1 ? arena_printf(c->arena, "%s[%s]", base, index)
                          : arena_printf(c->arena, "(&%s)[%s]", first, index);
}

static const char *reshaped(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    shape from = c->ir->node[v->arg[0]].shape;
    subscript inner[RANK_MAX];
    if (c->ir->node[v->arg[0]].op == OP_iota) {
        subscript flat = flat_subscript(c, v->shape, at);
        return cgen_value(c, v->arg[0], &flat, prec);
    }
    if (!shape_same_places(from, v->shape)) {
        *prec = 0;
        if (of_samples(c, v->arg[0]))
            at = from_sample_b(c, at, v->shape.rank, inner);
        return cgen_widened(c, cgen_half(c, v->arg[0]),
                            flat_element(c, cgen_base(c, v->arg[0]), from, v->shape, at));
    }
    int k = 0;
    for (int i = 0; i < from.rank; i++) {
        inner[i] = (subscript){NULL, 0};
        if (from.dim[i] == 1)
            continue;
        while (v->shape.dim[k] == 1)
            k++;
        inner[i] = at[k++];
    }
    return cgen_value(c, v->arg[0], inner, prec);
}

/* Row or column, a table's entry.  */
static subscript gathered(cgen *c, const ir_node *v, subscript at)
{
    const pattern *p = &c->ir->pattern[v->pattern];
    if (!at.text)
        return (subscript){NULL, v->axis ? p->col[at.add] : p->row[at.add]};
    if (v->axis == 0 && c->rows == v->pattern + 1 && strcmp(at.text, "q") == 0)
        return (subscript){"row", 0};
    const char *text = arena_printf(c->arena, "%s_%s[%s]", p->name, v->axis ? "col" : "row",
                                    subscript_text(c, at));
    return (subscript){text, 0};
}

const char *cgen_view(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    int below = schedule_source(c->ir, n), index = schedule_index(c->ir, n), rank = v->shape.rank;
    shape from = c->ir->node[below].shape;
    subscript inner[RANK_MAX] = {{NULL, 0}};
    int zero = 0;
    switch (v->op) {
    case OP_reshape: return reshaped(c, n, at, prec);
    case OP_broadcast:
        for (int i = 0; i < from.rank; i++)
            if (from.dim[i] != 1)
                inner[i] = at[i + rank - from.rank];
        break;
    case OP_permute:
        for (int i = 0; i < rank; i++)
            inner[v->labels[i] - 'a'] = at[i];
        break;
    case OP_embed:
        inner[0] = (subscript){cgen_value(c, index, at, &zero), 0};
        inner[1] = at[rank - 1];
        break;
    default: /* slice, take, gather: the same axes but for one */
        for (int i = 0; i < from.rank && i < rank; i++)
            inner[i] = at[i];
        if (v->op == OP_slice)
            inner[v->axis].add += v->start;
        else if (v->op == OP_take)
            inner[from.rank - 1] = (subscript){cgen_value(c, index, at, &zero), 0};
        else
            inner[from.rank - 1] = gathered(c, v, at[rank - 1]);
    }
    return cgen_value(c, below, inner, prec);
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

/* Whole numbers stay what they are where their results are, too, and where they become a real.  */
static bool takes_index(op_code op)
{
    return op_table[op].result != TYPE_REAL || op == OP_real || op == OP_random;
}

/* An index among reals is converted.  */
static const char *operand(cgen *c, int n, int i, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    const char *text = cgen_value(c, v->arg[i], at, prec);
    bool all_index = takes_index(v->op);
    for (int k = 0; k < v->n_args; k++)
        all_index = all_index && c->ir->node[v->arg[k]].type == TYPE_INDEX;
    if (c->ir->node[v->arg[i]].type != TYPE_INDEX || all_index)
        return text;
    text = arena_printf(c->arena, *prec ? "(%s)(%s)" : "(%s)%s", cgen_real(c), text);
    *prec = 2;
    return text;
}

/* What {w}, {s} and {i} stand for: see ops.def.  */
static const char *placeholder(cgen *c, int n, char what, const subscript *at)
{
    const ir_node *v = &c->ir->node[n];
    if (what == 'w')
        return c->ir->real_bits == 32 ? "f32" : "f64";
    if (what == 's')
        return arena_printf(c->arena, "%lld", (long long)v->start);
    subscript shifted[RANK_MAX];
    bool passes = c->style->batch > 1 && c->style->rows > 0, one = c->style->batch > 1 && !passes;
    const char *number = subscript_text(
        c, flat_subscript(c, v->shape, passes ? from_sample_b(c, at, v->shape.rank, shifted) : at));
    return one ? arena_printf(c->arena, "%lld * b + %s",
                                            (long long)shape_numel(v->shape), number)
                             : number;
}

/* `etr_exp_f32(x)`: a function of runtime/etrace_math.h; all of them have one argument.  */
static const char *elementary_call(cgen *c, const char *name, int n, const subscript *at, int *prec)
{
    const char *arg = operand(c, n, 0, at, prec);
    *prec = 0;
    return arena_printf(c->arena, "etr_%s_f%d(%s)", name, c->ir->real_bits, arg);
}

const char *cgen_expression(cgen *c, int n, const subscript *at, int *prec)
{
    const op_info *op = &op_table[c->ir->node[n].op];
    const char *elementary = elementary_name(c->ir->node[n].op);
    buf text = {0};
    if (elementary && c->style->math == MATH_ETRACE)
        return elementary_call(c, elementary, n, at, prec);
    *prec = op->prec;
    if (strcmp(op->form, "$1") == 0)
        return cgen_value(c, c->ir->node[n].arg[0], at, prec);
    for (const char *f = op->form; *f; f++) {
        if (*f == '$') {
            int inner = 0;
            const char *arg = operand(c, n, f[1] - '1', at, &inner);
            bool parens = needs_parens(op, f, inner, f == op->form);
            buf_printf(&text, parens ? "(%s)" : "%s", arg);
            f++;
        } else if (*f == '{' && strchr("wsi", f[1])) {
            buf_puts(&text, placeholder(c, n, f[1], at));
            f += 2;
        } else if (*f == '{') {
            buf_puts(&text, cgen_number(c->arena, f[1] - '0', c->ir->real_bits));
            f += 2;
        } else if (*f == '~') {
            buf_puts(&text, c->ir->real_bits == 32 ? "f" : "");
        } else if (strncmp(f, "(real)", 6) == 0) {
            buf_printf(&text, "(%s)", cgen_real(c));
            f += 5;
        } else {
            buf_bytes(&text, f, 1);
        }
    }
    const char *res = arena_strdup(c->arena, buf_text(&text));
    buf_free(&text);
    return res;
}

bool cgen_is_local(const cgen *c, int n)
{
    if (c->sc->kernel_of[n] != c->kernel)
        return false;
    return c->sc->hold[n] == HOLD_LOCAL
           || (c->sc->hold[n] == HOLD_PLACE && c->sc->store[c->sc->place_of[n]].var >= 0);
}

/* The C text of element AT of node N; *PREC as in ops.def.  */
const char *cgen_value(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_node *v = &c->ir->node[n];
    *prec = 0;
    if (c->scalar[n])
        return c->scalar[n];
    if (v->op == OP_const) {
        *prec = v->number < 0 ? 2 : 0;
        return cgen_number(c->arena, v->number, c->ir->real_bits);
    }
    if (v->op == OP_iota) {
        *prec = at[0].text && (at[0].add || strchr(at[0].text, ' ')) ? 4 : 0;
        return subscript_text(c, at[0]);
    }
    if (v->op == OP_bound)
        return cgen_bound(c, n, at, prec);
    if (schedule_is_view(c->sc, n))
        return cgen_view(c, n, at, prec);
    if (cgen_is_local(c, n))
        return cgen_name(c, n);
    if (c->sc->hold[n] == HOLD_INLINE)
        return cgen_expression(c, n, at, prec);
    return cgen_held(c, n, at);
}
