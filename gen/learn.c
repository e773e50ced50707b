/* SPDX-License-Identifier: Apache-2.0 */
/* In: graph, D and df.  Out: eligibility traces as carried variables, gradients as nodes to be added up.

   d_rtrl, per position o, state a and input i (Wang et al. 2024; the diagonal of Williams and Zipser's RTRL, 1989):
       e[i,o,a](t) = sum_b D[o,a,b](t) e[i,o,b](t-1) + x[i](t) df[o,a](t)
   vjp_time t:   grad_W += sum_a s_a(t) e_a(t), with s the learning signal at t
   window 1:     grad_W += sum_a dL(t)/ds_a(t-1) e_a(t-1) + the exact gradient inside of step t
   In the second the trace lags: step t first brings it from t-2 to t-1 with the factors x, D, df that
   step t-1 left behind, so that trace and gradient are met in one pass.  A component of the trace that
   no D passes on is a product of two vectors, and is never stored.  */
#include "learn.h"

#include "diff.h"

#include <string.h>

typedef struct {
    model_plan *plan;
    ir *ir;
    graph *gr;
    const learning *set;
    adjoint adj;
    int *gradient; /* of a parameter: the node to be added up, or NO_NODE */
    int n_lags;
    int *lag_of, *lag_var; /* nodes kept for the next step, and their variables */
} learner;

static int plus(ir *g, int a, int b)
{
    if (a == NO_NODE || b == NO_NODE)
        return a == NO_NODE ? b : a;
    return ir_ew2(g, OP_add, a, b);
}

static int zero(ir *g, shape s)
{
    return ir_const(g, 0, s);
}

static const char *batched(const ir *g, const char *place)
{
    return g->batch > 1 ? arena_printf(g->arena, "%s[b]", place) : place;
}

static void put(const ir *g, function_plan *f, int node, const char *place, bool add, int variable)
{
    store st = {.node = node, .place = place, .add = add, .var = variable};
    ARENA_PUSH(g->arena, f->store, f->n, f->cap, st);
}

/* --- what every function does ---------------------------------------------------------------------- */

static void put_step(const ir *g, function_plan *f)
{
    for (int v = 0; v < g->n_vars; v++) {
        const var *x = &g->var[v];
        if (x->kind == VAR_HIDDEN || x->kind == VAR_STATE)
            put(g, f, x->next, batched(g, arena_printf(g->arena, "s->%s", x->c_name)), false, v);
    }
    for (int i = 0; i < g->n_outputs; i++)
        put(g, f, g->output[i].node,
            batched(g, arena_printf(g->arena, "out->%s", g->output[i].c_name)), false, -1);
}

static void put_loss(const ir *g, function_plan *f)
{
    if (g->loss != NO_NODE)
        put(g, f, g->loss, "total", true, -1);
}

/* --- the Jacobian and signal blocks ---------------------------------------------------------------- */

static void add_entry(learner *l, entry e, const char *field)
{
    model_plan *plan = l->plan;
    ir *g = l->ir;
    if (g->node[e.node].op != OP_const) {
        e.field = field;
        e.own_field = true;
        for (int i = 0; i < plan->n_entries; i++) {
            const entry *old = &plan->entry[i];
            if (old->node == e.node && old->own_field
                && (old->kind == ENTRY_SIGNAL) == (e.kind == ENTRY_SIGNAL)) {
                e.field = old->field;
                e.own_field = false;
            }
        }
    }
    ARENA_PUSH(g->arena, plan->entry, plan->n_entries, plan->cap_entries, e);
}

static void add_group_entries(learner *l, int k)
{
    const hidden_group *group = &l->gr->group[k];
    ir *g = l->ir;
    for (int row = 0; row < group->n_states; row++)
        for (int col = 0; col < group->n_states; col++) {
            const char *field = arena_printf(g->arena, "D_%s_%s",
                                             g->var[l->gr->hidden[group->state[row]]].c_name,
                                             g->var[l->gr->hidden[group->state[col]]].c_name);
            add_entry(l, (entry){.kind = ENTRY_H2H, .path = "", .group = k, .row = row, .col = col,
                                 .node = group->D[row * group->n_states + col]}, field);
        }
}

