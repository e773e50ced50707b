/* SPDX-License-Identifier: MIT-0 */
/* Evidence accumulation, learned online by spiking neurons, half of them adaptive.  In: a seed as
   the second argument (or 1).  Out: a table, the learning curve cues-curve.svg.  */
#include "cues.h"
#include "etrace.h"
#include "evidence.h"
#include "progress.h"
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 16, UPDATES = 150, EVERY = 5, N_POINTS = UPDATES / EVERY, TESTS = 400,
    N_PARAMS = sizeof(cues_params) / sizeof(float)
};
typedef enum { LEARN, TEST, TEST_FORGETFUL } mode;

/* The task of the paper in steps of 5 ms: 7 cues of 100 ms every 150 ms, 1,050 ms of pause, 150 ms
   of recall; groups of 10 neurons that fire at 40 Hz, noise at 10 Hz.  */
static const evidence_task task = {
    .group = 10, .cues = 7, .cue_steps = 20, .pause_steps = 10, .delay_steps = 210,
    .recall_steps = 30, .p_side = 0.7f, .rate = 0.2f, .noise = 0.05f};

typedef struct {
    cues_params params;
    float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
    long updates;
} learner;

/* Trial NUMBER under SEED; adds to GRAD when it is to learn.  Is the answer right?  It is the side
   that the readout favours, added up over the recall.  The forgetful have all thresholds back at
   rest when the question comes.  */
static int run_trial(const cues_params *params, mode how, uint64_t seed, uint32_t number,
                     cues_grad *grad)
{
    const evidence_trial trial = evidence_draw(&task, seed, number);
    const int steps = evidence_steps(&task);
    cues_target target = {.side = trial.answer};
    float sum[2] = {0, 0};
    cues_state state;
    cues_trace trace;
    cues_input in;
    cues_output out;

    cues_init_state(&state);
    cues_reset_trace(&trace);
    for (int t = 0; t < steps; t++) {
        const int asked = evidence_input(&task, &trial, t, in.x);
        target.asked = asked ? 1.0f / (float)(task.recall_steps * BATCH) : 0;
        if (how == TEST_FORGETFUL && t == steps - task.recall_steps)
            memset(state.adaptive_a, 0, sizeof state.adaptive_a);
        if (how == LEARN)
            cues_learn(params, &state, &trace, &in, &target, &out, grad);
        else
            cues_step(params, &state, &in, &out);
        for (int k = 0; asked && k < 2; k++)
            sum[k] += out.logits[k];
    }
    return training_largest(sum, 2) == trial.answer;
}

static double test(const cues_params *params, mode how, uint64_t seed)
{
    int right = 0;

    for (uint32_t i = 0; i < TESTS; i++)
        right += run_trial(params, how, seed, i, NULL);
    return (double)right / TESTS;
}

/* Updates after every BATCH trials.  CURVE is the accuracy of the last EVERY of them, before they
   were learned from.  Returns the steps a second.  */
static double train(cues_params *params, uint64_t seed, double curve[N_POINTS])
{
    static float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
    char text[64] = "";
    int right = 0;
    progress p;

    progress_begin(&p, stderr, "trials", (long)UPDATES * BATCH);
    for (int u = 0; u < UPDATES; u++) {
        cues_grad grad;
        memset(&grad, 0, sizeof grad);
        for (int i = 0; i < BATCH; i++) {
            right += run_trial(params, LEARN, seed, (uint32_t)(u * BATCH + i), &grad);
            progress_show(&p, u * BATCH + i, text);
        }
        etr_adam_f32((float *)params, (const float *)&grad, m, v, N_PARAMS, u + 1,
                     etr_rate_linear_f32(u, 0.01f, 0, UPDATES), 0.9f, 0.999f, 1e-8f);
        if ((u + 1) % EVERY == 0) {
            curve[u / EVERY] = (double)right / (EVERY * BATCH);
            snprintf(text, sizeof text, "accuracy of the last %d %.2f", EVERY * BATCH,
                     curve[u / EVERY]);
            right = 0;
        }
    }
    progress_show(&p, (long)UPDATES * BATCH, text);
    return (double)UPDATES * BATCH * evidence_steps(&task) / progress_end(&p);
}

int main(int argc, char **argv)
{
    static cues_params params;
    const uint64_t seed = training_seed(argc, argv), other = ~seed; /* the tests' trials */
    double curve[N_POINTS], speed;

    cues_init_params(&params, seed);
    speed = train(&params, seed, curve);
    training_row("accuracy, new trials", 4, test(&params, TEST, other));
    training_row("the same, thresholds reset at recall", 4, test(&params, TEST_FORGETFUL, other));
    training_row("accuracy of guessing", 4, 0.5);
    training_row("trials that were learned from", 0, (double)UPDATES * BATCH);
    training_row("steps of a trial", 0, evidence_steps(&task));
    training_row("steps a second, with the updates", 0, speed);
    training_row("bytes of parameters", 0, (double)cues_info.params_bytes);
    training_row("bytes of state", 0, (double)cues_info.state_bytes);
    training_row("bytes of trace", 0, (double)cues_info.trace_bytes);
    return training_curves("cues-curve.svg", "Evidence accumulation", "five updates of 16 trials",
                           "accuracy", "new trials, while learning", NULL, curve, N_POINTS)
               ? EXIT_FAILURE
               : EXIT_SUCCESS;
}
