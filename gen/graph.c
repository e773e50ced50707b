/* SPDX-License-Identifier: Apache-2.0 */
/* In: the forward IR.  Out: hidden groups, relations, and the fate of every parameter, with warnings.
   Afterwards every hidden state is in one group, and a parameter is in a relation exactly when one of
   its uses reaches a hidden state position by position.  */
#include "graph.h"

#include <string.h>

/* How a node depends on a seed.  Ways that pass through a new hidden state are told apart: the
   learning signal of that state carries them.  */
enum {
    BY_POSITION = 1,  /* position by position */
    BY_STATE = 2,     /* the same, through a new hidden state */
    BY_WEIGHT = 4,    /* through a weight op */
    BY_MIXING = 8     /* through another op that mixes positions */
};

static bool keeps_positions(const ir *g, int n, bool from_param)
{
    op_code op = g->node[n].op;
    return op_table[op].elementwise || op == OP_reshape || (op == OP_broadcast && from_param);
}

/* The ways that arrive at node N from its arguments.  An index or a condition carries no derivative.  */
static unsigned arriving(const graph *gr, const unsigned *way, int n, bool from_param)
{
    const ir_node *v = &gr->ir->node[n];
    unsigned in = 0;
    if (v->op == OP_stop_gradient || v->type != TYPE_REAL)
        return 0;
    for (int i = 0; i < ir_n_ways(gr->ir, n); i++)
        in |= way[v->arg[i]];
    if (in == 0 || keeps_positions(gr->ir, n, from_param))
        return in;
    if (gr->is_weight_op[n])
        return in & (BY_POSITION | BY_WEIGHT | BY_MIXING) ? BY_WEIGHT : 0;
    unsigned out = in & BY_WEIGHT;
    return in & (BY_POSITION | BY_MIXING) ? out | BY_MIXING : out;
}

/* WAY[n] for every forward node; REACHED[s] for every hidden state: the ways that arrive at its new
   value.  Behind a new state only BY_STATE goes on.  */
static void trace_ways(const graph *gr, int seed, unsigned *way, unsigned *reached)
{
    const ir *g = gr->ir;
    bool from_param = g->node[seed].op == OP_var && g->var[g->node[seed].var].kind == VAR_PARAM;
    for (int s = 0; s < gr->n_hidden; s++)
        reached[s] = 0;
    for (int n = 0; n < gr->n_base; n++) {
        way[n] = n == seed ? BY_POSITION : arriving(gr, way, n, from_param);
        if (way[n] == 0)
            continue;
        for (int s = 0; s < gr->n_hidden; s++)
            if (g->var[gr->hidden[s]].next == n)
                reached[s] = way[n];
        for (int s = 0; s < gr->n_hidden; s++)
            if (g->var[gr->hidden[s]].next == n && n != seed)
                way[n] = way[n] & (BY_POSITION | BY_STATE) ? BY_STATE : 0;
    }
}

static bool by_position(unsigned way)
{
    return (way & (BY_POSITION | BY_STATE)) != 0;
}

/* --- hidden groups ----------------------------------------------------------------------------- */

static void report_dense(graph *gr, int from, int to, dense_policy dense)
{
    const ir *g = gr->ir;
    const var *a = &g->var[gr->hidden[from]], *b = &g->var[gr->hidden[to]];
    gr->dense = true;
    if (dense == DENSE_ERROR) {
        diag_error(g->diag, b->at, "E0501",
                   "the new %s reads %s through an operation that mixes positions and has no traced "
                   "weight; a trace kept position by position cannot carry it", b->path, a->path);
        diag_note(g->diag, a->at,
                  "write 'learning: {dense: diagonal}' to keep what stays at its position, "
                  "'dense: drop' to leave it out of the trace, or use 'rule: bptt'");
    } else if (dense == DENSE_DROP) {
        diag_warning(g->diag, b->at, "dense",
                     "the trace leaves out how the new %s reads %s through an operation that mixes "
                     "positions (dense: drop)", b->path, a->path);
    }
}

static void join(int *root, int n, int a, int b)
{
    int from = root[a] > root[b] ? root[a] : root[b];
    int to = root[a] > root[b] ? root[b] : root[a];
    for (int s = 0; s < n; s++)
        if (root[s] == from)
            root[s] = to;
}

