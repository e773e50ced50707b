/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a model -> its .c and .h.  */
#ifndef EMIT_H
#define EMIT_H

#include "elementary.h"
#include "learn.h"
#include "skel.h"
#include "spec.h"

typedef struct {
    const char *h_path;   /* for the #include */
    const char *said;     /* what the command line asked for, in the banner */
    const char *data_dir;
    const char *m4;
    int unroll;
    bool clones, calls; /* target.h */
    math_kind math;
    bool openmp;
    int64_t largest_count, largest_bytes; /* what the int and the size_t of the target must hold */
} emit_options;

/* float or double */
const char *emit_real_type(const ir *g);

/* "d_rtrl, window 1" */
const char *emit_rule_text(arena *a, const learning *set);

/* The text of both files, what a Python module says of the model, and what m4 was given to print
   it all from.  */
typedef struct {
    const char *name; /* the prefix of the emitted names */
    buf header, source, python, values;
    skel_map header_map, source_map; /* where their lines come from: into ir.origin */
} emit_text;

/* What report_measure has scheduled is printed into RES.  SKEL_ENVIRONMENT after a message.  */
skel_status emit_run(const model_plan *plan, const spec *s, const emit_options *options,
                     emit_text *res);

void emit_text_free(emit_text *text);

/* Register every file that emit_run reads as one that D has read.  */
void emit_files(const char *data_dir, arena *a, diag *d);

#endif
