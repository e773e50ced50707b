/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make a learning rule share.  */
#ifndef LEARNER_H
#define LEARNER_H

#include "diff.h"
#include "learn.h"
#include "trace.h"

/* When a trace meets a signal.  */
typedef enum {
    TIME_T,     /* vjp_time t: the new trace, the signal at t */
    TIME_ENTRY, /* window 1: the trace and the signal at the step's entry, brought there in the same pass
                   with the factors that the last step left behind */
    TIME_WINDOW /* longer windows: the trace at the window's entry; it advances in a function of its own */
} trace_time;

/* A feedback matrix that learns (feedback.c).  */
typedef struct {
    int B;        /* its variable */
    int weight;   /* the node whose gradient it shares, transposed; NO_NODE: none, then */
    int error, x; /* the product of these nodes is its gradient */
} adaptive_feedback;

typedef struct {
    model_plan *plan;
    ir *ir;
    graph *gr;
    const learning *set;
    trace_time time;
    adjoint adj;
    adjoint heard; /* the same, as the traces hear of it: by feedback */
    int weight;    /* the node of what the loss of this step counts */
    int *signal;   /* of graph.hidden: what meets the trace; NO_NODE: zero */
    int *gradient; /* of the forward nodes made of parameters alone: to be added up; NO_NODE: zero */
    int *gradient_once; /* the same, behind the loop over the samples */
    int n_lags;
    size_t cap_lags;
    int *lag_of, *lag_var; /* nodes kept for the next step, and their variables */
    int n_adaptive;
    size_t cap_adaptive;
    adaptive_feedback *adaptive;
    int *synthesiser;      /* of groups: the variables of its matrix and its bias; NULL: there is none */
    int *guessed;          /* of graph.hidden: the variable of what it says */
    int started;           /* the variable of learner_started, or -1 */
    int correction;        /* the variable of the factors' bias correction, or -1 */
} learner;

/* F stores NODE at PLACE, or adds it there, whatever the sample; VARIABLE as in schedule.h.  */
void learner_put(const learner *l, function_plan *f, int node, const char *place, bool add,
                 int variable);

/* NODE, of a sample, summed over the batch: a value for what F does once, behind the samples.  */
int learner_sum(learner *l, function_plan *f, int node, const char *name, const char *note);

/* What F does behind the loop over the samples.  */
function_plan *learner_once(const learner *l, function_plan *f);

/* Add NODE to the gradient of the value N, which is made of parameters alone; or the same, NODE being made of
   sums over the batch.  */
void learner_add(learner *l, int n, int node);
void learner_add_once(learner *l, int n, int node);

/* Does NODE only move values, so that it can be done again on what was kept below it?  And that, on X.  */
bool learner_moves(const ir *g, int node);
int learner_moved(ir *g, int node, int x);

/* An array of the rule's own among the parameters, behind all that the spec declares: the draws of these stay.  */
int learner_param(learner *l, const char *path, shape s, const char *note);

/* NODE's value one step ago, kept in the trace block unless it is constant.  */
int learner_lag(learner *l, int node);

/* 0 in the first step, then 1.  */
int learner_started(learner *l);

/* What passes component B of a group's trace on to component A.  */
int learner_recursion(const learner *l, const hidden_group *group, int a, int b);

/* ALIVE[a]: component A of the trace of R in GROUP is ever different from zero.  In the arena.  */
bool *learner_alive(const learner *l, const relation *r, const hidden_group *group);

/* A trace of R for component A (a state of GROUP; -1: for all of them), of shape S.  */
int learner_trace(learner *l, const relation *r, const hidden_group *group, int a, const char *what,
                  shape s);

/* V's value after this step, called NAME with its NOTE in C.  */
void learner_next(learner *l, int v, int node, const char *note);

/* What df of R has for a state of GROUP: its shape, in every turn of the loops that R is in.  */
shape learner_shape(const relation *r, const hidden_group *group);

/* The form of R's trace in GROUP; false after an error.  */
bool learner_form(learner *l, const relation *r, const hidden_group *group, trace_form *f);

/* jacobian.c: the Jacobian and signal blocks */
void jacobian_entries(learner *l);
void jacobian_signals(learner *l, const adjoint *a);
void jacobian_put(learner *l, function_plan *f, bool signals);
int jacobian_signal(learner *l, const adjoint *a, int s);
void jacobian_name_signal(learner *l, int node, int s, const char *prime); /* PRIME: "'", at the step's end */

/* What meets the trace of R in hidden state S; NO_NODE: zero.  */
int learner_signal(const learner *l, const relation *r, int s);

/* carry.c: make the traces of a relation, and add what they bring to the gradient.  INSIDE, if not NO_NODE,
   is an adjoint of the relation's y whose gradient is to be added in the same pass.  */
void carry_relation(learner *l, const relation *r, int inside);

/* What no trace carries, from l->adj into l->gradient.  WITH_TRACES: some products of relations were added in the
   pass of their traces.  */
void learner_inside(learner *l, bool with_traces);

/* N times NO_NODE, in the arena.  */
int *learner_no_nodes(const learner *l, int n);

/* synthetic.c: the synthesiser of dni; false after an error.  Then its part of a step backwards, and its functions;
   COTANGENT is of graph.hidden, the variables of what the losses say.  */
bool synthetic_declare(learner *l);
void synthetic_back(learner *l);
void synthetic_functions(learner *l, const int *cotangent);

/* feedback.c: l->signal as the rule's feedback has it.  */
void feedback_set(learner *l);

/* What adaptive feedback learns, once l->gradient is whole.  */
void feedback_learn(learner *l);

/* exact.c: the influence of every parameter and its exact gradient.  unbiased.c: a random product in its place.
   influence.c: that on the positions that are near.  */
void exact_traces(learner *l);
void unbiased_traces(learner *l);
void influence_traces(learner *l);

/* factor.c: the same with a filtered input and a filtered df in the place of a trace.  */
void factor_relation(learner *l, const relation *r);

/* Errors for what `factored` names and is no parameter.  */
void factor_check_list(const learner *l);

/* Does R have factors and no trace?  */
bool factor_chosen(const learner *l, const relation *r);

#endif
