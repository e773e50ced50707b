/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product of matrices.  Out: its loops.
   Afterwards the innermost one runs over neighbours in memory, without a sum of its own, so that a compiler makes
   vectors of it; each sum is met once for several turns of the contracted axis; and a weight is read once for all
   rows that it meets.  */
#include "cgen_part.h"

#include "flops.h"
#include "turned.h"

#include <string.h>

/* Turns of the contracted axis at a time.  */
enum { ROWS = 8 };

/* Columns from which on threads share these, not the rows.  */
enum { SHARED_COLUMNS = 128 };

/* A place in a loop that takes several turns at once.  */
static subscript turn(const char *variable, int64_t k)
{
    return (subscript){variable, k};
}

/* y[o] = x[0] * W[0][o] + ...; written out.  */
static void small_product(cgen *c, int n, subscript *x, subscript *y, int64_t inner)
{
    const ir_node *v = &c->ir->node[n];
    bool plain = v->op == OP_matmul;
    int last = v->shape.rank - 1;
    for (int64_t o = 0; o < v->shape.dim[last]; o++) {
        buf text = {0};
        y[last] = turn(NULL, o);
        buf_printf(&text, "%s =", cgen_element(c, cgen_name(c, n), v->shape, y));
        for (int64_t i = 0; i < inner; i++) {
            subscript w[2] = {turn(NULL, plain ? i : o + v->start), turn(NULL, plain ? o : i)};
            x[last] = turn(NULL, i);
            const char *b = cgen_operand(c, n, 1, w), *a = cgen_operand(c, n, 0, x);
            buf_printf(&text, "%s %s * %s", i ? " +" : "", a, b);
        }
        buf_puts(&text, ";");
        cgen_line(c, buf_text(&text));
        buf_free(&text);
    }
}

/* Some turns of the contracted axis at a time, so that the sums are met once for all of them: x0, x1, ... are
   the factors that stand still in the innermost loop.  */
typedef struct {
    int64_t first, n; /* turns */
    const char *at;   /* the loop's variable; NULL: there is none */
} turns;

static subscript turn_of(const turns *t, int64_t k)
{
    return turn(t->at, t->first + k);
}

static void still_factor(cgen *c, int64_t k, const char *value)
{
    cgen_line(c, arena_printf(c->arena, "const %s x%lld = %s;", cgen_real(c), (long long)k, value));
}

/* BLOCK for the turns of an axis from FROM on, up to TO.  */
static void in_blocks(cgen *c, int n, int64_t from, int64_t to, const char *variable,
                      void (*block)(cgen *c, int n, const turns *t))
{
    int64_t blocks = to - (to - from) % ROWS;
    if (blocks > from) {
        cgen_for_from(c, variable, from, blocks, ROWS);
        block(c, n, &(turns){0, ROWS, variable});
        cgen_end(c);
    }
    if (blocks < to)
        block(c, n, &(turns){blocks, to - blocks, NULL});
}

/* y[.., o] += x[.., q] W[q][o] + ... */
static void add_rows(cgen *c, int n, const turns *t)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = cgen_rows(c, v->shape);
    int last = --lead.rank;
    subscript x[RANK_MAX], y[RANK_MAX];
    buf sum = {0};
    cgen_loops(c, lead, x);
    memcpy(y, x, sizeof *y * (size_t)last);
    y[last] = turn("o", 0);
    bool block = last == 0 && !t->at;
    if (block)
        cgen_statement(c, "et_block", 0, NULL);
    for (int64_t k = 0; k < t->n; k++) {
        subscript w[2] = {turn_of(t, k), turn("o", 0)};
        x[last] = w[0];
        still_factor(c, k, cgen_operand(c, n, 0, x));
        buf_printf(&sum, "%sx%lld * %s", k ? " + " : "", (long long)k, cgen_operand(c, n, 1, w));
    }
    cgen_for_each(c, "o", lead.dim[last]);
    cgen_line(c, arena_printf(c->arena, "%s += %s;", cgen_sum(c, n, y), buf_text(&sum)));
    cgen_ends(c, last + 1 + block);
    buf_free(&sum);
}

