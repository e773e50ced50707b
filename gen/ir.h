/* SPDX-License-Identifier: Apache-2.0 */
/* The tensor graph of one step of one sample (the batch is a loop around it).

   Nodes are immutable, hash-consed and simplified when made (canon.c): equal values are the same
   node.  A node's arguments have smaller numbers than it has.  */
#ifndef IR_H
#define IR_H

#include "buf.h"
#include "diag.h"

#include <stdint.h>

enum { RANK_MAX = 8, SPATIAL_MAX = 3, NO_NODE = -1 };

typedef struct {
    int rank;
    int64_t dim[RANK_MAX];
} shape;

typedef enum { TYPE_REAL, TYPE_BOOL, TYPE_INDEX } value_type;

typedef enum {
#define EW(name, arity, result, form, prec, cost, partial, value) OP_##name,
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) OP_##name,
#define BI(name, loops, flops) OP_##name,
#define VW(name) OP_##name,
#define ST(name) OP_##name,
#include "ops.def"
    OP_COUNT
} op_code;

/* What stands in a trace for the operands of a weight op: ops.def.  */
typedef enum { WEIGHT_NONE, WEIGHT_LETTERS, WEIGHT_ROWS, WEIGHT_NON_ZEROS } weight_form;

typedef struct {
    const char *name;
    bool elementwise, view;
    bool linear; /* in each of two arguments */
    int arity;
    value_type result;
    const char *form;
    int prec;
    int cost;
    weight_form weight; /* WEIGHT_NONE: no weight op */
    const char *labels, *listed;
} op_info;

extern const op_info op_table[OP_COUNT];

/* How a window slides over one axis: element (o, k) is that at o * stride + k * dilation - pad, and zero
   outside of the axis.  */
typedef struct {
    int64_t size, stride, dilation, pad, count; /* COUNT places of SIZE elements */
} ir_window;

/* Where the non-zeros of a sparse matrix stand: number p at [row[p]][col[p]].  */
typedef struct {
    const char *name; /* of its tables in C */
    int64_t n_rows, n_cols, n;
    const int32_t *row, *col;
    bool by_rows; /* row after row, several in each: its rows' starts stand for row[] */
} pattern;

/* What is known of the zeros of a value.  Where there are some, what they meet may be left out.  */
typedef enum {
    EVENTS_NONE,
    EVENTS_SPIKES, /* it is 0 or 1, and nobody said how often */
    EVENTS_SAID    /* the spec says that most of it is 0 */
} event_kind;

typedef struct ir_origin ir_origin; /* origin.h */
typedef struct ir_region ir_region; /* region.h */
typedef struct ir_loop ir_loop;     /* loop.h */

/* What made a node, or a line of C.  */
typedef enum {
    PASS_STEP,        /* an equation itself */
    PASS_JACOBIAN,    /* D, df, and what else is differentiated forward */
    PASS_SIGNAL,      /* d loss / d state */
    PASS_TRACE,
    PASS_GRADIENT,
    PASS_DECLARATION, /* the rest is no node's */
    PASS_INIT,
    PASS_CHECK,
    PASS_TABLE,
    PASS_SOURCE,
    N_PASSES
} origin_pass;

typedef struct {
    op_code op;
    value_type type;
    shape shape;
    int n_args;
    int *arg;
    double number; /* OP_const */
    int var;       /* OP_var: into ir.var; OP_weight: the number of its use */
    int axis;      /* OP_concat, OP_slice, OP_pad; OP_gather: 0 by rows, 1 by columns; OP_bound: one
                      more than the node outside that it is in all turns, or 0 */
    int64_t start; /* OP_slice, OP_pad; of a state's own copy the variable; OP_random: the stream;
                      OP_bound: its number; OP_repeat: which output; OP_last, OP_tape: the node of
                      the body; OP_matmul_t: the first row of W that is wanted */
    unsigned mask; /* OP_sum, OP_reduce_*: bit k = axis k of the argument */
    const char *labels; /* OP_einsum: one letter an axis, "xk,ko->xo"; OP_permute: "ba", the
                           argument's axes in their new order.  One string for equal ones.  */
    const ir_window *window; /* OP_windows, OP_unwindows: one an axis, those before the last ones */
    int n_windows;
    int pattern;   /* OP_sparse, OP_sparse_t, OP_gather: into ir.pattern; OP_repeat: into ir.region;
                      OP_loop: into ir.loop */
    bool of_params; /* of parameters and constants alone */
    event_kind events; /* as said of this node itself: see ir_events */
    const char *name; /* the name that the spec or a pass gave it, as a C identifier; or NULL */
    const char *note; /* what the emitted C says above it; or NULL */
    int from;         /* into ir.origin: of the equation, and by the pass, that it was made for first */
} ir_node;

