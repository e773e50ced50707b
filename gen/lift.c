/* SPDX-License-Identifier: Apache-2.0 */
/* In: nodes of one turn (a sample, or a step).  Out: nodes of several turns at once, which have the turns as their
   first axis, and sums over the turns.
   Afterwards a product meets a weight with the rows of all turns, and reads it once.  */
#include "lift.h"

#include <string.h>

/* The letters of a contraction are loop variables.  */
enum { LETTERS_MAX = RANK_MAX };

lifter lift_begin(ir *g, int64_t rows)
{
    lifter res = {.g = g, .rows = rows, .n_nodes = g->n_nodes, .of = ARENA_ARRAY(g->arena, int, g->n_nodes + 1),
                  .depends = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1)};
    for (int n = 0; n < g->n_nodes; n++)
        res.of[n] = NO_NODE;
    return res;
}

static bool with_rows(const lifter *b, shape s, shape *res)
{
    if (s.rank == RANK_MAX)
        return false;
    res->rank = s.rank + 1;
    res->dim[0] = b->rows;
    memcpy(&res->dim[1], s.dim, sizeof *s.dim * (size_t)s.rank);
    return true;
}

int lift_value(const lifter *b, int x)
{
    shape s;
    if (b->depends[x])
        return b->of[x];
    return with_rows(b, b->g->node[x].shape, &s) ? ir_broadcast(b->g, x, s) : NO_NODE;
}

/* Node V with the axis of turns in front, its first N_LIFTED arguments, too.  */
static int clone(const lifter *b, ir_node v, int n_lifted)
{
    int *arg = ARENA_ARRAY(b->g->arena, int, v.n_args + 1);
    for (int i = 0; i < v.n_args; i++) {
        arg[i] = i < n_lifted ? lift_value(b, v.arg[i]) : v.arg[i];
        if (arg[i] == NO_NODE || (i >= n_lifted && b->depends[v.arg[i]]))
            return NO_NODE;
    }
    v.arg = arg;
    return with_rows(b, v.shape, &v.shape) ? ir_intern(b->g, v) : NO_NODE;
}

/* --- contractions ---------------------------------------------------------------------------------- */

static const char *labels_of(const lifter *b, int n)
{
    const ir_node *v = &b->g->node[n];
    char lead[RANK_MAX + 1];
    if (v->op != OP_outer)
        return ir_labels(b->g, n);
    ir_letters(lead, 'a', b->g->node[v->arg[0]].shape.rank - 1);
    return arena_printf(b->g->arena, "%sx,%sy->xy", lead, lead);
}

static int count_letters(const char *labels)
{
    int n = 0;
    for (const char *p = labels; *p; p++)
        n += strchr(",->", *p) == NULL && memchr(labels, *p, (size_t)(p - labels)) == NULL;
    return n;
}

/* The product N with the turns as one letter more, which SUM takes out of the result.  */
static int contraction(const lifter *b, int n, bool sum)
{
    ir *g = b->g;
    const ir_node v = g->node[n];
    const char *labels = labels_of(b, n);
    int x = v.arg[0], w = v.arg[1], shift = b->depends[w];
    if (count_letters(labels) + 1 > LETTERS_MAX || g->node[x].shape.rank == RANK_MAX
        || g->node[w].shape.rank == RANK_MAX || v.shape.rank == RANK_MAX)
        return NO_NODE;
    int lx = b->depends[x] ? b->of[x] : x, lw = b->depends[w] ? b->of[w] : w;
    if (lx == NO_NODE || lw == NO_NODE)
        return NO_NODE;
    if (v.op == OP_matmul_t)
        lw = ir_slice(g, lw, shift, v.start, v.shape.dim[v.shape.rank - 1]);
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    const char *text = arena_printf(g->arena, "%s%.*s,%s%.*s->%s%s", b->depends[x] ? "z" : "",
                                    (int)(comma - labels), labels, b->depends[w] ? "z" : "",
                                    (int)(arrow - comma) - 1, comma + 1, sum ? "" : "z", arrow + 2);
    return ir_einsum(g, text, lx, lw);
}

