/* SPDX-License-Identifier: MIT-0 */
/* Optimisers.  In: a block of parameters, its gradient, the optimiser's own block.  Out: the
   parameters after one update.  Element for element, in order, so that the result is the same
   on every machine of one arithmetic.  */
#include "etrace.h"

/* S is the suffix, T the type, F(name) that function of <math.h> for it.

   The norm is taken of grad / largest, so that its squares can neither overflow nor vanish.  A
   gradient with a NaN or an infinity has the norm NaN and stays as it is.  */
#define DEFINE_OPTIMISERS(S, T, F)                                                                \
    void etr_sgd_##S(T *params, const T *grad, T *momentum_buffer, size_t n, T lr, T momentum)    \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            T change = grad[i];                                                                   \
            if (momentum_buffer) {                                                                \
                momentum_buffer[i] = momentum * momentum_buffer[i] + grad[i];                     \
                change = momentum_buffer[i];                                                      \
            }                                                                                     \
            params[i] -= lr * change;                                                             \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    void etr_adam_##S(T *params, const T *grad, T *m, T *v, size_t n, long step, T lr, T beta1,   \
                      T beta2, T eps)                                                             \
    {                                                                                             \
        const T scale1 = (T)1 / ((T)1 - F(pow)(beta1, (T)step));                                  \
        const T scale2 = (T)1 / ((T)1 - F(pow)(beta2, (T)step));                                  \
                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                          \
            m[i] = beta1 * m[i] + ((T)1 - beta1) * grad[i];                                       \
            v[i] = beta2 * v[i] + ((T)1 - beta2) * grad[i] * grad[i];                             \
            params[i] -= lr * (m[i] * scale1) / (F(sqrt)(v[i] * scale2) + eps);                   \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    T etr_clip_norm_##S(T *grad, size_t n, T max_norm)                                            \
    {                                                                                             \
        T largest = 0, square = 0, norm;                                                          \
                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                          \
            if (F(fabs)(grad[i]) > largest || grad[i] != grad[i])                                 \
                largest = F(fabs)(grad[i]);                                                       \
        }                                                                                         \
        if (!(largest > 0))                                                                       \
            return largest;                                                                       \
        for (size_t i = 0; i < n; i++)                                                            \
            square += grad[i] / largest * (grad[i] / largest);                                    \
        norm = largest * F(sqrt)(square);                                                         \
        if (norm > max_norm) {                                                                    \
            for (size_t i = 0; i < n; i++)                                                        \
                grad[i] *= max_norm / norm;                                                       \
        }                                                                                         \
        return norm;                                                                              \
    }

#define F32(name) name##f
#define F64(name) name
DEFINE_OPTIMISERS(f32, float, F32)
DEFINE_OPTIMISERS(f64, double, F64)
