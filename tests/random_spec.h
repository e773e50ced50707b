/* SPDX-License-Identifier: Apache-2.0 */
/* Small random models, smooth everywhere.  */
#ifndef RANDOM_SPEC_H
#define RANDOM_SPEC_H

#include <stdint.h>
#include <stdio.h>

/* Write the spec of model SEED to F: one to three hidden states that read each other, the input and
   what this step has computed so far, element by element, through products with weights, slices and
   reductions.  Every value stays small, and every function has all derivatives.  */
void random_spec(FILE *f, uint64_t seed, int batch);

#endif
