/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's random numbers and optimisers.  In: known answers and formulas.  Out: test cases.
   Files are in check_npz.c.  */
#include "etrace.h"
#include "suites.h"

#include <string.h>

/* Of the authors' Random123, tests/kat_vectors: philox4x32 10.  */
START_TEST(philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t out[4];

    etr_philox(known[_i].key, known[_i].counter, out);
    ck_assert_mem_eq(out, known[_i].out, sizeof out);
    memcpy(out, known[_i].counter, sizeof out);
    etr_philox(known[_i].key, out, out);
    ck_assert_mem_eq(out, known[_i].out, sizeof out);
}
END_TEST

START_TEST(uniform_takes_words_of_its_stream)
{
    const uint64_t seed = UINT64_C(0x299f31d0a4093822);
    uint32_t word[4];

    etr_random_block(seed, 5, UINT64_C(1) << 33, word);
    for (unsigned k = 0; k < 4; k++)
        ck_assert(etr_uniform_f32(seed, 5, (UINT64_C(1) << 35) + k) ==
                  (float)(word[k] >> 8) / 16777216.0f);
    ck_assert_double_eq_tol(etr_uniform_f64(seed, 5, (UINT64_C(1) << 34) + 1),
                            word[2] / 4294967296.0 + word[3] / 18446744073709551616.0, 3e-16);
    ck_assert_double_ne(etr_uniform_f64(seed, 5, 0), etr_uniform_f64(seed, 6, 0));
    ck_assert_double_ne(etr_uniform_f64(seed, 5, 0), etr_uniform_f64(seed + 1, 5, 0));
}
END_TEST

enum { DRAWS = 1 << 17 };

/* Mean, variance, skewness and kurtosis of n draws.  */
static void moments(const double *x, double m[4])
{
    double sum[4] = {0};

    for (int i = 0; i < DRAWS; i++)
        sum[0] += x[i] / DRAWS;
    for (int i = 0; i < DRAWS; i++) {
        const double d = x[i] - sum[0];
        sum[1] += d * d / DRAWS;
        sum[2] += d * d * d / DRAWS;
        sum[3] += d * d * d * d / DRAWS;
    }
    m[0] = sum[0];
    m[1] = sum[1];
    m[2] = sum[2] / pow(sum[1], 1.5);
    m[3] = sum[3] / (sum[1] * sum[1]);
}

static float draws_f32[DRAWS];
static double draws[DRAWS];

/* The draws as double: of float in the loop's round 0, of double in round 1.  */
static void draw_uniform(int is_double)
{
    etr_fill_uniform_f64(draws, DRAWS, 42, 1, -1.0, 3.0);
    etr_fill_uniform_f32(draws_f32, DRAWS, 42, 1, -1.0f, 3.0f);
    for (int i = 0; i < DRAWS && !is_double; i++)
        draws[i] = (double)draws_f32[i];
}

static void draw_normal(int is_double)
{
    etr_fill_normal_f64(draws, DRAWS, 42, 2, 1.0, 2.0);
    etr_fill_normal_f32(draws_f32, DRAWS, 42, 2, 1.0f, 2.0f);
    for (int i = 0; i < DRAWS && !is_double; i++)
        draws[i] = (double)draws_f32[i];
}

/* Bounds are five standard errors.  */
START_TEST(uniform_statistics)
{
    int cell[64] = {0};
    double m[4], chi2 = 0;

    draw_uniform(_i);
    moments(draws, m);
    ck_assert_double_eq_tol(m[0], 1, 5 * 1.155 / sqrt(DRAWS));
    ck_assert_double_eq_tol(m[1], 16.0 / 12, 0.02);
    ck_assert_double_eq_tol(m[3], 1.8, 0.02);
    for (int i = 0; i < DRAWS; i++) {
        ck_assert(draws[i] >= -1 && draws[i] < 3);
        cell[(int)((draws[i] + 1) * 16)]++;
    }
    for (int k = 0; k < 64; k++)
        chi2 += pow(cell[k] - DRAWS / 64.0, 2) / (DRAWS / 64.0);
    ck_assert_double_lt(fabs(chi2 - 63), 5 * sqrt(2 * 63));
}
END_TEST