/* The same where most of x is zero: turn by turn, and a row of W behind a zero is not read.  */
static void add_events(cgen *c, int n, int64_t from, int64_t to)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = v->shape;
    int last = --lead.rank;
    subscript x[RANK_MAX], y[RANK_MAX], w[2] = {turn("q", 0), turn("o", 0)};
    int n_loops = 1;
    x[last] = w[0];
    if (last > 0) {
        cgen_for_from(c, "q", from, to, 1);
        cgen_loops(c, lead, x);
        cgen_skip_silent(c, cgen_factor(c, v->arg[0], x));
    } else {
        n_loops = cgen_for_events(c, "q", from, to, cgen_factor(c, v->arg[0], x));
    }
    memcpy(y, x, sizeof *y * (size_t)last);
    y[last] = w[1];
    still_factor(c, 0, cgen_factor(c, v->arg[0], x));
    cgen_for_each(c, "o", v->shape.dim[last]);
    const char *weight = cgen_factor(c, v->arg[1], w);
    cgen_line(c, arena_printf(c->arena, "%s += x0 * %s;", cgen_target(c, n, y), weight));
    cgen_ends(c, last + n_loops + 1);
}

/* Is x, or a part that it is put together of, said to be mostly zero?  */
static bool has_events(const cgen *c, int n)
{
    int at = c->ir->node[n].arg[0];
    const ir_node *x = &c->ir->node[at];
    bool said = ir_events(c->ir, at) == EVENTS_SAID;
    for (int i = 0; x->op == OP_concat && i < x->n_args && !said; i++)
        said = x->axis == x->shape.rank - 1 && ir_events(c->ir, x->arg[i]) == EVENTS_SAID;
    return said;
}

/* y = x @ W, part by part where x is put together of parts, of which some may be mostly zero.  */
static void plain_product(cgen *c, int n, int64_t inner)
{
    const ir_node *v = &c->ir->node[n], *x = &c->ir->node[v->arg[0]];
    bool parts = x->op == OP_concat && x->axis == x->shape.rank - 1 && ir_events(c->ir, v->arg[0]) != EVENTS_SAID;
    int64_t from = 0, to = 0;
    for (int i = 0; i < (parts ? x->n_args : 1); i++) {
        int part = parts ? x->arg[i] : v->arg[0];
        bool said = ir_events(c->ir, part) == EVENTS_SAID;
        to += parts ? c->ir->node[part].shape.dim[x->axis] : inner;
        if (!said && i + 1 < x->n_args && parts && ir_events(c->ir, x->arg[i + 1]) != EVENTS_SAID)
            continue; /* neighbours go together */
        if (said)
            add_events(c, n, from, to);
        else
            in_blocks(c, n, from, to, "q", add_rows);
        from = to;
    }
}

/* y[q] = sum over o of W[q][o] x[o], in partial sums that the compiler keeps in registers.  */
static void matmul_t(cgen *c, int n, int64_t inner)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = cgen_rows(c, v->shape);
    int last = --lead.rank;
    subscript x[RANK_MAX], at[RANK_MAX], w[2] = {turn("q", c->called ? 0 : v->start), turn("o", 0)};
    cgen_share_parts(c, "q", lead.dim[last], false, flops_of_node(c->sc, n));
    cgen_loops(c, lead, x);
    memcpy(at, x, sizeof *at * (size_t)last);
    cgen_for(c, "q", lead.dim[last]);
    for (cgen_lanes l = cgen_lanes_begin(c, "o", inner); cgen_lanes_more(c, &l);) {
        x[last] = w[1] = l.at;
        const char *b = cgen_operand(c, n, 0, x), *a = cgen_operand(c, n, 1, w);
        cgen_line(c, arena_printf(c->arena, "%s += %s * %s;", l.to, a, b));
    }
    at[last] = turn("q", 0);
    cgen_line(c, arena_printf(c->arena, "%s = total_q;", cgen_sum(c, n, at)));
    cgen_ends(c, last + 1);
    cgen_end_parts(c);
}

/* Rows of product N that are turned over at a time; 0: it turns none.  */
static int64_t rows_at_a_time(const cgen *c, int n)
{
    shape y = cgen_rows(c, c->ir->node[n].shape);
    return turned_rows(c->ir, n, y.rank > 1 ? y.dim[y.rank - 2] : 1);
}

