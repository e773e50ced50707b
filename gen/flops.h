/* SPDX-License-Identifier: Apache-2.0 */
/* How many floating-point operations a function does.  */
#ifndef FLOPS_H
#define FLOPS_H

#include "schedule.h"

/* Of one call, for one sample.  */
int64_t flops_count(const schedule *sc);

/* Of node N of SC alone.  */
int64_t flops_of_node(const schedule *sc, int n);

#endif
