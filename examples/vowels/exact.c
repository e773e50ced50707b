/* SPDX-License-Identifier: MIT-0 */
/* In: a gradient.  Out: how far it is from the one of the same model generated with --rule=bptt,
   which keeps the states of all frames and differentiates back through them.  */
#include "exact.h"
#include "vowels_bptt.h"

#include <math.h>
#include <string.h>

double exact_distance(const vowels_params *params, float (*frame)[12], int n, int speaker,
                      const vowels_grad *online)
{
    vowels_bptt_params same;
    vowels_bptt_grad exact;
    vowels_bptt_state state, tape[EXACT_LONGEST];
    vowels_bptt_input in[EXACT_LONGEST];
    vowels_bptt_target target[EXACT_LONGEST];
    vowels_bptt_output out;
    const vowels_bptt_sequence sequence = {.n_steps = (size_t)n, .in = in, .target = target,
                                           .out = &out, .last_output = 1, .tape = tape};
    float loss;
    const float *a = (const float *)online, *b = (const float *)&exact;
    float far = 0, largest = 0;

    memcpy(&same, params, sizeof same);
    memset(&exact, 0, sizeof exact);
    vowels_bptt_init_state(&state);
    for (int t = 0; t < n; t++) {
        memcpy(in[t].x, frame[t], sizeof in[t].x);
        target[t].speaker = speaker;
    }
    vowels_bptt_learn_sequence(&same, &state, &sequence, &exact, &loss);
    for (size_t k = 0; k < sizeof exact / sizeof(float); k++) {
        far = fmaxf(far, fabsf(a[k] - b[k]));
        largest = fmaxf(largest, fabsf(b[k]));
    }
    return (double)(far / largest);
}
