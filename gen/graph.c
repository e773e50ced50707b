/* SPDX-License-Identifier: Apache-2.0 */
/* In: the forward IR.  Out: hidden groups, relations, and the fate of every parameter, with warnings.
   Afterwards every hidden state is in one group, and a parameter is in a relation exactly when one of
   its uses reaches a hidden state position by position.  */
#include "walk.h"

#include "loop.h"

#include <string.h>

int graph_weight(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    if (v->op == OP_weight)
        return n;
    bool weights = op_table[v->op].weight != WEIGHT_NONE && g->node[v->arg[1]].of_params;
    return weights && !g->node[v->arg[0]].of_params ? v->arg[1] : NO_NODE;
}

int graph_innermost(const ir *g, int n)
{
    int y;
    while (loop_of_use(g, n, &y) != NO_NODE)
        n = y;
    return n;
}

static shape without_leading_ones(shape s)
{
    shape res = shape_scalar();
    for (int k = 0; k < s.rank; k++)
        if (res.rank > 0 || s.dim[k] != 1)
            res.dim[res.rank++] = s.dim[k];
    return res;
}

static shape last_axes(shape s, int n)
{
    shape res = shape_scalar();
    for (int k = s.rank > n ? s.rank - n : 0; k < s.rank; k++)
        res.dim[res.rank++] = s.dim[k];
    return res;
}

