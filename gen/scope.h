/* SPDX-License-Identifier: Apache-2.0 */
/* Names while lowering: one scope for the model and one for each module instance.
   Everything is evaluated when it is first asked for, so that data decide the order.  */
#ifndef SCOPE_H
#define SCOPE_H

#include "formula.h"
#include "lower.h"

#include <sys/types.h>

typedef enum {
    SYM_DIM,      /* value: an expression in `from`, or bound by an input's shape */
    SYM_NUMBER,   /* a cell's number: node */
    SYM_FUNCTION, /* a cell's function: value names it, in `from` */
    SYM_USER,     /* functions: */
    SYM_INPUT,    /* a cell's input: value, an expression in `from` */
    SYM_VAR,      /* a declaration */
    SYM_CONST,    /* consts: */
    SYM_EQUATION, /* NAME or NAME' = value */
    SYM_MODULE,
    SYM_WORD,     /* a word that a choice may be: node */
    SYM_BLOCK,    /* NAME or NAME', assigned by a block of control flow */
    SYM_ARGUMENT  /* of a user's function, while it is expanded */
} symbol_kind;

typedef enum { FRESH, BUSY, DONE } progress;

typedef struct scope scope;
typedef struct block block;

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
    const spec_decl *decl;
    var_kind var_kind;
    int var;       /* SYM_VAR, when DONE */
    int order;
    bool may_be_zero; /* SYM_DIM: an argument whose default is 0 */
    int bound_by;  /* SYM_DIM: the symbol of the input whose shape gives it, or -1 */
    const spec_function *function;
    scope *module; /* SYM_MODULE */
    const char *word; /* SYM_NUMBER of a choice: what was chosen; else NULL */
    block *block;  /* SYM_BLOCK */
    const char *equation; /* SYM_EQUATION: as written */
} symbol;

struct scope {
    const spec *spec;    /* NULL for a stack of layers and for a function's arguments */
    const char *prefix;  /* "" or "rnn." */
    const char *name;    /* of the module, for messages */
    scope *parent;       /* the module around it */
    scope *outer;        /* inside of a block of step: the scope around that; else NULL */
    size_t n, cap;
    symbol *symbol;
    size_t n_slots;
    int *slot;           /* the index by name: numbers of symbols plus one, 0 where there is none */
    size_t n_outputs;
    const spec_output *output; /* of a cell */
    scope *last_layer;   /* of a stack: its output is this one's */
    const char *share;   /* the module whose parameters are this one's; or NULL */
    bool guarded;        /* inside of a branch: GUARD is its condition */
    int guard;
    const spec_function *function; /* of a function's arguments: the function */
    size_t n_inner, cap_inner;
    scope **inner; /* those of the functions declared here */
    loc at;
};

/* A file of a cell.  */
typedef struct import import;
struct import {
    dev_t device;
    ino_t inode;
    const char *name;
    spec *cell;       /* NULL: it was faulty */
    bool busy;        /* what it imports is being read */
    import *next;
    import *importer;
};

typedef struct {
    arena *arena;
    diag *diag;
    ir *ir;
    const lower_options *options;
    const char *model_dir;
    int order; /* of the next declaration */
    int depth; /* of nested evaluation */
    size_t n_busy, cap_busy;
    struct busy *busy; /* what is being computed, each for the one before it: scope.c */
    int n_evals, n_modules; /* so far: functions and cells can multiply */
    int n_words;       /* of choices, so far */
    int unroll_limit;
    int64_t n_streams; /* of random numbers, so far */
    import *import;    /* files that were imported */
    import *importing; /* the one that is being read */
    import *cell;      /* files found by a cell's name */
} lowering;

symbol *scope_find(scope *sc, const char *name, bool primed);
symbol *scope_add(lowering *lo, scope *sc, symbol_kind kind, const char *name, loc at);

/* What a comment in C says of the equation TEXT of S, which stands in LINE.  In lower.c.  */
const char *lower_comment(const lowering *lo, const spec *s, int line, const char *text);

/* The scope of the model S, with those of all its modules.  */
scope *scope_model(lowering *lo, const spec *s);

/* What a model and a cell have in common: parameters, states, constants, functions, modules, equations.  */
void scope_add_all(lowering *lo, scope *sc, const spec *s);
void scope_add_equations(lowering *lo, scope *sc, const spec_equation *eq, size_t n);

/* A new symbol for what an equation or a block assigns; NULL after an error: it is there already.  */
symbol *scope_assign(lowering *lo, scope *sc, symbol_kind kind, const char *name, bool primed, loc at);

/* Modules, in module.c.  */
void module_add_all(lowering *lo, scope *sc, const spec *s);
scope *module_shared(scope *sc); /* the module whose parameters are SC's too, or NULL */

/* Cells, in import.c.  */
void import_all(lowering *lo, const spec *s);
const char *import_path_fault(const char *path); /* why a file may not be named like this, or NULL */
const spec *import_cell(lowering *lo, const scope *around, const spec_module *m);

