/* SPDX-License-Identifier: Apache-2.0 */
/* In: nodes of one step.  Out: the same for all steps of a block at once, summed over them, in one of them, or as a step
   backwards reads them.
   Afterwards what a step computes is computed there alone: all else finds it on the tape.  */
#include "block_part.h"

#include "origin.h"
#include "size.h"
#include "tape.h"

/* Bytes of one value, of all steps of which no array is made.  */
enum { LARGE_VALUE = 1 << 14 };

void block_start_lifting(blocker *b)
{
    ir *g = b->g;
    lifter *l = &b->lift;
    *l = lift_begin(g, b->K);
    b->tried = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    b->back = ARENA_ARRAY(g->arena, int, g->n_nodes + 1);
    b->instance = ARENA_ARRAY(g->arena, int *, b->K);
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        b->back[n] = NO_NODE;
        l->depends[n] = v->op == OP_var && g->var[v->var].kind != VAR_PARAM;
        for (int i = 0; i < v->n_args; i++)
            l->depends[n] = l->depends[n] || l->depends[v->arg[i]];
    }
    for (int64_t t = 0; t < b->K; t++) {
        b->instance[t] = ARENA_ARRAY(g->arena, int, g->n_nodes + 1);
        for (int n = 0; n < g->n_nodes; n++)
            b->instance[t][n] = NO_NODE;
    }
}

/* Is N had by a step backwards, and by none forward?  */
static bool is_back(const blocker *b, int n)
{
    const ir_node *v = &b->g->node[n];
    var_kind kind = v->op == OP_var ? b->g->var[v->var].kind : VAR_PARAM;
    return b->reverse && ((b->reverse[n] && !b->forward[n]) || kind == VAR_COTANGENT || kind == VAR_TARGET
                          || kind == VAR_WEIGHT);
}

/* N, which a step computes or begins with, is put on the tape by that part of it.  */
static int on_tape(blocker *b, int n)
{
    model_plan *plan = b->plan;
    return b->lift.of[n] = tape_put(plan, is_back(b, n) ? &plan->reverse : &plan->forward, b->K, n);
}

/* Does a step compute N itself, in one part or the other?  */
static bool is_computed(const blocker *b, int n)
{
    return !op_table[b->g->node[n].op].view && (b->forward[n] || (b->reverse && b->reverse[n]));
}

int block_lifted(blocker *b, int n)
{
    ir *g = b->g;
    if (!b->lift.depends[n] || b->tried[n])
        return b->lift.depends[n] ? b->lift.of[n] : n;
    const ir_node v = g->node[n];
    b->tried[n] = true;
    if (v.op == OP_var && g->var[v.var].kind == VAR_TRACE)
        return NO_NODE;
    if (v.op == OP_var || is_computed(b, n))
        return on_tape(b, n);
    for (int i = 0; i < ir_n_reads(g, n); i++)
        if (block_lifted(b, v.arg[i]) == NO_NODE)
            return NO_NODE;
    int here = g->here;
    origin_pass pass = g->pass;
    origin_as(g, n);
    b->lift.of[n] = lift_node(&b->lift, n);
    origin_begin(g, here);
    origin_enter(g, pass);
    return b->lift.of[n];
}

/* Step T of ALL steps, as a view: what is computed for all of them is not done again for one.  */
static int step_of(ir *g, int all, int64_t t)
{
    bool deriving = g->deriving;
    g->deriving = false;
    int res = ir_slice(g, all, 0, t, 1);
    g->deriving = deriving;
    return res;
}

/* Is N as large as a trace, and computed behind the steps?  All steps of it at once would be an array of many times that
   size.  */
static bool is_large(const blocker *b, int n)
{
    const ir_node *v = &b->g->node[n];
    return op_table[v->op].elementwise && !is_computed(b, n)
           && size_bytes(shape_numel(v->shape), TYPE_REAL, b->g->real_bits) >= LARGE_VALUE;
}

int block_instance(blocker *b, int n, int64_t t)
{
    ir *g = b->g;
    if (n >= b->lift.n_nodes || !b->lift.depends[n])
        return n;
    int *at = &b->instance[t][n];
    if (*at != NO_NODE)
        return *at;
    ir_node v = g->node[n];
    int all = is_large(b, n) ? NO_NODE : block_lifted(b, n);
    if (all != NO_NODE)
        return *at = ir_reshape(g, step_of(g, all, t), v.shape);
    if (v.op == OP_var)
        return *at = t == 0 ? n : block_instance(b, g->var[v.var].next, t - 1);
    int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    for (int i = 0; i < v.n_args; i++)
        arg[i] = block_instance(b, v.arg[i], t);
    return *at = ir_remake(g, n, arg);
}

int block_back(blocker *b, int n)
{
    ir *g = b->g;
    if (n >= b->lift.n_nodes || !b->lift.depends[n] || b->back[n] != NO_NODE)
        return n >= b->lift.n_nodes || !b->lift.depends[n] ? n : b->back[n];
    const ir_node v = g->node[n];
    bool carried = v.op == OP_var && (g->var[v.var].kind == VAR_HIDDEN || g->var[v.var].kind == VAR_STATE);
    if (carried || (b->forward[n] && v.op != OP_var && !op_table[v.op].view)) {
        int all = block_lifted(b, n);
        return b->back[n] = all == NO_NODE ? NO_NODE : tape_step(g, all);
    }
    int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    for (int i = 0; i < v.n_args; i++) {
        arg[i] = block_back(b, v.arg[i]);
        if (arg[i] == NO_NODE)
            return NO_NODE;
    }
    return b->back[n] = ir_remake(g, n, arg);
}

/* Can N be summed over the steps at once?  Rows that are added to a table have no value for all steps, but a sum.  */
bool block_can_sum(blocker *b, int n)
{
    const ir_node *v = &b->g->node[n];
    int index = v->op == OP_embed_t ? v->arg[0] : n, y = v->op == OP_embed_t ? v->arg[1] : n;
    return block_lifted(b, index) != NO_NODE && block_lifted(b, y) != NO_NODE;
}

int block_sum(blocker *b, int n)
{
    int sum = NO_NODE;
    if (!b->lift.depends[n])
        return ir_ew2(b->g, OP_mul, ir_const(b->g, (double)b->K, b->g->node[n].shape), n);
    if (block_can_sum(b, n))
        return lift_sum(&b->lift, n);
    for (int64_t t = 0; t < b->K; t++) {
        int here = block_instance(b, n, t);
        sum = sum == NO_NODE ? here : ir_ew2(b->g, OP_add, sum, here);
    }
    return sum;
}
