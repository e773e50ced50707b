/* SPDX-License-Identifier: Apache-2.0 */
/* An independent evaluator: one step of a spec in float64 with dual numbers, by walking its
   equations.  It shares with the generator the reader of YAML and equations, and nothing behind
   that.  */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "evaluate_array.h"

typedef enum { EV_INPUT, EV_TARGET, EV_PARAM, EV_HIDDEN, EV_STATE } ev_kind;

typedef struct {
    ev_kind kind;
    const char *path;
    bool traced, trainable;
    int rank, dim[AXES_MAX];
    size_t n;
    const double *value; /* before the step: what the caller bound */
    array *next;         /* of states: after the step, as the last run left it */
    int pattern;
} ev_var;

/* One use of weights whose output stands still in MODE_HOLD.  Equal ones are one, but for calls of
   element_wise.  */
typedef struct {
    const char *op;
    array *x;  /* what it reads; NULL: nothing */
    array *w;  /* its weight: w->traced has a bit for each traced parameter, its number in ev_var */
    bool dead; /* in a branch that is not taken */
} ev_use;

typedef struct {
    const char *name;
    array *value;
} ev_output;

typedef enum {
    SEED_NOTHING,
    SEED_ELEMENT, /* element ELEMENT of variable VAR */
    SEED_ALL,     /* every element of VAR */
    SEED_NEW,     /* element ELEMENT of the new value of state VAR */
    SEED_USE      /* every element of the output of use VAR; ELEMENT is 1 if it reads nothing */
} seed_kind;

typedef struct {
    seed_kind kind;
    int var;
    size_t element;
    flow_mode mode;
    bool direct; /* SEED_NEW: drop what arrives position by position at other new states */
} ev_seed;

enum { EV_VARS = 64, EV_USES = 256, EV_OUTPUTS = 16 };

typedef struct evaluator evaluator;

/* NULL after messages on stderr: TEXT is no spec.  CELLS is the folder of the cell library.  */
evaluator *evaluate_open(const char *text, const char *cells);
void evaluate_close(evaluator *ev);

/* The value of the variable PATH from now on: N numbers, not copied.  */
void evaluate_bind(evaluator *ev, ev_kind kind, const char *path, const double *value, size_t n);

/* Which sample of a batch it is: random numbers depend on it.  */
void evaluate_sample(evaluator *ev, int sample);

/* One step.  All arrays handed out are good until the next.  */
void evaluate_run(evaluator *ev, ev_seed seed);

int evaluate_n_vars(const evaluator *ev);
ev_var *evaluate_var(evaluator *ev, int i);
int evaluate_n_uses(const evaluator *ev);
const ev_use *evaluate_use(const evaluator *ev, int i);
int evaluate_n_outputs(const evaluator *ev);
const ev_output *evaluate_output(const evaluator *ev, int i);
double evaluate_loss(const evaluator *ev);
double evaluate_loss_tangent(const evaluator *ev);

#endif
