/* SPDX-License-Identifier: MIT-0 */
/* Digits as latency-coded spikes, learned online by leaky integrate-and-fire neurons; and, to
   compare, by their readout alone.  In: --rule=NAME (or d_rtrl), the folder of digits.npz, and a
   seed (or 1).  Out: a table, the learning curves spikes-curve.svg.  */
#include "spikes.h"
#include "datasets.h"
#include "etrace.h"
#include "latency.h"
#include "progress.h"
#include "rules.h"
#include "steps.h"
#include "training.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EPOCHS = 10, TRAIN = 1437, CLASSES = 10, NEURONS = 100,
    N_PARAMS = sizeof(spikes_params) / sizeof(float),
    READOUT = offsetof(spikes_params, out_W) / sizeof(float) /* the last of the parameters */
};
static const latency_code code = {.tau = 8, .threshold = 0.2f, .steps = STEPS};

/* The class that the readout favours at the end.  *FIRED counts the neurons' spikes.  */
static int classify(const void *params, const float *image, double *fired)
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

/* The steps of an image, then an update with the gradient that has come together.  */
static void learn(rules_learner *l, const float *image, int label)
{
    const float rate = etr_rate_linear_f32(l->updates, 0.003f, 0, (long)EPOCHS * TRAIN);
    int when[DIGIT_PIXELS];
    spikes_input in[STEPS];
    spikes_target target[STEPS];

    latency_encode(&code, image, DIGIT_PIXELS, when);
    for (int t = 0; t < STEPS; t++) {
        latency_spikes(when, DIGIT_PIXELS, t, in[t].x);
        target[t].label = label;
    }
    rules_learn(l, in, target, rate);
}

/* The part of the images ORDER[0..N) that is named rightly.  */
static double accuracy(const rules_learner *l, const digits_data *d, const int *order, int n,
                       double *fired)
{
    int right = 0;

    *fired = 0;
    for (int i = 0; i < n; i++)
        right += classify(l->params, d->image[order[i]], fired) == d->label[order[i]];
    *fired /= n;
    return (double)right / n;
}

/* Returns the steps that were learned from, a second.  */
static double train(rules_learner *l, const digits_data *d, const int *split,
                    uint64_t seed, double *curve)
{
    int order[TRAIN];
    char text[64];
    double fired;
    progress p;

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

static int run(const rules_row *rule, const digits_data *d, const int *split, uint64_t seed)
{
    rules_learner all, readout;
    double curve[2][EPOCHS], fired[2], speed[2];

    if (rules_begin(&all, rule, seed) != 0 || rules_begin(&readout, rule, seed) != 0)
        return 1;
    readout.first = READOUT;
    readout.n = N_PARAMS - READOUT;
    speed[0] = train(&all, d, split, seed, curve[0]);
    speed[1] = train(&readout, d, split, seed, curve[1]);
    training_names("all weights", "readout only");
    training_row2("accuracy, training", 4, accuracy(&all, d, split, TRAIN, fired),
                  accuracy(&readout, d, split, TRAIN, fired + 1));
    training_row2("accuracy, held out", 4, curve[0][EPOCHS - 1], curve[1][EPOCHS - 1]);
    training_row2("spikes an image, of all neurons", 1, fired[0], fired[1]);
    training_row2("steps a second, with the updates", 0, speed[0], speed[1]);
    training_row("bytes of parameters", 0, (double)rule->info->params_bytes);
    training_row("bytes of state", 0, (double)rule->info->state_bytes);
    training_row("bytes of trace", 0, (double)rule->info->trace_bytes);
    rules_end(&all);
    rules_end(&readout);
    return training_curves("spikes-curve.svg", "Digits as spikes, 360 held out", "epoch",
                           "accuracy", "all weights", "readout only", curve[0], EPOCHS);
}

int main(int argc, char **argv)
{
    digits_data d;
    int status, *split;
    const rules_row *rule = rules_choose(rules_table, &argc, argv, &status);

    if (!rule)
        return status;
    status = digits_read(training_path(argc, argv, "digits.npz"), &d) != 0;
    split = status ? NULL : malloc((size_t)d.n * sizeof *split);
    if (split && d.n > TRAIN) {
        training_shuffle(split, d.n, 1, 0); /* the same split for every seed */
        status = run(rule, &d, split, training_seed(argc, argv));
    }
    free(split);
    digits_free(&d);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
