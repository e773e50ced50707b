/* SPDX-License-Identifier: Apache-2.0 */
/* --compare: a program that runs random data through one model under several rules.  */
#ifndef COMPARE_H
#define COMPARE_H

#include "options.h"
#include "outputs.h"

/* Add the check program for the rules that O->compare names to OUT; its folder is that of -d, or one
   named after the spec.  Returns the exit status, after a message if it is not 0.  */
int compare_run(const options *o, const spec *s, arena *a, diag *d, outputs *out);

#endif
