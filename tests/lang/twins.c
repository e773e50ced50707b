/* SPDX-License-Identifier: Apache-2.0 */
/* The gradient of three steps, by the trace and by differences.  */
#define MODEL twins
#include "model.h"

#include "lang.h"

enum { T = 3 };

static twins_input in[T];
static twins_target target[T];

static double run(const twins_params *p, twins_grad *grad)
{
    static twins_state s, zero;
    static twins_trace trace;
    twins_output out;
    double loss = 0;
    s = zero;
    twins_reset_trace(&trace);
    for (int t = 0; t < T; t++)
        loss += twins_learn(p, &s, &trace, &in[t], &target[t], &out, grad);
    return loss;
}

int main(void)
{
    static twins_params p;
    static twins_grad grad, unused;
    double *x = (double *)&p;
    fill(&p, sizeof p, 1);
    fill(in, sizeof in, 1);
    fill(target, sizeof target, 1);
    run(&p, &grad);
    for (size_t i = 0; i < sizeof p / sizeof *x; i++) {
        double at = x[i], loss[2];
        for (int k = 0; k < 2; k++) {
            x[i] = at + (k ? 1e-6 : -1e-6);
            loss[k] = run(&p, &unused);
        }
        x[i] = at;
        NEAR(((double *)&grad)[i], (loss[1] - loss[0]) / 2e-6, 1e-8);
    }
    return verdict();
}
