/* SPDX-License-Identifier: Apache-2.0 */
/* In: nothing.  Out: microseconds that a step of a GRU takes which somebody wrote by hand: forward, the traces of
   d_rtrl and the gradient of those (vjp_time t, plain: none), one sample.  What is generated from gruN.yaml is held
   against it.  Compile with -DN=64.  */
#define _POSIX_C_SOURCE 200112L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifndef N
#define N 64
#endif

enum { IN = N, ROWS = IN + N, ROUNDS = 50, STEPS = 2000 };

static float Wz[ROWS][N], Wr[ROWS][N], Wh[ROWS][N], bz[N], br[N], bh[N];
static float ez[ROWS][N], eh[ROWS][N], ezb[N], ehb[N];
static float gz[ROWS][N], gh[ROWS][N], gzb[N], ghb[N];
static float h[N], x[64][IN], y[N];

static void product(float *restrict to, const float *restrict from, float (*restrict W)[N])
{
    memset(to, 0, N * sizeof *to);
    for (int i = 0; i < ROWS; i += 4)
        for (int o = 0; o < N; o++)
            to[o] += from[i] * W[i][o] + from[i + 1] * W[i + 1][o] + from[i + 2] * W[i + 2][o]
                     + from[i + 3] * W[i + 3][o];
}

/* One weight's trace and gradient.  */
static void sweep(float (*restrict e)[N], float (*restrict g)[N], const float *restrict from,
                  const float *restrict D, const float *restrict df, const float *restrict s)
{
    for (int i = 0; i < ROWS; i++)
        for (int o = 0; o < N; o++) {
            e[i][o] = D[o] * e[i][o] + from[i] * df[o];
            g[i][o] += s[o] * e[i][o];
        }
}

static void step(const float *in)
{
    float a[ROWS], c[ROWS], z[N], r[N], u[N], D[N], dz[N], dh[N], s[N];
    memcpy(a, in, IN * sizeof *a);
    memcpy(a + IN, h, sizeof h);
    memcpy(c, in, IN * sizeof *c);
    product(z, a, Wz);
    product(r, a, Wr);
    for (int o = 0; o < N; o++)
        c[IN + o] = h[o] / (1 + expf(-(r[o] + br[o])));
    product(u, c, Wh);
    for (int o = 0; o < N; o++) {
        const float gate = 1 / (1 + expf(-(z[o] + bz[o]))), new = tanhf(u[o] + bh[o]);
        D[o] = 1 - gate;
        dz[o] = (new - h[o]) * gate * (1 - gate);
        dh[o] = gate * (1 - new * new);
        h[o] += gate * (new - h[o]);
        s[o] = 2 * (h[o] - y[o]) / N;
        ezb[o] = D[o] * ezb[o] + dz[o];
        ehb[o] = D[o] * ehb[o] + dh[o];
        gzb[o] += s[o] * ezb[o];
        ghb[o] += s[o] * ehb[o];
    }
    sweep(ez, gz, a, D, dz, s);
    sweep(eh, gh, c, D, dh, s);
}

/* Of this process: other programs count nothing.  */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
    double best = 1e9;

    for (int i = 0; i < ROWS; i++)
        for (int o = 0; o < N; o++) {
            Wz[i][o] = (float)((i * 3 + o * 5) % 11 - 5) / (8.0f * N);
            Wr[i][o] = (float)((i * 5 + o * 7) % 13 - 6) / (8.0f * N);
            Wh[i][o] = (float)((i * 7 + o * 3) % 17 - 8) / (8.0f * N);
        }
    for (int t = 0; t < 64; t++)
        for (int i = 0; i < IN; i++)
            x[t][i] = (float)((t * 7 + i * 13) % 17) / 16.0f - 0.5f;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        for (int t = 0; t < STEPS; t++)
            step(x[t % 64]);
        const double took = (now() - start) / STEPS * 1e6;
        best = took < best ? took : best;
    }
    printf("GRU %d by hand, %d inputs, float, batch 1: %.2f us\n", N, IN, best);
    /* The sum keeps the work from being left out.  */
    return gz[0][0] + gh[0][0] + gzb[0] + ghb[0] == 12345.0f;
}
