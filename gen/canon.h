/* SPDX-License-Identifier: Apache-2.0 */
/* The normal form of nodes: constants folded, neutral elements gone.  */
#ifndef CANON_H
#define CANON_H

#include "ir.h"

/* The element-wise OP on numbers; NaN also where its row in ops.def has no value.  */
double canon_fold(op_code op, const double *x);

/* The node that OP of ARG (already of one shape) simplifies to, or NO_NODE.  */
int canon_elementwise(ir *g, op_code op, const int *arg, shape s);

/* Mark what the value of N, whose readers are LIVE among the first N_LIVE nodes, is made of.  */
void canon_mark(const ir *g, int n, bool *live, int n_live);

/* LIVE[n] says whether ROOT[0..N_ROOTS) need node n.  In the arena, g->n_nodes long.  */
bool *canon_live(ir *g, const int *root, size_t n_roots);

#endif
