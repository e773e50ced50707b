/* SPDX-License-Identifier: Apache-2.0 */
/* In: a group, its relations and signals.  Out: the influence of their weights as a random product of two
   vectors, right on the average.

   uoro (Tallec and Ollivier 2018, algorithm 1), nu a random sign for each state and position:
       s~(t)     = rho0 D s~(t-1) + rho1 nu                  D: the whole Jacobian of the group
       theta~(t) = theta~(t-1) / rho0 + proj / rho1          proj = nu^T d s / d theta
       rho0 = sqrt((|theta~| + eps) / (|D s~| + eps)),  rho1 = sqrt((|proj| + eps) / (|nu| + eps))
       grad += (signal . s~) theta~
   Of a batch each sample has its own estimate; or (`estimate: batch`, as the reference's) all of them together have
   one: s~ of all samples with one theta~, and norms and products taken over the batch.  Then a sample does what
   comes before the norms, and the rest is done once behind the samples.  */
#include "forward.h"
#include "learner.h"
#include "origin.h"

#include <math.h>

#define EPS 1e-12

typedef struct {
    learner *l;
    int k;
    const hidden_group *group;
    int n_weights;
    int *weight, *proj, *theta; /* nodes of weights, their projections, the variables of theta~ */
    int *nu, *s;                /* of the group's states: nodes of the signs, the variables of s~ */
    int rho[2];                 /* pooled: the variables of rho0 and rho1 */
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
        const char *path = g->var[l->gr->hidden[e->group->state[0]]].path;
        if (!forward_fits(g, s, 1, "on", path, l->set->at))
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
        int up = scalar(g, 1), down = scalar(g, -1);
        e->nu[a] = ir_ew3(g, OP_where, ir_ew2(g, OP_lt, u, scalar(g, 0.5)), down, up);
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
        for (int a = 0; a < e->group->n_states; a++) {
            int df = graph_df(g, l->gr, r, e->group->state[a]);
            if (!ir_is_zero(g, df))
                sum = diff_plus(g, sum, ir_ew2(g, OP_mul, e->nu[a], df));
        }
        if (sum == NO_NODE)
            continue;
        if (!learner_form(l, r, e->group, &f))
            return false;
        int x = trace_input(g, r, r->x);
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
    int tiny = scalar(g, EPS), over = ir_ew2(g, OP_add, ir_ew1(g, OP_sqrt, a), tiny);
    int under = ir_ew2(g, OP_add, ir_ew1(g, OP_sqrt, b), tiny);
    return ir_ew1(g, OP_sqrt, ir_ew2(g, OP_div, over, under));
}

/* The sum of the squares of all elements of N nodes.  */
static int norms(estimate *e, const int *node, int n)
{
    ir *g = e->l->ir;
    int sum = NO_NODE;
    for (int i = 0; i < n; i++)
        sum = diff_plus(g, sum, square_sum(g, node[i]));
    return sum;
}

/* D s~, S_NOW being s~, by one direction of forward mode.  */
static int *pushed(estimate *e, const int *s_now)
{
    ir *g = e->l->ir;
    int n = e->group->n_states, *seed = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int *res = ARENA_ARRAY(g->arena, int, n);
    for (int v = 0; v < g->n_vars; v++)
        seed[v] = NO_NODE;
    for (int a = 0; a < n; a++)
        seed[e->l->gr->hidden[e->group->state[a]]] = s_now[a];
    const int *t = forward_tangents(e->l->gr, seed, shape_scalar(), e->group, e->l->set->at);
    for (int a = 0; t && a < n; a++) {
        int x = t[g->var[e->l->gr->hidden[e->group->state[a]]].next];
        res[a] = x == NO_NODE ? ir_const(g, 0, e->group->varshape) : x;
    }
    return t ? res : NULL;
}

/* The signals times X, of the group's states; NO_NODE: zero.  */
static int met(const estimate *e, const int *x)
{
    const learner *l = e->l;
    ir *g = l->ir;
    int dot = NO_NODE;
    origin_pass before = origin_enter(g, PASS_GRADIENT);
    unsigned all = (1u << e->group->varshape.rank) - 1;
    for (int a = 0; a < e->group->n_states; a++) {
        int signal = l->signal[e->group->state[a]];
        if (signal != NO_NODE)
            dot = diff_plus(g, dot, ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, signal, x[a]), all));
    }
    origin_enter(g, before);
    return dot;
}

static int *values_now(const estimate *e, const int *variable, int n)
{
    const ir *g = e->l->ir;
    int *res = ARENA_ARRAY(g->arena, int, n + 1);
    for (int i = 0; i < n; i++)
        res[i] = g->var[variable[i]].now;
    return res;
}

/* theta~ = theta~ / rho0 + PROJ / rho1 of weight W.  */
static int renewed(estimate *e, int w, int rho0, int rho1, int proj)
{
    ir *g = e->l->ir;
    int fresh = ir_ew2(g, OP_div, proj, rho1), kept = ir_ew2(g, OP_div, g->var[e->theta[w]].now, rho0);
    int theta = ir_ew2(g, OP_add, kept, fresh);
    learner_next(e->l, e->theta[w], theta, "theta~ = theta~ / rho0 + proj / rho1");
    return theta;
}

static int turned(ir *g, int rho0, int Ds, int rho1, int nu)
{
    int fresh = ir_ew2(g, OP_mul, rho1, nu), kept = ir_ew2(g, OP_mul, rho0, Ds);
    return ir_ew2(g, OP_add, kept, fresh);
}

