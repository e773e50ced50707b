/* SPDX-License-Identifier: Apache-2.0 */
/* In: net.h, a generated network of N neurons; LEARNS; and how many rounds, as the only argument.  Each neuron is
   kicked over its threshold once in PERIOD steps.  Out: the least microseconds a step of all turns in the rounds,
   which are of PERIOD steps, and the mean number of spikes in a step.  */
#define _POSIX_C_SOURCE 200112L
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A turn is short, so that some have the machine for themselves.  */
enum { PERIOD = 200, STEPS = LEARNS ? 1 : 10 };

static net_params *params;
static net_state *state;
static net_trace *trace;
static net_grad *grad;
static net_input *in;
static net_target target;
static double fired;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Microseconds a step of STEPS steps from T on.  */
static double turn(int t)
{
    const double start = now();

    for (int k = t; k < t + STEPS; k++) {
        net_output out;
#if LEARNS
        net_learn(params, state, trace, &in[k], &target, &out, grad);
#else
        net_step(params, state, &in[k], &out);
#endif
        fired += (double)out.fired;
    }
    return (now() - start) / STEPS * 1e6;
}

int main(int argc, char **argv)
{
    const int rounds = argc == 2 ? atoi(argv[1]) : 0;
    double best = 1e300;

    params = malloc(sizeof *params);
    state = malloc(sizeof *state);
    trace = malloc(sizeof *trace);
    grad = malloc(sizeof *grad);
    in = calloc(PERIOD, sizeof *in);
    if (rounds < 1 || !params || !state || !trace || !grad || !in)
        return EXIT_FAILURE;
    for (int i = 0; i < N; i++)
        in[i % PERIOD].x[(int)((long)i * 7919 % N)] = 30;
    net_init_params(params, 1);
    net_init_state(state);
    net_reset_trace(trace);
    net_clear_grad(grad);
    for (int t = 0; t < PERIOD; t += STEPS)
        turn(t);
    fired = 0;
    for (int r = 0; r < rounds; r++)
        for (int t = 0; t < PERIOD; t += STEPS) {
            const double took = turn(t);
            best = took < best ? took : best;
        }
    printf("%.9g %.9g\n", best, fired / ((double)rounds * PERIOD));
    return EXIT_SUCCESS;
}
