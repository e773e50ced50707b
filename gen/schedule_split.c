/* SPDX-License-Identifier: Apache-2.0 */
/* In: kernels with their items and stores.  Out: large loops that do several things which have nothing to do with
   one another, as loops of their own: each then keeps the factors that stand still in it in registers.  */
#include "schedule.h"

#include <string.h>

/* Turns from which on a loop is worth parting.  */
enum { LARGE_LOOP = 4096 };

typedef struct {
    schedule *sc;
    const kernel *k;
    int *place;  /* of a node: its item and 1; 0: it is none of this kernel's */
    int *parent; /* of items, then stores: what they belong together with */
} splitter;

static int root(const splitter *s, int i)
{
    while (s->parent[i] != i)
        i = s->parent[i];
    return i;
}

static void join(splitter *s, int i, int j)
{
    i = root(s, i);
    j = root(s, j);
    s->parent[i > j ? i : j] = i > j ? j : i;
}

/* Part I reads node N: what computes it, and what overwrites it, belongs with I.  */
static void join_read(splitter *s, int i, int n)
{
    const ir *g = s->sc->ir;
    while (schedule_is_view(s->sc, n))
        n = schedule_source(g, n);
    if (s->place[n])
        join(s, i, s->place[n] - 1);
    for (int k = 0; k < s->k->n_stores && g->node[n].op == OP_var; k++)
        if (s->sc->store[s->k->store[k]].var == g->node[n].var)
            join(s, i, s->k->n_items + k);
}

static void join_parts(splitter *s)
{
    const ir *g = s->sc->ir;
    const kernel *k = s->k;
    for (int i = 0; i < k->n_items + k->n_stores; i++)
        s->parent[i] = i;
    for (int i = 0; i < k->n_items; i++)
        s->place[k->item[i]] = i + 1;
    for (int i = 0; i < k->n_items; i++)
        for (int a = 0; a < ir_n_reads(g, k->item[i]); a++)
            join_read(s, i, g->node[k->item[i]].arg[a]);
    for (int i = 0; i < k->n_stores; i++)
        join_read(s, k->n_items + i, s->sc->store[k->store[i]].node);
    for (int i = 0; i < k->n_items; i++)
        s->place[k->item[i]] = 0;
}

/* Does the part whose first member is R store anything?  */
static bool stores(const splitter *s, int r)
{
    const kernel *k = s->k;
    for (int i = 0; i < k->n_items; i++)
        if (root(s, i) == r && s->sc->hold[k->item[i]] == HOLD_PLACE)
            return true;
    for (int i = 0; i < k->n_stores; i++)
        if (root(s, k->n_items + i) == r)
            return true;
    return false;
}

/* The part R as a kernel.  */
static kernel part_of(const splitter *s, int r)
{
    const kernel *k = s->k;
    arena *a = s->sc->ir->arena;
    kernel part = *k;
    part.item = ARENA_ARRAY(a, int, k->n_items + 1);
    part.store = ARENA_ARRAY(a, int, k->n_stores + 1);
    part.n_items = part.n_stores = 0;
    part.cap_items = (size_t)k->n_items + 1;
    part.cap_stores = (size_t)k->n_stores + 1;
    for (int i = 0; i < k->n_items; i++)
        if (root(s, i) == r)
            part.item[part.n_items++] = k->item[i];
    for (int i = 0; i < k->n_stores; i++)
        if (root(s, k->n_items + i) == r)
            part.store[part.n_stores++] = k->store[i];
    return part;
}

static void split(splitter *s, int index)
{
    schedule *sc = s->sc;
    const kernel whole = sc->kernel[index];
    int n = whole.n_items + whole.n_stores, parts = 0;
    s->k = &whole;
    s->parent = ARENA_ARRAY(sc->ir->arena, int, n + 1);
    join_parts(s);
    for (int i = 0; i < n; i++)
        if (root(s, i) == i && !stores(s, i))
            return;
    for (int i = 0; i < n; i++) {
        if (root(s, i) != i)
            continue;
        kernel part = part_of(s, i);
        if (parts++ == 0) {
            sc->kernel[index] = part;
            continue;
        }
        ARENA_PUSH(sc->ir->arena, sc->kernel, sc->n_kernels, sc->cap_kernels, part);
    }
}

void schedule_split(schedule *sc)
{
    splitter s = {.sc = sc, .place = ARENA_ARRAY(sc->ir->arena, int, sc->n_nodes + 1)};
    int n = sc->n_kernels;
    for (int i = 0; i < n; i++)
        if (sc->kernel[i].kind == KERNEL_LOOP && sc->kernel[i].shape.rank > 1
            && shape_numel(sc->kernel[i].shape) >= LARGE_LOOP)
            split(&s, i);
}
