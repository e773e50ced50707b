/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product with a weight that is itself a product of parameters, W = base + s A B with A [n, r] and B [r, m]
   (Hu et al., ICLR 2022); and, on the way back to A and B, the adjoint of such a product.
   Out: x base + (s x A) B, and gradients x (s y B^T) of A and (s x A) y of B, y the adjoint of x W.
   The gradient of s, the sum of A B times x y, is that of (x A) times (y B^T).
   Afterwards neither W nor its gradient is made where two thin products are cheaper.  */
#include "low_rank.h"

/* Without a base or a scale: NO_NODE.  TURNED: `right` is [m, r].  */
typedef struct {
    int base, scale, left, right;
    bool turned;
} factors;

/* One number at every element.  */
static bool is_uniform(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    return v->op == OP_const || (v->op == OP_broadcast && shape_numel(g->node[v->arg[0]].shape) == 1);
}

/* X times the uniform SCALE.  */
static int scaled(ir *g, int scale, int x)
{
    if (scale == NO_NODE)
        return x;
    ir_node s = g->node[scale];
    int number = s.op == OP_const ? ir_const(g, s.number, shape_scalar())
                                  : ir_reshape(g, s.arg[0], shape_scalar());
    return ir_ew2(g, OP_mul, number, x);
}

static bool is_matrix_product(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    return (v->op == OP_matmul || v->op == OP_matmul_t) && v->of_params && v->start == 0
           && g->node[v->arg[0]].shape.rank == 2;
}

static bool read_factors(const ir *g, int w, factors *f)
{
    const ir_node *v = &g->node[w];
    if (is_matrix_product(g, w)) {
        *f = (factors){NO_NODE, NO_NODE, v->arg[0], v->arg[1], v->op == OP_matmul_t};
        return true;
    }
    for (int i = 0; i < 2 && (v->op == OP_add || v->op == OP_mul); i++) {
        int part = v->arg[i], other = v->arg[!i];
        if (v->op == OP_add && read_factors(g, part, f) && f->base == NO_NODE) {
            f->base = other;
            return true;
        }
        if (v->op == OP_mul && is_uniform(g, other) && is_matrix_product(g, part)) {
            read_factors(g, part, f);
            f->scale = other;
            return true;
        }
    }
    return false;
}

/* Rows of X, over the batch.  */
static int64_t rows_of(const ir *g, int x)
{
    shape s = g->node[x].shape;
    s.rank--;
    return shape_numel(s) * g->batch;
}

/* Multiplications there and back, with W made once for both.  */
static bool is_cheaper(const ir *g, const factors *f, int x, int w)
{
    shape s = g->node[w].shape;
    int64_t rows = rows_of(g, x), size = shape_numel(s), rank = g->node[f->left].shape.dim[1];
    int64_t thin = 2 * rows * rank * (s.dim[0] + s.dim[1]);
    int64_t full = size * rank + (f->base == NO_NODE ? 2 * rows * size : size);
    return thin < full;
}

static int by_matrix(ir *g, int x, int w, bool transposed)
{
    return transposed ? ir_matmul_t(g, x, w) : ir_matmul(g, x, w);
}

/* X times W, or W transposed.  */
static int thin_product(ir *g, const factors *f, int x, bool transposed)
{
    int first = transposed ? by_matrix(g, x, f->right, !f->turned) : ir_matmul(g, x, f->left);
    int y = scaled(g, f->scale, first);
    y = transposed ? ir_matmul_t(g, y, f->left) : by_matrix(g, y, f->right, f->turned);
    return f->base == NO_NODE ? y : ir_ew2(g, OP_add, by_matrix(g, x, f->base, transposed), y);
}

int low_rank_product(ir *g, op_code op, int x, int w)
{
    factors f;
    int y = by_matrix(g, x, w, op == OP_matmul_t);
    if (g->node[y].op != op || g->node[x].of_params || !g->node[w].of_params || !read_factors(g, w, &f)
        || !is_cheaper(g, &f, x, w))
        return y;
    int value = ir_ew1(g, OP_stop_gradient, thin_product(g, &f, x, op == OP_matmul_t));
    return ir_ew3(g, OP_graft, value, y, ir_const(g, 1, g->node[y].shape));
}

/* --- the way back to A and B ---------------------------------------------------------------------- */

/* A matrix [n, m] that is x y, summed over the rows of x[.., n] and y[.., m].  */
typedef struct {
    int x, y;
    bool summed; /* they have rows */
} outer_part;

enum { PARTS_MAX = 8 };

typedef struct {
    int n;
    outer_part part[PARTS_MAX];
} outer_parts;

static int times(ir *g, int a, int b)
{
    return a == NO_NODE ? b : b == NO_NODE ? a : ir_ew2(g, OP_mul, a, b);
}

/* A value that is the same along the last axis of N, or along the one before; its lead are axes to be summed over.  */
static bool split_broadcast(ir *g, int n, outer_part *p)
{
    int below = g->node[n].arg[0];
    shape s = g->node[below].shape;
    int64_t last = s.rank > 0 ? s.dim[s.rank - 1] : 1, before = s.rank > 1 ? s.dim[s.rank - 2] : 1;
    if (last != 1 && before != 1)
        return false;
    s.rank = s.rank > 2 ? s.rank - 2 : 0;
    s.dim[s.rank++] = last == 1 ? before : last;
    *(last == 1 ? &p->x : &p->y) = ir_reshape(g, below, s);
    return true;
}