/* --- node by node ---------------------------------------------------------------------------------- */

static int lift_moved(const lifter *b, int n)
{
    ir *g = b->g;
    const ir_node v = g->node[n];
    int x = lift_value(b, v.arg[0]), axis[RANK_MAX] = {0};
    shape s, column;
    if (x == NO_NODE || !with_rows(b, v.shape, &s))
        return NO_NODE;
    switch (v.op) {
    case OP_reshape: return ir_reshape(g, x, s);
    case OP_permute:
        for (int k = 0; k < v.shape.rank; k++)
            axis[k + 1] = v.labels[k] - 'a' + 1;
        return ir_permute(g, x, axis);
    case OP_broadcast:
        column = s;
        for (int k = 1; k < s.rank; k++) {
            int from = k - s.rank + g->node[x].shape.rank;
            column.dim[k] = from >= 1 ? g->node[x].shape.dim[from] : 1;
        }
        return ir_broadcast(g, ir_reshape(g, x, column), s);
    default: return ir_reduce(g, v.op, x, v.mask << 1);
    }
}

/* On a tape the samples are behind the steps.  */
static int lift_variable(const lifter *b, int n)
{
    ir_node v = b->g->node[n];
    int axis[RANK_MAX] = {1, 0};
    if (b->g->var[v.var].kind != VAR_TAPE)
        return clone(b, v, 0);
    if (v.shape.rank == RANK_MAX)
        return NO_NODE;
    for (int k = v.shape.rank; k > 1; k--) {
        v.shape.dim[k] = v.shape.dim[k - 1];
        axis[k] = k;
    }
    v.shape.dim[1] = b->rows;
    v.shape.rank++;
    return ir_permute(b->g, ir_intern(b->g, v), axis);
}

int lift_node(const lifter *b, int n)
{
    const ir_node v = b->g->node[n];
    ir_node moved = v;
    if (op_table[v.op].elementwise)
        return v.op == OP_graft ? lift_value(b, v.arg[0]) : clone(b, v, v.n_args);
    if (op_table[v.op].weight == WEIGHT_LETTERS && (v.labels || b->depends[v.arg[1]]))
        return contraction(b, n, false);
    if (op_table[v.op].weight != WEIGHT_NONE)
        return clone(b, v, 1);
    switch (v.op) {
    case OP_var: return lift_variable(b, n);
    case OP_outer: return contraction(b, n, false);
    case OP_windows:
    case OP_unwindows:
    case OP_sparse_t:
    case OP_gather: return clone(b, v, 1);
    case OP_take: return clone(b, v, 2);
    case OP_concat:
    case OP_slice:
    case OP_pad: moved.axis++; return clone(b, moved, v.n_args);
    case OP_reshape:
    case OP_permute:
    case OP_broadcast:
    case OP_sum:
    case OP_reduce_max:
    case OP_reduce_min: return lift_moved(b, n);
    default: return NO_NODE;
    }
}

/* --- sums over the turns ------------------------------------------------------------------------- */

/* Of each turn, then added up.  */
static int sum_of_each(const lifter *b, int n)
{
    return b->of[n] == NO_NODE ? NO_NODE : ir_reduce(b->g, OP_sum, b->of[n], 1);
}

/* Is the element-wise N made of a trace of its own size?  Then all of it is added up while that is met.  */
static bool meets_trace(const lifter *b, int n)
{
    const ir_node *v = &b->g->node[n];
    if (!b->depends[n])
        return false;
    if (v->op == OP_var)
        return b->g->var[v->var].kind == VAR_TRACE;
    if (!op_table[v->op].elementwise && v->op != OP_reshape && v->op != OP_slice)
        return false;
    for (int i = 0; i < ir_n_reads(b->g, n); i++)
        if (meets_trace(b, v->arg[i]))
            return true;
    return false;
}

