/* SPDX-License-Identifier: Apache-2.0 */
/* In: signals, as the loss gives them.  Out: what meets the traces in their place.

   random     s / (|s| + 1e-8) B           B [n, n], fixed: weights between the layers need not be known backwards (Lillicrap
                                           et al. 2016); by state, the norm over the last axis, as in the reference
   the same from the error (feedback_from: error), e = d loss / d output of an output that the loss reads:
              d loss / d x = e B           B [outputs, n], where x of a group leaves it on its way to that output
                                           (broadcast alignment: Samadi et al. 2017; direct feedback alignment: Nøkland 2016;
                                           in e-prop: Bellec et al. 2020); to the states from there by the derivative
   adaptive   the same, and B learns what W learns, if x W is what reads x: grad B = (grad W)^T; of another reader
                                           grad B += e (x) x (Kolen and Pollack 1994; Akrout et al. 2019; adaptive e-prop:
                                           Bellec et al. 2020)
   modulator  an input, the same for every state  */
#include "learner.h"

#include <math.h>
#include <string.h>

/* A matrix [N, M] of the rule's own: random, of the size that keeps M units' scale.  */
static int matrix(learner *l, const char *path, int64_t n, int64_t m, const char *note)
{
    int v = learner_param(l, path, shape_of2(n, m), note);
    l->ir->var[v].init = INIT_NORMAL;
    l->ir->var[v].init_b = 1 / sqrt((double)m);
    return v;
}

/* --- from the signal --------------------------------------------------------------------------------- */

static int feedback_matrix(learner *l, int k)
{
    arena *a = l->ir->arena;
    shape s = l->gr->group[k].varshape;
    int64_t n = s.rank ? s.dim[s.rank - 1] : 1;
    int v = matrix(l, arena_printf(a, "feedback.group%d", k), n, n,
                   arena_printf(a, "random feedback to group %d, fixed", k));
    return l->ir->var[v].now;
}

/* s / (|s| + 1e-8) B, the norm over the last axis.  */
static int fed_back(ir *g, int signal, int B)
{
    shape s = g->node[signal].shape, kept = s;
    unsigned last = 1u << (s.rank - 1);
    kept.dim[s.rank - 1] = 1;
    int square = ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, signal, signal), last);
    int tiny = ir_const(g, 1e-8, shape_scalar());
    int norm = ir_ew2(g, OP_add, ir_ew1(g, OP_sqrt, square), tiny);
    return ir_matmul(g, ir_ew2(g, OP_div, signal, ir_reshape(g, norm, kept)), B);
}

static void from_signals(learner *l)
{
    for (int k = 0; k < l->gr->n_groups; k++) {
        const hidden_group *group = &l->gr->group[k];
        int B = feedback_matrix(l, k);
        for (int a = 0; a < group->n_states; a++) {
            int *signal = &l->signal[group->state[a]];
            if (*signal != NO_NODE && group->varshape.rank > 0)
                *signal = fed_back(l->ir, *signal, B);
        }
    }
}

/* --- from the error ---------------------------------------------------------------------------------- */

/* Nodes of the step, as the error's way back meets them.  */
typedef struct {
    learner *l;
    bool *stop;    /* the way back by derivatives ends here */
    int *seed;     /* what the adjoint begins with */
    bool *carried; /* of the group in hand: its new states, and what follows from them position by position */
} error_ways;

static bool is_new_state(const graph *gr, int n, int k)
{
    for (int s = gr->state_at[n]; s >= 0; s = gr->state_also[s])
        if (gr->group_of[s] == k)
            return true;
    return false;
}

static bool reads(const ir *g, int n, const bool *carried)
{
    bool any = false;
    for (int i = 0; i < ir_n_ways(g, n); i++)
        any = any || carried[g->node[n].arg[i]];
    return any;
}

static void find_carried(error_ways *w, int k)
{
    const ir *g = w->l->ir;
    const graph *gr = w->l->gr;
    for (int n = 0; n < gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        bool keeps = op_table[v->op].elementwise || v->op == OP_reshape;
        bool real = v->op != OP_stop_gradient && v->type == TYPE_REAL;
        w->carried[n] = is_new_state(gr, n, k)
                        || (keeps && real && graph_weight(g, n) == NO_NODE && reads(g, n, w->carried));
    }
}

