/* SPDX-License-Identifier: Apache-2.0 */
/* Names while lowering: one scope for the model and one for each module instance.
   Everything is evaluated when it is first asked for, so that data decide the order.  */
#ifndef SCOPE_H
#define SCOPE_H

#include "lower.h"

typedef enum {
    SYM_DIM,      /* value: an expression in `from`, or bound by an input's shape */
    SYM_NUMBER,   /* a cell's number: node */
    SYM_FUNCTION, /* a cell's function: text names it, in `from` */
    SYM_USER,     /* functions: */
    SYM_INPUT,    /* a cell's input: value, an expression in `from` */
    SYM_VAR,      /* a declaration */
    SYM_CONST,    /* consts: */
    SYM_EQUATION, /* NAME or NAME' = value */
    SYM_MODULE,
    SYM_ARGUMENT  /* of a user's function, while it is expanded */
} symbol_kind;

typedef enum { FRESH, BUSY, DONE } progress;

typedef struct scope scope;

typedef struct {
    symbol_kind kind;
    const char *name;
    bool primed;
    loc at;
    progress progress;
    int node;      /* when DONE; NO_NODE after an error */
    int64_t dim;   /* SYM_DIM, when DONE */
    const expr *value;
    scope *from;   /* where VALUE is to be read */
    const char *text;
    const spec_decl *decl;
    var_kind var_kind;
    int var;       /* SYM_VAR, when DONE */
    int order;
    int bound_by;  /* SYM_DIM: the symbol of the input whose shape gives it, or -1 */
    const spec_function *function;
    scope *module; /* SYM_MODULE */
    yaml_tree *tree; /* SYM_CONST: the value */
    const char *equation; /* SYM_EQUATION: as written */
} symbol;

struct scope {
    const spec *spec;    /* NULL for a stack of layers and for a function's arguments */
    const char *prefix;  /* "" or "rnn." */
    const char *name;    /* of the module, for messages */
    scope *parent;
    size_t n, cap;
    symbol *symbol;
    size_t n_outputs;
    const spec_output *output; /* of a cell */
    scope *last_layer;   /* of a stack: its output is this one's */
    const spec_function *function; /* of a function's arguments: the function */
    loc at;
};

/* A cell whose file was read.  */
typedef struct {
    const char *name;
    const spec *spec; /* NULL: it has errors */
} cell_file;

typedef struct {
    arena *arena;
    diag *diag;
    ir *ir;
    const lower_options *options;
    const char *model_dir;
    int order; /* of the next declaration */
    int depth; /* of nested evaluation */
    int n_evals, n_modules; /* so far: functions and cells can multiply */
    size_t n_cells, cap_cells;
    cell_file *cell;
} lowering;

symbol *scope_find(scope *sc, const char *name, bool primed);
symbol *scope_add(lowering *lo, scope *sc, symbol_kind kind, const char *name, loc at);

/* The scope of the model S, with those of all its modules.  */
scope *scope_model(lowering *lo, const spec *s);

/* The node of a symbol; NO_NODE after an error.  USE is where it is named.  */
int symbol_node(lowering *lo, scope *sc, symbol *sym, loc use);
bool symbol_dim(lowering *lo, scope *sc, symbol *sym, loc use, int64_t *res);
int scope_output(lowering *lo, scope *sc, const char *name, loc use);

/* Expressions, in eval.c.  */
int eval(lowering *lo, scope *sc, const expr *e);
bool eval_dim(lowering *lo, scope *sc, const expr *e, int64_t *res);
bool eval_shape(lowering *lo, scope *sc, const spec_decl *d, shape *res);
int eval_path(lowering *lo, scope *sc, const expr *e);
bool eval_fits(lowering *lo, loc at, shape s); /* false after an error: too many elements */
bool eval_may_nest(lowering *lo, loc at);      /* false after an error: the stack has an end */

/* Calls by name, in builtin.c: functions that are no operator of ops.def.  */
bool builtin_known(const char *name);
int builtin_call(lowering *lo, scope *sc, const expr *e, const int *arg);
size_t builtin_names(const char **name, size_t max);

/* The cell that has a file in one of the N folders and a name most like NAME, or NULL; in cells.c.  */
const char *cell_nearest(const char *name, const char *const *folder, size_t n, arena *a);

/* Initial values, in init.c.  */
void init_read(lowering *lo, const spec_decl *d, var *v);

#endif
