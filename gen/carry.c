/* SPDX-License-Identifier: Apache-2.0 */
/* In: a relation, D, df and a signal.  Out: eligibility traces as carried variables, and their share of the
   gradient.

   d_rtrl, per position o, state a and input i (Wang et al. 2024; the diagonal of Williams and Zipser's RTRL, 1989):
       e[i,o,a](t) = sum_b D[o,a,b](t) e[i,o,b](t-1) + x[i](t) df[o,a](t)
       grad_W[i,o] += sum_a s[o,a] e[i,o,a]
   A component that no D passes on has no past: it is the product of two vectors, and is never stored.  */
#include "learner.h"
#include "trace.h"

typedef struct {
    learner *l;
    const relation *r;
    int k;              /* the group */
    const hidden_group *group;
    trace_form form;
    bool *stored;       /* of a component: some D passes it on */
    int *e;             /* its variable, or -1 */
    bool several;       /* groups or states: names need both */
} carrier;

static int zero(ir *g, shape s)
{
    return ir_const(g, 0, s);
}

/* Which components are ever different from zero, and which of these have a future.  At the entry of a window
   the factors that led to a component are gone: there one with a past is kept as well.  */
static void find_stored(carrier *c)
{
    ir *g = c->l->ir;
    int n = c->group->n_states;
    bool *alive = ARENA_ARRAY(g->arena, bool, n);
    for (int a = 0; a < n; a++)
        alive[a] = !ir_is_zero(g, c->r->df[c->group->state[a]]);
    for (int round = 0; round < n; round++)
        for (int a = 0; a < n; a++)
            for (int b = 0; b < n; b++)
                alive[a] = alive[a] || (alive[b] && !ir_is_zero(g, c->group->D[a * n + b]));
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            if (!alive[b] || ir_is_zero(g, c->group->D[a * n + b]))
                continue;
            c->stored[b] = true;
            if (c->l->time == TIME_WINDOW)
                c->stored[a] = true;
        }
}

static void declare_traces(carrier *c)
{
    ir *g = c->l->ir;
    for (int a = 0; a < c->group->n_states; a++) {
        c->e[a] = -1;
        if (!c->stored[a])
            continue;
        const char *path = c->r->name;
        const char *state = g->var[c->l->gr->hidden[c->group->state[a]]].path;
        if (c->several)
            path = arena_printf(g->arena, "%s.%s", path, state);
        c->e[a] = ir_var(g, VAR_TRACE, path, c->form.trace, TYPE_REAL, (loc){0});
        g->var[c->e[a]].owner = (int)(c->r - c->l->gr->relation);
        g->var[c->e[a]].note = arena_printf(g->arena, "eligibility trace of %s in %s", c->r->name,
                                            state);
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

/* df of component A.  Before the first step there was none: what is constant waits for it.  */
static int own(carrier *c, int a, bool lagged)
{
    ir *g = c->l->ir;
    int df = c->r->df[c->group->state[a]];
    bool constant = g->node[df].op == OP_const
                    && (c->r->x == NO_NODE || g->node[c->r->x].op == OP_const);
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
    return ir_ew2(g, OP_mul, trace_by_input(g, &c->form, input(c, lagged)),
                  trace_by_position(g, &c->form, df));
}

/* sum_b D[a,b] e[b] */
static int past(carrier *c, int a, bool lagged)
{
    ir *g = c->l->ir;
    int n = c->group->n_states, sum = NO_NODE;
    for (int b = 0; b < n; b++) {
        int D = c->group->D[a * n + b];
        if (!c->stored[b] || ir_is_zero(g, D))
            continue;
        D = trace_by_position(g, &c->form, factor(c->l, D, lagged));
        sum = learner_plus(g, sum, ir_ew2(g, OP_mul, D, g->var[c->e[b]].now));
    }
    return sum;
}

static int advanced(carrier *c, int a, bool lagged)
{
    return learner_plus(c->l->ir, past(c, a, lagged), fresh(c, a, lagged));
}

static void set_next(carrier *c, int a, int node)
{
    ir *g = c->l->ir;
    var *e = &g->var[c->e[a]];
    e->next = node == NO_NODE ? zero(g, c->form.trace) : node;
    ir_name(g, e->next, arena_printf(g->arena, "e_%s", e->c_name),
            arena_printf(g->arena, "%s: e = D e + x df", e->note));
}

/* The trace of relation c->r in group c->k: its future, and what it adds to the gradient.  FLAT gathers
   signal times df of components without a past: their product with x is made once, with INSIDE.  */
static void carry_group(carrier *c, int inside)
{
    learner *l = c->l;
    ir *g = l->ir;
    bool lagged = l->time == TIME_ENTRY, window = l->time == TIME_WINDOW;
    int flat = inside, sum = NO_NODE;
    for (int a = 0; a < c->group->n_states; a++) {
        int signal = l->signal[c->group->state[a]];
        bool apart = window ? !c->stored[a] : past(c, a, lagged) == NO_NODE;
        int e = window && c->stored[a] ? g->var[c->e[a]].now : advanced(c, a, lagged || window);
        if (c->stored[a])
            set_next(c, a, window ? advanced(c, a, false) : e);
        if (signal == NO_NODE || e == NO_NODE)
            continue;
        if (apart)
            flat = learner_plus(g, flat,
                                ir_ew2(g, OP_mul, signal, own(c, a, lagged || window)));
        else
            sum = learner_plus(g, sum, ir_ew2(g, OP_mul, trace_by_position(g, &c->form, signal), e));
    }
    if (flat != NO_NODE && !ir_is_zero(g, flat)) {
        int in = trace_by_input(g, &c->form, input(c, lagged || window));
        sum = learner_plus(g, sum, ir_ew2(g, OP_mul, in, trace_by_position(g, &c->form, flat)));
    }
    if (sum != NO_NODE)
        learner_add(l, c->r->w, trace_to_weight(g, &c->form, sum));
}

void carry_relation(learner *l, const relation *r, int inside)
{
    ir *g = l->ir;
    for (int i = 0; i < r->n_groups; i++) {
        const hidden_group *group = &l->gr->group[r->group[i]];
        int n = group->n_states;
        carrier c = {.l = l, .r = r, .k = r->group[i], .group = group,
                     .stored = ARENA_ARRAY(g->arena, bool, n), .e = ARENA_ARRAY(g->arena, int, n),
                     .several = n > 1 || r->n_groups > 1};
        if (!trace_form_of(g, r, group->varshape, &c.form)) {
            diag_error(g->diag, g->var[r->param[0]].at, "E0502",
                       "the trace of %s would have more than %d axes", r->name, RANK_MAX);
            diag_note(g->diag, g->var[r->param[0]].at,
                      "reshape the operands so that several axes become one, or use 'trace: false'");
            continue;
        }
        find_stored(&c);
        declare_traces(&c);
        if (inside != NO_NODE)
            inside = ir_reshape(g, inside, group->varshape);
        carry_group(&c, inside);
        inside = NO_NODE;
    }
}
