/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a model -> its .c and .h.  */
#ifndef EMIT_H
#define EMIT_H

#include "learn.h"
#include "skel.h"
#include "spec.h"

typedef struct {
    const char *c_path, *h_path;
    const char *data_dir;
    const char *m4;
    int unroll;
    int64_t largest_count, largest_bytes; /* what the int and the size_t of the target must hold */
} emit_options;

/* "d_rtrl, window 1" */
const char *emit_rule_text(arena *a, const learning *set);

/* What report_measure has scheduled is printed.  Prints messages itself; nothing is written unless all is.  */
skel_status emit_run(const model_plan *plan, const spec *s, const emit_options *options);

#endif
