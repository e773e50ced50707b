/* SPDX-License-Identifier: Apache-2.0 */
/* Derivatives through an OP_loop, forwards and backwards.  What a derivative is (which ways it
   follows, in how many directions, in how many parts) is the caller's: loops are passed by the same
   rules as everything else.  */
#ifndef LOOP_DIFF_H
#define LOOP_DIFF_H

#include "loop.h"

/* T[n]: the tangent of node n, NO_NODE: zero.  */
typedef struct {
    void *of;
    int *t;
    void (*at)(void *of, int n);        /* set T of node N from those of its arguments */
    shape (*shape_of)(void *of, int n); /* of the tangent of node N */
} loop_tangent;

/* From T of the arguments of the OP_loop L to T of the bounds of its carries, which are then what
   they are behind the loop, for its OP_last to read.  */
void loop_tangents(ir *g, int L, const loop_tangent *how);

enum { LOOP_PARTS = 3 };

/* PART[p][n]: part p of the adjoint of node n, NO_NODE: zero.  */
typedef struct {
    void *of;
    int n_parts;
    int *part[LOOP_PARTS];
    void (*at)(void *of, int n); /* add to the parts of N's arguments what its own bring */
} loop_adjoint;

/* From the parts at the bounds of L's carries, where its OP_last have left them, to those of its
   arguments, and of its uses: there for all turns.  */
void loop_adjoints(ir *g, int L, const loop_adjoint *how);

#endif
