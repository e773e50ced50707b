/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over bodies of any nodes: products, reductions, carries of several shapes, loops within.

   OP_loop has no value of its own.  Its arguments are, in this order,
     what the carries begin with;
     stacks, [turns, ..], of which each turn reads its own element;
     what stands still in all turns.
   In the body OP_bound stands for each of them, and the body reads nothing else from outside but
   constants: it is closed, so that a loop within a loop is a node like any other.  Of a loop L and
   a node m of its body (or a carry's bound) OP_last is what m is in the last turn (the carry:
   behind it), OP_tape what m is in each turn (the carry: before it).  */
#ifndef LOOP_H
#define LOOP_H

#include "ir.h"

/* A weight op of the body, Y, and the node outside that stands for it in all turns: the same op on
   the stack of its inputs.  Nothing reads that value; relations and gradients are about it.  */
typedef struct {
    int y, whole;
} loop_use;

struct ir_loop {
    int node; /* the OP_loop that was made with it */
    int64_t count;
    bool backward; /* the last turn comes first */
    int n_carry, n_stack, n_args;
    int *bound; /* of an argument */
    int *next;  /* of a carry: its value behind a turn */
    int n_body; /* the nodes of the body, in order; bounds are not among them */
    int *body;
    int n_uses;
    loop_use *use;
};

/* A loop to be, as nodes that may read the open body of another loop.  */
typedef struct {
    int64_t count;
    bool backward;
    int of; /* the OP_loop whose body's nodes are read: each turn reads what they were in its own
               turn. NO_NODE: none */
    int n_carry;
    /* of a carry: its OP_bound, its value behind a turn, its beginning */
    const int *bound, *next, *init;
    int n_tapes;
    const int *tape; /* nodes whose stacks are wanted */
} loop_plan;

/* A carry's bound to be.  */
int loop_bound(ir *g, value_type type, shape s);

/* Close it.  Returns the OP_loop, which may be an old one that does the same; STACK[i] becomes the
   stack of tape i.  */
int loop_close(ir *g, const loop_plan *p, int *stack);

/* What carry K of the OP_loop L is behind it.  */
int loop_result(ir *g, int L, int k);

/* OP_last and OP_tape of node M of the body of the OP_loop L.  */
int loop_last(ir *g, int L, int m);
int loop_tape(ir *g, int L, int m);

/* N itself; or if it is an OP_last of a carry, what that is made of, in the body.  */
int loop_within(const ir *g, int n);

/* NODE, which may read the open body of the OP_loop L, outside: with the values of the last turn.  */
int loop_at_end(ir *g, int L, int node);

/* The first node of the body of L, loops within counted in, of which no stack can be made: it has
   too many axes; or NO_NODE.  */
int loop_too_deep(const ir *g, int L);

/* The OP_loop of which N is the `whole` of a use, and *Y that use; NO_NODE: N is none.  */
int loop_of_use(const ir *g, int n, int *y);

/* Of the OP_loop L: which nodes of the body and bounds are needed for those of its OP_last and
   OP_tape that are LIVE.  The result has ir.n_nodes elements.  */
bool *loop_needs(const ir *g, int L, const bool *live, int n_live);

#endif