static const char *c_name(arena *a, const char *path)
{
    char *name = arena_strdup(a, path);
    for (char *p = name; *p; p++)
        if (*p == '.' || *p == '#')
            *p = '_';
    return name;
}

static void add_relation_entries(learner *l, const relation *r)
{
    ir *g = l->ir;
    const char *name = c_name(g->arena, r->name);
    if (r->x != NO_NODE)
        add_entry(l, (entry){.kind = ENTRY_H2W_X, .path = r->name, .node = r->x, .group = -1,
                             .row = -1, .col = -1}, arena_printf(g->arena, "x_%s", name));
    for (int k = 0; k < r->n_groups; k++) {
        const hidden_group *group = &l->gr->group[r->group[k]];
        for (int row = 0; row < group->n_states; row++) {
            int s = group->state[row];
            add_entry(l, (entry){.kind = ENTRY_H2W, .path = r->name, .node = r->df[s],
                                 .group = r->group[k], .row = row, .col = -1},
                      arena_printf(g->arena, "df_%s_%s", name, g->var[l->gr->hidden[s]].c_name));
        }
    }
}

static int signal_of(learner *l, const adjoint *a, int s)
{
    int next = l->ir->var[l->gr->hidden[s]].next;
    return l->set->signal_total ? adjoint_total(l->ir, a, next) : adjoint_outside(l->ir, a, next);
}

static void add_signal_entries(learner *l, const adjoint *a)
{
    ir *g = l->ir;
    for (int k = 0; k < l->gr->n_groups; k++)
        for (int row = 0; row < l->gr->group[k].n_states; row++) {
            int s = l->gr->group[k].state[row];
            const var *v = &g->var[l->gr->hidden[s]];
            int node = signal_of(l, a, s);
            const char *field = arena_printf(g->arena, "signal_%s", v->c_name);
            if (node == NO_NODE)
                node = zero(g, v->shape);
            ir_name(g, node, field,
                    arena_printf(g->arena, "learning signal: d loss / d %s'", v->path));
            add_entry(l, (entry){.kind = ENTRY_SIGNAL, .path = "", .node = node, .group = k,
                                 .row = row, .col = -1}, field);
        }
}

static void put_entries(learner *l, function_plan *f, bool signals)
{
    for (int i = 0; i < l->plan->n_entries; i++) {
        const entry *e = &l->plan->entry[i];
        if (!e->own_field || (e->kind == ENTRY_SIGNAL) != signals)
            continue;
        const char *block = signals ? "sig->" : "jac->";
        put(l->ir, f, e->node,
            batched(l->ir, arena_printf(l->ir->arena, "%s%s", block, e->field)), false, -1);
    }
}

/* --- traces ---------------------------------------------------------------------------------------- */

/* NODE's value one step ago: kept in the trace block, unless it is constant.  What is broadcast is
   kept before it is.  */
static int lag(learner *l, int node)
{
    ir *g = l->ir;
    if (l->set->window == 0 || g->node[node].op == OP_const)
        return node;
    if (g->node[node].op == OP_broadcast)
        return ir_broadcast(g, lag(l, g->node[node].arg[0]), g->node[node].shape);
    for (int i = 0; i < l->n_lags; i++)
        if (l->lag_of[i] == node)
            return g->var[l->lag_var[i]].now;
    const char *name = g->node[node].op == OP_var ? g->var[g->node[node].var].c_name
                                                  : g->node[node].name;
    const char *path = name ? arena_printf(g->arena, "last.%s", name)
                            : arena_printf(g->arena, "last.f%d", l->n_lags);
    for (int i = 0; i < l->n_lags; i++)
        if (strcmp(g->var[l->lag_var[i]].path, path) == 0)
            path = arena_printf(g->arena, "%s_%d", path, l->n_lags);
    int v = ir_var(g, VAR_TRACE, path, g->node[node].shape, TYPE_REAL, (loc){0});
    g->var[v].next = node;
    g->var[v].note = "of the last step";
    l->lag_of[l->n_lags] = node;
    l->lag_var[l->n_lags++] = v;
    return g->var[v].now;
}