/* sum[r][i] += W[q + r][o] turned[o][i] + ... */
static void add_turned(cgen *c, int n, const turns *t)
{
    shape y = cgen_rows(c, c->ir->node[n].shape);
    int64_t columns = y.dim[y.rank - 1], width = turned_sums(columns);
    const char *i = cgen_loop_var[y.rank - 2];
    subscript w[2] = {turn(width == columns ? "r" : "q + r", c->called ? 0 : c->ir->node[n].start)};
    buf sum = {0};
    cgen_for(c, "r", width);
    for (int64_t k = 0; k < t->n; k++) {
        subscript x[2] = {turn_of(t, k), turn(i, 0)};
        w[1] = x[0];
        still_factor(c, k, cgen_operand(c, n, 1, w));
        buf_printf(&sum, "%sx%lld * %s", k ? " + " : "", (long long)k, cgen_element(c, "turned", shape_of2(2, 2), x));
    }
    cgen_for_each(c, i, rows_at_a_time(c, n));
    cgen_line(c, arena_printf(c->arena, "sum[r][%s] += %s;", i, buf_text(&sum)));
    cgen_ends(c, 2);
    buf_free(&sum);
}

/* The sums of ROWS rows that are turned over, some columns of the result at a time; AT: where these rows are in it.  */
static void turned_columns(cgen *c, int n, int64_t inner, int64_t rows, subscript *at)
{
    shape y = cgen_rows(c, c->ir->node[n].shape);
    int last = y.rank - 1;
    int64_t columns = y.dim[last], width = turned_sums(columns);
    const char *i = cgen_loop_var[last - 1];
    if (width < columns) {
        cgen_share(c, columns / width, flops_of_node(c->sc, n));
        cgen_for_from(c, "q", 0, columns, width);
    }
    cgen_line(c, arena_printf(c->arena, "%s sum[%lld][%lld] = {{0}};", cgen_real(c), (long long)width, (long long)rows));
    if (width == columns)
        cgen_share_parts(c, "r", width, false, flops_of_node(c->sc, n));
    in_blocks(c, n, 0, inner, "o", add_turned);
    cgen_end_parts(c);
    cgen_for(c, i, rows);
    cgen_for_each(c, "r", width);
    at[last] = turn(width == columns ? "r" : "q + r", 0);
    cgen_line(c, arena_printf(c->arena, "%s += sum[r][%s];", cgen_sum(c, n, at), i));
    cgen_ends(c, 2 + (width < columns));
}

/* The same product for several rows x: these are turned over, so that the sums of all are a vector.  */
static void matmul_t_rows(cgen *c, int n, int64_t inner)
{
    shape y = cgen_rows(c, c->ir->node[n].shape), lead = y;
    int last = y.rank - 1;
    int64_t all = y.dim[last - 1], rows = rows_at_a_time(c, n);
    const char *i = cgen_loop_var[last - 1];
    subscript at[RANK_MAX];
    lead.rank -= 2;
    bool block = rows == all && !c->called; /* the function is one */
    cgen_loops(c, lead, at);
    if (rows < all)
        cgen_for_from(c, "row", 0, all, rows);
    else if (block)
        cgen_statement(c, "et_block", 0, NULL);
    at[last - 1] = turn(rows < all ? arena_printf(c->arena, "row + %s", i) : i, 0);
    at[last] = turn("o", 0);
    cgen_line(c, arena_printf(c->arena, "%s turned[%lld][%lld];", cgen_real(c), (long long)inner, (long long)rows));
    cgen_for(c, "o", inner);
    cgen_for(c, i, rows);
    cgen_line(c, arena_printf(c->arena, "turned[o][%s] = %s;", i, cgen_operand(c, n, 0, at)));
    cgen_ends(c, 2);
    turned_columns(c, n, inner, rows, at);
    cgen_ends(c, lead.rank + (rows < all || block));
}

/* Threads share the rows of product N.  */
static void share_rows(cgen *c, int n)
{
    cgen_share_parts(c, cgen_loop_var[0], cgen_rows(c, c->ir->node[n].shape).dim[0], false, flops_of_node(c->sc, n));
}

/* Threads share the columns, or the rows.  */
static void add_all_rows(cgen *c, int n, int64_t inner)
{
    shape y = cgen_rows(c, c->ir->node[n].shape);
    int64_t columns = y.dim[y.rank - 1];
    if (columns >= SHARED_COLUMNS || y.rank == 1)
        cgen_share_parts(c, "o", columns, true, flops_of_node(c->sc, n));
    else
        share_rows(c, n);
    plain_product(c, n, inner);
    cgen_end_parts(c);
}

static void matrix_loops(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    int64_t inner = c->ir->node[v->arg[0]].shape.dim[v->shape.rank - 1];
    if (rows_at_a_time(c, n) > 0)
        matmul_t_rows(c, n, inner);
    else if (v->op == OP_matmul_t)
        matmul_t(c, n, inner);
    else
        add_all_rows(c, n, inner);
}

