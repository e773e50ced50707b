/* SPDX-License-Identifier: Apache-2.0 */
/* In: nodes and edges.  Out: them in order, delays, shapes.  Afterwards every cycle has a delayed edge,
   and every array fits its node.  */
#include "net.h"

#include <stdlib.h>
#include <string.h>

int64_t net_count(const net_shape *s)
{
    int64_t n = 1;
    for (int k = 0; k < s->rank; k++)
        if (__builtin_mul_overflow(n, s->dim[k], &n) || n > NET_ELEMENTS_MAX)
            return NET_ELEMENTS_MAX + 1;
    return n;
}

bool net_same(const net_shape *a, const net_shape *b)
{
    bool same = a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->dim[k] == b->dim[k];
    return same;
}

const char *net_shape_text(arena *a, const net_shape *s)
{
    const char *text = "[";
    for (int k = 0; k < s->rank; k++)
        text = arena_printf(a, "%s%s%lld", text, k ? ", " : "", (long long)s->dim[k]);
    return arena_printf(a, "%s]", text);
}

net *net_new(arena *a, diag *d)
{
    net *n = ARENA_NEW(a, net);
    n->arena = a;
    n->diag = d;
    n->single = true;
    return n;
}

net_node *net_add_node(net *n, const net_type *type, const char *name)
{
    ARENA_PUSH(n->arena, n->node, n->n_nodes, n->cap_nodes, ((net_node){.type = type, .name = name}));
    return &n->node[n->n_nodes - 1];
}

void net_add_edge(net *n, int from, int to)
{
    ARENA_PUSH(n->arena, n->edge, n->n_edges, n->cap_edges, ((net_edge){.from = from, .to = to}));
}

int net_find(const net *n, const char *name)
{
    for (size_t i = 0; i < n->n_nodes; i++)
        if (strcmp(n->node[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* --- order ------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    int old;
} named;

static int by_name(const void *x, const void *y)
{
    const named *a = x, *b = y;
    return strcmp(a->name, b->name);
}

static int by_ends(const void *x, const void *y)
{
    const net_edge *a = x, *b = y;
    return a->from != b->from ? (a->from > b->from) - (a->from < b->from)
                              : (a->to > b->to) - (a->to < b->to);
}

bool net_sort(net *n)
{
    named *order = ARENA_ARRAY(n->arena, named, n->n_nodes + 1);
    net_node *sorted = ARENA_ARRAY(n->arena, net_node, n->n_nodes + 1);
    int *place = ARENA_ARRAY(n->arena, int, n->n_nodes + 1);
    for (size_t i = 0; i < n->n_nodes; i++)
        order[i] = (named){n->node[i].name, (int)i};
    qsort(order, n->n_nodes, sizeof *order, by_name);
    for (size_t i = 0; i < n->n_nodes; i++) {
        sorted[i] = n->node[order[i].old];
        place[order[i].old] = (int)i;
    }
    n->node = sorted;
    n->cap_nodes = n->n_nodes;
    for (size_t i = 0; i < n->n_edges; i++) {
        n->edge[i].from = place[n->edge[i].from];
        n->edge[i].to = place[n->edge[i].to];
    }
    if (n->n_edges > 0)
        qsort(n->edge, n->n_edges, sizeof *n->edge, by_ends);
    for (size_t i = 1; i < n->n_edges; i++)
        if (by_ends(&n->edge[i - 1], &n->edge[i]) == 0) {
            diag_error(n->diag, n->edge[i].at, "E0712", "the edge from '%s' to '%s' stands twice",
                       sorted[n->edge[i].from].name, sorted[n->edge[i].to].name);
            return false;
        }
    return true;
}

/* --- delays ----------------------------------------------------------------------------------------- */

typedef struct {
    net *n;
    char *seen;  /* 1: on the way, 2: done */
    size_t *first; /* edges from node i are first[i] up to first[i + 1] */
    size_t *way; /* edges that lead to where the search is */
    size_t length;
} search;

/* The edges of the way from the end of E on, and E, are a cycle.  */
static bool cut(search *s, size_t e)
{
    net *n = s->n;
    const int start = n->edge[e].to;
    size_t k = s->length;
    for (size_t at = e;; at = s->way[--k]) {
        if (n->node[n->edge[at].from].type->state) {
            n->edge[at].delayed = true;
            return true;
        }
        if (n->edge[at].from == start)
            break;
    }
    diag_error(n->diag, n->edge[e].at, "E0713", "'%s' depends on itself within a step",
               n->node[start].name);
    diag_note(n->diag, n->edge[e].at, "a cycle needs a node with a state (LIF, CubaLIF, LI, CubaLI, "
                                      "IF, I), whose output of the last step is read");
    return false;
}

/* The first edge that closes a cycle below NODE; n_edges: there is none.  */
static size_t closing(search *s, int node)
{
    const net *n = s->n;
    size_t found = n->n_edges;
    s->seen[node] = 1;
    for (size_t e = s->first[node]; e < s->first[node + 1] && found == n->n_edges; e++) {
        if (n->edge[e].delayed || s->seen[n->edge[e].to] == 2)
            continue;
        if (s->seen[n->edge[e].to] == 1)
            return e;
        s->way[s->length++] = e;
        found = closing(s, n->edge[e].to);
        if (found == n->n_edges)
            s->length--;
    }
    if (found == n->n_edges)
        s->seen[node] = 2;
    return found;
}

/* Search from the inputs first, so that what lies nearer to them is not what is delayed.  */
static size_t next_cycle(search *s)
{
    const net *n = s->n;
    memset(s->seen, 0, n->n_nodes);
    s->length = 0;
    for (int inputs = 1; inputs >= 0; inputs--)
        for (size_t i = 0; i < n->n_nodes; i++) {
            bool first = n->node[i].type->kind == NET_INPUT;
            size_t e = first == (inputs == 1) && !s->seen[i] ? closing(s, (int)i) : n->n_edges;
            if (e < n->n_edges)
                return e;
        }
    return n->n_edges;
}

bool net_delay(net *n)
{
    search s = {n, ARENA_ARRAY(n->arena, char, n->n_nodes + 1),
                ARENA_ARRAY(n->arena, size_t, n->n_nodes + 2),
                ARENA_ARRAY(n->arena, size_t, n->n_nodes + 1), 0};
    for (size_t i = 0; i < n->n_edges; i++) {
        n->edge[i].delayed = false;
        s.first[n->edge[i].from + 1] = i + 1;
    }
    for (size_t i = 1; i <= n->n_nodes; i++)
        if (s.first[i] < s.first[i - 1])
            s.first[i] = s.first[i - 1];
    for (size_t e = next_cycle(&s); e < n->n_edges; e = next_cycle(&s))
        if (!cut(&s, e))
            return false;
    return true;
}

int *net_order(const net *n)
{
    int *order = ARENA_ARRAY(n->arena, int, n->n_nodes + 1);
    int *waits = ARENA_ARRAY(n->arena, int, n->n_nodes + 1);
    size_t done = 0, k = 0;
    for (size_t e = 0; e < n->n_edges; e++)
        waits[n->edge[e].to] += !n->edge[e].delayed;
    for (size_t i = 0; i < n->n_nodes; i++)
        if (waits[i] == 0)
            order[done++] = (int)i;
    for (; k < done; k++)
        for (size_t e = 0; e < n->n_edges; e++)
            if (n->edge[e].from == order[k] && !n->edge[e].delayed && --waits[n->edge[e].to] == 0)
                order[done++] = n->edge[e].to;
    return order;
}
