/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the making of blocks share: block_lift.c has values of all steps, block_trace.c what meets a trace
   once, block.c everything else.  */
#ifndef BLOCK_PART_H
#define BLOCK_PART_H

#include "block.h"
#include "lift.h"
#include "linear_form.h"

typedef struct {
    model_plan *plan;
    ir *g;
    int64_t K;
    lifter lift;       /* over the steps */
    bool *forward;     /* nodes that the steps forward compute */
    bool *reverse;     /* of a window: those that its steps backwards compute */
    bool *tried;       /* to lift */
    int **instance;    /* [K][n_nodes]; NO_NODE: not made yet */
    int *back;         /* of a window: what a step backwards has instead; NO_NODE: not made yet */
    int n_forms;       /* traces met once a block */
    size_t cap_forms;
    int *form_var;
    int *form_of;      /* of variables: the form that is its, or -1 */
    linear_form *form; /* of their next values */
} blocker;

/* The nodes that there are now, over b->K steps.  */
void block_start_lifting(blocker *b);

/* N for all steps; NO_NODE: it depends on a trace, so that one step has to be done after the other.  */
int block_lifted(blocker *b, int n);

/* N in step T of the block.  */
int block_instance(blocker *b, int n, int64_t t);

/* The sum of N over the steps.  */
int block_sum(blocker *b, int n);

/* Can that be had of values of all steps?  */
bool block_can_sum(blocker *b, int n);

/* N in a step backwards, which finds on the tape what the steps forward computed; NO_NODE: it cannot be there.  */
int block_back(blocker *b, int n);

/* The traces whose next values are linear in themselves, as forms.  */
void block_find_forms(blocker *b);

/* Are all traces that FORM reads met once?  */
bool block_reads_forms(const blocker *b, const linear_form *form);

/* The trace of form I behind the block.  */
int block_trace(blocker *b, int i);

/* What FORM, the gradient of one step, adds up to in the block.  */
int block_gradient(blocker *b, const linear_form *form, shape s);

#endif
