/* SPDX-License-Identifier: Apache-2.0 */
/* In: a node of the forward step.  Out: the hidden states whose new values it reaches, and the ways
   that arrive there. Afterwards nothing is remembered of a walk but what it found: the next one
   begins anew.  */
#include "walk.h"

#include "loop.h"

/* The ways that arrive at node N from its arguments.  An index or a condition carries no
   derivative; what arrives by the weight of a weight op is that op's own relation.  */
static unsigned arriving(const graph *gr, const unsigned *way, int n, position_way *pos)
{
    const ir_node *v = &gr->ir->node[n];
    unsigned in = 0;
    if (v->op == OP_stop_gradient || v->type != TYPE_REAL)
        return 0;
    for (int i = 0; i < ir_n_ways(gr->ir, n) - gr->is_weight_op[n]; i++)
        in |= way[v->arg[i]];
    if (in == 0)
        return 0;
    if (gr->is_weight_op[n])
        return in & ~(unsigned)BY_STATE ? BY_WEIGHT : 0;
    if (!(by_position(in) || in & BY_MIXING)) /* its positions are not those of the seed */
        return in;
    if (graph_keeps_positions(gr->ir, n, pos))
        return in;
    unsigned out = in & (BY_WEIGHT | BY_SLICE);
    if (in & (BY_POSITION | BY_MIXING))
        out |= v->op == OP_slice || v->op == OP_take ? BY_SLICE : BY_MIXING;
    return out;
}

static void walk_loop(walk *w, int L);

static void walk_node(walk *w, int n)
{
    const ir_node *v = &w->gr->ir->node[n];
    if (v->op == OP_loop)
        walk_loop(w, n);
    w->way[n] = v->op == OP_loop || v->op == OP_tape ? 0
                : v->op == OP_last                   ? w->way[v->start]
                                                     : arriving(w->gr, w->way, n, &w->pos);
    if (n == w->seed) /* in a loop its result may come back to it */
        w->way[n] |= BY_POSITION;
}

/* Turn after turn, until nothing new arrives; then the bounds of the carries are what they are
 * behind the loop.  */
static void walk_loop(walk *w, int L)
{
    const ir *g = w->gr->ir;
    const ir_loop *r = &g->loop[g->node[L].pattern];
    for (int k = 0; k < r->n_args; k++)
        w->way[r->bound[k]] = w->way[g->node[L].arg[k]];
    for (bool more = true; more;) {
        more = false;
        for (int k = 0; k < r->n_body; k++)
            walk_node(w, r->body[k]);
        for (int k = 0; k < r->n_carry; k++) {
            unsigned *old = &w->way[r->bound[k]], new = *old | w->way[r->next[k]];
            more = more || new != *old;
            *old = new;
        }
    }
    for (int k = 0; k < r->n_carry; k++)
        w->way[r->bound[k]] = w->way[r->next[k]];
}

/* --- ways through weight ops ---------------------------------------------------------------- */

/* A way through a weight op goes on until it meets a new state, in a deep model past everything
   that follows; where that ends is known beforehand.  */
enum lead { LEADS_NOWHERE, LEADS_TO_STATE, LEADS_INTO_LOOP };

/* Does what arrives at U from its argument N have a derivative?  */
static bool passes_on(const graph *gr, int u, int n)
{
    const ir_node *v = &gr->ir->node[u];
    if (v->op == OP_stop_gradient || v->type != TYPE_REAL)
        return false;
    for (int i = 0; i < ir_n_ways(gr->ir, u) - gr->is_weight_op[u]; i++)
        if (v->arg[i] == n)
            return true;
    return false;
}

static void find_leads(const graph *gr, int *leads)
{
    for (int n = gr->n_base - 1; n >= 0; n--)
        for (int i = gr->first_user[n]; i < gr->first_user[n + 1]; i++) {
            int u = gr->user[i];
            if (gr->ir->node[u].op == OP_loop)
                leads[n] = LEADS_INTO_LOOP;
            else if (leads[n] != LEADS_INTO_LOOP && passes_on(gr, u, n) &&
                     leads[u] + (gr->state_at[u] >= 0) > 0)
                leads[n] = gr->state_at[u] >= 0 ? LEADS_TO_STATE : leads[u];
        }
}

