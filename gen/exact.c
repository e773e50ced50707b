/* SPDX-License-Identifier: Apache-2.0 */
/* In: the step.  Out: the whole influence matrix of every trainable parameter as carried variables, and exact
   gradients.  For checking, and for small models.

   rtrl (Williams and Zipser 1989): with P[s, theta] = d s / d theta,
       P(t) = d s(t) / d s(t-1) P(t-1) + d s(t) / d theta         grad_theta += d loss(t) / d theta, all ways
   One pass of forward mode through the step brings both, in as many directions as theta has elements.  */
#include "forward.h"
#include "learner.h"
#include "origin.h"

/* LATER[v * n + s]: the new value of hidden state s depends on variable v.  */
static bool *find_dependences(const graph *gr)
{
    const ir *g = gr->ir;
    int n = gr->n_hidden;
    bool *later = ARENA_ARRAY(g->arena, bool, g->n_vars * n + 1);
    bool *depends = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    for (int v = 0; v < g->n_vars; v++) {
        for (int k = 0; k < gr->n_base; k++) {
            depends[k] = k == g->var[v].now;
            for (int i = 0; i < g->node[k].n_args && g->node[k].op != OP_stop_gradient; i++)
                depends[k] = depends[k] || depends[g->node[k].arg[i]];
        }
        for (int s = 0; s < n; s++)
            later[v * n + s] = depends[g->var[gr->hidden[s]].next];
    }
    return later;
}

/* The hidden states that parameter P ever influences.  */
static bool *find_influenced(const graph *gr, const bool *later, int p)
{
    int n = gr->n_hidden;
    bool *res = ARENA_ARRAY(gr->ir->arena, bool, n + 1);
    for (int s = 0; s < n; s++)
        res[s] = later[p * n + s];
    for (int round = 0; round < n; round++)
        for (int s = 0; s < n; s++)
            for (int to = 0; to < n; to++)
                res[to] = res[to] || (res[s] && later[gr->hidden[s] * n + to]);
    return res;
}

static bool add_parameter(learner *l, int p, const bool *later)
{
    ir *g = l->ir;
    graph *gr = l->gr;
    const var param = g->var[p];
    int64_t size = shape_numel(param.shape);
    const bool *influenced = find_influenced(gr, later, p);
    int n_vars = g->n_vars, *seed = ARENA_ARRAY(g->arena, int, n_vars + gr->n_hidden + 1);
    int *P = ARENA_ARRAY(g->arena, int, gr->n_hidden + 1);
    for (int v = 0; v < n_vars; v++)
        seed[v] = NO_NODE;
    if (!forward_fits(g, param.shape, 1, "of", param.path, l->set->at))
        return false;
    shape own = param.shape;
    own.dim[own.rank++] = size;
    seed[p] = ir_reshape(g, forward_eye(g, size), own);
    for (int s = 0; s < gr->n_hidden; s++) {
        if (!influenced[s])
            continue;
        const var h = g->var[gr->hidden[s]];
        if (!forward_fits(g, h.shape, 1, "on", h.path, l->set->at))
            return false;
        shape whole = h.shape;
        whole.dim[whole.rank++] = size;
        P[s] = ir_var(g, VAR_TRACE, arena_printf(g->arena, "%s.%s", param.path, h.path), whole, TYPE_REAL,
                      (loc){0});
        g->var[P[s]].note = arena_printf(g->arena, "influence of %s on %s", param.path, h.path);
        seed[gr->hidden[s]] = g->var[P[s]].now;
    }
    const int *t = forward_tangents(gr, seed, shape_of1(size), NULL, l->set->at);
    if (!t)
        return false;
    origin_enter(g, PASS_GRADIENT);
    if (t[g->loss] != NO_NODE)
        learner_add(l, param.now, ir_ew2(g, OP_mul, l->weight, ir_reshape(g, t[g->loss], param.shape)));
    origin_enter(g, PASS_TRACE);
    for (int s = 0; s < gr->n_hidden; s++)
        if (influenced[s])
            learner_next(l, P[s], t[g->var[gr->hidden[s]].next], "P = D P + d s / d theta");
    return true;
}

void exact_traces(learner *l)
{
    const ir *g = l->ir;
    const bool *later = find_dependences(l->gr);
    int n_vars = g->n_vars;
    for (int p = 0; p < n_vars; p++)
        if (g->var[p].kind == VAR_PARAM && g->var[p].trainable && !add_parameter(l, p, later))
            return;
}
