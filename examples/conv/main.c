/* SPDX-License-Identifier: MIT-0 */
/* Handwritten digits, read row by row, learned online by a convolutional network; and, to compare,
   by its readout alone.  In: the folder of digits.npz, and a seed (or 1).  Out: a table, the
   learning curves conv-curve.svg.  */
#include "conv.h"
#include "datasets.h"
#include "etrace.h"
#include "progress.h"
#include "training.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EPOCHS = 20, ROWS = 8, TRAIN = 1437, CLASSES = 10,
    N_PARAMS = sizeof(conv_params) / sizeof(float),
    READOUT = offsetof(conv_params, out_W) / sizeof(float) /* the last of the parameters */
};

typedef struct {
    int first; /* of the parameters that are learned */
    long updates;
    conv_params params;
    float m[N_PARAMS], v[N_PARAMS]; /* of AdamW */
} learner;

static conv_input row(const float *image, int t)
{
    conv_input in;

    memcpy(in.x, image + t * ROWS, sizeof in.x);
    return in;
}

/* The part of the images ORDER[0..N) that is named rightly after the last row.  */
static double accuracy(const learner *l, const digits_data *d, const int *order, int n)
{
    int right = 0;

    for (int i = 0; i < n; i++) {
        conv_state state;
        conv_output out;
        conv_init_state(&state);
        for (int t = 0; t < ROWS; t++) {
            const conv_input in = row(d->image[order[i]], t);
            conv_step(&l->params, &state, &in, &out);
        }
        right += training_largest(out.logits, CLASSES) == d->label[order[i]];
    }
    return (double)right / n;
}

/* An image, row by row, then an update with the gradient that has come together.  */
static void learn(learner *l, const float *image, int label)
{
    const float rate = etr_rate_linear_f32(l->updates, 0.003f, 0, (long)EPOCHS * TRAIN);
    const int k = l->first;
    conv_state state;
    conv_trace trace;
    conv_output out;
    conv_grad grad;

    memset(&grad, 0, sizeof grad);
    conv_init_state(&state);
    conv_reset_trace(&trace);
    for (int t = 0; t < ROWS; t++) {
        const conv_input in = row(image, t);
        const conv_target target = {.label = label, .when = t == ROWS - 1};
        conv_learn(&l->params, &state, &trace, &in, &target, &out, &grad);
    }
    etr_adamw_f32((float *)&l->params + k, (const float *)&grad + k, l->m + k, l->v + k,
                  (size_t)(N_PARAMS - k), ++l->updates, rate, 0.9f, 0.999f, 1e-8f, 0.03f);
}

/* Returns the steps that were learned from, a second.  */
static double train(learner *l, const digits_data *d, const int *split, uint64_t seed,
                    double *curve)
{
    int order[TRAIN];
    char text[64];
    progress p;

    conv_init_params(&l->params, seed);
    progress_begin(&p, stderr, "images", (long)EPOCHS * TRAIN);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        training_shuffle(order, TRAIN, seed, (uint32_t)epoch);
        for (int i = 0; i < TRAIN; i++)
            learn(l, d->image[split[order[i]]], d->label[split[order[i]]]);
        curve[epoch] = accuracy(l, d, split + TRAIN, d->n - TRAIN);
        snprintf(text, sizeof text, "held-out accuracy %.4f", curve[epoch]);
        progress_show(&p, l->updates, text);
    }
    return (double)l->updates * ROWS / progress_end(&p);
}

static int run(const digits_data *d, const int *split, uint64_t seed)
{
    static learner all, readout = {.first = READOUT};
    double curve[2][EPOCHS];
    const double speed = train(&all, d, split, seed, curve[0]);
    const double speed_readout = train(&readout, d, split, seed, curve[1]);

    training_names("all weights", "readout only");
    training_row2("accuracy, training", 4, accuracy(&all, d, split, TRAIN),
                  accuracy(&readout, d, split, TRAIN));
    training_row2("accuracy, held out", 4, curve[0][EPOCHS - 1], curve[1][EPOCHS - 1]);
    training_row2("steps a second, with the updates", 0, speed, speed_readout);
    training_row("bytes of parameters", 0, (double)conv_info.params_bytes);
    training_row("bytes of state", 0, (double)conv_info.state_bytes);
    training_row("bytes of trace", 0, (double)conv_info.trace_bytes);
    return training_curves("conv-curve.svg", "Handwritten digits, 360 held out", "epoch",
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
