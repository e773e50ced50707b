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
    int *coupled;   /* the same by all ways, weight ops included; NULL unless a rule asked for it */
} hidden_group;

/* A walk along the nodes from one SEED.  A value made of parameters may be broadcast on its way; SPREAD is
   then its shape before that, without leading axes of one element, and TAIL as many of the last axes that it is
   broadcast to.  One such tail is enough to find an element's place again behind a reshape of these axes.  */
typedef struct {
    int seed;
    bool is_spread, is_reshaped;
    bool many_tails; /* it is broadcast to several: no reshape behind that keeps positions */
    shape spread, tail;
} position_way;

/* One use of trainable parameters whose result y reaches hidden states by position-preserving paths.
   y = op (x, w): a WT row of ops.def, w being a value of parameters and constants alone; or y = w itself
   (OP_weight: element-wise; no x).  */
typedef struct {
    const char *name; /* rnn.W, and rnn.W#2 for its second use */
    op_code op;
    int y, w;         /* nodes */
    int whole;        /* y in all turns of the loops that it stands in; outside of loops y itself.  Where only the last
                         turn reaches a state by position y is a node of the body, and x of that turn */
    int x;            /* the node that the op reads; NO_NODE for an element-wise use */
    int source;       /* what the listing calls x: before windows were cut from it */
    shape turns;      /* of the loops that y and x stand in: their first axes, over which the trace is
                         summed */
    int n_params;     /* traced parameters that w is made of */
    int *param;       /* into ir.var */
    int bias;         /* into ir.var, or -1: the parameter added to y at once; it has an element-wise
                         relation of its own, not listed */
    bool is_bias;     /* listed as the bias of others only */
    bool mixed;       /* y also reaches a state by a way that the trace leaves out */
    int n_groups;
    int *group;
    int n_reached;
    int *reached;     /* into graph.hidden: the states that y reaches position by position */
    position_way way; /* from y; of an element-wise use: how it is broadcast */
    int *df;          /* of `reached`: the node d s' / d y; NULL until diff_jacobians has run */
} relation;

typedef enum {
    FATE_RELATION,
    FATE_MIXED,        /* in a relation, and partly through another weight op or a mixing of positions */
    FATE_NO_HIDDEN,    /* no path to a hidden state */
    FATE_WEIGHT,       /* reaches a hidden state only through another weight op */
    FATE_NOT_POSITION, /* reaches one only through an op that is not position-preserving */
    FATE_SLICED,       /* reaches one only in parts: through a slice */
    FATE_UNTRACED,     /* trace: false */
    FATE_CONSTANT      /* trainable: false */
} fate;

typedef struct {
    ir *ir;
    int n_base;       /* nodes of the forward step: those made later are derivatives */
    int n_hidden;
    int *hidden;      /* into ir.var */
    int *state_at;    /* of the forward nodes: the first hidden state whose new value it is, or -1 */
    int *state_also;  /* of hidden: the next state with the same new value, or -1 */
    int n_groups;
    hidden_group *group;
    int *group_of;    /* of hidden */
    int n_relations;
    relation *relation;
    int *relation_of; /* of the forward nodes: the relation with that `whole`, or -1 */
    int *first_user, *user; /* of forward node n: user[first_user[n]] up to user[first_user[n + 1] - 1] read it */
    fate *fate;       /* of ir.var (parameters only) */
    bool *in_turns;   /* of the forward nodes: of the body of a loop */
    bool *is_weight_op; /* of the forward nodes: one with traced parameters as its weight */
    int n_visited;    /* nodes looked at for all that, each as often as it was: the work done */
    bool dense;       /* some state reaches a new state only through ops that mix positions and
                         are no weight op */
} graph;

/* df of R for hidden state S; a zero where it does not reach it.  */
int graph_df(ir *g, const graph *gr, const relation *r, int s);

/* Nodes to be looked at, each once and in their order.  */
typedef struct {
    const graph *gr;
    int n;
    int *heap;
    bool *queued;
} node_queue;

node_queue queue_new(const graph *gr);
void queue_push(node_queue *q, int n);
void queue_users(node_queue *q, int n); /* those of N outside of loops */
int queue_pop(node_queue *q);           /* NO_NODE: it is empty */

/* Does N, which is no weight op, keep what comes from the seed at its positions?  To be asked of nodes in
   their order.  */
bool graph_keeps_positions(const ir *g, int n, position_way *way);

/* N itself, or if it stands for all turns of a weight op in loops that weight op, in the innermost one.  */
int graph_innermost(const ir *g, int n);

/* The node that N reads as its weight, or NO_NODE: N is no weight op, traced or not.  */
int graph_weight(const ir *g, int n);

/* The traced parameters that node W is made of, each once, in the order of their declaration.  Returns how
   many.  */
int graph_params_below(const ir *g, int w, int *param);

/* What to do with such a dependence.  */
typedef enum { DENSE_ERROR, DENSE_DIAGONAL, DENSE_DROP } dense_policy;

/* COUPLED: states of one shape are of one group also when a weight op stands between them.  */
graph *graph_compile(ir *g, dense_policy dense, bool coupled);

/* The trace of RELATION, called NAME, has too many axes: an error.  */
void graph_refuse_axes(const ir *g, const relation *r, const char *name);

/* What R does with its weight: "x @ W + b".  */
const char *show_use(const graph *gr, const relation *r);

/* The text, JSON and Graphviz forms of --graph.  */
void show_text(const graph *gr, buf *out);
void show_json(const graph *gr, buf *out);
void show_gv(const graph *gr, buf *out);

const char *graph_fate_text(fate f);

#endif
