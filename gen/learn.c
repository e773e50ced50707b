/* SPDX-License-Identifier: Apache-2.0 */
/* In: graph, D and df.  Out: what each emitted function computes and stores.

   vjp_time t:   grad_W += sum_a s_a(t) e_a(t), with s the learning signal at t
   window k:     grad_W += sum_a dL(window)/ds_a(entry) e_a(entry) + the exact gradient inside of the window
   In a window of one step the trace lags: step t first brings it from t-2 to t-1 with the factors x, D, df
   that step t-1 left behind, so that trace and gradient are met in one pass.  */
#include "canon.h"
#include "forward.h"
#include "learner.h"
#include "origin.h"

#include <math.h>
#include <string.h>

void learner_put(const learner *l, function_plan *f, int node, const char *place, bool add,
                 int variable)
{
    store st = {.node = node, .place = place, .add = add, .var = variable};
    ARENA_PUSH(l->ir->arena, f->store, f->n, f->cap, st);
}

function_plan *learner_once(const learner *l, function_plan *f)
{
    if (!f->once)
        f->once = ARENA_NEW(l->ir->arena, function_plan);
    return f->once;
}

static const char *sum_place(const learner *l, int v)
{
    return arena_printf(l->ir->arena, "sum.%s", l->ir->var[v].c_name);
}

int learner_sum(learner *l, function_plan *f, int node, const char *name, const char *note)
{
    ir *g = l->ir;
    int v = ir_var(g, VAR_SUM, name, g->node[node].shape, TYPE_REAL, (loc){0});
    g->var[v].note = note;
    ARENA_PUSH(g->arena, f->sum, f->n_sums, f->cap_sums, v);
    learner_once(l, f);
    learner_put(l, f, node, sum_place(l, v), true, -1);
    return g->var[v].now;
}

static void add_gradient(const learner *l, int *gradient, int n, int node)
{
    if (node == NO_NODE || ir_is_zero(l->ir, node))
        return;
    node = ir_sum_to(l->ir, node, l->ir->node[n].shape);
    gradient[n] = diff_plus(l->ir, gradient[n], node);
}

void learner_add(learner *l, int n, int node)
{
    add_gradient(l, l->gradient, n, node);
}

void learner_add_once(learner *l, int n, int node)
{
    add_gradient(l, l->gradient_once, n, node);
}

int learner_param(learner *l, const char *path, shape s, const char *note)
{
    ir *g = l->ir;
    int v = ir_var(g, VAR_PARAM, path, s, TYPE_REAL, (loc){0});
    for (int i = 0; i < v; i++)
        if (g->var[i].kind == VAR_PARAM && g->var[i].order >= g->var[v].order)
            g->var[v].order = g->var[i].order + 1;
    g->var[v].note = note;
    return v;
}

/* --- what the last step left behind ---------------------------------------------------------------- */

static int lag_variable(learner *l, int node)
{
    ir *g = l->ir;
    const char *name = g->node[node].op == OP_var ? g->var[g->node[node].var].c_name
                                                  : g->node[node].name;
    const char *path = name ? arena_printf(g->arena, "last.%s", name)
                            : arena_printf(g->arena, "last.f%d", l->n_lags);
    for (int i = 0; i < l->n_lags; i++)
        if (strcmp(g->var[l->lag_var[i]].path, path) == 0)
            path = arena_printf(g->arena, "%s_%d", path, l->n_lags);
    int v = ir_var(g, VAR_TRACE, path, g->node[node].shape, g->node[node].type, (loc){0});
    g->var[v].next = node;
    g->var[v].note = "of the last step";
    g->node[g->var[v].now].events = ir_events(g, node);
    return v;
}

bool learner_moves(const ir *g, int node)
{
    op_code op = g->node[node].op;
    return op == OP_broadcast || op == OP_reshape || op == OP_windows;
}

int learner_moved(ir *g, int node, int x)
{
    const ir_node v = g->node[node];
    return v.op == OP_broadcast ? ir_broadcast(g, x, v.shape)
           : v.op == OP_reshape ? ir_reshape(g, x, v.shape)
                                : ir_windows(g, x, v.window, v.n_windows);
}

