/* SPDX-License-Identifier: Apache-2.0 */
/* In: a relation, D, df and a signal.  Out: eligibility traces as carried variables, and their share of the
   gradient.

   d_rtrl, per position o, state a and input i (Wang et al. 2024; the diagonal of Williams and Zipser's RTRL, 1989):
       e[i,o,a](t) = sum_b D[o,a,b](t) e[i,o,b](t-1) + x[i](t) df[o,a](t)
       grad_W[i,o] += sum_a s[o,a] e[i,o,a]
   e-prop filters once more (Bellec et al. 2020, eq. 4 of the methods):
       ebar(t) = kappa ebar(t-1) + e(t), which then meets the signal.
   A component that no D passes on has no past: it is the product of two vectors, and is never stored.  */
#include "learner.h"
#include "origin.h"

typedef struct {
    learner *l;
    const relation *r;
    const hidden_group *group;
    trace_form form;
    bool *alive;
    bool *stored; /* of a component: it is kept from step to step */
    int *e;       /* its variable, or -1 */
    int *ebar;    /* that of the filtered trace, or -1 */
} carrier;

/* Which components have a future.  At the entry of a window the factors that led to a component are gone:
   there one with a past is kept as well.  */
static void find_stored(carrier *c)
{
    ir *g = c->l->ir;
    int n = c->group->n_states;
    c->alive = learner_alive(c->l, c->r, c->group);
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            if (!c->alive[b] || ir_is_zero(g, learner_recursion(c->l, c->group, a, b)))
                continue;
            c->stored[b] = true;
            if (c->l->time == TIME_WINDOW)
                c->stored[a] = true;
        }
}

static void declare_traces(carrier *c)
{
    for (int a = 0; a < c->group->n_states; a++) {
        bool filtered = c->alive[a] && c->l->set->kappa > 0;
        c->e[a] = c->stored[a] ? learner_trace(c->l, c->r, c->group, a, "", c->form.trace) : -1;
        c->ebar[a] = filtered ? learner_trace(c->l, c->r, c->group, a, "filtered", c->form.trace) : -1;
    }
}

/* A factor as at the time of the trace.  */
static int factor(learner *l, int node, bool lagged)
{
    return lagged ? learner_lag(l, node) : node;
}

/* The op's input; NO_NODE for an element-wise use.  */
static int input(carrier *c, bool lagged)
{
    return c->r->x == NO_NODE ? NO_NODE : factor(c->l, c->r->x, lagged);
}

/* df of component A.  Before the first step there was none: what is constant waits for it, unless an
   input of zero makes the product zero then.  An index of zero does not: it is row 0 of a table.  */
static int own(carrier *c, int a, bool lagged)
{
    ir *g = c->l->ir;
    int df = graph_df(g, c->l->gr, c->r, c->group->state[a]);
    bool constant = g->node[df].op == OP_const
                    && (c->r->x == NO_NODE || trace_reads_rows(c->r)
                        || g->node[c->r->x].op == OP_const);
    if (!lagged || !constant || ir_is_zero(g, df))
        return factor(c->l, df, lagged);
    return ir_ew2(g, OP_mul, learner_started(c->l), df);
}

/* x df of component A.  */
static int fresh(carrier *c, int a, bool lagged)
{
    ir *g = c->l->ir;
    int df = own(c, a, lagged);
    if (ir_is_zero(g, df))
        return NO_NODE;
    int turn = trace_by_turn(g, &c->form, df), in = trace_by_input(g, &c->form, input(c, lagged));
    return trace_sum_turns(g, &c->form, ir_ew2(g, OP_mul, in, turn));
}

/* sum_b D[a,b] e[b] */
static int past(carrier *c, int a, bool lagged)
{
    ir *g = c->l->ir;
    int n = c->group->n_states, sum = NO_NODE;
    for (int b = 0; b < n; b++) {
        int D = learner_recursion(c->l, c->group, a, b);
        if (!c->stored[b] || !c->alive[b] || ir_is_zero(g, D))
            continue;
        D = trace_by_position(g, &c->form, factor(c->l, D, lagged));
        sum = diff_plus(g, sum, ir_ew2(g, OP_mul, D, g->var[c->e[b]].now));
    }
    return sum;
}

