/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a model as text, data or a picture.  */
#ifndef PICTURE_H
#define PICTURE_H

#include "graph.h"

/* The forms: text, json and gv are written here, svg and pdf by Graphviz.  Ended by NULL.  */
extern const char *const picture_forms[];

/* The form that the ending of PATH says (.txt is text); NULL: none.  */
const char *picture_form_of(const char *path);

/* GR in FORM, one of picture_forms, into OUT.  False after a message: there is no Graphviz.  */
bool picture_draw(const graph *gr, const char *form, buf *out, diag *d);

#endif
