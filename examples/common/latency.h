/* SPDX-License-Identifier: MIT-0 */
/* Latency coding: the brighter, the earlier a neuron's only spike.  A leaky neuron with the time
   constant TAU, fed with the constant current X, reaches THRESHOLD after

       t = tau log(x / (x - threshold))    where x > threshold, and never otherwise

   (Neftci, Mostafa and Zenke, "Surrogate gradient learning in spiking neural networks", IEEE Signal
   Processing Magazine 36, 2019, and the notebooks that come with it).  */
#ifndef EXAMPLES_LATENCY_H
#define EXAMPLES_LATENCY_H

#include <stddef.h>

typedef struct {
    float tau;       /* in steps */
    float threshold; /* in units of x; larger than 0 */
    int steps;       /* a spike that would come later does not come */
} latency_code;

/* The step of X's spike, rounded down; CODE->steps: there is none.  */
int latency_when(const latency_code *code, float x);

/* The same of N values.  */
void latency_encode(const latency_code *code, const float *x, size_t n, int *when);

/* The spikes of step T, each 0 or 1.  Returns how many there are.  */
int latency_spikes(const int *when, size_t n, int t, float *spikes);

#endif