START_TEST(normal_statistics)
{
    double m[4], pairs = 0;
    int beyond = 0;

    draw_normal(_i);
    moments(draws, m);
    ck_assert_double_eq_tol(m[0], 1, 5 * 2 / sqrt(DRAWS));
    ck_assert_double_eq_tol(m[1], 4, 5 * 4 * sqrt(2.0 / DRAWS));
    ck_assert_double_eq_tol(m[2], 0, 5 * sqrt(6.0 / DRAWS));
    ck_assert_double_eq_tol(m[3], 3, 5 * sqrt(24.0 / DRAWS));
    for (int i = 0; i < DRAWS; i++)
        beyond += fabs(draws[i] - 1) > 2 * 1.959963985;
    ck_assert_double_eq_tol(beyond / (double)DRAWS, 0.05, 5 * sqrt(0.05 * 0.95 / DRAWS));
    for (int i = 0; i < DRAWS; i += 2)
        pairs += (draws[i] - 1) * (draws[i + 1] - 1) / 4 / (DRAWS / 2);
    ck_assert_double_eq_tol(pairs, 0, 5 / sqrt(DRAWS / 2));
}
END_TEST

START_TEST(constant_fills)
{
    float f[3] = {0};
    double d[3] = {0};

    etr_fill_constant_f32(f, 2, 0.5f);
    etr_fill_constant_f64(d, 2, -0.1);
    ck_assert(f[0] == 0.5f && f[1] == 0.5f && f[2] == 0.0f);
    ck_assert(d[0] == -0.1 && d[1] == -0.1 && d[2] == 0.0);
}
END_TEST

/* The worst of |P P^T - gain^2 I| (or P^T P) over the smaller side.  */
static double worst_product(const double *p, size_t rows, size_t cols, double gain)
{
    const size_t n = rows > cols ? cols : rows, length = rows > cols ? rows : cols;
    double worst = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = i == j ? -gain * gain : 0;
            for (size_t k = 0; k < length; k++)
                sum += rows > cols ? p[k * cols + i] * p[k * cols + j]
                                   : p[i * cols + k] * p[j * cols + k];
            worst = fmax(worst, fabs(sum));
        }
    }
    return worst;
}

START_TEST(orthogonal_is_orthogonal)
{
    static const size_t size[][2] = {{1, 1}, {1, 7}, {7, 1}, {20, 8}, {8, 20}, {48, 48}};
    static float f[48 * 48];
    static double d[48 * 48];
    const size_t rows = size[_i][0], cols = size[_i][1];

    etr_fill_orthogonal_f64(d, rows, cols, 3, 9, 1.5);
    ck_assert_double_lt(worst_product(d, rows, cols, 1.5), 1e-14);
    etr_fill_orthogonal_f32(f, rows, cols, 3, 9, 0.5f);
    for (size_t i = 0; i < rows * cols; i++)
        d[i] = (double)f[i];
    ck_assert_double_lt(worst_product(d, rows, cols, 0.5), 1e-6);
}
END_TEST

START_TEST(sgd_by_hand)
{
    double p[2] = {1, 2}, b[2] = {0};
    float q[1] = {1};
    const double g[2] = {0.5, -1};
    const float h[1] = {2};

    etr_sgd_f64(p, g, NULL, 2, 0.1, 0.9);
    ck_assert_double_eq_tol(p[0], 0.95, 1e-15);
    ck_assert_double_eq_tol(p[1], 2.1, 1e-15);
    etr_sgd_f64(p, g, b, 2, 0.1, 0.9);
    etr_sgd_f64(p, g, b, 2, 0.1, 0.9);
    ck_assert_double_eq_tol(p[0], 0.95 - 0.1 * 0.5 * (1 + 1.9), 1e-15);
    ck_assert_double_eq_tol(b[1], -1.9, 1e-15);
    etr_sgd_f32(q, h, NULL, 1, 0.25f, 0.0f);
    ck_assert(q[0] == 0.5f);
}
END_TEST

