/* SPDX-License-Identifier: Apache-2.0 */
/* What made a line of the emitted C: --explain, and the links of the report.  */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "emit.h"
#include "options.h"

/* What is to be said of line LINE (from 1 on) of an output with MAP, appended to OUT: "gradient, from model.yaml:9:
   h' = ...", or the template that it stands in.  SHORT_NAMES: of files, without their folders.  */
void explain_line(const ir *g, const skel_map *map, size_t line, bool short_names, buf *out);

/* --explain: "FILE:LINE: " and the same, for one line or all, appended to OUT.  EXIT_USAGE after a message: there is
   no such line.  */
int explain_run(const options *o, const ir *g, const emit_text *text, arena *a, buf *out);

#endif
