/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's optimisers, learning rates and guards.  In: closed formulas, and numbers that
   PyTorch 2.15, optax 0.2.8 and braintrace 0.2.6 computed in float64.  Out: test cases.  */
#include "etrace.h"
#include "suites.h"

#include <string.h>

/* <math.h> has these as float.  */
#define NAN64 ((double)NAN)
#define INFINITY64 ((double)INFINITY)

enum { N = 4, STEPS = 5 };

/* Gradients of five steps: 0.1 sin(1 + 3 t + 7 i) 10^(i - 1).  */
static const double start[N] = {0.5, -1.25, 2.0, 1e-3};
static double grad[STEPS][N];
static float grad_f32[STEPS][N];

static void set_up(void)
{
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < N; i++) {
            grad[t][i] = 0.1 * sin(1 + 3 * t + 7 * i) * pow(10, i - 1);
            grad_f32[t][i] = (float)grad[t][i];
        }
    }
}

/* The optimisers, as float and double.  A and B are their memory, T the step from 0.  */
enum { SGD, MOMENTUM, RMSPROP, ADAM, ADAMW, N_OPTIMISERS };

static void update(int which, double *p, double *a, double *b, int t)
{
    const double *g = grad[t];

    switch (which) {
    case SGD: etr_sgd_f64(p, g, NULL, N, 0.1, 0.9); break;
    case MOMENTUM: etr_sgd_f64(p, g, a, N, 0.1, 0.9); break;
    case RMSPROP: etr_rmsprop_f64(p, g, a, N, 0.01, 0.95, 1e-6); break;
    case ADAM: etr_adam_f64(p, g, a, b, N, t + 1, 0.01, 0.9, 0.99, 1e-8); break;
    default: etr_adamw_f64(p, g, a, b, N, t + 1, 0.01, 0.9, 0.99, 1e-8, 0.1); break;
    }
}

static void update_f32(int which, float *p, float *a, float *b, int t)
{
    const float *g = grad_f32[t];

    switch (which) {
    case SGD: etr_sgd_f32(p, g, NULL, N, 0.1f, 0.9f); break;
    case MOMENTUM: etr_sgd_f32(p, g, a, N, 0.1f, 0.9f); break;
    case RMSPROP: etr_rmsprop_f32(p, g, a, N, 0.01f, 0.95f, 1e-6f); break;
    case ADAM: etr_adam_f32(p, g, a, b, N, t + 1, 0.01f, 0.9f, 0.99f, 1e-8f); break;
    default: etr_adamw_f32(p, g, a, b, N, t + 1, 0.01f, 0.9f, 0.99f, 1e-8f, 0.1f); break;
    }
}

/* torch.optim.SGD, .RMSprop, .Adam and .AdamW; optax has the same to the last digit but one.  */
START_TEST(updates_as_pytorch)
{
    static const double want[N_OPTIMISERS][N] = {
        {0.49938219898584396, -1.2593152315461562, 1.9213246201680623, -0.25374776971665103},
        {0.49798977534281241, -1.2738339058550914, 1.8416537586395751, -0.0031611810591510459},
        {0.46690950375917933, -1.2860682994706565, 1.9623306029479306, 0.053277610741212657},
        {0.48487093425523908, -1.264202773939926, 1.9868556393439498, 0.016846812673117176},
        {0.48242249968105461, -1.2579209030695464, 1.9769175445118832, 0.016781302694599466},
    };
    double p[N], a[N] = {0}, b[N] = {0};
    float q[N], a4[N] = {0}, b4[N] = {0};

    memcpy(p, start, sizeof p);
    for (int i = 0; i < N; i++)
        q[i] = (float)start[i];
    for (int t = 0; t < STEPS; t++) {
        update(_i, p, a, b, t);
        update_f32(_i, q, a4, b4, t);
    }
    for (int i = 0; i < N; i++) {
        ck_assert_double_eq_tol(p[i], want[_i][i], 1e-14);
        ck_assert_double_eq_tol((double)q[i], want[_i][i], 2e-6);
    }
}
END_TEST

