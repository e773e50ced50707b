/* SPDX-License-Identifier: Apache-2.0 */
/* Small random models of one group of states that are mixed by weights alone, or by nothing.  */
#ifndef RANDOM_DIAGONAL_H
#define RANDOM_DIAGONAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Write the spec of model SEED to F.  Equal seeds give equal specs.  RECURRENT: weights read the
   old states, too; else each position of the states goes on by itself.  No weight reaches a state
   through another one within a step.  Its index has three values.  */
void random_diagonal_spec(FILE *f, uint64_t seed, int batch, bool recurrent);

#endif
