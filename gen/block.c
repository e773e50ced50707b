/* SPDX-License-Identifier: Apache-2.0 */
/* In: what one step of learning stores.  Out: what a block of K steps stores, in which weights stand still: forward,
   a step at a time, which leaves on a tape what learning reads of it; then everything else for all steps at once.

   A trace e (one element a weight) is linear in itself: e(t) = A(t) e(t-1) + sum x(t) f(t), and so is the gradient of
   step t, g(t) = G(t) e(t-1) + sum x(t) f'(t).  A, G, f have one element a position, x one an input.  With
       M(K) = 1,  M(t-1) = M(t) A(t)        the block's end by the trace at t
       U(K) = 0,  U(t-1) = G(t) + U(t) A(t) the gradient by the trace at t
   it is met once a block:
       e(K) = M(0) e(0) + sum_t x(t) (M(t) f(t))
       sum_t g(t) = U(0) e(0) + sum_t x(t) (U(t) f(t) + f'(t))
   What cannot be taken apart like that is written out step by step.  */
#include "block.h"

#include "canon.h"
#include "early.h"
#include "lift.h"
#include "linear_form.h"
#include "origin.h"
#include "size.h"
#include "tape.h"

#include <string.h>

/* Steps of a block, unless the command line says otherwise; and from how many bytes of parameters and traces on.  */
enum { TILE = 8, TILE_MAX = 64 };
static const int64_t LARGE_BYTES = 1 << 15, HUGE_BYTES = 1 << 28;

/* Bytes of one value, of all steps of which no array is made.  */
enum { LARGE_VALUE = 1 << 14 };

typedef struct {
    model_plan *plan;
    ir *g;
    int64_t K;
    lifter lift;       /* over the steps */
    bool *forward;     /* nodes that the steps forward compute */
    bool *tried;       /* to lift */
    int **instance;    /* [K][n_nodes]; NO_NODE: not made yet */
    int n_forms;       /* traces met once a block */
    size_t cap_forms;
    int *form_var;
    int *form_of;      /* of variables: the form that is its, or -1 */
    linear_form *form; /* of their next values */
    int n_parts;       /* parts of gradients that meet them */
    size_t cap_parts;
    linear_form *part;
} blocker;

/* --- all steps at once ----------------------------------------------------------------------------- */

/* N for all steps; NO_NODE: it depends on a trace, so that one step has to be done after the other.  */
static int lifted(blocker *b, int n)
{
    ir *g = b->g;
    if (!b->lift.depends[n] || b->tried[n])
        return b->lift.depends[n] ? b->lift.of[n] : n;
    const ir_node v = g->node[n];
    b->tried[n] = true;
    b->lift.of[n] = NO_NODE;
    if (v.op == OP_var && g->var[v.var].kind == VAR_TRACE)
        return NO_NODE;
    if (v.op == OP_var || (b->forward[n] && !op_table[v.op].view))
        return b->lift.of[n] = tape_put(b->plan, &b->plan->forward, b->K, n);
    for (int i = 0; i < ir_n_reads(g, n); i++)
        if (lifted(b, v.arg[i]) == NO_NODE)
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
    return op_table[v->op].elementwise && !b->forward[n]
           && size_bytes(shape_numel(v->shape), TYPE_REAL, b->g->real_bits) >= LARGE_VALUE;
}

/* N in step T of the block.  */
static int instance(blocker *b, int n, int64_t t)
{
    ir *g = b->g;
    if (n >= b->lift.n_nodes || !b->lift.depends[n])
        return n;
    int *at = &b->instance[t][n];
    if (*at != NO_NODE)
        return *at;
    ir_node v = g->node[n];
    int all = is_large(b, n) ? NO_NODE : lifted(b, n);
    if (all != NO_NODE)
        return *at = ir_reshape(g, step_of(g, all, t), v.shape);
    if (v.op == OP_var)
        return *at = t == 0 ? n : instance(b, g->var[v.var].next, t - 1);
    int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    for (int i = 0; i < v.n_args; i++)
        arg[i] = instance(b, v.arg[i], t);
    if (op_table[v.op].elementwise && op_table[v.op].arity > 0 && v.op != OP_random && v.op != OP_copy
        && v.op != OP_weight && v.op != OP_graft)
        return *at = ir_ew(g, v.op, arg);
    v.arg = arg;
    return *at = ir_intern(g, v);
}