typedef enum {
    VAR_INPUT,
    VAR_TARGET,
    VAR_PARAM,
    VAR_HIDDEN,
    VAR_STATE,
    VAR_TRACE,    /* carried between calls of learn: eligibility traces, last step's factors */
    VAR_COTANGENT, /* d(later losses) / d(new hidden state), for exact reverse mode */
    VAR_GUESS,    /* the same, guessed by a synthesiser */
    VAR_SUM,      /* of one function: what its samples add up, read behind the loop over the batch */
    VAR_WEIGHT,   /* what the loss of this step counts; an argument of the function */
    VAR_TAPE,     /* of one function: a value of each step of a block, kept on the way forward */
    VAR_STEP      /* what one of these is in the step that is being done */
} var_kind;

/* Numbers that are stored in 16 bits and computed with in 32: runtime/etrace_half.h.  */
typedef enum { HALF_NONE, HALF_BFLOAT16, HALF_FLOAT16 } half_kind;

typedef enum {
    INIT_CONSTANT, INIT_UNIFORM, INIT_NORMAL, INIT_ORTHOGONAL
} init_kind;

typedef struct {
    var_kind kind;
    const char *path;   /* rnn.h */
    const char *c_name; /* rnn_h */
    shape shape;
    value_type type;
    int64_t index_size;
    loc at;
    int order;     /* place in the spec, modules counted in */
    int now;       /* the node that reads it */
    int next;      /* VAR_HIDDEN, VAR_STATE, VAR_TRACE: its value after the step */
    int owner;     /* VAR_COTANGENT: the hidden variable; VAR_TRACE: the relation, or -1 */
    bool traced;   /* VAR_PARAM: trainable and not kept out of the graph */
    bool trainable;
    bool pooled;   /* VAR_TRACE: one for the whole batch, not one a sample */
    half_kind half; /* VAR_TRACE: how its elements are stored */
    int pattern;   /* VAR_PARAM: of a sparse matrix whose non-zeros it holds; -1: none */
    init_kind init;
    double init_a, init_b; /* constant | low, high | mean, std | gain */
    const char *note;
} var;

typedef struct {
    const char *name, *c_name;
    int node;
} output;

typedef struct {
    arena *arena;
    diag *diag;
    const char *name;
    int real_bits, batch;
    int n_nodes;   size_t cap_nodes;   ir_node *node;
    int n_vars;    size_t cap_vars;    var *var;
    int n_outputs; size_t cap_outputs; output *output;
    int loss; /* a scalar node, or NO_NODE */
    int n_patterns; size_t cap_patterns; pattern *pattern;
    int n_labels; size_t cap_labels; const char **label; /* the strings of ir_node.labels */
    int n_weights; /* uses of OP_weight */
    int n_regions; size_t cap_regions; ir_region *region;
    int n_loops; size_t cap_loops; ir_loop *loop;
    int n_bounds;  /* uses of OP_bound */
    int n_origins; size_t cap_origins; ir_origin *origin;
    int *origin_bucket; /* the hash table of places: origin.c */
    int otherwise;    /* the origin of nodes that have no place: the learning rule's */
    int here;         /* the origin whose place new nodes have; 0: that of their arguments */
    origin_pass pass; /* what makes new nodes */
    bool deriving; /* what is made now is never differentiated again */
    int *bucket; /* the hash table of nodes */
    size_t n_buckets;
} ir;

ir *ir_new(arena *a, diag *d, const char *name, int real_bits, int batch);

/* Declare a variable; its OP_var node is made at once.  Returns its index.  */
int ir_var(ir *g, var_kind kind, const char *path, shape s, value_type type, loc at);

/* Does V have a value for each sample of a batch?  */
bool ir_is_batched(const var *v);

/* The variables of the kinds in MASK (bit k = kind k), in the order of the spec, into RES.  Returns how many.  */
int ir_vars_in_order(const ir *g, unsigned mask, int *res);

/* The node equal to N, made if it is new.  N's arguments are copied.  */
int ir_intern(ir *g, ir_node n);

/* Node N made of ARG in the place of its arguments; simplified, if it is element-wise.  */
int ir_remake(ir *g, int n, const int *arg);

/* The one string equal to TEXT that nodes may carry as labels.  */
const char *ir_label(ir *g, const char *text);

