/* SPDX-License-Identifier: Apache-2.0 */
/* A model under test: generated, compiled, loaded into this process and run, known only by its
   table (etrace_info.h).  */
#ifndef MODEL_H
#define MODEL_H

#include "command.h"
#include "etrace_info.h"

#include <stdint.h>

/* The functions of a model.  One that differentiates through several steps has no learn.  */
typedef enum {
    MODEL_INIT_PARAMS,
    MODEL_INIT_STATE,
    MODEL_RESET_TRACE,
    MODEL_STEP,
    MODEL_SOLVE,        /* _solve_h2w_h2h_jacobian */
    MODEL_SOLVE_SIGNAL, /* _solve_h2w_h2h_l2h_jacobian */
    MODEL_LEARN,
    MODEL_LEARN_SEQUENCE,
    MODEL_EVOLVE_SEQUENCE,
    MODEL_FUNCTIONS
} model_function;

typedef struct {
    char folder[COMMAND_PATH]; /* with model.c, model.h, model.so */
    char *messages;            /* what the generator said */
    void *library;
    void (*function[MODEL_FUNCTIONS])(void); /* NULL: the model has none */
    const etr_info *info;
    int n_steps;
    /* The blocks; of inputs, targets and outputs, and of the tape of states, one a step.  */
    char *params, *grad, *state, *trace, *jacobian, *signal, *input, *target, *output, *tape;
} model;

typedef struct {
    const char *spec;          /* a path */
    const char *const *option; /* further options of the generator, ended by NULL; may be NULL */
    const char *cflags;        /* further options of the compiler; may be NULL */
    int n_steps;
} model_source;

/* Generate with $ETRACE_GEN, compile with $CC (default cc) with the warnings of the house as
   errors, and load.  Parameters are drawn from a fixed seed, states at their initial values, all
   other blocks zero.  Returns 0; or -1 after a message on stderr, nothing left behind.  */
int model_open(model *m, const model_source *source);
void model_close(model *m);

/* The parts of that, for many models in one library.  Write PREFIX.c and its header into m->folder;
   take the model of that prefix from LIBRARY, which stays the caller's.  0, or -1 after a
   message.  */
int model_generate(model *m, const model_source *source, const char *prefix);
int model_bind(model *m, void *library, const char *prefix, int n_steps);

/* The warnings of the house, as errors.  */
#define MODEL_WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror"

int model_has(const model *m, model_function f);

/* The variable of that path, or NULL.  */
const etr_var *model_find(const model *m, etr_kind kind, const char *path);
size_t model_numel(const etr_var *v);

/* The block of all variables of one kind, at step T where there is one a step.  */
char *model_block(const model *m, etr_kind kind, int t);

/* Element I of a variable, of parameters and gradients alike: BLOCK says which.  */
double model_get(const model *m, const etr_var *v, const char *block, size_t i);
void model_put(const model *m, const etr_var *v, char *block, size_t i, double x);

/* Fill every element of the parameters, states, inputs and targets with numbers drawn from SEED,
   uniform in -1 to 1.  Equal tables get equal numbers.  */
void model_randomise(model *m, uint64_t seed);

/* Parameters, states, inputs and targets of FROM, as far as TO has such paths.  */
void model_copy(model *to, const model *from);

/* The states as they begin.  */
void model_init_state(model *m);

/* Step T.  The last two return its loss.  */
void model_step(model *m, int t);
void model_solve(model *m, int t);
double model_solve_signal(model *m, int t);
double model_learn(model *m, int t);

/* PREFIX_sequence of every model, to the machine.  WEIGHT is of the model's real type.  */
typedef struct {
    size_t n_steps;
    const void *in;
    void *out;
    const size_t *length;
    int last_output, reset;
    const void *target;
    void *tape;
    const void *weight;
    int (*update)(void *context, void *grad);
    void *context;
    size_t update_every;
    void *backup;
} model_sequence;

/* All steps of M.  */
model_sequence model_whole_sequence(const model *m);

etr_update_status model_learn_from(model *m, const model_sequence *q, double *loss);
etr_update_status model_evolve(model *m, const model_sequence *q);

/* All steps in one call.  Returns the sum of the losses.  */
double model_learn_sequence(model *m);

/* Gradient and trace to zero.  */
void model_reset(model *m);

/* The same, and all steps: one by one if the model can, else in one call.  */
double model_learn_all(model *m);

#endif
