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
    BY_MIXING = 8,    /* through another op that mixes positions */
    BY_SLICE = 16     /* through a slice: some positions alone, at other places */
};

int graph_weight(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    switch (v->op) {
    case OP_weight: return n;
    case OP_matmul:
    case OP_matmul_t:
    case OP_einsum:
    case OP_embed:
    case OP_sparse:
        return g->node[v->arg[1]].of_params && !g->node[v->arg[0]].of_params ? v->arg[1] : NO_NODE;
    default: return NO_NODE;
    }
}

static shape without_leading_ones(shape s)
{
    shape res = shape_scalar();
    for (int k = 0; k < s.rank; k++)
        if (res.rank > 0 || s.dim[k] != 1)
            res.dim[res.rank++] = s.dim[k];
    return res;
}

bool graph_keeps_positions(const ir *g, int n, position_way *way)
{
    const ir_node *v = &g->node[n];
    int64_t whole = shape_numel(g->node[way->seed].shape);
    if (op_table[v->op].elementwise)
        return true;
    if (v->op != OP_reshape && v->op != OP_broadcast)
        return false;
    shape from = g->node[v->arg[0]].shape;
    if (v->op == OP_reshape)
        return whole == 1 || shape_numel(from) == whole;
    if (!g->node[way->seed].of_params)
        return false;
    if (shape_numel(from) != whole || whole == 1)
        return true;
    from = without_leading_ones(from);
    if (way->is_spread)
        return shape_equal(way->spread, from);
    way->is_spread = true;
    way->spread = from;
    return true;
}

/* The ways that arrive at node N from its arguments.  An index or a condition carries no derivative; what
   arrives by the weight of a weight op is that op's own relation.  */
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
    if (graph_keeps_positions(gr->ir, n, pos))
        return in;
    unsigned out = in & (BY_WEIGHT | BY_SLICE);
    if (in & (BY_POSITION | BY_MIXING))
        out |= v->op == OP_slice || v->op == OP_take ? BY_SLICE : BY_MIXING;
    return out;
}

static bool by_position(unsigned way)
{
    return (way & (BY_POSITION | BY_STATE)) != 0;
}

/* WAY[n] for every forward node; REACHED[s] for every hidden state: the ways that arrive at its new
   value.  Behind a new state only BY_STATE goes on.  */
static position_way trace_ways(const graph *gr, int seed, unsigned *way, unsigned *reached)
{
    position_way pos = {.seed = seed};
    for (int s = 0; s < gr->n_hidden; s++)
        reached[s] = 0;
    for (int n = 0; n < gr->n_base; n++) {
        way[n] = n == seed ? BY_POSITION : n < seed ? 0 : arriving(gr, way, n, &pos);
        if (way[n] == 0 || gr->state_at[n] < 0)
            continue;
        for (int s = gr->state_at[n]; s >= 0; s = gr->state_also[s])
            reached[s] = way[n];
        if (n != seed)
            way[n] = by_position(way[n]) ? BY_STATE : 0;
    }
    return pos;
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

static void find_groups(graph *gr, unsigned *way, dense_policy dense, bool coupled)
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
            bool same = shape_equal(g->var[gr->hidden[s]].shape, g->var[gr->hidden[to]].shape);
            if (by_position(reached[to]) || (coupled && same && reached[to]))
                join(root, n, s, to);
            if (reached[to] & (BY_MIXING | BY_SLICE))
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

/* As graph_params_below; but what an element_wise below W is made of is a use of its own, if APART.  */
static int params_below(const ir *g, int w, bool apart, int *param)
{
    bool *below = ARENA_ARRAY(g->arena, bool, w + 1);
    int n = 0;
    below[w] = true;
    for (int k = w; k >= 0; k--) {
        bool ends = apart && k != w && g->node[k].op == OP_weight;
        for (int i = 0; below[k] && !ends && i < g->node[k].n_args; i++)
            below[g->node[k].arg[i]] = true;
    }
    for (int p = 0; p < g->n_vars; p++)
        if (g->var[p].kind == VAR_PARAM && g->var[p].traced && g->var[p].now <= w
            && below[g->var[p].now])
            param[n++] = p;
    return n;
}

int graph_params_below(const ir *g, int w, int *param)
{
    return params_below(g, w, false, param);
}

static int skip_reshapes(const ir *g, int n)
{
    while (g->node[n].op == OP_reshape || g->node[n].op == OP_broadcast)
        n = g->node[n].arg[0];
    return n;
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
            if (v->op == OP_reshape)
                return bias_of(gr, n);
            if (v->op != OP_add)
                continue;
            const ir_node *b = &g->node[skip_reshapes(g, v->arg[1 - i])];
            if (b->op == OP_var && g->var[b->var].kind == VAR_PARAM && g->var[b->var].traced)
                found = b->var;
        }
    }
    return users == 1 ? found : -1;
}