static void find_groups(graph *gr, unsigned *way, dense_policy dense)
{
    ir *g = gr->ir;
    int n = gr->n_hidden;
    int *root = ARENA_ARRAY(g->arena, int, n + 1);
    unsigned *reached = ARENA_ARRAY(g->arena, unsigned, n + 1);
    for (int s = 0; s < n; s++)
        root[s] = s;
    for (int s = 0; s < n; s++) {
        trace_ways(gr, g->var[gr->hidden[s]].now, way, reached);
        for (int to = 0; to < n; to++) {
            if (by_position(reached[to]))
                join(root, n, s, to);
            if (reached[to] & BY_MIXING)
                report_dense(gr, s, to, dense);
        }
    }
    gr->group = ARENA_ARRAY(g->arena, hidden_group, n + 1);
    gr->group_of = ARENA_ARRAY(g->arena, int, n + 1);
    for (int s = 0; s < n; s++) {
        if (root[s] == s) {
            hidden_group *k = &gr->group[gr->n_groups];
            k->state = ARENA_ARRAY(g->arena, int, n);
            k->varshape = g->var[gr->hidden[s]].shape;
            gr->group_of[s] = gr->n_groups++;
        }
        gr->group_of[s] = gr->group_of[root[s]];
        hidden_group *k = &gr->group[gr->group_of[s]];
        k->state[k->n_states++] = s;
    }
}

/* --- relations --------------------------------------------------------------------------------- */

/* The parameter that node N reads as its weight, or -1.  */
static int weight_of(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    if (v->op != OP_matmul && v->op != OP_matmul_t)
        return -1;
    const ir_node *w = &g->node[v->arg[1]];
    return w->op == OP_var && g->var[w->var].kind == VAR_PARAM ? w->var : -1;
}

/* The parameter that is added to the product Y and to nothing else on the way; -1 if none is.  */
static int bias_of(const graph *gr, int y)
{
    const ir *g = gr->ir;
    int found = -1, users = 0;
    for (int n = y + 1; n < gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        for (int i = 0; i < v->n_args; i++) {
            if (v->arg[i] != y)
                continue;
            users++;
            if (v->op != OP_add)
                continue;
            int other = v->arg[1 - i];
            if (g->node[other].op == OP_broadcast)
                other = g->node[other].arg[0];
            const ir_node *b = &g->node[other];
            if (b->op == OP_var && g->var[b->var].kind == VAR_PARAM && g->var[b->var].traced)
                found = b->var;
        }
    }
    return users == 1 ? found : -1;
}

static void add_relation(graph *gr, relation rel, const unsigned *reached)
{
    ir *g = gr->ir;
    rel.reaches = ARENA_ARRAY(g->arena, bool, gr->n_hidden);
    rel.group = ARENA_ARRAY(g->arena, int, gr->n_groups + 1);
    int uses = 1;
    for (int r = 0; r < gr->n_relations; r++)
        uses += gr->relation[r].param == rel.param;
    const char *path = g->var[rel.param].path;
    rel.name = uses == 1 ? path : arena_printf(g->arena, "%s#%d", path, uses);
    for (int s = 0; s < gr->n_hidden; s++) {
        rel.reaches[s] = by_position(reached[s]);
        if (!rel.reaches[s])
            continue;
        bool known = false;
        for (int k = 0; k < rel.n_groups; k++)
            known = known || rel.group[k] == gr->group_of[s];
        if (!known)
            rel.group[rel.n_groups++] = gr->group_of[s];
    }
    gr->relation[gr->n_relations++] = rel;
}

static void warn_fate(graph *gr, int param)
{
    const ir *g = gr->ir;
    const var *p = &g->var[param];
    switch (gr->fate[param]) {
    case FATE_MIXED:
        diag_warning(g->diag, p->at, "mixed-path",
                     "%s reaches a hidden state both directly and through another weight op; its "
                     "trace carries the direct way alone", p->path);
        diag_note(g->diag, p->at, "inside a step the gradient is exact; 'rule: bptt' or a longer "
                                  "window carries the other way too");
        break;
    case FATE_WEIGHT:
        diag_warning(g->diag, p->at, "weight-to-weight",
                     "%s reaches a hidden state only through another weight op: it gets no trace, and "
                     "its gradient is exact inside one step alone", p->path);
        break;
    case FATE_NOT_POSITION:
        diag_warning(g->diag, p->at, "not-position-preserving",
                     "%s reaches a hidden state only through an operation that mixes positions: it "
                     "gets no trace, and its gradient is exact inside one step alone", p->path);
        break;
    default: break;
    }
}

