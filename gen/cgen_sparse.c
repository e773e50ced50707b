/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product with a sparse matrix; a loop that meets values with zeros.  Out: loops over the matrix's rows, and
   a way past what a zero would make zero.
   Afterwards a row of weights behind a zero is not read.  The zero is looked for where it would be multiplied, so
   that whatever is said of a value, the sums are the same: only 0 times what is not finite is not seen.  */
#include "cgen_part.h"

#include "flops.h"

#include <string.h>

/* --- silence ----------------------------------------------------------------------------------------- */

/* Elements that are looked at together, where that is worth it. */
enum { BLOCK_MIN = 8, BLOCK_MAX = 32, BLOCKS_MIN = 4 };

/* A divisor of SIZE, best one that vectors fit in; 0: there is none.  */
static int64_t block_of(int64_t size)
{
    for (int64_t fit = 16; fit >= 1; fit /= 2)
        for (int64_t n = BLOCK_MAX - BLOCK_MAX % fit; n >= BLOCK_MIN; n -= fit)
            if (size % n == 0 && size / n >= BLOCKS_MIN)
                return n;
    return 0;
}

/* VALUE as the operand of a comparison or product.  */
static const char *compared(cgen *c, const char *value, const char *with)
{
    return arena_printf(c->arena, "%s %s %s", value, with, cgen_number(c->arena, 0, c->ir->real_bits));
}

void cgen_skip_silent(cgen *c, const char *value)
{
    cgen_line(c, arena_printf(c->arena, "if (%s)", compared(c, value, "==")));
    cgen_line(c, "    continue;");
}

int cgen_for_events(cgen *c, const char *variable, int64_t from, int64_t to, const char *value)
{
    int64_t n = cgen_stands_in(value, variable) ? block_of(to - from) : 0;
    if (n > 0) {
        const char *end = arena_printf(c->arena, "block + %lld", (long long)n);
        const char *arg[] = {variable, "block", end, arena_printf(c->arena, "%s++", variable)};
        cgen_for_from(c, "block", from, to, n);
        cgen_line(c, "int any = 0;");
        cgen_statement(c, "et_for_from", 4, arg);
        cgen_line(c, arena_printf(c->arena, "any |= %s;", compared(c, value, "!=")));
        cgen_end(c);
        cgen_line(c, "if (!any)");
        cgen_line(c, "    continue;");
        cgen_statement(c, "et_for_from", 4, arg);
    } else {
        cgen_for_from(c, variable, from, to, 1);
    }
    cgen_skip_silent(c, value);
    return n > 0 ? 2 : 1;
}

/* Is N there before the loop that is being written?  */
static bool is_ready(const cgen *c, int n)
{
    while (schedule_is_view(c->sc, n))
        n = schedule_source(c->ir, n);
    op_code op = c->ir->node[n].op;
    bool held = c->sc->hold[n] == HOLD_ARRAY || c->sc->hold[n] == HOLD_PLACE;
    return op == OP_var || (op != OP_const && held && c->sc->kernel_of[n] != c->kernel);
}

/* A value with zeros, as said by KIND at least, that stands still while the variable INNER counts, and that makes
   element AT of N zero where it is; NULL: there is none.  */
static const char *silent_factor(cgen *c, int n, const subscript *at, const char *inner, event_kind kind)
{
    const ir_node *v = &c->ir->node[n];
    const char *left, *right;
    int prec = 0;
    if (ir_events(c->ir, n) >= kind && is_ready(c, n)) {
        const char *text = cgen_value(c, n, at, &prec);
        return cgen_stands_in(text, inner) ? NULL : prec > 2 ? arena_printf(c->arena, "(%s)", text) : text;
    }
    switch (v->op) {
    case OP_mul:
        left = silent_factor(c, v->arg[0], at, inner, kind);
        return left ? left : silent_factor(c, v->arg[1], at, inner, kind);
    case OP_add:
    case OP_sub:
        left = silent_factor(c, v->arg[0], at, inner, kind);
        right = left ? silent_factor(c, v->arg[1], at, inner, kind) : NULL;
        return right && strcmp(left, right) == 0 ? left : NULL;
    case OP_neg: return silent_factor(c, v->arg[0], at, inner, kind);
    default: return NULL;
    }
}

const char *cgen_silent(cgen *c, const kernel *k, const subscript *at, event_kind kind)
{
    const char *silent = NULL, *inner = at[k->shape.rank - 1].text;
    for (int i = 0; i < k->n_items; i++)
        if (c->sc->hold[k->item[i]] == HOLD_ARRAY || c->sc->hold[k->item[i]] == HOLD_PLACE)
            return NULL;
    for (int i = 0; i < k->n_stores; i++) {
        const store *st = &c->sc->store[k->store[i]];
        const char *text = st->add ? silent_factor(c, st->node, at, inner, kind) : NULL;
        if (!text || (silent && strcmp(silent, text) != 0))
            return NULL;
        silent = text;
    }
    return silent;
}

/* --- rows --------------------------------------------------------------------------------------------- */

/* The pattern by whose rows N, or what it is made of in one element of a loop, is gathered; -1: there is none.  */
static int gathered_by(const cgen *c, int n, int64_t size)
{
    for (; schedule_is_view(c->sc, n); n = schedule_source(c->ir, n)) {
        const ir_node *v = &c->ir->node[n];
        if (v->op == OP_gather && v->axis == 0 && c->ir->pattern[v->pattern].by_rows
            && c->ir->pattern[v->pattern].n == size)
            return v->pattern;
    }
    return -1;
}

