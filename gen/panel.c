/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product.  Out: how much of its weight is turned over at a time.  */
#include "panel.h"

#include "size.h"

/* Columns of a panel, the least that are worth its making, and from how many rows on it is.  */
enum { PANEL = 64, PANEL_MIN = 8, PANEL_ROWS = 4 };

int64_t panel_width(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    int64_t size = v->shape.rank > 0 ? v->shape.dim[v->shape.rank - 1] : 0;
    if (v->op != OP_matmul_t || size == 0 || shape_numel(v->shape) / size < PANEL_ROWS)
        return 0;
    int64_t width = size <= 2 * PANEL ? size : PANEL;
    while (size % width != 0)
        width--;
    return width >= PANEL_MIN ? width : 0;
}

int64_t panel_bytes(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    int64_t width = panel_width(g, n);
    if (width == 0)
        return 0;
    shape x = g->node[v->arg[0]].shape;
    return size_bytes(size_times(width, x.dim[x.rank - 1]), TYPE_REAL, g->real_bits);
}