int learner_lag(learner *l, int node)
{
    ir *g = l->ir;
    if (g->node[node].op == OP_const)
        return node;
    if (learner_moves(g, node))
        return learner_moved(g, node, learner_lag(l, g->node[node].arg[0]));
    for (int i = 0; i < l->n_lags; i++)
        if (l->lag_of[i] == node)
            return g->var[l->lag_var[i]].now;
    int v = lag_variable(l, node);
    size_t cap = l->cap_lags;
    arena_grow(g->arena, &l->lag_of, (size_t)l->n_lags, &cap, sizeof *l->lag_of);
    arena_grow(g->arena, &l->lag_var, (size_t)l->n_lags, &l->cap_lags, sizeof *l->lag_var);
    l->lag_of[l->n_lags] = node;
    l->lag_var[l->n_lags++] = v;
    return g->var[v].now;
}

int learner_started(learner *l)
{
    ir *g = l->ir;
    if (l->started < 0) {
        l->started = ir_var(g, VAR_TRACE, "last.any", shape_scalar(), TYPE_REAL, (loc){0});
        g->var[l->started].next = ir_const(g, 1, shape_scalar());
        g->var[l->started].note = "1 behind the first step";
    }
    return g->var[l->started].now;
}

/* --- traces ------------------------------------------------------------------------------------------ */

int learner_recursion(const learner *l, const hidden_group *group, int a, int b)
{
    int own = l->set->recursion == RECURSION_LEAK && a == b;
    if (l->set->recursion == RECURSION_JACOBIAN)
        return (l->set->coupled ? group->coupled : group->D)[a * group->n_states + b];
    return ir_const(l->ir, own ? l->set->leak : 0, group->varshape);
}

bool *learner_alive(const learner *l, const relation *r, const hidden_group *group)
{
    int n = group->n_states;
    bool *alive = ARENA_ARRAY(l->ir->arena, bool, n);
    for (int a = 0; a < n; a++)
        alive[a] = !ir_is_zero(l->ir, graph_df(l->ir, l->gr, r, group->state[a]));
    for (int round = 0; round < n; round++)
        for (int a = 0; a < n; a++)
            for (int b = 0; b < n; b++)
                alive[a] = alive[a]
                           || (alive[b] && !ir_is_zero(l->ir, learner_recursion(l, group, a, b)));
    return alive;
}

int learner_trace(learner *l, const relation *r, const hidden_group *group, int a, const char *what,
                  shape s)
{
    ir *g = l->ir;
    const char *state = group && a >= 0 ? g->var[l->gr->hidden[group->state[a]]].path : NULL;
    bool several = group && (group->n_states > 1 || r->n_groups > 1);
    const char *path = state && several ? arena_printf(g->arena, "%s.%s", r->name, state) : r->name;
    int v = ir_var(g, VAR_TRACE, *what ? arena_printf(g->arena, "%s.%s", path, what) : path, s, TYPE_REAL,
                   (loc){0});
    g->var[v].owner = (int)(r - l->gr->relation);
    g->var[v].half = l->set->half;
    g->var[v].note = state ? arena_printf(g->arena, "eligibility trace of %s in %s", r->name, state)
                           : arena_printf(g->arena, "eligibility trace of %s", r->name);
    return v;
}

void learner_next(learner *l, int v, int node, const char *note)
{
    ir *g = l->ir;
    var *e = &g->var[v];
    e->next = node == NO_NODE ? ir_const(g, 0, e->shape) : node;
    ir_name(g, e->next, arena_printf(g->arena, "e_%s", e->c_name),
            arena_printf(g->arena, "%s: %s", e->note, note));
}

shape learner_shape(const relation *r, const hidden_group *group)
{
    shape s = r->turns;
    for (int k = 0; k < group->varshape.rank; k++)
        s.dim[s.rank++] = group->varshape.dim[k];
    return s;
}

bool learner_form(learner *l, const relation *r, const hidden_group *group, trace_form *f)
{
    if (trace_form_of(l->ir, r, group->varshape, f))
        return true;
    graph_refuse_axes(l->ir, r, r->name);
    return false;
}

/* --- what every function does ---------------------------------------------------------------------- */

