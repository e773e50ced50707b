/* SPDX-License-Identifier: Apache-2.0 */
/* The eligibility-trace graph of a model: which hidden states form a group, which uses of
   parameters reach them, and how.  */
#ifndef GRAPH_H
#define GRAPH_H

#include "ir.h"

/* Hidden states of one shape that reach one another position by position when the output of
   every weight op is held fixed.  */
typedef struct {
    int n_states;
    int *state;     /* into graph.hidden */
    shape varshape;
    int *D;         /* n_states * n_states, row = new, col = old, each of VARSHAPE;
                       NULL until diff_jacobians has run */
} hidden_group;

/* One use of a trainable parameter whose result y reaches hidden states by position-preserving
   paths: y = x @ W (op OP_matmul), y = W @ x (OP_matmul_t: W is stored [out][in]), or y = theta
   itself (OP_var, element-wise; no x).  */
typedef struct {
    const char *name; /* rnn.W, and rnn.W#2 for its second use */
    op_code op;
    int y, x;         /* nodes; x is NO_NODE for an element-wise use */
    int param;        /* into ir.var */
    int bias;         /* into ir.var, or -1: the parameter added to y at once; it has an element-wise
                         relation of its own, not listed */
    bool is_bias;     /* listed as the bias of others only */
    bool mixed;       /* y also reaches a state through another weight op */
    int n_groups;
    int *group;
    bool *reaches;    /* of graph.hidden: position by position */
    int *df;          /* of graph.hidden: the node d s' / d y, zero where there is none; NULL until
                         diff_jacobians has run */
} relation;

typedef enum {
    FATE_RELATION,
    FATE_MIXED,        /* in a relation, and partly through another weight op */
    FATE_NO_HIDDEN,    /* no path to a hidden state */
    FATE_WEIGHT,       /* reaches a hidden state only through another weight op */
    FATE_NOT_POSITION, /* reaches one only through an op that is not position-preserving */
    FATE_UNTRACED,     /* trace: false */
    FATE_CONSTANT      /* trainable: false */
} fate;

typedef struct {
    ir *ir;
    int n_base;       /* nodes of the forward step: those made later are derivatives */
    int n_hidden;
    int *hidden;      /* into ir.var */
    int n_groups;
    hidden_group *group;
    int *group_of;    /* of hidden */
    int n_relations;
    relation *relation;
    fate *fate;       /* of ir.var (parameters only) */
    bool *is_weight_op; /* of the forward nodes: a product with a traced parameter */
    bool dense;       /* some state reaches a new state only through ops that mix positions and
                         are no weight op */
} graph;

/* What to do with such a dependence.  */
typedef enum { DENSE_ERROR, DENSE_DIAGONAL, DENSE_DROP } dense_policy;

graph *graph_compile(ir *g, dense_policy dense);

/* The text, JSON and Graphviz forms of --graph.  */
void show_text(const graph *gr, buf *out);
void show_json(const graph *gr, buf *out);
void show_gv(const graph *gr, buf *out);

const char *graph_fate_text(fate f);

#endif
