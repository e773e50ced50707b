/* SPDX-License-Identifier: Apache-2.0 */
/* Products with W = base + s A B, made of parameters, as thin products with A and with B.  */
#ifndef LOW_RANK_H
#define LOW_RANK_H

#include "ir.h"

/* x[.., n] W[n, m] (OP_matmul) or x[.., m] W[n, m], W transposed (OP_matmul_t).  It stays one product with W for all
   that is derived from it; only its value is computed as two thin ones, where these are cheaper.  */
int low_rank_product(ir *g, op_code op, int x, int w);

/* As diff_operand and diff_weight, in thin products; NO_NODE: there are none, or they are not cheaper.  */
int low_rank_operand(ir *g, int n, int ybar);
int low_rank_weight(ir *g, int n, int ybar);

/* The sum of all elements of N, a product of parameters times an adjoint, by thin products; NO_NODE, as above.  */
int low_rank_sum(ir *g, int n);

#endif