/* How a value per position, or one per input, stands in the shape of the trace.  */
typedef struct {
    shape trace;    /* [.., K, M], or [.., M, K] for W @ x, or that of the state for a parameter by itself */
    shape position; /* to which [.., M] is reshaped */
    shape input;    /* to which [.., K] is reshaped */
} trace_form;

static trace_form form_of(const learner *l, const relation *r, shape varshape)
{
    trace_form f = {varshape, varshape, varshape};
    if (r->x == NO_NODE)
        return f;
    int lead = varshape.rank - 1;
    int64_t K = l->ir->node[r->x].shape.dim[lead], M = varshape.dim[lead];
    bool transposed = r->op == OP_matmul_t;
    f.trace.rank = f.position.rank = f.input.rank = varshape.rank + 1;
    f.trace.dim[lead] = transposed ? M : K;
    f.trace.dim[lead + 1] = transposed ? K : M;
    f.position.dim[lead] = transposed ? M : 1;
    f.position.dim[lead + 1] = transposed ? 1 : M;
    f.input.dim[lead] = transposed ? 1 : K;
    f.input.dim[lead + 1] = transposed ? K : 1;
    return f;
}

static int by_position(ir *g, const trace_form *f, int node)
{
    return ir_broadcast(g, ir_reshape(g, node, f->position), f->trace);
}

static int by_input(ir *g, const trace_form *f, int x)
{
    return x == NO_NODE ? ir_const(g, 1, f->trace)
                        : ir_broadcast(g, ir_reshape(g, x, f->input), f->trace);
}

static void add_gradient(learner *l, int param, int node)
{
    if (node == NO_NODE || ir_is_zero(l->ir, node))
        return;
    node = ir_sum_to(l->ir, node, l->ir->var[param].shape);
    l->gradient[param] = plus(l->ir, l->gradient[param], node);
}

/* x (outer) ybar into the gradient of the weight of the product NODE.  */
static void add_product_gradient(learner *l, int node, int x, int ybar, int param)
{
    ir *g = l->ir;
    if (ybar == NO_NODE)
        return;
    bool transposed = g->node[node].op == OP_matmul_t;
    if (g->node[x].shape.rank > 1) {
        add_gradient(l, param, transposed ? ir_outer(g, ybar, x) : ir_outer(g, x, ybar));
        return;
    }
    relation r = {.op = g->node[node].op, .x = x};
    trace_form f = form_of(l, &r, g->node[ybar].shape);
    add_gradient(l, param, ir_ew2(g, OP_mul, by_input(g, &f, x), by_position(g, &f, ybar)));
}

typedef struct {
    int n;
    int *D, *df, *signal; /* as at the time of the trace; signal NO_NODE: zero */
    bool *alive;          /* of a component: not zero for good */
    bool *stored;         /* passed on by some D */
} components;

static components components_of(learner *l, const relation *r, int k)
{
    const hidden_group *group = &l->gr->group[k];
    ir *g = l->ir;
    int n = group->n_states;
    components c = {n, ARENA_ARRAY(g->arena, int, n * n), ARENA_ARRAY(g->arena, int, n),
                    ARENA_ARRAY(g->arena, int, n), ARENA_ARRAY(g->arena, bool, n),
                    ARENA_ARRAY(g->arena, bool, n)};
    for (int a = 0; a < n; a++)
        c.alive[a] = !ir_is_zero(g, r->df[group->state[a]]);
    for (int round = 0; round < n; round++)
        for (int a = 0; a < n; a++)
            for (int b = 0; b < n; b++)
                c.alive[a] = c.alive[a] || (c.alive[b] && !ir_is_zero(g, group->D[a * n + b]));
    for (int a = 0; a < n; a++) {
        for (int b = 0; b < n; b++) {
            c.stored[b] = c.stored[b] || (c.alive[b] && !ir_is_zero(g, group->D[a * n + b]));
            c.D[a * n + b] = c.alive[b] ? lag(l, group->D[a * n + b])
                                        : zero(g, group->varshape);
        }
        int s = group->state[a];
        c.df[a] = lag(l, r->df[s]);
        c.signal[a] = l->set->window ? l->adj.direct[g->var[l->gr->hidden[s]].now]
                                     : signal_of(l, &l->adj, s);
    }
    return c;
}

