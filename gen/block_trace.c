/* SPDX-License-Identifier: Apache-2.0 */
/* In: what a step makes of a trace, and the gradient of a step by it.  Out: the same of a block of K steps.

   A trace e (one element a weight) is linear in itself: e(t) = A(t) e(t-1) + sum x(t) f(t), and so is the gradient of
   step t, g(t) = G(t) e(t-1) + sum x(t) f'(t).  A, G, f have one element a position, x one an input.  With
       M(K) = 1,  M(t-1) = M(t) A(t)        the block's end by the trace at t
       U(K) = 0,  U(t-1) = G(t) + U(t) A(t) the gradient by the trace at t
   it is met once a block:
       e(K) = M(0) e(0) + sum_t x(t) (M(t) f(t))
       sum_t g(t) = U(0) e(0) + sum_t x(t) (U(t) f(t) + f'(t))  */
#include "block_part.h"

#include <string.h>

bool block_reads_forms(const blocker *b, const linear_form *form)
{
    for (int i = 0; i < form->n_terms; i++)
        if (b->form_of[form->term[i].var] < 0)
            return false;
    return true;
}

void block_find_forms(blocker *b)
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
        if (!block_reads_forms(b, &b->form[i])) {
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
            return block_instance(b, form->term[i].column, t);
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
        int row = block_instance(b, form->pair[i].row, t), column = block_instance(b, form->pair[i].column, t);
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

int block_trace(blocker *b, int i)
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

int block_gradient(blocker *b, const linear_form *form, shape s)
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
