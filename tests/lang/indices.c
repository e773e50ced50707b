/* SPDX-License-Identifier: Apache-2.0 */
#define MODEL indices
#define LANG_GRADIENT
#include "model.h"

#include "lang.h"

int main(void)
{
    static const double list[] = {1, 0.5, 3};
    static indices_params p;
    static indices_state s, zero;
    static indices_input in;
    static indices_target target = {{3, 1}};
    static indices_output out;
    fill(&p, sizeof p, 1);
    fill(in.x, sizeof in.x, 1);
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            in.i[0] = a;
            in.i[1] = b;
            in.j = a + b > 3 ? 3 : a + b;
            s = zero;
            indices_step(&p, &s, &in, &out);
            NEAR(out.picked, list[b], 0);
            NEAR(out.column[0], in.x[0][a], 0);
            NEAR(out.column[1], in.x[1][a], 0);
            NEAR(out.one, in.x[1][b], 0);
            NEAR(out.sum, 3 + 6 + 12, 0);
            CHECK(b == 0 || fabs(out.ratio - (double)a / b) < 1e-16);
            NEAR(out.back, in.j, 0);
            for (int k = 0; k < 4; k++)
                NEAR(s.h[k], tanh(in.x[0][0] * p.W[0][k] + in.x[0][1] * p.W[1][k] + in.x[0][2] * p.W[2][k]
                                  + 0.1 * a / (1.0 + in.j)), 1e-15);
            gradient_by_differences(&p, &zero, &in, &target, 1e-8);
        }
    return verdict();
}
