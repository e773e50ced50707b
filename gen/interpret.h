/* SPDX-License-Identifier: Apache-2.0 */
/* The values of nodes for one sample, in double, by going through the graph: no schedule, no C.  */
#ifndef INTERPRET_H
#define INTERPRET_H

#include "ir.h"

typedef struct {
    ir *ir;
    arena *arena;
    double **value;      /* of a node; NULL: it is not known yet */
    const double **bind; /* of a variable: what the caller says that it is */
    int sample;          /* of the batch: random numbers depend on it */
} interpreter;

interpreter interpret_new(ir *g, arena *a);

/* The values of the N nodes ROOT, from those of the variables that are bound: into it->value.  They
   are good until the next call.  */
void interpret_run(interpreter *it, const int *root, int n);

#endif
