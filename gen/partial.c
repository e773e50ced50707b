/* SPDX-License-Identifier: Apache-2.0 */
/* In: an element-wise node.  Out: its partial derivatives as nodes; and sums and products of such, in which a zero
   is no node.  */
#include "diff.h"
#include "region.h"

/* --- one partial derivative per element-wise operator and argument ------------------------- */

static int one(ir *g, int n)
{
    return ir_const(g, 1, g->node[n].shape);
}

static int number(ir *g, int n, double value)
{
    return ir_const(g, value, g->node[n].shape);
}

static int partial_none(ir *g, int n, int i)
{
    (void)g, (void)n, (void)i;
    return NO_NODE;
}

static int partial_add(ir *g, int n, int i)
{
    (void)i;
    return one(g, n);
}

static int partial_copy(ir *g, int n, int i)
{
    (void)i;
    return one(g, n);
}

static int partial_graft(ir *g, int n, int i)
{
    return i == 0 ? one(g, n) : i == 1 ? g->node[n].arg[2] : NO_NODE;
}

static int partial_sub(ir *g, int n, int i)
{
    return number(g, n, i ? -1 : 1);
}

static int partial_mul(ir *g, int n, int i)
{
    return g->node[n].arg[1 - i];
}

/* d (a / b) = da / b - (a / b) / b db */
static int partial_div(ir *g, int n, int i)
{
    int b = g->node[n].arg[1];
    return i ? ir_ew1(g, OP_neg, ir_ew2(g, OP_div, n, b)) : ir_ew2(g, OP_div, one(g, n), b);
}

static int partial_neg(ir *g, int n, int i)
{
    (void)i;
    return number(g, n, -1);
}

/* d a^b = b a^(b-1) da + a^b log(a) db */
static int partial_pow(ir *g, int n, int i)
{
    int a = g->node[n].arg[0], b = g->node[n].arg[1];
    if (i)
        return ir_ew2(g, OP_mul, n, ir_ew1(g, OP_log, a));
    return ir_ew2(g, OP_mul, b, ir_ew2(g, OP_pow, a, ir_ew2(g, OP_sub, b, one(g, n))));
}

static int as_real(ir *g, int condition)
{
    return ir_ew1(g, OP_real, condition);
}

/* At a tie the second argument gets it all, as the forward value does.  */
static int partial_maximum(ir *g, int n, int i)
{
    int first = as_real(g, ir_ew2(g, OP_gt, g->node[n].arg[0], g->node[n].arg[1]));
    return i ? ir_ew2(g, OP_sub, one(g, n), first) : first;
}

static int partial_minimum(ir *g, int n, int i)
{
    int first = as_real(g, ir_ew2(g, OP_lt, g->node[n].arg[0], g->node[n].arg[1]));
    return i ? ir_ew2(g, OP_sub, one(g, n), first) : first;
}

static int partial_where(ir *g, int n, int i)
{
    if (i == 0)
        return NO_NODE;
    int yes = number(g, n, i == 1), no = number(g, n, i == 2);
    return ir_ew3(g, OP_where, g->node[n].arg[0], yes, no);
}

static int partial_exp(ir *g, int n, int i)
{
    (void)g, (void)i;
    return n;
}

static int partial_log(ir *g, int n, int i)
{
    (void)i;
    return ir_ew2(g, OP_div, one(g, n), g->node[n].arg[0]);
}

static int partial_log1p(ir *g, int n, int i)
{
    (void)i;
    int sum = ir_ew2(g, OP_add, one(g, n), g->node[n].arg[0]);
    return ir_ew2(g, OP_div, one(g, n), sum);
}

static int partial_expm1(ir *g, int n, int i)
{
    (void)i;
    return ir_ew2(g, OP_add, n, one(g, n));
}

static int partial_sqrt(ir *g, int n, int i)
{
    (void)i;
    return ir_ew2(g, OP_div, number(g, n, 0.5), n);
}

static int partial_sin(ir *g, int n, int i)
{
    return ir_ew1(g, OP_cos, g->node[n].arg[i]);
}