/* --- traces that are met once ---------------------------------------------------------------------- */

/* Are all traces that FORM reads themselves met once?  */
static bool reads_forms(const blocker *b, const linear_form *form)
{
    for (int i = 0; i < form->n_terms; i++)
        if (b->form_of[form->term[i].var] < 0)
            return false;
    return true;
}

static void find_forms(blocker *b)
{
    ir *g = b->g;
    size_t cap = 0;
    b->form_of = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    for (int v = 0; v < g->n_vars; v++) {
        linear_form form;
        b->form_of[v] = -1;
        if (g->var[v].kind != VAR_TRACE || g->var[v].shape.rank != 2
            || !linear_form_of(g, g->var[v].next, &form))
            continue;
        cap = b->cap_forms;
        arena_grow(g->arena, &b->form_var, (size_t)b->n_forms, &cap, sizeof *b->form_var);
        arena_grow(g->arena, &b->form, (size_t)b->n_forms, &b->cap_forms, sizeof *b->form);
        b->form_var[b->n_forms] = v;
        b->form_of[v] = b->n_forms;
        b->form[b->n_forms++] = form;
    }
    for (int i = 0; i < b->n_forms; i++)
        if (!reads_forms(b, &b->form[i])) {
            b->form_of[b->form_var[--b->n_forms]] = i;
            b->form_of[b->form_var[i]] = -1;
            b->form[i] = b->form[b->n_forms];
            b->form_var[i] = b->form_var[b->n_forms];
            i = -1;
        }
}

/* The coefficient of TRACE in FORM at step T, or NO_NODE: zero.  */
static int coefficient(blocker *b, const linear_form *form, int trace, int64_t t)
{
    for (int i = 0; i < form->n_terms; i++)
        if (form->term[i].var == trace)
            return instance(b, form->term[i].column, t);
    return NO_NODE;
}

static int times(ir *g, int x, int y)
{
    return x == NO_NODE || y == NO_NODE ? NO_NODE : ir_ew2(g, OP_mul, x, y);
}

static int plus(ir *g, int x, int y)
{
    return x == NO_NODE ? y : y == NO_NODE ? x : ir_ew2(g, OP_add, x, y);
}

/* The pairs of FORM at step T, times SCALE (a column), into SUM.  */
static void add_pairs(blocker *b, linear_form *sum, const linear_form *form, int64_t t, int scale)
{
    for (int i = 0; scale != NO_NODE && i < form->n_pairs; i++) {
        int row = instance(b, form->pair[i].row, t), column = instance(b, form->pair[i].column, t);
        linear_form_pair(b->g, sum, row, ir_ew2(b->g, OP_mul, scale, column));
    }
}

/* The coefficients of some traces in something, in the order of their forms; all others' are zero.  */
typedef struct {
    int form, column;
} weighed;

typedef struct {
    int n;
    size_t cap;
    weighed *of;
} weights;

/* That of FORM, there from now on: NO_NODE if it was not.  */
static int *weight_of(ir *g, weights *w, int form)
{
    int at = w->n;
    while (at > 0 && w->of[at - 1].form >= form)
        at--;
    if (at < w->n && w->of[at].form == form)
        return &w->of[at].column;
    ARENA_PUSH(g->arena, w->of, w->n, w->cap, ((weighed){form, NO_NODE}));
    memmove(&w->of[at + 1], &w->of[at], sizeof *w->of * (size_t)(w->n - 1 - at));
    w->of[at] = (weighed){form, NO_NODE};
    return &w->of[at].column;
}

/* W: of what is after step T.  Of what is before step T: the same, and in SUM what the steps themselves add.  */
static void one_step_back(blocker *b, weights *w, int64_t t, linear_form *sum)
{
    ir *g = b->g;
    weights before = {0};
    for (int k = 0; k < w->n; k++) {
        const linear_form *form = &b->form[w->of[k].form];
        weight_of(g, &before, w->of[k].form);
        for (int i = 0; i < form->n_terms; i++)
            weight_of(g, &before, b->form_of[form->term[i].var]);
    }
    for (int i = 0; i < before.n; i++) {
        int form = before.of[i].form, *to = &before.of[i].column;
        for (int k = 0; k < w->n; k++)
            if (w->of[k].form == form)
                add_pairs(b, sum, &b->form[form], t, w->of[k].column);
        for (int k = 0; k < w->n; k++)
            *to = plus(g, *to, times(g, w->of[k].column,
                                     coefficient(b, &b->form[w->of[k].form], b->form_var[form], t)));
    }
    *w = before;
}

