/* SPDX-License-Identifier: Apache-2.0 */
/* A generated model against the independent evaluator.  */
#ifndef BEYOND_H
#define BEYOND_H

#include "evaluate.h"
#include "model.h"

typedef struct {
    model *m;
    evaluator *ev;
    const char *what; /* said before every message: where the model is from */
    double tolerance;
} beyond;

/* One step from a random state: new states, outputs, loss, h2h, h2w and signals (TOTAL, or without
   what goes by position through other new states).  A difference ends the test.  */
void beyond_step(const beyond *b, bool total, uint64_t seed);

/* One step of learning from a random state gives the exact gradient.  */
void beyond_gradient(const beyond *b, uint64_t seed);

/* The steps of a model of d_rtrl with window 1 give what the algorithm's definition says.  */
void beyond_steps(const beyond *b, uint64_t seed);

/* What these share (beyond.c).  STORE has room for beyond_size numbers; sample S of step T goes to
   the evaluator, states as they stand in STATE.  */
size_t beyond_size(const beyond *b);
void beyond_bind(const beyond *b, const char *state, int t, int s, double *store);
void beyond_randomise(const beyond *b, uint64_t seed);
char *beyond_copy_state(const beyond *b);
bool beyond_differs(const beyond *b, double x, double y);
void beyond_same(const beyond *b, double got, double want, const char *name, const char *what,
                 size_t k);
double beyond_part(const double *x, size_t k); /* 0 where X is NULL */
void *beyond_alloc(size_t n, size_t size);     /* zeroed */

/* Relations, in beyond_h2w.c.  */
void beyond_h2w(const beyond *b, int s);
int beyond_state_of(const beyond *b, int group, int row);

#endif
