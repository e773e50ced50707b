/* SPDX-License-Identifier: Apache-2.0 */
/* In: a group, its relations and signals.  Out: the influence of each weight on every position that it reaches
   within some steps, as carried variables, and the gradient that it brings.

   snap-n (Menick et al. 2021): with J[p,q] = d s[p](t) / d s[q](t-1) by all ways, o the position that a weight feeds,
       e[w,p](t) = sum_q J[p,q] e[w,q](t-1) + x df [o = p]      for p at most n - 1 steps from o, else zero
       grad_w += sum_p s[p] e[w,p]
   Order 1 is the coupled scope.  Once all positions are reached it is exact for these weights.  */
#include "forward.h"
#include "learner.h"

typedef struct {
    learner *l;
    const hidden_group *group;
    int64_t places;
    const int *J;  /* n_states * n_states, each [p, q] */
    int near;      /* [o, p]: 1 where a weight's influence is kept; NO_NODE: everywhere */
} influence;

/* --- which positions are near ------------------------------------------------------------------------ */

/* What a value depends on: of one that has an element for each position, which (row by row); else only whether it
   depends on each at all.  */
typedef struct {
    bool *at; /* places * places, or places */
    bool whole;
} dependence;

static void add_any(const dependence *from, int64_t places, bool *any)
{
    for (int64_t i = 0; i < (from->whole ? places * places : places); i++)
        any[i % places] = any[i % places] || from->at[i];
}

static void add_rows(const ir *g, const ir_node *v, const dependence *from, int64_t places, bool *at)
{
    const pattern *p = v->op == OP_sparse ? &g->pattern[v->pattern] : NULL;
    for (int64_t k = 0; k < (p ? p->n : places); k++) {
        int64_t to = p ? p->col[k] : k, row = p ? p->row[k] : k;
        for (int64_t q = 0; q < places; q++)
            at[to * places + q] = at[to * places + q] || from->at[row * places + q];
    }
}

static dependence depend(const ir *g, const dependence *known, int n, int64_t places)
{
    const ir_node *v = &g->node[n];
    bool whole = shape_numel(v->shape) == places;
    dependence res = {ARENA_ARRAY(g->arena, bool, whole ? places * places : places), whole};
    bool *any = ARENA_ARRAY(g->arena, bool, places);
    bool by_rows = whole && (op_table[v->op].elementwise || v->op == OP_reshape || v->op == OP_sparse);
    if (v->op == OP_stop_gradient || v->type != TYPE_REAL)
        return res;
    for (int i = 0; i < v->n_args; i++) {
        const dependence *from = &known[v->arg[i]];
        if (by_rows && from->whole)
            add_rows(g, v, from, places, res.at);
        else
            add_any(from, places, any);
    }
    for (int64_t i = 0; i < (whole ? places * places : places); i++)
        res.at[i] = res.at[i] || any[i % places];
    return res;
}

/* REACH[p * places + q]: the group's new states at p depend on its old ones at q.  */
static bool *one_step(const learner *l, const hidden_group *group, int64_t places)
{
    const ir *g = l->ir;
    dependence *known = ARENA_ARRAY(g->arena, dependence, l->gr->n_base + 1);
    bool *reach = ARENA_ARRAY(g->arena, bool, places * places);
    for (int n = 0; n < l->gr->n_base; n++) {
        known[n] = depend(g, known, n, places);
        for (int a = 0; a < group->n_states; a++)
            if (g->var[l->gr->hidden[group->state[a]]].now == n)
                for (int64_t p = 0; p < places; p++)
                    known[n].at[p * places + p] = true;
    }
    for (int a = 0; a < group->n_states; a++) {
        const dependence *d = &known[g->var[l->gr->hidden[group->state[a]]].next];
        for (int64_t i = 0; i < places * places; i++)
            reach[i] = reach[i] || d->at[i];
    }
    return reach;
}

