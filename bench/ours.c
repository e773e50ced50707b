/* SPDX-License-Identifier: Apache-2.0 */
/* In: net.h, a generated model of any network and rule; WINDOW, how many steps a call makes (1, or
   the window of the rule).  Out: the subject of bench/subject.h.  */
#include "net.h"
#include "subject.h"

#include <stdlib.h>
#include <string.h>

enum {
    INPUTS = sizeof(net_input) / sizeof(float),
    TARGETS = sizeof(net_target) / sizeof(float)
};

static net_params *params;
static net_grad *grad;
static net_state state, *tape;
static net_trace *trace;
static net_input *in;
static net_target *target;
static net_output out;
static size_t n_steps;

static void make_data(void)
{
    for (size_t t = 0; t < n_steps; t++) {
        for (size_t i = 0; i < INPUTS; i++)
            ((float *)&in[t])[i] = subject_x(t, i);
        for (size_t i = 0; i < TARGETS; i++)
            ((float *)&target[t])[i] = subject_y(t, i);
    }
}

int subject_begin(size_t n)
{
    n_steps = n;
    params = malloc(sizeof *params);
    grad = malloc(sizeof *grad);
    trace = malloc(sizeof *trace);
    tape = malloc(WINDOW * sizeof *tape);
    in = malloc(n * sizeof *in);
    target = malloc(n * sizeof *target);
    if (!params || !grad || !trace || !tape || !in || !target)
        return 1;
    make_data();
    net_init_params(params, 1);
    subject_restart();
    return 0;
}

size_t subject_n_params(void)
{
    return sizeof *params / sizeof(float);
}

float *subject_params(void)
{
    return (float *)params;
}

float *subject_grad(void)
{
    return (float *)grad;
}

void subject_restart(void)
{
    net_init_state(&state);
    net_reset_trace(trace);
    net_clear_grad(grad);
}

static void learn_steps(size_t from, size_t n)
{
    const net_sequence q = {
        .n_steps = n, .in = in + from, .target = target + from, .out = &out, .last_output = 1,
        .tape = tape};
    float loss = 0;

    if (net_learn_sequence(params, &state, trace, &q, grad, &loss) != ETR_UPDATE_OK)
        abort();
}

size_t subject_steps_a_call(void)
{
    return WINDOW;
}

#if WINDOW > 1
void subject_call(size_t t)
{
    learn_steps(t, WINDOW);
}
#else
void subject_call(size_t t)
{
    net_learn(params, &state, trace, &in[t], &target[t], &out, grad);
}
#endif

void subject_sequence(void)
{
    learn_steps(0, n_steps);
}
