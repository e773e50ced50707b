/* SPDX-License-Identifier: Apache-2.0 */
/* In: an OP_loop of a schedule.  Out: the schedule of its body, which is a function's but for what
   it stores: its carries, which it overwrites, and what leaves it turn by turn.  */
#include "loop.h"
#include "schedule.h"
#include "size.h"

/* The body of L: what its carries become, and what leaves it turn by turn.  */
schedule *schedule_loop(const schedule *sc, int L)
{
    ir *g = sc->ir;
    const ir_loop r = g->loop[g->node[L].pattern];
    const bool *need = loop_needs(g, L, sc->live, sc->n_nodes);
    store *st = ARENA_ARRAY(g->arena, store, r.n_carry + sc->n_nodes - L);
    int n = 0;
    for (int m = L + 1; m < sc->n_nodes; m++) {
        const ir_node *v = &g->node[m];
        bool leaves = v->op == OP_tape || (v->op == OP_last && g->node[v->start].op != OP_bound);
        if (sc->live[m] && leaves && v->arg[0] == L)
            st[n++] = (store){.node = (int)v->start, .var = -1, .holder = m};
    }
    for (int k = 0; k < r.n_carry; k++)
        if (need[r.bound[k]] && r.next[k] != r.bound[k])
            st[n++] = (store){.node = r.next[k],
                              .holder = r.bound[k],
                              .var = g->n_vars + (int)g->node[r.bound[k]].start};
    schedule *inner = schedule_run(g, st, n);
    for (int k = 0; k < r.n_carry; k++)
        if (need[r.bound[k]])
            inner->carry_bytes =
                size_plus(inner->carry_bytes, size_bytes(shape_numel(g->node[r.bound[k]].shape),
                                                         TYPE_REAL, g->real_bits));
    inner->array_bytes = size_plus(inner->array_bytes, inner->carry_bytes);
    return inner;
}
