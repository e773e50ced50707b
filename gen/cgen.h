/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule -> the calls of statement macros that print a function's body.  */
#ifndef CGEN_H
#define CGEN_H

#include "elementary.h"
#include "schedule.h"

/* Functions that bodies call: their names, and their text as macro calls.  */
typedef struct {
    int n;
    size_t cap;
    const char **name;
    buf text;
} cgen_functions;

/* How the variables of each kind are reached in C: "p->" and so on, by var_kind.  */
typedef struct {
    const char *block[VAR_STEP + 1];
    int64_t batch; /* more than 1: the arrays of samples' variables have them as their first axis, */
    int64_t rows;  /* and so have values, for so many samples from b on; 0: they are those of sample b */
    int unroll;   /* loops of at most so many turns are written out */
    bool openmp;  /* threads share large loops */
    math_kind math;
    cgen_functions *functions; /* to call for large products; NULL: none are called */
} cgen_style;

/* Append macro calls (et_line, et_for, ...; templates/kernels.m4) to OUT.  */
void cgen_body(const schedule *sc, const cgen_style *style, buf *out);

/* One call of a macro with N quoted arguments, the first of them marked with where it comes from (into ir.origin).  */
void cgen_macro(buf *out, const char *macro, int from, int n, const char *const *arg);

/* A number as a literal of the model's real type: the shortest that reads back the same.  */
const char *cgen_number(arena *a, double x, int real_bits);

/* "[4][64]" */
const char *cgen_dims(arena *a, shape s);

#endif
