/* SPDX-License-Identifier: Apache-2.0 */
/* Forward mode through a whole step, weight ops included, in several directions at once.  */
#ifndef FORWARD_H
#define FORWARD_H

#include "graph.h"

/* SEED is of ir.var: the tangent of the value that the variable has before the step, of the variable's shape
   with the axes DIRS behind; NO_NODE: zero.  Returns the tangents of the forward nodes, of their shapes with
   DIRS behind: of those that the new states of GROUP are made of, or, of NULL, of all.  NULL after an error, placed
   at AT: an op that has no forward mode, or too many axes.  */
int *forward_tangents(graph *gr, const int *seed, shape dirs, const hidden_group *group, loc at);

/* False after an error, placed at AT: the influence of or on (WHAT) NAME, a value of shape S with MORE axes, would have too
   many.  */
bool forward_fits(const ir *g, shape s, int more, const char *what, const char *name, loc at);

/* The n x n unit matrix.  */
int forward_eye(ir *g, int64_t n);

/* The diagonal [n] of X[n, n].  */
int forward_diagonal(ir *g, int x);

/* d s_a' / d s_b of the group's states at the same position, by all ways: of graph.group[k], row by row.  NULL
   after an error.  */
int *forward_coupled(graph *gr, int k, loc at);

/* The same between all positions: [p, q], p of the new and q of the old state, flat.  */
int *forward_full(graph *gr, int k, loc at);

#endif
