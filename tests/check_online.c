/* SPDX-License-Identifier: Apache-2.0 */
/* A generated model (tests/models/online.yaml) that learns for a long time with the runtime around
   it.  In: inputs that are a function of the step alone.  Out: test cases: numbers stay finite with
   and without subnormal ones, a run that goes on from a snapshot is the run that was never
   interrupted, and a NaN among the inputs does not reach the parameters.  */
#include "etrace.h"
#include "etrace_snapshot.h"
#include "online.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum {
    STEPS = 100000,
    CUT = 43210,
    QUIET = 1000, /* in every second stretch of this length there is no input: traces fade away */
    N_PARAMS = sizeof(online_params) / sizeof(float)
};

/* All that a run is.  */
typedef struct {
    online_params params;
    online_state state;
    online_trace trace;
    float m[N_PARAMS], v[N_PARAMS];
    uint64_t step;
} run;

static void begin(run *r)
{
    memset(r, 0, sizeof *r);
    online_init_params(&r->params, 3);
    online_init_state(&r->state);
    online_reset_trace(&r->trace);
}

static void input_of(uint64_t step, online_input *in, online_target *target)
{
    const float scale = step / QUIET % 2 ? 0.0f : 2.0f;

    for (uint64_t k = 0; k < 3; k++)
        in->x[k] = scale * (etr_uniform_f32(5, 0, 3 * step + k) - 0.5f);
    for (uint64_t k = 0; k < 2; k++) /* what came in three steps before */
        target->y[k] = step < 3 ? 0.0f : etr_uniform_f32(5, 0, 3 * (step - 3) + k) - 0.5f;
}

/* One step, guarded as etrace.h shows.  */
static etr_update_status advance(run *r, const online_input *in, const online_target *target)
{
    online_output out;
    online_grad grad;
    float loss;
    etr_update_status status;

    memset(&grad, 0, sizeof grad);
    loss = online_learn(&r->params, &r->state, &r->trace, in, target, &out, &grad);
    status = etr_check_update_f32(loss, (const float *)&grad, N_PARAMS);
    if (status == ETR_UPDATE_OK) {
        etr_clip_norm_f32((float *)&grad, N_PARAMS, 1.0f);
        etr_adam_f32((float *)&r->params, (const float *)&grad, r->m, r->v, N_PARAMS,
                     (long)++r->step, 0.002f, 0.9f, 0.999f, 1e-8f);
    }
    return status;
}

static void go_to(run *r, uint64_t end)
{
    online_input in;
    online_target target;

    while (r->step < end) {
        input_of(r->step, &in, &target);
        ck_assert_int_eq(advance(r, &in, &target), ETR_UPDATE_OK);
    }
    ck_assert(etr_block_finite(&r->params, &online_info, ETR_PARAM));
    ck_assert(etr_block_finite(&r->state, &online_info, ETR_HIDDEN));
    ck_assert(etr_block_finite(&r->trace, &online_info, ETR_TRACE));
}

enum { N_BLOCKS = 5 };
static const etr_block_kind kind[N_BLOCKS] = {ETR_BLOCK_PARAMS, ETR_BLOCK_STATE, ETR_BLOCK_TRACE,
                                              ETR_BLOCK_MOMENT_1, ETR_BLOCK_MOMENT_2};

static void *block(run *r, int i)
{
    void *all[N_BLOCKS] = {&r->params, &r->state, &r->trace, r->m, r->v};

    return all[i];
}

/* A copy of R by way of bytes.  */
static run snapshot(run *r)
{
    run copy;

    memset(&copy, 0, sizeof copy);
    for (int i = 0; i < N_BLOCKS; i++) {
        const size_t size = etr_snapshot_size(&online_info, kind[i]);
        void *bytes = malloc(size);
        ck_assert_ptr_nonnull(bytes);
        etr_snapshot_write(&online_info, kind[i], block(r, i), r->step, bytes);
        ck_assert_int_eq(etr_snapshot_read(&online_info, kind[i], block(&copy, i), &copy.step,
                                           bytes, size),
                         ETR_SNAPSHOT_OK);
        free(bytes);
    }
    return copy;
}

START_TEST(resumed_is_uninterrupted)
{
    static run whole, resumed;

#if defined(__SSE__)
    if (_i)
        _mm_setcsr(_mm_getcsr() | 0x8040); /* subnormal numbers are zero, in and out */
#else
    if (_i)
        return;
#endif
    begin(&whole);
    go_to(&whole, CUT);
    resumed = snapshot(&whole);
    go_to(&whole, STEPS);
    go_to(&resumed, STEPS);
    ck_assert_mem_eq(&whole, &resumed, sizeof whole);
}
END_TEST

START_TEST(bad_inputs_do_not_reach_the_parameters)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static run r, before;
    online_input in;
    online_target target;

    begin(&r);
    go_to(&r, 500);
    before = r;
    input_of(r.step, &in, &target);
    target.y[0] = bad[_i];
    ck_assert_int_eq(advance(&r, &in, &target), ETR_UPDATE_BAD_LOSS);
    ck_assert_mem_eq(&r.params, &before.params, sizeof r.params);
    ck_assert_mem_eq(r.m, before.m, sizeof r.m);
    ck_assert_mem_eq(r.v, before.v, sizeof r.v);
    input_of(r.step, &in, &target);
    in.x[0] = NAN;
    ck_assert_int_ne(advance(&r, &in, &target), ETR_UPDATE_OK);
    ck_assert(!etr_block_finite(&r.state, &online_info, ETR_HIDDEN));
    ck_assert_mem_eq(&r.params, &before.params, sizeof r.params);
    /* From what was good before, all goes on.  */
    r.state = before.state;
    r.trace = before.trace;
    go_to(&r, 600);
    go_to(&before, 600);
    ck_assert_mem_eq(&r, &before, sizeof r);
}
END_TEST

Suite *online_suite(void)
{
    Suite *s = suite_create("online");
    TCase *learning = tcase_create("learning");

    tcase_set_timeout(learning, 300);
    tcase_add_loop_test(learning, resumed_is_uninterrupted, 0, 2);
    tcase_add_loop_test(learning, bad_inputs_do_not_reach_the_parameters, 0, 3);
    suite_add_tcase(s, learning);
    return s;
}
