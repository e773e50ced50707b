/* SPDX-License-Identifier: Apache-2.0 */
/* In: the forward nodes and the graph.  Out: nodes for tangents and adjoints, behind them.
   Afterwards every D, df and adjoint is a node of the IR like any other: simplified, shared, and
   absent where it is structurally zero.  */
#include "diff.h"

#include "loop.h"
#include "loop_diff.h"
#include "low_rank.h"
#include "origin.h"

static int one(ir *g, int n)
{
    return ir_const(g, 1, g->node[n].shape);
}

static int drop_zero(const ir *g, int n)
{
    return n != NO_NODE && ir_is_zero(g, n) ? NO_NODE : n;
}

/* --- forward mode, position by position ------------------------------------------------------ */

/* The diagonal of a product with a square constant: d (x @ M)[o] / d x[o] = M[o][o].  */
static int diagonal(ir *g, int w)
{
    int64_t n = g->node[w].shape.dim[0];
    int *part = ARENA_ARRAY(g->arena, int, n);
    for (int64_t k = 0; k < n; k++)
        part[k] = ir_reshape(g, ir_slice(g, ir_slice(g, w, 0, k, 1), 1, k, 1), shape_of1(1));
    return ir_concat(g, part, (int)n, 0);
}

/* Tangents of one seed, position by position, weight ops held fixed.  */
typedef struct {
    graph *gr;
    int seed;
    shape turns;     /* of the loops around a seed that stands for all of them: axes of every tangent */
    position_way way;
    dense_policy dense;
    int *t;            /* of the forward nodes; NO_NODE between seeds */
    node_queue queue;
    int n_seen, *seen; /* nodes whose T has to be forgotten */
} tangent;

/* S behind the axes TURNS.  */
static shape behind(shape turns, shape s)
{
    for (int k = 0; k < s.rank; k++)
        turns.dim[turns.rank++] = s.dim[k];
    return turns;
}

static int tangent_structural(tangent *f, int n)
{
    ir *g = f->gr->ir;
    const ir_node *v = &g->node[n];
    int x = v->n_args ? f->t[v->arg[0]] : NO_NODE;
    if (v->op == OP_last)
        return f->t[v->start];
    if (x == NO_NODE)
        return NO_NODE;
    if (graph_keeps_positions(g, n, &f->way))
        return v->op == OP_reshape ? ir_reshape(g, x, behind(f->turns, v->shape))
                                   : ir_broadcast(g, x, v->shape);
    bool product = v->op == OP_matmul || v->op == OP_matmul_t;
    if (f->dense == DENSE_DIAGONAL && product) {
        shape w = g->node[v->arg[1]].shape;
        if (w.dim[0] == w.dim[1])
            return diff_times(g, x, ir_broadcast(g, diagonal(g, v->arg[1]), v->shape));
    }
    return NO_NODE;
}

static shape tangent_shape(void *of, int n)
{
    const tangent *f = of;
    return behind(f->turns, f->gr->ir->node[n].shape);
}

static void tangent_node(void *of, int n)
{
    tangent *f = of;
    ir *g = f->gr->ir;
    const ir_node *v = &g->node[n];
    f->t[n] = NO_NODE;
    origin_begin(g, v->from);
    if (n == f->seed) {
        f->t[n] = one(g, n);
    } else if (f->gr->is_weight_op[n]) {
        return;
    } else if (v->op == OP_loop) {
        loop_tangents(g, n, &(loop_tangent){f, f->t, tangent_node, tangent_shape});
    } else if (op_table[v->op].elementwise) {
        for (int i = 0; i < v->n_args; i++)
            if (f->t[v->arg[i]] != NO_NODE)
                f->t[n] = diff_plus(g, f->t[n], diff_times(g, diff_partial(g, n, i), f->t[v->arg[i]]));
        f->t[n] = drop_zero(g, f->t[n]);
    } else {
        f->t[n] = tangent_structural(f, n);
    }
}

