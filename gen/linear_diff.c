/* SPDX-License-Identifier: Apache-2.0 */
/* In: a node y = op(x, w) of a weight op (a WT row of ops.def), and the adjoint of y.  Out: the adjoints of x and of w.  */
#include "diff.h"
#include "low_rank.h"

#include <string.h>

/* "x,w->y" with its parts in another order: WHICH picks them, "ywx" gives "y,w->x".  */
static const char *reordered(ir *g, const char *labels, const char *which)
{
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    const char *part[3];
    for (int i = 0; i < 3; i++)
        part[i] = which[i] == 'x'   ? arena_strndup(g->arena, labels, (size_t)(comma - labels))
                  : which[i] == 'w' ? arena_strndup(g->arena, comma + 1, (size_t)(arrow - comma - 1))
                                    : arrow + 2;
    return arena_printf(g->arena, "%s,%s->%s", part[0], part[1], part[2]);
}

static int adjoint_x_matmul(ir *g, int n, int ybar)
{
    return ir_matmul_t(g, ybar, g->node[n].arg[1]);
}

static int adjoint_w_matmul(ir *g, int n, int ybar)
{
    return ir_outer(g, g->node[n].arg[0], ybar);
}

static int adjoint_x_matmul_t(ir *g, int n, int ybar)
{
    return ir_matmul(g, ybar, g->node[n].arg[1]);
}

static int adjoint_w_matmul_t(ir *g, int n, int ybar)
{
    return ir_outer(g, ybar, g->node[n].arg[0]);
}

static int adjoint_x_einsum(ir *g, int n, int ybar)
{
    return ir_einsum(g, reordered(g, g->node[n].labels, "ywx"), ybar, g->node[n].arg[1]);
}

static int adjoint_w_einsum(ir *g, int n, int ybar)
{
    return ir_einsum(g, reordered(g, g->node[n].labels, "xyw"), g->node[n].arg[0], ybar);
}

/* An index has no derivative.  */
static int adjoint_x_embed(ir *g, int n, int ybar)
{
    (void)g;
    (void)n;
    (void)ybar;
    return NO_NODE;
}

static int adjoint_w_embed(ir *g, int n, int ybar)
{
    const ir_node *v = &g->node[n];
    return ir_embed_t(g, v->arg[0], ybar, g->node[v->arg[1]].shape.dim[0]);
}

static int adjoint_x_sparse(ir *g, int n, int ybar)
{
    return ir_sparse_t(g, ybar, g->node[n].arg[1], g->node[n].pattern);
}

static int adjoint_w_sparse(ir *g, int n, int ybar)
{
    const ir_node v = g->node[n];
    int x = ir_gather(g, v.arg[0], v.pattern, 0), y = ir_gather(g, ybar, v.pattern, 1);
    return ir_sum_to(g, ir_ew2(g, OP_mul, x, y), g->node[v.arg[1]].shape);
}

static int (*const adjoint_of[OP_COUNT][2])(ir *, int, int) = {
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) \
    [OP_##name] = {adjoint_x_##adjoint, adjoint_w_##adjoint},
#include "ops.def"
};

int diff_operand(ir *g, int n, int ybar)
{
    int thin = low_rank_operand(g, n, ybar);
    return thin != NO_NODE ? thin : adjoint_of[g->node[n].op][0](g, n, ybar);
}

int diff_weight(ir *g, int n, int ybar)
{
    int thin = low_rank_weight(g, n, ybar);
    return thin != NO_NODE ? thin : adjoint_of[g->node[n].op][1](g, n, ybar);
}
