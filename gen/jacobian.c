/* SPDX-License-Identifier: Apache-2.0 */
/* In: D and df of the graph, adjoints.  Out: what the Jacobian and signal blocks hold, and the stores that
   fill them.  Afterwards equal arrays stand in a block once, and constant ones not at all.  */
#include "learner.h"
#include "origin.h"

static void add_entry(learner *l, entry e, const char *field)
{
    model_plan *plan = l->plan;
    ir *g = l->ir;
    if (g->node[e.node].op != OP_const) {
        e.field = field;
        e.own_field = true;
        for (int i = 0; i < plan->n_entries; i++) {
            const entry *old = &plan->entry[i];
            if (old->node == e.node && old->own_field
                && (old->kind == ENTRY_SIGNAL) == (e.kind == ENTRY_SIGNAL)) {
                e.field = old->field;
                e.own_field = false;
            }
        }
    }
    ARENA_PUSH(g->arena, plan->entry, plan->n_entries, plan->cap_entries, e);
}

static void add_group(learner *l, int k)
{
    const hidden_group *group = &l->gr->group[k];
    ir *g = l->ir;
    for (int row = 0; row < group->n_states; row++)
        for (int col = 0; col < group->n_states; col++) {
            const char *field = arena_printf(g->arena, "D_%s_%s",
                                             g->var[l->gr->hidden[group->state[row]]].c_name,
                                             g->var[l->gr->hidden[group->state[col]]].c_name);
            add_entry(l, (entry){.kind = ENTRY_H2H, .path = "", .group = k, .row = row, .col = col,
                                 .node = group->D[row * group->n_states + col]}, field);
        }
}

static const char *c_name(arena *a, const char *path)
{
    char *name = arena_strdup(a, path);
    for (char *p = name; *p; p++)
        if (*p == '.' || *p == '#')
            *p = '_';
    return name;
}

static void add_relation(learner *l, const relation *r)
{
    ir *g = l->ir;
    const char *name = c_name(g->arena, r->name);
    if (r->x != NO_NODE)
        add_entry(l, (entry){.kind = ENTRY_H2W_X, .path = r->name, .node = r->source, .group = -1,
                             .row = -1, .col = -1,
                             .from = origin_by(g, g->node[r->y].from, PASS_JACOBIAN)}, arena_printf(g->arena, "x_%s", name));
    for (int k = 0; k < r->n_groups; k++) {
        const hidden_group *group = &l->gr->group[r->group[k]];
        for (int row = 0; row < group->n_states; row++) {
            int s = group->state[row];
            add_entry(l, (entry){.kind = ENTRY_H2W, .path = r->name, .node = graph_df(g, l->gr, r, s),
                                 .group = r->group[k], .row = row, .col = -1},
                      arena_printf(g->arena, "df_%s_%s", name, g->var[l->gr->hidden[s]].c_name));
        }
    }
}

int jacobian_signal(learner *l, const adjoint *a, int s)
{
    int next = l->ir->var[l->gr->hidden[s]].next;
    return l->set->signal_total ? adjoint_total(l->ir, a, next) : adjoint_outside(l->ir, a, next);
}

void jacobian_name_signal(learner *l, int node, int s, const char *prime)
{
    ir *g = l->ir;
    const var *v = &g->var[l->gr->hidden[s]];
    ir_name(g, node, arena_printf(g->arena, "signal_%s", v->c_name),
            arena_printf(g->arena, "learning signal: d loss / d %s%s", v->path, prime));
}

/* A parameter by itself goes on through a broadcast where products stop: what leaves a new state that
   way is in the trace of such a relation already.  */
int learner_signal(const learner *l, const relation *r, int s)
{
    bool spread = l->time == TIME_T && r->op == OP_weight && !l->set->signal_total
                  && (l->set->feedback == FEEDBACK_SYMMETRIC || l->set->from_error);
    return spread ? l->heard.direct[l->ir->var[l->gr->hidden[s]].next] : l->signal[s];
}

void jacobian_signals(learner *l, const adjoint *a)
{
    ir *g = l->ir;
    for (int k = 0; k < l->gr->n_groups; k++)
        for (int row = 0; row < l->gr->group[k].n_states; row++) {
            int s = l->gr->group[k].state[row];
            const var *v = &g->var[l->gr->hidden[s]];
            int node = jacobian_signal(l, a, s);
            const char *field = arena_printf(g->arena, "signal_%s", v->c_name);
            if (node == NO_NODE)
                node = ir_const(g, 0, v->shape);
            jacobian_name_signal(l, node, s, "'");
            add_entry(l, (entry){.kind = ENTRY_SIGNAL, .path = "", .node = node, .group = k,
                                 .row = row, .col = -1}, field);
        }
}

void jacobian_put(learner *l, function_plan *f, bool signals)
{
    for (int i = 0; i < l->plan->n_entries; i++) {
        const entry *e = &l->plan->entry[i];
        if (!e->own_field || (e->kind == ENTRY_SIGNAL) != signals)
            continue;
        const char *block = signals ? "sig->" : "jac->";
        learner_put(l, f, e->node,
            arena_printf(l->ir->arena, "%s%s", block, e->field), false, -1);
        f->store[f->n - 1].from = e->from;
    }
}

void jacobian_entries(learner *l)
{
    for (int k = 0; k < l->gr->n_groups; k++)
        add_group(l, k);
    for (int r = 0; r < l->gr->n_relations; r++)
        add_relation(l, &l->gr->relation[r]);
}