/* One step of the way back to a weight op in a loop.  */
static void held_node(void *of, int n)
{
    tangent *f = of;
    ir *g = f->gr->ir;
    const ir_node v = g->node[n];
    int ybar = f->t[n] = drop_zero(g, f->t[n]);
    origin_begin(g, v.from);
    if (v.op == OP_loop)
        loop_adjoints(g, n, &(loop_adjoint){.of = f, .n_parts = 1, .part = {f->t}, .at = held_node});
    if (ybar == NO_NODE || f->gr->is_weight_op[n])
        return;
    if (v.op == OP_last) {
        f->t[v.start] = diff_plus(g, f->t[v.start], ybar);
    } else if (op_table[v.op].elementwise) {
        for (int i = 0; i < v.n_args; i++)
            if (g->node[v.arg[i]].op != OP_const)
                f->t[v.arg[i]] = diff_plus(g, f->t[v.arg[i]], diff_times(g, diff_partial(g, n, i), ybar));
    } else if (v.n_args == 1 && graph_keeps_positions(g, n, &f->way)) {
        f->t[v.arg[0]] = diff_plus(g, f->t[v.arg[0]], ir_reshape(g, ybar, g->node[v.arg[0]].shape));
    }
}

static void forget_loop(const tangent *f, int L)
{
    const ir *g = f->gr->ir;
    const ir_loop *r = &g->loop[g->node[L].pattern];
    for (int k = 0; k < r->n_args; k++)
        f->t[r->bound[k]] = f->t[g->node[L].arg[k]] = NO_NODE;
    for (int k = 0; k < r->n_body; k++) {
        f->t[r->body[k]] = NO_NODE;
        if (g->node[r->body[k]].op == OP_loop)
            forget_loop(f, r->body[k]);
    }
    for (int k = 0; k < r->n_uses; k++)
        f->t[r->use[k].whole] = NO_NODE;
}

/* The seed is a weight op in all turns of L: what the carries are behind the loop owes to it in each of them, found on
   the way back.  */
static void from_turns(tangent *f, int L)
{
    ir *g = f->gr->ir;
    const ir_loop r = g->loop[g->node[L].pattern];
    int *found = ARENA_ARRAY(g->arena, int, r.n_carry + 1);
    for (int k = 0; k < r.n_carry; k++) {
        f->t[r.bound[k]] = one(g, r.bound[k]);
        held_node(f, L);
        int t = f->t[f->seed];
        found[k] = t == NO_NODE ? NO_NODE : ir_reshape(g, t, tangent_shape(f, r.bound[k]));
        forget_loop(f, L);
    }
    for (int k = 0; k < r.n_carry; k++)
        f->t[r.bound[k]] = found[k];
}

/* The seed is node Y of the body of L, in the last turn.  */
static void from_last_turn(tangent *f, int L, int y)
{
    ir *g = f->gr->ir;
    const ir_loop r = g->loop[g->node[L].pattern];
    int *found = ARENA_ARRAY(g->arena, int, r.n_carry + 1);
    f->seed = f->way.seed = y;
    for (int k = 0; k < r.n_body; k++)
        tangent_node(f, r.body[k]);
    for (int k = 0; k < r.n_carry; k++)
        found[k] = f->t[r.next[k]] == NO_NODE ? NO_NODE : loop_at_end(g, L, f->t[r.next[k]]);
    forget_loop(f, L);
    for (int k = 0; k < r.n_carry; k++)
        f->t[r.bound[k]] = found[k];
}

/* What is found does not stay for the next seed.  */
static void forget(tangent *f)
{
    for (int i = 0; i < f->n_seen; i++) {
        f->t[f->seen[i]] = NO_NODE;
        if (f->gr->ir->node[f->seen[i]].op == OP_loop)
            forget_loop(f, f->seen[i]);
    }
    f->n_seen = 0;
}

/* Of a seed that stands for all turns of a weight op in a loop: what the loop's carries owe to it.  */
static void begin_in_loop(tangent *f, int L, int y)
{
    f->seen[f->n_seen++] = L;
    if (y != f->seed) {
        from_last_turn(f, L, y);
    } else {
        f->way.seed = graph_innermost(f->gr->ir, y);
        f->turns = f->gr->ir->node[y].shape;
        f->turns.rank -= f->gr->ir->node[f->way.seed].shape.rank;
        from_turns(f, L);
    }
    queue_users(&f->queue, L);
}

/* T[n] = d n / d seed position by position, with T[seed] = 1 and weight ops held fixed.  A seed that stands for all
   turns of a weight op may be followed from the last one alone: Y.  */
