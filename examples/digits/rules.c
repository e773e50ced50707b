/* SPDX-License-Identifier: MIT-0 */
/* What a rule does with an image: two written out, online and over stored states; the others, which
   make digits-rules adds, are like the first one.  */
#include "rules.h"

#include "digits.h"
#include "digits_bptt.h"
#include "images.h"
#ifdef ALL_RULES
#include "digits_dni.h"
#include "digits_eprop.h"
#include "digits_hybrid.h"
#include "digits_no_recursion.h"
#include "digits_ostl_feedforward.h"
#include "digits_ostl_recurrent.h"
#include "digits_pp_prop.h"
#include "digits_scalar_leak.h"
#include "digits_snap.h"
#include "digits_uoro.h"
#endif

static void online_begin(void *params, uint64_t seed)
{
    digits_init_params(params, seed);
}

/* Row by row: nothing of the past is kept but the trace.  */
static void online_gradient(const void *params, const void *in, const void *target, void *grad)
{
    const digits_input *row = in;
    const digits_target *asked = target;
    digits_state state;
    digits_trace trace;
    digits_output out;

    digits_init_state(&state);
    digits_reset_trace(&trace);
    for (int t = 0; t < ROWS; t++)
        digits_learn(params, &state, &trace, &row[t], &asked[t], &out, grad);
}

static void bptt_begin(void *params, uint64_t seed)
{
    digits_bptt_init_params(params, seed);
}

/* The tape keeps the states of all rows.  */
static void bptt_gradient(const void *params, const void *in, const void *target, void *grad)
{
    digits_bptt_state state, tape[ROWS];
    digits_bptt_output out;
    const digits_bptt_sequence sequence = {.n_steps = ROWS, .in = in, .target = target, .out = &out,
                                           .last_output = 1, .reset = 1, .tape = tape};
    float loss;

    digits_bptt_learn_sequence(params, &state, &sequence, grad, &loss);
}

#ifdef ALL_RULES
RULES_LEARNER(digits_dni, ROWS)
RULES_LEARNER(digits_eprop, ROWS)
RULES_LEARNER(digits_hybrid, ROWS)
RULES_LEARNER(digits_no_recursion, ROWS)
RULES_LEARNER(digits_ostl_feedforward, ROWS)
RULES_LEARNER(digits_ostl_recurrent, ROWS)
RULES_LEARNER(digits_pp_prop, ROWS)
RULES_LEARNER(digits_scalar_leak, ROWS)
RULES_LEARNER(digits_snap, ROWS)

static void digits_uoro_begin(void *params, uint64_t seed)
{
    digits_uoro_init_params(params, seed);
}

/* The signs of an image are not those of the one before.  */
static void digits_uoro_gradient(const void *params, const void *in, const void *target, void *grad)
{
    static int32_t drawn;
    digits_uoro_state state;
    digits_uoro_trace trace;
    digits_uoro_output out;
    const digits_uoro_sequence sequence = {.n_steps = ROWS, .in = in, .target = target, .out = &out,
                                           .last_output = 1};
    float loss;

    digits_uoro_init_state(&state);
    digits_uoro_reset_trace(&trace);
    trace.draws_group0 = drawn;
    digits_uoro_learn_sequence(params, &state, &trace, &sequence, grad, &loss);
    drawn = trace.draws_group0;
}
#endif

const rules_row rules_table[] = {
    {"d_rtrl", &digits_info, online_begin, online_gradient},
    {"bptt", &digits_bptt_info, bptt_begin, bptt_gradient},
#ifdef ALL_RULES
    RULES_ROW(pp_prop, digits_pp_prop)
    RULES_ROW(hybrid, digits_hybrid)
    RULES_ROW(eprop, digits_eprop)
    RULES_ROW(ostl_recurrent, digits_ostl_recurrent)
    RULES_ROW(ostl_feedforward, digits_ostl_feedforward)
    RULES_ROW(snap, digits_snap)
    RULES_ROW(uoro, digits_uoro)
    RULES_ROW(dni, digits_dni)
    RULES_ROW(scalar_leak, digits_scalar_leak)
    RULES_ROW(no_recursion, digits_no_recursion)
#endif
    {NULL, NULL, NULL, NULL},
};
