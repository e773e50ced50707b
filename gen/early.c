/* SPDX-License-Identifier: Apache-2.0 */
/* In: what the steps of a block do forward.  Out: products of what is made of inputs alone are done before the steps,
   for all of them at once, and the steps read them from the tape.
   Afterwards a weight that meets inputs is read once a block.  Where inputs and states meet one together, put together
   by a concatenation, its rows are parted among two products.  */
#include "early.h"

#include "lift.h"
#include "origin.h"
#include "size.h"
#include "tape.h"

#include <string.h>

/* Elements of a weight from which on a product is worth it, and bytes of all steps of its result up to which.  */
enum { WEIGHT_MIN = 1 << 10, RESULT_MAX = 1 << 16 };

typedef struct {
    model_plan *plan;
    ir *g;
    int n_nodes;   /* that were there when the following began */
    bool *depends; /* on the step */
    bool *alone;   /* on inputs alone */
    bool *worth;   /* and is made of a product */
    bool *tried;   /* to lift */
    int *now;      /* what a step has instead; NO_NODE: not made yet */
    lifter lift;   /* over the steps */
} early;

/* A product of N with a large weight that stands still?  */
static bool is_product(const ir *g, const ir_node *v)
{
    return op_table[v->op].weight == WEIGHT_LETTERS && !op_table[v->op].view && g->node[v->arg[1]].of_params
           && shape_numel(g->node[v->arg[1]].shape) >= WEIGHT_MIN;
}

static void look(early *e, int64_t K)
{
    ir *g = e->g;
    e->n_nodes = g->n_nodes;
    e->alone = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    e->worth = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    e->tried = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    e->now = ARENA_ARRAY(g->arena, int, g->n_nodes + 1);
    e->lift = lift_begin(g, K);
    e->depends = e->lift.depends;
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        bool others = false;
        e->now[n] = NO_NODE;
        e->depends[n] = v->op == OP_var && g->var[v->var].kind != VAR_PARAM;
        for (int i = 0; i < v->n_args; i++) {
            e->depends[n] = e->depends[n] || e->depends[v->arg[i]];
            e->worth[n] = e->worth[n] || e->worth[v->arg[i]];
            others = others || (e->depends[v->arg[i]] && !e->alone[v->arg[i]]);
        }
        e->alone[n] = e->depends[n] && !others && ir_events(g, n) != EVENTS_SAID
                      && (v->op != OP_var || g->var[v->var].kind == VAR_INPUT);
        e->worth[n] = e->alone[n] && (e->worth[n] || is_product(g, v));
    }
}

/* N with what WAY makes of its arguments.  */
static int rebuilt(early *e, int n, int (*way)(early *e, int n))
{
    ir *g = e->g;
    const ir_node v = g->node[n];
    int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    for (int i = 0; i < v.n_args; i++)
        arg[i] = way(e, v.arg[i]);
    int res = ir_remake(g, n, arg);
    return v.name ? ir_name(g, res, v.name, v.note) : res;
}

/* --- products of several parts --------------------------------------------------------------------- */

static int split(early *e, int n);

/* x @ W, the parts of x that are made of inputs alone by themselves.  */
static int parted(early *e, int n)
{
    ir *g = e->g;
    const ir_node v = g->node[n], x = g->node[v.arg[0]];
    int sum = NO_NODE, *arg = ARENA_ARRAY(g->arena, int, x.n_args);
    int64_t from = 0;
    for (int i = 0; i < x.n_args; i++)
        arg[i] = split(e, x.arg[i]);
    for (int first = 0, last; first < x.n_args; first = last) {
        bool alone = e->alone[x.arg[first]];
        int64_t size = 0;
        for (last = first; last < x.n_args && e->alone[x.arg[last]] == alone; last++)
            size += g->node[x.arg[last]].shape.dim[x.axis];
        int rows = ir_slice(g, v.arg[1], 0, from, size);
        int part = ir_matmul(g, ir_concat(g, &arg[first], last - first, x.axis), rows);
        if (v.name)
            ir_name(g, part, arena_printf(g->arena, alone ? "%s_in" : "%s", v.name), NULL);
        sum = sum == NO_NODE ? part : ir_ew2(g, OP_add, sum, part);
        from += size;
    }
    return sum;
}

