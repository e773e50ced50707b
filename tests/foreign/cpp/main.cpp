/* SPDX-License-Identifier: MIT-0 */
/* In: the model follower under another name.  It learns to follow a slow mean of random numbers.
   Out: whether it does.  */
#include "follower.h"

#include <etrace.h>
#include <iostream>
#include <memory>
#include <vector>

namespace {

constexpr int steps = 4000, last_steps = 500;

struct learner {
    pursuer_params params;
    pursuer_state state;
    pursuer_trace trace;
    std::vector<float> m, v;

    learner() : m(sizeof params / sizeof(float)), v(m.size())
    {
        pursuer_init_params(&params, 1);
        pursuer_init_state(&state);
        pursuer_reset_trace(&trace);
    }

    float learn(const pursuer_input &in, const pursuer_target &target, int step)
    {
        pursuer_output out;
        pursuer_grad grad = {};
        const float loss = pursuer_learn(&params, &state, &trace, &in, &target, &out, &grad);
        etr_adam_f32(reinterpret_cast<float *>(&params), reinterpret_cast<const float *>(&grad),
                     m.data(), v.data(), m.size(), step, 0.01f, 0.9f, 0.999f, 1e-8f);
        return loss;
    }
};

} // namespace

int main()
{
    auto unit = std::make_unique<learner>();
    float mean = 0, first = 0, last = 0;

    for (int t = 1; t <= steps; t++) {
        const pursuer_input in = {{etr_uniform_f32(1, 0, static_cast<uint64_t>(t)) - 0.5f}};
        mean = 0.9f * mean + 0.1f * in.x[0];
        const float loss = unit->learn(in, {{mean}}, t);
        first += t <= last_steps ? loss : 0;
        last += t > steps - last_steps ? loss : 0;
    }
    const bool good = last < 0.01f * first;
    std::cout << (good ? "it follows" : "it does not follow") << '\n';
    return !good;
}