/* What the op reads, before it was cut into windows or its axes were split.  */
static int source_of(const ir *g, int x)
{
    int n = x;
    while (g->node[n].op == OP_reshape || g->node[n].op == OP_windows)
        n = g->node[n].arg[0];
    for (int k = x; k != n; k = g->node[k].arg[0])
        if (g->node[k].op == OP_windows)
            return g->node[k].arg[0];
    return x;
}

static void add_relation(graph *gr, relation rel, const unsigned *reached)
{
    ir *g = gr->ir;
    rel.reaches = ARENA_ARRAY(g->arena, bool, gr->n_hidden);
    rel.group = ARENA_ARRAY(g->arena, int, gr->n_groups + 1);
    int uses = 1;
    for (int r = 0; r < gr->n_relations; r++)
        uses += gr->relation[r].param[0] == rel.param[0];
    const char *path = g->var[rel.param[0]].path;
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
                     "%s reaches a hidden state both directly and through another weight op or a mixing "
                     "of positions; its trace carries the direct way alone", p->path);
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
    case FATE_SLICED:
        diag_warning(g->diag, p->at, "sliced",
                     "%s reaches a hidden state only through a slice: it gets no trace, and its gradient "
                     "is exact inside one step alone", p->path);
        break;
    default: break;
    }
}

static fate fate_of_ways(unsigned all)
{
    if (by_position(all))
        return all & (BY_WEIGHT | BY_MIXING | BY_SLICE) ? FATE_MIXED : FATE_RELATION;
    return all & BY_WEIGHT   ? FATE_WEIGHT
           : all & BY_MIXING ? FATE_NOT_POSITION
           : all & BY_SLICE  ? FATE_SLICED
                             : FATE_NO_HIDDEN;
}

/* The best news of several uses; but a mixed one stays mixed.  */
static void improve_fate(fate *old, fate f)
{
    static const int rank[] = {[FATE_NO_HIDDEN] = 0, [FATE_SLICED] = 1, [FATE_NOT_POSITION] = 2,
                               [FATE_WEIGHT] = 3,    [FATE_RELATION] = 4, [FATE_MIXED] = 5};
    if (*old != FATE_UNTRACED && *old != FATE_CONSTANT && rank[f] > rank[*old])
        *old = f;
}

/* Follow one use of parameters, with the result rel.y.  */
static void follow_use(graph *gr, relation rel, unsigned *way, unsigned *reached)
{
    rel.way = trace_ways(gr, rel.y, way, reached);
    unsigned all = 0;
    for (int s = 0; s < gr->n_hidden; s++)
        all |= reached[s];
    fate f = fate_of_ways(all);
    rel.mixed = f == FATE_MIXED;
    if (by_position(all))
        add_relation(gr, rel, reached);
    for (int i = 0; i < rel.n_params; i++)
        improve_fate(&gr->fate[rel.param[i]], f);
}

/* Is N element-wise all the way up from the parameters?  */
static bool is_positional(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    if (v->op == OP_var || v->op == OP_const || v->op == OP_iota || v->op == OP_weight)
        return true;
    if (!(op_table[v->op].elementwise || v->op == OP_broadcast))
        return false;
    for (int i = 0; i < v->n_args; i++)
        if (!is_positional(g, v->arg[i]))
            return false;
    return true;
}

/* ROOT[n]: the forward node n is read as a value for itself: the parameters that an element-wise relation
   is about, where they are met position by position, and else the last value made of parameters alone.  */
static bool *find_elementwise(const graph *gr)
{
    const ir *g = gr->ir;
    bool *root = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    bool *met = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        for (int i = 0; i < g->node[n].n_args - (graph_weight(g, n) != NO_NODE); i++)
            met[g->node[n].arg[i]] |= !g->node[n].of_params;
    for (int s = 0; s < gr->n_hidden; s++) /* a state may be parameters and nothing else */
        met[g->var[gr->hidden[s]].next] = true;
    for (int n = gr->n_base - 1; n >= 0; n--) {
        const ir_node *v = &g->node[n];
        if (!met[n] || !v->of_params || gr->is_weight_op[n])
            continue;
        root[n] = v->op == OP_var || !is_positional(g, n);
        for (int i = 0; i < v->n_args && !root[n]; i++)
            met[v->arg[i]] = true;
    }
    return root;
}

