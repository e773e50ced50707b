/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rule: from the graph and its derivatives to what each emitted function computes.  */
#ifndef LEARN_H
#define LEARN_H

#include "graph.h"
#include "schedule.h"

typedef enum { RULE_D_RTRL, RULE_BPTT } rule_kind;

typedef struct {
    rule_kind rule;
    int window;        /* steps of exact reverse mode behind the trace; 0: vjp_time t */
    bool signal_total; /* the reference's signal, which counts paths inside a step twice */
    bool plain_none;   /* parameters in no relation get no gradient */
    dense_policy dense;
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
} entry;

typedef struct {
    store *store;
    int n;
    size_t cap;
    const schedule *schedule; /* NULL until report_measure has run */
} function_plan;

typedef struct {
    ir *ir;
    graph *graph;
    learning set;
    int n_entries;
    size_t cap_entries;
    entry *entry;
    function_plan step, h2h, l2h;
    function_plan learn;                /* one step in one function (vjp_time t, window 1), or */
    function_plan back, apply, advance; /* the parts of a longer window: a step backwards, the trace
                                           at the entry met by its signal, the trace over one step */
} model_plan;

/* Everything below is made from one IR: run once a model.  */
model_plan *learn_plan(graph *gr, const learning *set);

#endif
