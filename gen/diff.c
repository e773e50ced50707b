/* SPDX-License-Identifier: Apache-2.0 */
/* In: the forward nodes and the graph.  Out: nodes for tangents and adjoints, behind them.
   Afterwards every D, df and adjoint is a node of the IR like any other: simplified, shared, and
   absent where it is structurally zero.  */
#include "diff.h"

#include "region.h"

#include <string.h>

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
    return ir_ew2(g, OP_div, one(g, n), ir_ew2(g, OP_add, one(g, n), g->node[n].arg[0]));
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
    return ir_ew2(g, OP_add, one(g, n), ir_ew2(g, OP_mul, n, n));
}

/* d tanh(x) = (1 - tanh(x)^2) dx */
static int partial_tanh(ir *g, int n, int i)
{
    (void)i;
    return ir_ew2(g, OP_sub, one(g, n), ir_ew2(g, OP_mul, n, n));
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
    int x = g->node[n].arg[i];
    return ir_ew2(g, OP_div, one(g, n), ir_ew2(g, OP_add, one(g, n), ir_ew2(g, OP_mul, x, x)));
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
#define EW(name, arity, result, form, prec, cost, partial) [OP_##name] = partial_##partial,
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
        if (both || (v->op == OP_where && (ir_is_zero(g, v->arg[1]) || ir_is_zero(g, v->arg[2]))))
            return ir_ew3(g, OP_where, v->arg[0], ir_ew2(g, OP_mul, v->arg[1], x),
                          ir_ew2(g, OP_mul, v->arg[2], x));
    }
    return ir_ew2(g, OP_mul, a, b);
}

static int drop_zero(const ir *g, int n)
{
    return n != NO_NODE && ir_is_zero(g, n) ? NO_NODE : n;
}

/* --- forward mode, position by position ------------------------------------------------------ */

/* The diagonal of a product with a square constant: d (x @ M)[o] / d x[o] = M[o][o].  */
static int diagonal(ir *g, int w)
{
    int64_t n = g->node[w].shape.dim[0];
    int *part = ARENA_ARRAY(g->arena, int, n);
    for (int64_t k = 0; k < n; k++)
        part[k] = ir_reshape(g, ir_slice(g, ir_slice(g, w, 0, k, 1), 1, k, 1), shape_of1(1));
    return ir_concat(g, part, (int)n, 0);
}

static int tangent_structural(graph *gr, int n, const int *t, position_way *way, dense_policy dense)
{
    ir *g = gr->ir;
    const ir_node *v = &g->node[n];
    int x = v->n_args ? t[v->arg[0]] : NO_NODE;
    if (x == NO_NODE)
        return NO_NODE;
    if (graph_keeps_positions(g, n, way))
        return v->op == OP_reshape ? ir_reshape(g, x, v->shape) : ir_broadcast(g, x, v->shape);
    bool product = v->op == OP_matmul || v->op == OP_matmul_t;
    if (dense == DENSE_DIAGONAL && product) {
        shape w = g->node[v->arg[1]].shape;
        if (w.dim[0] == w.dim[1])
            return diff_times(g, x, ir_broadcast(g, diagonal(g, v->arg[1]), v->shape));
    }
    return NO_NODE;
}

/* T[n] = d n / d seed position by position, with T[seed] = 1 and weight ops held fixed.  */
static void tangents(graph *gr, int seed, int *t, dense_policy dense)
{
    ir *g = gr->ir;
    position_way way = {.seed = seed};
    for (int n = 0; n < gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        t[n] = NO_NODE;
        if (n == seed) {
            t[n] = one(g, n);
        } else if (n < seed || gr->is_weight_op[n]) {
            continue;
        } else if (op_table[v->op].elementwise) {
            for (int i = 0; i < v->n_args; i++)
                if (t[v->arg[i]] != NO_NODE)
                    t[n] = diff_plus(g, t[n], diff_times(g, diff_partial(g, n, i), t[v->arg[i]]));
            t[n] = drop_zero(g, t[n]);
        } else {
            t[n] = tangent_structural(gr, n, t, &way, dense);
        }
    }
}

