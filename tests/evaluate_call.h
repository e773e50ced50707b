/* SPDX-License-Identifier: Apache-2.0 */
/* One call, for the two files that know what can be called.  */
#ifndef EVALUATE_CALL_H
#define EVALUATE_CALL_H

#include "evaluate_part.h"

enum { EV_ARGS = 16 };

typedef struct {
    evaluator *ev;
    flow *f;
    room *r;              /* where the call stands */
    const expr *e;
    array *arg[EV_ARGS];  /* NULL for lists, texts and arguments by name */
    int n;                /* without those by name */
    array_function where;
} ev_args;

/* The element-wise function NAME of A, and of B where it takes two.  */
array *ev_map(ev_args *c, const char *name, array *a, array *b);

/* What E gives for NAME=, or NULL.  */
const expr *ev_keyword(const expr *e, const char *name);

/* What the NAME of a function stands for: a cell's arguments are followed, *R to where it is to be
   read (NULL: it means the language's own).  */
const expr *ev_function_named(room **r, const expr *name);

/* The user's function NAME, seen from *R; *R becomes where it is declared.  */
const name_entry *ev_find_user(room **r, const char *name);

array *ev_call_user(ev_args *c, room *home, const spec_function *f, array *const *arg);
array *ev_call_spike(ev_args *c);

/* evaluate_activation.c; the activation NAME, or NULL where it is none.  */
array *ev_call_activation(ev_args *c, const char *name);
array *ev_call_glu(ev_args *c);
array *ev_call_flatten(ev_args *c);
array *ev_call_adaptive_max(ev_args *c);
array *ev_call_adaptive_avg(ev_args *c);

#endif