static void tangents(tangent *f, int seed, int y, dense_policy dense)
{
    int inner, L = loop_of_use(f->gr->ir, seed, &inner);
    forget(f);
    f->seed = seed;
    f->turns = shape_scalar();
    f->way = (position_way){.seed = seed};
    f->dense = dense;
    if (L == NO_NODE)
        queue_push(&f->queue, seed);
    else
        begin_in_loop(f, L, y);
    for (int n = queue_pop(&f->queue); n != NO_NODE; n = queue_pop(&f->queue)) {
        tangent_node(f, n);
        f->seen[f->n_seen++] = n;
        if (f->t[n] != NO_NODE || f->gr->ir->node[n].op == OP_loop)
            queue_users(&f->queue, n);
    }
}

static int zero_unless(ir *g, int n, shape s)
{
    return n == NO_NODE ? ir_const(g, 0, s) : n;
}

static void group_jacobian(tangent *f, hidden_group *group, dense_policy dense)
{
    const graph *gr = f->gr;
    ir *g = gr->ir;
    int n = group->n_states;
    group->D = ARENA_ARRAY(g->arena, int, n * n);
    for (int col = 0; col < n; col++) {
        const var *from = &g->var[gr->hidden[group->state[col]]];
        tangents(f, from->now, from->now, dense);
        for (int row = 0; row < n; row++) {
            const var *to = &g->var[gr->hidden[group->state[row]]];
            int D = zero_unless(g, f->t[to->next], to->shape);
            ir_name(g, D, arena_printf(g->arena, "D_%s_%s", to->c_name, from->c_name),
                    arena_printf(g->arena, "h2h: d %s' / d %s", to->path, from->path));
            group->D[row * n + col] = D;
        }
    }
}

static void relation_jacobian(tangent *f, relation *rel)
{
    const graph *gr = f->gr;
    ir *g = gr->ir;
    tangents(f, rel->whole, rel->y, DENSE_DROP);
    rel->df = ARENA_ARRAY(g->arena, int, rel->n_reached + 1);
    for (int i = 0; i < rel->n_reached; i++) {
        const var *to = &g->var[gr->hidden[rel->reached[i]]];
        rel->df[i] = zero_unless(g, f->t[to->next], to->shape);
        ir_name(g, rel->df[i], arena_printf(g->arena, "df_%s_%s", g->var[rel->param[0]].c_name, to->c_name),
                arena_printf(g->arena, "h2w: d %s' / d (output of %s)", to->path, rel->name));
    }
}

