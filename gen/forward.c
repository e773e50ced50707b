/* SPDX-License-Identifier: Apache-2.0 */
/* In: tangents of variables.  Out: tangents of everything that follows from them in the step.
   The axes of the directions stand behind those of the value; nothing is held fixed.  */
#include "forward.h"

#include "diff.h"
#include "loop_diff.h"
#include "origin.h"

#include <string.h>

typedef struct {
    graph *gr;
    ir *ir;
    shape dirs;
    int *t;
    loc at;
    bool failed;
} forward;

static shape joined(shape s, shape dirs)
{
    for (int k = 0; k < dirs.rank; k++)
        s.dim[s.rank++] = dirs.dim[k];
    return s;
}

/* NODE of a value's shape, the same in all directions.  */
static int along(const forward *f, int node)
{
    shape s = f->ir->node[node].shape, whole = joined(s, f->dirs);
    for (int k = 0; k < f->dirs.rank; k++)
        s.dim[s.rank++] = 1;
    return ir_broadcast(f->ir, ir_reshape(f->ir, node, s), whole);
}

static int zero_of(const forward *f, int node)
{
    return ir_const(f->ir, 0, joined(f->ir->node[node].shape, f->dirs));
}

/* The last axis of a value of RANK axes behind the directions (BACK: where it was).  */
static int turn_last(const forward *f, int node, int rank, bool back)
{
    int axis[RANK_MAX], n = 0, dirs = f->dirs.rank;
    for (int k = 0; k < rank - 1; k++)
        axis[n++] = k;
    if (back)
        axis[n++] = rank - 1 + dirs;
    for (int k = 0; k < dirs; k++)
        axis[n++] = back ? rank - 1 + k : rank + k;
    if (!back)
        axis[n++] = rank - 1;
    return ir_permute(f->ir, node, axis);
}

static int elementwise(forward *f, int n)
{
    ir *g = f->ir;
    int sum = NO_NODE, n_args = g->node[n].n_args;
    for (int i = 0; i < n_args; i++) {
        int x = f->t[g->node[n].arg[i]];
        int d = x == NO_NODE ? NO_NODE : diff_partial(g, n, i);
        if (d != NO_NODE && !ir_is_zero(g, d))
            sum = diff_plus(g, sum, ir_ew2(g, OP_mul, along(f, d), x));
    }
    return sum;
}

/* The labels of x, w and y with the directions' behind two of the parts.  */
static int contraction(forward *f, int n, int x, int w, bool of_x)
{
    ir *g = f->ir;
    const char *labels = ir_labels(g, n), *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    char dirs[RANK_MAX + 1];
    ir_letters(dirs, 'A', f->dirs.rank);
    return ir_einsum(g,
                     arena_printf(g->arena, "%.*s%s,%.*s%s->%s%s", (int)(comma - labels), labels,
                                  of_x ? dirs : "", (int)(arrow - comma - 1), comma + 1,
                                  of_x ? "" : dirs, arrow + 2, dirs), x, w);
}

/* FORM with the letters of N's leading axes for each L, and of the directions for each D.  */
static const char *labels_of(const forward *f, int n, const char *form)
{
    char lead[RANK_MAX + 1], dirs[RANK_MAX + 1];
    const char *text = "";
    ir_letters(lead, 'a', f->ir->node[n].shape.rank - 1);
    ir_letters(dirs, 'A', f->dirs.rank);
    for (; *form; form++)
        text = *form == 'L'   ? arena_printf(f->ir->arena, "%s%s", text, lead)
               : *form == 'D' ? arena_printf(f->ir->arena, "%s%s", text, dirs)
                              : arena_printf(f->ir->arena, "%s%c", text, *form);
    return text;
}

/* y = sum over p of val[.., p] at column col[p]: VAL [.., n, dirs].  */
static int at_columns(forward *f, int val, int n)
{
    ir *g = f->ir;
    int p = g->node[n].pattern;
    int columns = ir_gather(g, forward_eye(g, g->pattern[p].n_cols), p, 1); /* [m, n] */
    return ir_einsum(g, labels_of(f, n, "LxD,yx->LyD"), val, columns);
}

static int tangent_sparse(forward *f, int n)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    int rank = v.shape.rank, sum = NO_NODE;
    if (f->t[v.arg[0]] != NO_NODE)
        sum = turn_last(f, ir_sparse(g, turn_last(f, f->t[v.arg[0]], rank, false), v.arg[1], v.pattern),
                        rank, true);
    if (f->t[v.arg[1]] != NO_NODE)
        sum = diff_plus(g, sum, at_columns(f, ir_ew2(g, OP_mul, along(f, ir_gather(g, v.arg[0], v.pattern, 0)),
                                                     f->t[v.arg[1]]), n));
    return sum;
}

static int tangent_embed(forward *f, int n)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    int x = v.arg[0], w = v.arg[1];
    return f->t[w] == NO_NODE ? NO_NODE
                              : ir_einsum(g, labels_of(f, n, "Lx,xyD->LyD"),
                                          ir_one_hot(g, x, g->node[w].shape.dim[0]), f->t[w]);
}

