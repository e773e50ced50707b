/* SPDX-License-Identifier: Apache-2.0 */
/* Several steps at once, while the weights stand still.  */
#ifndef BLOCK_H
#define BLOCK_H

#include "learn.h"

/* Make plan.forward and plan.block of a plan that learns in one function, for plan.tile steps.  Without them (and with
   a tile of 1) each step is done by itself.  */
void block_run(model_plan *plan);

#endif
