/* SPDX-License-Identifier: MIT-0
 * Does @NAME@, compiled as it was, compute what it should?  It learns from random data for a few steps; outputs,
 * states, loss and gradient are compared with numbers that etrace-gen has found without the C, in
 * double.  An array is compared as one weighted sum.
 *
 *     cc @NAME@_test.c @NAME@.c -lm && ./a.out
 *
 * The status is 0, and nothing is said, if all is well.
 */
#include "@HEADER@"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* STEP: there is nothing to learn, or no way to say what was learned.  LEARN: step by step.  SEQUENCE: all steps
   at once.  */
#define STEP 0
#define LEARN 1
#define SEQUENCE 2
#define FORM @FORM@
#define HAS_TRACE @TRACE@
#define HAS_LOSS @LOSS@

enum { STEPS = @STEPS@, SEED = @SEED@, LOSS = -1 };

/* After step STEP, or behind the last one, the array has this sum; the loss is one, too.  */
static const struct {
    int step, kind;
    const char *path;
    double sum, tolerance;
} golden[] = {
@ROWS@
};

/* How many values an index has.  */
static const struct {
    const char *path;
    long size;
} indices[] = {
@INDICES@
    {NULL, 0},
};

static @NAME@_params params;
static @NAME@_state state;
static @NAME@_input input[STEPS];
static @NAME@_output output[STEPS];
#if HAS_TRACE
static @NAME@_trace trace;
#endif
#if HAS_LOSS
static @NAME@_grad grad;
static @NAME@_target target[STEPS];
#endif
#if FORM == SEQUENCE
static @NAME@_state tape[STEPS];
#endif
static double loss;

static uint32_t next_random(uint32_t *x)
{
    *x = (*x * UINT32_C(1664525) + UINT32_C(1013904223)) & UINT32_C(0xffffffff);
    return *x >> 8;
}

static long count(const etr_var *v)
{
    long n = 1;
    for (int i = 0; i < v->rank; i++)
        n *= v->shape[i];
    return n;
}

#if HAS_LOSS
#define KINDS 2
#else
#define KINDS 1
#endif

/* The inputs, and behind them the targets, of step T.  */
static void draw(uint32_t *x, int t)
{
    static const etr_kind kind[] = {ETR_INPUT, ETR_TARGET};
    char *const block[] = {(char *)&input[t],
#if HAS_LOSS
                           (char *)&target[t],
#endif
    };
    for (int k = 0; k < KINDS * @NAME@_info.n_vars; k++) {
        const etr_var *v = &@NAME@_info.vars[k % @NAME@_info.n_vars];
        char *at = block[k / @NAME@_info.n_vars] + v->offset;
        uint32_t size = 0;
        if (v->kind != kind[k / @NAME@_info.n_vars])
            continue;
        for (int i = 0; indices[i].path; i++)
            if (strcmp(indices[i].path, v->path) == 0)
                size = (uint32_t)indices[i].size;
        for (long i = 0; i < count(v); i++) {
            const uint32_t u = next_random(x);
            const double real = ((double)(u % 257) - 128) / 128;
            if (v->element == ETR_INT32)
                ((int32_t *)(void *)at)[i] = size ? (int32_t)(u % size) : 0;
            else if (@NAME@_info.real_bytes == 8)
                ((double *)(void *)at)[i] = real;
            else
                ((float *)(void *)at)[i] = (float)real;
        }
    }
}

static double weighted_sum(const etr_var *v, const void *block)
{
    const char *at = (const char *)block + v->offset;
    double sum = 0;
    uint32_t x = 1;
    for (long i = 0; i < count(v); i++) {
        const double w = 0.5 + next_random(&x) / 16777216.0;
        sum += w * (v->element == ETR_INT32             ? (double)((const int32_t *)(const void *)at)[i]
                    : @NAME@_info.real_bytes == 8 ? ((const double *)(const void *)at)[i]
                                                      : (double)((const float *)(const void *)at)[i]);
    }
    return sum;
}

/* That of the only element of the loss.  */
static const double weight_of_first = 0.5 + ((UINT32_C(1013904223) + UINT32_C(1664525)) >> 8) / 16777216.0;

static const void *block_of(int kind, int step)
{
#if HAS_LOSS
    if (kind == ETR_PARAM)
        return &grad;
#endif
    return kind == ETR_OUTPUT ? (const void *)&output[step] : (const void *)&state;
}

/* What row I is about, as it came out.  */
static double found(size_t i)
{
    if (golden[i].kind == LOSS)
        return loss * weight_of_first;
    for (int k = 0; k < @NAME@_info.n_vars; k++) {
        const etr_var *v = &@NAME@_info.vars[k];
        if ((int)v->kind == golden[i].kind && strcmp(v->path, golden[i].path) == 0)
            return weighted_sum(v, block_of(golden[i].kind, golden[i].step));
    }
    return HUGE_VAL;
}

static void run(void)
{
#if FORM == STEP
    for (int t = 0; t < STEPS; t++)
        @NAME@_step(&params, &state, &input[t], &output[t]);
#elif FORM == LEARN
    for (int t = 0; t < STEPS; t++)
        loss += (double)@NAME@_learn(&params, &state, &trace, &input[t], &target[t], &output[t], &grad);
#else
    @NAME@_real sum = 0;
    const @NAME@_sequence q = {.n_steps = STEPS, .in = input, .out = output, .target = target, .tape = tape};
#if HAS_TRACE
    if (@NAME@_learn_sequence(&params, &state, &trace, &q, &grad, &sum) != ETR_UPDATE_OK)
#else
    if (@NAME@_learn_sequence(&params, &state, &q, &grad, &sum) != ETR_UPDATE_OK)
#endif
        puts("learn_sequence has refused the data");
    loss = (double)sum;
#endif
}

int main(void)
{
    uint32_t x = SEED;
    int bad = 0;
    @NAME@_init_params(&params, SEED);
    @NAME@_init_state(&state);
    for (int t = 0; t < STEPS; t++)
        draw(&x, t);
    run();
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        const double sum = found(i);
        if (fabs(sum - golden[i].sum) <= golden[i].tolerance)
            continue;
        printf("step %d, %s: %.9g, not %.9g (+- %.2g)\n", golden[i].step,
               golden[i].kind == LOSS ? "loss" : golden[i].path, sum, golden[i].sum, golden[i].tolerance);
        bad++;
    }
    return bad > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
