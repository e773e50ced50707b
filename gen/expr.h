/* SPDX-License-Identifier: Apache-2.0 */
/* Equation text -> expression trees.

   Grammar, loosest first:
     a or b | a and b | not a | < <= > >= == != | + - | * / @ | unary - + | ** and ^ (right)
     primary: number, path, call, (e), [e, e, ...], primary[slice, ...], "text"
   A path is NAME(.NAME|.NUMBER)* and an optional ': h, rnn.h, stack.0.h'.  `a @ b` is
   matmul(a, b), `a if c else b` is not part of the language: where(c, a, b) is.
   A call has positional arguments and then KEY=VALUE ones.  */
#ifndef EXPR_H
#define EXPR_H

#include "yaml.h"

typedef enum {
    EXPR_NUMBER, /* number */
    EXPR_NAME,   /* name: the path without its prime; primed */
    EXPR_CALL,   /* name: the function or the operator's function; arg, keyword */
    EXPR_SLICE,  /* arg[0] and slice[] */
    EXPR_LIST,   /* arg: [1, 2, n + 1] */
    EXPR_STRING  /* name: "ij,jk->ik", without its quotes */
} expr_kind;

typedef struct expr expr;

/* One axis of x[first:last] or x[first] (single).  NULL: left out.  */
typedef struct {
    expr *first, *last;
    bool single;
} expr_slice;

struct expr {
    expr_kind kind;
    loc at; /* the whole expression; of a call, its name; of an operator, the operator */
    double number;
    bool integer; /* number written without point or exponent */
    const char *name;
    bool primed;
    size_t n_args;
    expr **arg;
    const char **keyword; /* NULL for a positional argument; n_args long */
    size_t n_slices;
    expr_slice *slice;
};

/* Operators become calls: + add, - sub, * mul, / div, @ matmul, ** and ^ pow, unary - neg,
   < lt, <= le, > gt, >= ge, == eq, != ne, and, or, not.  */

/* How the call of the function NAME is written, for messages: "*" for mul, NAME where it is no operator's.  */
const char *expr_sign(const char *name);

/* The expression that is the whole of SCALAR; NULL after diag_error.  */
expr *expr_parse(const yaml_tree *scalar, arena *a, diag *d);

/* `name = e`, `name' = e` or `a.b = e`: *TARGET is an EXPR_NAME.  NULL after diag_error.  */
expr *expr_parse_equation(const yaml_tree *scalar, expr **target, arena *a, diag *d);

#endif
