/* SPDX-License-Identifier: Apache-2.0 */
/* In: groups and cotangents.  Out: a synthesiser of gradients, which guesses at a window's end what later losses say
   about the state; what its guess brings to parameters without a trace; and the gradient of its own regression.

   dni (Jaderberg et al. 2017; with one linear layer, Czarnecki et al. 2017), of each group, its states [n, S] as one
   vector h:
       guess(h) = h W + b                                          stands for d (later losses) / d h
       grad_w  += guess(h_exit) d h_exit / d w                     w in no relation, within the window
       target   = d (losses of the window) / d h_entry + guess(h_exit) d h_exit / d h_entry
       loss     = 1/2 |guess(h_entry) - target|^2                  of W and b; the target is held fixed
   A parameter with a trace meets later losses through the trace, and would have them twice.  */
#include "learner.h"

/* The guess of group K, [n * S], from the states as they are now; *STATE is these in one row.  */
static int guess(learner *l, int k, int *state)
{
    ir *g = l->ir;
    const hidden_group *group = &l->gr->group[k];
    int64_t places = shape_numel(group->varshape), n = group->n_states;
    int *part = ARENA_ARRAY(g->arena, int, n);
    for (int a = 0; a < n; a++)
        part[a] = ir_reshape(g, g->var[l->gr->hidden[group->state[a]]].now, shape_of2(places, 1));
    *state = ir_reshape(g, ir_concat(g, part, (int)n, 1), shape_of1(places * n));
    return ir_ew2(g, OP_add, ir_matmul(g, *state, g->var[l->synthesiser[2 * k]].now),
                  g->var[l->synthesiser[2 * k + 1]].now);
}

/* The part of state A in X, of all states of GROUP.  */
static int part_of(ir *g, const hidden_group *group, int x, int a)
{
    int64_t places = shape_numel(group->varshape);
    x = ir_slice(g, ir_reshape(g, x, shape_of2(places, group->n_states)), 1, a, 1);
    return ir_reshape(g, x, group->varshape);
}

static int declare(learner *l, const char *what, int k, shape s, const char *note)
{
    arena *a = l->ir->arena;
    int v = learner_param(l, arena_printf(a, "%s.group%d", what, k), s,
                          arena_printf(a, "%s of the synthesiser of group %d", note, k));
    l->ir->var[v].init = INIT_CONSTANT; /* its first guesses are zero: a window and no more */
    return v;
}

bool synthetic_declare(learner *l)
{
    ir *g = l->ir;
    l->synthesiser = ARENA_ARRAY(g->arena, int, 2 * l->gr->n_groups + 1);
    l->guessed = ARENA_ARRAY(g->arena, int, l->gr->n_hidden + 1);
    if (l->gr->n_groups == 0) {
        diag_error(g->diag, l->set->at, "E0530", "rule: dni has nothing to guess: the model has no hidden state");
        diag_note(g->diag, l->set->at, "declare one under 'hidden:', or leave the rule out");
        return false;
    }
    for (int k = 0; k < l->gr->n_groups; k++) {
        const hidden_group *group = &l->gr->group[k];
        int64_t n = shape_numel(group->varshape) * group->n_states;
        l->synthesiser[2 * k] = declare(l, "dni_W", k, shape_of2(n, n), "the matrix");
        l->synthesiser[2 * k + 1] = declare(l, "dni_b", k, shape_of1(n), "the bias");
    }
    return true;
}

static bool has_trace(const graph *gr, int v)
{
    return gr->fate[v] == FATE_RELATION || gr->fate[v] == FATE_MIXED;
}

/* What the guess, brought back to the step's end, adds to the gradients of parameters without a trace.  */
static void add_guessed(learner *l, const int *seed)
{
    ir *g = l->ir;
    adjoint of_losses = l->adj;
    int *gradient = l->gradient, *mine;
    l->adj = diff_reverse(l->gr, false, seed, NULL);
    l->gradient = mine = learner_no_nodes(l, l->gr->n_base);
    learner_inside(l, false);
    diff_parameters(l->gr, mine, NULL);
    l->gradient = gradient;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_PARAM && g->var[v].now < l->gr->n_base && !has_trace(l->gr, v))
            learner_add(l, g->var[v].now, mine[g->var[v].now]);
    for (int s = 0; s < l->gr->n_hidden; s++) {
        const var *h = &g->var[l->gr->hidden[s]];
        int node = l->adj.direct[h->now];
        learner_put(l, &l->plan->back, node == NO_NODE ? ir_const(g, 0, h->shape) : node,
                    arena_printf(g->arena, "de->%s", h->c_name), false, l->guessed[s]);
    }
    l->adj = of_losses;
}

void synthetic_back(learner *l)
{
    ir *g = l->ir;
    int *seed = learner_no_nodes(l, l->gr->n_base);
    for (int s = 0; s < l->gr->n_hidden; s++) {
        const var h = g->var[l->gr->hidden[s]];
        l->guessed[s] = ir_var(g, VAR_GUESS, h.path, h.shape, TYPE_REAL, h.at);
        seed[h.next] = diff_plus(g, seed[h.next], g->var[l->guessed[s]].now);
    }
    add_guessed(l, seed);
}

static void put_guess(learner *l, int k)
{
    ir *g = l->ir;
    const hidden_group *group = &l->gr->group[k];
    int state, all = guess(l, k, &state);
    for (int a = 0; a < group->n_states; a++) {
        const char *h = g->var[l->gr->hidden[group->state[a]]].c_name;
        learner_put(l, &l->plan->guess, part_of(g, group, all, a),
                    arena_printf(g->arena, "de->%s", h), false, -1);
    }
}

/* The guess at the window's entry against what the window has shown.  COTANGENT: of graph.hidden, there.  */
static void put_regression(learner *l, int k, const int *cotangent)
{
    ir *g = l->ir;
    const hidden_group *group = &l->gr->group[k];
    int64_t places = shape_numel(group->varshape), n = group->n_states;
    int state, all = guess(l, k, &state);
    int *part = ARENA_ARRAY(g->arena, int, n);
    for (int a = 0; a < n; a++) {
        int s = group->state[a];
        int target = ir_ew2(g, OP_add, g->var[cotangent[s]].now, g->var[l->guessed[s]].now);
        part[a] = ir_reshape(g, target, shape_of2(places, 1));
    }
    int target = ir_reshape(g, ir_concat(g, part, (int)n, 1), shape_of1(places * n));
    int error = ir_name(g, ir_ew2(g, OP_sub, all, target), arena_printf(g->arena, "error_group%d", k),
                        "the guess at the window's entry less what the window has shown");
    int product = ir_ew2(g, OP_mul, ir_reshape(g, state, shape_of2(places * n, 1)), error);
    learner_put(l, &l->plan->regress, product,
                arena_printf(g->arena, "grad->%s", g->var[l->synthesiser[2 * k]].c_name), true, -1);
    learner_put(l, &l->plan->regress, error,
                arena_printf(g->arena, "grad->%s", g->var[l->synthesiser[2 * k + 1]].c_name), true, -1);
}

void synthetic_functions(learner *l, const int *cotangent)
{
    for (int k = 0; k < l->gr->n_groups; k++) {
        put_guess(l, k);
        put_regression(l, k, cotangent);
    }
}
