/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value of a step comes from: a place of the spec, and the pass that made it.  A line of the emitted C names
   one of these, so that --explain and the report know why it is there.  */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "ir.h"

struct ir_origin {
    origin_pass pass;
    loc at;             /* of the equation or declaration; SRC NULL: there is none */
    const char *text;   /* it, as written; or what is there to say */
    const char *module; /* the module that it stands in, "" is the model */
    int place;          /* the first origin of this place: equal ones have one equation */
    int next;           /* in the hash table of places; 0 ends a bucket */
    int of_pass[N_PASSES]; /* of such a first one: the origins of this place */
};

/* "eligibility trace" */
const char *origin_pass_text(origin_pass pass);

/* The same as one word: "trace".  */
const char *origin_pass_word(origin_pass pass);

/* The origin of what stands at AT.  MODULE: "rnn." or "".  */
int origin_place(ir *g, loc at, const char *text, const char *module, origin_pass pass);

/* The same place by another pass; a FROM of 0 (nowhere) stays what it is, but for the pass.  */
int origin_by(ir *g, int from, origin_pass pass);

/* Of the declaration of V, or of what it carries.  */
int origin_of_var(ir *g, const var *v, origin_pass pass);

/* From now on nodes are made by PASS.  Returns the pass before.  */
origin_pass origin_enter(ir *g, origin_pass pass);

/* From now on they are made for the place FROM; 0: for that of their arguments.  Returns the place before.  */
int origin_begin(ir *g, int from);

/* From now on nodes are made as N was, for its place and by its pass.  */
void origin_as(ir *g, int n);

/* What a new node with the arguments of N comes from.  */
int origin_of_node(ir *g, const ir_node *n);

/* The mark that stands in m4's input before what is about FROM; skel_decode takes it away.  */
void origin_mark(int from, buf *out);

/* "trace, from model.yaml:9: h' = ...", with the names of files as the user sees them; or, if they are for
   others to see (SHORT_NAMES), without folders.  */
void origin_say(const ir *g, int from, bool short_names, buf *out);

/* The name of the file SRC without folders.  */
const char *origin_short_name(const source *src);

#endif
