/* SPDX-License-Identifier: Apache-2.0 */
/* What binds the arrays of a case to the variables of a model, and fills these.  */
#ifndef GOLDEN_FILL_H
#define GOLDEN_FILL_H

#include "golden_case.h"

/* What follows PREFIX in NAME, or NULL.  */
const char *case_after(const char *name, const char *prefix);

/* Our variable of the kind that the reference calls NAME; a state.  NULL: there is none.  */
const etr_var *case_find(const golden_case *c, etr_kind kind, const char *word, const char *name);
const etr_var *case_find_state(const golden_case *c, const char *name);

/* Are the axes from FROM to TO of SHAPE those of V, not counting axes of length 1?  */
int case_same_axes(const etr_var *v, const int *shape, int from, int to);

/* Our states of the reference's group K in its order, as variables of the state block.  Returns how many, or -1: one
   of them is none of ours.  */
int case_states(const golden_case *c, int k, const etr_var **state);

golden_probe *case_add_probe(golden_case *c, const char *name, probe_state state, const char *note);

/* Fill what the array NAME stands for, if it stands for something of ours.  FILLED[i] is set for our variable I.  */
void case_fill(golden_case *c, const char *name, char *filled);

/* A probe for whatever the reference gave no value.  */
void case_report_unfilled(golden_case *c, const char *filled);

#endif