/* Makers.  Arguments must fit (shape.c has the checks for users).  */
int ir_const(ir *g, double number, shape s);
int ir_ew(ir *g, op_code op, const int *arg); /* broadcasts its arguments */
int ir_ew1(ir *g, op_code op, int a);
int ir_ew2(ir *g, op_code op, int a, int b);
int ir_ew3(ir *g, op_code op, int a, int b, int c);
int ir_own_copy(ir *g, int x, int owner); /* a copy that is no other OWNER's */
int ir_random(ir *g, int seed, int64_t stream, shape s); /* uniform in [0, 1) */
int ir_iota(ir *g, int64_t n);
int ir_matmul(ir *g, int x, int w);   /* x[.., K] w[K, M] */
int ir_matmul_t(ir *g, int y, int w); /* y[.., M] w[K, M] */
int ir_outer(ir *g, int x, int y);
int ir_concat(ir *g, const int *arg, int n, int axis);
int ir_slice(ir *g, int x, int axis, int64_t start, int64_t count);
int ir_pad(ir *g, int x, int axis, int64_t start, int64_t count);
int ir_reshape(ir *g, int x, shape s);
int ir_permute(ir *g, int x, const int *axis); /* axis k of the result is axis[k] of X */
int ir_transpose(ir *g, int x);                /* the last two axes */
int ir_broadcast(ir *g, int x, shape s);
int ir_reduce(ir *g, op_code op, int x, unsigned mask);
int ir_sum_to(ir *g, int x, shape s); /* the adjoint of broadcast */
int ir_take(ir *g, int x, int index);

/* The contraction of X and W by LABELS ("xk,ko->xo"): a letter names one axis, stands at most once in each
   operand and in the result, and is summed over where the result lacks it.  Becomes a matmul or matmul_t
   where it is one.  */
int ir_einsum(ir *g, const char *labels, int x, int w);

/* N labels from FIRST on, as a string: "abc".  */
void ir_letters(char to[RANK_MAX + 1], char first, int n);

/* The labels of the weight op N, in the arena.  */
const char *ir_labels(const ir *g, int n);

/* Where the non-zeros stand of the weight that N reads; NULL: in no pattern.  */
const pattern *ir_non_zeros(const ir *g, int n);

/* [.., spatial.., C] -> [.., places.., window.., C] and back (sums where windows overlap).  */
int ir_windows(ir *g, int x, const ir_window *w, int n_windows);
int ir_unwindows(ir *g, int y, const ir_window *w, int n_windows, shape to);

int ir_embed(ir *g, int index, int w);        /* rows of w[V, M] */
int ir_embed_t(ir *g, int index, int y, int64_t n); /* y[.., M] added to rows of zeros [n, M] */
int ir_one_hot(ir *g, int index, int64_t n);  /* [..] -> [.., n] */
int ir_pattern(ir *g, pattern p);             /* into ir.pattern; its name gets a number */
int pattern_index_bytes(int64_t n);           /* of one index below N in its table: 2 or 4 */
int64_t pattern_bytes(const pattern *p);      /* of its tables */
int ir_sparse(ir *g, int x, int w, int p);    /* x[.., rows] w[n] -> [.., cols] */
int ir_sparse_t(ir *g, int y, int w, int p);  /* y[.., cols] w[n] -> [.., rows] */
int ir_gather(ir *g, int x, int p, int axis); /* [.., n]: x at the pattern's rows (0) or columns (1) */
int ir_weight(ir *g, int x);                  /* a use of its own of an element-wise weight */

/* What is known of the zeros of X: said of it, or of what it is made of.  */
event_kind ir_events(const ir *g, int x);

/* X under the name NAME, unless it has one.  Returns X.  */
int ir_name(ir *g, int x, const char *name, const char *note);

bool ir_is_const(const ir *g, int x, double value);
bool ir_has_number(const ir *g, double x); /* is X finite in the model's real type? */
bool ir_is_zero(const ir *g, int x);
bool ir_elementwise(const ir *g, int x);

/* How many values the index X may have; 0: it is not known.  */
int64_t ir_index_size(const ir *g, int x);

/* How many of node X's arguments, from the first on, its value is made of; and how many its derivative
   follows.  A graft reads one and follows two; what else it holds is for the derivative.  */
int ir_n_reads(const ir *g, int x);
int ir_n_ways(const ir *g, int x);

/* Broken invariants end the program with a message (debug builds, tests).  */
void ir_check(const ir *g);
void ir_dump(const ir *g, buf *out);

shape shape_scalar(void);
shape shape_of1(int64_t n);
shape shape_of2(int64_t n, int64_t m);
bool shape_equal(shape a, shape b);
int64_t shape_numel(shape s);       /* SIZE_HUGE (size.h) where it is larger than that */
bool shape_broadcast(shape a, shape b, shape *res); /* false: they do not fit */
/* Do A and B differ by axes of one element only?  */
bool shape_same_places(shape a, shape b);
const char *shape_text(arena *a, shape s);          /* [3, 5] */

#endif
