/* SPDX-License-Identifier: Apache-2.0 */
/* Several turns at once: samples of a batch, steps of a sequence.  */
#ifndef LIFT_H
#define LIFT_H

#include "ir.h"

typedef struct {
    ir *g;
    int64_t rows;  /* turns */
    int n_nodes;   /* of the IR, before there were lifted ones */
    int *of;       /* of a node that depends: the node for all turns; NO_NODE: there is none, or not yet */
    bool *depends; /* on the turn */
} lifter;

/* One of ROWS turns over the nodes that there are now: nothing depends, nothing is lifted yet.  */
lifter lift_begin(ir *g, int64_t rows);

/* Node N, which depends on the turn, for all turns, made of what b->of has for its arguments; NO_NODE: it has no
   such form.  */
int lift_node(const lifter *b, int n);

/* N with the axis of turns, whether it depends on them or not; NO_NODE: it cannot have one.  */
int lift_value(const lifter *b, int n);

/* The sum of N over the turns; NO_NODE: it cannot be made.  */
int lift_sum(const lifter *b, int n);

#endif
