/* SPDX-License-Identifier: Apache-2.0 */
/* In: forward nodes to begin with.  Out: these and whatever is put behind them, arguments first. So
   a walk costs what it reaches, not what the model has.  */
#include "graph.h"

node_queue queue_new(const graph *gr)
{
    arena *a = gr->ir->arena;
    return (node_queue){.gr = gr,
                        .heap = ARENA_ARRAY(a, int, gr->n_base + 1),
                        .queued = ARENA_ARRAY(a, bool, gr->n_base + 1)};
}

/* A binary heap: no number is smaller than that at half its place.  */
void queue_push(node_queue *q, int n)
{
    if (q->queued[n])
        return;
    q->queued[n] = true;
    int at = ++q->n;
    for (; at > 1 && q->heap[at / 2] > n; at /= 2)
        q->heap[at] = q->heap[at / 2];
    q->heap[at] = n;
}

void queue_users(node_queue *q, int n)
{
    const graph *gr = q->gr;
    for (int i = gr->first_user[n]; i < gr->first_user[n + 1]; i++)
        if (!gr->in_turns[gr->user[i]])
            queue_push(q, gr->user[i]);
}

int queue_pop(node_queue *q)
{
    if (q->n == 0)
        return NO_NODE;
    int first = q->heap[1], last = q->heap[q->n--], at = 1;
    while (2 * at <= q->n) {
        int below = 2 * at;
        if (below < q->n && q->heap[below + 1] < q->heap[below])
            below++;
        if (last <= q->heap[below])
            break;
        q->heap[at] = q->heap[below];
        at = below;
    }
    q->heap[at] = last;
    q->queued[first] = false;
    return first;
}
