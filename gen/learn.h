/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rule: from the graph and its derivatives to what each emitted function computes.  */
#ifndef LEARN_H
#define LEARN_H

#include "graph.h"
#include "schedule.h"
#include "yaml.h"

/* What is carried from step to step.  */
typedef enum {
    TRACE_WEIGHT,    /* one element for each weight and position (d_rtrl) */
    TRACE_FACTORS,   /* a filtered input and a filtered df (pp_prop) */
    TRACE_HYBRID,    /* the one or the other, parameter by parameter */
    TRACE_INFLUENCE, /* of each weight, on all positions that it reaches in a few steps (snap) */
    TRACE_RANDOM,    /* a random product of two vectors that is right on the average (uoro) */
    TRACE_EXACT,     /* the whole influence matrix (rtrl) */
    TRACE_NONE       /* nothing: reverse mode through stored steps (bptt) */
} trace_kind;

typedef enum { RECURSION_JACOBIAN, RECURSION_LEAK, RECURSION_NONE } recursion_kind;
typedef enum { FEEDBACK_SYMMETRIC, FEEDBACK_RANDOM, FEEDBACK_ADAPTIVE, FEEDBACK_MODULATOR } feedback_kind;

typedef struct {
    const char *rule;  /* its name */
    loc at;
    trace_kind trace;
    recursion_kind recursion;
    bool coupled;      /* D: the block diagonal of the whole Jacobian, weight ops included */
    feedback_kind feedback;
    bool from_error;   /* it begins at the outputs that the loss reads, not at the states' signals */
    int window;        /* steps of exact reverse mode behind the trace; 0: vjp_time t */
    bool signal_total; /* the reference's signal, which counts paths inside a step twice */
    bool mean;         /* losses and gradients are means, not sums */
    bool plain_none;   /* parameters in no relation get no gradient */
    dense_policy dense;
    double decay_x, decay_f; /* TRACE_FACTORS */
    double kappa;            /* the traces are filtered once more; 0: not */
    double leak;             /* RECURSION_LEAK */
    int order;               /* TRACE_INFLUENCE: steps */
    const char *modulator;   /* FEEDBACK_MODULATOR: an input */
    bool by_call;            /* TRACE_FACTORS: the correction counts calls, as the reference's */
    bool synthesiser;        /* a guess of later losses at a window's end (dni) */
    bool noise_input;        /* TRACE_RANDOM: the signs are inputs; else they are drawn */
    bool pooled;             /* TRACE_RANDOM: one product for the whole batch, not one a sample */
    half_kind half;          /* how traces of weights, or their factors, are stored */
    loc half_at;
    int64_t seed;            /* from this seed */
    const yaml_tree *factored; /* TRACE_HYBRID: parameters with factors; NULL: those not below */
    int tile;                  /* steps of a block; 0: as the sizes suggest, 1: none */
    int64_t below;             /* TRACE_HYBRID: elements from which on a weight has factors */
} learning;

/* What the Jacobian and signal blocks say about one group, relation or state.  */
typedef enum { ENTRY_H2H, ENTRY_H2W, ENTRY_H2W_X, ENTRY_SIGNAL } entry_kind;

typedef struct {
    entry_kind kind;
    const char *path;  /* the relation's name, or "" */
    int node;
    const char *field; /* its array in the block; NULL when the node is constant */
    bool own_field;    /* the first entry with that field */
    int group, row, col;
    int from; /* into ir.origin */
} entry;

typedef struct function_plan {
    store *store;
    int n;
    size_t cap;
    int64_t rows;             /* samples a pass, the first axis of their values; 0: one, without an axis */
    const schedule *schedule; /* NULL until report_measure has run */
    int *sum;                 /* its variables of kind VAR_SUM */
    int n_sums;
    size_t cap_sums;
    struct function_plan *one; /* the same for a single sample of a batch, where they differ in length; NULL */
    struct function_plan *once; /* what is done once, behind the loop over the samples; NULL: nothing */
} function_plan;

typedef struct {
    ir *ir;
    graph *graph;
    learning set;
    int n_entries;
    size_t cap_entries;
    entry *entry;
    function_plan step, h2h, l2h;
    function_plan learn, evolve;        /* one step in one function (vjp_time t, window 1); the same without
                                           a gradient; or */
    function_plan take, early;          /* of tile steps of learn: their inputs, a step at a time; what is made of
                                           inputs alone, for all of them; */
    function_plan forward, reverse, block; /* the steps forward; those of a window backwards; then everything else for
                                              all of them */
    int64_t tile;                       /* 0: there are none */
    function_plan back, apply, advance; /* the parts of a longer window: a step backwards, the trace
                                           at the entry met by its signal, the trace over one step */
    function_plan guess, regress;       /* the synthesiser's, at a window's end and then at its entry */
} model_plan;

/* The graph of G as the rule sees it, with its D and df.  NULL after an error.  */
graph *learn_graph(ir *g, const learning *set);

/* Everything below is made from one IR: run once a model.  */
model_plan *learn_plan(graph *gr, const learning *set);

#endif