static void put_step(const learner *l, function_plan *f)
{
    const ir *g = l->ir;
    for (int v = 0; v < g->n_vars; v++) {
        const var *x = &g->var[v];
        if (x->kind == VAR_HIDDEN || x->kind == VAR_STATE)
            learner_put(l, f, x->next,
                        arena_printf(g->arena, "s->%s", x->c_name), false, v);
    }
    for (int i = 0; i < g->n_outputs; i++)
        learner_put(l, f, g->output[i].node,
                    arena_printf(g->arena, "out->%s", g->output[i].c_name), false,
                    -1);
}

/* WEIGHT: NO_NODE is 1.  */
static void put_loss(const learner *l, function_plan *f, int weight)
{
    ir *g = l->ir;
    origin_pass before = origin_enter(g, PASS_STEP);
    if (g->loss != NO_NODE)
        learner_put(l, f, weight == NO_NODE ? g->loss : ir_ew2(g, OP_mul, weight, g->loss), "total",
                    true, -1);
    origin_enter(g, before);
}

static void put_traces(const learner *l, function_plan *f)
{
    ir *g = l->ir;
    for (int v = 0; v < g->n_vars; v++) {
        const var *x = &g->var[v];
        if (x->kind != VAR_TRACE)
            continue;
        function_plan *to = x->pooled ? learner_once(l, f) : f;
        learner_put(l, to, x->next, arena_printf(g->arena, "e->%s", x->c_name), false, v);
        if (g->node[x->next].n_args == 0) /* what the last step read */
            to->store[to->n - 1].from = origin_by(g, g->node[x->next].from, PASS_TRACE);
    }
}

/* NODE is added to the gradient of variable V: the rows of a table by themselves, and not as a part of the whole.  */
static void put_parts(const learner *l, function_plan *f, int node, int v)
{
    const ir *g = l->ir;
    const ir_node n = g->node[node];
    bool rows = n.op == OP_add && (g->node[n.arg[0]].op == OP_embed_t || g->node[n.arg[1]].op == OP_embed_t);
    for (int i = 0; rows && i < 2; i++)
        put_parts(l, f, n.arg[i], v);
    if (!rows)
        learner_put(l, f, node, arena_printf(g->arena, "grad->%s", g->var[v].c_name), true, -1);
}

static void put_gradient(learner *l, function_plan *f, int *gradient)
{
    const ir *g = l->ir;
    diff_parameters(l->gr, gradient, NULL);
    for (int v = 0; v < g->n_vars; v++) {
        int node = g->var[v].kind == VAR_PARAM && g->var[v].trainable
                           && g->var[v].now < l->gr->n_base
                       ? gradient[g->var[v].now]
                       : NO_NODE;
        if (node != NO_NODE && !ir_is_zero(g, node))
            put_parts(l, f, node, v);
    }
}

static void put_gradients(learner *l, function_plan *f)
{
    put_gradient(l, f, l->gradient);
    if (f->once)
        put_gradient(l, f->once, l->gradient_once);
}

int *learner_no_nodes(const learner *l, int n)
{
    int *node = ARENA_ARRAY(l->ir->arena, int, n + 1);
    for (int i = 0; i < n; i++)
        node[i] = NO_NODE;
    return node;
}

/* --- gradients inside of the step ------------------------------------------------------------------ */

static const relation *relation_of(const graph *gr, int y)
{
    return gr->relation_of[y] < 0 ? NULL : &gr->relation[gr->relation_of[y]];
}

/* The gradient of the weight of the op N, whose result has the adjoint YBAR.  Where nothing is summed over it is
   left element-wise, so that it shares a loop with traces; but of a table it is the rows that were read.  */
static void add_product(learner *l, int n, int ybar)
{
    ir *g = l->ir;
    relation rel = {.op = g->node[n].op, .y = n, .x = g->node[n].arg[0], .w = graph_weight(g, n)};
    trace_form f;
    if (ybar == NO_NODE)
        return;
    origin_begin(g, g->node[n].from);
    if (!trace_reads_rows(&rel) && trace_form_of(g, &rel, g->node[n].shape, &f) && f.lead == 0) {
        int at = trace_by_position(g, &f, ybar);
        learner_add(l, rel.w, ir_ew2(g, OP_mul, trace_by_input(g, &f, rel.x), at));
    } else {
        learner_add(l, rel.w, diff_weight(g, n, ybar));
    }
    origin_begin(g, 0);
}

