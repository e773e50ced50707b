/* SPDX-License-Identifier: Apache-2.0 */
/* In: a schedule.  Out: the floating-point operations of one call for one sample. An element-wise
   operator counts as ops.def says; a product as a multiplication and an addition for each pair of
   elements; moves, copies and comparisons of indices as nothing.  */
#include "flops.h"

#include "loop.h"
#include "region.h"
#include "size.h"

#include <string.h>

/* A multiplication and an addition for each pair of elements.  */
static int64_t of_pairs(int64_t n)
{
    return size_times(2, n);
}

static int64_t flops_none(const ir *g, const ir_node *v)
{
    (void)g;
    (void)v;
    return 0;
}

static int64_t flops_product(const ir *g, const ir_node *v)
{
    shape x = g->node[v->arg[0]].shape;
    return of_pairs(size_times(shape_numel(v->shape), x.dim[x.rank - 1]));
}

static int64_t flops_outer(const ir *g, const ir_node *v)
{
    shape lead = g->node[v->arg[0]].shape;
    lead.rank--;
    return of_pairs(size_times(shape_numel(lead), shape_numel(v->shape)));
}

static int64_t flops_einsum(const ir *g, const ir_node *v)
{
    const char *comma = strchr(v->labels, ','), *arrow = strstr(v->labels, "->");
    shape x = g->node[v->arg[0]].shape, w = g->node[v->arg[1]].shape;
    int64_t n = shape_numel(x);
    for (const char *p = comma + 1; p < arrow; p++)
        if (!memchr(v->labels, *p, (size_t)(comma - v->labels)))
            n = size_times(n, w.dim[p - comma - 1]);
    return of_pairs(n);
}

static int64_t flops_sparse(const ir *g, const ir_node *v)
{
    shape lead = g->node[v->arg[0]].shape;
    lead.rank--;
    return of_pairs(size_times(shape_numel(lead), g->pattern[v->pattern].n));
}

static int64_t flops_embed_t(const ir *g, const ir_node *v)
{
    return shape_numel(g->node[v->arg[1]].shape);
}

static int64_t (*const flops_of[OP_COUNT])(const ir *, const ir_node *) = {
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) [OP_##name] = flops_##flops,
#define BI(name, loops, flops) [OP_##name] = flops_##flops,
#include "ops.def"
};

static int64_t node_flops(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    if (op_table[v->op].elementwise)
        return size_times(shape_numel(v->shape), op_table[v->op].cost);
    if (v->op == OP_sum || v->op == OP_reduce_max || v->op == OP_reduce_min
        || v->op == OP_unwindows)
        return shape_numel(g->node[v->arg[0]].shape);
    return flops_of[v->op] ? flops_of[v->op](g, v) : 0;
}

/* All iterations.  Outputs of one loop are computed together: all but the first cost nothing.  */
static int64_t loop_flops(const ir *g, const bool *live, int n_nodes, int n)
{
    const ir_node *v = &g->node[n];
    const ir_region *r = &g->region[v->pattern];
    bool *wanted = ARENA_ARRAY(g->arena, bool, r->n_carry);
    int64_t sum = 0;
    for (int m = 0; m < n_nodes; m++) {
        const ir_node *w = &g->node[m];
        if (!live[m] || w->op != OP_repeat || w->pattern != v->pattern
            || memcmp(w->arg, v->arg, sizeof *v->arg * (size_t)v->n_args) != 0)
            continue;
        if (m < n)
            return 0;
        wanted[w->start] = true;
    }
    const bool *body = region_body(g, r, wanted, false);
    for (int m = 0; m < g->n_nodes; m++)
        if (body[m])
            sum = size_plus(sum, g->node[m].op == OP_repeat ? loop_flops(g, body, g->n_nodes, m)
                                                            : node_flops(g, m));
    return size_times(sum, r->count);
}

static int64_t turns_of(const ir *g, int L)
{
    return g->loop[g->node[L].pattern].count;
}

/* Are N's rows added where the table's other rows stay as they are?  */
static bool adds_rows(const schedule *sc, int n)
{
    return sc->ir->node[n].op == OP_embed_t && sc->hold[n] == HOLD_PLACE;
}

int64_t flops_of_node(const schedule *sc, int n)
{
    const ir *g = sc->ir;
    return g->node[n].op == OP_repeat ? loop_flops(g, sc->live, sc->n_nodes, n)
           : sc->inner[n]             ? size_times(flops_count(sc->inner[n]), turns_of(g, n))
                                      : node_flops(g, n);
}

int64_t flops_count(const schedule *sc)
{
    int64_t sum = 0;
    for (int n = 0; n < sc->n_nodes; n++)
        if (sc->live[n])
            sum = size_plus(sum, flops_of_node(sc, n));
    for (int i = 0; i < sc->n_stores; i++)
        if (sc->store[i].add && !adds_rows(sc, sc->store[i].node))
            sum = size_plus(sum, shape_numel(sc->ir->node[sc->store[i].node].shape));
    return sum;
}
