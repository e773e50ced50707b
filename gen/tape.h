/* SPDX-License-Identifier: Apache-2.0 */
/* The tape of a block of steps: values of each step, kept for what is done with all of them at once.  */
#ifndef TAPE_H
#define TAPE_H

#include "learn.h"

/* The values of node N in all K steps, the steps first; F, which is done for each step, puts them there.  NO_NODE: N has
   too many axes.  */
int tape_put(model_plan *plan, function_plan *f, int64_t K, int n);

/* The same for an input, which plan.take puts there before the first step.  */
int tape_take(model_plan *plan, int64_t K, int n);

/* What ALL, a variable of the tape, is in the step that is being done.  */
int tape_step(ir *g, int all);

/* ALL, made for all K steps before the first, is put there by plan.early.  Its value in the step that is being done.  */
int tape_early(model_plan *plan, int all, const char *name);

#endif