/* Follow one use of PARAM with the result Y.  */
static void follow_use(graph *gr, relation rel, unsigned *way, unsigned *reached)
{
    trace_ways(gr, rel.y, way, reached);
    unsigned all = 0;
    for (int s = 0; s < gr->n_hidden; s++)
        all |= reached[s];
    fate f = FATE_NO_HIDDEN;
    if (by_position(all))
        f = all & BY_WEIGHT ? FATE_MIXED : FATE_RELATION;
    else if (all & BY_WEIGHT)
        f = FATE_WEIGHT;
    else if (all & BY_MIXING)
        f = FATE_NOT_POSITION;
    rel.mixed = f == FATE_MIXED;
    if (by_position(all))
        add_relation(gr, rel, reached);
    fate *old = &gr->fate[rel.param];
    /* the best news of several uses, but a mixed one stays mixed */
    static const int rank[] = {[FATE_NO_HIDDEN] = 0, [FATE_NOT_POSITION] = 1, [FATE_WEIGHT] = 2,
                               [FATE_RELATION] = 3, [FATE_MIXED] = 4};
    if (*old > FATE_NOT_POSITION || rank[f] > rank[*old])
        *old = f;
}

static bool used_elementwise(const graph *gr, int param)
{
    const ir *g = gr->ir;
    for (int n = 0; n < gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        for (int i = 0; i < v->n_args; i++)
            if (v->arg[i] == g->var[param].now && !(gr->is_weight_op[n] && i == 1))
                return true;
    }
    return false;
}

static void find_relations(graph *gr, unsigned *way)
{
    ir *g = gr->ir;
    unsigned *reached = ARENA_ARRAY(g->arena, unsigned, gr->n_hidden + 1);
    gr->relation = ARENA_ARRAY(g->arena, relation, gr->n_base + g->n_vars + 1);
    for (int p = 0; p < g->n_vars; p++) {
        if (g->var[p].kind != VAR_PARAM)
            continue;
        gr->fate[p] = !g->var[p].trainable ? FATE_CONSTANT
                      : !g->var[p].traced  ? FATE_UNTRACED
                                           : FATE_NO_HIDDEN;
        if (!g->var[p].traced)
            continue;
        for (int n = 0; n < gr->n_base; n++)
            if (gr->is_weight_op[n] && weight_of(g, n) == p)
                follow_use(gr, (relation){.op = g->node[n].op, .y = n, .x = g->node[n].arg[0],
                                          .param = p, .bias = bias_of(gr, n)}, way, reached);
        if (used_elementwise(gr, p))
            follow_use(gr, (relation){.op = OP_var, .y = g->var[p].now, .x = NO_NODE, .param = p,
                                      .bias = -1}, way, reached);
        warn_fate(gr, p);
    }
    for (int r = 0; r < gr->n_relations; r++)
        for (int b = 0; b < gr->n_relations; b++)
            if (gr->relation[b].op == OP_var && gr->relation[b].param == gr->relation[r].bias)
                gr->relation[b].is_bias = true;
}

graph *graph_compile(ir *g, dense_policy dense)
{
    graph *gr = ARENA_NEW(g->arena, graph);
    gr->ir = g;
    gr->n_base = g->n_nodes;
    gr->hidden = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    gr->fate = ARENA_ARRAY(g->arena, fate, g->n_vars + 1);
    gr->is_weight_op = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    for (int v = 0; v < g->n_vars; v++) {
        if (g->var[v].kind != VAR_HIDDEN)
            continue;
        int k = gr->n_hidden++;
        for (; k > 0 && g->var[gr->hidden[k - 1]].order > g->var[v].order; k--)
            gr->hidden[k] = gr->hidden[k - 1];
        gr->hidden[k] = v;
    }
    for (int n = 0; n < gr->n_base; n++) {
        int w = weight_of(g, n);
        gr->is_weight_op[n] = w >= 0 && g->var[w].traced;
    }
    unsigned *way = ARENA_ARRAY(g->arena, unsigned, gr->n_base + 1);
    find_groups(gr, way, dense);
    find_relations(gr, way);
    g->deriving = true;
    return gr;
}

const char *graph_fate_text(fate f)
{
    static const char *const text[] = {
        [FATE_RELATION] = "in a relation",
        [FATE_MIXED] = "in a relation; partly through another weight op",
        [FATE_NO_HIDDEN] = "no path to a hidden state",
        [FATE_WEIGHT] = "only through another weight op",
        [FATE_NOT_POSITION] = "not position-preserving",
        [FATE_UNTRACED] = "not traced",
        [FATE_CONSTANT] = "not trainable",
    };
    return text[f];
}
