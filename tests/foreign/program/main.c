/* SPDX-License-Identifier: MIT-0 */
/* In: two models.  One unit learns to follow a slow mean of random numbers; the other model counts the
   steps.  Out: whether both do what they should.  */
#include "counter.h"
#include "follower.h"

#include <etrace.h>
#include <stdio.h>

enum { STEPS = 4000, LAST = 500, N = sizeof(follower_params) / sizeof(float) };

int main(void)
{
    follower_params p, grad;
    follower_state s;
    follower_trace e;
    follower_output followed;
    counter_params none;
    counter_state count;
    counter_input nothing = {0};
    counter_output counted = {0};
    float m[N] = {0}, v[N] = {0}, mean = 0, first = 0, last = 0;

    follower_init_params(&p, 1);
    follower_init_state(&s);
    follower_reset_trace(&e);
    counter_init_params(&none, 1);
    counter_init_state(&count);
    for (int t = 1; t <= STEPS; t++) {
        const follower_input in = {.x = {etr_uniform_f32(1, 0, (uint64_t)t) - 0.5f}};
        mean = 0.9f * mean + 0.1f * in.x[0];
        const follower_target target = {.y = {mean}};
        grad = (follower_params){0};
        const float loss = follower_learn(&p, &s, &e, &in, &target, &followed, &grad);
        etr_adam_f32((float *)&p, (const float *)&grad, m, v, N, t, 0.01f, 0.9f, 0.999f, 1e-8f);
        counter_step(&none, &count, &nothing, &counted);
        first += t <= LAST ? loss : 0;
        last += t > STEPS - LAST ? loss : 0;
    }
    const int good = last < 0.01f * first && counted.count == STEPS;
    puts(good ? "it follows" : "it does not follow");
    return !good;
}