/* A broadcast of FROM, which has all of the seed's elements (WHOLE) or is these broadcast before, to TO.  */
static bool keeps_broadcast(position_way *way, shape from, shape to, int64_t whole)
{
    bool begins = shape_numel(from) == whole;
    shape spread = without_leading_ones(from), tail;
    if (begins && !way->is_spread) {
        way->is_spread = true;
        way->spread = spread;
        way->tail = last_axes(to, spread.rank);
        return true;
    }
    if (begins ? !shape_equal(way->spread, spread)
               : way->is_reshaped && !shape_equal(way->tail, last_axes(from, way->tail.rank)))
        return false;
    tail = last_axes(to, way->spread.rank);
    if (way->is_spread && !shape_equal(way->tail, tail)) {
        way->many_tails = true;
        return !way->is_reshaped;
    }
    return true;
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
    if (whole == 1 && (v->op == OP_reshape || g->node[way->seed].of_params))
        return true;
    if (v->op == OP_broadcast)
        return g->node[way->seed].of_params && keeps_broadcast(way, from, v->shape, whole);
    if (shape_numel(from) == whole)
        return true;
    way->is_reshaped = way->is_reshaped || (way->is_spread && !way->many_tails);
    return way->is_reshaped;
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

static int root_of(int *root, int s)
{
    while (root[s] != s)
        s = root[s] = root[root[s]];
    return s;
}

/* The smaller one is the root.  */
static void join(int *root, int a, int b)
{
    a = root_of(root, a);
    b = root_of(root, b);
    root[a > b ? a : b] = a > b ? b : a;
}

static void list_groups(graph *gr, int *root)
{
    const ir *g = gr->ir;
    int n = gr->n_hidden;
    gr->group = ARENA_ARRAY(g->arena, hidden_group, n + 1);
    gr->group_of = ARENA_ARRAY(g->arena, int, n + 1);
    for (int s = 0; s < n; s++) {
        if (root[s] == s) {
            gr->group[gr->n_groups].varshape = g->var[gr->hidden[s]].shape;
            gr->group_of[s] = gr->n_groups++;
        }
        gr->group_of[s] = gr->group_of[root_of(root, s)];
        gr->group[gr->group_of[s]].n_states++;
    }
    for (int k = 0; k < gr->n_groups; k++) {
        gr->group[k].state = ARENA_ARRAY(g->arena, int, gr->group[k].n_states);
        gr->group[k].n_states = 0;
    }
    for (int s = 0; s < n; s++) {
        hidden_group *k = &gr->group[gr->group_of[s]];
        k->state[k->n_states++] = s;
    }
}

static void find_groups(graph *gr, walk *w, dense_policy dense, bool coupled)
{
    const ir *g = gr->ir;
    int n = gr->n_hidden, *root = ARENA_ARRAY(g->arena, int, n + 1);
    for (int s = 0; s < n; s++)
        root[s] = s;
    for (int s = 0; s < n; s++) {
        walk_from(w, g->var[gr->hidden[s]].now);
        for (int i = 0; i < w->n_reached; i++) {
            int to = w->reached[i];
            bool same = shape_equal(g->var[gr->hidden[s]].shape, g->var[gr->hidden[to]].shape);
            if (by_position(w->by[i]) || (coupled && same))
                join(root, s, to);
            if (w->by[i] & (BY_MIXING | BY_SLICE))
                report_dense(gr, s, to, dense);
        }
    }
    list_groups(gr, root);
}

/* --- relations --------------------------------------------------------------------------------- */

/* As graph_params_below; but what an element_wise below W is made of is a use of its own, if APART.  */
static int params_below(const ir *g, int w, bool apart, int *param)
{
    const ir_node *v = &g->node[w];
    if (v->op == OP_var) { /* as nearly always */
        param[0] = v->var;
        return g->var[v->var].kind == VAR_PARAM && g->var[v->var].traced;
    }
    bool *below = ARENA_ARRAY(g->arena, bool, w + 1);
    int n = 0;
    below[w] = true;
    for (int k = w; k >= 0; k--) {
        bool ends = apart && k != w && g->node[k].op == OP_weight;
        for (int i = 0; below[k] && !ends && i < g->node[k].n_args; i++)
            below[g->node[k].arg[i]] = true;
        if (below[k] && g->node[k].op == OP_bound && g->node[k].axis > 0)
            below[g->node[k].axis - 1] = true;
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
    for (;;) {
        const ir_node *v = &g->node[n];
        if (v->op == OP_bound && v->axis > 0)
            n = v->axis - 1;
        else if (v->op == OP_reshape || v->op == OP_broadcast)
            n = v->arg[0];
        else
            return n;
    }
}

/* The parameter that is added to the product Y and to nothing else on the way; -1 if none is.  */
static int bias_of(const graph *gr, int y)
{
    const ir *g = gr->ir;
    if (gr->first_user[y + 1] - gr->first_user[y] != 1)
        return -1;
    int n = gr->user[gr->first_user[y]];
    const ir_node *v = &g->node[n];
    if (v->op == OP_reshape || (v->op == OP_graft && ir_is_const(g, v->arg[2], 1)))
        return bias_of(gr, n);
    if (v->op != OP_add)
        return -1;
    const ir_node *b = &g->node[skip_reshapes(g, v->arg[v->arg[0] == y])];
    return b->op == OP_var && g->var[b->var].kind == VAR_PARAM && g->var[b->var].traced ? b->var : -1;
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

/* USES: of its first parameter, so far.  */
static void add_relation(graph *gr, relation rel, const walk *w, int *uses)
{
    ir *g = gr->ir;
    const char *path = g->var[rel.param[0]].path;
    rel.name = ++*uses == 1 ? path : arena_printf(g->arena, "%s#%d", path, *uses);
    rel.reached = ARENA_ARRAY(g->arena, int, w->n_reached + 1);
    rel.group = ARENA_ARRAY(g->arena, int, w->n_reached + 1);
    for (int i = 0; i < w->n_reached; i++) {
        if (!by_position(w->by[i]))
            continue;
        int group = gr->group_of[w->reached[i]];
        bool known = false;
        for (int k = 0; k < rel.n_groups; k++)
            known = known || rel.group[k] == group;
        if (!known)
            rel.group[rel.n_groups++] = group;
        rel.reached[rel.n_reached++] = w->reached[i];
    }
    gr->relation_of[rel.whole] = gr->n_relations;
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
        break;
    case FATE_WEIGHT:
        diag_warning(g->diag, p->at, "weight-to-weight",
                     "%s reaches a hidden state only through another weight op: it gets no trace", p->path);
        break;
    case FATE_NOT_POSITION:
        diag_warning(g->diag, p->at, "not-position-preserving",
                     "%s reaches a hidden state only through an operation that mixes positions: it "
                     "gets no trace", p->path);
        break;
    case FATE_SLICED:
        diag_warning(g->diag, p->at, "sliced",
                     "%s reaches a hidden state only through a slice: it gets no trace", p->path);
        break;
    default: return;
    }
    diag_note(g->diag, p->at, "inside a step the gradient is exact; 'rule: bptt' or a longer window carries "
                              "%s too", gr->fate[param] == FATE_MIXED ? "the other way" : "this way");
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

void graph_refuse_axes(const ir *g, const relation *r, const char *name)
{
    loc at = g->var[r->param[0]].at;
    diag_error(g->diag, at, "E0502", "the trace of %s would have more than %d axes", name, RANK_MAX);
    diag_note(g->diag, at, "reshape the operands so that several axes become one, or use 'trace: false'");
}

/* Do the turns of the loops around REL fit beside the axes of what it reaches by WAY?  */
static bool turns_fit(const graph *gr, const relation *rel, const walk *w)
{
    const ir *g = gr->ir;
    for (int i = 0; i < w->n_seen; i++) {
        int n = w->seen[i];
        if (!by_position(w->way[n]) || g->node[n].shape.rank + rel->turns.rank <= RANK_MAX)
            continue;
        graph_refuse_axes(g, rel, g->var[rel->param[0]].path);
        return false;
    }
    return true;
}

/* A use in a loop of which only the last turn is of interest is one without turns.  */
static void leave_turns(const graph *gr, relation *rel, walk *w)
{
    int y, L = loop_of_use(gr->ir, rel->whole, &y);
    if (L == NO_NODE || graph_innermost(gr->ir, y) != y || !walk_only_last_turn(w, L, y))
        return;
    rel->y = y;
    rel->x = rel->source = loop_at_end(gr->ir, L, gr->ir->node[y].arg[0]);
    rel->turns = shape_scalar();
}

/* Follow one use of parameters, with the result rel.y.  */
static void follow_use(graph *gr, relation rel, walk *w, int *uses)
{
    walk_from(w, rel.whole);
    rel.way = w->pos;
    fate f = fate_of_ways(w->all);
    rel.mixed = f == FATE_MIXED;
    for (int i = 0; i < rel.n_params; i++)
        improve_fate(&gr->fate[rel.param[i]], f);
    if (!by_position(w->all) || (rel.turns.rank > 0 && !turns_fit(gr, &rel, w)))
        return;
    leave_turns(gr, &rel, w);
    add_relation(gr, rel, w, uses);
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
    for (int n = 0; n < gr->n_base; n++) {
        const ir_node *v = &g->node[n];
        const ir_loop *r = v->op == OP_loop ? &g->loop[v->pattern] : NULL;
        for (int i = 0; i < v->n_args - (graph_weight(g, n) != NO_NODE); i++)
            met[v->arg[i]] |= r && i >= r->n_carry ? met[r->bound[i]] : !v->of_params;
    }
    for (int s = 0; s < gr->n_hidden; s++) /* a state may be parameters and nothing else */
        met[g->var[gr->hidden[s]].next] = true;
    for (int n = gr->n_base - 1; n >= 0; n--) {
        const ir_node *v = &g->node[n];
        if (!met[n] || !v->of_params || gr->is_weight_op[n] || gr->in_turns[n])
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
        if (gr->in_turns[n] || (!gr->is_weight_op[n] && !elementwise[n]))
            continue;
        int inner = graph_innermost(g, n);
        relation rel = {.y = n, .whole = n, .w = n, .bias = -1, .x = NO_NODE, .source = NO_NODE,
                        .op = OP_weight};
        if (gr->is_weight_op[n] && g->node[n].op != OP_weight) {
            rel.op = g->node[n].op;
            rel.w = graph_weight(g, n);
            rel.x = g->node[n].arg[0];
            rel.source = source_of(g, rel.x);
            rel.bias = bias_of(gr, inner);
            rel.turns = g->node[n].shape;
            rel.turns.rank -= g->node[inner].shape.rank;
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
    const ir *g = gr->ir;
    bool *is_bias = ARENA_ARRAY(g->arena, bool, g->n_vars + 1);
    for (int r = 0; r < gr->n_relations; r++)
        if (gr->relation[r].bias >= 0)
            is_bias[gr->relation[r].bias] = true;
    for (int r = 0; r < gr->n_relations; r++)
        gr->relation[r].is_bias = gr->relation[r].op == OP_weight && is_bias[gr->relation[r].param[0]];
}

/* The uses sorted by their first parameter, products first, otherwise as they were.  */
static int *sort_uses(const graph *gr, const relation *use, int n_uses)
{
    const ir *g = gr->ir;
    int *place = ARENA_ARRAY(g->arena, int, 2 * g->n_vars + 2), *order = ARENA_ARRAY(g->arena, int, n_uses + 1);
    for (int u = 0; u < n_uses; u++)
        place[2 * use[u].param[0] + !gr->is_weight_op[use[u].y] + 1]++;
    for (int i = 0; i < 2 * g->n_vars; i++)
        place[i + 1] += place[i];
    for (int u = 0; u < n_uses; u++)
        order[place[2 * use[u].param[0] + !gr->is_weight_op[use[u].y]]++] = u;
    return order;
}

/* What a weight op reads and gives is named after its first parameter: x_W, y_W.  */
static void name_operands(const graph *gr, const relation *use)
{
    ir *g = gr->ir;
    if (use->op == OP_weight)
        return;
    const char *param = g->var[use->param[0]].c_name;
    ir_name(g, use->x, arena_printf(g->arena, "x_%s", param), NULL);
    ir_name(g, use->y, arena_printf(g->arena, "y_%s", param), NULL);
}

/* Relations stand in the order of their first parameters, then of their uses, products first.  */
static void find_relations(graph *gr, walk *w)
{
    ir *g = gr->ir;
    relation *use = ARENA_ARRAY(g->arena, relation, gr->n_base + 1);
    int n_uses = list_uses(gr, use), *uses = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    const int *order = sort_uses(gr, use, n_uses);
    gr->relation = ARENA_ARRAY(g->arena, relation, n_uses + 1);
    gr->relation_of = ARENA_ARRAY(g->arena, int, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        gr->relation_of[n] = -1;
    for (int p = 0; p < g->n_vars; p++)
        gr->fate[p] = !g->var[p].trainable ? FATE_CONSTANT
                      : !g->var[p].traced  ? FATE_UNTRACED
                                           : FATE_NO_HIDDEN;
    for (int u = 0; u < n_uses; u++) {
        name_operands(gr, &use[order[u]]);
        follow_use(gr, use[order[u]], w, &uses[use[order[u]].param[0]]);
    }
    for (int p = 0; p < g->n_vars; p++)
        if (g->var[p].kind == VAR_PARAM)
            warn_fate(gr, p);
    mark_biases(gr);
}

int graph_df(ir *g, const graph *gr, const relation *r, int s)
{
    for (int i = 0; i < r->n_reached; i++)
        if (r->reached[i] == s)
            return r->df[i];
    return ir_const(g, 0, g->var[gr->hidden[s]].shape);
}

/* Who reads each forward node; a reader that reads it twice stands twice.  */
static void find_users(graph *gr)
{
    const ir *g = gr->ir;
    gr->first_user = ARENA_ARRAY(g->arena, int, gr->n_base + 2);
    for (int pass = 0; pass < 2; pass++) {
        int *n_users = ARENA_ARRAY(g->arena, int, gr->n_base + 1);
        for (int n = 0; n < gr->n_base; n++) {
            const ir_node *v = &g->node[n];
            for (int i = 0; i < v->n_args; i++) {
                int x = v->arg[i], at = gr->first_user[x] + n_users[x];
                if (pass == 1)
                    gr->user[at] = n;
                n_users[x]++;
            }
        }
        if (pass == 1)
            return;
        for (int n = 0; n < gr->n_base; n++)
            gr->first_user[n + 1] = gr->first_user[n] + n_users[n];
        gr->user = ARENA_ARRAY(g->arena, int, gr->first_user[gr->n_base] + 1);
    }
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
    gr->in_turns = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++) {
        int w = graph_weight(g, n);
        gr->in_turns[n] = g->node[n].op == OP_bound;
        for (int i = 0; i < g->node[n].n_args; i++)
            gr->in_turns[n] |= gr->in_turns[g->node[n].arg[i]];
        gr->is_weight_op[n] = w != NO_NODE && graph_params_below(g, w, below) > 0;
    }
    find_users(gr);
    walk w = walk_new(gr, coupled);
    find_groups(gr, &w, dense, coupled);
    find_relations(gr, &w);
    gr->n_visited = w.n_visited;
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
