/* SPDX-License-Identifier: Apache-2.0 */
/* Several samples of a batch at once.  */
#ifndef BATCH_H
#define BATCH_H

#include "learn.h"

/* The functions of PLAN for function_plan.rows samples a pass each.  */
void batch_run(model_plan *plan);

#endif
