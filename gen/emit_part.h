/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that give m4 its values share.  */
#ifndef EMIT_PART_H
#define EMIT_PART_H

#include "cgen.h"
#include "emit.h"

typedef struct {
    const model_plan *plan;
    ir *ir;
    const spec *spec;
    const emit_options *options;
    buf values; /* definitions, for m4 */
    cgen_functions functions; /* that bodies call */
    int from;   /* what the next statements of emit_line, and rows, come from (into ir.origin); 0: nowhere */
} emitter;

/* et_value_NAME is TEXT.  */
void emit_set(emitter *em, const char *name, const char *text);
void emit_set_flag(emitter *em, const char *name, bool flag);
void emit_set_number(emitter *em, const char *name, long long n);

/* et_body_NAME begins; statements of it; its end, and that of a list.  */
void emit_open_body(emitter *em, const char *name);
void emit_line(emitter *em, const char *text);
void emit_close_list(emitter *em);

/* TEXT as it may stand in a comment.  */
const char *emit_comment_text(emitter *em, const char *text);

/* Does TEXT stand in what the bodies say?  */
bool emit_said(emitter *em, const char *text);

/* emit_body.c: the statements of all functions.  emit_init returns whether random numbers are needed.  */
bool emit_init(emitter *em, const char *name, const char *block, unsigned mask);
void emit_bodies(emitter *em);

/* Is there a trace block?  */
bool emit_has_trace(const emitter *em);

/* The body NAME: is what a sample reads of KIND, in BLOCK, such that a step can be made of it?  */
void emit_checks(emitter *em, const char *name, var_kind kind, const char *block);
void emit_tables(emitter *em);

#endif