/* What the optimisers remember after all steps is a sum over the steps with powers as weights.  */
START_TEST(updates_by_closed_formula)
{
    double p[N], a[N] = {0}, b[N] = {0};

    for (int t = 0; t < STEPS; t++) {
        memcpy(p, start, sizeof p);
        update(_i, p, a, b, t);
        for (int i = 0; i < N; i++) {
            double first = 0, second = 0, momentum = 0, mean = 0, change = grad[t][i] * 0.1;
            for (int k = 0; k <= t; k++) {
                momentum += pow(0.9, t - k) * grad[k][i];
                first += 0.1 * pow(0.9, t - k) * grad[k][i];
                second += 0.01 * pow(0.99, t - k) * pow(grad[k][i], 2);
                mean += 0.05 * pow(0.95, t - k) * pow(grad[k][i], 2);
            }
            first /= 1 - pow(0.9, t + 1);
            second /= 1 - pow(0.99, t + 1);
            if (_i == MOMENTUM)
                change = 0.1 * momentum;
            else if (_i == RMSPROP)
                change = 0.01 * grad[t][i] / (sqrt(mean) + 1e-6);
            else if (_i == ADAM || _i == ADAMW)
                change = 0.01 * first / (sqrt(second) + 1e-8);
            change += _i == ADAMW ? 0.01 * 0.1 * start[i] : 0;
            ck_assert_double_eq_tol(p[i], start[i] - change, 1e-14);
        }
    }
}
END_TEST

/* braintrace.GradExpon with a decay of 0.8.  */
START_TEST(smoothing_as_reference)
{
    static const double want[N] = {0.0036260525230318308, 0.0671062171459198, 0.64922529458999634,
                                   3.0784265995025635};
    double sum[N] = {0};
    float sum_f32[N] = {0};

    for (int t = 0; t < STEPS; t++) {
        etr_smooth_f64(sum, grad[t], N, 0.8);
        etr_smooth_f32(sum_f32, grad_f32[t], N, 0.8f);
    }
    for (int i = 0; i < N; i++) {
        double direct = 0;
        for (int t = 0; t < STEPS; t++)
            direct += pow(0.8, STEPS - 1 - t) * grad[t][i];
        ck_assert_double_eq_tol(sum[i], direct, 1e-14);
        ck_assert_double_eq_tol(sum[i], want[i], 1e-6); /* theirs ran in float32 */
        ck_assert_double_eq_tol((double)sum_f32[i], direct, 1e-6);
    }
}
END_TEST

/* optax: exponential_decay with and without staircase, linear_schedule and
   warmup_cosine_decay_schedule.  */
START_TEST(rates_as_optax)
{
    static const long done[] = {0, 1, 7, 8, 9, 10, 25, 39, 40, 100};
    static const double want[4][10] = {
        {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.0125, 0.00625, 0.003125, 2.44140625e-05},
        {0.1, 0.091700404320467124, 0.054525386633262889, 0.05, 0.045850202160233562,
         0.042044820762685731, 0.011462550540058391, 0.0034078366645789305, 0.003125,
         1.7263349150062199e-05},
        {0.1, 0.098, 0.086, 0.084, 0.082, 0.08, 0.05, 0.022, 0.02, 0.02},
        {0.01, 0.02125, 0.08875, 0.1, 0.099761643970273761, 0.099048871379959907,
         0.045648151553686754, 0.0012383560297262576, 0.001, 0.001},
    };
    const long t = done[_i];
    const double got[4] = {
        etr_rate_step_f64(t, 0.1, 0.5, 8), etr_rate_exponential_f64(t, 0.1, 0.5, 8),
        etr_rate_linear_f64(t, 0.1, 0.02, 40),
        etr_rate_cosine_f64(t, 0.01, 0.1, 0.001, 8, 40)};
    const float got_f32[4] = {
        etr_rate_step_f32(t, 0.1f, 0.5f, 8), etr_rate_exponential_f32(t, 0.1f, 0.5f, 8),
        etr_rate_linear_f32(t, 0.1f, 0.02f, 40),
        etr_rate_cosine_f32(t, 0.01f, 0.1f, 0.001f, 8, 40)};

    for (int k = 0; k < 4; k++) {
        ck_assert_double_eq_tol(got[k], want[k][_i], 1e-16);
        ck_assert_double_eq_tol((double)got_f32[k], want[k][_i], 1e-8);
    }
}
END_TEST