static int partial_cos(ir *g, int n, int i)
{
    return ir_ew1(g, OP_neg, ir_ew1(g, OP_sin, g->node[n].arg[i]));
}

/* d tan(x) = (1 + tan(x)^2) dx */
static int partial_tan(ir *g, int n, int i)
{
    (void)i;
    int square = ir_ew2(g, OP_mul, n, n);
    return ir_ew2(g, OP_add, one(g, n), square);
}

/* d tanh(x) = (1 - tanh(x)^2) dx */
static int partial_tanh(ir *g, int n, int i)
{
    (void)i;
    int square = ir_ew2(g, OP_mul, n, n);
    return ir_ew2(g, OP_sub, one(g, n), square);
}

static int partial_sinh(ir *g, int n, int i)
{
    return ir_ew1(g, OP_cosh, g->node[n].arg[i]);
}

static int partial_cosh(ir *g, int n, int i)
{
    return ir_ew1(g, OP_sinh, g->node[n].arg[i]);
}

static int partial_atan(ir *g, int n, int i)
{
    int x = g->node[n].arg[i], square = ir_ew2(g, OP_mul, x, x);
    int sum = ir_ew2(g, OP_add, one(g, n), square);
    return ir_ew2(g, OP_div, one(g, n), sum);
}

/* d erf(x) = 2/sqrt(pi) exp(-x^2) dx */
static int partial_erf(ir *g, int n, int i)
{
    int x = g->node[n].arg[i];
    int bell = ir_ew1(g, OP_exp, ir_ew1(g, OP_neg, ir_ew2(g, OP_mul, x, x)));
    return ir_ew2(g, OP_mul, number(g, n, 1.1283791670955126), bell);
}

static int partial_abs(ir *g, int n, int i)
{
    return ir_ew1(g, OP_sign, g->node[n].arg[i]);
}

/* d sigmoid(x) = sigmoid(x) (1 - sigmoid(x)) dx */
static int partial_sigmoid(ir *g, int n, int i)
{
    (void)i;
    return ir_ew2(g, OP_mul, n, ir_ew2(g, OP_sub, one(g, n), n));
}

static int partial_relu(ir *g, int n, int i)
{
    int x = g->node[n].arg[i];
    return as_real(g, ir_ew2(g, OP_gt, x, number(g, n, 0)));
}

static int partial_repeat(ir *g, int n, int i)
{
    return region_partial(g, n, i);
}

static int (*const partial_of[OP_COUNT])(ir *, int, int) = {
#define EW(name, arity, result, form, prec, cost, partial, value) [OP_##name] = partial_##partial,
#include "ops.def"
};

int diff_partial(ir *g, int n, int i)
{
    return partial_of[g->node[n].op](g, n, i);
}

/* --- sums with structural zeros ------------------------------------------------------------- */

int diff_plus(ir *g, int a, int b)
{
    if (a == NO_NODE || b == NO_NODE)
        return a == NO_NODE ? b : a;
    return ir_ew2(g, OP_add, a, b);
}

/* a * b; where(c, a, b) * x is where(c, a * x, b * x), so that branches fold, and a zero stays one where x
   is not finite.  */
int diff_times(ir *g, int a, int b)
{
    if (a == NO_NODE || b == NO_NODE || ir_is_zero(g, a) || ir_is_zero(g, b))
        return NO_NODE;
    for (int k = 0; k < 2; k++) {
        int w = k ? b : a, x = k ? a : b;
        const ir_node *v = &g->node[w];
        bool both = v->op == OP_where && g->node[v->arg[1]].op == OP_const
                    && g->node[v->arg[2]].op == OP_const;
        if (both || (v->op == OP_where && (ir_is_zero(g, v->arg[1]) || ir_is_zero(g, v->arg[2])))) {
            int condition = v->arg[0], yes = v->arg[1], no = ir_ew2(g, OP_mul, v->arg[2], x);
            return ir_ew3(g, OP_where, condition, ir_ew2(g, OP_mul, yes, x), no);
        }
    }
    return ir_ew2(g, OP_mul, a, b);
}
