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

/* The file that a program around the model includes; the file of --with-test.  */
const char *bundle_header(const options *o);
const char *bundle_test(const options *o, arena *a);

/* The file NAME of the installation, each word of PAIR (ended by NULL) replaced by what stands beside
   it.  */
bool bundle_fill(const options *o, const char *name, const char *const (*pair)[2], buf *out, arena *a, diag *d);

#endif