/* B that is to learn from ERROR what the reader N of X learns.  */
static void learn_with(learner *l, int B, int error, int n, int x)
{
    const ir *g = l->ir;
    int64_t outputs = shape_numel(g->node[error].shape), units = shape_numel(g->node[x].shape);
    int weight = g->node[n].op == OP_matmul ? g->node[n].arg[1] : NO_NODE;
    bool fits = weight != NO_NODE && shape_equal(g->node[weight].shape, shape_of2(units, outputs));
    adaptive_feedback f = {.B = B, .weight = fits ? weight : NO_NODE, .error = error, .x = x};
    ARENA_PUSH(g->arena, l->adaptive, l->n_adaptive, l->cap_adaptive, f);
}

/* The gradient of B of shape S where no weight has the same: error x.  */
static int of_feedback(ir *g, const adaptive_feedback *f, shape s)
{
    int x = ir_reshape(g, f->x, shape_of1(s.dim[1])), error = ir_reshape(g, f->error, shape_of2(s.dim[0], 1));
    return ir_ew2(g, OP_mul, error, x);
}

void feedback_learn(learner *l)
{
    ir *g = l->ir;
    for (int i = 0; i < l->n_adaptive; i++) {
        adaptive_feedback f = l->adaptive[i];
        shape s = g->var[f.B].shape;
        int grad = f.weight == NO_NODE                 ? of_feedback(g, &f, s)
                   : l->gradient[f.weight] != NO_NODE ? ir_transpose(g, l->gradient[f.weight])
                                                      : NO_NODE;
        if (grad != NO_NODE)
            learner_put(l, &l->plan->learn, grad, arena_printf(g->arena, "grad->%s", g->var[f.B].c_name), true, -1);
    }
}

/* The error of output O comes back to X by a matrix of its own, and not through N, which reads X.  */
static void feed(error_ways *w, int o, int error, int k, int n, int x)
{
    learner *l = w->l;
    ir *g = l->ir;
    bool learns = l->set->feedback == FEEDBACK_ADAPTIVE;
    shape s = g->node[x].shape;
    int64_t outputs = shape_numel(g->node[error].shape), units = shape_numel(s);
    const char *path = arena_printf(g->arena, "feedback.%s.group%d", g->output[o].name, k);
    for (int v = 0; v < g->n_vars; v++) /* x leaves the group in several forms */
        if (strcmp(g->var[v].path, path) == 0)
            path = arena_printf(g->arena, "%s_%d", path, x);
    int B = matrix(l, path, outputs, units, arena_printf(g->arena, "feedback of the error of %s to group %d, %s",
                                               g->output[o].name, k, learns ? "adaptive" : "fixed"));
    int row = ir_reshape(g, error, shape_of1(outputs));
    w->seed[x] = diff_plus(g, w->seed[x], ir_reshape(g, ir_matmul(g, row, g->var[B].now), s));
    if (learns)
        learn_with(l, B, error, n, x);
}

/* Where values of group K leave it for output O: what is read by an operator that mixes positions and is on the
   way, by WAY, to the output.  */
static void feed_group(error_ways *w, int o, int error, int k, const adjoint *way)
{
    const ir *g = w->l->ir;
    bool *fed = ARENA_ARRAY(g->arena, bool, w->l->gr->n_base + 1);
    for (int n = 0; n < w->l->gr->n_base; n++) {
        if (w->carried[n] || !reads(g, n, w->carried))
            continue;
        w->stop[n] = true;
        for (int i = 0; i < ir_n_ways(g, n) && adjoint_total(w->l->ir, way, n) != NO_NODE; i++) {
            int x = g->node[n].arg[i];
            if (w->carried[x] && !fed[x])
                feed(w, o, error, k, n, x);
            fed[x] = true;
        }
    }
}

/* ERROR: of outputs, d loss / d output by no other output; NO_NODE.  *PAST: the adjoint by no output at all.
   Returns whether there is any.  */
static bool find_errors(learner *l, int *error, adjoint *past)
{
    ir *g = l->ir;
    bool *stop = ARENA_ARRAY(g->arena, bool, l->gr->n_base + 1), any = false;
    int *seed = learner_no_nodes(l, l->gr->n_base);
    for (int o = 0; o < g->n_outputs; o++)
        stop[g->output[o].node] = true;
    seed[g->loss] = l->weight;
    *past = diff_reverse(l->gr, true, seed, stop);
    for (int o = 0; o < g->n_outputs; o++) {
        bool again = false; /* the same node under another name */
        for (int i = 0; i < o; i++)
            again = again || g->output[i].node == g->output[o].node;
        error[o] = again ? NO_NODE : adjoint_total(g, past, g->output[o].node);
        any = any || error[o] != NO_NODE;
    }
    for (int o = 0; o < g->n_outputs; o++)
        past->direct[g->output[o].node] = past->positional[g->output[o].node] =
            past->spread[g->output[o].node] = NO_NODE;
    return any;
}