static bool estimate_sample(estimate *e)
{
    learner *l = e->l;
    ir *g = l->ir;
    int n = e->group->n_states;
    int *s = values_now(e, e->s, n), *theta = values_now(e, e->theta, e->n_weights);
    const int *Ds = pushed(e, s);
    if (!Ds)
        return false;
    int pushed_norm = norms(e, Ds, n), rho0 = ratio(g, norms(e, theta, e->n_weights), pushed_norm);
    double nu = (double)(shape_numel(e->group->varshape) * n);
    int drawn_norm = scalar(g, nu), rho1 = ratio(g, norms(e, e->proj, e->n_weights), drawn_norm);
    for (int a = 0; a < n; a++) {
        int next = turned(g, rho0, Ds[a], rho1, e->nu[a]);
        learner_next(l, e->s[a], next, "s~ = rho0 D s~ + rho1 nu");
        s[a] = l->time == TIME_T ? next : s[a];
    }
    for (int w = 0; w < e->n_weights; w++) {
        int next = renewed(e, w, rho0, rho1, e->proj[w]);
        theta[w] = l->time == TIME_T ? next : theta[w];
    }
    int dot = met(e, s);
    for (int w = 0; dot != NO_NODE && w < e->n_weights; w++)
        learner_add(l, e->weight[w], ir_ew2(g, OP_mul, dot, theta[w]));
    return true;
}

/* --- one estimate for the whole batch ---------------------------------------------------------------- */

static int pool(estimate *e, function_plan *f, int node, const char *what, const char *note)
{
    return learner_sum(e->l, f, node, arena_printf(e->l->ir->arena, "%s.group%d", what, e->k), note);
}

/* What the samples' signals and X give together, for F.  */
static int pool_met(estimate *e, function_plan *f, const int *x, const char *what)
{
    int dot = met(e, x);
    return dot == NO_NODE ? NO_NODE : pool(e, f, dot, what, "signals met");
}

static void add_once(estimate *e, int dot, const int *theta)
{
    for (int w = 0; dot != NO_NODE && w < e->n_weights; w++)
        learner_add_once(e->l, e->weight[w], ir_ew2(e->l->ir, OP_mul, dot, theta[w]));
}

/* s~ is kept as D s~ and nu, with the scalars to be put before them, which are known behind the last sample only.  */
static void declare_pooled(estimate *e)
{
    static const char *const name[] = {"rho0", "rho1"};
    ir *g = e->l->ir;
    for (int i = 0; i < 2; i++) {
        e->rho[i] = ir_var(g, VAR_TRACE, arena_printf(g->arena, "%s.group%d", name[i], e->k), shape_scalar(),
                           TYPE_REAL, (loc){0});
        g->var[e->rho[i]].pooled = true;
        g->var[e->rho[i]].note = "of the batch";
    }
    for (int w = 0; w < e->n_weights; w++)
        g->var[e->theta[w]].pooled = true;
}

static bool estimate_batch(estimate *e)
{
    learner *l = e->l;
    ir *g = l->ir;
    bool window = l->time == TIME_WINDOW;
    function_plan *step = window ? &l->plan->advance : &l->plan->learn, *meet = window ? &l->plan->apply : step;
    int n = e->group->n_states, *s = ARENA_ARRAY(g->arena, int, n);
    int *theta = values_now(e, e->theta, e->n_weights), *proj = ARENA_ARRAY(g->arena, int, e->n_weights + 1);
    declare_pooled(e);
    for (int a = 0; a < n; a++)
        s[a] = turned(g, g->var[e->rho[0]].now, g->var[e->s[a]].now, g->var[e->rho[1]].now,
                      learner_lag(l, e->nu[a]));
    const int *Ds = pushed(e, s);
    if (!Ds)
        return false;
    for (int a = 0; a < n; a++)
        learner_next(l, e->s[a], Ds[a], "D s~");
    for (int w = 0; w < e->n_weights; w++)
        proj[w] = pool(e, step, e->proj[w], arena_printf(g->arena, "proj%d", w),
                       arena_printf(g->arena, "nu projected on %s", g->var[e->theta[w]].path));
    double nu = (double)(shape_numel(e->group->varshape) * n) * g->batch;
    int pushed_norm = pool(e, step, norms(e, Ds, n), "square", "|D s~|^2");
    int rho0 = ratio(g, norms(e, theta, e->n_weights), pushed_norm);
    int drawn_norm = scalar(g, nu), rho1 = ratio(g, norms(e, proj, e->n_weights), drawn_norm);
    g->var[e->rho[0]].next = rho0;
    g->var[e->rho[1]].next = rho1;
    int dot = l->time != TIME_T ? pool_met(e, meet, s, "met") : NO_NODE;
    add_once(e, dot, theta);
    for (int w = 0; w < e->n_weights; w++)
        theta[w] = renewed(e, w, rho0, rho1, proj[w]);
    if (l->time != TIME_T)
        return true;
    int with_Ds = pool_met(e, step, Ds, "met"), with_nu = pool_met(e, step, e->nu, "met_nu");
    if (with_Ds != NO_NODE)
        add_once(e, turned(g, rho0, with_Ds, rho1, with_nu), theta);
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
        bool pooled = l->set->pooled && g->batch > 1;
        if (!(pooled ? estimate_batch(&e) : estimate_sample(&e)))
            return;
    }
}
