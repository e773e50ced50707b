/* SPDX-License-Identifier: MIT-0 */
/* What a rule does with an image: two written out, online and over stored states; the others, which
   make spikes-rules adds, are like the first one.  */
#include "rules.h"

#include "spikes.h"
#include "spikes_bptt.h"
#include "steps.h"
#ifdef ALL_RULES
#include "spikes_dni.h"
#include "spikes_eprop.h"
#include "spikes_hybrid.h"
#include "spikes_no_recursion.h"
#include "spikes_ostl_feedforward.h"
#include "spikes_ostl_recurrent.h"
#include "spikes_pp_prop.h"
#include "spikes_scalar_leak.h"
#include "spikes_snap.h"
#include "spikes_uoro.h"
#endif

static void online_begin(void *params, uint64_t seed)
{
    spikes_init_params(params, seed);
}

/* Step by step: nothing of the past is kept but the trace.  */
static void online_gradient(const void *params, const void *in, const void *target, void *grad)
{
    const spikes_input *step = in;
    const spikes_target *asked = target;
    spikes_state state;
    spikes_trace trace;
    spikes_output out;

    spikes_init_state(&state);
    spikes_reset_trace(&trace);
    for (int t = 0; t < STEPS; t++)
        spikes_learn(params, &state, &trace, &step[t], &asked[t], &out, grad);
}

static void bptt_begin(void *params, uint64_t seed)
{
    spikes_bptt_init_params(params, seed);
}

/* The tape keeps the states of all steps.  */
static void bptt_gradient(const void *params, const void *in, const void *target, void *grad)
{
    spikes_bptt_state state, tape[STEPS];
    spikes_bptt_output out;
    const spikes_bptt_sequence sequence = {.n_steps = STEPS, .in = in, .target = target, .out = &out,
                                           .last_output = 1, .reset = 1, .tape = tape};
    float loss;

    spikes_bptt_learn_sequence(params, &state, &sequence, grad, &loss);
}

#ifdef ALL_RULES
RULES_LEARNER(spikes_dni, STEPS)
RULES_LEARNER(spikes_eprop, STEPS)
RULES_LEARNER(spikes_hybrid, STEPS)
RULES_LEARNER(spikes_no_recursion, STEPS)
RULES_LEARNER(spikes_ostl_feedforward, STEPS)
RULES_LEARNER(spikes_ostl_recurrent, STEPS)
RULES_LEARNER(spikes_pp_prop, STEPS)
RULES_LEARNER(spikes_scalar_leak, STEPS)
RULES_LEARNER(spikes_snap, STEPS)

static void spikes_uoro_begin(void *params, uint64_t seed)
{
    spikes_uoro_init_params(params, seed);
}

/* The signs of an image are not those of the one before.  */
static void spikes_uoro_gradient(const void *params, const void *in, const void *target, void *grad)
{
    static int32_t drawn0, drawn1; /* for the neurons, for the readout */
    spikes_uoro_state state;
    spikes_uoro_trace trace;
    spikes_uoro_output out;
    const spikes_uoro_sequence sequence = {.n_steps = STEPS, .in = in, .target = target, .out = &out,
                                           .last_output = 1};
    float loss;

    spikes_uoro_init_state(&state);
    spikes_uoro_reset_trace(&trace);
    trace.draws_group0 = drawn0;
    trace.draws_group1 = drawn1;
    spikes_uoro_learn_sequence(params, &state, &trace, &sequence, grad, &loss);
    drawn0 = trace.draws_group0;
    drawn1 = trace.draws_group1;
}
#endif

const rules_row rules_table[] = {
    {"d_rtrl", &spikes_info, online_begin, online_gradient},
    {"bptt", &spikes_bptt_info, bptt_begin, bptt_gradient},
#ifdef ALL_RULES
    RULES_ROW(pp_prop, spikes_pp_prop)
    RULES_ROW(hybrid, spikes_hybrid)
    RULES_ROW(eprop, spikes_eprop)
    RULES_ROW(ostl_recurrent, spikes_ostl_recurrent)
    RULES_ROW(ostl_feedforward, spikes_ostl_feedforward)
    RULES_ROW(snap, spikes_snap)
    RULES_ROW(uoro, spikes_uoro)
    RULES_ROW(dni, spikes_dni)
    RULES_ROW(scalar_leak, spikes_scalar_leak)
    RULES_ROW(no_recursion, spikes_no_recursion)
#endif
    {NULL, NULL, NULL, NULL},
};
