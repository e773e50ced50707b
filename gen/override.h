/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says about a spec in the place of the spec itself.  */
#ifndef OVERRIDE_H
#define OVERRIDE_H

#include "options.h"

/* -D, --real, --batch and --file-prefix-map, put into S.  False after an error.  */
bool override_spec(const options *o, spec *s, arena *a, diag *d);

#endif
