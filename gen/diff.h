/* SPDX-License-Identifier: Apache-2.0 */
/* Differentiation, node by node, back into the same IR.  */
#ifndef DIFF_H
#define DIFF_H

#include "graph.h"

/* Fill D of every group and df of every relation: forward mode, position by position, with the
   outputs of weight ops held fixed.  DENSE_DIAGONAL keeps the diagonal of square constant products.  */
void diff_jacobians(graph *gr, dense_policy dense);

/* The adjoints of the forward nodes, as far down as values made of parameters alone, in three parts by
   the way that led from the loss.
     positional   position by position through a new hidden state, inside the step
     spread       the same, then through a broadcast: positional for a parameter only
     direct       every other way
   NULL elements: NO_NODE = structurally zero.  */
typedef struct {
    int *direct, *positional, *spread;
} adjoint;

/* SPLIT: tell the parts apart (else all is direct).  COTANGENT, if not NULL, is of graph.hidden: a node
   to be added to the adjoint of each new state.  WEIGHT: what the loss counts; NO_NODE: 1.  */
adjoint diff_adjoint(graph *gr, bool split, const int *cotangent, int weight);

/* Adjoints in A of values that have a name get one, too, unless they have: adj_NAME.  */
void diff_name_adjoints(graph *gr, const adjoint *a);

/* The same from SEED, of the forward nodes: what their direct parts begin with.  Nothing goes on through nodes of
   STOP (NULL: none).  */
adjoint diff_reverse(graph *gr, bool split, const int *seed, const bool *stop);

/* d N / d argument I of the element-wise N; sum and product; NO_NODE is zero.  */
int diff_partial(ir *g, int n, int i);
int diff_plus(ir *g, int a, int b);
int diff_times(ir *g, int a, int b);

/* Of the linear op N: the adjoint of its first operand and of its weight, for that of its result.  */
int diff_operand(ir *g, int n, int ybar);
int diff_weight(ir *g, int n, int ybar);

/* GRADIENT is of the forward nodes: what is given for values made of parameters alone is brought down to
   the parameters; at nodes that are CUT (NULL: none) it is dropped.  */
void diff_parameters(graph *gr, int *gradient, const bool *cut);

/* Sums of parts; NO_NODE when all are zero.  */
int adjoint_total(ir *g, const adjoint *a, int n);
int adjoint_outside(ir *g, const adjoint *a, int n); /* direct + spread: not by way of a trace */

#endif