/* SUM and the traces at the block's start by their coefficients W, at every element.  */
static int met(blocker *b, const weights *w, linear_form *sum, shape s)
{
    ir *g = b->g;
    for (int i = 0; i < w->n; i++)
        if (w->of[i].column != NO_NODE && !ir_is_zero(g, w->of[i].column))
            linear_form_term(g, sum, b->form_var[w->of[i].form], w->of[i].column);
    return linear_form_value(g, sum, s);
}

/* The trace of form I behind the block.  */
static int trace_behind(blocker *b, int i)
{
    ir *g = b->g;
    weights w = {0};
    linear_form sum = {0};
    shape s = g->var[b->form_var[i]].shape;
    *weight_of(g, &w, i) = ir_const(g, 1, shape_of1(s.dim[1]));
    for (int64_t t = b->K - 1; t >= 0; t--)
        one_step_back(b, &w, t, &sum);
    return met(b, &w, &sum, s);
}

/* What FORM, the gradient of one step, adds up to in the block.  */
static int gradient_of_block(blocker *b, const linear_form *form, shape s)
{
    ir *g = b->g;
    weights w = {0};
    linear_form sum = {0};
    int one = ir_const(g, 1, shape_of1(s.dim[1]));
    for (int64_t t = b->K - 1; t >= 0; t--) {
        one_step_back(b, &w, t, &sum);
        add_pairs(b, &sum, form, t, one);
        for (int i = 0; i < form->n_terms; i++)
            weight_of(g, &w, b->form_of[form->term[i].var]);
        for (int i = 0; i < w.n; i++)
            w.of[i].column = plus(g, w.of[i].column, coefficient(b, form, b->form_var[w.of[i].form], t));
    }
    return met(b, &w, &sum, s);
}

/* --- stores ---------------------------------------------------------------------------------------- */

/* A part of a gradient: its form where it has one.  */
typedef struct {
    const store *st;
    int node;
    bool has_form;
    linear_form form;
} gradient_part;

/* Can N be summed over the steps at once?  Rows that are added to a table have no value for all steps, but a sum.  */
static bool can_sum(blocker *b, int n)
{
    const ir_node *v = &b->g->node[n];
    int index = v->op == OP_embed_t ? v->arg[0] : n, y = v->op == OP_embed_t ? v->arg[1] : n;
    return lifted(b, index) != NO_NODE && lifted(b, y) != NO_NODE;
}

/* The sum of N over the steps.  */
static int sum_of_steps(blocker *b, int n)
{
    int sum = NO_NODE;
    if (!b->lift.depends[n])
        return ir_ew2(b->g, OP_mul, ir_const(b->g, (double)b->K, b->g->node[n].shape), n);
    if (can_sum(b, n))
        return lift_sum(&b->lift, n);
    for (int64_t t = 0; t < b->K; t++)
        sum = plus(b->g, sum, instance(b, n, t));
    return sum;
}

static void put(blocker *b, function_plan *f, store st)
{
    ARENA_PUSH(b->g->arena, f->store, f->n, f->cap, st);
}

/* Of the step's stores, those that are done forward.  */
static bool is_forward(const ir *g, const store *st)
{
    bool trace = st->var >= 0 && g->var[st->var].kind == VAR_TRACE;
    return !trace && !(st->add && strcmp(st->place, "total") != 0);
}

static void start_forward(blocker *b)
{
    ir *g = b->g;
    const function_plan *learn = &b->plan->learn;
    int *root = ARENA_ARRAY(g->arena, int, learn->n + 1);
    size_t n = 0;
    for (int i = 0; i < learn->n; i++) {
        store st = learn->store[i];
        if (!is_forward(g, &st))
            continue;
        root[n++] = st.node;
        put(b, &b->plan->forward, st);
    }
    b->forward = canon_live(g, root, n);
}

