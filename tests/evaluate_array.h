/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of numbers with one tangent each, for the independent evaluator.  Everything is a plain
   loop; nothing is shared, folded or rewritten.

   A tangent has two parts: T came to its place position by position from the seed, U by any other
   way.  Operations that mix positions turn T into U.  */
#ifndef EVALUATE_ARRAY_H
#define EVALUATE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

enum { AXES_MAX = 8 };

typedef struct {
    int rank;
    int dim[AXES_MAX];
    size_t n;
    bool of_params; /* made of parameters and numbers alone */
    unsigned long long traced; /* the traced parameters that it is made of, a bit each */
    bool moved;     /* made of parameters by more than element-wise operations */
    bool is_index;
    int pattern;    /* the sparse parameter that it is made of, element by element; -1 */
    double *v, *t, *u; /* T or U NULL: zero */
} array;

/* What flows.
     TOTAL     every derivative
     HOLD      the outputs of weight ops stand still, but for the seed's
     WEIGHTS   a parameter is seen as the weight of weight ops alone; they pass on nothing else
     ELEMENTS  a parameter is seen by element-wise operations alone  */
typedef enum { MODE_TOTAL, MODE_HOLD, MODE_WEIGHTS, MODE_ELEMENTS } flow_mode;

/* One evaluation's memory and rules.  */
typedef struct {
    flow_mode mode;
    bool params_seed; /* the seed is a parameter: its tangent may be broadcast */
    bool diagonal;    /* of a square product with numbers the diagonal stays at its position */
    char *memory;
    size_t used, size;
} flow;

/* Zeroed memory until the next flow_reset.  */
void *flow_take(flow *f, size_t size);
void flow_reset(flow *f);

array *array_new(flow *f, int rank, const int *dim);
array *array_number(flow *f, double x);
size_t array_numel(int rank, const int *dim);
bool array_same_shape(const array *a, const array *b);

/* The result; d result / d each argument goes into D.  */
typedef double (*array_function)(const double *x, double *d);

/* The element-wise function NAME, or NULL; its number of arguments into *N.  */
array_function array_find_function(const char *name, int *n);

/* FUNCTION of N arguments, broadcast.  */
array *array_map(flow *f, array_function function, array *const *arg, int n);

/* VALUE, with the sum of D[i] times the tangent of ARG[i]; all are broadcast.  */
array *array_graft(flow *f, const array *value, array *const *d, array *const *arg, int n);

array *array_broadcast(flow *f, array *x, int rank, const int *dim);
array *array_stop(flow *f, const array *x);

/* Element k of the result is X's element FROM[k], or zero where that is (size_t)-1.  KEEPS:
   positions stay.  */
array *array_move(flow *f, const array *x, int rank, const int *dim, const size_t *from,
                  bool keeps);
array *array_concat(flow *f, array *const *arg, int n, int axis);
array *array_slice(flow *f, const array *x, int axis, int start, int count, bool drop);
array *array_transpose(flow *f, const array *x);
array *array_reshape(flow *f, const array *x, int rank, const int *dim);

typedef enum { REDUCE_SUM, REDUCE_MAX, REDUCE_MIN } array_reduction;

/* Over axis AXIS; over all axes if that is negative.  */
array *array_reduce(flow *f, const array *x, array_reduction how, int axis);

/* y[to[k]] += x[a[k]] * w[b[k]] for all k < n.  */
typedef struct {
    size_t n;
    size_t *to, *a, *b;
} array_terms;

array_terms array_terms_new(flow *f, size_t n);

/* The sum of TERMS.  A weight op if W is traced and X no parameter.  SEED_AT, if not NULL, is its
   positional tangent.  */
array *array_bilinear(flow *f, const array *x, const array *w, int rank, const int *dim,
                      const array_terms *terms, const array *seed_at);
bool array_is_weight_op(const array *x, const array *w);

/* The terms of a contraction "xk,ko->xo"; the result's shape into DIM.  */
array_terms array_contraction(flow *f, const char *labels, const array *x, const array *w,
                              int *rank, int *dim);

#endif
