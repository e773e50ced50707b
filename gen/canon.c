/* SPDX-License-Identifier: Apache-2.0 */
/* In: an operator and its arguments.  Out: a simpler node of the same value, if there is one.
   Afterwards no node adds a structural zero or multiplies by a structural one or zero: what the
   differentiation finds to be zero costs nothing.  (0 * x is 0 also where x would be infinite.)  */
#include "canon.h"

#include "loop.h"

#include <math.h>

#define NONE ((double)NAN)

/* C leaves a division by zero undefined; IEEE 754 does not.  */
static double quotient(double x, double y)
{
    if (y < 0 || y > 0 || isnan(y))
        return x / y;
    return x < 0 || x > 0 ? copysign(HUGE_VAL, x) * copysign(1, y) : (double)NAN;
}

double canon_fold(op_code op, const double *x)
{
    switch (op) {
#define EW(name, arity, result, form, prec, cost, partial, value) case OP_##name: return value;
#include "ops.def"
    default: return NONE;
    }
}

static bool is_op(const ir *g, int x, op_code op)
{
    return g->node[x].op == op;
}

static int canon_add(ir *g, int a, int b)
{
    if (ir_is_zero(g, a))
        return b;
    if (ir_is_zero(g, b))
        return a;
    if (is_op(g, b, OP_neg))
        return ir_ew2(g, OP_sub, a, g->node[b].arg[0]);
    if (is_op(g, a, OP_neg))
        return ir_ew2(g, OP_sub, b, g->node[a].arg[0]);
    return NO_NODE;
}

static int canon_sub(ir *g, int a, int b)
{
    if (ir_is_zero(g, b))
        return a;
    if (ir_is_zero(g, a))
        return ir_ew1(g, OP_neg, b);
    if (a == b)
        return ir_const(g, 0, g->node[a].shape);
    if (is_op(g, b, OP_neg))
        return ir_ew2(g, OP_add, a, g->node[b].arg[0]);
    return NO_NODE;
}

static int canon_mul(ir *g, int a, int b)
{
    for (int k = 0; k < 2; k++) {
        int c = k ? b : a, other = k ? a : b;
        if (!is_op(g, c, OP_const))
            continue;
        if (ir_is_const(g, c, 0))
            return ir_const(g, 0, g->node[c].shape);
        if (ir_is_const(g, c, 1))
            return other;
        if (ir_is_const(g, c, -1))
            return ir_ew1(g, OP_neg, other);
        /* c * (d * x) = (c d) * x */
        if (is_op(g, other, OP_mul) && is_op(g, g->node[other].arg[0], OP_const)) {
            double product = g->node[c].number * g->node[g->node[other].arg[0]].number;
            int rest = g->node[other].arg[1];
            if (!ir_has_number(g, product))
                return k == 0 ? NO_NODE : ir_ew2(g, OP_mul, c, other);
            return ir_ew2(g, OP_mul, ir_const(g, product, g->node[c].shape), rest);
        }
        if (k == 1 && !is_op(g, other, OP_const)) /* two constants whose product is infinite stay as they are */
            return ir_ew2(g, OP_mul, c, other);
    }
    if (is_op(g, a, OP_neg))
        return ir_ew1(g, OP_neg, ir_ew2(g, OP_mul, g->node[a].arg[0], b));
    if (is_op(g, b, OP_neg))
        return ir_ew1(g, OP_neg, ir_ew2(g, OP_mul, a, g->node[b].arg[0]));
    return NO_NODE;
}

static int canon_pow(ir *g, int a, int b)
{
    if (ir_is_const(g, b, 0))
        return ir_const(g, 1, g->node[a].shape);
    if (ir_is_const(g, b, 1))
        return a;
    if (ir_is_const(g, b, 2))
        return ir_ew2(g, OP_mul, a, a);
    if (ir_is_const(g, b, 3))
        return ir_ew2(g, OP_mul, ir_ew2(g, OP_mul, a, a), a);
    if (ir_is_const(g, b, 0.5))
        return ir_ew1(g, OP_sqrt, a);
    if (ir_is_const(g, b, -1))
        return ir_ew2(g, OP_div, ir_const(g, 1, g->node[a].shape), a);
    return NO_NODE;
}

static int canon_where(ir *g, int c, int a, int b)
{
    if (a == b)
        return a;
    if (is_op(g, c, OP_const))
        return g->node[c].number < 0 || g->node[c].number > 0 ? a : b;
    return NO_NODE;
}

int canon_elementwise(ir *g, op_code op, const int *arg, shape s)
{
    double x[3] = {0, 0, 0};
    bool constant = true;
    for (int i = 0; i < op_table[op].arity; i++) {
        constant = constant && is_op(g, arg[i], OP_const);
        x[i] = g->node[arg[i]].number;
    }
    if (constant) {
        double value = canon_fold(op, x);
        if (ir_has_number(g, value))
            return ir_const(g, value, s);
    }
    switch (op) {
    case OP_add: return canon_add(g, arg[0], arg[1]);
    case OP_sub: return canon_sub(g, arg[0], arg[1]);
    case OP_mul: return canon_mul(g, arg[0], arg[1]);
    case OP_pow: return canon_pow(g, arg[0], arg[1]);
    case OP_where: return canon_where(g, arg[0], arg[1], arg[2]);
    case OP_div:
        if (ir_is_const(g, arg[1], 1) || ir_is_zero(g, arg[0]))
            return arg[0];
        return NO_NODE;
    case OP_neg:
        return is_op(g, arg[0], OP_neg) ? g->node[arg[0]].arg[0] : NO_NODE;
    case OP_graft: /* a constant has no derivative to graft on */
        return is_op(g, arg[1], OP_const) || ir_is_zero(g, arg[2]) ? arg[0] : NO_NODE;
    case OP_index:
        return g->node[arg[0]].type == TYPE_INDEX ? arg[0] : NO_NODE;
    case OP_real:
        return g->node[arg[0]].type == TYPE_REAL ? arg[0] : NO_NODE;
    default: return NO_NODE;
    }
}

void canon_mark(const ir *g, int n, bool *live, int n_live)
{
    const ir_node *v = &g->node[n];
    const bool *need = v->op == OP_loop ? loop_needs(g, n, live, n_live) : NULL;
    for (int i = 0; i < ir_n_reads(g, n); i++)
        if (!need || need[g->loop[v->pattern].bound[i]])
            live[v->arg[i]] = true;
}

bool *canon_live(ir *g, const int *root, size_t n_roots)
{
    bool *live = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    for (size_t i = 0; i < n_roots; i++)
        live[root[i]] = true;
    for (int n = g->n_nodes - 1; n >= 0; n--)
        if (live[n])
            canon_mark(g, n, live, g->n_nodes);
    return live;
}