/* Blocks of control flow, in control.c.  */
void control_add(lowering *lo, scope *sc, const spec_equation *eq);
int control_value(lowering *lo, scope *sc, const symbol *sym, loc use);

/* X, which HOME has, as it is read from SC inside of it; BARE: a parameter stays what it is.  */
int control_guard(lowering *lo, const scope *sc, const scope *home, int x, bool bare);

/* X, or zero where a branch around SC is not taken.  */
int control_mask(lowering *lo, const scope *sc, int x);

/* The node of a symbol; NO_NODE after an error.  USE is where it is named.  */
int symbol_node(lowering *lo, scope *sc, symbol *sym, loc use);
bool symbol_dim(lowering *lo, scope *sc, symbol *sym, loc use, int64_t *res);
int scope_output(lowering *lo, scope *sc, const char *name, loc use);

/* NAME seen from *SC: there, or in the scopes around it; *SC becomes the one that has it.  */
symbol *scope_lookup(scope **sc, const char *name, bool primed);

/* Expressions, in eval.c.  */
int eval(lowering *lo, scope *sc, const expr *e);
bool eval_dim(lowering *lo, scope *sc, const expr *e, int64_t *res);
/* The same, or 0.  */
bool eval_count(lowering *lo, scope *sc, const expr *e, int64_t *res);
bool eval_shape(lowering *lo, scope *sc, const spec_decl *d, shape *res);
/* The value of a name.  BARE: where it is a parameter, that itself, also from inside of a branch.  */
int eval_path(lowering *lo, scope *sc, const expr *e, bool bare);
bool eval_fits(lowering *lo, loc at, shape s); /* false after an error: too many elements */
bool eval_number_fits(lowering *lo, loc at, double x); /* false after an error: it is infinite as a float */
bool eval_may_nest(lowering *lo, loc at);      /* false after an error: the stack has an end */

/* Calls, in function.c.  */
int function_call(lowering *lo, scope *sc, const expr *e);
int function_call_user(lowering *lo, scope *home, const expr *e, const spec_function *f, const int *arg);

/* BODY with the arguments of F, which is declared in HOME.  */
int function_eval(lowering *lo, scope *home, const spec_function *f, const expr *body, const int *arg);

/* What the NAME of a function stands for, seen from *SC: a cell's arguments are followed to what was given for
   them, *SC to where that was written (NULL: it means the language's own).  NULL after an error.  */
const expr *function_named(lowering *lo, scope **sc, const expr *name);

/* Compare the derivatives that are stated in SC with differences, in derivative.c.  */
void derivative_check(lowering *lo, scope *sc);

/* A row of a table of formulas, called for X; in formula.c.  */
typedef struct {
    const formula *row;
    int x;
    bool by_place;    /* its parameters may be given without their names */
    const char *but;  /* an argument by name that is no parameter, or NULL */
    const char *what; /* what a note says before the formula: "it is" */
} formula_call;

const formula *formula_find(const formula *table, int n, const char *name);
void formula_defaults(int *value);

/* The parameters that E gives from argument FIRST on, into VALUE; each is evaluated in SC.  False after an error.  */
bool formula_read(lowering *lo, scope *sc, const formula_call *c, const expr *e, size_t first, int *value);

/* The formula's value, where its text calls x ARGUMENT.  */
int formula_value(lowering *lo, const formula_call *c, const char *argument, const int *value);

/* spike(v, surrogate=NAME, ...), in surrogate.c.  */
int surrogate_spike(lowering *lo, scope *sc, const expr *e, const int *arg);

/* leaky_relu(x, ...) and others, in activation.c.  */
bool activation_known(const char *name);
int activation_call(lowering *lo, scope *sc, const expr *e, const int *arg);
size_t activation_names(const char **name, size_t max);

/* Calls by name, in builtin.c: functions that are no operator of ops.def.  */
bool builtin_known(const char *name);
int builtin_call(lowering *lo, scope *sc, const expr *e, const int *arg);
size_t builtin_names(const char **name, size_t max);

/* The cell that has a file in one of the N folders and a name most like NAME, or NULL; in cells.c.  */
const char *cell_nearest(const char *name, const char *const *folder, size_t n, arena *a);

/* The value of a constant, in constant.c.  */
int constant_node(lowering *lo, scope *sc, const spec_decl *d);

/* Where the non-zeros of a parameter of shape S stand, in sparse.c: into ir.pattern, or -1 after an error.  */
int sparse_read(lowering *lo, const yaml_tree *tree, shape s);

/* How variable INDEX begins, in init.c; names of numbers are read in SC.  MATRIX is the shape as declared; a sparse parameter's own is that of its
   non-zeros, and its fans count these.  */
void init_read(lowering *lo, scope *sc, const spec_decl *d, shape matrix, int index);

#endif
