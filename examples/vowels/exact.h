/* SPDX-License-Identifier: MIT-0 */
/* The gradient of learning online, beside that of BPTT.  */
#ifndef EXAMPLES_EXACT_H
#define EXAMPLES_EXACT_H

#include "vowels.h"

enum { EXACT_LONGEST = 29 }; /* utterance */

/* How far ONLINE is from BPTT's gradient of an utterance of N frames: the largest difference of an
   element, in units of the largest element.  */
double exact_distance(const vowels_params *params, float (*frame)[12], int n, int speaker,
                      const vowels_grad *online);

#endif
