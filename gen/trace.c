/* SPDX-License-Identifier: Apache-2.0 */
/* In: a relation and the shape of a group.  Out: values per position, per input and per weight, in the
   axes of the trace.  Afterwards a trace is one element-wise expression, whatever the op is.  */
#include "trace.h"

#include <string.h>

static void copy_part(char *to, const char *from, const char *end)
{
    size_t n = (size_t)(end - from);
    memcpy(to, from, n);
    to[n] = '\0';
}

/* The labels of x, w and y.  */
static void read_labels(ir *g, const relation *r, trace_form *f, char *w)
{
    const char *labels = ir_labels(g, r->y);
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    copy_part(f->x, labels, comma);
    copy_part(w, comma + 1, arrow);
    copy_part(f->of_y, arrow + 2, arrow + strlen(arrow));
}

bool trace_form_of(ir *g, const relation *r, shape varshape, trace_form *f)
{
    char w[RANK_MAX + 1];
    *f = (trace_form){.relation = r, .y = g->node[r->y].shape, .trace = varshape};
    if (r->op == OP_weight)
        return true;
    read_labels(g, r, f, w);
    shape sw = g->node[r->w].shape;
    f->trace = shape_scalar();
    f->turns = r->turns.rank;
    for (int k = f->turns; k < f->y.rank; k++)
        if (!strchr(w, f->of_y[k]))
            f->lead++;
    if (f->turns + f->lead + sw.rank > RANK_MAX)
        return false;
    memcpy(f->axis, f->of_y, (size_t)f->turns);
    char *axis = f->axis + f->turns;
    for (int k = f->turns; k < f->y.rank; k++)
        if (!strchr(w, f->of_y[k])) {
            axis[f->trace.rank] = f->of_y[k];
            f->trace.dim[f->trace.rank++] = f->y.dim[k];
        }
    for (int k = 0; k < sw.rank; k++) {
        axis[f->trace.rank] = w[k];
        f->trace.dim[f->trace.rank++] = sw.dim[k];
    }
    return true;
}

/* The trace's axes with those of the turns before them.  */
static shape in_turns(const trace_form *f)
{
    shape s = f->relation->turns;
    for (int k = 0; k < f->trace.rank; k++)
        s.dim[s.rank++] = f->trace.dim[k];
    return s;
}

/* NODE, whose axes are called LABELS, in the axes of WHOLE, which are called AXIS.  */
static int in_axes(ir *g, int node, const char *labels, shape whole, const char *axis)
{
    int order[RANK_MAX], n = 0;
    shape s = whole;
    for (int k = 0; k < whole.rank; k++) {
        const char *at = strchr(labels, axis[k]);
        if (at)
            order[n++] = (int)(at - labels);
        else
            s.dim[k] = 1;
    }
    return ir_broadcast(g, ir_reshape(g, ir_permute(g, node, order), s), whole);
}

/* X, an operand of the op of R, or with COLUMNS its result, at the non-zeros if the weight has a pattern of them.  */
static int at_non_zeros(ir *g, const relation *r, int x, bool columns)
{
    return ir_non_zeros(g, r->y) ? ir_gather(g, x, g->node[r->y].pattern, columns) : x;
}

int trace_by_position(ir *g, const trace_form *f, int node)
{
    const relation *r = f->relation;
    shape y = f->y;
    if (r->op == OP_weight)
        return node;
    y.rank -= f->turns;
    memmove(y.dim, y.dim + f->turns, sizeof *y.dim * (size_t)y.rank);
    node = at_non_zeros(g, r, ir_reshape(g, node, y), true);
    return in_axes(g, node, f->of_y + f->turns, f->trace, f->axis + f->turns);
}

int trace_by_turn(ir *g, const trace_form *f, int node)
{
    const relation *r = f->relation;
    if (r->op == OP_weight)
        return node;
    node = at_non_zeros(g, r, ir_reshape(g, node, f->y), true);
    return in_axes(g, node, f->of_y, in_turns(f), f->axis);
}

int trace_sum_turns(ir *g, const trace_form *f, int node)
{
    return ir_reduce(g, OP_sum, node, (1u << f->turns) - 1);
}

/* X, one-hot already.  */
static int by_rows(ir *g, const trace_form *f, int x)
{
    if (x == NO_NODE)
        return ir_const(g, 1, f->trace);
    return in_axes(g, at_non_zeros(g, f->relation, x, false), f->x, in_turns(f), f->axis);
}

bool trace_reads_rows(const relation *r)
{
    return op_table[r->op].weight == WEIGHT_ROWS;
}

int trace_input(ir *g, const relation *r, int x)
{
    return x != NO_NODE && trace_reads_rows(r) ? ir_one_hot(g, x, g->node[r->w].shape.dim[0]) : x;
}

int trace_by_input(ir *g, const trace_form *f, int x)
{
    return by_rows(g, f, trace_input(g, f->relation, x));
}

int trace_outer(ir *g, const trace_form *f, int x, int node)
{
    int turn = trace_by_turn(g, f, node), product = ir_ew2(g, OP_mul, by_rows(g, f, x), turn);
    return trace_to_weight(g, f, trace_sum_turns(g, f, product));
}

/* NODE, at the positions that the broadcast value of WAY was brought to, summed as before the broadcast.  */
static int before_broadcast(ir *g, const position_way *way, int node)
{
    int64_t lead = shape_numel(g->node[node].shape) / shape_numel(way->tail);
    shape s = shape_scalar();
    if (!way->is_reshaped || shape_numel(g->node[node].shape) == shape_numel(way->spread))
        return way->is_reshaped ? node : ir_sum_to(g, node, way->spread);
    if (lead > 1)
        s.dim[s.rank++] = lead;
    for (int k = 0; k < way->tail.rank; k++)
        s.dim[s.rank++] = way->tail.dim[k];
    return ir_sum_to(g, ir_reshape(g, node, s), way->spread);
}

int trace_to_weight(ir *g, const trace_form *f, int node)
{
    const relation *r = f->relation;
    shape w = g->node[r->w].shape;
    if (r->op == OP_weight && shape_numel(w) == 1)
        return ir_reshape(g, ir_reduce(g, OP_sum, node, (1u << f->trace.rank) - 1), w);
    if (r->op == OP_weight)
        return ir_reshape(g, r->way.is_spread ? before_broadcast(g, &r->way, node) : node, w);
    return ir_reduce(g, OP_sum, node, (1u << f->lead) - 1);
}
