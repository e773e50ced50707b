/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of runtime/etrace_math.h at every float, against itself in double (which
   check_math.c holds against the C library): units in the last place, at most 2.  `make
   nightly-math` runs it.  */
#include "etrace_math.h"

#include <stdio.h>

enum { BLOCK = 1 << 12, LEAST = -149, MANTISSA = 23 };

static float x[BLOCK], y[BLOCK];
static double wide[BLOCK], off[BLOCK];

#define FUNCTION(name)                                                                            \
    static void fill_##name(void)                                                                 \
    {                                                                                             \
        for (int i = 0; i < BLOCK; i++)                                                           \
            y[i] = etr_##name##_f32(x[i]);                                                        \
        for (int i = 0; i < BLOCK; i++)                                                           \
            wide[i] = etr_##name##_f64((double)x[i]);                                             \
    }
FUNCTION(exp)
FUNCTION(expm1)
FUNCTION(log)
FUNCTION(log1p)
FUNCTION(tanh)
FUNCTION(sigmoid)
FUNCTION(sinh)
FUNCTION(cosh)
FUNCTION(atan)
FUNCTION(erf)

static const struct {
    const char *name;
    void (*fill)(void);
} functions[] = {{"exp", fill_exp},     {"expm1", fill_expm1}, {"log", fill_log},
                 {"log1p", fill_log1p}, {"tanh", fill_tanh},   {"sigmoid", fill_sigmoid},
                 {"sinh", fill_sinh},   {"cosh", fill_cosh},   {"atan", fill_atan},
                 {"erf", fill_erf}};

/* Infinity stands for 2^128, the first number that no float holds.  */
static double finite(double a)
{
    return etr_signed_f64(etr_size_f64(a, 0x1p128), a);
}

/* How far y[i] is from wide[i], in units of the last place of a float like that.  */
static void measure(void)
{
    for (int i = 0; i < BLOCK; i++) {
        const double wanted = finite(wide[i]);
        const int32_t exponent = (int32_t)(etr_bits_f64(wanted) >> 52 & 0x7ff) - 1023 - MANTISSA;
        const int32_t above = exponent < LEAST ? LEAST : exponent;
        const int32_t last = above < 127 - MANTISSA ? above : 127 - MANTISSA;
        off[i] = fabs(finite((double)y[i]) - wanted) * etr_power_f64(-last);
    }
    for (int i = 0; i < BLOCK; i++)
        if (isnan(wide[i]) || isnan(y[i]))
            off[i] = isnan(wide[i]) && isnan(y[i]) ? 0 : HUGE_VAL;
}

int main(void)
{
    int failed = 0;
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
        double worst = 0;
        float where = 0;
        for (uint64_t first = 0; first <= UINT32_MAX; first += BLOCK) {
            for (int i = 0; i < BLOCK; i++)
                x[i] = etr_of_bits_f32((uint32_t)(first + (uint64_t)i));
            functions[f].fill();
            measure();
            for (int i = 0; i < BLOCK; i++)
                if (off[i] > worst) {
                    worst = off[i];
                    where = x[i];
                }
        }
        printf("%-8s %.3f ulp at %a\n", functions[f].name, worst, (double)where);
        fflush(stdout);
        failed += !(worst <= 2);
    }
    return failed > 0;
}