static int trace_variable(learner *l, const relation *r, int k, int a, shape s)
{
    ir *g = l->ir;
    const hidden_group *group = &l->gr->group[k];
    const char *path = r->name;
    const char *state = g->var[l->gr->hidden[group->state[a]]].path;
    if (group->n_states > 1 || r->n_groups > 1)
        path = arena_printf(g->arena, "%s.%s", path, state);
    int v = ir_var(g, VAR_TRACE, path, s, TYPE_REAL, (loc){0});
    g->var[v].note = arena_printf(g->arena, "eligibility trace of %s in %s", r->name, state);
    return v;
}

/* The trace of relation R in group K, and what it adds to the gradient.  */
static void trace_relation(learner *l, const relation *r, int k)
{
    ir *g = l->ir;
    components c = components_of(l, r, k);
    trace_form f = form_of(l, r, l->gr->group[k].varshape);
    int x = r->x == NO_NODE ? NO_NODE : lag(l, r->x);
    int in = by_input(g, &f, x);
    int *e = ARENA_ARRAY(g->arena, int, c.n);
    for (int b = 0; b < c.n; b++)
        e[b] = c.stored[b] ? trace_variable(l, r, k, b, f.trace) : -1;
    int flat = NO_NODE; /* the sum of signal times df of components without a past */
    int sum = NO_NODE;
    for (int a = 0; a < c.n; a++) {
        int past = NO_NODE;
        for (int b = 0; b < c.n; b++)
            if (c.stored[b] && !ir_is_zero(g, c.D[a * c.n + b]))
                past = plus(g, past, ir_ew2(g, OP_mul, by_position(g, &f, c.D[a * c.n + b]),
                                            g->var[e[b]].now));
        int fresh = ir_ew2(g, OP_mul, in, by_position(g, &f, c.df[a]));
        int v = plus(g, past, ir_is_zero(g, fresh) ? NO_NODE : fresh);
        if (c.stored[a]) {
            g->var[e[a]].next = v;
            ir_name(g, v, arena_printf(g->arena, "e_%s", g->var[e[a]].c_name),
                    arena_printf(g->arena, "%s: e = D e + x df", g->var[e[a]].note));
        }
        if (c.signal[a] == NO_NODE || v == NO_NODE)
            continue;
        if (past == NO_NODE)
            flat = plus(g, flat, ir_ew2(g, OP_mul, c.signal[a], c.df[a]));
        else
            sum = plus(g, sum, ir_ew2(g, OP_mul, by_position(g, &f, c.signal[a]), v));
    }
    if (l->set->window == 0 && !l->set->plain_none && r->n_groups == 1) {
        int inside = adjoint_outside(g, &l->adj, r->y); /* the same x: one product serves both */
        if (inside != NO_NODE && r->x != NO_NODE)
            flat = plus(g, flat, inside);
    }
    if (flat != NO_NODE && !ir_is_zero(g, flat))
        sum = plus(g, sum, ir_ew2(g, OP_mul, in, by_position(g, &f, flat)));
    add_gradient(l, r->param, sum);
}

/* --- gradients inside of the step ------------------------------------------------------------------ */

static const relation *relation_of(const graph *gr, int y)
{
    for (int r = 0; r < gr->n_relations; r++)
        if (gr->relation[r].y == y)
            return &gr->relation[r];
    return NULL;
}

/* The adjoint that the trace does not carry already.  */
static int inside(learner *l, int y)
{
    bool traced = l->set->window == 0 && relation_of(l->gr, y) != NULL;
    return traced ? adjoint_outside(l->ir, &l->adj, y) : adjoint_total(l->ir, &l->adj, y);
}

static void add_inside(learner *l)
{
    ir *g = l->ir;
    if (l->set->window == 0 && l->set->plain_none)
        return;
    for (int n = 0; n < l->gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        bool product = v->op == OP_matmul || v->op == OP_matmul_t;
        int leaf = product ? v->arg[1] : n;
        const ir_node *w = &g->node[leaf];
        if (w->op != OP_var || g->var[w->var].kind != VAR_PARAM || !g->var[w->var].trainable)
            continue;
        const relation *r = relation_of(l->gr, n);
        if (product && r && l->set->window == 0 && r->n_groups == 1)
            continue; /* trace_relation did */
        if (product)
            add_product_gradient(l, n, v->arg[0], inside(l, n), w->var);
        else
            add_gradient(l, w->var, inside(l, n));
    }
}

