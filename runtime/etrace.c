/* SPDX-License-Identifier: MIT-0 */
/* Optimisers.  In: a block of parameters, its gradient, the optimiser's own block.  Out: the
   parameters after one update.  Element for element, in order, so that the result is the same
   on every machine of one arithmetic.  */
#include "etrace.h"

#include <string.h>

/* S is the suffix, T the type, F(name) that function of <math.h> for it, BITS a whole number of
   its size and EXPONENT the bits that are all set in NaN and in the infinite.

   The norm is taken of grad / largest, so that its squares can neither overflow nor vanish.  */
#define DEFINE_GRADIENTS(S, T, F, BITS, EXPONENT)                                                 \
    int etr_all_finite_##S(const T *x, size_t n)                                                  \
    {                                                                                             \
        BITS worst = 0;                                                                           \
                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                          \
            BITS bits;                                                                            \
            memcpy(&bits, &x[i], sizeof bits);                                                    \
            worst |= (BITS)((bits & (EXPONENT)) == (EXPONENT));                                   \
        }                                                                                         \
        return worst == 0;                                                                        \
    }                                                                                             \
                                                                                                  \
    etr_update_status etr_check_update_##S(T loss, const T *grad, size_t n)                       \
    {                                                                                             \
        if (!etr_all_finite_##S(&loss, 1))                                                        \
            return ETR_UPDATE_BAD_LOSS;                                                           \
        return etr_all_finite_##S(grad, n) ? ETR_UPDATE_OK : ETR_UPDATE_BAD_GRAD;                 \
    }                                                                                             \
                                                                                                  \
    T etr_clip_norm_##S(T *grad, size_t n, T max_norm)                                            \
    {                                                                                             \
        T largest = 0, square = 0, norm;                                                          \
                                                                                                  \
        if (!etr_all_finite_##S(grad, n))                                                         \
            return (T)NAN;                                                                        \
        for (size_t i = 0; i < n; i++)                                                            \
            largest = F(fmax)(largest, F(fabs)(grad[i]));                                         \
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
    }                                                                                             \
                                                                                                  \
    void etr_clip_value_##S(T *grad, size_t n, T limit)                                           \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            if (grad[i] > limit)                                                                  \
                grad[i] = limit;                                                                  \
            else if (grad[i] < -limit)                                                            \
                grad[i] = -limit;                                                                 \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    void etr_smooth_##S(T *sum, const T *grad, size_t n, T decay)                                 \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            sum[i] = decay * sum[i] + grad[i];                                                    \
    }

/* S, T and F as above.  */
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
    void etr_rmsprop_##S(T *params, const T *grad, T *v, size_t n, T lr, T decay, T eps)          \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            v[i] = decay * v[i] + ((T)1 - decay) * grad[i] * grad[i];                             \
            params[i] -= lr * grad[i] / (F(sqrt)(v[i]) + eps);                                    \
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
    void etr_adamw_##S(T *params, const T *grad, T *m, T *v, size_t n, long step, T lr, T beta1,  \
                       T beta2, T eps, T weight_decay)                                            \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            params[i] -= lr * weight_decay * params[i];                                           \
        etr_adam_##S(params, grad, m, v, n, step, lr, beta1, beta2, eps);                         \
    }

#define DEFINE_RATES(S, T, F)                                                                     \
    T etr_rate_step_##S(long done, T lr, T factor, long every)                                    \
    {                                                                                             \
        return lr * F(pow)(factor, (T)(done / every));                                            \
    }                                                                                             \
                                                                                                  \
    T etr_rate_exponential_##S(long done, T lr, T factor, long every)                             \
    {                                                                                             \
        return lr * F(pow)(factor, (T)done / (T)every);                                           \
    }                                                                                             \
                                                                                                  \
    T etr_rate_linear_##S(long done, T start, T end, long total)                                  \
    {                                                                                             \
        return done >= total ? end : start + (end - start) * ((T)done / (T)total);                \
    }                                                                                             \
                                                                                                  \
    T etr_rate_cosine_##S(long done, T start, T peak, T end, long warm_up, long total)            \
    {                                                                                             \
        const T pi = (T)3.14159265358979323846;                                                   \
                                                                                                  \
        if (done < warm_up)                                                                       \
            return etr_rate_linear_##S(done, start, peak, warm_up);                               \
        if (done >= total)                                                                        \
            return end;                                                                           \
        return end + (peak - end) * (T)0.5 *                                                      \
                         ((T)1 + F(cos)(pi * ((T)(done - warm_up) / (T)(total - warm_up))));      \
    }

#define F32(name) name##f
#define F64(name) name
DEFINE_GRADIENTS(f32, float, F32, uint32_t, UINT32_C(0x7f800000))
DEFINE_GRADIENTS(f64, double, F64, uint64_t, UINT64_C(0x7ff0000000000000))
DEFINE_OPTIMISERS(f32, float, F32)
DEFINE_OPTIMISERS(f64, double, F64)
DEFINE_RATES(f32, float, F32)
DEFINE_RATES(f64, double, F64)

static size_t n_elements(const etr_var *var)
{
    size_t n = 1;

    for (int k = 0; k < var->rank; k++)
        n *= (size_t)var->shape[k];
    return n;
}

/* Numbers of 16 bits are finite unless all bits of the exponent are set.  */
static int halves_finite(const uint16_t *x, size_t n, etr_element element)
{
    const unsigned exponent = element == ETR_BFLOAT16 ? 0x7f80 : 0x7c00;
    int finite = 1;

    for (size_t i = 0; i < n; i++)
        finite &= (x[i] & exponent) != exponent;
    return finite;
}

int etr_block_finite(const void *block, const etr_info *info, etr_kind kind)
{
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *var = &info->vars[i];
        const void *x = (const char *)block + var->offset;

        if (var->kind != kind || var->element == ETR_INT32 || !var->stored)
            continue;
        if (var->element != ETR_REAL && !halves_finite(x, n_elements(var), var->element))
            return 0;
        if (var->element != ETR_REAL)
            continue;
        if (info->real_bytes == 4 ? !etr_all_finite_f32(x, n_elements(var))
                                  : !etr_all_finite_f64(x, n_elements(var)))
            return 0;
    }
    return 1;
}