/* N [.., n, m] as x[.., n] times y[.., m] without a sum; NO_NODE of these is 1.  */
static bool split(ir *g, int n, outer_part *p)
{
    const ir_node v = g->node[n];
    outer_part a, b;
    *p = (outer_part){NO_NODE, NO_NODE, false};
    switch (v.op) {
    case OP_const: p->x = ir_const(g, v.number, shape_scalar()); return true;
    case OP_broadcast: return split_broadcast(g, n, p);
    case OP_outer:
        *p = (outer_part){v.arg[0], v.arg[1], true};
        return true;
    case OP_mul:
        if (!split(g, v.arg[0], &a) || !split(g, v.arg[1], &b) || (a.summed && b.summed))
            return false;
        *p = (outer_part){times(g, a.x, b.x), times(g, a.y, b.y), a.summed || b.summed};
        return true;
    default: return false;
    }
}

/* X with LEAD before its last axis, of N elements.  */
static int with_lead(ir *g, int x, shape lead, int64_t n)
{
    lead.dim[lead.rank++] = n;
    return ir_broadcast(g, x == NO_NODE ? ir_const(g, 1, shape_scalar()) : x, lead);
}

static bool add_part(ir *g, int n, int factor, outer_parts *parts)
{
    const ir_node v = g->node[n];
    shape lead = shape_scalar(), s = v.shape;
    outer_part p;
    if (v.op == OP_sum) { /* over leading axes alone */
        shape from = g->node[v.arg[0]].shape;
        int axes = from.rank - s.rank;
        if (v.mask != (1u << axes) - 1)
            return false;
        lead = from;
        lead.rank = axes;
    }
    if (parts->n == PARTS_MAX || !split(g, v.op == OP_sum ? v.arg[0] : n, &p)
        || (p.summed && v.op == OP_sum))
        return false;
    if (!p.summed) {
        p.x = with_lead(g, p.x, lead, s.dim[0]);
        p.y = with_lead(g, p.y, lead, s.dim[1]);
    }
    p.y = scaled(g, factor, p.y);
    parts->part[parts->n++] = p;
    return true;
}

/* The matrix N times the uniform FACTOR as a sum of such parts.  */
static bool read_parts(ir *g, int n, int factor, outer_parts *parts)
{
    const ir_node v = g->node[n];
    if (v.op == OP_add)
        return read_parts(g, v.arg[0], factor, parts) && read_parts(g, v.arg[1], factor, parts);
    for (int i = 0; i < 2 && v.op == OP_mul; i++)
        if (is_uniform(g, v.arg[i]))
            return read_parts(g, v.arg[!i], times(g, factor, v.arg[i]), parts);
    return add_part(g, n, factor, parts);
}

/* Is YBAR, the adjoint of the product N of parameters, a sum of parts so thin that it need not be made?  */
static bool is_thin(ir *g, int n, int ybar, outer_parts *parts)
{
    shape s = g->node[n].shape;
    int64_t rows = 0, size = shape_numel(s);
    parts->n = 0;
    if (!is_matrix_product(g, n) || !read_parts(g, ybar, NO_NODE, parts))
        return false;
    for (int i = 0; i < parts->n; i++)
        rows += rows_of(g, parts->part[i].x);
    return rows * (s.dim[0] + s.dim[1]) < size + rows * size / (2 * g->node[g->node[n].arg[0]].shape.dim[1]);
}

static int plus(ir *g, int a, int b)
{
    return a == NO_NODE ? b : ir_ew2(g, OP_add, a, b);
}

int low_rank_operand(ir *g, int n, int ybar)
{
    const ir_node v = g->node[n];
    int w = v.arg[1], sum = NO_NODE;
    outer_parts parts;
    factors f;
    if ((v.op == OP_matmul || v.op == OP_matmul_t) && !v.of_params && g->node[w].of_params && read_factors(g, w, &f)
        && is_cheaper(g, &f, v.arg[0], w))
        return thin_product(g, &f, ybar, v.op == OP_matmul);
    if (!is_thin(g, n, ybar, &parts))
        return NO_NODE;
    for (int i = 0; i < parts.n; i++)
        sum = plus(g, sum, ir_outer(g, parts.part[i].x,
                                    by_matrix(g, parts.part[i].y, w, v.op == OP_matmul)));
    return sum;
}

int low_rank_weight(ir *g, int n, int ybar)
{
    const ir_node v = g->node[n];
    int sum = NO_NODE;
    outer_parts parts;
    if (!is_thin(g, n, ybar, &parts))
        return NO_NODE;
    for (int i = 0; i < parts.n; i++) {
        int x = ir_matmul(g, parts.part[i].x, v.arg[0]), y = parts.part[i].y;
        sum = plus(g, sum, v.op == OP_matmul ? ir_outer(g, x, y) : ir_outer(g, y, x));
    }
    return sum;
}

int low_rank_sum(ir *g, int n)
{
    const ir_node v = g->node[n];
    outer_parts parts = {0};
    int64_t rows = 0;
    int i = v.op == OP_mul && is_matrix_product(g, v.arg[1]), sum = NO_NODE;
    if (v.op != OP_mul || !is_matrix_product(g, v.arg[i]) || !read_parts(g, v.arg[!i], NO_NODE, &parts))
        return NO_NODE;
    const ir_node product = g->node[v.arg[i]];
    for (int k = 0; k < parts.n; k++)
        rows += rows_of(g, parts.part[k].x);
    if (rows * (v.shape.dim[0] + v.shape.dim[1]) >= shape_numel(v.shape))
        return NO_NODE;
    for (int k = 0; k < parts.n; k++) {
        int x = ir_matmul(g, parts.part[k].x, product.arg[0]);
        int y = by_matrix(g, parts.part[k].y, product.arg[1], product.op == OP_matmul);
        int both = ir_ew2(g, OP_mul, x, y);
        sum = plus(g, sum, ir_reduce(g, OP_sum, both, (1u << g->node[both].shape.rank) - 1));
    }
    return sum;
}