static void matrix_product(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = v->shape;
    int last = --lead.rank;
    int64_t inner = c->ir->node[v->arg[0]].shape.dim[last], outer = v->shape.dim[last];
    subscript x[RANK_MAX], y[RANK_MAX];
    bool small = outer <= c->style->unroll && inner * outer <= 4 * c->style->unroll;
    bool turned = turned_rows(c->ir, n, shape_numel(lead)) > 0 || rows_at_a_time(c, n) > 0;
    if (small || (v->op == OP_matmul_t && !turned))
        cgen_declare(c, n, "");
    else
        cgen_declare_sums(c, n);
    if (small) {
        cgen_loops(c, lead, x);
        memcpy(y, x, sizeof *y * (size_t)last);
        small_product(c, n, x, y, inner);
        cgen_ends(c, last);
    } else if (has_events(c, n) || !cgen_call(c, n, matrix_loops)) {
        matrix_loops(c, n);
    }
}

/* w[q][o] += x[m][q] * y[m][o] + ..., some rows m at a time.  */
static void add_outer(cgen *c, int n, const turns *t)
{
    const ir_node *v = &c->ir->node[n];
    int last = cgen_rows(c, c->ir->node[v->arg[0]].shape).rank - 1;
    subscript x[RANK_MAX], y[RANK_MAX], w[2] = {turn("q", 0), turn("o", 0)};
    buf sum = {0};
    for (int d = 0; d + 1 < last; d++)
        x[d] = y[d] = turn(cgen_loop_var[d], 0);
    x[last] = w[0];
    y[last] = w[1];
    cgen_for(c, "q", v->shape.dim[0]);
    for (int64_t k = 0; k < t->n; k++) {
        if (last > 0)
            x[last - 1] = y[last - 1] = turn_of(t, k);
        still_factor(c, k, cgen_operand(c, n, 0, x));
        buf_printf(&sum, "%sx%lld * %s", k ? " + " : "", (long long)k, cgen_operand(c, n, 1, y));
    }
    cgen_for_each(c, "o", v->shape.dim[1]);
    cgen_line(c, arena_printf(c->arena, "%s += %s;", cgen_sum(c, n, w), buf_text(&sum)));
    cgen_ends(c, 2);
    buf_free(&sum);
}

/* The same where most of x is zero: w[q] is met by the rows m where x[m][q] is not.  */
static void add_outer_events(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    shape rows = c->ir->node[v->arg[0]].shape;
    subscript x[RANK_MAX], y[RANK_MAX], w[2] = {turn("q", 0), turn("o", 0)};
    rows.rank--;
    cgen_share_parts(c, "q", v->shape.dim[0], false, flops_of_node(c->sc, n));
    cgen_for(c, "q", v->shape.dim[0]);
    cgen_loops(c, rows, x);
    memcpy(y, x, sizeof *y * (size_t)rows.rank);
    x[rows.rank] = w[0];
    y[rows.rank] = w[1];
    const char *value = cgen_factor(c, v->arg[0], x);
    cgen_skip_silent(c, value);
    still_factor(c, 0, value);
    cgen_for_each(c, "o", v->shape.dim[1]);
    const char *by = cgen_factor(c, v->arg[1], y);
    cgen_line(c, arena_printf(c->arena, "%s += x0 * %s;", cgen_target(c, n, w), by));
    cgen_ends(c, rows.rank + 2);
    cgen_end_parts(c);
}

static void outer_loops(cgen *c, int n)
{
    shape rows = cgen_rows(c, c->ir->node[c->ir->node[n].arg[0]].shape);
    int64_t size = 1;
    rows.rank--;
    if (rows.rank > 0)
        size = rows.dim[--rows.rank];
    cgen_share_parts(c, "q", c->ir->node[n].shape.dim[0], false, flops_of_node(c->sc, n));
    for (int d = 0; d < rows.rank; d++)
        cgen_for(c, cgen_loop_var[d], rows.dim[d]);
    in_blocks(c, n, 0, size, "row", add_outer);
    cgen_ends(c, rows.rank);
    cgen_end_parts(c);
}

void cgen_product(cgen *c, int n)
{
    if (c->ir->node[n].op != OP_outer) {
        matrix_product(c, n);
        return;
    }
    cgen_declare_sums(c, n);
    if (ir_events(c->ir, c->ir->node[n].arg[0]) == EVENTS_SAID)
        add_outer_events(c, n);
    else if (!cgen_call(c, n, outer_loops))
        outer_loops(c, n);
}
