/* SPDX-License-Identifier: Apache-2.0 */
/* In: nothing.  Out: microseconds that one step of the model gru64 takes, forward alone and with
   online learning; the best of several rounds, as other programs only ever add time.  */
#define _POSIX_C_SOURCE 200112L

#include "gru64.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 50, STEPS = 2000, INPUTS = 64 };

static gru64_params params, grad;
static gru64_state state;
static gru64_trace trace;
static gru64_input in[INPUTS];
static gru64_target target;
static gru64_output out;

static void step(int t)
{
    gru64_step(&params, &state, &in[t % INPUTS], &out);
}

static void learn(int t)
{
    gru64_learn(&params, &state, &trace, &in[t % INPUTS], &target, &out, &grad);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double best_microseconds(void (*run)(int))
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        double took;
        for (int t = 0; t < STEPS; t++)
            run(t);
        took = (now() - start) / STEPS * 1e6;
        best = took < best ? took : best;
    }
    return best;
}

int main(void)
{
    gru64_init_params(&params, 1);
    gru64_init_state(&state);
    gru64_reset_trace(&trace);
    for (int t = 0; t < INPUTS; t++)
        for (int i = 0; i < INPUTS; i++)
            in[t].x[i] = (float)((t * 7 + i * 13) % 17) / 16.0f - 0.5f;
    printf("GRU 64, 64 inputs, float, batch 1: _step %.2f us", best_microseconds(step));
    printf(", _learn %.2f us\n", best_microseconds(learn));
    /* The sum keeps the work from being left out.  */
    return out.y_hat[0] + grad.rnn_Wz[0][0] == 12345.0f;
}