/* Does product N meet a weight with inputs and with what is none?  */
static bool is_mixed(const early *e, int n)
{
    const ir_node *v = &e->g->node[n];
    if (v->op != OP_matmul || !is_product(e->g, v) || e->g->node[v->arg[0]].op != OP_concat)
        return false;
    const ir_node *x = &e->g->node[v->arg[0]];
    bool alone = false, other = false;
    for (int i = 0; i < x->n_args; i++) {
        alone = alone || e->alone[x->arg[i]];
        other = other || !e->alone[x->arg[i]];
        if (ir_events(e->g, x->arg[i]) == EVENTS_SAID)
            return false;
    }
    return alone && other && x->axis == x->shape.rank - 1;
}

static int split(early *e, int n)
{
    if (n >= e->n_nodes || !e->depends[n] || e->alone[n])
        return n;
    if (e->now[n] == NO_NODE) {
        origin_as(e->g, n);
        e->now[n] = is_mixed(e, n) ? parted(e, n) : rebuilt(e, n, split);
    }
    return e->now[n];
}

/* --- what goes before the steps -------------------------------------------------------------------- */

/* N, made of inputs alone, for all steps; NO_NODE: it has no such form.  */
static int for_all(early *e, int n)
{
    ir *g = e->g;
    const ir_node v = g->node[n];
    if (!e->depends[n])
        return n;
    if (e->tried[n])
        return e->lift.of[n];
    e->tried[n] = true;
    if (v.op == OP_var)
        return e->lift.of[n] = tape_take(e->plan, e->lift.rows, n);
    for (int i = 0; i < v.n_args; i++)
        if (for_all(e, v.arg[i]) == NO_NODE)
            return NO_NODE;
    origin_as(g, n);
    return e->lift.of[n] = lift_node(&e->lift, n);
}

static int before(early *e, int n)
{
    ir *g = e->g;
    if (n >= e->n_nodes || !e->depends[n])
        return n;
    if (e->now[n] != NO_NODE)
        return e->now[n];
    int64_t bytes = size_bytes(size_times(e->lift.rows, shape_numel(g->node[n].shape)), TYPE_REAL, g->real_bits);
    int all = e->worth[n] && bytes <= RESULT_MAX ? for_all(e, n) : NO_NODE;
    const char *name = g->node[n].name ? g->node[n].name : arena_printf(g->arena, "t%d", n);
    origin_as(g, n);
    return e->now[n] = all == NO_NODE ? rebuilt(e, n, before) : tape_early(e->plan, all, name);
}

/* The steps' stores, made in WAY.  */
static void all_stores(early *e, int64_t K, int (*way)(early *e, int n))
{
    function_plan *f = &e->plan->forward;
    int n_stores = f->n, *node = ARENA_ARRAY(e->g->arena, int, f->n + 1);
    look(e, K);
    for (int i = 0; i < n_stores; i++)
        node[i] = f->store[i].node;
    for (int i = 0; i < n_stores; i++)
        way(e, node[i]); /* takes stores away */
    for (int i = 0; i < f->n; i++)
        f->store[i].node = way(e, f->store[i].node);
}

void early_run(model_plan *plan, int64_t K)
{
    early e = {.plan = plan, .g = plan->ir};
    int here = e.g->here;
    origin_pass pass = e.g->pass;
    if (e.g->batch > 1)
        return;
    all_stores(&e, K, split);
    all_stores(&e, K, before);
    origin_begin(e.g, here);
    origin_enter(e.g, pass);
}
