/* SPDX-License-Identifier: Apache-2.0 */
/* A network as NIR sees it: nodes with arrays, and edges.  Readers make it, writers write it.  Shapes
   and arrays are NIR's: channels first, weights [out, in].  layout.c knows ours.  */
#ifndef NET_H
#define NET_H

#include "diag.h"

#include <stdint.h>

enum { NET_AXES = 4, NET_ARRAYS = 7, NET_NUMBERS = 4, NET_NODES_MAX = 4000, NET_EDGES_MAX = 100000 };

/* The largest array, and all arrays together, in elements.  */
#define NET_ELEMENTS_MAX ((int64_t)1 << 28)

typedef struct {
    int rank;
    int64_t dim[NET_AXES];
} net_shape;

int64_t net_count(const net_shape *s);
bool net_same(const net_shape *a, const net_shape *b);

/* "[2, 3]".  */
const char *net_shape_text(arena *a, const net_shape *s);

/* How an array of a node lies in a model: channels last, weights [in, out].  */
typedef enum {
    LAYOUT_AS_IS,   /* a bias */
    LAYOUT_UNITS,   /* one number a unit: [c, h, w] -> [h * w * c] */
    LAYOUT_MATRIX,  /* [out, in] -> [in, out] */
    LAYOUT_KERNEL   /* [out, in, k...] -> [k..., in, out] */
} net_layout;

typedef struct {
    const char *name;  /* in NIR; NULL ends the list */
    const char *param; /* of our cell */
    net_layout layout;
    bool optional;     /* 0 where it is left out (v_reset) */
} net_array_row;

/* Whole numbers of a node: NAME with COUNT of them, our arguments NAME or NAME_h and NAME_w.  */
typedef struct {
    const char *name; /* NULL ends the list */
    int count;
    int64_t least;
} net_number_row;

typedef enum {
    NET_INPUT,
    NET_OUTPUT,
    NET_PASS,    /* the input or output of a graph in the graph: joined away */
    NET_UNITS,   /* element by element */
    NET_MATRIX,
    NET_CONV,
    NET_POOL,
    NET_FLATTEN
} net_kind;

typedef struct {
    const char *name; /* NIR's type */
    net_kind kind;
    const char *cell; /* NULL: Input, Output */
    int axes;         /* of the cell's input; 0: any, brought to one */
    const char *state; /* what a delayed edge reads; NULL: there is no state */
    bool timed;        /* it has an argument dt */
    net_array_row array[NET_ARRAYS + 1];
    net_number_row number[NET_NUMBERS + 1];
} net_type;

/* Ended by a row without a name.  A padding of `same` is a type of its own here.  */
extern const net_type net_types[];
extern const net_type net_pass;
const net_type *net_type_of(const char *name);
const net_type *net_type_of_cell(const char *cell);

typedef struct {
    net_shape shape;
    double *value; /* C order */
} net_array;

typedef struct {
    const net_type *type;
    const char *name; /* NIR's */
    loc at;           /* in a spec */
    net_shape in, out; /* rank 0: not known */
    net_array array[NET_ARRAYS];
    int64_t number[NET_NUMBERS][2];
} net_node;

typedef struct {
    int from, to;
    bool delayed; /* TO reads what FROM was at the end of the last step */
    loc at;       /* in a spec */
    size_t term;  /* which of those that its reader has seen */
} net_edge;

typedef struct {
    arena *arena;
    diag *diag;
    bool single; /* every array is of floats of 32 bits, or of whole numbers that fit in them */
    size_t n_nodes, cap_nodes;
    net_node *node;
    size_t n_edges, cap_edges;
    net_edge *edge;
} net;

net *net_new(arena *a, diag *d);
/* Good until the next one is added.  */
net_node *net_add_node(net *n, const net_type *type, const char *name);
void net_add_edge(net *n, int from, int to);
int net_find(const net *n, const char *name); /* -1: there is none */

/* Is array I of the node's type there at all?  */
bool net_has(const net_node *node, const char *array);

/* Nodes by name, edges by the names of their ends, so that what is written depends on the network alone.
   False after an error: an edge stands twice.  */
bool net_sort(net *n);

/* Say which edges are delayed: of each cycle, the one behind the last node with a state.  False after an
   error: a cycle has none.  */
bool net_delay(net *n);

/* The nodes in the order of their data; delayed edges do not count.  Call net_delay before.  */
int *net_order(const net *n);

/* In and out of every node.  LOAD, unless it is NULL, gets a node's arrays when it is known what comes in.
   False after an error.  */
typedef bool net_load(net *n, net_node *node, void *context);
bool net_shapes(net *n, net_load *load, void *context);

/* The type whose convolution pads as `same`; NULL: TYPE is none.  */
const net_type *net_same_padding(const net_type *type);
bool net_pads_same(const net_type *type);

/* One array in the other layout: TO_OURS from NIR's, else back.  SHAPE is NIR's.  */
double *layout_turn(arena *a, net_layout layout, const net_shape *shape, const double *value, bool to_ours);

/* Its shape in a model.  */
net_shape layout_shape(net_layout layout, const net_shape *shape);

/* A NIR name as a name of the language, and back: what it cannot have is written _xHH, and "node_" stands
   before what cannot begin or be one.  */
const char *name_to_ours(arena *a, const char *name);
const char *name_to_nir(arena *a, const char *name);

#endif