static int zero_unless(ir *g, int n, shape s)
{
    return n == NO_NODE ? ir_const(g, 0, s) : n;
}

void diff_jacobians(graph *gr, dense_policy dense)
{
    ir *g = gr->ir;
    int *t = ARENA_ARRAY(g->arena, int, gr->n_base);
    for (int k = 0; k < gr->n_groups; k++) {
        hidden_group *group = &gr->group[k];
        int n = group->n_states;
        group->D = ARENA_ARRAY(g->arena, int, n * n);
        for (int col = 0; col < n; col++) {
            const var *from = &g->var[gr->hidden[group->state[col]]];
            tangents(gr, from->now, t, dense);
            for (int row = 0; row < n; row++) {
                const var *to = &g->var[gr->hidden[group->state[row]]];
                int D = zero_unless(g, t[to->next], to->shape);
                ir_name(g, D, arena_printf(g->arena, "D_%s_%s", to->c_name, from->c_name),
                        arena_printf(g->arena, "h2h: d %s' / d %s", to->path, from->path));
                group->D[row * n + col] = D;
            }
        }
    }
    for (int r = 0; r < gr->n_relations; r++) {
        relation *rel = &gr->relation[r];
        tangents(gr, rel->y, t, DENSE_DROP);
        rel->df = ARENA_ARRAY(g->arena, int, gr->n_hidden);
        for (int s = 0; s < gr->n_hidden; s++) {
            const var *to = &g->var[gr->hidden[s]];
            int df = rel->reaches[s] ? zero_unless(g, t[to->next], to->shape)
                                     : ir_const(g, 0, to->shape);
            ir_name(g, df,
                    arena_printf(g->arena, "df_%s_%s", g->var[rel->param[0]].c_name, to->c_name),
                    arena_printf(g->arena, "h2w: d %s' / d (output of %s)", to->path, rel->name));
            rel->df[s] = df;
        }
    }
}

/* --- reverse mode ----------------------------------------------------------------------------- */

int adjoint_outside(ir *g, const adjoint *a, int n)
{
    return diff_plus(g, a->direct[n], a->spread[n]);
}

int adjoint_total(ir *g, const adjoint *a, int n)
{
    return diff_plus(g, adjoint_outside(g, a, n), a->positional[n]);
}

/* "x,w->y" with its parts in another order: WHICH picks them, "ywx" gives "y,w->x".  */
static const char *reordered(ir *g, const char *labels, const char *which)
{
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    const char *part[3];
    for (int i = 0; i < 3; i++)
        part[i] = which[i] == 'x'   ? arena_strndup(g->arena, labels, (size_t)(comma - labels))
                  : which[i] == 'w' ? arena_strndup(g->arena, comma + 1, (size_t)(arrow - comma - 1))
                                    : arrow + 2;
    return arena_printf(g->arena, "%s,%s->%s", part[0], part[1], part[2]);
}

int diff_operand(ir *g, int n, int ybar)
{
    const ir_node *v = &g->node[n];
    int w = v->arg[1];
    switch (v->op) {
    case OP_matmul: return ir_matmul_t(g, ybar, w);
    case OP_matmul_t: return ir_matmul(g, ybar, w);
    case OP_sparse: return ir_sparse_t(g, ybar, w, v->pattern);
    case OP_einsum: return ir_einsum(g, reordered(g, v->labels, "ywx"), ybar, w);
    default: return NO_NODE; /* OP_embed: an index has no derivative */
    }
}

int diff_weight(ir *g, int n, int ybar)
{
    const ir_node *v = &g->node[n];
    int x = v->arg[0];
    shape s = g->node[v->arg[1]].shape;
    switch (v->op) {
    case OP_matmul: return ir_outer(g, x, ybar);
    case OP_matmul_t: return ir_outer(g, ybar, x);
    case OP_einsum: return ir_einsum(g, reordered(g, v->labels, "xyw"), x, ybar);
    case OP_sparse:
        return ir_sum_to(g, ir_ew2(g, OP_mul, ir_gather(g, x, v->pattern, 0),
                                   ir_gather(g, ybar, v->pattern, 1)), s);
    default: return ir_outer(g, ir_one_hot(g, x, s.dim[0]), ybar);
    }
}