START_TEST(rates_at_their_edges)
{
    ck_assert(etr_rate_linear_f32(0, 1.0f, 0.5f, 0) == 0.5f);
    ck_assert(etr_rate_cosine_f32(0, 0.0f, 1.0f, 0.5f, 0, 10) == 1.0f);
    ck_assert(etr_rate_cosine_f32(5, 0.0f, 1.0f, 0.5f, 5, 5) == 0.5f);
    ck_assert(etr_rate_cosine_f32(10, 0.0f, 1.0f, 0.5f, 0, 20) == 0.75f);
}
END_TEST

START_TEST(clip_by_value)
{
    double g[5] = {-3, -0.5, 0, 2, NAN64};
    float f[3] = {-INFINITY, 0.25f, 7.0f};

    etr_clip_value_f64(g, 5, 0.5);
    ck_assert(g[0] == -0.5 && g[1] == -0.5 && g[2] == 0 && g[3] == 0.5 && isnan(g[4]));
    etr_clip_value_f32(f, 3, 1.0f);
    ck_assert(f[0] == -1.0f && f[1] == 0.25f && f[2] == 1.0f);
}
END_TEST

START_TEST(clip_by_norm_leaves_what_is_not_finite)
{
    static const double bad[] = {NAN64, INFINITY64, -INFINITY64};
    double g[3] = {3, bad[_i], 4}, before[3];
    float f[1] = {(float)bad[_i]};

    memcpy(before, g, sizeof g);
    ck_assert(isnan(etr_clip_norm_f64(g, 3, 1)));
    ck_assert_mem_eq(g, before, sizeof g);
    ck_assert(isnan(etr_clip_norm_f32(f, 1, 1.0f)));
}
END_TEST

/* Every place, every value; and the largest and the smallest finite ones.  */
START_TEST(finite_or_not)
{
    static const double bad[] = {NAN64, -NAN64, INFINITY64, -INFINITY64};
    static const float bad_f32[] = {NAN, -NAN, INFINITY, -INFINITY};
    double d[9] = {1.7976931348623157e308, -1.7976931348623157e308, 4.9e-324, 0, -0.0, 1, -1};
    float f[9] = {3.40282347e38f, -3.40282347e38f, 1.4e-45f, 0, -0.0f, 1, -1};

    ck_assert(etr_all_finite_f64(d, 9));
    ck_assert(etr_all_finite_f32(f, 9));
    for (size_t i = 0; i < 9; i++) {
        const double keep = d[i];
        const float keep_f32 = f[i];
        d[i] = bad[_i];
        f[i] = bad_f32[_i];
        ck_assert(!etr_all_finite_f64(d, 9));
        ck_assert(!etr_all_finite_f32(f, 9));
        ck_assert(etr_all_finite_f64(d, i));
        ck_assert(etr_all_finite_f32(f, i));
        d[i] = keep;
        f[i] = keep_f32;
    }
}
END_TEST

/* The guard as the header shows it, around every optimiser.  */
static etr_update_status guarded(int which, double loss, double *p, double *a, double *b, int t)
{
    const etr_update_status status = etr_check_update_f64(loss, grad[t], N);

    if (status == ETR_UPDATE_OK)
        update(which, p, a, b, t);
    return status;
}

START_TEST(bad_updates_change_nothing)
{
    double p[N], a[N] = {0}, b[N] = {0}, want[N], wa[N] = {0}, wb[N] = {0};
    const float f[2] = {1.0f, INFINITY};

    memcpy(p, start, sizeof p);
    memcpy(want, start, sizeof want);
    for (int t = 0; t < STEPS; t++) {
        const double keep = grad[t][t % N];
        update(_i, want, wa, wb, t);
        ck_assert_int_eq(guarded(_i, NAN64, p, a, b, t), ETR_UPDATE_BAD_LOSS);
        ck_assert_int_eq(guarded(_i, -INFINITY64, p, a, b, t), ETR_UPDATE_BAD_LOSS);
        grad[t][t % N] = t % 2 ? NAN64 : INFINITY64;
        ck_assert_int_eq(guarded(_i, 1, p, a, b, t), ETR_UPDATE_BAD_GRAD);
        grad[t][t % N] = keep;
        ck_assert_int_eq(guarded(_i, 1, p, a, b, t), ETR_UPDATE_OK);
    }
    ck_assert_mem_eq(p, want, sizeof p);
    ck_assert_mem_eq(a, wa, sizeof a);
    ck_assert_mem_eq(b, wb, sizeof b);
    ck_assert_int_eq(etr_check_update_f32(NAN, f, 1), ETR_UPDATE_BAD_LOSS);
    ck_assert_int_eq(etr_check_update_f32(1, f, 2), ETR_UPDATE_BAD_GRAD);
    ck_assert_int_eq(etr_check_update_f32(1, f, 1), ETR_UPDATE_OK);
}
END_TEST

