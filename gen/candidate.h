/* SPDX-License-Identifier: Apache-2.0 */
/* A rule tried on a spec, beside the one that was chosen.  */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include "lower.h"
#include "report.h"

/* Planned and counted; or why it cannot be.  */
typedef struct {
    const char *rule;    /* "d_rtrl, window 1"; of one that is refused, its name */
    const char *refused; /* the first error; NULL: it can be emitted */
    model_plan *plan;
    const report *report;
} candidate;

/* L on S.  Nothing is printed: an error is the reason of refusal, warnings are dropped.  LIMITS:
   what exceeds them is refused, too; NULL: it is counted all the same.  */
candidate candidate_try(const spec *s, const lower_options *lo, const spec_learning *l,
                        const report_limits *limits, arena *a);

/* Every rule by itself, as a row of the report R of the rule CHOSEN, which stands in its own
   place.  GR is the graph of the chosen one.  A rule that keeps a trace for each use and group is
   not counted where these are too many: the report takes time in proportion to the model.  */
void candidate_rows(const spec *s, const lower_options *lo, const graph *gr, const char *chosen,
                    report *r, arena *a);

#endif
