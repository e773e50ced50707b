/* SPDX-License-Identifier: MIT-0 */
/* What a program links beside its generated model: random numbers, tables, and optimisers over
   the flat blocks of parameters and gradients.  Nothing here allocates or keeps a state of its
   own; the functions that end in _f32 do no arithmetic in double.

   Snapshots are in etrace_snapshot.h, numbers of 16 bits in etrace_half.h; files, for hosts, in
   etrace_npz.h and etrace_safetensors.h.  */
#ifndef ETRACE_H
#define ETRACE_H

#include "etrace_info.h"
#include "etrace_random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- gradients, before an update ---------------------------------------------------------- */

/* A step of learning with a guard: a loss or gradient that is not a finite number leaves the
   parameters, and what the optimiser remembers, as they were.

       loss = model_learn(&params, &state, &trace, &in, &target, &out, &grad);
       status = etr_check_update_f32(loss, (float *)&grad, n);
       if (status == ETR_UPDATE_OK)
           etr_adam_f32((float *)&params, (float *)&grad, m, v, n, ++step, ...);
       else
           ... and begin again from a state and a trace that are finite: model_init_state and
           model_reset_trace, or a snapshot

   The state and the trace have taken in what made the loss bad: etr_block_finite tells.  */
etr_update_status etr_check_update_f32(float loss, const float *grad, size_t n);
etr_update_status etr_check_update_f64(double loss, const double *grad, size_t n);

/* Is none of the N elements NaN or infinite?  Looks at the bits, so that -ffast-math cannot take
   the answer away.  */
int etr_all_finite_f32(const float *x, size_t n);
int etr_all_finite_f64(const double *x, size_t n);

/* The same of every variable of KIND in BLOCK (ETR_HIDDEN and ETR_STATE: the state block).
   Variables of whole numbers are finite.  */
int etr_block_finite(const void *block, const etr_info *info, etr_kind kind);

/* Scale GRAD down to the norm MAX_NORM where it is longer (Pascanu, Mikolov and Bengio, "On the
   difficulty of training recurrent neural networks", 2013).  Returns the norm before: NaN, and
   GRAD as it was, when an element is not finite.  */
float etr_clip_norm_f32(float *grad, size_t n, float max_norm);
double etr_clip_norm_f64(double *grad, size_t n, double max_norm);

/* Bring every element into [-LIMIT, LIMIT]; NaN stays NaN.  */
void etr_clip_value_f32(float *grad, size_t n, float limit);
void etr_clip_value_f64(double *grad, size_t n, double limit);

/* A running sum that forgets: sum = decay sum + grad, 0 < decay < 1.  SUM has N elements, zero
   before the first call, and is then used in place of the gradient.  For a time constant of TAU
   steps, decay = exp(-1 / tau).  For a mean instead of a sum, multiply the learning rate by
   1 - decay.  */
void etr_smooth_f32(float *sum, const float *grad, size_t n, float decay);
void etr_smooth_f64(double *sum, const double *grad, size_t n, double decay);

/* --- updates ------------------------------------------------------------------------------ */

/* Gradient descent.  MOMENTUM_BUFFER has N elements, zero before the first call, and follows
   b = momentum b + grad, params -= lr b (Polyak, "Some methods of speeding up the convergence of
   iteration methods", 1964).  NULL: no momentum, params -= lr grad.  */
void etr_sgd_f32(float *params, const float *grad, float *momentum_buffer, size_t n, float lr,
                 float momentum);
void etr_sgd_f64(double *params, const double *grad, double *momentum_buffer, size_t n, double lr,
                 double momentum);

/* RMSprop (Tieleman and Hinton, Neural networks for machine learning, lecture 6.5, 2012):
   v = decay v + (1 - decay) grad^2, params -= lr grad / (sqrt(v) + eps).  V has N elements, zero
   before the first call.  */
void etr_rmsprop_f32(float *params, const float *grad, float *v, size_t n, float lr, float decay,
                     float eps);
void etr_rmsprop_f64(double *params, const double *grad, double *v, size_t n, double lr,
                     double decay, double eps);

/* Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015):
   m = beta1 m + (1 - beta1) grad, v = beta2 v + (1 - beta2) grad^2,
   params -= lr m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps).
   M and V have N elements, zero before the first call; STEP is 1 in the first call and grows by
   one.  */
void etr_adam_f32(float *params, const float *grad, float *m, float *v, size_t n, long step,
                  float lr, float beta1, float beta2, float eps);
void etr_adam_f64(double *params, const double *grad, double *m, double *v, size_t n, long step,
                  double lr, double beta1, double beta2, double eps);

/* Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay
   regularization", 2019): params -= lr weight_decay params, then Adam's update.  */
void etr_adamw_f32(float *params, const float *grad, float *m, float *v, size_t n, long step,
                   float lr, float beta1, float beta2, float eps, float weight_decay);
void etr_adamw_f64(double *params, const double *grad, double *m, double *v, size_t n, long step,
                   double lr, double beta1, double beta2, double eps, double weight_decay);

/* --- learning rates ----------------------------------------------------------------------- */

/* Each is a function of DONE alone, the number of updates made before this one: 0 in the first
   (Adam's STEP is DONE + 1).  A constant rate needs no function; a constant rate after a warm-up
   is etr_rate_linear from 0.  */

/* LR, multiplied by FACTOR once more after every EVERY updates: lr factor^floor(done / every).  */
float etr_rate_step_f32(long done, float lr, float factor, long every);
double etr_rate_step_f64(long done, double lr, double factor, long every);

/* The same without steps: lr factor^(done / every).  */
float etr_rate_exponential_f32(long done, float lr, float factor, long every);
double etr_rate_exponential_f64(long done, double lr, double factor, long every);

/* In a straight line from START to END, which it has after TOTAL updates and keeps.  */
float etr_rate_linear_f32(long done, float start, float end, long total);
double etr_rate_linear_f64(long done, double start, double end, long total);

/* In a straight line from START to PEAK in WARM_UP updates, then down half a cosine to END, which
   it has after TOTAL updates (those of the warm-up among them) and keeps (Loshchilov and Hutter,
   "SGDR: stochastic gradient descent with warm restarts", 2017):
   end + (peak - end) (1 + cos(pi (done - warm_up) / (total - warm_up))) / 2.  */
float etr_rate_cosine_f32(long done, float start, float peak, float end, long warm_up, long total);
double etr_rate_cosine_f64(long done, double start, double peak, double end, long warm_up,
                           long total);

#ifdef __cplusplus
}
#endif

#endif
