/* SPDX-License-Identifier: Apache-2.0 */
/* What is stated is what is used: the true derivatives agree with differences, the others are found in D.  */
#define MODEL stated
#define LANG_GRADIENT
#include "model.h"

#include "lang.h"

int main(void)
{
    static stated_params p;
    static stated_state s, copy;
    static stated_input in;
    static stated_target target;
    static stated_output out;
    static stated_jacobian jac;
    fill(&p, sizeof p, 1);
    fill(&s, sizeof s, 1);
    fill(&in, sizeof in, 1);
    fill(&target, sizeof target, 1);
    gradient_by_differences(&p, &s, &in, &target, 1e-8);
    copy = s;
    stated_solve_h2w_h2h_jacobian(&p, &copy, &in, &out, &jac);
    for (int i = 0; i < 4; i++) {
        NEAR(jac.D_v_v[i], 0.9 + 2 + exp(-3 * s.v[i] * s.v[i]), 1e-14);
        NEAR(copy.v[i], 0.9 * s.v[i] + fmin(fmax(2 * s.v[i], -0.5), 0.5) + (s.v[i] > 0), 1e-15);
    }
    return verdict();
}
