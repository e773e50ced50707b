/* SPDX-License-Identifier: MIT-0 */
/* The next character of a novel, learned in one pass after another over the text.  In: the folder
   of text.txt, and a seed (or 1).  Out: a table, a sample of what the model writes, the learning curve
   characters-curve.svg.  */
#include "characters.h"
#include "counts.h"
#include "datasets.h"
#include "etrace.h"
#include "etrace_random.h"
#include "progress.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EPOCHS = 3, N_POINTS = 30, WINDOW = 16, SPAN = 32, /* characters between two updates */
    SYMBOLS = sizeof(characters_output) / sizeof(float),
    SAMPLE = 400, SAMPLE_STREAM = 1 << 20,
    N_PARAMS = sizeof(characters_params) / sizeof(float)
};

/* Replace logits by probabilities.  */
static void softmax(float *x)
{
    const float top = x[training_largest(x, SYMBOLS)];
    float sum = 0;

    for (int k = 0; k < SYMBOLS; k++)
        sum += x[k] = expf(x[k] - top);
    for (int k = 0; k < SYMBOLS; k++)
        x[k] /= sum;
}

/* Bits a character of the text from FROM on.  */
static double test(const characters_params *params, const text_data *d, int from)
{
    double bits = 0;
    characters_state state;
    characters_output out;

    characters_init_state(&state);
    for (int i = from; i + 1 < d->n; i++) {
        const characters_input in = {.now = d->symbol[i]};
        characters_step(params, &state, &in, &out);
        softmax(out.logits);
        bits -= log2((double)out.logits[d->symbol[i + 1]]);
    }
    return bits / (d->n - 1 - from);
}

/* What the model writes, each character drawn with its probability.  */
static void write_sample(const characters_params *params, const text_data *d, uint64_t seed)
{
    characters_state state;
    characters_output out;
    characters_input in = {.now = d->symbol[0]};

    characters_init_state(&state);
    for (int i = 0; i < SAMPLE; i++) {
        float u = etr_uniform_f32(seed, SAMPLE_STREAM, (uint64_t)i);
        int k = 0;
        putchar(d->letter[in.now]);
        characters_step(params, &state, &in, &out);
        softmax(out.logits);
        while (k < SYMBOLS - 1 && (u -= out.logits[k]) >= 0)
            k++;
        in.now = k;
    }
    putchar('\n');
}

/* Passes over the first N characters; state and trace go on from span to span.  CURVE is the bits a
   character before they were learned from.  Returns the characters a second.  */
static double train(characters_params *params, const text_data *d, int n, double curve[N_POINTS])
{
    static characters_grad grad;
    static characters_trace trace;
    static float m[N_PARAMS], v[N_PARAMS]; /* of Adam */
    const long total = (long)EPOCHS * ((n - 1) / SPAN), each = (total + N_POINTS - 1) / N_POINTS;
    characters_state state, tape[WINDOW];
    characters_input in[SPAN];
    characters_target target[SPAN];
    characters_output out;
    const characters_sequence span = {.n_steps = SPAN, .in = in, .target = target, .out = &out,
                                      .last_output = 1, .tape = tape};
    char text[64];
    progress p;

    progress_begin(&p, stderr, "characters", total * SPAN);
    for (long u = 0; u < total; u++) {
        const unsigned char *now = d->symbol + u % (total / EPOCHS) * SPAN;
        float loss;
        if (now == d->symbol) { /* a pass begins */
            characters_init_state(&state);
            characters_reset_trace(&trace);
        }
        for (int k = 0; k < SPAN; k++) {
            in[k].now = now[k];
            target[k].next = now[k + 1];
        }
        memset(&grad, 0, sizeof grad);
        characters_learn_sequence(params, &state, &trace, &span, &grad, &loss);
        etr_clip_norm_f32((float *)&grad, N_PARAMS, SPAN);
        etr_adam_f32((float *)params, (const float *)&grad, m, v, N_PARAMS, u + 1,
                     etr_rate_linear_f32(u, 0.003f, 0, total), 0.9f, 0.99f, 1e-8f);
        curve[u / each] += (double)loss / log(2) / SPAN / (double)each;
        snprintf(text, sizeof text, "bits %.3f",
                 curve[u / each] * (double)each / (double)(u % each + 1));
        progress_show(&p, (u + 1) * SPAN, text);
    }
    return (double)total * SPAN / progress_end(&p);
}

static int run(const text_data *d, uint64_t seed)
{
    static characters_params params;
    const int n = d->n / 10 * 9; /* the rest is held out */
    double curve[N_POINTS] = {0}, speed;

    characters_init_params(&params, seed);
    speed = train(&params, d, n, curve);
    training_row("bits a character, held out", 3, test(&params, d, n));
    training_row("the same, counts after 1 character", 3, counts_bits(d, n, 1));
    training_row("the same, counts after 2 characters", 3, counts_bits(d, n, 2));
    training_row("characters a second, with the updates", 0, speed);
    training_row("bytes of parameters", 0, (double)characters_info.params_bytes);
    training_row("bytes of state", 0, (double)characters_info.state_bytes);
    training_row("bytes of trace", 0, (double)characters_info.trace_bytes);
    puts("\nA sample:\n");
    write_sample(&params, d, seed);
    return training_curves("characters-curve.svg", "The next character, while learning",
                           "tenth of a pass", "bits a character", "GRU", NULL, curve, N_POINTS);
}

int main(int argc, char **argv)
{
    text_data d;
    int status = text_read(training_path(argc, argv, "text.txt"), &d) != 0;

    if (status == 0 && d.n_symbols == SYMBOLS)
        status = run(&d, training_seed(argc, argv));
    else if (status == 0)
        status = fprintf(stderr, "characters: the model is for %d symbols\n", SYMBOLS) > 0;
    text_free(&d);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