static void start_lifting(blocker *b)
{
    ir *g = b->g;
    lifter *l = &b->lift;
    *l = (lifter){.g = g, .rows = b->K, .n_nodes = g->n_nodes};
    l->of = ARENA_ARRAY(g->arena, int, g->n_nodes + 1);
    l->depends = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    b->tried = ARENA_ARRAY(g->arena, bool, g->n_nodes + 1);
    b->instance = ARENA_ARRAY(g->arena, int *, b->K);
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
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

/* A step's gradients by their forms; before the nodes are counted, as forms make nodes.  */
static gradient_part *find_parts(blocker *b)
{
    ir *g = b->g;
    const function_plan *learn = &b->plan->learn;
    gradient_part *part = ARENA_ARRAY(g->arena, gradient_part, learn->n + 1);
    for (int i = 0; i < learn->n; i++) {
        const store *st = &learn->store[i];
        part[i] = (gradient_part){.st = st, .node = st->node};
        part[i].has_form = !is_forward(g, st) && st->add && g->node[st->node].shape.rank == 2
                           && linear_form_of(g, st->node, &part[i].form) && reads_forms(b, &part[i].form);
    }
    return part;
}

static void put_block(blocker *b, const gradient_part *part)
{
    ir *g = b->g;
    function_plan *f = &b->plan->block;
    for (int i = 0; i < b->plan->learn.n; i++) {
        store st = b->plan->learn.store[i];
        int form = st.var >= 0 ? b->form_of[st.var] : -1;
        if (is_forward(g, &st))
            continue;
        origin_as(g, st.node);
        if (!st.add)
            st.node = form >= 0 ? trace_behind(b, form) : instance(b, st.node, b->K - 1);
        else if (part[i].has_form && lifted(b, st.node) == NO_NODE)
            st.node = gradient_of_block(b, &part[i].form, g->node[st.node].shape);
        else
            st.node = sum_of_steps(b, st.node);
        if (!st.add && g->node[st.node].name == NULL)
            ir_name(g, st.node, arena_printf(g->arena, "e_%s", g->var[st.var].c_name), NULL);
        put(b, f, st);
    }
}

/* A large trace that has no form is written out step by step: that wins nothing, and all steps' factors of a sparse
   weight, gathered, are arrays as large as itself.  */
static bool is_written_out(const ir *g, const var *v)
{
    return v->kind == VAR_TRACE && v->shape.rank != 2
           && size_bytes(shape_numel(v->shape), TYPE_REAL, g->real_bits) >= LARGE_BYTES;
}

/* Steps a block: there is nothing to be won on small models, nor with factors of several samples, whose products have
   their rows already.  */
static int64_t choose_tile(const model_plan *plan)
{
    const ir *g = plan->ir;
    int64_t bytes = 0;
    for (int v = 0; v < g->n_vars && plan->set.tile == 0; v++)
        if (is_written_out(g, &g->var[v]))
            return 1;
    if (plan->set.tile > 0)
        return plan->set.tile < TILE_MAX ? plan->set.tile : TILE_MAX;
    if (plan->set.trace == TRACE_FACTORS && g->batch > 1)
        return 1;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_PARAM || g->var[v].kind == VAR_TRACE)
            bytes = size_plus(bytes, size_bytes(shape_numel(g->var[v].shape), TYPE_REAL, g->real_bits));
    return bytes >= LARGE_BYTES && bytes < HUGE_BYTES ? TILE : 1;
}

static bool can_block(const model_plan *plan)
{
    trace_kind trace = plan->set.trace;
    for (int n = 0; n < plan->ir->n_nodes; n++)
        if (plan->ir->node[n].op == OP_loop)
            return false;
    return plan->learn.n > 0 && !plan->learn.once && plan->learn.n_sums == 0
           && (trace == TRACE_WEIGHT || trace == TRACE_FACTORS || trace == TRACE_HYBRID);
}

void block_run(model_plan *plan)
{
    blocker b = {.plan = plan, .g = plan->ir, .K = choose_tile(plan)};
    if (b.K < 2 || !can_block(plan))
        return;
    find_forms(&b);
    const gradient_part *part = find_parts(&b);
    start_forward(&b);
    start_lifting(&b);
    put_block(&b, part);
    early_run(plan, b.K);
    plan->tile = b.K;
}