static int tangent_contraction(forward *f, int n)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    int x = v.arg[0], w = v.arg[1], sum = NO_NODE;
    if (f->t[x] != NO_NODE)
        sum = contraction(f, n, f->t[x], w, true);
    if (f->t[w] != NO_NODE)
        sum = diff_plus(g, sum, contraction(f, n, x, f->t[w], false));
    return sum;
}

static int (*const tangent_of[OP_COUNT])(forward *, int) = {
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) [OP_##name] = tangent_##tangent,
#include "ops.def"
};

static int concat(forward *f, int n)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    int *part = ARENA_ARRAY(g->arena, int, v.n_args);
    bool any = false;
    for (int i = 0; i < v.n_args; i++) {
        any = any || f->t[v.arg[i]] != NO_NODE;
        part[i] = f->t[v.arg[i]] != NO_NODE ? f->t[v.arg[i]] : zero_of(f, v.arg[i]);
    }
    return any ? ir_concat(g, part, v.n_args, v.axis) : NO_NODE;
}

static int broadcast(forward *f, int n, int x)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    shape from = g->node[v.arg[0]].shape, s = shape_scalar();
    for (int k = from.rank; k < v.shape.rank; k++)
        s.dim[s.rank++] = 1;
    for (int k = 0; k < from.rank; k++)
        s.dim[s.rank++] = from.dim[k];
    return ir_broadcast(g, ir_reshape(g, x, joined(s, f->dirs)), joined(v.shape, f->dirs));
}

static int permute(forward *f, int n, int x)
{
    const ir_node v = f->ir->node[n];
    int axis[RANK_MAX];
    for (int k = 0; k < v.shape.rank + f->dirs.rank; k++)
        axis[k] = k < v.shape.rank ? v.labels[k] - 'a' : k;
    return ir_permute(f->ir, x, axis);
}

/* Channels and directions as one axis.  */
static int windows(forward *f, int n, int x)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    shape s = g->node[v.arg[0]].shape;
    s.dim[s.rank - 1] *= shape_numel(f->dirs);
    return ir_reshape(g, ir_windows(g, ir_reshape(g, x, s), v.window, v.n_windows),
                      joined(v.shape, f->dirs));
}

static int extreme(forward *f, int n, int x)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    shape s = g->node[v.arg[0]].shape;
    for (int k = 0; k < s.rank; k++)
        if (v.mask & 1u << k)
            s.dim[k] = 1;
    int held = ir_ew2(g, OP_eq, v.arg[0], ir_broadcast(g, ir_reshape(g, n, s),
                                                       g->node[v.arg[0]].shape));
    return ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, along(f, ir_ew1(g, OP_real, held)), x), v.mask);
}

static int structural(forward *f, int n)
{
    ir *g = f->ir;
    const ir_node v = g->node[n];
    int x = v.n_args ? f->t[v.arg[0]] : NO_NODE;
    if (tangent_of[v.op])
        return tangent_of[v.op](f, n);
    if (v.op == OP_concat)
        return concat(f, n);
    if (v.op == OP_last)
        return f->t[v.start];
    if (x == NO_NODE)
        return NO_NODE;
    switch (v.op) {
    case OP_reshape: return ir_reshape(g, x, joined(v.shape, f->dirs));
    case OP_broadcast: return broadcast(f, n, x);
    case OP_slice: return ir_slice(g, x, v.axis, v.start, v.shape.dim[v.axis]);
    case OP_permute: return permute(f, n, x);
    case OP_windows: return windows(f, n, x);
    case OP_sum: return ir_reduce(g, OP_sum, x, v.mask);
    case OP_reduce_max:
    case OP_reduce_min: return extreme(f, n, x);
    case OP_take: {
        int turned = turn_last(f, x, g->node[v.arg[0]].shape.rank, false);
        return ir_take(g, turned, v.arg[1]);
    }
    default:
        f->failed = true;
        diag_error(g->diag, f->at, "E0521", "this rule cannot pass through '%s'", op_table[v.op].name);
        return NO_NODE;
    }
}

bool forward_fits(const ir *g, shape s, int more, const char *what, const char *name, loc at)
{
    if (s.rank + more <= RANK_MAX)
        return true;
    diag_error(g->diag, at, "E0522", "the influence %s %s would have more than %d axes", what, name, RANK_MAX);
    diag_note(g->diag, at, "reshape it so that several axes become one, or choose a rule that keeps none: d_rtrl, "
                           "pp_prop, bptt");
    return false;
}

static shape shape_of(void *of, int n)
{
    const forward *f = of;
    return joined(f->ir->node[n].shape, f->dirs);
}

static void forward_node(void *of, int n)
{
    forward *f = of;
    ir *g = f->ir;
    const ir_node v = g->node[n];
    f->t[n] = NO_NODE;
    origin_begin(g, v.from);
    if (v.op == OP_loop)
        loop_tangents(g, n, &(loop_tangent){f, f->t, forward_node, shape_of});
    else if (v.type == TYPE_REAL && v.op != OP_stop_gradient)
        f->t[n] = op_table[v.op].elementwise ? elementwise(f, n) : structural(f, n);
    if (f->t[n] != NO_NODE && ir_is_zero(g, f->t[n]))
        f->t[n] = NO_NODE;
}

