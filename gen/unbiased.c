/* SPDX-License-Identifier: Apache-2.0 */
/* In: a group, its relations and signals.  Out: the influence of their weights as a random product of two
   vectors, right on the average.

   uoro (Tallec and Ollivier 2018, algorithm 1), nu a random sign for each state and position:
       s~(t)     = rho0 D s~(t-1) + rho1 nu                  D: the whole Jacobian of the group
       theta~(t) = theta~(t-1) / rho0 + proj / rho1          proj = nu^T d s / d theta
       rho0 = sqrt((|theta~| + eps) / (|D s~| + eps)),  rho1 = sqrt((|proj| + eps) / (|nu| + eps))
       grad += (signal . s~) theta~  */
#include "forward.h"
#include "learner.h"

#include <math.h>

#define EPS 1e-12

typedef struct {
    learner *l;
    int k;
    const hidden_group *group;
    int n_weights;
    int *weight, *proj, *theta; /* nodes of weights, their projections, the variables of theta~ */
    int *nu, *s;                /* of the group's states: nodes of the signs, the variables of s~ */
} estimate;

static int scalar(ir *g, double x)
{
    return ir_const(g, x, shape_scalar());
}

static int square_sum(ir *g, int x)
{
    unsigned all = (1u << g->node[x].shape.rank) - 1;
    return ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, x, x), all);
}

/* The signs of this step: drawn, or given as an input.  */
static bool draw_signs(estimate *e)
{
    learner *l = e->l;
    ir *g = l->ir;
    int n = e->group->n_states;
    shape s = e->group->varshape;
    if (l->set->noise_input) {
        if (!forward_fits(g, s, 1, l->set->at))
            return false;
        shape whole = s;
        whole.dim[whole.rank++] = n;
        int v = ir_var(g, VAR_INPUT, arena_printf(g->arena, "uoro_nu.group%d", e->k), whole, TYPE_REAL,
                       (loc){0});
        g->var[v].note = "random signs";
        for (int a = 0; a < n; a++)
            e->nu[a] = ir_reshape(g, ir_slice(g, g->var[v].now, s.rank, a, 1), s);
        return true;
    }
    int count = ir_var(g, VAR_TRACE, arena_printf(g->arena, "draws.group%d", e->k), shape_scalar(),
                       TYPE_INDEX, (loc){0});
    g->var[count].note = "steps drawn";
    g->var[count].next = ir_ew1(g, OP_next_seed, g->var[count].now);
    for (int a = 0; a < n; a++) {
        int u = ir_random(g, g->var[count].now, (l->set->seed * l->gr->n_hidden) + e->group->state[a], s);
        e->nu[a] = ir_ew3(g, OP_where, ir_ew2(g, OP_lt, u, scalar(g, 0.5)), scalar(g, -1), scalar(g, 1));
    }
    return true;
}

/* proj of every weight that reaches the group, uses of one weight added up.  */
static bool project(estimate *e)
{
    learner *l = e->l;
    ir *g = l->ir;
    for (int i = 0; i < l->gr->n_relations; i++) {
        const relation *r = &l->gr->relation[i];
        int sum = NO_NODE, w = 0;
        trace_form f;
        for (int a = 0; a < e->group->n_states; a++)
            if (!ir_is_zero(g, r->df[e->group->state[a]]))
                sum = diff_plus(g, sum, ir_ew2(g, OP_mul, e->nu[a], r->df[e->group->state[a]]));
        if (sum == NO_NODE)
            continue;
        if (!learner_form(l, r, e->group, &f))
            return false;
        int x = r->op == OP_embed ? ir_one_hot(g, r->x, g->node[r->w].shape.dim[0]) : r->x;
        while (w < e->n_weights && e->weight[w] != r->w)
            w++;
        if (w == e->n_weights) {
            e->weight[e->n_weights] = r->w;
            e->theta[e->n_weights] = learner_trace(l, r, e->group, -1,
                                                   arena_printf(g->arena, "theta.group%d", e->k),
                                                   g->node[r->w].shape);
            e->proj[e->n_weights++] = NO_NODE;
        }
        e->proj[w] = diff_plus(g, e->proj[w], trace_outer(g, &f, x, sum));
    }
    return true;
}

/* sqrt((a + eps) / (b + eps)) of the roots of two sums of squares */
static int ratio(ir *g, int a, int b)
{
    int over = ir_ew2(g, OP_add, ir_ew1(g, OP_sqrt, a), scalar(g, EPS));
    int under = ir_ew2(g, OP_add, ir_ew1(g, OP_sqrt, b), scalar(g, EPS));
    return ir_ew1(g, OP_sqrt, ir_ew2(g, OP_div, over, under));
}

