/* SPDX-License-Identifier: Apache-2.0 */
/* The spec as written: names, declarations and equations with their places.
   spec.c has the top level, spec_decl.c what is declared, spec_net.c modules and equations.
   Nothing here is resolved: shapes and equations are expressions still.  */
#ifndef SPEC_H
#define SPEC_H

#include "expr.h"

/* A declaration under inputs, targets, params, hidden, state or consts:
     h: [n]                       (shape alone)
     h: {shape: [n], init: 0}
     label: {shape: [], type: index, size: 10}
     W: {shape: [3, n], init: glorot_uniform, trace: false, trainable: false}
     k: {value: [1.0, 2.0]}  or  k: {value: 0.5}   (consts; nested lists give the shape)  */
typedef struct {
    const char *name;
    loc at;
    size_t rank;
    expr **dim;    /* of the shape; NULL with rank 0 for [] */
    bool is_index; /* type: index */
    expr *size;    /* of an index: how many values; NULL otherwise */
    yaml_tree *init; /* as written; NULL: the default */
    bool trace;      /* params; true unless said otherwise */
    bool trainable;  /* params; true unless said otherwise */
    yaml_tree *value; /* consts */
} spec_decl;

typedef enum { SPEC_ARG_DIM, SPEC_ARG_NUMBER, SPEC_ARG_FUNCTION } spec_arg_type;

/* args: {size: dim, tau: number, activation: {type: function, default: tanh}}  */
typedef struct {
    const char *name;
    loc at;
    spec_arg_type type;
    yaml_tree *fallback; /* default; NULL: must be given */
} spec_arg;

/* outputs: [logits], or {y: h'} in a cell: `name: expression`.  For a plain list
   element the expression is the name itself.  */
typedef struct {
    const char *name;
    loc at;
    expr *value;
} spec_output;

typedef struct {
    expr *target;
    expr *value;
    loc at;           /* of the whole line */
    const char *text; /* as written, for the comments of the emitted C */
} spec_equation;

/* functions: {softsign: {args: [x], value: "x / (1 + abs(x))", derivative: "..."}}
   also  softsign(x): "x / (1 + abs(x))"
   With several arguments the derivative is a list [d/dx, d/dy] or a mapping {x: ..., y: ...}.  */
typedef struct {
    const char *name;
    loc at;
    size_t n_args;
    const char **arg;
    expr *value;
    yaml_tree *stated; /* derivative, as written; NULL: by differentiation */
    expr **derivative; /* the same, one an argument; NULL without, or after an error */
} spec_function;

typedef struct spec_module spec_module;

/* {name, value} of a module's further keys: arguments of its cell.  */
typedef struct {
    const char *name;
    loc at;
    yaml_tree *value;
} spec_setting;

struct spec_module {
    const char *name;
    loc at;
    const char *cell; /* NULL for a list of modules (a stack) */
    loc cell_at;
    size_t n_inputs; /* in: x  gives one with the name NULL;  in: {x: e, u: e}  names them */
    spec_setting *input; /* values are scalars holding expressions */
    size_t n_settings;
    spec_setting *setting;
    size_t n_layers; /* of a stack: named "0", "1", ...; the input of each defaults to the
                        output of the one before */
    spec_module *layer;
};

typedef struct {
    const char *rule;  /* NULL: not said */
    loc rule_at;
    int window;        /* 0: not said */
    loc window_at;
    const char *vjp_time; /* "t" or "t_minus_1"; NULL: not said */
    loc vjp_time_at;
    const char *signal;   /* "direct" or "total"; NULL: not said */
    loc signal_at;
    const char *plain;    /* "exact" or "none"; NULL: not said */
    loc plain_at;
    const char *dense;    /* "error", "diagonal" or "drop"; NULL: not said */
    loc dense_at;
} spec_learning;

/* The words that each of these may be, ended by NULL; the first is the default but for vjp_time.  */
extern const char *const spec_rules[], *const spec_vjp_times[], *const spec_signals[],
    *const spec_plains[], *const spec_denses[];

typedef struct spec spec;
struct spec {
    const char *file;      /* as given */
    const char *base_name; /* without its folders */
    yaml_tree *root;
    bool is_cell;
    const char *name; /* model: or cell: */
    loc name_at;
    int real_bits; /* 32 or 64 */
    int batch;     /* >= 1 */
    loc batch_at;
    size_t n_dims;      spec_setting *dim; /* values: scalars holding expressions */
    size_t n_args;      spec_arg *arg;
    size_t n_inputs;    spec_decl *input;
    size_t n_targets;   spec_decl *target;
    size_t n_params;    spec_decl *param;
    size_t n_hidden;    spec_decl *hidden;
    size_t n_states;    spec_decl *state;
    size_t n_consts;    spec_decl *constant;
    size_t n_functions; spec_function *function;
    size_t n_modules;   spec_module *module;
    size_t n_equations; spec_equation *equation;
    size_t n_outputs;   spec_output *output;
    expr *loss; /* NULL: none */
    const char *loss_text;
    loc loss_at;
    spec_learning learning;
};

/* Why TEXT cannot be a name, in words; NULL if it can.  */
const char *spec_name_fault(const char *text);

/* What went wrong, as the program's exit status.  */
typedef enum { SPEC_WRONG = 1, SPEC_UNREADABLE = 3, SPEC_TOO_NEW = 63 } spec_status;

/* Read the model or the cell (`cell:` at its top) in the file PATH.  NULL after an error, with *STATUS
   set.  */
spec *spec_read(const char *path, bool is_cell, arena *a, diag *d, spec_status *status);

/* The same from TEXT in memory.  */
spec *spec_parse(const char *name, const char *text, size_t len, bool is_cell, arena *a, diag *d,
                 spec_status *status);

/* Does the file PATH say that it is a model?  One may stand where a cell of its name is looked for.  */
bool spec_is_model(const char *path, arena *a);

#endif