/* The adjoint of Y that no trace carries.  */
static int inside_of(learner *l, int y)
{
    bool carried = l->time == TIME_T && relation_of(l->gr, y) != NULL;
    return carried ? adjoint_outside(l->ir, &l->adj, y) : adjoint_total(l->ir, &l->adj, y);
}

/* Values made of parameters alone: what arrives by way of a new state, or at one, is the traces' as far up as
   a relation begins, and otherwise a gradient like any other.  */
static void add_elementwise(learner *l)
{
    ir *g = l->ir;
    int *carried = learner_no_nodes(l, l->gr->n_base);
    bool *root = ARENA_ARRAY(g->arena, bool, l->gr->n_base + 1);
    for (int r = 0; r < l->gr->n_relations; r++)
        root[l->gr->relation[r].y] = l->gr->relation[r].op == OP_weight;
    for (int n = 0; n < l->gr->n_base; n++) {
        if (!g->node[n].of_params)
            continue;
        bool is_state = l->time == TIME_T && l->gr->state_at[n] >= 0;
        carried[n] = diff_plus(g, l->adj.positional[n], l->adj.spread[n]);
        if (is_state)
            carried[n] = diff_plus(g, carried[n], l->adj.direct[n]);
        else
            learner_add(l, n, l->adj.direct[n]);
    }
    diff_parameters(l->gr, carried, root);
    for (int n = 0; n < l->gr->n_base; n++)
        if (g->node[n].op == OP_var && g->node[n].of_params)
            learner_add(l, n, carried[n]);
}

/* Are traces made relation by relation, not for a group at once?  */
static bool by_relation(const learner *l)
{
    return l->set->trace != TRACE_RANDOM && l->set->trace != TRACE_INFLUENCE;
}

void learner_inside(learner *l, bool with_traces)
{
    ir *g = l->ir;
    if (l->time == TIME_T && l->set->plain_none)
        return;
    for (int n = 0; n < l->gr->n_base; n++) {
        if (graph_weight(g, n) == NO_NODE || g->node[n].op == OP_weight)
            continue;
        const relation *r = with_traces && l->time == TIME_T ? relation_of(l->gr, n) : NULL;
        if (!r || !by_relation(l) || factor_chosen(l, r) || r->whole != r->y)
            add_product(l, n, inside_of(l, n));
    }
    add_elementwise(l);
}

/* --- the rules -------------------------------------------------------------------------------------- */

/* The equation of R: that of its op, or of the first one that reads an element-wise parameter.  */
static int from_use(const graph *gr, const relation *r)
{
    const ir_node *y = &gr->ir->node[r->y];
    bool read = y->n_args == 0 && gr->first_user[r->y] < gr->first_user[r->y + 1];
    return read ? gr->ir->node[gr->user[gr->first_user[r->y]]].from : y->from;
}

static void carry_all(learner *l)
{
    ir *g = l->ir;
    origin_enter(g, PASS_TRACE);
    if (l->set->trace == TRACE_RANDOM)
        unbiased_traces(l);
    else if (l->set->trace == TRACE_INFLUENCE)
        influence_traces(l);
    for (int r = 0; by_relation(l) && r < l->gr->n_relations; r++) {
        const relation *rel = &l->gr->relation[r];
        bool with = l->time == TIME_T && !l->set->plain_none && rel->op != OP_weight && rel->whole == rel->y;
        origin_begin(g, from_use(l->gr, rel));
        if (factor_chosen(l, rel))
            factor_relation(l, rel);
        else
            carry_relation(l, rel, with ? inside_of(l, rel->y) : NO_NODE);
    }
    origin_begin(g, 0);
    origin_enter(g, PASS_GRADIENT);
}

static bool reads(const learner *l, const function_plan *f, int node)
{
    int *root = ARENA_ARRAY(l->ir->arena, int, f->n + 1);
    for (int i = 0; i < f->n; i++)
        root[i] = f->store[i].node;
    return canon_live(l->ir, root, (size_t)f->n)[node];
}

