/* SPDX-License-Identifier: Apache-2.0 */
/* The axes of an eligibility trace: one element for each pair of a position of y and an element of the
   weight that position reads.  */
#ifndef TRACE_H
#define TRACE_H

#include "graph.h"

/* Of y[.., o] = x[.., k] w[k, o] the trace is [.., k, o]: the axes of y that w does not have, then those of
   w.  A sparse weight has [.., n], one element a non-zero; a parameter by itself the state's shape.  The turns of
   loops are axes of x, y and df, and not of the trace: that is summed over them.  */
typedef struct {
    const relation *relation;
    shape y, trace;
    int turns;                             /* axes of y, and of `axis`, before those of the trace */
    char axis[RANK_MAX + 1];               /* the trace's axes, a letter each */
    char x[RANK_MAX + 1], of_y[RANK_MAX + 1]; /* and which of them x and y have, in their order */
    int lead;                              /* leading axes that w does not have */
} trace_form;

/* The form for a group of VARSHAPE.  False: it would have more than RANK_MAX axes.  */
bool trace_form_of(ir *g, const relation *r, shape varshape, trace_form *f);

/* NODE, of the group's shape, at every element of the trace.  */
int trace_by_position(ir *g, const trace_form *f, int node);

/* Is the input of R an index of the rows of its weight?  */
bool trace_reads_rows(const relation *r);

/* X, the input of R at some time, as a number: an index is one-hot then.  NO_NODE for NO_NODE.  */
int trace_input(ir *g, const relation *r, int x);

/* X, the op's input at the time of the trace, at every element and in every turn; 1 for an element-wise use (X
   NO_NODE).  */
int trace_by_input(ir *g, const trace_form *f, int x);

/* NODE, which has the group's shape in every turn, at every element and in every turn.  */
int trace_by_turn(ir *g, const trace_form *f, int node);

/* NODE, which trace_by_input and trace_by_turn gave, summed over the turns.  */
int trace_sum_turns(ir *g, const trace_form *f, int node);

/* x (as it is, an index one-hot: trace_input) times NODE, of the group's shape in every turn, summed into the shape of
   the weight.  */
int trace_outer(ir *g, const trace_form *f, int x, int node);

/* NODE, of the trace's shape, summed into the shape of the weight.  */
int trace_to_weight(ir *g, const trace_form *f, int node);

#endif