static int norms(estimate *e, const int *node, int n, bool of_vars)
{
    ir *g = e->l->ir;
    int sum = NO_NODE;
    for (int i = 0; i < n; i++)
        sum = diff_plus(g, sum, square_sum(g, of_vars ? g->var[node[i]].now : node[i]));
    return sum;
}

/* D s~, by one direction of forward mode.  */
static int *pushed(estimate *e)
{
    ir *g = e->l->ir;
    int n = e->group->n_states, *seed = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int *res = ARENA_ARRAY(g->arena, int, n);
    for (int v = 0; v < g->n_vars; v++)
        seed[v] = NO_NODE;
    for (int a = 0; a < n; a++)
        seed[e->l->gr->hidden[e->group->state[a]]] = g->var[e->s[a]].now;
    const int *t = forward_tangents(e->l->gr, seed, shape_scalar(), e->l->set->at);
    for (int a = 0; t && a < n; a++) {
        int x = t[g->var[e->l->gr->hidden[e->group->state[a]]].next];
        res[a] = x == NO_NODE ? ir_const(g, 0, e->group->varshape) : x;
    }
    return t ? res : NULL;
}

static void meet(estimate *e, const int *s, const int *theta)
{
    learner *l = e->l;
    ir *g = l->ir;
    int dot = NO_NODE;
    unsigned all = (1u << e->group->varshape.rank) - 1;
    for (int a = 0; a < e->group->n_states; a++) {
        int signal = l->signal[e->group->state[a]];
        if (signal != NO_NODE)
            dot = diff_plus(g, dot, ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, signal, s[a]), all));
    }
    for (int w = 0; dot != NO_NODE && w < e->n_weights; w++)
        learner_add(l, e->weight[w], ir_ew2(g, OP_mul, dot, theta[w]));
}

static bool estimate_group(estimate *e)
{
    learner *l = e->l;
    ir *g = l->ir;
    int n = e->group->n_states;
    int *s_next = ARENA_ARRAY(g->arena, int, n), *theta_next = ARENA_ARRAY(g->arena, int, e->n_weights + 1);
    const int *Ds = pushed(e);
    if (!Ds)
        return false;
    int rho0 = ratio(g, norms(e, e->theta, e->n_weights, true), norms(e, Ds, n, false));
    double nu = sqrt((double)(shape_numel(e->group->varshape) * n));
    int rho1 = ratio(g, norms(e, e->proj, e->n_weights, false), scalar(g, nu * nu));
    for (int a = 0; a < n; a++) {
        s_next[a] = ir_ew2(g, OP_add, ir_ew2(g, OP_mul, rho0, Ds[a]), ir_ew2(g, OP_mul, rho1, e->nu[a]));
        learner_next(l, e->s[a], s_next[a], "s~ = rho0 D s~ + rho1 nu");
    }
    for (int w = 0; w < e->n_weights; w++) {
        theta_next[w] = ir_ew2(g, OP_add, ir_ew2(g, OP_div, g->var[e->theta[w]].now, rho0),
                               ir_ew2(g, OP_div, e->proj[w], rho1));
        learner_next(l, e->theta[w], theta_next[w], "theta~ = theta~ / rho0 + proj / rho1");
    }
    if (l->time == TIME_T) {
        meet(e, s_next, theta_next);
        return true;
    }
    for (int a = 0; a < n; a++)
        s_next[a] = g->var[e->s[a]].now;
    for (int w = 0; w < e->n_weights; w++)
        theta_next[w] = g->var[e->theta[w]].now;
    meet(e, s_next, theta_next);
    return true;
}

void unbiased_traces(learner *l)
{
    ir *g = l->ir;
    for (int k = 0; k < l->gr->n_groups; k++) {
        const hidden_group *group = &l->gr->group[k];
        int n = group->n_states, r = l->gr->n_relations + 1;
        estimate e = {.l = l, .k = k, .group = group, .weight = ARENA_ARRAY(g->arena, int, r),
                      .proj = ARENA_ARRAY(g->arena, int, r), .theta = ARENA_ARRAY(g->arena, int, r),
                      .nu = ARENA_ARRAY(g->arena, int, n), .s = ARENA_ARRAY(g->arena, int, n)};
        if (!draw_signs(&e) || !project(&e))
            return;
        if (e.n_weights == 0)
            continue;
        for (int a = 0; a < n; a++) {
            const char *path = g->var[l->gr->hidden[group->state[a]]].path;
            e.s[a] = ir_var(g, VAR_TRACE, arena_printf(g->arena, "direction.%s", path), group->varshape,
                            TYPE_REAL, (loc){0});
            g->var[e.s[a]].note = arena_printf(g->arena, "random direction of %s", path);
        }
        if (!estimate_group(&e))
            return;
    }
}