static void add_parts(ir *g, int n_base, adjoint *to, const adjoint *from)
{
    for (int n = 0; n < n_base; n++) {
        to->direct[n] = diff_plus(g, to->direct[n], from->direct[n]);
        to->positional[n] = diff_plus(g, to->positional[n], from->positional[n]);
        to->spread[n] = diff_plus(g, to->spread[n], from->spread[n]);
    }
}

static void from_errors(learner *l)
{
    ir *g = l->ir;
    graph *gr = l->gr;
    int *error = learner_no_nodes(l, g->n_outputs);
    error_ways w = {.l = l, .stop = ARENA_ARRAY(g->arena, bool, gr->n_base + 1),
                    .seed = learner_no_nodes(l, gr->n_base),
                    .carried = ARENA_ARRAY(g->arena, bool, gr->n_base + 1)};
    if (!find_errors(l, error, &l->heard)) {
        diag_error(g->diag, l->set->at, "E0531", "the loss reads no output of the model: there is no error to feed back");
        diag_note(g->diag, l->set->at, "declare under 'outputs:' what the loss compares with its target");
        return;
    }
    for (int o = 0; o < g->n_outputs; o++) {
        if (error[o] == NO_NODE)
            continue;
        int *seed = learner_no_nodes(l, gr->n_base);
        seed[g->output[o].node] = error[o];
        adjoint way = diff_reverse(gr, false, seed, NULL);
        w.seed[g->output[o].node] = diff_plus(g, w.seed[g->output[o].node], error[o]);
        for (int k = 0; k < gr->n_groups; k++) {
            find_carried(&w, k);
            feed_group(&w, o, error[o], k, &way);
        }
    }
    adjoint fed = diff_reverse(gr, true, w.seed, w.stop);
    add_parts(g, gr->n_base, &l->heard, &fed);
    for (int s = 0; s < gr->n_hidden; s++)
        l->signal[s] = jacobian_signal(l, &l->heard, s);
}

/* --- a modulator ------------------------------------------------------------------------------------- */

static int modulator(learner *l)
{
    const ir *g = l->ir;
    const char **names = ARENA_ARRAY(g->arena, const char *, g->n_vars + 1);
    size_t n = 0;
    for (int v = 0; v < g->n_vars; v++) {
        if (g->var[v].kind != VAR_INPUT)
            continue;
        if (strcmp(g->var[v].path, l->set->modulator) == 0)
            return g->var[v].now;
        names[n++] = g->var[v].path;
    }
    const char *near = diag_nearest(l->set->modulator, names, n);
    diag_error(g->diag, l->set->at, "E0520", "the modulator '%s' is no input of the model%s%s%s",
               l->set->modulator, near ? " (did you mean '" : "", near ? near : "",
               near ? "'?)" : "");
    return NO_NODE;
}

/* REWARD can stand for the signal of every state of GROUP.  */
static bool check_modulator(learner *l, int reward, const hidden_group *group)
{
    const ir *g = l->ir;
    const ir_node *x = &g->node[reward];
    shape fit;
    if (x->type == TYPE_REAL && shape_broadcast(x->shape, group->varshape, &fit)
        && shape_equal(fit, group->varshape))
        return true;
    diag_error(g->diag, l->set->at, "E0524", "the modulator '%s' is %s, which does not fit the state %s of %s",
               l->set->modulator,
               x->type == TYPE_REAL ? shape_text(g->arena, x->shape) : "an index",
               g->var[l->gr->hidden[group->state[0]]].path,
               shape_text(g->arena, group->varshape));
    diag_note(g->diag, g->var[x->var].at, "it is declared here");
    return false;
}

static void from_modulator(learner *l)
{
    int reward = modulator(l);
    for (int k = 0; reward != NO_NODE && k < l->gr->n_groups; k++) {
        const hidden_group *group = &l->gr->group[k];
        if (!check_modulator(l, reward, group))
            return;
        for (int a = 0; a < group->n_states; a++)
            l->signal[group->state[a]] = ir_broadcast(l->ir, ir_ew2(l->ir, OP_mul, l->weight, reward), group->varshape);
    }
}

void feedback_set(learner *l)
{
    if (l->set->feedback == FEEDBACK_MODULATOR)
        from_modulator(l);
    else if (l->set->from_error)
        from_errors(l);
    else if (l->set->feedback == FEEDBACK_RANDOM)
        from_signals(l);
}
