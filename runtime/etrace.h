/* SPDX-License-Identifier: MIT-0 */
/* What a program links beside its generated model: random numbers, tables, and optimisers over
   the flat blocks of parameters and gradients.  Nothing here allocates or keeps a state of its
   own; the functions that end in _f32 do no arithmetic in double.  */
#ifndef ETRACE_H
#define ETRACE_H

#include "etrace_info.h"
#include "etrace_random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gradient descent.  MOMENTUM_BUFFER has N elements, zero before the first call, and follows
   b = momentum b + grad, params -= lr b.  NULL: no momentum, params -= lr grad.  */
void etr_sgd_f32(float *params, const float *grad, float *momentum_buffer, size_t n, float lr,
                 float momentum);
void etr_sgd_f64(double *params, const double *grad, double *momentum_buffer, size_t n, double lr,
                 double momentum);

/* Adam (Kingma and Ba, 2015).  M and V have N elements, zero before the first call; STEP is 1
   in the first call and grows by one.  */
void etr_adam_f32(float *params, const float *grad, float *m, float *v, size_t n, long step,
                  float lr, float beta1, float beta2, float eps);
void etr_adam_f64(double *params, const double *grad, double *m, double *v, size_t n, long step,
                  double lr, double beta1, double beta2, double eps);

/* Scale GRAD down to the norm MAX_NORM where it is longer.  Returns the norm before, which is NaN
   where GRAD has a NaN or an infinity; nothing is scaled then.  */
float etr_clip_norm_f32(float *grad, size_t n, float max_norm);
double etr_clip_norm_f64(double *grad, size_t n, double max_norm);

#ifdef __cplusplus
}
#endif

#endif
