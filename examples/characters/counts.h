/* SPDX-License-Identifier: MIT-0 */
/* What counting alone knows of the next character.  */
#ifndef EXAMPLES_COUNTS_H
#define EXAMPLES_COUNTS_H

#include "datasets.h"

/* Bits a character of the text from N on, the chances being counted in the text before N: how often
   came this character after the ORDER (1 or 2) last ones?  NaN: there is no memory.  */
double counts_bits(const text_data *d, int n, int order);

#endif
