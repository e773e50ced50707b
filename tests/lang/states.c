/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers stay whole; draws depend on the seed, the call, the sample and the element, and on nothing else;
   evaluation draws nothing.  */
#define MODEL states
#include "model.h"

#include "lang.h"

static states_params p;
static states_input in;

static void check_counters(states_state *s)
{
    states_output out;
    for (int t = 0; t < 6; t++) {
        states_state old = *s;
        states_step(&p, s, &in, &out);
        for (int b = 0; b < 2; b++) {
            CHECK(s->count[b] == 4 + t && s->seed[b] == 8 + t);
            NEAR(out.count[b], 4 + t, 0);
            for (int i = 0; i < 5; i++) {
                int left = old.timer[b][i] > 0 ? old.timer[b][i] - 1 : 0;
                CHECK(s->timer[b][i] == (old.h[b][i] > 0.5 ? 4 : left));
                NEAR(s->average[b][i], 0.9 * old.average[b][i] + 0.1 * s->h[b][i], 1e-15);
            }
        }
    }
}

/* Kept elements are grown, the others zero; two modules and two samples draw apart.  */
static void check_dropout(const states_state *start)
{
    int kept = 0, apart = 0, between = 0;
    for (int t = 0; t < 400; t++) {
        states_state s = *start, twin = *start;
        states_output out, same;
        s.drop_steps[0] = s.drop_steps[1] = s.seed[0] = s.seed[1] = t;
        s.again_steps[0] = s.again_steps[1] = t;
        twin = s;
        states_step(&p, &s, &in, &out);
        states_step(&p, &twin, &in, &same);
        CHECK(memcmp(&out, &same, sizeof out) == 0);
        for (int b = 0; b < 2; b++)
            for (int i = 0; i < 5; i++) {
                double x = start->h[b][i], y = out.drop[b][i];
                CHECK(y == 0 || fabs(y - x / 0.75) < 1e-14);
                CHECK(out.noise[b][i] >= 0 && out.noise[b][i] < 1);
                kept += y != 0;
                apart += (y != 0) != (out.again[b][i] != 0);
                between += b == 0 && (y != 0) != (out.drop[1][i] != 0);
            }
    }
    CHECK(abs(kept - 3000) < 120);   /* of 4000; five standard deviations */
    CHECK(abs(apart - 1500) < 155);  /* 2 * 0.75 * 0.25 of 4000 */
    CHECK(abs(between - 750) < 110); /* of 2000 */
}

static void check_evaluation(const states_state *start)
{
    states_state s = *start;
    states_output out;
    in.training[0] = in.training[1] = 0;
    states_step(&p, &s, &in, &out);
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 5; i++)
            NEAR(out.drop[b][i], start->h[b][i], 0);
    in.training[0] = in.training[1] = 1;
}

static double loss_of(const states_params *q, const states_state *start, const states_target *target)
{
    states_state s = *start;
    states_output out;
    states_jacobian jac;
    states_signal sig;
    return states_solve_h2w_h2h_l2h_jacobian(q, &s, &in, target, &out, &jac, &sig);
}

/* No gradient flows through a state, and the mask is the same when the step is run again.  */
static void check_gradient(const states_state *start)
{
    static states_target target;
    static states_trace trace;
    static states_grad grad;
    states_state s = *start;
    states_output out;
    fill(&target, sizeof target, 1);
    states_reset_trace(&trace);
    states_learn(&p, &s, &trace, &in, &target, &out, &grad);
    for (int i = 0; i < 25; i++) {
        states_params up = p, down = p;
        (&up.W[0][0])[i] += 1e-6;
        (&down.W[0][0])[i] -= 1e-6;
        NEAR((&grad.W[0][0])[i], (loss_of(&up, start, &target) - loss_of(&down, start, &target)) / 2e-6, 1e-7);
    }
}

int main(void)
{
    static states_state s, start;
    states_init_state(&s);
    CHECK(s.count[1] == 3 && s.seed[0] == 7 && s.timer[1][4] == 0 && s.drop_steps[1] == 11);
    fill(&p, sizeof p, 0.3);
    fill(&in, sizeof in, 1);
    in.training[0] = in.training[1] = 1;
    fill(s.h, sizeof s.h, 1);
    start = s;
    check_counters(&s);
    check_dropout(&start);
    check_evaluation(&start);
    check_gradient(&start);
    return verdict();
}