/* F adds up what it does once and OF adds up already.  */
static void put_sums(const learner *l, const function_plan *of, function_plan *f)
{
    ir *g = l->ir;
    for (int i = 0; f->once && i < of->n; i++) {
        int v = 0;
        while (v < of->n_sums && strcmp(of->store[i].place, sum_place(l, of->sum[v])) != 0)
            v++;
        if (v == of->n_sums || !reads(l, f->once, g->var[of->sum[v]].now))
            continue;
        ARENA_PUSH(g->arena, f->sum, f->n_sums, f->cap_sums, of->sum[v]);
        ARENA_PUSH(g->arena, f->store, f->n, f->cap, of->store[i]);
    }
}

/* One function for all of it: step, loss, gradient and trace; and one for steps whose loss counts nothing.  */
static void put_learn(learner *l)
{
    function_plan *f = &l->plan->learn, *evolve = &l->plan->evolve;
    put_step(l, f);
    put_loss(l, f, l->weight);
    put_gradients(l, f);
    put_traces(l, f);
    put_step(l, evolve);
    put_traces(l, evolve);
    put_sums(l, f, evolve);
}

static void plan_fused(learner *l)
{
    ir *g = l->ir;
    origin_enter(g, PASS_SIGNAL);
    l->adj = diff_adjoint(l->gr, l->time == TIME_T, NULL, l->weight);
    l->heard = l->adj;
    for (int s = 0; s < l->gr->n_hidden; s++)
        l->signal[s] = l->time == TIME_T ? jacobian_signal(l, &l->adj, s)
                                         : l->adj.direct[g->var[l->gr->hidden[s]].now];
    for (int s = 0; s < l->gr->n_hidden; s++)
        if (l->signal[s] != NO_NODE)
            jacobian_name_signal(l, l->signal[s], s, l->time == TIME_T ? "'" : "");
    diff_name_adjoints(l->gr, &l->adj);
    feedback_set(l);
    carry_all(l);
    learner_inside(l, true);
    feedback_learn(l);
    put_learn(l);
}

/* One step of exact reverse mode: on entry ds is d(later losses)/d(new state), on exit
   d(this and later losses)/d(old state).  */
static void plan_back(learner *l)
{
    ir *g = l->ir;
    function_plan *f = &l->plan->back;
    int n = l->gr->n_hidden;
    int *cotangent = ARENA_ARRAY(g->arena, int, n + 1);
    int *variable = ARENA_ARRAY(g->arena, int, n + 1);
    for (int s = 0; s < n; s++) {
        const var *h = &g->var[l->gr->hidden[s]];
        variable[s] = ir_var(g, VAR_COTANGENT, h->path, h->shape, TYPE_REAL, h->at);
        cotangent[s] = g->var[variable[s]].now;
    }
    l->signal = cotangent;
    origin_enter(g, PASS_SIGNAL);
    l->adj = diff_adjoint(l->gr, false, cotangent, l->weight);
    diff_name_adjoints(l->gr, &l->adj);
    origin_enter(g, PASS_GRADIENT);
    learner_inside(l, false);
    if (l->synthesiser)
        synthetic_back(l);
    put_loss(l, f, l->weight);
    put_gradients(l, f);
    for (int s = 0; s < n; s++) {
        const var *h = &g->var[l->gr->hidden[s]];
        int node = l->adj.direct[h->now];
        learner_put(l, f, node == NO_NODE ? ir_const(g, 0, h->shape) : node,
                    arena_printf(g->arena, "ds->%s", h->c_name), false,
                    variable[s]);
    }
    if (l->synthesiser)
        synthetic_functions(l, variable);
}

/* The trace at a window's entry meets ds there; then it is brought over each step of the window.  */
static void plan_window(learner *l)
{
    l->gradient = learner_no_nodes(l, l->gr->n_base);
    origin_enter(l->ir, PASS_SIGNAL);
    feedback_set(l);
    carry_all(l);
    put_gradients(l, &l->plan->apply);
    put_traces(l, &l->plan->advance);
}