/* The first step is lr sign(g); the second by the formulas of the paper.  */
START_TEST(adam_by_hand)
{
    double p[1] = {1}, m[1] = {0}, v[1] = {0};
    float q[1] = {1}, m4[1] = {0}, v4[1] = {0};
    const double g1 = 0.5, g2 = -2, m2 = 0.9 * 0.1 * g1 + 0.1 * g2;
    const double v2 = 0.999 * 0.001 * g1 * g1 + 0.001 * g2 * g2;
    const float h1 = 0.5f, h2 = -2.0f;
    double want;

    etr_adam_f64(p, &g1, m, v, 1, 1, 0.01, 0.9, 0.999, 1e-8);
    ck_assert_double_eq_tol(p[0], 1 - 0.01 * 0.5 / (0.5 + 1e-8), 1e-14);
    want = p[0] - 0.01 * (m2 / (1 - 0.81)) / (sqrt(v2 / (1 - 0.999 * 0.999)) + 1e-8);
    etr_adam_f64(p, &g2, m, v, 1, 2, 0.01, 0.9, 0.999, 1e-8);
    ck_assert_double_eq_tol(p[0], want, 1e-14);
    etr_adam_f32(q, &h1, m4, v4, 1, 1, 0.01f, 0.9f, 0.999f, 1e-8f);
    etr_adam_f32(q, &h2, m4, v4, 1, 2, 0.01f, 0.9f, 0.999f, 1e-8f);
    ck_assert_double_eq_tol((double)q[0], want, 1e-6);
}
END_TEST

START_TEST(clip_scales_down_only)
{
    double g[2] = {3, -4}, huge[2] = {3e200, 4e200};
    float f[2] = {3e30f, 4e30f}, none[2] = {0};

    ck_assert_double_eq_tol(etr_clip_norm_f64(g, 2, 10), 5, 1e-15);
    ck_assert_double_eq(g[0], 3);
    ck_assert_double_eq_tol(etr_clip_norm_f64(g, 2, 1), 5, 1e-15);
    ck_assert_double_eq_tol(g[1], -0.8, 1e-15);
    ck_assert_double_eq_tol(etr_clip_norm_f64(huge, 2, 1) / 5e200, 1, 1e-15);
    ck_assert_double_eq_tol(huge[0], 0.6, 1e-15);
    ck_assert(fabsf(etr_clip_norm_f32(f, 2, 1.0f) / 5e30f - 1.0f) < 1e-6f);
    ck_assert(fabsf(f[1] - 0.8f) < 1e-6f);
    ck_assert(etr_clip_norm_f32(none, 2, 1.0f) == 0.0f);
}
END_TEST

/* A NaN among zeros once had the norm 0: a diverged model looked converged.  */
START_TEST(clip_tells_of_nan)
{
    float first[2] = {NAN, 0}, last[2] = {0, NAN}, among[3] = {1, NAN, 9};
    float infinite[2] = {1, INFINITY};

    ck_assert(isnan(etr_clip_norm_f32(first, 2, 1.0f)));
    ck_assert(isnan(etr_clip_norm_f32(last, 2, 1.0f)));
    ck_assert(isnan(etr_clip_norm_f32(among, 3, 1.0f)));
    ck_assert(isnan(etr_clip_norm_f32(infinite, 2, 1.0f)));
    ck_assert(among[0] == 1 && among[2] == 9 && infinite[0] == 1 && isinf(infinite[1]));
}
END_TEST

Suite *runtime_suite(void)
{
    Suite *s = suite_create("runtime");
    TCase *random = tcase_create("random"), *optimisers = tcase_create("optimisers");

    tcase_add_loop_test(random, philox_known_answers, 0, 3);
    tcase_add_test(random, uniform_takes_words_of_its_stream);
    tcase_add_loop_test(random, uniform_statistics, 0, 2);
    tcase_add_loop_test(random, normal_statistics, 0, 2);
    tcase_add_test(random, constant_fills);
    tcase_add_loop_test(random, orthogonal_is_orthogonal, 0, 6);
    tcase_add_test(optimisers, sgd_by_hand);
    tcase_add_test(optimisers, adam_by_hand);
    tcase_add_test(optimisers, clip_scales_down_only);
    tcase_add_test(optimisers, clip_tells_of_nan);
    suite_add_tcase(s, random);
    suite_add_tcase(s, optimisers);
    return s;
}