int cgen_rows_of(const cgen *c, const kernel *k)
{
    int64_t size = k->shape.rank > 0 ? k->shape.dim[k->shape.rank - 1] : 0;
    int found = -1;
    for (int i = 0; i < k->n_items && found < 0; i++) {
        const ir_node *v = &c->ir->node[k->item[i]];
        for (int a = 0; a < v->n_args && found < 0; a++)
            found = gathered_by(c, v->arg[a], size);
    }
    for (int i = 0; i < k->n_stores && found < 0; i++)
        found = gathered_by(c, c->sc->store[k->store[i]].node, size);
    return found;
}

void cgen_for_row(cgen *c, const pattern *p)
{
    const char *arg[] = {"q", arena_printf(c->arena, "%s_start[row]", p->name),
                         arena_printf(c->arena, "%s_start[row + 1]", p->name), "q++"};
    cgen_statement(c, "et_for_from", 4, arg);
}

/* --- products ----------------------------------------------------------------------------------------- */

/* A product with a sparse matrix: subscripts of x and y, the last one not yet filled in.  */
typedef struct {
    int n;
    const ir_node *v;
    const pattern *p;
    bool transposed;
    int last;
    subscript x[RANK_MAX], y[RANK_MAX];
} product;

/* One non-zero: y[TO] += x[FROM] * w[AT].  */
static void add_one(cgen *c, product *s, subscript from, subscript to, subscript at)
{
    s->x[s->last] = from;
    s->y[s->last] = to;
    const char *b = cgen_factor(c, s->v->arg[1], &at), *a = cgen_factor(c, s->v->arg[0], s->x);
    cgen_line(c, arena_printf(c->arena, "%s += %s * %s;", cgen_element(c, cgen_name(c, s->n), s->v->shape, s->y), a, b));
}

static subscript entry(cgen *c, const pattern *p, const char *table)
{
    return (subscript){arena_printf(c->arena, "%s_%s[q]", p->name, table), 0};
}

/* y[col[q]] += x[row] * w[q]: what a row has in common is read once for all of it.  */
static void by_rows(cgen *c, product *s)
{
    int n_loops = 1;
    s->x[s->last] = (subscript){"row", 0};
    s->y[s->last] = entry(c, s->p, "col");
    const char *x = cgen_factor(c, s->v->arg[0], s->x), *weight = cgen_factor(c, s->v->arg[1], &(subscript){"q", 0});
    if (ir_events(c->ir, s->v->arg[0]) != EVENTS_NONE)
        n_loops = cgen_for_events(c, "row", 0, s->p->n_rows, x);
    else
        cgen_for(c, "row", s->p->n_rows);
    cgen_line(c, arena_printf(c->arena, "const %s x0 = %s;", cgen_real(c), x));
    cgen_for_row(c, s->p);
    cgen_line(c, arena_printf(c->arena, "%s += x0 * %s;",
                              cgen_element(c, cgen_name(c, s->n), s->v->shape, s->y), weight));
    cgen_ends(c, n_loops + 1);
}

/* y[row] = the sum of x[col[q]] * w[q].  */
static void sum_rows(cgen *c, product *s)
{
    cgen_for(c, "row", s->p->n_rows);
    s->x[s->last] = entry(c, s->p, "col");
    s->y[s->last] = (subscript){"row", 0};
    cgen_line(c, arena_printf(c->arena, "%s total_q = 0;", cgen_real(c)));
    cgen_for_row(c, s->p);
    const char *b = cgen_factor(c, s->v->arg[1], &(subscript){"q", 0}), *a = cgen_factor(c, s->v->arg[0], s->x);
    cgen_line(c, arena_printf(c->arena, "total_q += %s * %s;", a, b));
    cgen_end(c);
    cgen_line(c, arena_printf(c->arena, "%s = total_q;", cgen_element(c, cgen_name(c, s->n), s->v->shape, s->y)));
    cgen_end(c);
}

/* In any order.  Small ones are written out.  */
static void one_by_one(cgen *c, product *s, bool written_out)
{
    const pattern *p = s->p;
    const char *from = s->transposed ? "col" : "row", *to = s->transposed ? "row" : "col";
    if (!written_out) {
        cgen_for(c, "q", p->n);
        add_one(c, s, entry(c, p, from), entry(c, p, to), (subscript){"q", 0});
        cgen_end(c);
        return;
    }
    for (int64_t i = 0; i < p->n; i++)
        add_one(c, s, (subscript){NULL, s->transposed ? p->col[i] : p->row[i]},
                (subscript){NULL, s->transposed ? p->row[i] : p->col[i]}, (subscript){NULL, i});
}

void cgen_sparse(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    product s = {.n = n, .v = v, .p = &c->ir->pattern[v->pattern], .transposed = v->op == OP_sparse_t};
    shape lead = v->shape;
    bool written_out = s.p->n <= 4 * c->style->unroll, rows = s.p->by_rows && !written_out;
    s.last = --lead.rank;
    cgen_declare(c, n, rows && s.transposed ? "" : cgen_zeros(c->arena, v->shape));
    if (s.last > 0)
        cgen_share(c, lead.dim[0], flops_of_node(c->sc, n));
    cgen_loops(c, lead, s.x);
    memcpy(s.y, s.x, sizeof *s.y * (size_t)s.last);
    if (!rows)
        one_by_one(c, &s, written_out);
    else if (s.transposed)
        sum_rows(c, &s);
    else
        by_rows(c, &s);
    cgen_ends(c, s.last);
}
