/* SPDX-License-Identifier: Apache-2.0 */
/* In: a group, its relations and signals.  Out: the influence of each weight on every position that it reaches
   within some steps, as carried variables, and the gradient that it brings.

   snap-n (Menick et al. 2021): with J[p,q] = d s[p](t) / d s[q](t-1) by all ways, o the position that a weight feeds,
       e[w,p](t) = sum_q J[p,q] e[w,q](t-1) + x df [o = p]      for p at most n - 1 steps from o, else zero
       grad_w += sum_p s[p] e[w,p]
   Order 1 is the coupled scope.  Once all positions are reached it is exact for these weights.
   Only pairs (w, p) that are not zero are stored: for each position o a row of those near it, the same for all weights
   that feed o.  Which pair hands on to which is known now, and is a table of the emitted C.  */
#include "forward.h"
#include "learner.h"
#include "origin.h"

#include <string.h>

typedef struct {
    learner *l;
    const hidden_group *group;
    int64_t places;
    const int *J;      /* n_states * n_states, each [p, q] */
    const bool *reach; /* [p, q]: J is not zero by structure */
    const bool *near;  /* [o, p]: a weight's influence is kept; NULL: everywhere */
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

static void add_rows(const ir *g, int n, const dependence *from, int64_t places, bool *at)
{
    const pattern *p = ir_non_zeros(g, n);
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
    bool by_rows = whole && (op_table[v->op].elementwise || v->op == OP_reshape || ir_non_zeros(g, n));
    if (v->op == OP_stop_gradient || v->type != TYPE_REAL)
        return res;
    for (int i = 0; i < v->n_args; i++) {
        const dependence *from = &known[v->arg[i]];
        if (by_rows && from->whole)
            add_rows(g, n, from, places, res.at);
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

/* NEAR[o * places + p]: p is at most order - 1 steps from o.  NULL if that is so for all pairs.  */
static const bool *find_near(const learner *l, const bool *reach, int64_t places)
{
    arena *a = l->ir->arena;
    bool *near = ARENA_ARRAY(a, bool, places * places), all = true;
    for (int64_t o = 0; o < places; o++)
        near[o * places + o] = true;
    for (int step = 1; step < l->set->order && step < places; step++) {
        bool *next = ARENA_ARRAY(a, bool, places * places);
        for (int64_t o = 0; o < places; o++)
            for (int64_t q = 0; q < places; q++)
                for (int64_t p = 0; near[o * places + q] && p < places; p++)
                    next[o * places + p] = next[o * places + p] || reach[p * places + q]
                                           || near[o * places + p];
        near = next;
    }
    for (int64_t i = 0; i < places * places; i++)
        all = all && near[i];
    return all ? NULL : near;
}

/* --- the trace's elements as rows ---------------------------------------------------------------------- */

/* The trace's axes in two parts: FREE, which no position depends on (the rows of W), and SLOTS, each of which belongs to
   one position.  */
typedef struct {
    int64_t free, slots;
    int order[RANK_MAX]; /* the trace's axes, free ones first */
    shape turned;        /* the trace's shape in that order */
    int64_t *place;      /* of a slot: its position */
} rows_of_trace;

static bool of_position(const trace_form *f, int axis)
{
    return f->relation->op == OP_weight || strchr(f->of_y, f->axis[axis]) != NULL;
}

/* Where slot number S is, an element of y; COORD are the slot's subscripts on the trace's axes.  What is met element
   by element may be broadcast: its trace has all positions.  */
static int64_t place_of(const ir *g, const trace_form *f, const int64_t *coord)
{
    int64_t flat = 0;
    const relation *r = f->relation;
    const shape y = r->op == OP_weight ? f->trace : f->y;
    for (int k = 0; k < y.rank; k++) {
        int axis = r->op == OP_weight ? k : (int)(strchr(f->axis, f->of_y[k]) - f->axis);
        const pattern *p = k == y.rank - 1 ? ir_non_zeros(g, r->y) : NULL;
        int64_t at = p ? p->col[coord[axis]] : coord[axis];
        flat = flat * y.dim[k] + at;
    }
    return flat;
}

static rows_of_trace find_rows(const ir *g, const trace_form *f)
{
    rows_of_trace res = {.free = 1, .slots = 1};
    int n = 0;
    for (int part = 0; part < 2; part++)
        for (int k = 0; k < f->trace.rank; k++)
            if (of_position(f, k) == (part == 1)) {
                res.turned.dim[n] = f->trace.dim[k];
                res.order[n++] = k;
                *(part ? &res.slots : &res.free) *= f->trace.dim[k];
            }
    res.turned.rank = n;
    res.place = ARENA_ARRAY(g->arena, int64_t, res.slots + 1);
    for (int64_t s = 0; s < res.slots; s++) {
        int64_t coord[RANK_MAX] = {0}, rest = s;
        for (int k = n - 1; k >= 0 && of_position(f, res.order[k]); k--) {
            coord[res.order[k]] = rest % res.turned.dim[k];
            rest /= res.turned.dim[k];
        }
        res.place[s] = place_of(g, f, coord);
    }
    return res;
}

/* X of the trace's shape as [free, slots], and back.  */
static int as_rows(ir *g, const trace_form *f, const rows_of_trace *rows, int x)
{
    x = ir_broadcast(g, x, f->trace);
    return ir_reshape(g, ir_permute(g, x, rows->order), shape_of2(rows->free, rows->slots));
}

static int from_rows(ir *g, const trace_form *f, const rows_of_trace *rows, int x)
{
    int back[RANK_MAX];
    for (int k = 0; k < f->trace.rank; k++)
        back[rows->order[k]] = k;
    return ir_permute(g, ir_reshape(g, x, rows->turned), back);
}

/* --- which elements are kept --------------------------------------------------------------------------- */

/* The kept pairs of a slot and a position, row by row: pairs START[s] up to START[s + 1] are of slot s.  */
typedef struct {
    int64_t n;
    int64_t *start;
    int32_t *slot, *place; /* of a pair */
} kept_pairs;

static kept_pairs find_pairs(const influence *in, const rows_of_trace *rows)
{
    arena *a = in->l->ir->arena;
    kept_pairs k = {.start = ARENA_ARRAY(a, int64_t, rows->slots + 1)};
    for (int fill = 0; fill < 2; fill++) {
        int64_t n = 0;
        for (int64_t s = 0; s < rows->slots; s++) {
            k.start[s] = n;
            for (int64_t p = 0; p < in->places; p++) {
                if (in->near && !in->near[rows->place[s] * in->places + p])
                    continue;
                if (fill) {
                    k.slot[n] = (int32_t)s;
                    k.place[n] = (int32_t)p;
                }
                n++;
            }
        }
        k.start[rows->slots] = k.n = n;
        if (!fill) {
            k.slot = ARENA_ARRAY(a, int32_t, n + 1);
            k.place = ARENA_ARRAY(a, int32_t, n + 1);
        }
    }
    return k;
}

static int new_pattern(ir *g, const char *name, int64_t n_rows, int64_t n_cols, int64_t n, const int32_t *row,
                       const int32_t *col)
{
    return ir_pattern(g, (pattern){.name = name, .n_rows = n_rows, .n_cols = n_cols, .n = n, .row = row,
                                   .col = col});
}

/* What J does to the kept pairs in a step: from pair (s, q) to pair (s, p) it is J[p, q].  *AT: where these stand in J.  */
static int step_pattern(const influence *in, const kept_pairs *k, int64_t slots, int *at)
{
    ir *g = in->l->ir;
    int32_t *row = NULL, *col = NULL, *of_J = NULL;
    int64_t n = 0;
    for (int fill = 0; fill < 2; fill++) {
        n = 0;
        for (int64_t s = 0; s < slots; s++)
            for (int64_t from = k->start[s]; from < k->start[s + 1]; from++)
                for (int64_t to = k->start[s]; to < k->start[s + 1]; to++) {
                    int64_t in_J = k->place[to] * in->places + k->place[from];
                    if (!in->reach[in_J])
                        continue;
                    if (fill) {
                        row[n] = (int32_t)from;
                        col[n] = (int32_t)to;
                        of_J[n] = (int32_t)in_J;
                    }
                    n++;
                }
        if (!fill) {
            row = ARENA_ARRAY(g->arena, int32_t, n + 1);
            col = ARENA_ARRAY(g->arena, int32_t, n + 1);
            of_J = ARENA_ARRAY(g->arena, int32_t, n + 1);
        }
    }
    *at = new_pattern(g, "jacobian", in->places * in->places, in->places * in->places, n, of_J, of_J);
    return new_pattern(g, "passing", k->n, k->n, n, row, col);
}

/* From slots to the pairs at their own position.  */
static int own_pattern(const influence *in, const kept_pairs *k, const rows_of_trace *rows)
{
    ir *g = in->l->ir;
    int32_t *row = ARENA_ARRAY(g->arena, int32_t, rows->slots + 1);
    int32_t *col = ARENA_ARRAY(g->arena, int32_t, rows->slots + 1);
    for (int64_t i = 0; i < k->n; i++)
        if (k->place[i] == rows->place[k->slot[i]]) {
            row[k->slot[i]] = k->slot[i];
            col[k->slot[i]] = (int32_t)i;
        }
    return new_pattern(g, "own", rows->slots, k->n, rows->slots, row, col);
}

/* --- the influence ----------------------------------------------------------------------------------- */

/* One relation's, in its rows: [free, pairs].  */
typedef struct {
    influence *in;
    const relation *r;
    trace_form f;
    rows_of_trace rows;
    kept_pairs kept;
    int own, passing, at, sums, places; /* patterns; all but own only where some pair is left out */
} carried_influence;

static int ones(ir *g, int64_t n)
{
    return ir_const(g, 1, shape_of1(n));
}

static void find_patterns(carried_influence *c)
{
    const influence *in = c->in;
    ir *g = in->l->ir;
    const kept_pairs *k = &c->kept;
    int32_t *number = ARENA_ARRAY(g->arena, int32_t, k->n + 1);
    for (int64_t i = 0; i < k->n; i++)
        number[i] = (int32_t)i;
    c->own = own_pattern(in, k, &c->rows);
    if (!in->near)
        return;
    c->passing = step_pattern(in, k, c->rows.slots, &c->at);
    c->sums = new_pattern(g, "slot", k->n, c->rows.slots, k->n, number, k->slot);
    c->places = new_pattern(g, "place", k->n, in->places, k->n, number, k->place);
}

/* J e, pair by pair.  */
static int passed_on(carried_influence *c, int e, int J)
{
    ir *g = c->in->l->ir;
    shape s = g->node[e].shape, by_place = shape_of2(c->rows.free * c->rows.slots, c->in->places);
    if (!c->in->near)
        return ir_reshape(g, ir_matmul_t(g, ir_reshape(g, e, by_place), J), s);
    int flat = ir_reshape(g, J, shape_of1(c->in->places * c->in->places));
    return ir_sparse(g, e, ir_gather(g, flat, c->at, 0), c->passing);
}

/* e of state A after this step.  */
static int advanced(carried_influence *c, const int *e, int a)
{
    const influence *in = c->in;
    ir *g = in->l->ir;
    int n = in->group->n_states, df = graph_df(g, in->l->gr, c->r, in->group->state[a]), next = NO_NODE;
    for (int b = 0; b < n; b++)
        if (!ir_is_zero(g, in->J[a * n + b]))
            next = diff_plus(g, next, passed_on(c, g->var[e[b]].now, in->J[a * n + b]));
    if (ir_is_zero(g, df))
        return next;
    int turn = trace_by_turn(g, &c->f, df);
    int fresh = ir_ew2(g, OP_mul, trace_by_input(g, &c->f, c->r->x), turn);
    fresh = trace_sum_turns(g, &c->f, fresh);
    fresh = as_rows(g, &c->f, &c->rows, fresh);
    return diff_plus(g, next, ir_sparse(g, fresh, ones(g, c->rows.slots), c->own));
}

/* E, NEXT behind this step, as it meets the signal.  */
static int meeting(carried_influence *c, int a, int e, int next)
{
    learner *l = c->in->l;
    ir *g = l->ir;
    learner_next(l, e, next, "e = J e + x df");
    if (l->set->kappa <= 0)
        return l->time == TIME_T ? next : g->var[e].now;
    int v = learner_trace(l, c->r, c->in->group, a, "filtered", g->var[e].shape);
    int old = ir_ew2(g, OP_mul, ir_const(g, l->set->kappa, shape_scalar()), g->var[v].now);
    int filtered = diff_plus(g, old, next);
    learner_next(l, v, filtered, "filtered by kappa");
    return l->time == TIME_T ? filtered : g->var[v].now;
}

/* E met by SIGNAL, of the states' shape: [free, slots].  */
static int met_by(carried_influence *c, int e, int signal)
{
    ir *g = c->in->l->ir;
    signal = ir_reshape(g, signal, shape_of1(c->in->places));
    if (!c->in->near) {
        shape by_place = shape_of2(c->rows.free * c->rows.slots, c->in->places);
        return ir_reshape(g, ir_einsum(g, "tp,p->t", ir_reshape(g, e, by_place), signal),
                          shape_of2(c->rows.free, c->rows.slots));
    }
    int all = ones(g, c->kept.n);
    return ir_sparse(g, ir_ew2(g, OP_mul, e, ir_gather(g, signal, c->places, 1)), all, c->sums);
}

static void influence_relation(influence *in, const relation *r)
{
    learner *l = in->l;
    ir *g = l->ir;
    int n = in->group->n_states, sum = NO_NODE;
    carried_influence c = {.in = in, .r = r};
    if (!learner_form(l, r, in->group, &c.f))
        return;
    c.rows = find_rows(g, &c.f);
    c.kept = find_pairs(in, &c.rows);
    find_patterns(&c);
    int *e = ARENA_ARRAY(g->arena, int, n), *next = ARENA_ARRAY(g->arena, int, n);
    for (int a = 0; a < n; a++)
        e[a] = learner_trace(l, r, in->group, a, "", shape_of2(c.rows.free, c.kept.n));
    for (int a = 0; a < n; a++)
        next[a] = advanced(&c, e, a);
    for (int a = 0; a < n; a++) {
        int signal = learner_signal(l, r, in->group->state[a]), met = meeting(&c, a, e[a], next[a]);
        origin_enter(g, PASS_GRADIENT);
        if (signal != NO_NODE && met != NO_NODE)
            sum = diff_plus(g, sum, met_by(&c, met, signal));
        origin_enter(g, PASS_TRACE);
    }
    origin_enter(g, PASS_GRADIENT);
    if (sum != NO_NODE)
        learner_add(l, r->w, trace_to_weight(g, &c.f, from_rows(g, &c.f, &c.rows, sum)));
    origin_enter(g, PASS_TRACE);
}

void influence_traces(learner *l)
{
    for (int k = 0; k < l->gr->n_groups; k++) {
        influence in = {.l = l, .group = &l->gr->group[k],
                        .places = shape_numel(l->gr->group[k].varshape)};
        in.J = forward_full(l->gr, k, l->set->at);
        if (!in.J)
            return;
        in.reach = one_step(l, in.group, in.places);
        in.near = find_near(l, in.reach, in.places);
        for (int r = 0; r < l->gr->n_relations; r++) {
            const relation *rel = &l->gr->relation[r];
            for (int i = 0; i < rel->n_groups; i++)
                if (rel->group[i] == k) {
                    origin_begin(l->ir, l->ir->node[rel->y].from);
                    influence_relation(&in, rel);
                }
        }
    }
}