/* Can node N have a tangent?  */
static bool is_reached(const forward *f, int n)
{
    const ir_node v = f->ir->node[n];
    bool reached = v.op == OP_loop || f->gr->in_turns[n];
    for (int i = 0; i < v.n_args; i++)
        reached = reached || f->t[v.arg[i]] != NO_NODE;
    return reached;
}

/* The forward nodes that the new states of GROUP are made of; of NULL, all.  Not what canon_live finds: a value may have
   its tangent by an argument that it does not read (a graft).  */
static bool *made_of(const graph *gr, const hidden_group *group)
{
    const ir *g = gr->ir;
    bool *res = ARENA_ARRAY(g->arena, bool, gr->n_base + 1);
    for (int n = 0; n < gr->n_base; n++)
        res[n] = group == NULL;
    for (int a = 0; group && a < group->n_states; a++)
        res[g->var[gr->hidden[group->state[a]]].next] = true;
    for (int n = gr->n_base - 1; n >= 0; n--)
        for (int i = 0; res[n] && i < g->node[n].n_args; i++)
            res[g->node[n].arg[i]] = true;
    return res;
}

int *forward_tangents(graph *gr, const int *seed, shape dirs, const hidden_group *group, loc at)
{
    ir *g = gr->ir;
    const bool *wanted = made_of(gr, group);
    forward f = {gr, g, dirs, ARENA_ARRAY(g->arena, int, gr->n_base + 1), at, false};
    for (int n = 0; n < gr->n_base; n++)
        f.t[n] = NO_NODE;
    for (int n = 0; n < gr->n_base && !f.failed; n++) {
        const ir_node v = g->node[n];
        if (!wanted[n])
            continue;
        if (is_reached(&f, n) && !forward_fits(g, v.shape, dirs.rank, "on the result of", op_table[v.op].name, at))
            return NULL;
        if (v.op == OP_var)
            f.t[n] = seed[v.var];
        else if (!gr->in_turns[n])
            forward_node(&f, n);
    }
    origin_begin(g, 0);
    return f.failed ? NULL : f.t;
}

/* --- Jacobians of a group ---------------------------------------------------------------------------- */

int forward_eye(ir *g, int64_t n)
{
    shape s = shape_of2(n, n);
    int row = ir_broadcast(g, ir_reshape(g, ir_iota(g, n), shape_of2(n, 1)), s);
    int col = ir_broadcast(g, ir_iota(g, n), s);
    return ir_ew1(g, OP_real, ir_ew2(g, OP_eq, row, col));
}

int forward_diagonal(ir *g, int x)
{
    const ir_node v = g->node[x];
    int64_t n = v.shape.dim[0];
    if (v.op == OP_const)
        return ir_const(g, v.number, shape_of1(n));
    if ((v.op == OP_add || v.op == OP_sub || v.op == OP_mul) && v.type == TYPE_REAL) {
        int b = forward_diagonal(g, v.arg[1]), a = forward_diagonal(g, v.arg[0]);
        return ir_ew2(g, v.op, a, b);
    }
    if (v.op == OP_broadcast && g->node[v.arg[0]].shape.rank == 2
        && shape_numel(g->node[v.arg[0]].shape) == n)
        return ir_reshape(g, v.arg[0], shape_of1(n));
    return ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, x, forward_eye(g, n)), 2);
}

int *forward_full(graph *gr, int k, loc at)
{
    ir *g = gr->ir;
    const hidden_group *group = &gr->group[k];
    int n = group->n_states;
    int64_t places = shape_numel(group->varshape);
    shape dirs = shape_of1(places);
    if (!forward_fits(g, group->varshape, 1, "on", g->var[gr->hidden[group->state[0]]].path, at))
        return NULL;
    int *J = ARENA_ARRAY(g->arena, int, n * n), *seed = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    for (int b = 0; b < n; b++) {
        for (int v = 0; v < g->n_vars; v++)
            seed[v] = NO_NODE;
        seed[gr->hidden[group->state[b]]] =
            ir_reshape(g, forward_eye(g, places), joined(group->varshape, dirs));
        const int *t = forward_tangents(gr, seed, dirs, group, at);
        for (int a = 0; t && a < n; a++) {
            int x = t[g->var[gr->hidden[group->state[a]]].next];
            J[a * n + b] = x == NO_NODE ? ir_const(g, 0, shape_of2(places, places))
                                        : ir_reshape(g, x, shape_of2(places, places));
        }
        if (!t)
            return NULL;
    }
    return J;
}

int *forward_coupled(graph *gr, int k, loc at)
{
    ir *g = gr->ir;
    int *J = forward_full(gr, k, at), n = gr->group[k].n_states;
    for (int i = 0; J && i < n * n; i++)
        J[i] = ir_reshape(g, forward_diagonal(g, J[i]), gr->group[k].varshape);
    return J;
}
