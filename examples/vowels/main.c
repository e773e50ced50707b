/* SPDX-License-Identifier: MIT-0 */
/* Japanese vowels: which of nine men speaks, learned online by a linear recurrent unit; and, to
   compare, by its readout alone.  In: the folder of vowels.npz, and a seed (or 1).  Out: a table,
   the learning curves vowels-curve.svg.  */
#include "vowels.h"
#include "datasets.h"
#include "etrace.h"
#include "exact.h"
#include "progress.h"
#include "training.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EPOCHS = 30,
    N_PARAMS = sizeof(vowels_params) / sizeof(float),
    READOUT = offsetof(vowels_params, out_W) / sizeof(float) /* the last of the parameters */
};

typedef struct {
    int first; /* of the parameters that are learned */
    long updates, steps;
    vowels_params params;
    float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
} learner;

static vowels_input frame(const vowels_data *d, int i, int t)
{
    vowels_input in;

    memcpy(in.x, d->x[d->first[i] + t], sizeof in.x);
    return in;
}

/* The part of the utterances FROM to TO whose speaker is named rightly: the logits of all frames
   are added up.  */
static double accuracy(const learner *l, const vowels_data *d, int from, int to)
{
    int right = 0;

    for (int i = from; i < to; i++) {
        float sum[VOWEL_SPEAKERS] = {0};
        vowels_state state;
        vowels_init_state(&state);
        for (int t = 0; t < d->length[i]; t++) {
            const vowels_input in = frame(d, i, t);
            vowels_output out;
            vowels_step(&l->params, &state, &in, &out);
            for (int k = 0; k < VOWEL_SPEAKERS; k++)
                sum[k] += out.logits[k];
        }
        right += training_largest(sum, VOWEL_SPEAKERS) == d->speaker[i];
    }
    return (double)right / (to - from);
}

/* The gradient of utterance I, frame by frame; nothing of the past is kept but the trace.  */
static void learn(const vowels_params *params, const vowels_data *d, int i, vowels_grad *grad)
{
    const vowels_target target = {.speaker = d->speaker[i]};
    vowels_state state;
    vowels_trace trace;
    vowels_output out;

    memset(grad, 0, sizeof *grad);
    vowels_init_state(&state);
    vowels_reset_trace(&trace);
    for (int t = 0; t < d->length[i]; t++) {
        const vowels_input in = frame(d, i, t);
        vowels_learn(params, &state, &trace, &in, &target, &out, grad);
    }
}

/* Returns the steps that were learned from, a second.  */
static double train(learner *l, const vowels_data *d, int *order, uint64_t seed, double *curve)
{
    const long total = (long)EPOCHS * d->n_train;
    const int k = l->first;
    vowels_grad grad;
    char text[64];
    progress p;

    vowels_init_params(&l->params, seed);
    progress_begin(&p, stderr, "utterances", total);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        training_shuffle(order, d->n_train, seed, (uint32_t)epoch);
        for (int i = 0; i < d->n_train; i++) {
            const float rate = etr_rate_linear_f32(l->updates, 0.003f, 0, total);
            learn(&l->params, d, order[i], &grad);
            etr_adam_f32((float *)&l->params + k, (const float *)&grad + k, l->m + k, l->v + k,
                         (size_t)(N_PARAMS - k), ++l->updates, rate, 0.9f, 0.999f, 1e-8f);
            l->steps += d->length[order[i]];
        }
        curve[epoch] = accuracy(l, d, d->n_train, d->n);
        snprintf(text, sizeof text, "held-out accuracy %.4f", curve[epoch]);
        progress_show(&p, l->updates, text);
    }
    return (double)l->steps / progress_end(&p);
}

static int run(const vowels_data *d, int *order, uint64_t seed)
{
    static learner all, readout = {.first = READOUT};
    double curve[2][EPOCHS];
    const double speed = train(&all, d, order, seed, curve[0]);
    const double speed_readout = train(&readout, d, order, seed, curve[1]);
    vowels_grad grad;

    learn(&all.params, d, 0, &grad);
    training_names("all weights", "readout only");
    training_row2("accuracy, training", 4, accuracy(&all, d, 0, d->n_train),
                  accuracy(&readout, d, 0, d->n_train));
    training_row2("accuracy, held out", 4, curve[0][EPOCHS - 1], curve[1][EPOCHS - 1]);
    training_row2("steps a second, with the updates", 0, speed, speed_readout);
    printf("%-36s %12.1e\n", "distance of the gradient from BPTT's",
           exact_distance(&all.params, d->x, d->length[0], d->speaker[0], &grad));
    training_row("bytes of parameters", 0, (double)vowels_info.params_bytes);
    training_row("bytes of state", 0, (double)vowels_info.state_bytes);
    training_row("bytes of trace", 0, (double)vowels_info.trace_bytes);
    return training_curves("vowels-curve.svg", "Japanese vowels, 370 held out", "epoch", "accuracy",
                           "all weights", "readout only", curve[0], EPOCHS);
}

int main(int argc, char **argv)
{
    vowels_data d;
    int status = vowels_read(training_path(argc, argv, "vowels.npz"), &d) != 0;
    int *order = status ? NULL : malloc((size_t)d.n * sizeof *order);

    if (order && d.longest <= EXACT_LONGEST && d.n_train > 0 && d.n > d.n_train)
        status = run(&d, order, training_seed(argc, argv));
    free(order);
    vowels_free(&d);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
