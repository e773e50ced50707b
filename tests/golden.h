/* SPDX-License-Identifier: Apache-2.0 */
/* The golden runner: a spec and a case of reference data (.npz) side by side.  */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>

/* Exit statuses.  */
enum { GOLDEN_SAME = 0, GOLDEN_DIFFERS = 1, GOLDEN_USAGE = 2, GOLDEN_FAILURE = 3 };

/* Run the command line ARGV of golden-check (--help tells of it).  REPORT gets one line an array.
   Lines of the spec that begin with "# golden-check:" are options, too; those of ARGV go
   before.  */
int golden_run(int argc, const char *const *argv, FILE *report);

#endif
