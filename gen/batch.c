/* SPDX-License-Identifier: Apache-2.0 */
/* In: what each function does for one sample.  Out: what it does for several samples at once: values have the
   samples as their first axis, and what is added up is summed over them.
   A function whose values cannot be given the axis stays as it is, and is done sample by sample.  */
#include "batch.h"

#include "canon.h"
#include "lift.h"
#include "origin.h"

/* Of the largest value that is kept for all samples of a pass, in bytes, as long as there are some samples; fewer
   samples are not worth a pass.  */
enum { PASS_BYTES = 1 << 16, ROWS_MIN = 4 };

/* Parts of a function that share their passes.  */
enum { PARTS_MAX = 3 };

static bool is_sum(op_code op)
{
    return op == OP_sum || op == OP_outer || op == OP_einsum || op == OP_embed_t;
}

/* ST, whose value is a sum: each part that has loops of its own is added by itself, without an array.  */
static void put_parts(ir *g, function_plan *f, store st)
{
    const ir_node v = g->node[st.node];
    if (st.add && v.op == OP_add && (is_sum(g->node[v.arg[0]].op) || is_sum(g->node[v.arg[1]].op))) {
        for (int i = 0; i < 2; i++) {
            st.node = v.arg[i];
            put_parts(g, f, st);
        }
        return;
    }
    ARENA_PUSH(g->arena, f->store, f->n, f->cap, st);
}

/* F for b->rows samples a pass.  False: it has no such form.  */
static bool batch_function(const lifter *b, const function_plan *f, function_plan *res)
{
    *res = *f;
    res->store = NULL;
    res->n = 0;
    res->cap = 0;
    res->rows = b->rows;
    for (int i = 0; i < f->n; i++) {
        store st = f->store[i];
        origin_as(b->g, st.node);
        if (b->rows > 0)
            st.node = st.add ? lift_sum(b, st.node) : lift_value(b, st.node);
        if (st.node == NO_NODE)
            return false;
        put_parts(b->g, res, st);
    }
    return true;
}

/* Is X among the samples' values that stand in an array and meet a weight?  */
static bool is_row(const ir_node *v)
{
    bool weighed = op_table[v->op].weight != WEIGHT_NONE && !op_table[v->op].view;
    return weighed || v->op == OP_concat || v->op == OP_windows;
}

/* What the N functions F need.  */
static const bool *live_nodes(ir *g, function_plan *const *f, int n)
{
    size_t n_roots = 0, all = 0;
    for (int k = 0; k < n; k++)
        all += (size_t)f[k]->n;
    int *root = ARENA_ARRAY(g->arena, int, all + 1);
    for (int k = 0; k < n; k++)
        for (int i = 0; i < f[k]->n; i++)
            root[n_roots++] = f[k]->store[i].node;
    return canon_live(g, root, n_roots);
}

/* How many samples of N functions, which need the nodes LIVE, go together: a divisor of the batch; 0: one after the
   other.  */
static int64_t choose_rows(const ir *g, const bool *live, int n)
{
    int64_t most = 1, rows = g->batch;
    bool loops = false, draws = false;
    for (int i = 0; i < g->n_nodes; i++) {
        int64_t bytes = shape_numel(g->node[i].shape) * g->real_bits / 8;
        if (live[i] && is_row(&g->node[i]) && !g->node[i].of_params && bytes > most)
            most = bytes;
        loops = loops || g->node[i].op == OP_repeat;
        draws = draws || g->node[i].op == OP_random;
    }
    while (rows > 1 && (g->batch % rows != 0 || (rows * most > PASS_BYTES * (n > 1 ? 2 : 1) && rows > ROWS_MIN)))
        rows--;
    return rows < ROWS_MIN || (loops && draws) ? 0 : rows;
}

/* What is done for one sample alone.  Where something is done once for all of them there is no such thing.  */
static void keep_ones(ir *g, function_plan *const *all, size_t n)
{
    bool pooled = false;
    for (size_t i = 0; i < n; i++)
        pooled = pooled || all[i]->once;
    for (size_t i = 0; i < n && !pooled && g->batch > 1; i++) {
        if (all[i]->n == 0)
            continue;
        all[i]->one = ARENA_NEW(g->arena, function_plan);
        *all[i]->one = (function_plan){0};
        for (int k = 0; k < all[i]->n; k++)
            ARENA_PUSH(g->arena, all[i]->one->store, all[i]->one->n, all[i]->one->cap, all[i]->store[k]);
    }
}

/* The N functions F, which share their passes.  */
static void batch_functions(ir *g, function_plan *const *f, int n)
{
    const bool *live = live_nodes(g, f, n);
    lifter b = lift_begin(g, choose_rows(g, live, n));
    function_plan res[PARTS_MAX];
    bool fits = false;
    for (int i = 0; i < b.n_nodes && b.rows > 0; i++) {
        const ir_node *v = &g->node[i];
        b.depends[i] = v->op == OP_var
                       && (ir_is_batched(&g->var[v->var]) || g->var[v->var].kind == VAR_TAPE
                           || g->var[v->var].kind == VAR_STEP);
        for (int k = 0; k < v->n_args; k++)
            b.depends[i] = b.depends[i] || b.depends[v->arg[k]];
        origin_as(g, i);
        if (b.depends[i] && live[i])
            b.of[i] = lift_node(&b, i);
    }
    for (; !fits; b.rows = 0) {
        fits = true;
        for (int k = 0; k < n; k++)
            fits = batch_function(&b, f[k], &res[k]) && fits;
    }
    for (int k = 0; k < n; k++)
        *f[k] = res[k];
}

void batch_run(model_plan *plan)
{
    function_plan *alone[] = {&plan->step,  &plan->h2h,     &plan->l2h,   &plan->learn,   &plan->back,
                              &plan->apply, &plan->advance, &plan->guess, &plan->regress, &plan->evolve};
    function_plan *block[PARTS_MAX] = {&plan->forward, &plan->block, &plan->reverse};
    keep_ones(plan->ir, alone, sizeof alone / sizeof alone[0]);
    batch_functions(plan->ir, block, plan->reverse.n > 0 ? 3 : 2);
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        batch_functions(plan->ir, &alone[i], 1);
}