graph *learn_graph(ir *g, const learning *set)
{
    /* what passes through everything leaves nothing out */
    bool whole = set->trace == TRACE_NONE || set->trace == TRACE_EXACT || set->coupled;
    int before = diag_errors(g->diag);
    graph *gr = graph_compile(g, whole ? DENSE_DIAGONAL : set->dense, set->coupled);
    if (diag_errors(g->diag) > before)
        return NULL;
    origin_enter(g, PASS_JACOBIAN);
    diff_jacobians(gr, set->dense);
    return gr;
}

static model_plan *plan_rule(graph *gr, const learning *set)
{
    ir *g = gr->ir;
    model_plan *plan = ARENA_NEW(g->arena, model_plan);
    learner l = {.plan = plan, .ir = g, .gr = gr, .set = set, .started = -1,
                 .correction = -1, .weight = NO_NODE};
    l.time = set->trace == TRACE_NONE || set->window > 1 || set->synthesiser ? TIME_WINDOW
             : set->window == 1                        ? TIME_ENTRY
                                                       : TIME_T;
    for (int k = 0; set->coupled && set->trace < TRACE_INFLUENCE && k < gr->n_groups; k++) {
        gr->group[k].coupled = forward_coupled(gr, k, set->at);
        if (!gr->group[k].coupled)
            return plan;
    }
    const char *said = set->at.src ? diag_line_text(g->arena, set->at) : "of the learning rule";
    g->otherwise = origin_place(g, set->at, said + strspn(said, " "), "", PASS_GRADIENT);
    plan->ir = g;
    plan->graph = gr;
    plan->set = *set;
    factor_check_list(&l);
    l.gradient = learner_no_nodes(&l, gr->n_base);
    l.gradient_once = learner_no_nodes(&l, gr->n_base);
    l.signal = learner_no_nodes(&l, gr->n_hidden);
    jacobian_entries(&l);
    put_step(&l, &plan->step);
    put_step(&l, &plan->h2h);
    jacobian_put(&l, &plan->h2h, false);
    if (g->loss == NO_NODE)
        return plan;
    origin_enter(g, PASS_SIGNAL);
    adjoint a = diff_adjoint(gr, true, NULL, NO_NODE);
    jacobian_signals(&l, &a);
    diff_name_adjoints(gr, &a);
    origin_enter(g, PASS_GRADIENT);
    put_step(&l, &plan->l2h);
    put_loss(&l, &plan->l2h, NO_NODE);
    jacobian_put(&l, &plan->l2h, false);
    jacobian_put(&l, &plan->l2h, true);
    int weight = ir_var(g, VAR_WEIGHT, "weight", shape_scalar(), TYPE_REAL, (loc){0});
    l.weight = g->var[weight].now;
    if (set->trace == TRACE_EXACT) {
        origin_enter(g, PASS_TRACE);
        exact_traces(&l);
        origin_enter(g, PASS_GRADIENT);
        put_learn(&l);
        return plan;
    }
    if (set->synthesiser && !synthetic_declare(&l))
        return plan;
    if (l.time != TIME_WINDOW) {
        plan_fused(&l);
        return plan;
    }
    plan_back(&l);
    if (set->trace != TRACE_NONE)
        plan_window(&l);
    return plan;
}

/* Is there something for trace_dtype to be about?  */
static void check_halves(const ir *g, const learning *set)
{
    bool any = set->half == HALF_NONE || g->loss == NO_NODE;
    for (int v = 0; v < g->n_vars; v++)
        any = any || g->var[v].half != HALF_NONE;
    if (!any) {
        diag_error(g->diag, set->half_at, "E0516", "trace_dtype: no trace of a weight is kept from step to step");
        diag_note(g->diag, set->half_at, "leave it out");
    }
}

model_plan *learn_plan(graph *gr, const learning *set)
{
    ir *g = gr->ir;
    if (set->half != HALF_NONE && g->real_bits != 32) {
        diag_error(g->diag, set->half_at, "E0517", "trace_dtype: traces of 16 bits belong to dtype: float32");
        diag_note(g->diag, set->half_at, "they are rounded far more coarsely than float64: say 'dtype: float32', or "
                                         "leave trace_dtype out");
    }
    model_plan *plan = plan_rule(gr, set);
    check_halves(g, set);
    return plan;
}
