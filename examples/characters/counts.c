/* SPDX-License-Identifier: MIT-0 */
/* In: a text.  Out: how well counts tell its next character.  Counts of one order more lean on
   those of one order less, with the weight of LEAN characters (Dirichlet smoothing; MacKay and
   Bauman Peto, "A hierarchical Dirichlet language model", Natural Language Engineering 1, 1995).  */
#include "counts.h"

#include <math.h>
#include <stdlib.h>

enum { LEAN = 5, ORDERS = 3 };

/* Where the counts of what follows the K characters before I begin.  */
static size_t place(const text_data *d, int i, int k)
{
    size_t at = 0;

    for (int back = k; back > 0; back--)
        at = at * (size_t)d->n_symbols + d->symbol[i - back];
    return at * ((size_t)d->n_symbols + 1); /* the last of them is their sum */
}

double counts_bits(const text_data *d, int n, int order)
{
    const size_t s = (size_t)d->n_symbols;
    int *count[ORDERS] = {calloc(s + 1, sizeof(int)), calloc(s * (s + 1), sizeof(int)),
                          calloc(s * s * (s + 1), sizeof(int))};
    double bits = count[0] && count[1] && count[2] ? 0 : (double)NAN;

    for (int i = order; i < d->n && !isnan(bits); i++) {
        double p = 1.0 / d->n_symbols;
        for (int k = 0; k <= order; k++) {
            int *here = count[k] + place(d, i, k);
            p = (here[d->symbol[i]] + LEAN * p) / (here[s] + LEAN);
            if (i < n) {
                here[d->symbol[i]]++;
                here[s]++;
            }
        }
        if (i >= n)
            bits -= log2(p) / (d->n - n);
    }
    for (int k = 0; k < ORDERS; k++)
        free(count[k]);
    return bits;
}
