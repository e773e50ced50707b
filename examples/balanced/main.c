/* SPDX-License-Identifier: MIT-0 */
/* Pattern generation: a sparse network of excitatory and inhibitory spiking neurons learns online
   to draw a figure, from the spikes of a clock; and, to compare, its readout alone learns.  In: a seed
   as the second argument (or 1).  Out: a table, the learning curves balanced-curve.svg.  */
#include "balanced.h"
#include "etrace.h"
#include "etrace_random.h"
#include "progress.h"
#include "training.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 1000, CLOCKS = 20, N_E = 160, N = 200, TRIALS = 300, EVERY = 10, TESTS = 20,
    N_POINTS = TRIALS / EVERY, FIGURE = 1 << 20, /* a stream that no trial has */
    N_PARAMS = sizeof(balanced_params) / sizeof(float),
    READOUT = offsetof(balanced_params, out_W) / sizeof(float) /* the last of the parameters */
};

typedef struct {
    double error;          /* the mean square of the difference */
    double e_rate, i_rate; /* spikes a second of a neuron */
} result;

typedef struct {
    int first; /* of the parameters that are learned */
    balanced_params params;
    float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
    double curve[N_POINTS], speed;  /* error of the trials while learning; steps a second */
    result tested;
} learner;

/* Where the pen is: sums of sines of 1 to 5 Hz with drawn phases and sizes, of variance 1.  */
static balanced_target figure[STEPS];

static void draw_figure(uint64_t seed)
{
    for (int k = 0; k < 2; k++) {
        float phase[5], size[5], square = 0;
        for (int f = 0; f < 5; f++) {
            phase[f] = 6.2831853f * etr_uniform_f32(seed, FIGURE, (uint64_t)(10 * k + f));
            size[f] = 0.5f + etr_uniform_f32(seed, FIGURE, (uint64_t)(10 * k + f + 5));
            square += size[f] * size[f] / 2;
        }
        for (int t = 0; t < STEPS; t++) {
            float y = 0;
            for (int f = 0; f < 5; f++)
                y += size[f] * sinf(6.2831853f * (float)((f + 1) * t) / STEPS + phase[f]);
            figure[t].y[k] = y / sqrtf(square);
        }
    }
}

/* The clock: neuron I fires most when its time comes, around step 50 I, and the spikes of each
   trial are drawn anew.  */
static void tick(uint64_t seed, uint32_t trial, int t, balanced_input *in)
{
    for (int i = 0; i < CLOCKS; i++) {
        const float far = ((float)t - ((float)i + 0.5f) * STEPS / CLOCKS) / 40;
        const uint64_t index = (uint64_t)(t * CLOCKS + i);
        in->x[i] = etr_uniform_f32(seed, trial, index) < 0.4f * expf(-far * far / 2) ? 1.0f : 0.0f;
    }
}

/* A trial; adds to GRAD unless that is NULL, and a share of 1 / SHARE to RES.  */
static void run_trial(const balanced_params *params, uint64_t seed, uint32_t number,
                      balanced_grad *grad, result *res, int share)
{
    const double e_part = 1.0 / N_E / share, i_part = 1.0 / (N - N_E) / share; /* a step is 1 ms */
    balanced_state state;
    balanced_trace trace;
    balanced_input in;
    balanced_output out;

    balanced_init_state(&state);
    balanced_reset_trace(&trace);
    for (int t = 0; t < STEPS; t++) {
        tick(seed, number, t, &in);
        if (grad)
            balanced_learn(params, &state, &trace, &in, &figure[t], &out, grad);
        else
            balanced_step(params, &state, &in, &out);
        for (int i = 0; i < N_E; i++)
            res->e_rate += (double)out.fired[i] * e_part;
        for (int i = N_E; i < N; i++)
            res->i_rate += (double)out.fired[i] * i_part;
        for (int k = 0; k < 2; k++)
            res->error += pow((double)(out.y[k] - figure[t].y[k]), 2) / (2 * STEPS * share);
    }
}

static void learn(learner *l, uint64_t seed)
{
    const int k = l->first;
    char text[64] = "";
    balanced_grad grad;
    progress p;

    balanced_init_params(&l->params, seed);
    progress_begin(&p, stderr, "trials", TRIALS);
    for (int u = 0; u < TRIALS; u++) {
        result r = {0};
        memset(&grad, 0, sizeof grad);
        run_trial(&l->params, seed, (uint32_t)u, &grad, &r, 1);
        etr_adam_f32((float *)&l->params + k, (const float *)&grad + k, l->m + k, l->v + k,
                     (size_t)(N_PARAMS - k), u + 1, etr_rate_linear_f32(u, 0.02f, 0, TRIALS), 0.9f,
                     0.999f, 1e-8f);
        l->curve[u / EVERY] += r.error / EVERY;
        snprintf(text, sizeof text, "error %.3f", r.error);
        progress_show(&p, u + 1, text);
    }
    l->speed = (double)TRIALS * STEPS / progress_end(&p);
    for (uint32_t i = 0; i < TESTS; i++)
        run_trial(&l->params, ~seed, i, NULL, &l->tested, TESTS);
}

int main(int argc, char **argv)
{
    static learner all, readout = {.first = READOUT};
    const uint64_t seed = training_seed(argc, argv);
    double curves[2][N_POINTS];

    draw_figure(seed);
    learn(&all, seed);
    learn(&readout, seed);
    memcpy(curves[0], all.curve, sizeof all.curve);
    memcpy(curves[1], readout.curve, sizeof readout.curve);
    training_names("all weights", "readout only");
    training_row2("error, new trials", 4, all.tested.error, readout.tested.error);
    training_row2("error of standing still", 4, 1, 1);
    training_row2("spikes a second, excitatory neuron", 1, all.tested.e_rate,
                  readout.tested.e_rate);
    training_row2("spikes a second, inhibitory neuron", 1, all.tested.i_rate,
                  readout.tested.i_rate);
    training_row2("steps a second, with the updates", 0, all.speed, readout.speed);
    training_row("bytes of parameters", 0, (double)balanced_info.params_bytes);
    training_row("bytes of state", 0, (double)balanced_info.state_bytes);
    training_row("bytes of trace", 0, (double)balanced_info.trace_bytes);
    return training_curves("balanced-curve.svg", "Pattern generation", "ten trials", "error",
                           "all weights", "readout only", curves[0], N_POINTS)
               ? EXIT_FAILURE
               : EXIT_SUCCESS;
}