void diff_jacobians(graph *gr, dense_policy dense)
{
    arena *a = gr->ir->arena;
    tangent f = {.gr = gr, .queue = queue_new(gr)};
    f.t = ARENA_ARRAY(a, int, gr->n_base + 1);
    f.seen = ARENA_ARRAY(a, int, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        f.t[n] = NO_NODE;
    for (int k = 0; k < gr->n_groups; k++)
        group_jacobian(&f, &gr->group[k], dense);
    for (int r = 0; r < gr->n_relations; r++)
        relation_jacobian(&f, &gr->relation[r]);
    origin_begin(gr->ir, 0);
}

/* --- reverse mode ----------------------------------------------------------------------------- */

int adjoint_outside(ir *g, const adjoint *a, int n)
{
    return diff_plus(g, a->direct[n], a->spread[n]);
}

int adjoint_total(ir *g, const adjoint *a, int n)
{
    return diff_plus(g, adjoint_outside(g, a, n), a->positional[n]);
}

/* y = op(x, w), linear in both.  The gradient of a value made of parameters alone is left to the
   learning rule, use by use, but inside of such values.  */
static void adjoint_product(ir *g, int n, int ybar, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int x = v->arg[0], w = v->arg[1];
    a->direct[x] = diff_plus(g, a->direct[x], diff_operand(g, n, ybar));
    if (v->of_params || !g->node[w].of_params)
        a->direct[w] = diff_plus(g, a->direct[w], diff_weight(g, n, ybar));
}

static int keep_axes(ir *g, int n, int ybar)
{
    const ir_node *v = &g->node[n];
    shape s = g->node[v->arg[0]].shape;
    for (int k = 0; k < s.rank; k++)
        if (v->mask & 1u << k)
            s.dim[k] = 1;
    return ir_broadcast(g, ir_reshape(g, ybar, s), g->node[v->arg[0]].shape);
}

/* Of max and min: to the places that hold it (to all of them in a tie).  */
static int where_extreme(ir *g, int n, int ybar)
{
    int x = g->node[n].arg[0];
    int held = ir_ew2(g, OP_eq, x, keep_axes(g, n, n));
    int zero = ir_const(g, 0, g->node[x].shape);
    return ir_ew3(g, OP_where, held, keep_axes(g, n, ybar), zero);
}

static int take_adjoint(ir *g, int n, int ybar)
{
    int x = g->node[n].arg[0], index = g->node[n].arg[1];
    shape s = g->node[x].shape;
    int here = ir_ew2(g, OP_eq, ir_broadcast(g, ir_iota(g, s.dim[s.rank - 1]), s), index);
    shape column = s;
    column.dim[s.rank - 1] = 1;
    int spread = ir_broadcast(g, ir_reshape(g, ybar, column), s);
    return ir_ew3(g, OP_where, here, spread, ir_const(g, 0, g->node[x].shape));
}

static void adjoint_concat(ir *g, int n, int ybar, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int64_t start = 0;
    for (int i = 0; i < v->n_args; i++) {
        int x = v->arg[i];
        int64_t count = g->node[x].shape.dim[v->axis];
        a->direct[x] = diff_plus(g, a->direct[x], ir_slice(g, ybar, v->axis, start, count));
        start += count;
    }
}

/* YBAR, of a broadcast, for what has the shape S.  */
static int sum_back(ir *g, int ybar, shape s)
{
    int thin = shape_numel(s) == 1 ? low_rank_sum(g, ybar) : NO_NODE;
    return thin == NO_NODE ? ir_sum_to(g, ybar, s) : ir_reshape(g, thin, s);
}

/* Ops that are not element-wise: what comes in by any way goes on as direct.  */
static void adjoint_structural(ir *g, int n, adjoint *a)
{
    const ir_node *v = &g->node[n];
    if (v->n_args == 0)
        return;
    int x = v->arg[0];
    int ybar = adjoint_total(g, a, n);
    if (op_table[v->op].weight != WEIGHT_NONE) {
        adjoint_product(g, n, ybar, a);
        return;
    }
    switch (v->op) {
    case OP_last: {
        int *part[] = {a->direct, a->positional, a->spread};
        for (int k = 0; k < 3; k++)
            part[k][v->start] = diff_plus(g, part[k][v->start], part[k][n]);
        return;
    }
    case OP_concat: adjoint_concat(g, n, ybar, a); return;
    case OP_slice:
        ybar = ir_pad(g, ybar, v->axis, v->start, g->node[x].shape.dim[v->axis]);
        break;
    case OP_permute: {
        int back[RANK_MAX];
        for (int k = 0; k < v->shape.rank; k++)
            back[v->labels[k] - 'a'] = k;
        ybar = ir_permute(g, ybar, back);
        break;
    }
    case OP_windows:
        ybar = ir_unwindows(g, ybar, v->window, v->n_windows, g->node[x].shape);
        break;
    case OP_sum: ybar = keep_axes(g, n, ybar); break;
    case OP_reduce_max:
    case OP_reduce_min: ybar = where_extreme(g, n, ybar); break;
    case OP_take: ybar = take_adjoint(g, n, ybar); break;
    case OP_reshape: {
        int *part[] = {a->direct, a->positional, a->spread};
        for (int k = 0; k < 3; k++)
            if (part[k][n] != NO_NODE)
                part[k][x] = diff_plus(g, part[k][x], ir_reshape(g, part[k][n], g->node[x].shape));
        return;
    }
    case OP_broadcast: {
        shape s = g->node[x].shape;
        int positional = diff_plus(g, a->positional[n], a->spread[n]);
        if (a->direct[n] != NO_NODE)
            a->direct[x] = diff_plus(g, a->direct[x], sum_back(g, a->direct[n], s));
        if (positional != NO_NODE)
            a->spread[x] = diff_plus(g, a->spread[x], sum_back(g, positional, s));
        return;
    }
    default: return;
    }
    a->direct[x] = diff_plus(g, a->direct[x], ybar);
}

static void adjoint_elementwise(ir *g, int n, adjoint *a)
{
    const ir_node *v = &g->node[n];
    int *part[] = {a->direct, a->positional, a->spread};
    for (int i = 0; i < v->n_args; i++) {
        int d = diff_partial(g, n, i);
        for (int k = 0; k < 3; k++)
            part[k][v->arg[i]] = diff_plus(g, part[k][v->arg[i]], diff_times(g, d, part[k][n]));
    }
}

/* A reverse pass under way.  */
typedef struct {
    graph *gr;
    adjoint a;
    bool split;       /* the parts are told apart at new hidden states */
    const bool *stop; /* nodes behind which it does not go; NULL: none */
} reverse;

static void adjoint_node(void *of, int n)
{
    reverse *f = of;
    ir *g = f->gr->ir;
    adjoint *a = &f->a;
    int *const part[] = {a->direct, a->positional, a->spread};
    int kept[3];
    for (int k = 0; k < 3; k++)
        kept[k] = part[k][n] = drop_zero(g, part[k][n]);
    origin_begin(g, g->node[n].from);
    if (g->node[n].op == OP_loop)
        loop_adjoints(g, n, &(loop_adjoint){.of = f, .n_parts = 3, .at = adjoint_node,
                                            .part = {part[0], part[1], part[2]}});
    if (g->node[n].of_params || (f->stop && f->stop[n]) || adjoint_total(g, a, n) == NO_NODE)
        return;
    if (f->split && f->gr->state_at[n] >= 0) { /* from here on it is the trace that carries it */
        a->positional[n] = adjoint_total(g, a, n);
        a->direct[n] = a->spread[n] = NO_NODE;
    }
    if (op_table[g->node[n].op].elementwise)
        adjoint_elementwise(g, n, a);
    else
        adjoint_structural(g, n, a);
    for (int k = 0; k < 3; k++)
        part[k][n] = kept[k];
}

adjoint diff_reverse(graph *gr, bool split, const int *seed, const bool *stop)
{
    ir *g = gr->ir;
    reverse f = {.gr = gr, .split = split, .stop = stop};
    int **part[] = {&f.a.direct, &f.a.positional, &f.a.spread};
    for (int k = 0; k < 3; k++) {
        *part[k] = ARENA_ARRAY(g->arena, int, gr->n_base);
        for (int n = 0; n < gr->n_base; n++)
            (*part[k])[n] = k == 0 ? seed[n] : NO_NODE;
    }
    for (int n = gr->n_base - 1; n >= 0; n--)
        if (!gr->in_turns[n])
            adjoint_node(&f, n);
    origin_begin(g, 0);
    return f.a;
}

adjoint diff_adjoint(graph *gr, bool split, const int *cotangent, int weight)
{
    ir *g = gr->ir;
    int *seed = ARENA_ARRAY(g->arena, int, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        seed[n] = NO_NODE;
    for (int s = 0; cotangent && s < gr->n_hidden; s++) {
        int next = g->var[gr->hidden[s]].next;
        seed[next] = diff_plus(g, seed[next], cotangent[s]);
    }
    if (g->loss != NO_NODE)
        seed[g->loss] = diff_plus(g, seed[g->loss], weight == NO_NODE ? one(g, g->loss) : weight);
    return diff_reverse(gr, split, seed, NULL);
}

void diff_name_adjoints(graph *gr, const adjoint *a)
{
    ir *g = gr->ir;
    int *const part[] = {a->direct, a->positional, a->spread};
    for (int n = 0; n < gr->n_base; n++)
        for (int k = 0; k < 3 && g->node[n].name; k++)
            if (part[k][n] != NO_NODE)
                ir_name(g, part[k][n], arena_printf(g->arena, "adj_%s", g->node[n].name), NULL);
}

static void parameter_node(void *of, int n)
{
    reverse *f = of;
    ir *g = f->gr->ir;
    int *gradient = &f->a.direct[n];
    *gradient = f->stop && f->stop[n] ? NO_NODE : drop_zero(g, *gradient);
    origin_begin(g, g->node[n].from);
    if (g->node[n].op == OP_loop && g->node[n].of_params)
        loop_adjoints(g, n, &(loop_adjoint){.of = f, .n_parts = 1, .at = parameter_node, .part = {f->a.direct}});
    if (*gradient == NO_NODE || !g->node[n].of_params)
        return;
    if (op_table[g->node[n].op].elementwise)
        adjoint_elementwise(g, n, &f->a);
    else
        adjoint_structural(g, n, &f->a);
}

void diff_parameters(graph *gr, int *gradient, const bool *cut)
{
    ir *g = gr->ir;
    adjoint a = {gradient, ARENA_ARRAY(g->arena, int, gr->n_base),
                 ARENA_ARRAY(g->arena, int, gr->n_base)};
    reverse f = {.gr = gr, .a = a, .stop = cut};
    for (int n = 0; n < gr->n_base; n++)
        a.positional[n] = a.spread[n] = NO_NODE;
    for (int n = gr->n_base - 1; n >= 0; n--)
        if (!gr->in_turns[n])
            parameter_node(&f, n);
    origin_begin(g, 0);
}
