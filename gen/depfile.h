/* SPDX-License-Identifier: Apache-2.0 */
/* Dependencies for make and ninja, as a C compiler writes them.  */
#ifndef DEPFILE_H
#define DEPFILE_H

#include "options.h"
#include "outputs.h"

/* Where the rule goes: -MF's file, or the name of the C file with .d; "-" with -M and -MM.  */
const char *depfile_path(const options *o, arena *a);

/* One rule: the outputs (or what -MT and -MQ say) need every file that D has read.  With -MMD and
   -MM those that were installed with the generator are left out; -MP adds a rule without a recipe
   for each but the model, so that make does not miss one that went away.  */
void depfile_write(const options *o, const diag *d, arena *a, buf *out);

#endif
