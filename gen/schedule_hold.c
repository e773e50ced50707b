/* SPDX-License-Identifier: Apache-2.0 */
/* In: a schedule whose arrays and places are known.  Out: which of the other values are written where they are
   read, and which are scalars of their loop; and how large the arrays are.  */
#include "schedule.h"

#include "size.h"

/* The node whose value N is read through views.  */
static int value_of(const schedule *sc, int n)
{
    while (schedule_is_view(sc, n))
        n = schedule_source(sc->ir, n);
    return n;
}

int64_t schedule_array_bytes(const schedule *sc, int n)
{
    const ir_node *v = &sc->ir->node[n];
    bool array = sc->live[n] && sc->hold[n] == HOLD_ARRAY && v->op != OP_loop && !sc->joined[n]
                 && !(v->op == OP_last && sc->ir->node[v->start].op == OP_bound);
    return array ? size_bytes(shape_numel(v->shape), TYPE_REAL, sc->ir->real_bits) : 0;
}

void schedule_count_arrays(schedule *sc)
{
    for (int n = 0; n < sc->n_nodes; n++) {
        sc->array_bytes = size_plus(sc->array_bytes, schedule_array_bytes(sc, n));
        if (sc->inner[n])
            sc->array_bytes = size_plus(sc->array_bytes, sc->inner[n]->array_bytes);
    }
}

/* A value read once, in its own loop, and without a name from the spec is written where it is read.  */
void schedule_hold_locals(schedule *sc)
{
    const ir *g = sc->ir;
    int *reads = ARENA_ARRAY(g->arena, int, g->n_nodes);
    for (int n = 0; n < g->n_nodes; n++) {
        if (!sc->live[n] || schedule_is_view(sc, n))
            continue;
        op_code op = g->node[n].op;
        bool twice = op == OP_maximum || op == OP_minimum || op == OP_relu || op == OP_sign
                     || op == OP_sum || op == OP_reduce_max || op == OP_reduce_min;
        for (int i = 0; i < ir_n_reads(g, n); i++)
            reads[value_of(sc, g->node[n].arg[i])] += 1 + twice;
    }
    for (int i = 0; i < sc->n_stores; i++)
        reads[sc->store[i].node]++;
    for (int n = 0; n < g->n_nodes; n++) {
        if (!sc->live[n] || !op_table[g->node[n].op].elementwise || sc->hold[n] != HOLD_NONE)
            continue;
        bool inline_it = reads[n] <= 1 && g->node[n].op != OP_repeat && (!g->node[n].name || g->node[n].op == OP_copy);
        sc->hold[n] = inline_it || g->node[n].op == OP_neg ? HOLD_INLINE : HOLD_LOCAL;
    }
}

/* The nodes that a reshape reads which moves elements between axes.  */
static bool *find_moved(const schedule *sc)
{
    const ir *g = sc->ir;
    bool *moved = ARENA_ARRAY(g->arena, bool, sc->n_nodes + 1);
    for (int n = 0; n < sc->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        if (sc->live[n] && v->op == OP_reshape && !shape_same_places(g->node[v->arg[0]].shape, v->shape))
            moved[v->arg[0]] = true;
    }
    return moved;
}

static bool has_loops(const schedule *sc)
{
    for (int n = 0; n < sc->n_nodes; n++)
        if (sc->live[n] && sc->ir->node[n].op == OP_loop)
            return true;
    return false;
}

/* A part of a concatenation that would have an array of its own is computed where it belongs: it is not copied.  */
void schedule_join(schedule *sc)
{
    const ir *g = sc->ir;
    sc->joined = ARENA_ARRAY(g->arena, int, sc->n_nodes + 1);
    sc->part = ARENA_ARRAY(g->arena, int, sc->n_nodes + 1);
    const bool *moved = find_moved(sc);
    if (has_loops(sc)) /* they read arrays by their names */
        return;
    for (int n = 0; n < sc->n_nodes; n++) {
        if (!sc->live[n] || g->node[n].op != OP_concat)
            continue;
        for (int i = 0; i < g->node[n].n_args; i++) {
            int x = g->node[n].arg[i];
            if (g->node[x].op == OP_reshape && schedule_is_view(sc, x))
                x = g->node[x].arg[0];
            if (!op_table[g->node[x].op].elementwise || g->node[x].type != TYPE_REAL || sc->hold[x] != HOLD_ARRAY
                || g->node[x].shape.rank == 0 || moved[x] || sc->joined[x])
                continue;
            sc->joined[x] = n + 1;
            sc->part[x] = i;
        }
    }
}
