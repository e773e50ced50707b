/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product with a transposed weight.  Out: how many of its rows are turned over at a time.  */
#include "turned.h"

#include "size.h"

/* Rows from which on it is worth their turning; the most at a time, of which there are as many more as have no divisor
   of at least ROWS_GOOD; sums a row that are on the way at a time, and the least of them.  */
enum { ROWS_MIN = 4, ROWS_GOOD = 8, ROWS_MAX = 32, ROWS_ODD = 256, SUMS = 64, SUMS_MIN = 8 };

int64_t turned_rows(const ir *g, int n, int64_t rows)
{
    if (g->node[n].op != OP_matmul_t || rows < ROWS_MIN)
        return 0;
    if (rows <= ROWS_MAX)
        return rows;
    for (int64_t some = ROWS_MAX; some >= ROWS_GOOD; some--)
        if (rows % some == 0)
            return some;
    return rows <= ROWS_ODD ? rows : 0;
}

int64_t turned_sums(int64_t columns)
{
    int64_t width = columns <= 2 * SUMS ? columns : SUMS;
    while (columns % width != 0)
        width--;
    return width >= SUMS_MIN ? width : columns;
}

int64_t turned_bytes(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    int64_t columns = v->shape.rank > 0 ? v->shape.dim[v->shape.rank - 1] : 0;
    int64_t rows = columns > 0 ? turned_rows(g, n, shape_numel(v->shape) / columns) : 0;
    if (rows == 0)
        return 0;
    shape x = g->node[v->arg[0]].shape;
    int64_t both = size_plus(x.dim[x.rank - 1], turned_sums(columns));
    return size_bytes(size_times(rows, both), TYPE_REAL, g->real_bits);
}
