/* SPDX-License-Identifier: Apache-2.0 */
/* What the evaluator's files share.  */
#ifndef EVALUATE_PART_H
#define EVALUATE_PART_H

#include "evaluate.h"
#include "spec.h"

typedef enum {
    IS_VAR, IS_CONST, IS_DIM, IS_NUMBER, IS_FUNCTION, IS_USER, IS_INPUT, IS_EQUATION, IS_BLOCK,
    IS_MODULE, IS_VALUE, IS_WORD
} name_kind;

typedef struct room room;
typedef struct ev_block ev_block;

typedef struct {
    name_kind kind;
    const char *name;
    bool primed;
    const spec_decl *decl;
    ev_kind var_kind;
    int var;           /* IS_VAR: into ev.var, once it was asked for; else -1 */
    const expr *value; /* and where it is read: */
    room *from;
    const spec_function *function;
    ev_block *block;
    room *module;      /* IS_MODULE; of an input the module before */
    double number;     /* IS_DIM, IS_WORD */
    bool known;        /* IS_DIM */
    int bound_by;      /* IS_DIM: the input whose axis it is, or -1 */
    array *got;        /* in evaluation EPOCH */
    unsigned epoch;
    bool busy;
} name_entry;

/* Names: of the model, of a module, of a block of control flow, of a function's arguments.  */
struct room {
    const spec *spec;
    const char *prefix;
    room *parent;    /* the module around */
    room *outer;     /* of a block: what is around it */
    room *functions; /* of a function's arguments: where the other functions are */
    room *params;    /* the module that owns the parameters; NULL: this one */
    room *last;      /* of a stack: its last layer */
    int n, cap;
    name_entry *entry;
};

struct ev_block {
    const spec_equation *eq;
    room *branch[2];
    array **carry;
    unsigned epoch;
};

typedef struct {
    int n_rows, n_cols, n;
    int *row, *col;
} ev_pattern;

typedef struct {
    ev_kind kind;
    char path[96];
    const double *value;
    size_t n;
} ev_binding;

struct evaluator {
    flow flow;
    arena *arena;
    diag *diag;
    const spec *spec;
    const char *cells;
    room *model;
    ev_seed seed;
    unsigned epoch; /* number of the run; 0 while the names are collected */
    int sample;
    int n_streams;  /* of random numbers, so far in this run */
    int dead;       /* branches around what is evaluated that are not taken */
    int n_vars;
    ev_var var[EV_VARS];
    int n_bound;
    ev_binding bound[EV_VARS];
    int n_uses;
    ev_use use[EV_USES];
    int n_outputs;
    ev_output output[EV_OUTPUTS];
    array *loss;
    int n_patterns;
    ev_pattern pattern[8];
    int n_words;
    const char *word[32];
};

/* Ends the program: the evaluator does not know what this is.  */
void ev_fail(const evaluator *ev, const char *what, const char *name);

/* Names, in evaluate.c.  *R becomes the room that has NAME.  */
name_entry *ev_find(room **r, const char *name, bool primed);
name_entry *ev_add(evaluator *ev, room *r, name_kind kind, const char *name, bool primed);
array *ev_expr(evaluator *ev, room *r, const expr *e);
int ev_dim(evaluator *ev, room *r, const expr *e);
array *ev_entry(evaluator *ev, room *r, int index);
room *ev_room(evaluator *ev);

/* Calls, in evaluate_call.c.  */
array *ev_call(evaluator *ev, room *r, const expr *e);

/* Control flow, in evaluate_block.c.  */
void ev_add_equations(evaluator *ev, room *r, const spec_equation *eq, size_t n);
array *ev_block_value(evaluator *ev, room *r, const name_entry *e);

/* Modules, in evaluate_module.c.  */
void ev_add_all(evaluator *ev, room *r, const spec *s);

/* The pattern of a sparse parameter of ROWS by COLS.  */
int ev_read_pattern(evaluator *ev, const yaml_tree *t, int rows, int cols);

/* Weights W meet X (NULL: nothing) in the op OP: the number of that use.  */
int ev_note_use(evaluator *ev, const char *op, array *x, array *w);

#endif