/* A state of floats and whole numbers, -1 among them: the bits of a NaN.  */
START_TEST(blocks_by_their_table)
{
    struct {
        float h[2][3];
        int32_t timer[2];
        float g[2];
    } s = {{{0}}, {-1, -1}, {0}};
    const etr_var vars[] = {
        {.path = "h", .kind = ETR_HIDDEN, .stored = 1, .rank = 2, .shape = {2, 3}},
        {.path = "timer", .kind = ETR_STATE, .element = ETR_INT32, .stored = 1, .rank = 1, .shape = {2},
         .offset = (size_t)((char *)s.timer - (char *)&s)},
        {.path = "one", .kind = ETR_STATE, .stored = 0, .constant = 1, .rank = 1, .shape = {900}},
        {.path = "g", .kind = ETR_STATE, .stored = 1, .rank = 1, .shape = {2},
         .offset = (size_t)((char *)s.g - (char *)&s)},
    };
    const etr_info info = {.name = "m", .real_bytes = 4, .n_vars = 4, .vars = vars};

    ck_assert(etr_block_finite(&s, &info, ETR_HIDDEN) && etr_block_finite(&s, &info, ETR_STATE));
    s.h[1][2] = NAN;
    ck_assert(!etr_block_finite(&s, &info, ETR_HIDDEN) && etr_block_finite(&s, &info, ETR_STATE));
    s.h[1][2] = 0;
    s.g[1] = -INFINITY;
    ck_assert(etr_block_finite(&s, &info, ETR_HIDDEN) && !etr_block_finite(&s, &info, ETR_STATE));
}
END_TEST

START_TEST(blocks_of_double)
{
    double h[2] = {1, 2};
    const etr_var var = {.path = "h", .kind = ETR_TRACE, .stored = 1, .rank = 1, .shape = {2}};
    const etr_info info = {.name = "m", .real_bytes = 8, .n_vars = 1, .vars = &var};

    ck_assert(etr_block_finite(h, &info, ETR_TRACE));
    h[1] = NAN64;
    ck_assert(!etr_block_finite(h, &info, ETR_TRACE));
}
END_TEST

Suite *optim_suite(void)
{
    Suite *s = suite_create("optim");
    TCase *updates = tcase_create("updates"), *guards = tcase_create("guards");

    tcase_add_checked_fixture(updates, set_up, NULL);
    tcase_add_loop_test(updates, updates_as_pytorch, 0, N_OPTIMISERS);
    tcase_add_loop_test(updates, updates_by_closed_formula, 0, N_OPTIMISERS);
    tcase_add_test(updates, smoothing_as_reference);
    tcase_add_loop_test(updates, rates_as_optax, 0, 10);
    tcase_add_test(updates, rates_at_their_edges);
    suite_add_tcase(s, updates);
    tcase_add_checked_fixture(guards, set_up, NULL);
    tcase_add_test(guards, clip_by_value);
    tcase_add_loop_test(guards, clip_by_norm_leaves_what_is_not_finite, 0, 3);
    tcase_add_loop_test(guards, finite_or_not, 0, 4);
    tcase_add_loop_test(guards, bad_updates_change_nothing, 0, N_OPTIMISERS);
    tcase_add_test(guards, blocks_by_their_table);
    tcase_add_test(guards, blocks_of_double);
    suite_add_tcase(s, guards);
    return s;
}