/* The vector that N is, the same along AXIS of a matrix; NO_NODE: it is none.  */
static int vector_along(const lifter *b, int n, int axis)
{
    ir *g = b->g;
    const ir_node v = g->node[n];
    if (v.op != OP_broadcast || !b->depends[n] || b->of[v.arg[0]] == NO_NODE)
        return NO_NODE;
    shape s = g->node[v.arg[0]].shape;
    int missing = v.shape.rank - s.rank, other = !axis;
    bool same = axis < missing || s.dim[axis - missing] == 1;
    int64_t size = other < missing ? 1 : s.dim[other - missing];
    return same && size == v.shape.dim[other]
               ? ir_reshape(g, b->of[v.arg[0]], shape_of2(b->rows, size))
               : NO_NODE;
}

/* The product of a row and a column, or NO_NODE.  */
static int sum_of_outer(const lifter *b, int n)
{
    const ir_node v = b->g->node[n];
    for (int k = 0; k < 2 && v.shape.rank == 2; k++) {
        int x = vector_along(b, v.arg[k], 1), y = vector_along(b, v.arg[!k], 0);
        if (x != NO_NODE && y != NO_NODE)
            return ir_outer(b->g, x, y);
    }
    return NO_NODE;
}

static int sum_elementwise(const lifter *b, int n)
{
    ir *g = b->g;
    const ir_node v = g->node[n];
    int x = v.arg[0], w = v.n_args > 1 ? v.arg[1] : NO_NODE;
    if (v.op == OP_mul && b->depends[x] != b->depends[w]) {
        int sum = lift_sum(b, b->depends[x] ? x : w);
        return sum == NO_NODE ? NO_NODE : ir_ew2(g, OP_mul, sum, b->depends[x] ? w : x);
    }
    if (v.shape.rank < 2 || meets_trace(b, n))
        return NO_NODE;
    if (v.op == OP_add || v.op == OP_sub) {
        int left = lift_sum(b, x), right = lift_sum(b, w);
        return left == NO_NODE || right == NO_NODE ? NO_NODE : ir_ew2(g, v.op, left, right);
    }
    return v.op == OP_mul ? sum_of_outer(b, n) : NO_NODE;
}

/* A move of what is summed.  */
static int sum_moved(const lifter *b, int n)
{
    ir_node v = b->g->node[n];
    int *arg = ARENA_ARRAY(b->g->arena, int, v.n_args);
    for (int i = 0; i < v.n_args; i++) {
        arg[i] = lift_sum(b, v.arg[i]);
        if (arg[i] == NO_NODE)
            return NO_NODE;
    }
    v.arg = arg;
    return ir_intern(b->g, v);
}

/* The sum of N, which depends on the turn, by what it is made of; NO_NODE: that has no values for all turns.  */
static int sum_of_parts(const lifter *b, int n)
{
    ir *g = b->g;
    const ir_node v = g->node[n];
    if (op_table[v.op].elementwise)
        return sum_elementwise(b, n);
    int x, y;
    switch (v.op) {
    case OP_outer:
        x = lift_value(b, v.arg[0]);
        y = lift_value(b, v.arg[1]);
        return x == NO_NODE || y == NO_NODE ? NO_NODE : ir_outer(g, x, y);
    case OP_einsum: return contraction(b, n, true);
    case OP_embed_t:
        x = lift_value(b, v.arg[0]);
        y = lift_value(b, v.arg[1]);
        return x == NO_NODE || y == NO_NODE ? NO_NODE : ir_embed_t(g, x, y, v.shape.dim[0]);
    case OP_sum:
        x = lift_value(b, v.arg[0]);
        return x == NO_NODE ? NO_NODE : ir_reduce(g, OP_sum, x, v.mask << 1 | 1);
    case OP_reshape:
    case OP_permute:
    case OP_slice:
    case OP_pad:
    case OP_concat:
    case OP_broadcast: return sum_moved(b, n);
    default: return NO_NODE;
    }
}

int lift_sum(const lifter *b, int n)
{
    if (!b->depends[n])
        return ir_ew2(b->g, OP_mul, ir_const(b->g, (double)b->rows, b->g->node[n].shape), n);
    int sum = sum_of_parts(b, n);
    return sum != NO_NODE ? sum : sum_of_each(b, n);
}
