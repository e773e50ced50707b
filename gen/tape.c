/* SPDX-License-Identifier: Apache-2.0 */
/* In: a node of a step.  Out: a variable that has it for all steps of a block, and the store that fills it.  */
#include "tape.h"

#include <string.h>

static const char *name_of(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    return v->op == OP_var ? g->var[v->var].c_name
           : v->name       ? v->name
                           : arena_printf(g->arena, "t%d", n);
}

/* A variable NAME of the tape, or named after NUMBER too where there is such a one.  */
static int tape_var(ir *g, const char *name, int number, shape s, value_type type)
{
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_TAPE && strcmp(g->var[v].c_name, name) == 0)
            name = arena_printf(g->arena, "%s_%d", name, number);
    return ir_var(g, VAR_TAPE, name, s, type, (loc){0});
}

/* Where a step puts variable V of the tape.  */
static const char *place_in_step(const ir *g, int v)
{
    return arena_printf(g->arena, "tape.%s[t]", g->var[v].c_name);
}

/* The variable that ST puts a step of; -1: it is no store of the tape.  */
static int var_of(const ir *g, const store *st)
{
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_TAPE && strcmp(st->place, place_in_step(g, v)) == 0)
            return v;
    return -1;
}

int tape_put(model_plan *plan, function_plan *f, int64_t K, int n)
{
    ir *g = plan->ir;
    shape s = g->node[n].shape;
    value_type type = g->node[n].type;
    if (s.rank == RANK_MAX)
        return NO_NODE;
    memmove(&s.dim[1], s.dim, sizeof *s.dim * (size_t)s.rank);
    s.dim[0] = K;
    s.rank++;
    int v = tape_var(g, name_of(g, n), n, s, type);
    store st = {.node = n, .place = place_in_step(g, v), .var = -1, .local = true};
    ARENA_PUSH(g->arena, f->store, f->n, f->cap, st);
    g->node[g->var[v].now].events = ir_events(g, n);
    return g->var[v].now;
}

int tape_take(model_plan *plan, int64_t K, int n)
{
    ir *g = plan->ir;
    function_plan *forward = &plan->forward, *take = &plan->take;
    for (int i = 0; i < take->n; i++)
        if (take->store[i].node == n)
            return g->var[var_of(g, &take->store[i])].now;
    for (int i = 0; i < forward->n; i++) {
        store st = forward->store[i];
        int v = st.node == n ? var_of(g, &st) : -1;
        if (v < 0)
            continue;
        ARENA_PUSH(g->arena, take->store, take->n, take->cap, st);
        memmove(&forward->store[i], &forward->store[i + 1], sizeof st * (size_t)(--forward->n - i));
        return g->var[v].now;
    }
    return tape_put(plan, take, K, n);
}

int tape_step(ir *g, int all)
{
    const var tape = g->var[g->node[all].var];
    const char *here = arena_printf(g->arena, "%s[t]", tape.c_name);
    shape s = tape.shape;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_STEP && strcmp(g->var[v].c_name, here) == 0)
            return g->var[v].now;
    memmove(s.dim, &s.dim[1], sizeof *s.dim * (size_t)--s.rank);
    int now = ir_var(g, VAR_STEP, tape.c_name, s, tape.type, (loc){0});
    g->var[now].c_name = here;
    return g->var[now].now;
}

int tape_early(model_plan *plan, int all, const char *name)
{
    ir *g = plan->ir;
    int v = tape_var(g, name, all, g->node[all].shape, g->node[all].type);
    store st = {.node = all, .place = arena_printf(g->arena, "tape.%s", g->var[v].c_name), .var = -1, .local = true};
    ARENA_PUSH(g->arena, plan->early.store, plan->early.n, plan->early.cap, st);
    return tape_step(g, g->var[v].now);
}
