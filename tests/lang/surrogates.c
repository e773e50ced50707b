/* SPDX-License-Identifier: Apache-2.0 */
/* The surrogates against formulas written down once more, from the papers.  */
#define MODEL surrogates
#include "model.h"

#include "lang.h"

static double normal(double x, double mean, double sigma)
{
    return exp(-(x - mean) * (x - mean) / (2 * sigma * sigma)) / (sigma * sqrt(2 * acos(-1)));
}

static double logistic_slope(double x, double alpha)
{
    double e = exp(-alpha * x);
    return alpha * e / ((1 + e) * (1 + e));
}

int main(void)
{
    static surrogates_params p;
    static surrogates_state s;
    static surrogates_input in;
    static surrogates_output out;
    static surrogates_jacobian jac;
    const double pi = acos(-1);
    double *state = (double *)&s;
    for (int k = 0; k < 10; k++)
        for (int i = 0; i < 9; i++)
            state[9 * k + i] = (i - 4) * 0.4;
    surrogates_solve_h2w_h2h_jacobian(&p, &s, &in, &out, &jac);
    for (int i = 0; i < 9; i++) {
        double v = (i - 4) * 0.4;
        for (int k = 0; k < 10; k++)
            CHECK((state[9 * k + i] > 0.5) == (i >= 4));
        NEAR(jac.D_relu_relu[i], fmax(0, 0.3 - 0.3 * fabs(v)), 1e-15);
        NEAR(jac.D_sigmoid_sigmoid[i], logistic_slope(v, 4), 1e-14);
        NEAR(jac.D_arctan_arctan[i], 1 / (2 * (1 + pow(pi * v / 2, 2))), 1e-14);
        NEAR(jac.D_erf_erf[i], 2 / sqrt(pi) * exp(-4 * v * v), 1e-14);
        NEAR(jac.D_multi_multi[i],
             0.5 * (1.15 * normal(v, 0, 0.5) - 0.15 * normal(v, 0.5, 3) - 0.15 * normal(v, -0.5, 3)), 1e-14);
        NEAR(jac.D_quadratic_quadratic[i], fabs(v) > 1 ? 0 : 1 - fabs(v), 1e-15);
        NEAR(jac.D_slayer_slayer[i], exp(-3 * fabs(v)), 1e-14);
        NEAR(jac.D_sharp_sharp[i], logistic_slope(v, 10), 1e-14);
        NEAR(jac.D_wide_wide[i], fmax(0, 1 - 0.5 * fabs(v)), 1e-15);
        NEAR(jac.D_own_own[i], exp(-v * v), 1e-14);
    }
    return verdict();
}
