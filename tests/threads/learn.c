/* SPDX-License-Identifier: Apache-2.0 */
/* In: the model m of float32, generated with --prefix=m.  Out: after some steps of learning, and some forward, from drawn
   numbers, a digest of all bits that came of it.  */
#include "m.h"

#include "etrace_random.h"

#include <stdio.h>

/* A block of steps, and some behind it.  */
enum { STEPS = 10, SEED = 7 };

static m_params params;
static m_grad grad;
static m_state state, tape[STEPS];
static m_trace trace;
static m_input in[STEPS];
static m_target target[STEPS];
static m_output out[STEPS];

static void draw(void *block, size_t size, uint32_t stream)
{
    float *x = block;
    for (size_t i = 0; i < size / sizeof *x; i++)
        x[i] = 2 * etr_uniform_f32(SEED, stream, i) - 1;
}

/* Fowler, Noll and Vo's hash.  */
static uint32_t digest(uint32_t hash, const void *block, size_t size)
{
    const unsigned char *byte = block;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT32_C(16777619);
    return hash;
}

int main(void)
{
    const m_sequence q = {.n_steps = STEPS, .in = in, .target = target, .out = out, .tape = tape};
    uint32_t hash = UINT32_C(2166136261);
    float loss;
    m_init_params(&params, SEED);
    m_init_state(&state);
    draw(in, sizeof in, 100);
    draw(target, sizeof target, 101);
    if (m_learn_sequence(&params, &state, &trace, &q, &grad, &loss) != ETR_UPDATE_OK)
        return 1;
    hash = digest(hash, out, sizeof out);
    if (m_evolve_sequence(&params, &state, &trace, &q) != ETR_UPDATE_OK)
        return 1;
    hash = digest(hash, &loss, sizeof loss);
    hash = digest(hash, &grad, sizeof grad);
    hash = digest(hash, &state, sizeof state);
    hash = digest(hash, &trace, sizeof trace);
    printf("%08lx\n", (unsigned long)digest(hash, out, sizeof out));
    return 0;
}
