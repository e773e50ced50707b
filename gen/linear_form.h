/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix that is linear in traces: each trace times a column (one element a position, the same for all inputs), and
   products of a row (one element an input) and a column.  */
#ifndef LINEAR_FORM_H
#define LINEAR_FORM_H

#include "ir.h"

typedef struct {
    int var, column;
} form_term;

typedef struct {
    int row, column;
} form_pair;

typedef struct {
    int n_terms;
    size_t cap_terms;
    form_term *term;
    int n_pairs;
    size_t cap_pairs;
    form_pair *pair;
} linear_form;

/* The form of node N, a matrix.  False: it has none.  */
bool linear_form_of(ir *g, int n, linear_form *res);

/* Add TRACE times COLUMN, or ROW times COLUMN.  Those of one trace, or one row, become one.  */
void linear_form_term(ir *g, linear_form *f, int trace, int column);
void linear_form_pair(ir *g, linear_form *f, int row, int column);

/* F as a node of shape S.  */
int linear_form_value(ir *g, const linear_form *f, shape s);

#endif
