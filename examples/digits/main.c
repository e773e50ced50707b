/* SPDX-License-Identifier: MIT-0 */
/* Handwritten digits, read row by row, learned online by one rule and with exact BPTT: model.yaml
   generated once for each rule.  In: --rule=NAME (or d_rtrl), the folder of digits.npz, and a seed
   (or 1).  Out: a table, the weights digits-weights.npz, the learning curves digits-curve.svg.  */
#include "digits.h"
#include "etrace_npz.h"
#include "etrace_plot.h"
#include "images.h"
#include "progress.h"
#include "rules.h"
#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EPOCHS = 30, BPTT = 1 /* its row of the table */ };

typedef struct {
    rules_learner learner;
    double seconds, curve[EPOCHS]; /* of learning; held-out accuracy after each epoch */
} run;

/* The part of N images that is named rightly after the last row.  */
static double accuracy(const void *params, const image *im, int n)
{
    int right = 0;

    for (int i = 0; i < n; i++) {
        digits_state state;
        digits_output out;
        digits_init_state(&state);
        for (int t = 0; t < ROWS; t++)
            digits_step(params, &state, &im[i].row[t], &out);
        right += training_largest(out.logits, CLASSES) == im[i].label;
    }
    return (double)right / n;
}

static void train(run *r, const image *all, uint64_t seed)
{
    int order[TRAIN];
    char text[64] = "";
    progress p;

    progress_begin(&p, stderr, "images", (long)EPOCHS * TRAIN);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        const float rate = 0.003f * (float)(EPOCHS - epoch) / EPOCHS;
        const clock_t start = clock();
        images_shuffle(order, TRAIN, seed, (uint32_t)epoch);
        for (int i = 0; i < TRAIN; i++) {
            const image *im = &all[order[i]];
            const digits_target target[ROWS] = {[ROWS - 1] = {.label = im->label, .when = 1}};
            rules_learn(&r->learner, im->row, target, rate);
            progress_show(&p, r->learner.updates, text);
        }
        r->seconds += (double)(clock() - start) / CLOCKS_PER_SEC;
        r->curve[epoch] = accuracy(r->learner.params, all + TRAIN, IMAGES - TRAIN);
        snprintf(text, sizeof text, "%s, held-out accuracy %.4f", r->learner.rule->name,
                 r->curve[epoch]);
    }
    progress_end(&p);
}

/* Bytes of trace, or of the states that are kept instead.  */
static double kept(const etr_info *info)
{
    return (double)(info->trace_bytes > 0 ? info->trace_bytes : ROWS * info->state_bytes);
}

static int show(const run *a, const run *b, const image *all)
{
    const double *const curves[] = {a->curve, b->curve};
    const char *const names[] = {a->learner.rule->name, b->learner.rule->name};
    const etr_info *const x = a->learner.rule->info, *const y = b->learner.rule->info;
    const double steps = (double)EPOCHS * TRAIN * ROWS;

    putchar('\n');
    training_names(names[0], names[1]);
    training_row2("accuracy, training", 4, accuracy(a->learner.params, all, TRAIN),
                  accuracy(b->learner.params, all, TRAIN));
    training_row2("accuracy, held out", 4, a->curve[EPOCHS - 1], b->curve[EPOCHS - 1]);
    training_row2("updates of the parameters", 0, (double)a->learner.updates,
                  (double)b->learner.updates);
    training_row2("steps a second, with the updates", 0, steps / a->seconds, steps / b->seconds);
    training_row2("bytes of parameters", 0, (double)x->params_bytes, (double)y->params_bytes);
    training_row2("bytes of state", 0, (double)x->state_bytes, (double)y->state_bytes);
    training_row2("bytes of trace, or tape of 8 steps", 0, kept(x), kept(y));
    if (etr_npz_save("digits-weights.npz", a->learner.params, &digits_info, ETR_PARAM)
        != ETR_NPZ_OK)
        return fprintf(stderr, "digits: %s\n", etr_npz_error()), 1;
    if (etr_plot_svg("digits-curve.svg", "Handwritten digits, 360 held out", "epoch", "accuracy", 2,
                     names, curves, EPOCHS) != ETR_PLOT_OK)
        return fprintf(stderr, "digits: the curve could not be drawn\n"), 1;
    puts("\ndigits-weights.npz: the weights; digits-curve.svg: the learning curves");
    return 0;
}

int main(int argc, char **argv)
{
    static image all[IMAGES];
    static run a, b;
    int status;
    const rules_row *rule = rules_choose(rules_table, &argc, argv, &status);
    const uint64_t seed = training_seed(argc, argv);

    if (!rule)
        return status;
    if (images_load(argc > 1 ? argv[1] : ".", all) != 0
        || rules_begin(&a.learner, rule, seed) != 0
        || rules_begin(&b.learner, &rules_table[BPTT], seed) != 0)
        return EXIT_FAILURE;
    train(&a, all, seed);
    train(&b, all, seed);
    status = show(&a, &b, all);
    rules_end(&a.learner);
    rules_end(&b.learner);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
