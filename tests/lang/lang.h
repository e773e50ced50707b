/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of tests/lang/ share.  A program defines MODEL and includes "model.h" first.  */
#ifndef LANG_H
#define LANG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANG_JOIN_(a, b) a##b
#define LANG_JOIN(a, b) LANG_JOIN_(a, b)
#define M(name) LANG_JOIN(MODEL, name)

static int failures;

#define CHECK(condition)                                                                         \
    ((condition) ? (void)0 : (failures++, (void)printf("%s:%d: %s\n", __FILE__, __LINE__, #condition)))

/* NaN is near nothing.  */
#define NEAR(a, b, tolerance) near_at(a, b, tolerance, __LINE__, #a, #b)

static inline void near_at(double a, double b, double tolerance, int line, const char *x, const char *y)
{
    if (fabs(a - b) <= tolerance * (1 + fabs(b)))
        return;
    failures++;
    printf("line %d: %s = %.17g, but %s = %.17g\n", line, x, a, y, b);
}

/* Numbers between -1 and 1, the same in every run.  */
static unsigned long long lang_seed = 88172645463325252u;

static inline double draw(void)
{
    lang_seed ^= lang_seed << 13;
    lang_seed ^= lang_seed >> 7;
    lang_seed ^= lang_seed << 17;
    return (double)(lang_seed >> 11) / 4503599627370496.0 - 1;
}

static inline void fill(void *p, size_t bytes, double scale)
{
    double *x = p;
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        x[i] = scale * draw();
}

#ifdef LANG_GRADIENT
/* One step from a zero trace: the gradient of every parameter against central differences of the loss.
   Blocks are all of doubles.  */
static inline void gradient_by_differences(const M(_params) *p, const M(_state) *s, const M(_input) *in,
                                           const M(_target) *target, double tolerance)
{
    M(_grad) grad;
    M(_trace) trace;
    M(_output) out;
    M(_jacobian) jac;
    M(_signal) sig;
    M(_state) copy = *s;
    M(_params) q = *p;
    double *x = (double *)&q, *g = (double *)&grad;
    memset(&grad, 0, sizeof grad);
    M(_reset_trace)(&trace);
    M(_learn)(p, &copy, &trace, in, target, &out, &grad);
    for (size_t i = 0; i < sizeof q / sizeof *x; i++) {
        double at = x[i], loss[2];
        for (int k = 0; k < 2; k++) {
            x[i] = at + (k ? 1e-6 : -1e-6);
            copy = *s;
            loss[k] = M(_solve_h2w_h2h_l2h_jacobian)(&q, &copy, in, target, &out, &jac, &sig);
        }
        x[i] = at;
        NEAR(g[i], (loss[1] - loss[0]) / 2e-6, tolerance);
    }
}
#endif

static inline int verdict(void)
{
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