/* y = op(x, w), linear in both.  The gradient of a value made of parameters alone is left to the
   learning rule, use by use, but inside of such values.  */
static void adjoint_product(ir *g, int n, int ybar, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int x = v->arg[0], w = v->arg[1];
    a->direct[x] = diff_plus(g, a->direct[x], diff_operand(g, n, ybar));
    if (v->of_params || !g->node[w].of_params)
        a->direct[w] = diff_plus(g, a->direct[w], diff_weight(g, n, ybar));
}

static int keep_axes(ir *g, int n, int ybar)
{
    const ir_node *v = &g->node[n];
    shape s = g->node[v->arg[0]].shape;
    for (int k = 0; k < s.rank; k++)
        if (v->mask & 1u << k)
            s.dim[k] = 1;
    return ir_broadcast(g, ir_reshape(g, ybar, s), g->node[v->arg[0]].shape);
}

/* Of max and min: to the places that hold it (to all of them in a tie).  */
static int where_extreme(ir *g, int n, int ybar)
{
    int x = g->node[n].arg[0];
    int held = ir_ew2(g, OP_eq, x, keep_axes(g, n, n));
    return ir_ew3(g, OP_where, held, keep_axes(g, n, ybar), number(g, x, 0));
}

static int take_adjoint(ir *g, int n, int ybar)
{
    int x = g->node[n].arg[0], index = g->node[n].arg[1];
    shape s = g->node[x].shape;
    int here = ir_ew2(g, OP_eq, ir_broadcast(g, ir_iota(g, s.dim[s.rank - 1]), s), index);
    shape column = s;
    column.dim[s.rank - 1] = 1;
    int spread = ir_broadcast(g, ir_reshape(g, ybar, column), s);
    return ir_ew3(g, OP_where, here, spread, number(g, x, 0));
}

static void adjoint_concat(ir *g, int n, int ybar, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int64_t start = 0;
    for (int i = 0; i < v->n_args; i++) {
        int x = v->arg[i];
        int64_t count = g->node[x].shape.dim[v->axis];
        a->direct[x] = diff_plus(g, a->direct[x], ir_slice(g, ybar, v->axis, start, count));
        start += count;
    }
}

/* Ops that are not element-wise: what comes in by any way goes on as direct.  */
static void adjoint_structural(ir *g, int n, adjoint *a)
{
    const ir_node *v = &g->node[n];
    if (v->n_args == 0)
        return;
    int x = v->arg[0];
    int ybar = adjoint_total(g, a, n);
    switch (v->op) {
    case OP_matmul:
    case OP_matmul_t:
    case OP_einsum:
    case OP_embed:
    case OP_sparse: adjoint_product(g, n, ybar, a); return;
    case OP_concat: adjoint_concat(g, n, ybar, a); return;
    case OP_slice:
        ybar = ir_pad(g, ybar, v->axis, v->start, g->node[x].shape.dim[v->axis]);
        break;
    case OP_permute: {
        int back[RANK_MAX];
        for (int k = 0; k < v->shape.rank; k++)
            back[v->labels[k] - 'a'] = k;
        ybar = ir_permute(g, ybar, back);
        break;
    }
    case OP_windows:
        ybar = ir_unwindows(g, ybar, v->window, v->n_windows, g->node[x].shape);
        break;
    case OP_sum: ybar = keep_axes(g, n, ybar); break;
    case OP_reduce_max:
    case OP_reduce_min: ybar = where_extreme(g, n, ybar); break;
    case OP_take: ybar = take_adjoint(g, n, ybar); break;
    case OP_reshape: {
        int *part[] = {a->direct, a->positional, a->spread};
        for (int k = 0; k < 3; k++)
            if (part[k][n] != NO_NODE)
                part[k][x] = diff_plus(g, part[k][x], ir_reshape(g, part[k][n], g->node[x].shape));
        return;
    }
    case OP_broadcast: {
        shape s = g->node[x].shape;
        int positional = diff_plus(g, a->positional[n], a->spread[n]);
        if (a->direct[n] != NO_NODE)
            a->direct[x] = diff_plus(g, a->direct[x], ir_sum_to(g, a->direct[n], s));
        if (positional != NO_NODE)
            a->spread[x] = diff_plus(g, a->spread[x], ir_sum_to(g, positional, s));
        return;
    }
    default: return;
    }
    a->direct[x] = diff_plus(g, a->direct[x], ybar);
}