static int advanced(carrier *c, int a, bool lagged)
{
    int new = fresh(c, a, lagged);
    return diff_plus(c->l->ir, past(c, a, lagged), new);
}

/* kappa ebar + E */
static int filtered(carrier *c, int a, int e)
{
    ir *g = c->l->ir;
    int old = ir_ew2(g, OP_mul, ir_const(g, c->l->set->kappa, shape_scalar()), g->var[c->ebar[a]].now);
    return diff_plus(g, old, e);
}

/* The trace of component A that meets the signal; its future is set on the way.  */
static int meeting(carrier *c, int a)
{
    learner *l = c->l;
    ir *g = l->ir;
    bool window = l->time == TIME_WINDOW;
    int e = window && c->stored[a] ? g->var[c->e[a]].now
                                   : advanced(c, a, l->time != TIME_T);
    int next = window ? advanced(c, a, false) : e;
    if (c->stored[a])
        learner_next(l, c->e[a], next, "e = D e + x df");
    if (c->ebar[a] < 0)
        return e;
    int ebar = filtered(c, a, next);
    learner_next(l, c->ebar[a], ebar, "filtered by kappa");
    return window ? g->var[c->ebar[a]].now : ebar;
}

/* The trace of relation c->r in its group: its future, and what it adds to the gradient.  FLAT gathers
   signal times df of components without a past: their product with x is made once, with INSIDE.  */
static void carry_group(carrier *c, int inside)
{
    learner *l = c->l;
    ir *g = l->ir;
    bool lagged = l->time != TIME_T;
    int flat = inside, sum = NO_NODE;
    for (int a = 0; a < c->group->n_states; a++) {
        int signal = learner_signal(l, c->r, c->group->state[a]), e = meeting(c, a);
        bool apart = c->ebar[a] < 0
                     && (l->time == TIME_WINDOW ? !c->stored[a] : past(c, a, lagged) == NO_NODE);
        if (signal == NO_NODE || e == NO_NODE)
            continue;
        origin_enter(g, PASS_GRADIENT);
        if (apart)
            flat = diff_plus(g, flat, ir_ew2(g, OP_mul, signal, own(c, a, lagged)));
        else
            sum = diff_plus(g, sum, ir_ew2(g, OP_mul, trace_by_position(g, &c->form, signal), e));
        origin_enter(g, PASS_TRACE);
    }
    origin_enter(g, PASS_GRADIENT);
    if (flat != NO_NODE && !ir_is_zero(g, flat) && trace_reads_rows(c->r)) { /* the rows that were read */
        int64_t n = g->node[c->r->w].shape.dim[0];
        int rows = ir_reshape(g, flat, c->form.y);
        learner_add(l, c->r->w, ir_embed_t(g, input(c, lagged), rows, n));
    } else if (flat != NO_NODE && !ir_is_zero(g, flat)) {
        int in = trace_by_input(g, &c->form, input(c, lagged));
        int product = ir_ew2(g, OP_mul, in, trace_by_turn(g, &c->form, flat));
        sum = diff_plus(g, sum, trace_sum_turns(g, &c->form, product));
    }
    if (sum != NO_NODE)
        learner_add(l, c->r->w, trace_to_weight(g, &c->form, sum));
    origin_enter(g, PASS_TRACE);
}

void carry_relation(learner *l, const relation *r, int inside)
{
    ir *g = l->ir;
    for (int i = 0; i < r->n_groups; i++) {
        const hidden_group *group = &l->gr->group[r->group[i]];
        int n = group->n_states;
        carrier c = {.l = l, .r = r, .group = group, .stored = ARENA_ARRAY(g->arena, bool, n),
                     .e = ARENA_ARRAY(g->arena, int, n), .ebar = ARENA_ARRAY(g->arena, int, n)};
        if (!learner_form(l, r, group, &c.form))
            continue;
        find_stored(&c);
        declare_traces(&c);
        if (inside != NO_NODE)
            inside = ir_reshape(g, inside, learner_shape(r, group));
        carry_group(&c, inside);
        inside = NO_NODE;
    }
}
