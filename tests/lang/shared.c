/* SPDX-License-Identifier: Apache-2.0 */
/* Four layers, four states, one weight and one scale.  */
#define MODEL shared
#define LANG_GRADIENT
#include "model.h"

#include "lang.h"

int main(void)
{
    static shared_params p;
    static shared_state s, old;
    static shared_input in;
    static shared_target target;
    static shared_output out;
    CHECK(sizeof p == sizeof(double) * (3 * 4 + 4) && sizeof s == sizeof(double) * 4 * 4);
    fill(&p, sizeof p, 1);
    fill(&s, sizeof s, 1);
    fill(&in, sizeof in, 1);
    fill(&target, sizeof target, 1);
    gradient_by_differences(&p, &s, &in, &target, 1e-8);
    old = s;
    shared_step(&p, &s, &in, &out);
    for (int i = 0; i < 4; i++) {
        double a = 0.5 * old.pair_left_h[i];
        for (int k = 0; k < 3; k++)
            a += in.x[k] * p.pair_left_W[k][i];
        NEAR(out.left[i], 2 * p.pair_left_k[i] * a / (1 + fabs(a)), 1e-14);
    }
    memset(&s, 0, sizeof s);
    shared_step(&p, &s, &in, &out);
    for (int i = 0; i < 4; i++) {
        NEAR(out.left[i], out.again_right[i], 0);
        NEAR(out.right[i], out.again_left[i], 0);
    }
    return verdict();
}
