/* SPDX-License-Identifier: Apache-2.0 */
/* In: the model m, generated with --prefix=m.  Out: after some steps of learning from drawn numbers, a
   digest of the bits of gradients, parameters and outputs: the same on every machine.  */
#include "m.h"

#include "etrace_random.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 12, SEED = 7 };

static m_params params;
static m_grad grad;
static m_state state;
static m_trace trace;
static m_input in;
static m_target target;
static m_output out;

static void put(char *at, double x)
{
    const float small = (float)x;
    if (m_info.real_bytes == 4)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &x, sizeof x);
}

static double get(const char *at)
{
    float small;
    double x;
    memcpy(&small, at, sizeof small);
    memcpy(&x, at, (size_t)m_info.real_bytes == sizeof x ? sizeof x : 0);
    return m_info.real_bytes == 4 ? (double)small : x;
}

static size_t numel(const etr_var *v)
{
    size_t n = 1;
    for (int k = 0; k < v->rank; k++)
        n *= (size_t)v->shape[k];
    return n;
}

/* Every real of KIND in BLOCK, between -1 and 1; whole numbers stay 0.  */
static void draw(char *block, etr_kind kind, uint64_t first)
{
    for (int i = 0; i < m_info.n_vars; i++) {
        const etr_var *v = &m_info.vars[i];
        for (size_t k = 0; v->kind == kind && v->element == ETR_REAL && k < numel(v); k++)
            put(block + v->offset + k * (size_t)m_info.real_bytes,
                2 * (double)etr_uniform_f32(SEED, (uint32_t)i, first + k) - 1);
    }
}

static void descend(void)
{
    char *p = (char *)&params;
    const char *g = (const char *)&grad;
    for (size_t i = 0; i < sizeof params; i += (size_t)m_info.real_bytes) {
        put(p + i, get(p + i) - 0.0625 * get(g + i)); /* the product is exact */
    }
}

/* Fowler, Noll and Vo's hash of the words of 32 bits; of a double, the high one first.  */
static uint32_t digest(uint32_t hash, const void *block, size_t size)
{
    const uint16_t one = 1;
    unsigned char low_first;
    memcpy(&low_first, &one, 1);
    for (size_t i = 0; i < size / 4; i++) {
        const size_t at = m_info.real_bytes == 8 && low_first ? i ^ 1 : i;
        uint32_t word;
        memcpy(&word, (const char *)block + 4 * at, sizeof word);
        hash = (hash ^ word) * UINT32_C(16777619);
    }
    return hash;
}

int main(void)
{
    uint32_t hash = UINT32_C(2166136261);
    m_init_params(&params, SEED);
    draw((char *)&params, ETR_PARAM, 0);
    m_init_state(&state);
    for (int t = 0; t < STEPS; t++) {
        memset(&grad, 0, sizeof grad);
        draw((char *)&in, ETR_INPUT, (uint64_t)t << 20);
        draw((char *)&target, ETR_TARGET, (uint64_t)t << 20);
        m_learn(&params, &state, &trace, &in, &target, &out, &grad);
        hash = digest(hash, &grad, sizeof grad);
        descend();
    }
    hash = digest(hash, &params, sizeof params);
    hash = digest(hash, &out, sizeof out);
    printf("%08lx\n", (unsigned long)hash);
    return 0;
}
