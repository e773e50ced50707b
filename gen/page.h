/* SPDX-License-Identifier: Apache-2.0 */
/* A model on one page: --report=FILE.html.  */
#ifndef PAGE_H
#define PAGE_H

#include "emit.h"
#include "options.h"
#include "report.h"

/* The page of PLAN with its report R and its emitted TEXT, appended to OUT.  SKEL_ENVIRONMENT after a message.  */
skel_status page_write(const options *o, const spec *s, const model_plan *plan, const report *r,
                       const emit_text *text, buf *out);

/* Register the template that page_write reads as a file that D has read.  */
void page_files(const char *data_dir, arena *a, diag *d);

/* The picture of the graph: the rows of et_each_box and et_each_arrow, and its size.  */
void page_graph(const graph *gr, buf *values);

#endif
