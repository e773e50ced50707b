/* SPDX-License-Identifier: Apache-2.0 */
/* The spec and its cells -> one graph: modules inlined, names resolved to paths, shapes checked.  */
#ifndef LOWER_H
#define LOWER_H

#include "ir.h"
#include "spec.h"
#include "target.h"

/* Random patterns that were drawn in this run: each rule of a report has a graph of its own, and all have the same
   patterns.  */
typedef struct drawn_pattern drawn_pattern;
typedef struct {
    drawn_pattern *first;
} drawn_patterns;

typedef struct {
    const char *data_dir;     /* templates/cells/ is below it */
    const char *prefix;       /* -p; NULL: the model's name */
    bool check;               /* compare stated derivatives with differences */
    bool no_lines;            /* comments do not say where an equation was written */
    const target_spec *target;     /* of what is counted; lower_spec itself needs none */
    drawn_patterns *drawn;    /* NULL: each pattern is drawn anew */
} lower_options;

/* NULL after errors.  */
ir *lower_spec(const spec *s, const lower_options *options, arena *a, diag *d);

#endif
