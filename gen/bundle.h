/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a model goes into.  */
#ifndef BUNDLE_H
#define BUNDLE_H

#include "emit.h"
#include "options.h"
#include "outputs.h"

/* The names of what is written for one model, in the order of --list-outputs, but for the report
   and the depfile.  Returns how many.  */
size_t bundle_names(const options *o, arena *a, const char ***res);

/* Append the installed file NAME (runtime/etrace.h) to TEXT.  False after a message.  */
bool bundle_read(const options *o, const char *name, buf *text, arena *a, diag *d);

/* TEXT as these files: the source and the header; with --standalone the runtime's beside them; with
   --single-file all in one.  TEXT is taken over.  False after a message.  */
bool bundle_add(const options *o, emit_text *text, outputs *out, arena *a, diag *d);

/* The model as a single file, appended to OUT; and where its lines come from, in MAP (NULL: not wanted).  */
void bundle_join(const options *o, const emit_text *text, buf *out, skel_map *map);

#endif