walk walk_new(const graph *gr, bool each)
{
    arena *a = gr->ir->arena;
    walk w = {.gr = gr, .queue = queue_new(gr), .each = each};
    w.leads = ARENA_ARRAY(a, int, gr->n_base + 1);
    w.way = ARENA_ARRAY(a, unsigned, gr->n_base + 1);
    w.seen = ARENA_ARRAY(a, int, gr->n_base + 1);
    w.reached = ARENA_ARRAY(a, int, gr->n_hidden + 1);
    w.by = ARENA_ARRAY(a, unsigned, gr->n_hidden + 1);
    find_leads(gr, w.leads);
    return w;
}

static void forget_loop(walk *w, int L)
{
    const ir_loop *r = &w->gr->ir->loop[w->gr->ir->node[L].pattern];
    for (int k = 0; k < r->n_args; k++)
        w->way[r->bound[k]] = 0;
    for (int k = 0; k < r->n_body; k++) {
        w->way[r->body[k]] = 0;
        if (w->gr->ir->node[r->body[k]].op == OP_loop)
            forget_loop(w, r->body[k]);
    }
}

static void forget(walk *w)
{
    for (int i = 0; i < w->n_seen; i++) {
        w->way[w->seen[i]] = 0;
        if (w->gr->ir->node[w->seen[i]].op == OP_loop)
            forget_loop(w, w->seen[i]);
    }
    w->n_seen = 0;
}

/* --- one walk ------------------------------------------------------------------------------- */

static void reach(walk *w, int s, unsigned way)
{
    int k = w->n_reached++;
    for (; k > 0 && w->reached[k - 1] > s; k--) {
        w->reached[k] = w->reached[k - 1];
        w->by[k] = w->by[k - 1];
    }
    w->reached[k] = s;
    w->by[k] = way;
    w->all |= way;
}

/* The loop around the node Y of a body.  */
static int outermost(const graph *gr, int seed)
{
    int y, L = loop_of_use(gr->ir, seed, &y);
    return L == NO_NODE ? seed : L;
}

/* Behind a new state only BY_STATE goes on.  */
void walk_from(walk *w, int seed)
{
    const graph *gr = w->gr;
    int first = outermost(gr, seed);
    forget(w);
    w->seed = graph_innermost(gr->ir, seed);
    w->pos = (position_way){.seed = w->seed};
    w->n_reached = 0;
    w->all = 0;
    queue_push(&w->queue, first);
    for (int n = queue_pop(&w->queue); n != NO_NODE; n = queue_pop(&w->queue)) {
        bool loop = gr->ir->node[n].op == OP_loop;
        w->n_visited++;
        walk_node(w, n);
        w->seen[w->n_seen++] = n;
        for (int s = w->way[n] ? gr->state_at[n] : -1; s >= 0; s = gr->state_also[s])
            reach(w, s, w->way[n]);
        if (w->way[n] && gr->state_at[n] >= 0 && n != seed)
            w->way[n] = by_position(w->way[n]) ? BY_STATE : 0;
        bool known = w->way[n] == BY_WEIGHT && !w->each && w->leads[n] != LEADS_INTO_LOOP;
        if (known && w->leads[n] == LEADS_TO_STATE)
            w->all |= BY_WEIGHT;
        if (loop || (w->way[n] && !known))
            queue_users(&w->queue, n);
    }
}

bool walk_only_last_turn(walk *w, int L, int y)
{
    const ir_loop *r = &w->gr->ir->loop[w->gr->ir->node[L].pattern];
    bool only = true;
    forget(w);
    w->seed = y;
    w->pos = (position_way){.seed = y};
    w->seen[w->n_seen++] = L;
    for (int turn = 0; turn < 2; turn++) {
        for (int k = 0; k < r->n_args; k++)
            w->way[r->bound[k]] =
                turn == 1 && k < r->n_carry && by_position(w->way[r->next[k]]) ? BY_POSITION : 0;
        for (int k = 0; k < r->n_body; k++)
            walk_node(w, r->body[k]);
        w->seed = NO_NODE;
    }
    for (int k = 0; k < r->n_carry; k++)
        only = only && !by_position(w->way[r->next[k]]);
    return only;
}
