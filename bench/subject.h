/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured: a network that learns, from inputs and targets that are the same in every
   program.  ours.c is one around a generated model, control.c one by hand; measure.c times
   either.  */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stddef.h>

/* Make N_STEPS of inputs and targets, draw parameters, begin.  Returns 0, or 1: there is no
   memory.  */
int subject_begin(size_t n_steps);

/* The parameters and the gradient, each one block of subject_n_params() numbers.  */
size_t subject_n_params(void);
float *subject_params(void);
float *subject_grad(void);

/* The state, the trace and the gradient as they were before the first step.  */
void subject_restart(void);

/* Learn from one step, number T of the inputs; of a model with a window, from the window that T
   begins.  */
void subject_call(size_t t);

/* How many steps subject_call makes.  */
size_t subject_steps_a_call(void);

/* Learn from all steps in one call.  */
void subject_sequence(void);

/* Element I of input, and of target, at step T: exact in float, and written the same in
   reference.py.  */
static inline float subject_x(size_t t, size_t i)
{
    return (float)((t * 7 + i * 13) % 17) / 16.0f - 0.5f;
}

static inline float subject_y(size_t t, size_t i)
{
    return (float)((t * 5 + i * 11) % 13) / 16.0f - 0.375f;
}

#endif
