/* SPDX-License-Identifier: Apache-2.0 */
/* In: repeat, if and while.  Out: what they leave behind.  Both branches are evaluated, and one is
   chosen.  */
#include "evaluate_part.h"

#include <string.h>

static room *inner_room(evaluator *ev, room *r)
{
    room *inner = ev_room(ev);
    inner->spec = r->spec;
    inner->prefix = r->prefix;
    inner->parent = r->parent;
    inner->outer = r;
    return inner;
}

static void add_block(evaluator *ev, room *r, const spec_equation *eq)
{
    ev_block *b = ev->epoch ? flow_take(&ev->flow, sizeof *b) : ARENA_NEW(ev->arena, ev_block);
    b->eq = eq;
    for (int k = 0; eq->form == SPEC_IF && k < 2; k++) {
        b->branch[k] = inner_room(ev, r);
        ev_add_equations(ev, b->branch[k], k ? eq->other : eq->body, k ? eq->n_other : eq->n_body);
    }
    for (int i = 0; eq->form == SPEC_IF && i < b->branch[0]->n; i++) {
        const name_entry *own = &b->branch[0]->entry[i];
        ev_add(ev, r, IS_BLOCK, own->name, own->primed)->block = b;
    }
    for (size_t i = 0; i < eq->n_carry; i++)
        ev_add(ev, r, IS_BLOCK, eq->carry[i].name, false)->block = b;
}

void ev_add_equations(evaluator *ev, room *r, const spec_equation *eq, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const expr *target = eq[i].target;
        if (eq[i].form != SPEC_ASSIGN)
            add_block(ev, r, &eq[i]);
        else
            ev_add(ev, r, IS_EQUATION, target->name, target->primed)->value = eq[i].value;
    }
}

static array *choose(evaluator *ev, array *condition, array *a, array *b)
{
    int n;
    const array_function where = array_find_function("where", &n);
    return array_map(&ev->flow, where, (array *[]){condition, a, b}, 3);
}

static array *if_value(evaluator *ev, room *r, const name_entry *e)
{
    const ev_block *b = e->block;
    const char *name = e->name;
    const bool primed = e->primed;
    array *condition = ev_expr(ev, r, b->eq->value), *x[2];
    for (int k = 0; k < 2; k++) {
        room *branch = b->branch[k];
        const name_entry *own = ev_find(&branch, name, primed);
        const int dead = (condition->v[0] != 0) == k;
        ev->dead += dead;
        x[k] = ev_entry(ev, branch, (int)(own - branch->entry));
        ev->dead -= dead;
    }
    return choose(ev, condition, x[0], x[1]);
}

static void bind_carries(evaluator *ev, room *r, const ev_block *b)
{
    for (size_t i = 0; i < b->eq->n_carry; i++)
        ev_add(ev, r, IS_VALUE, b->eq->carry[i].name, false)->got = b->carry[i];
}

static void iterate(evaluator *ev, room *r, const ev_block *b)
{
    const spec_equation *eq = b->eq;
    array *condition = NULL, **next = flow_take(&ev->flow, (eq->n_carry + 1) * sizeof *next);
    if (eq->form == SPEC_WHILE) {
        room *test = inner_room(ev, r);
        bind_carries(ev, test, b);
        condition = ev_expr(ev, test, eq->value);
    }
    room *body = inner_room(ev, r);
    bind_carries(ev, body, b);
    ev_add_equations(ev, body, eq->body, eq->n_body);
    const int dead = condition && !(condition->v[0] != 0);
    ev->dead += dead;
    for (size_t i = 0; i < eq->n_carry; i++) {
        room *home = body;
        const name_entry *own = ev_find(&home, eq->carry[i].name, true);
        next[i] = ev_entry(ev, home, (int)(own - home->entry));
    }
    ev->dead -= dead;
    for (size_t i = 0; i < eq->n_carry; i++)
        b->carry[i] = condition ? choose(ev, condition, next[i], b->carry[i]) : next[i];
}

static array *loop_value(evaluator *ev, room *r, const name_entry *e)
{
    ev_block *b = e->block;
    const spec_equation *eq = b->eq;
    const char *name = e->name;
    size_t k = 0;
    if (b->epoch != ev->epoch) {
        const int n = eq->form == SPEC_WHILE ? eq->max : ev_dim(ev, r, eq->value);
        b->carry = flow_take(&ev->flow, (eq->n_carry + 1) * sizeof *b->carry);
        for (size_t i = 0; i < eq->n_carry; i++)
            b->carry[i] = ev_expr(ev, r, eq->carry[i].value);
        for (int i = 0; i < n; i++)
            iterate(ev, r, b);
        b->epoch = ev->epoch;
    }
    while (strcmp(eq->carry[k].name, name) != 0)
        k++;
    return b->carry[k];
}

array *ev_block_value(evaluator *ev, room *r, const name_entry *e)
{
    return e->block->eq->form == SPEC_IF ? if_value(ev, r, e) : loop_value(ev, r, e);
}