/* The pairs (o, p) with p at most order - 1 steps from o, as a matrix of ones; NO_NODE if that is all pairs.  */
static int near_matrix(learner *l, const hidden_group *group, int64_t places)
{
    ir *g = l->ir;
    const bool *reach = one_step(l, group, places);
    bool *near = ARENA_ARRAY(g->arena, bool, places * places);
    int32_t *row = ARENA_ARRAY(g->arena, int32_t, places * places);
    int32_t *col = ARENA_ARRAY(g->arena, int32_t, places * places);
    int64_t n = 0;
    for (int64_t o = 0; o < places; o++)
        near[o * places + o] = true;
    for (int step = 1; step < l->set->order && step < places; step++) {
        bool *next = ARENA_ARRAY(g->arena, bool, places * places);
        for (int64_t o = 0; o < places; o++)
            for (int64_t q = 0; q < places; q++)
                for (int64_t p = 0; near[o * places + q] && p < places; p++)
                    next[o * places + p] = next[o * places + p] || reach[p * places + q]
                                           || near[o * places + p];
        near = next;
    }
    for (int64_t i = 0; i < places * places; i++)
        if (near[i]) {
            row[n] = (int32_t)(i / places);
            col[n++] = (int32_t)(i % places);
        }
    if (n == places * places)
        return NO_NODE;
    int p = ir_pattern(g, (pattern){.n_rows = places, .n_cols = places, .n = n, .row = row, .col = col});
    return ir_sparse(g, forward_eye(g, places), ir_const(g, 1, shape_of1(n)), p);
}

/* --- the influence ----------------------------------------------------------------------------------- */

/* [t, p]: 1 where element t of the trace is at position p.  */
static int own_place(influence *in, const trace_form *f, int64_t elements)
{
    ir *g = in->l->ir;
    int place = ir_reshape(g, ir_iota(g, in->places), in->group->varshape);
    int at = ir_reshape(g, trace_by_position(g, f, place), shape_of1(elements));
    return ir_one_hot(g, at, in->places);
}

static void influence_relation(influence *in, const relation *r)
{
    learner *l = in->l;
    ir *g = l->ir;
    int n = in->group->n_states, sum = NO_NODE;
    trace_form f;
    if (!learner_form(l, r, in->group, &f))
        return;
    int64_t elements = shape_numel(f.trace);
    shape whole = shape_of2(elements, in->places);
    int place = own_place(in, &f, elements);
    int near = in->near == NO_NODE ? NO_NODE : ir_matmul(g, place, in->near);
    int *e = ARENA_ARRAY(g->arena, int, n), *next = ARENA_ARRAY(g->arena, int, n);
    for (int a = 0; a < n; a++)
        e[a] = learner_trace(l, r, in->group, a, "", whole);
    for (int a = 0; a < n; a++) {
        int df = graph_df(g, l->gr, r, in->group->state[a]);
        next[a] = NO_NODE;
        for (int b = 0; b < n; b++)
            if (!ir_is_zero(g, in->J[a * n + b]))
                next[a] = diff_plus(g, next[a], ir_matmul_t(g, g->var[e[b]].now, in->J[a * n + b]));
        if (!ir_is_zero(g, df)) {
            int fresh = ir_ew2(g, OP_mul, trace_by_input(g, &f, r->x), trace_by_turn(g, &f, df));
            fresh = trace_sum_turns(g, &f, fresh);
            fresh = ir_broadcast(g, ir_reshape(g, fresh, shape_of2(elements, 1)), whole);
            next[a] = diff_plus(g, next[a], ir_ew2(g, OP_mul, fresh, place));
        }
        if (next[a] != NO_NODE && near != NO_NODE)
            next[a] = ir_ew2(g, OP_mul, next[a], near);
        learner_next(l, e[a], next[a], "e = J e + x df");
    }
    for (int a = 0; a < n; a++) {
        int signal = learner_signal(l, r, in->group->state[a]);
        int met = l->time == TIME_T ? next[a] : g->var[e[a]].now;
        if (signal != NO_NODE && met != NO_NODE)
            sum = diff_plus(g, sum,
                               ir_einsum(g, "tp,p->t", met,
                                         ir_reshape(g, signal, shape_of1(in->places))));
    }
    if (sum != NO_NODE)
        learner_add(l, r->w, trace_to_weight(g, &f, ir_reshape(g, sum, f.trace)));
}

void influence_traces(learner *l)
{
    for (int k = 0; k < l->gr->n_groups; k++) {
        influence in = {.l = l, .group = &l->gr->group[k],
                        .places = shape_numel(l->gr->group[k].varshape)};
        in.J = forward_full(l->gr, k, l->set->at);
        if (!in.J)
            return;
        in.near = near_matrix(l, in.group, in.places);
        for (int r = 0; r < l->gr->n_relations; r++) {
            const relation *rel = &l->gr->relation[r];
            for (int i = 0; i < rel->n_groups; i++)
                if (rel->group[i] == k)
                    influence_relation(&in, rel);
        }
    }
}
