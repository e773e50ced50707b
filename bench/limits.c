/* SPDX-License-Identifier: Apache-2.0 */
/* What one core of this machine can do.  In: nothing.  Out: lines

       fma GFLOPS
       read BYTES GBS       reading an array of so many bytes again and again
       update BYTES GBS     reading and writing it; both directions count

   each the best of several rounds: other programs only ever take from it.  */
#define _POSIX_C_SOURCE 200112L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A register full of floats.  A compiler without this extension gets single ones, and a lower
   limit.  */
#if defined __AVX512F__
enum { LANES = 16 };
typedef float vector __attribute__((vector_size(64)));
#elif defined __AVX__
enum { LANES = 8 };
typedef float vector __attribute__((vector_size(32)));
#elif defined __GNUC__
enum { LANES = 4 };
typedef float vector __attribute__((vector_size(16)));
#else
enum { LANES = 1 };
typedef float vector;
#endif

enum { SUMS = 12, ROUNDS = 7, TURNS = 200000 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* SUMS chains, so that the latency of one hides behind the others.  Returns something of the
   result.  */
static float multiply_add(vector a, vector b)
{
    vector s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a;
    vector s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
    float first;

    for (int i = 0; i < TURNS; i++) {
        s0 = s0 * b + a;
        s1 = s1 * b + a;
        s2 = s2 * b + a;
        s3 = s3 * b + a;
        s4 = s4 * b + a;
        s5 = s5 * b + a;
        s6 = s6 * b + a;
        s7 = s7 * b + a;
        s8 = s8 * b + a;
        s9 = s9 * b + a;
        s10 = s10 * b + a;
        s11 = s11 * b + a;
    }
    s0 = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + ((s8 + s9) + (s10 + s11));
    memcpy(&first, &s0, sizeof first);
    return first;
}

static float read_all(vector *x, size_t n)
{
    vector s0 = x[0], s1 = s0, s2 = s0, s3 = s0;
    float first;

    for (size_t i = 0; i < n; i += 4) {
        s0 += x[i];
        s1 += x[i + 1];
        s2 += x[i + 2];
        s3 += x[i + 3];
    }
    s0 = (s0 + s1) + (s2 + s3);
    memcpy(&first, &s0, sizeof first);
    return first;
}

static float update_all(vector *x, size_t n)
{
    const vector half = {0.5f};
    float first;

    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * half + half;
    memcpy(&first, &x[0], sizeof first);
    return first;
}

/* Called through it, so that no round is left out or joined to the next.  */
static float (*volatile walk)(vector *, size_t);
static float (*volatile compute)(vector, vector) = multiply_add;
static volatile float sink;

static double fma_rate(void)
{
    const vector a = {0.25f}, b = {0.5f};
    double best = 0;

    for (int round = 0; round < 3 * ROUNDS; round++) {
        const double start = now();
        double rate;
        sink = compute(a, b);
        rate = 2.0 * SUMS * LANES * TURNS / (now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

static double walk_rate(vector *x, size_t bytes, int directions)
{
    const size_t n = bytes / sizeof *x;
    const size_t turns = bytes < (1 << 24) ? (1 << 24) / bytes : 1;
    double best = 0;

    sink = walk(x, n);
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now();
        double rate;
        for (size_t i = 0; i < turns; i++)
            sink = walk(x, n);
        rate = (double)(turns * bytes) * directions / (now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

int main(void)
{
    const size_t largest = (size_t)1 << 28;
    void *room = malloc(largest + 64);
    vector *x = (vector *)(((size_t)room + 63) & ~(size_t)63);

    if (!room)
        return EXIT_FAILURE;
    memset(x, 0, largest);
    printf("fma %.4g\n", fma_rate() * 1e-9);
    for (size_t bytes = 1 << 13; bytes <= largest; bytes *= 2) {
        walk = read_all;
        printf("read %zu %.4g\n", bytes, walk_rate(x, bytes, 1) * 1e-9);
        walk = update_all;
        printf("update %zu %.4g\n", bytes, walk_rate(x, bytes, 2) * 1e-9);
    }
    free(room);
    return EXIT_SUCCESS;
}
