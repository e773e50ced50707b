/* SPDX-License-Identifier: Apache-2.0 */
/* In: a relation, D, df and a signal.  Out: a filtered input and a filtered df as carried variables, and the
   gradient that their product brings: memory of inputs and positions, not of weights.

   pp_prop, also called ES-D-RTRL (Wang et al. 2024):
       ex(t) = a_x ex(t-1) + x(t)
       ef(t) = a_f D(t) ef(t-1) + (1 - a_f) df(t)
       grad_W += ex (x) (sum_a s_a ef_a) / (1 - a_f^n)      n: steps in ef
   A parameter by itself, a bias say, has x = 1, unfiltered.  */
#include "learner.h"
#include "origin.h"

#include <math.h>
#include <string.h>

static int number(ir *g, double x)
{
    return ir_const(g, x, shape_scalar());
}

/* A NODE filtered over time: what only moves values is done again on what was filtered below it.  *NOW: as
   before this step; the result: with this step's.  */
static int filter_input(learner *l, const relation *r, int node, int *now)
{
    ir *g = l->ir;
    if (g->node[node].op == OP_const) {
        *now = node;
        return node;
    }
    if (learner_moves(g, node)) {
        int below, next_below = filter_input(l, r, g->node[node].arg[0], &below);
        *now = learner_moved(g, node, below);
        return learner_moved(g, node, next_below);
    }
    int e = learner_trace(l, r, NULL, -1, "x", g->node[node].shape);
    *now = g->var[e].now;
    int next = diff_plus(g, ir_ew2(g, OP_mul, number(g, l->set->decay_x), *now), node);
    learner_next(l, e, next, "x filtered: e = a e + x");
    return next;
}

/* ef of every component of GROUP, before this step and with it.  */
static void filter_df(learner *l, const relation *r, const hidden_group *group, int *now, int *next)
{
    ir *g = l->ir;
    int n = group->n_states;
    const bool *alive = learner_alive(l, r, group);
    int *e = ARENA_ARRAY(g->arena, int, n);
    int decay = number(g, l->set->decay_f), rest = number(g, 1 - l->set->decay_f);
    for (int a = 0; a < n; a++) {
        e[a] = alive[a] ? learner_trace(l, r, group, a, "f", learner_shape(r, group)) : -1;
        now[a] = alive[a] ? g->var[e[a]].now : NO_NODE;
    }
    for (int a = 0; a < n; a++) {
        int sum = NO_NODE, df = graph_df(g, l->gr, r, group->state[a]);
        for (int b = 0; b < n; b++) {
            int D = learner_recursion(l, group, a, b);
            if (alive[b] && !ir_is_zero(g, D))
                sum = diff_plus(g, sum, ir_ew2(g, OP_mul, D, now[b]));
        }
        if (sum != NO_NODE)
            sum = ir_ew2(g, OP_mul, decay, sum);
        if (!ir_is_zero(g, df))
            sum = diff_plus(g, sum, ir_ew2(g, OP_mul, rest, df));
        next[a] = sum;
        if (alive[a])
            learner_next(l, e[a], sum, "df filtered: e = a D e + (1 - a) df");
    }
}

/* 1 - a^n, n the steps that ef has seen (or, as the reference counts, the calls so far and this one).  */
static int correction(learner *l)
{
    ir *g = l->ir;
    bool calls = l->set->by_call && l->time == TIME_WINDOW;
    double a = calls ? pow(l->set->decay_f, 1.0 / l->set->window) : l->set->decay_f;
    if (l->correction < 0) {
        l->correction = ir_var(g, VAR_TRACE, "last.correction", shape_scalar(), TYPE_REAL, (loc){0});
        g->var[l->correction].note = "1 - a^n behind n steps";
        int rest = number(g, 1 - a), kept = ir_ew2(g, OP_mul, number(g, a), g->var[l->correction].now);
        g->var[l->correction].next = ir_ew2(g, OP_add, kept, rest);
    }
    int now = g->var[l->correction].now;
    if (calls) { /* one call more than windows before */
        int before = ir_ew2(g, OP_sub, number(g, 1), now);
        int left = ir_ew2(g, OP_mul, number(g, l->set->decay_f), before);
        return ir_ew2(g, OP_sub, number(g, 1), left);
    }
    if (l->time == TIME_T || l->set->by_call)
        return g->var[l->correction].next;
    /* before the first step ef is zero, whatever divides it */
    int none = number(g, 1);
    return ir_ew3(g, OP_where, ir_ew2(g, OP_gt, now, number(g, 0)), now, none);
}

/* The input of a relation, filtered: with this step's, and as before it; NO_NODE: there is none yet.  */
typedef struct {
    int next, now;
} filtered;

static void factor_group(learner *l, const relation *r, const hidden_group *group, filtered *x)
{
    ir *g = l->ir;
    int n = group->n_states, sum = NO_NODE;
    int *now = ARENA_ARRAY(g->arena, int, n), *next = ARENA_ARRAY(g->arena, int, n);
    trace_form f;
    if (!learner_form(l, r, group, &f))
        return;
    filter_df(l, r, group, now, next);
    if (r->x != NO_NODE && x->next == NO_NODE) /* all groups meet the same one */
        x->next = filter_input(l, r, trace_input(g, r, r->x), &x->now);
    origin_enter(g, PASS_GRADIENT);
    for (int a = 0; a < n; a++) {
        int ef = l->time == TIME_T ? next[a] : now[a], signal = learner_signal(l, r, group->state[a]);
        if (ef != NO_NODE && signal != NO_NODE)
            sum = diff_plus(g, sum, ir_ew2(g, OP_mul, signal, ef));
    }
    if (sum != NO_NODE && l->set->decay_f > 0)
        sum = ir_ew2(g, OP_div, sum, correction(l));
    if (sum != NO_NODE)
        learner_add(l, r->w, trace_outer(g, &f, l->time == TIME_T ? x->next : x->now, sum));
    origin_enter(g, PASS_TRACE);
}

void factor_relation(learner *l, const relation *r)
{
    filtered x = {NO_NODE, NO_NODE};
    for (int i = 0; i < r->n_groups; i++)
        factor_group(l, r, &l->gr->group[r->group[i]], &x);
}

static bool is_listed(const ir *g, const yaml_tree *list, int param)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->item[i]->kind == YAML_SCALAR && strcmp(list->item[i]->text, g->var[param].path) == 0)
            return true;
    return false;
}

void factor_check_list(const learner *l)
{
    const ir *g = l->ir;
    const yaml_tree *list = l->set->factored;
    const char **names = ARENA_ARRAY(g->arena, const char *, g->n_vars + 1);
    size_t n = 0;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_PARAM)
            names[n++] = g->var[v].path;
    for (size_t i = 0; list && i < list->n; i++) {
        const char *name = list->item[i]->kind == YAML_SCALAR ? list->item[i]->text : "";
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known = known || strcmp(names[k], name) == 0;
        const char *near = known ? NULL : diag_nearest(name, names, n);
        if (!known)
            diag_error(g->diag, list->item[i]->at, "E0523", "there is no parameter '%s'%s%s%s", name,
                       near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
}

bool factor_chosen(const learner *l, const relation *r)
{
    if (l->set->trace != TRACE_HYBRID)
        return l->set->trace == TRACE_FACTORS;
    if (l->set->factored)
        return is_listed(l->ir, l->set->factored, r->param[0]);
    return shape_numel(l->ir->node[r->w].shape) >= l->set->below;
}
