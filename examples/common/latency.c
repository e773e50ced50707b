/* SPDX-License-Identifier: MIT-0 */
/* Latency coding.  In: brightness.  Out: the steps of spikes, and the spikes of a step.  */
#include "latency.h"

#include <math.h>

int latency_when(const latency_code *code, float x)
{
    float t;

    if (!(x > code->threshold))
        return code->steps;
    t = code->tau * logf(x / (x - code->threshold));
    return t < (float)code->steps ? (int)t : code->steps;
}

void latency_encode(const latency_code *code, const float *x, size_t n, int *when)
{
    for (size_t i = 0; i < n; i++)
        when[i] = latency_when(code, x[i]);
}

int latency_spikes(const int *when, size_t n, int t, float *spikes)
{
    int count = 0;

    for (size_t i = 0; i < n; i++) {
        spikes[i] = when[i] == t ? 1.0f : 0.0f;
        count += when[i] == t;
    }
    return count;
}
