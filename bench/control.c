/* SPDX-License-Identifier: Apache-2.0 */
/* A GRU that learns by d_rtrl with the signal at t, written by hand: what one would write first
   who knows the equations and lets the compiler vectorise.  In: N, its units and inputs; BATCH.
   Out: the subject of bench/subject.h, its parameters in the order of a generated model's.

   z = sigmoid([x, h] Wz + bz), r = sigmoid([x, h] Wr + br), g = tanh([x, r h] Wh + bh), h' = (1 -
   z) h + z g; the loss is the sum of (h' - y)^2 / 2 over units and samples.  Wz and Wh have a
   trace, e = (1 - z) e + x df; the gradient of Wr is exact inside of the step.  */
#include "subject.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    float Wz[2 * N][N], bz[N], Wr[2 * N][N], br[N], Wh[2 * N][N], bh[N];
} gru_params;

typedef struct {
    float Wz[2 * N][N], bz[N], Wh[2 * N][N], bh[N];
} gru_trace;

static gru_params *params, *grad;
static gru_trace *trace; /* [BATCH] */
static float h[BATCH][N];
static float *inputs, *targets; /* [steps][BATCH][N] */
static size_t n_steps;

int subject_begin(size_t n)
{
    n_steps = n;
    params = calloc(1, sizeof *params);
    grad = malloc(sizeof *grad);
    trace = malloc(BATCH * sizeof *trace);
    inputs = malloc(n * sizeof h);
    targets = malloc(n * sizeof h);
    if (!params || !grad || !trace || !inputs || !targets)
        return 1;
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < BATCH * N; i++) {
            inputs[t * BATCH * N + i] = subject_x(t, i);
            targets[t * BATCH * N + i] = subject_y(t, i);
        }
    }
    subject_restart();
    return 0;
}

size_t subject_n_params(void)
{
    return sizeof *params / sizeof(float);
}

float *subject_params(void)
{
    return (float *)params;
}

float *subject_grad(void)
{
    return (float *)grad;
}

void subject_restart(void)
{
    memset(grad, 0, sizeof *grad);
    memset(trace, 0, BATCH * sizeof *trace);
    memset(h, 0, sizeof h);
}

size_t subject_steps_a_call(void)
{
    return 1;
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* y = x W + b, four rows at a time.  */
static void product(const float *restrict x, float W[2 * N][N], const float *b, float *restrict y)
{
    memcpy(y, b, N * sizeof *y);
    for (int i = 0; i < 2 * N; i += 4)
        for (int k = 0; k < N; k++)
            y[k] += x[i] * W[i][k] + x[i + 1] * W[i + 1][k] + x[i + 2] * W[i + 2][k] +
                    x[i + 3] * W[i + 3][k];
}

/* In eight sums, which a compiler may keep side by side.  */
static float dot(const float *restrict a, const float *restrict b)
{
    float sum[8] = {0};

    for (int k = 0; k < N; k += 8)
        for (int j = 0; j < 8; j++)
            sum[j] += a[k + j] * b[k + j];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* What the sweep over the weights needs of a sample.  */
typedef struct {
    float xh[2 * N], xrh[2 * N], D[N], df_z[N], df_h[N], signal[N], to_r[N];
} factors;

/* One step forward of the sample whose state is H, and what it says of the weights.  */
static void forward(const float *x, const float *y, float *restrict state, factors *restrict f)
{
    float z[N], r[N], g[N], to_g[N];

    memcpy(f->xh, x, N * sizeof *x);
    memcpy(f->xh + N, state, N * sizeof *x);
    memcpy(f->xrh, x, N * sizeof *x);
    product(f->xh, params->Wz, params->bz, z);
    product(f->xh, params->Wr, params->br, r);
    for (int k = 0; k < N; k++) {
        z[k] = sigmoid(z[k]);
        r[k] = sigmoid(r[k]);
        f->xrh[N + k] = r[k] * state[k];
    }
    product(f->xrh, params->Wh, params->bh, g);
    for (int k = 0; k < N; k++) {
        float new_h;
        g[k] = tanhf(g[k]);
        new_h = (1 - z[k]) * state[k] + z[k] * g[k];
        f->D[k] = 1 - z[k];
        f->df_z[k] = (g[k] - state[k]) * z[k] * (1 - z[k]);
        f->df_h[k] = z[k] * (1 - g[k] * g[k]);
        f->signal[k] = new_h - y[k];
        to_g[k] = f->df_h[k] * f->signal[k];
    }
    for (int k = 0; k < N; k++)
        f->to_r[k] = dot(params->Wh[N + k], to_g) * state[k] * r[k] * (1 - r[k]);
    for (int k = 0; k < N; k++)
        state[k] += z[k] * (g[k] - state[k]);
}

/* One pass over the weights: each trace is met once.  */
static void sweep(const factors *restrict f, gru_trace *restrict e, gru_params *restrict d)
{
    for (int i = 0; i < 2 * N; i++) {
        for (int k = 0; k < N; k++) {
            e->Wz[i][k] = f->D[k] * e->Wz[i][k] + f->xh[i] * f->df_z[k];
            e->Wh[i][k] = f->D[k] * e->Wh[i][k] + f->xrh[i] * f->df_h[k];
            d->Wz[i][k] += f->signal[k] * e->Wz[i][k];
            d->Wh[i][k] += f->signal[k] * e->Wh[i][k];
            d->Wr[i][k] += f->xh[i] * f->to_r[k];
        }
    }
    for (int k = 0; k < N; k++) {
        e->bz[k] = f->D[k] * e->bz[k] + f->df_z[k];
        e->bh[k] = f->D[k] * e->bh[k] + f->df_h[k];
        d->bz[k] += f->signal[k] * e->bz[k];
        d->bh[k] += f->signal[k] * e->bh[k];
        d->br[k] += f->to_r[k];
    }
}

void subject_call(size_t t)
{
    factors f;

    for (size_t b = 0; b < BATCH; b++) {
        forward(inputs + (t * BATCH + b) * N, targets + (t * BATCH + b) * N, h[b], &f);
        sweep(&f, &trace[b], grad);
    }
}

void subject_sequence(void)
{
    for (size_t t = 0; t < n_steps; t++)
        subject_call(t);
}