/* One use for each weight op with traced parameters and each element-wise root.  Returns how many.  */
static int list_uses(const graph *gr, relation *use)
{
    ir *g = gr->ir;
    const bool *elementwise = find_elementwise(gr);
    int n_uses = 0, *below = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    for (int n = 0; n < gr->n_base; n++) {
        if (!gr->is_weight_op[n] && !elementwise[n])
            continue;
        relation rel = {.y = n, .w = n, .bias = -1, .x = NO_NODE, .source = NO_NODE,
                        .op = OP_weight};
        if (gr->is_weight_op[n] && g->node[n].op != OP_weight) {
            rel.op = g->node[n].op;
            rel.w = graph_weight(g, n);
            rel.x = g->node[n].arg[0];
            rel.source = source_of(g, rel.x);
            rel.bias = bias_of(gr, n);
        }
        rel.n_params = params_below(g, rel.w, elementwise[n], below);
        rel.param = ARENA_ARRAY(g->arena, int, rel.n_params + 1);
        memcpy(rel.param, below, sizeof *below * (size_t)rel.n_params);
        if (rel.n_params > 0)
            use[n_uses++] = rel;
    }
    return n_uses;
}

static void mark_biases(graph *gr)
{
    for (int r = 0; r < gr->n_relations; r++)
        for (int b = 0; b < gr->n_relations; b++)
            if (gr->relation[b].op == OP_weight && gr->relation[b].param[0] == gr->relation[r].bias)
                gr->relation[b].is_bias = true;
}

/* Relations stand in the order of their first parameters, then of their uses, products first.  */
static void find_relations(graph *gr, unsigned *way)
{
    ir *g = gr->ir;
    unsigned *reached = ARENA_ARRAY(g->arena, unsigned, gr->n_hidden + 1);
    relation *use = ARENA_ARRAY(g->arena, relation, gr->n_base + 1);
    int n_uses = list_uses(gr, use);
    gr->relation = ARENA_ARRAY(g->arena, relation, n_uses + 1);
    for (int p = 0; p < g->n_vars; p++)
        gr->fate[p] = !g->var[p].trainable ? FATE_CONSTANT
                      : !g->var[p].traced  ? FATE_UNTRACED
                                           : FATE_NO_HIDDEN;
    for (int p = 0; p < g->n_vars; p++)
        for (int elementwise = 0; elementwise < 2; elementwise++)
            for (int u = 0; u < n_uses; u++)
                if (use[u].param[0] == p && gr->is_weight_op[use[u].y] != elementwise)
                    follow_use(gr, use[u], way, reached);
    for (int p = 0; p < g->n_vars; p++)
        if (g->var[p].kind == VAR_PARAM)
            warn_fate(gr, p);
    mark_biases(gr);
}

graph *graph_compile(ir *g, dense_policy dense, bool coupled)
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
    gr->state_at = ARENA_ARRAY(g->arena, int, gr->n_base + 1);
    gr->state_also = ARENA_ARRAY(g->arena, int, gr->n_hidden + 1);
    for (int n = 0; n < gr->n_base; n++)
        gr->state_at[n] = -1;
    for (int s = gr->n_hidden - 1; s >= 0; s--) {
        gr->state_also[s] = gr->state_at[g->var[gr->hidden[s]].next];
        gr->state_at[g->var[gr->hidden[s]].next] = s;
    }
    int *below = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    for (int n = 0; n < gr->n_base; n++) {
        int w = graph_weight(g, n);
        gr->is_weight_op[n] = w != NO_NODE && graph_params_below(g, w, below) > 0;
    }
    unsigned *way = ARENA_ARRAY(g->arena, unsigned, gr->n_base + 1);
    find_groups(gr, way, dense, coupled);
    find_relations(gr, way);
    g->deriving = true;
    return gr;
}

const char *graph_fate_text(fate f)
{
    static const char *const text[] = {
        [FATE_RELATION] = "in a relation",
        [FATE_MIXED] = "in a relation; partly by a way that the trace leaves out",
        [FATE_NO_HIDDEN] = "no path to a hidden state",
        [FATE_WEIGHT] = "only through another weight op",
        [FATE_NOT_POSITION] = "not position-preserving",
        [FATE_SLICED] = "sliced",
        [FATE_UNTRACED] = "not traced",
        [FATE_CONSTANT] = "not trainable",
    };
    return text[f];
}