static void put_gradients(learner *l, function_plan *f)
{
    ir *g = l->ir;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_PARAM && g->var[v].trainable && l->gradient[v] != NO_NODE)
            put(g, f, l->gradient[v], arena_printf(g->arena, "grad->%s", g->var[v].c_name), true,
                -1);
}

/* --- the rules -------------------------------------------------------------------------------------- */

static void plan_d_rtrl(learner *l)
{
    ir *g = l->ir;
    function_plan *f = &l->plan->learn;
    l->adj = diff_adjoint(l->gr, l->set->window == 0, NULL);
    for (int r = 0; r < l->gr->n_relations; r++)
        for (int k = 0; k < l->gr->relation[r].n_groups; k++)
            trace_relation(l, &l->gr->relation[r], l->gr->relation[r].group[k]);
    add_inside(l);
    put_step(g, f);
    put_loss(g, f);
    put_gradients(l, f);
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_TRACE)
            put(g, f, g->var[v].next, batched(g, arena_printf(g->arena, "e->%s", g->var[v].c_name)),
                false, v);
}

/* One step of exact reverse mode: on entry ds is d(later losses)/d(new state), on exit
   d(this and later losses)/d(old state).  */
static void plan_bptt(learner *l)
{
    ir *g = l->ir;
    function_plan *f = &l->plan->learn;
    int n = l->gr->n_hidden;
    int *cotangent = ARENA_ARRAY(g->arena, int, n + 1);
    int *variable = ARENA_ARRAY(g->arena, int, n + 1);
    for (int s = 0; s < n; s++) {
        const var *h = &g->var[l->gr->hidden[s]];
        variable[s] = ir_var(g, VAR_COTANGENT, h->path, h->shape, TYPE_REAL, h->at);
        cotangent[s] = g->var[variable[s]].now;
    }
    learning exact = *l->set;
    exact.window = 1;
    l->set = &exact;
    l->adj = diff_adjoint(l->gr, false, cotangent);
    add_inside(l);
    put_loss(g, f);
    put_gradients(l, f);
    for (int s = 0; s < n; s++) {
        const var *h = &g->var[l->gr->hidden[s]];
        int node = l->adj.direct[h->now];
        put(g, f, node == NO_NODE ? zero(g, h->shape) : node,
            batched(g, arena_printf(g->arena, "ds->%s", h->c_name)), false, variable[s]);
    }
}

model_plan *learn_plan(graph *gr, const learning *set)
{
    ir *g = gr->ir;
    model_plan *plan = ARENA_NEW(g->arena, model_plan);
    learner l = {.plan = plan, .ir = g, .gr = gr, .set = set};
    plan->ir = g;
    plan->graph = gr;
    plan->set = *set;
    l.gradient = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    for (int v = 0; v < g->n_vars; v++)
        l.gradient[v] = NO_NODE;
    int states = gr->n_hidden + 1;
    int most = (states * states + gr->n_relations * (states + 1)) + 1;
    l.lag_of = ARENA_ARRAY(g->arena, int, most);
    l.lag_var = ARENA_ARRAY(g->arena, int, most);
    for (int k = 0; k < gr->n_groups; k++)
        add_group_entries(&l, k);
    for (int r = 0; r < gr->n_relations; r++)
        add_relation_entries(&l, &gr->relation[r]);
    put_step(g, &plan->step);
    put_step(g, &plan->h2h);
    put_entries(&l, &plan->h2h, false);
    if (g->loss == NO_NODE)
        return plan;
    adjoint a = diff_adjoint(gr, true, NULL);
    add_signal_entries(&l, &a);
    put_step(g, &plan->l2h);
    put_loss(g, &plan->l2h);
    put_entries(&l, &plan->l2h, false);
    put_entries(&l, &plan->l2h, true);
    if (set->rule == RULE_BPTT)
        plan_bptt(&l);
    else
        plan_d_rtrl(&l);
    return plan;
}
