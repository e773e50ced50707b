/* SPDX-License-Identifier: Apache-2.0 */
/* In: adaptive_max_pool(x, [2, 3]) and adaptive_avg_pool, which say how many places are wanted on each spatial
   axis, not how large a window is.  Out: nodes.  n elements for m places: n mod m windows of n / m + 1, then
   windows of n / m, none of which overlap.  */
#include "builtin.h"

/* COUNT windows of SIZE elements of AXIS of X, from START on.  */
static int pool_run(ir *g, op_code op, int x, int axis, int64_t start, int64_t count, int64_t size)
{
    shape s = g->node[x].shape;
    s.rank++;
    for (int k = s.rank - 1; k > axis + 1; k--)
        s.dim[k] = s.dim[k - 1];
    s.dim[axis] = count;
    s.dim[axis + 1] = size;
    int windows = ir_reshape(g, ir_slice(g, x, axis, start, count * size), s);
    int y = ir_reduce(g, op, windows, 1u << (axis + 1));
    return op == OP_sum ? ir_ew2(g, OP_mul, y, ir_const(g, 1 / (double)size, shape_scalar())) : y;
}

static int pool_axis(ir *g, op_code op, int x, int axis, int64_t places)
{
    int64_t n = g->node[x].shape.dim[axis], size = n / places, longer = n % places;
    if (longer == 0)
        return pool_run(g, op, x, axis, 0, places, size);
    int part[2] = {pool_run(g, op, x, axis, 0, longer, size + 1),
                   pool_run(g, op, x, axis, longer * (size + 1), places - longer, size)};
    return ir_concat(g, part, 2, axis);
}

static int adaptive_pool(const call *c, op_code op)
{
    const expr *list = c->e->n_args > 1 ? c->e->arg[1] : NULL;
    int n_axes = list && list->kind == EXPR_LIST ? (int)list->n_args : 0, x = c->arg[0];
    shape s = builtin_shape(c, 0);
    if (n_axes < 1 || n_axes > SPATIAL_MAX || s.rank < n_axes + 1 || s.rank >= RANK_MAX)
        return builtin_refuse(c, "E0652", "takes a value [.., spatial.., channels] and a list with the number "
                                          "of places on each spatial axis");
    for (int k = 0; k < n_axes; k++) {
        int axis = s.rank - 1 - n_axes + k;
        int64_t places;
        if (!eval_dim(c->lo, c->sc, list->arg[k], &places))
            return NO_NODE;
        if (places < 1 || places > s.dim[axis]) {
            diag_error(c->lo->diag, list->arg[k]->at, "E0653", "%lld places on an axis of %lld elements",
                       (long long)places, (long long)s.dim[axis]);
            return NO_NODE;
        }
        x = pool_axis(c->lo->ir, op, x, axis, places);
    }
    return x;
}

int adaptive_max_pool(const call *c)
{
    return adaptive_pool(c, OP_reduce_max);
}

int adaptive_avg_pool(const call *c)
{
    return adaptive_pool(c, OP_sum);
}
