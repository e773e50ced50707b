/* SPDX-License-Identifier: MIT-0 */
/* Handwritten digits, read row by row, learned online and with exact BPTT: model.yaml generated
   twice.  In: the folder of digits.npz, and a seed (or 1).  Out: a table, the weights
   digits-weights.npz, the learning curves digits-curve.svg.  */
#include "digits.h"
#include "digits_bptt.h"
#include "etrace.h"
#include "etrace_npz.h"
#include "etrace_plot.h"
#include "images.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EPOCHS = 30, N_PARAMS = sizeof(digits_params) / sizeof(float) };

/* One block of parameters or gradients, for either model and for the optimiser.  */
typedef union {
    digits_params online;
    digits_bptt_params bptt;
    float flat[N_PARAMS];
} block;

typedef struct {
    const char *name;
    void (*learn)(const block *params, const image *im, block *grad); /* adds to GRAD */
    const etr_info *info;
    block params;
    long updates;
    double seconds, curve[EPOCHS]; /* of learning; held-out accuracy after each epoch */
} run;

static void learn_online(const block *params, const image *im, block *grad)
{
    digits_state state;
    digits_trace trace;
    digits_output out;

    digits_init_state(&state);
    digits_reset_trace(&trace);
    for (int t = 0; t < ROWS; t++) {
        const digits_target target = {.label = im->label, .when = t == ROWS - 1};
        digits_learn(&params->online, &state, &trace, &im->row[t], &target, &out, &grad->online);
    }
}

static void learn_bptt(const block *params, const image *im, block *grad)
{
    digits_bptt_state state, tape[ROWS];
    digits_bptt_input in[ROWS];
    digits_bptt_target target[ROWS] = {[ROWS - 1] = {.label = im->label, .when = 1}};
    digits_bptt_output out;
    const digits_bptt_sequence sequence = {.n_steps = ROWS, .in = in, .target = target, .out = &out,
                                           .last_output = 1, .tape = tape};
    float loss;

    memcpy(in, im->row, sizeof in);
    digits_bptt_init_state(&state);
    digits_bptt_learn_sequence(&params->bptt, &state, &sequence, &grad->bptt, &loss);
}

/* The part of N images that is named rightly after the last row.  */
static double accuracy(const block *params, const image *im, int n)
{
    int right = 0;

    for (int i = 0; i < n; i++) {
        digits_state state;
        digits_output out;
        int best = 0;
        digits_init_state(&state);
        for (int t = 0; t < ROWS; t++)
            digits_step(&params->online, &state, &im[i].row[t], &out);
        for (int k = 1; k < CLASSES; k++)
            best = out.logits[k] > out.logits[best] ? k : best;
        right += best == im[i].label;
    }
    return (double)right / n;
}

static void train(run *r, const image *all, uint64_t seed)
{
    static block grad, m, v;
    int order[TRAIN];
    char text[64] = "";
    progress p;

    progress_begin(&p, stderr, "images", (long)EPOCHS * TRAIN);
    memset(&m, 0, sizeof m);
    memset(&v, 0, sizeof v);
    digits_init_params(&r->params.online, seed);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        const float rate = 0.003f * (float)(EPOCHS - epoch) / EPOCHS;
        const clock_t start = clock();
        images_shuffle(order, TRAIN, seed, (uint32_t)epoch);
        for (int i = 0; i < TRAIN; i++) {
            memset(&grad, 0, sizeof grad);
            r->learn(&r->params, &all[order[i]], &grad);
            etr_adam_f32(r->params.flat, grad.flat, m.flat, v.flat, N_PARAMS, ++r->updates, rate,
                         0.9f, 0.999f, 1e-8f);
            progress_show(&p, r->updates, text);
        }
        r->seconds += (double)(clock() - start) / CLOCKS_PER_SEC;
        r->curve[epoch] = accuracy(&r->params, all + TRAIN, IMAGES - TRAIN);
        snprintf(text, sizeof text, "%s, held-out accuracy %.4f", r->name, r->curve[epoch]);
    }
    progress_end(&p);
}

static void print_row(const char *what, int decimals, double online, double bptt)
{
    printf("%-36s %12.*f %12.*f\n", what, decimals, online, decimals, bptt);
}

int main(int argc, char **argv)
{
    static image all[IMAGES];
    static run a = {.name = "online", .learn = learn_online, .info = &digits_info};
    static run b = {.name = "BPTT", .learn = learn_bptt, .info = &digits_bptt_info};
    const double *curves[] = {a.curve, b.curve}, steps = (double)EPOCHS * TRAIN * ROWS;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    if (images_load(argc > 1 ? argv[1] : ".", all) != 0)
        return EXIT_FAILURE;
    train(&a, all, seed);
    train(&b, all, seed);
    printf("\n%-36s %12s %12s\n", "", a.name, b.name);
    print_row("accuracy, training", 4, accuracy(&a.params, all, TRAIN),
              accuracy(&b.params, all, TRAIN));
    print_row("accuracy, held out", 4, a.curve[EPOCHS - 1], b.curve[EPOCHS - 1]);
    print_row("updates of the parameters", 0, (double)a.updates, (double)b.updates);
    print_row("steps a second, with the updates", 0, steps / a.seconds, steps / b.seconds);
    print_row("bytes of parameters", 0, (double)a.info->params_bytes, (double)b.info->params_bytes);
    print_row("bytes of state", 0, (double)a.info->state_bytes, (double)b.info->state_bytes);
    print_row("bytes of trace, or tape of 8 steps", 0, (double)a.info->trace_bytes,
              (double)sizeof(digits_bptt_state) * ROWS);
    if (etr_npz_save("digits-weights.npz", &a.params, &digits_info, ETR_PARAM) != ETR_NPZ_OK)
        return fprintf(stderr, "digits: %s\n", etr_npz_error()), EXIT_FAILURE;
    if (etr_plot_svg("digits-curve.svg", "Handwritten digits, 360 held out", "epoch", "accuracy", 2,
                     (const char *[]){a.name, b.name}, curves, EPOCHS) != ETR_PLOT_OK)
        return fprintf(stderr, "digits: the curve could not be drawn\n"), EXIT_FAILURE;
    puts("\ndigits-weights.npz: the weights; digits-curve.svg: the learning curves");
    return EXIT_SUCCESS;
}