static void adjoint_elementwise(ir *g, int n, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int *part[] = {a->direct, a->positional, a->spread};
    for (int i = 0; i < v->n_args; i++) {
        int d = diff_partial(g, n, i);
        for (int k = 0; k < 3; k++)
            part[k][v->arg[i]] = diff_plus(g, part[k][v->arg[i]], diff_times(g, d, part[k][n]));
    }
}

adjoint diff_reverse(graph *gr, bool split, const int *seed, const bool *stop)
{
    ir *g = gr->ir;
    adjoint a;
    int **part[] = {&a.direct, &a.positional, &a.spread};
    for (int k = 0; k < 3; k++) {
        *part[k] = ARENA_ARRAY(g->arena, int, gr->n_base);
        for (int n = 0; n < gr->n_base; n++)
            (*part[k])[n] = k == 0 ? seed[n] : NO_NODE;
    }
    for (int n = gr->n_base - 1; n >= 0; n--) {
        for (int k = 0; k < 3; k++)
            (*part[k])[n] = drop_zero(g, (*part[k])[n]);
        if (g->node[n].of_params || (stop && stop[n]) || adjoint_total(g, &a, n) == NO_NODE)
            continue;
        adjoint in = a;
        int parts[3] = {a.direct[n], a.positional[n], a.spread[n]};
        if (split && gr->state_at[n] >= 0) { /* from here on it is the trace that carries it */
            a.positional[n] = adjoint_total(g, &in, n);
            a.direct[n] = a.spread[n] = NO_NODE;
        }
        if (op_table[g->node[n].op].elementwise)
            adjoint_elementwise(g, n, &a);
        else
            adjoint_structural(g, n, &a);
        for (int k = 0; k < 3; k++)
            (*part[k])[n] = parts[k];
    }
    return a;
}

adjoint diff_adjoint(graph *gr, bool split, const int *cotangent)
{
    ir *g = gr->ir;
    int *seed = ARENA_ARRAY(g->arena, int, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        seed[n] = NO_NODE;
    for (int s = 0; cotangent && s < gr->n_hidden; s++) {
        int next = g->var[gr->hidden[s]].next;
        seed[next] = diff_plus(g, seed[next], cotangent[s]);
    }
    if (g->loss != NO_NODE)
        seed[g->loss] = diff_plus(g, seed[g->loss], one(g, g->loss));
    return diff_reverse(gr, split, seed, NULL);
}

void diff_parameters(graph *gr, int *gradient, const bool *cut)
{
    ir *g = gr->ir;
    adjoint a = {gradient, ARENA_ARRAY(g->arena, int, gr->n_base),
                 ARENA_ARRAY(g->arena, int, gr->n_base)};
    for (int n = 0; n < gr->n_base; n++)
        a.positional[n] = a.spread[n] = NO_NODE;
    for (int n = gr->n_base - 1; n >= 0; n--) {
        gradient[n] = cut && cut[n] ? NO_NODE : drop_zero(g, gradient[n]);
        if (gradient[n] == NO_NODE || !g->node[n].of_params)
            continue;
        if (op_table[g->node[n].op].elementwise)
            adjoint_elementwise(g, n, &a);
        else
            adjoint_structural(g, n, &a);
    }
}
