/* SPDX-License-Identifier: MIT-0 */
/* Digits as latency-coded spikes, learned online by leaky integrate-and-fire neurons; and, to
   compare, by their readout alone.  In: the folder of digits.npz, and a seed (or 1).  Out: a table,
   the learning curves spikes-curve.svg.  */
#include "spikes.h"
#include "datasets.h"
#include "etrace.h"
#include "latency.h"
#include "progress.h"
#include "training.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EPOCHS = 10, STEPS = 16, TRAIN = 1437, CLASSES = 10, NEURONS = 100,
    N_PARAMS = sizeof(spikes_params) / sizeof(float),
    READOUT = offsetof(spikes_params, out_W) / sizeof(float) /* the last of the parameters */
};
static const latency_code code = {.tau = 8, .threshold = 0.2f, .steps = STEPS};

typedef struct {
    int first; /* of the parameters that are learned */
    long updates;
    spikes_params params;
    float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
} learner;

/* The class that the readout favours at the end.  *FIRED counts the neurons' spikes.  */
static int classify(const spikes_params *params, const float *image, double *fired)
{
    int when[DIGIT_PIXELS];
    spikes_state state;
    spikes_input in;
    spikes_output out;

    spikes_init_state(&state);
    latency_encode(&code, image, DIGIT_PIXELS, when);
    for (int t = 0; t < STEPS; t++) {
        latency_spikes(when, DIGIT_PIXELS, t, in.x);
        spikes_step(params, &state, &in, &out);
        for (int i = 0; i < NEURONS; i++)
            *fired += (double)out.fired[i];
    }
    return training_largest(out.logits, CLASSES);
}

/* An image, step by step, then an update with the gradient that has come together.  */
static void learn(learner *l, const float *image, int label)
{
    const float rate = etr_rate_linear_f32(l->updates, 0.003f, 0, (long)EPOCHS * TRAIN);
    const spikes_target target = {.label = label};
    const int k = l->first;
    int when[DIGIT_PIXELS];
    spikes_state state;
    spikes_trace trace;
    spikes_input in;
    spikes_output out;
    spikes_grad grad;

    memset(&grad, 0, sizeof grad);
    spikes_init_state(&state);
    spikes_reset_trace(&trace);
    latency_encode(&code, image, DIGIT_PIXELS, when);
    for (int t = 0; t < STEPS; t++) {
        latency_spikes(when, DIGIT_PIXELS, t, in.x);
        spikes_learn(&l->params, &state, &trace, &in, &target, &out, &grad);
    }
    etr_adam_f32((float *)&l->params + k, (const float *)&grad + k, l->m + k, l->v + k,
                 (size_t)(N_PARAMS - k), ++l->updates, rate, 0.9f, 0.999f, 1e-8f);
}

/* The part of the images ORDER[0..N) that is named rightly.  */
static double accuracy(const learner *l, const digits_data *d, const int *order, int n,
                       double *fired)
{
    int right = 0;

    *fired = 0;
    for (int i = 0; i < n; i++)
        right += classify(&l->params, d->image[order[i]], fired) == d->label[order[i]];
    *fired /= n;
    return (double)right / n;
}

/* Returns the steps that were learned from, a second.  */
static double train(learner *l, const digits_data *d, const int *split, uint64_t seed,
                    double *curve)
{
    int order[TRAIN];
    char text[64];
    double fired;
    progress p;

    spikes_init_params(&l->params, seed);
    progress_begin(&p, stderr, "images", (long)EPOCHS * TRAIN);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        training_shuffle(order, TRAIN, seed, (uint32_t)epoch);
        for (int i = 0; i < TRAIN; i++)
            learn(l, d->image[split[order[i]]], d->label[split[order[i]]]);
        curve[epoch] = accuracy(l, d, split + TRAIN, d->n - TRAIN, &fired);
        snprintf(text, sizeof text, "held-out accuracy %.4f", curve[epoch]);
        progress_show(&p, l->updates, text);
    }
    return (double)l->updates * STEPS / progress_end(&p);
}

static int run(const digits_data *d, const int *split, uint64_t seed)
{
    static learner all, readout = {.first = READOUT};
    double curve[2][EPOCHS], fired[2];
    const double speed = train(&all, d, split, seed, curve[0]);
    const double speed_readout = train(&readout, d, split, seed, curve[1]);

    training_names("all weights", "readout only");
    training_row2("accuracy, training", 4, accuracy(&all, d, split, TRAIN, fired),
                  accuracy(&readout, d, split, TRAIN, fired + 1));
    training_row2("accuracy, held out", 4, curve[0][EPOCHS - 1], curve[1][EPOCHS - 1]);
    training_row2("spikes an image, of all neurons", 1, fired[0], fired[1]);
    training_row2("steps a second, with the updates", 0, speed, speed_readout);
    training_row("bytes of parameters", 0, (double)spikes_info.params_bytes);
    training_row("bytes of state", 0, (double)spikes_info.state_bytes);
    training_row("bytes of trace", 0, (double)spikes_info.trace_bytes);
    return training_curves("spikes-curve.svg", "Digits as spikes, 360 held out", "epoch",
                           "accuracy", "all weights", "readout only", curve[0], EPOCHS);
}

int main(int argc, char **argv)
{
    digits_data d;
    int status = digits_read(training_path(argc, argv, "digits.npz"), &d) != 0;
    int *split = status ? NULL : malloc((size_t)d.n * sizeof *split);

    if (split && d.n > TRAIN) {
        training_shuffle(split, d.n, 1, 0); /* the same split for every seed */
        status = run(&d, split, training_seed(argc, argv));
    }
    free(split);
    digits_free(&d);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
