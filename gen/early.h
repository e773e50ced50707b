/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no step before it.  */
#ifndef EARLY_H
#define EARLY_H

#include "learn.h"

/* Make plan.take and plan.early of plan.forward, for K steps; a batch meets its weights with many rows anyway.  */
void early_run(model_plan *plan, int64_t K);

#endif
