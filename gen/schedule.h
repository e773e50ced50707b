/* SPDX-License-Identifier: Apache-2.0 */
/* One function's work in order: loops over literal ranges, each with the values computed in it.  */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "ir.h"

/* A value that leaves the function.  */
typedef struct {
    int node;
    const char *place; /* the C array or scalar that takes it, without subscripts: s->h */
    bool add;          /* += ; then the place is no sample's, and all others are */
    bool local;        /* the place is this function's own, and of the samples of this pass */
    int var;           /* the carried variable that this overwrites, or -1; in a loop ir.n_vars + the
                          number of the carry's bound */
    int from;          /* into ir.origin: what it comes from, where that is not as its node */
    int level;         /* the schedule's */
    int holder;        /* in a loop: the OP_tape, OP_last or OP_bound that takes it */
} store;

typedef enum { KERNEL_LOOP, KERNEL_NODE } kernel_kind;

typedef struct {
    kernel_kind kind;
    int level;
    shape shape;   /* KERNEL_LOOP: the range of the loops */
    int node;      /* KERNEL_NODE: the one node computed, by loops of its operator's own */
    int n_items;   /* KERNEL_LOOP: element-wise nodes, copied views and reductions, arguments first */
    size_t cap_items;
    int *item;
    int n_stores;
    size_t cap_stores;
    int *store;
    int next_of_level; /* another kernel of this level, or -1 */
} kernel;

typedef enum {
    HOLD_NONE,   /* leaf, constant or view: read where it stands */
    HOLD_INLINE, /* written into the one expression that uses it */
    HOLD_LOCAL,  /* a scalar inside of its loop */
    HOLD_ARRAY,  /* an array of the function (a scalar, when of rank 0) */
    HOLD_PLACE   /* in the place of a store */
} holding;

typedef struct schedule schedule;

struct schedule {
    ir *ir;
    int n_nodes; /* of the IR when it was made; those made later are not in it */
    int n_stores;
    store *store;
    int n_kernels;
    size_t cap_kernels;
    kernel *kernel;
    int *first_of_level; /* one more than a kernel of it; 0: there is none */
    bool *live;
    holding *hold;     /* of a node */
    int *place_of;     /* HOLD_PLACE: the store */
    int *joined;       /* HOLD_ARRAY: one more than the OP_concat whose array has it as a part; 0: it has its own */
    int *part;         /* then: which argument of that */
    int *level;
    int *kernel_of;
    schedule **inner;    /* of an OP_loop that is live: its body */
    int64_t carry_bytes; /* of a body: what its carries take */
    int64_t array_bytes; /* of the function's arrays, those in loops counted in */
};

/* STORE is kept and its levels are filled in.  */
schedule *schedule_run(ir *g, store *stores, int n);

/* The body of the live OP_loop L of SC.  */
schedule *schedule_loop(const schedule *sc, int L);

/* schedule_hold.c: the last steps: values that are in no array or place, or in a part of another's; the size of the
   arrays.  */
void schedule_hold_locals(schedule *sc);
void schedule_join(schedule *sc);
void schedule_count_arrays(schedule *sc);

/* schedule_split.c: part large loops that do unrelated things; between the placing of stores and the order.  */
void schedule_split(schedule *sc);

/* Of the function's array that holds node N; 0: none does.  */
int64_t schedule_array_bytes(const schedule *sc, int n);

/* True for what has no value of its own: read through another node's.  */
bool schedule_is_view(const schedule *sc, int n);

/* The argument that view N reads through; and which of its arguments are indices (N_ARGS: none).  */
int schedule_source(const ir *g, int n);
int schedule_index(const ir *g, int n);

#endif
