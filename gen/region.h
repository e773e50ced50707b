/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that stay loops: the body of a repeat as nodes of its own, position by position.

   OP_repeat is an element-wise operator.  Its arguments are what the carries begin with, then what
   stands still in all iterations; in the body OP_bound stands for them.  Output k is carry k behind
   the last iteration.  */
#ifndef REGION_H
#define REGION_H

#include "ir.h"

struct ir_region {
    int64_t count;       /* of iterations */
    int n_carry, n_args; /* the first n_carry arguments are carried */
    int n_reads;         /* those from here on are read by derivatives alone */
    int *bound;          /* of an argument: the OP_bound that the body reads */
    int *next;           /* of a carry: its value behind an iteration */
    int derivative;      /* the region that carries the tangents, too; -1: not made yet */
    int *tangent;        /* [n_carry][n_args]: the derivative's output; -1: zero; NULL: not made */
    int *own;            /* [n_carry]: the derivative's carry that begins with 1 */
};

/* COUNT iterations that bring the N carries, at first INIT, from BOUND to NEXT.  What else the body
   reads becomes an argument.  INIT is replaced by the results, and NO_NODE returned; or the node of
   the body that is no element-wise operator is, and nothing has changed.  */
int region_make(ir *g, int64_t count, int n, const int *bound, const int *next, int *init);

/* d N / d argument I of the OP_repeat N, or NO_NODE.  Forward mode: the tangents are carried beside
   the values.  */
int region_partial(ir *g, int n, int i);

/* Which nodes of the body, bounds counted in, are needed for the carries that are WANTED; those
   that need one another are wanted in the end; with DERIVATIVES also what those read that the value
   does not.  The result has ir.n_nodes elements.  */
bool *region_body(const ir *g, const ir_region *r, bool *wanted, bool derivatives);

#endif
