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
     x: {shape: [100], events: true}      (inputs)
     count: {shape: [n], type: index}     (states; no size)
     seed: {shape: [], type: seed, init: 42}
     W: {shape: [3, n], init: glorot_uniform, trace: false, trainable: false}
     k: {value: [1.0, 2.0]}  or  k: {value: 0.5}   (consts; nested lists give the shape)
     M: {npz: masks.npz, name: M}  */
typedef struct {
    const char *name;
    loc at;
    size_t rank;
    expr **dim;    /* of the shape; NULL with rank 0 for [] */
    bool is_index; /* type: index or seed: a whole number */
    bool is_seed;  /* type: seed: a state that counts by itself */
    expr *size;    /* of an index: how many values; NULL otherwise */
    bool events;     /* inputs: most of it is zero */
    yaml_tree *init; /* as written; NULL: the default */
    bool trace;      /* params; true unless said otherwise */
    bool trainable;  /* params; true unless said otherwise */
    yaml_tree *value; /* consts */
    yaml_tree *npz, *member; /* consts: a file, and the name of an array in it */
    yaml_tree *sparse; /* params: where the non-zeros are; NULL: all elements are there */
} spec_decl;

typedef enum { SPEC_ARG_DIM, SPEC_ARG_NUMBER, SPEC_ARG_FUNCTION, SPEC_ARG_CHOICE } spec_arg_type;

/* args: {size: dim, tau: number, activation: {type: function, default: tanh},
          reset: {type: choice, of: [soft, hard], default: soft}}
   In the cell's equations `reset == hard` is known when the model is built.  */
typedef struct {
    const char *name;
    loc at;
    spec_arg_type type;
    yaml_tree *fallback; /* default; NULL: must be given */
    size_t n_words;      /* of a choice */
    const char **word;
} spec_arg;

/* outputs: [logits], or {y: h'} in a cell: `name: expression`.  For a plain list
   element the expression is the name itself.  */
typedef struct {
    const char *name;
    loc at;
    expr *value;
} spec_output;

/* What stands in `step`: an equation, or a block of control flow.
     - repeat: 3                  - if: u > 0             - while: err > 0.1
       carry: {u: x}                then: [y = u]           max: 10
       do: ["u' = f(u)"]            else: [y = -u]          carry: {u: x}
                                                            do: ["u' = f(u)"]  */
typedef enum { SPEC_ASSIGN, SPEC_REPEAT, SPEC_IF, SPEC_WHILE } spec_form;

typedef struct spec_equation spec_equation;
struct spec_equation {
    spec_form form;
    expr *target;     /* SPEC_ASSIGN */
    expr *value;      /* of a repeat the count, of an if or a while the condition */
    loc at;           /* of the whole line, or of the word repeat, if, while */
    const char *text; /* as written, for the comments of the emitted C */
    int max;          /* SPEC_WHILE: how often at most */
    size_t n_carry;   spec_output *carry; /* name and first value */
    size_t n_body;    spec_equation *body; /* do, or then */
    size_t n_other;   spec_equation *other; /* else */
};

/* loss: EXPRESSION, a list of such, or {name: {value: EXPRESSION, weight: 0.1}}; the sum is meant.  */
typedef struct {
    const char *name; /* NULL in a list */
    loc at;
    expr *value;
    const char *text;
    expr *weight; /* NULL: 1 */
} spec_loss;

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
    const char *cell; /* NULL for a list of modules (a stack); "" where share says it */
    loc cell_at;
    const char *share; /* the module whose parameters it uses too; or NULL */
    loc share_at;
    size_t n_inputs; /* in: x  gives one with the name NULL;  in: {x: e, u: e}  names them */
    spec_setting *input; /* values are scalars holding expressions */
    size_t n_settings;
    spec_setting *setting;
    size_t n_layers; /* of a stack: named "0", "1", ...; the input of each defaults to the
                        output of the one before */
    spec_module *layer;
};

/* The keys of `learning:`.  */
typedef enum {
    LEARN_RULE, LEARN_WINDOW, LEARN_VJP_TIME, LEARN_SIGNAL, LEARN_PLAIN, LEARN_DENSE, LEARN_REDUCTION,
    LEARN_DECAY,
    LEARN_RANK, LEARN_KAPPA, LEARN_LEAK, LEARN_SCOPE, LEARN_ORDER, LEARN_FEEDBACK, LEARN_MODULATOR,
    LEARN_BIAS_CORRECTION, LEARN_NOISE, LEARN_SEED, LEARN_FACTORED, LEARN_BELOW, LEARN_ESTIMATE, LEARN_FEEDBACK_FROM,
    LEARN_TRACE_DTYPE, LEARN_COUNT
} learning_key;

/* What one of them says.  */
typedef struct {
    bool said;
    loc at;
    const char *word;
    double number[2]; /* decay: of x and of df */
    const yaml_tree *list;
} spec_learning_value;

typedef struct {
    spec_learning_value value[LEARN_COUNT];
} spec_learning;

typedef struct spec spec;

/* import: [cells/mine.yaml].  CELL is what the file holds, once it was read.  */
typedef struct {
    const char *name;
    loc at;
    spec *cell;
} spec_import;

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
    size_t n_losses;    spec_loss *loss; /* NULL: none */
    size_t n_imports;   spec_import *import;
    int unroll_limit; /* a repeat of more iterations stays a loop, or is refused */
    spec_learning learning;
};

/* The version of the language; the largest batch; a repeat of more iterations, or a while that may have
   more, is refused.  */
enum { SPEC_VERSION = 1, SPEC_BATCH_MAX = 1 << 20, SPEC_REPEAT_MAX = 1000 };

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
