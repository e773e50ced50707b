/* SPDX-License-Identifier: Apache-2.0 */
/* Which new hidden states a value reaches, and how.  */
#ifndef WALK_H
#define WALK_H

#include "graph.h"

/* How a node depends on a seed.  Ways that pass through a new hidden state are told apart: the
   learning signal of that state carries them.  */
enum {
    BY_POSITION = 1, /* position by position */
    BY_STATE = 2,    /* the same, through a new hidden state */
    BY_WEIGHT = 4,   /* through a weight op */
    BY_MIXING = 8,   /* through another op that mixes positions */
    BY_SLICE = 16    /* through a slice: some positions alone, at other places */
};

/* A walk along the forward nodes.  It costs what it reaches.  */
typedef struct {
    const graph *gr;
    node_queue queue;
    bool each;  /* every state is wanted; else those reached through weight ops alone only count in
                   ALL */
    int *leads; /* of the forward nodes: what goes on through weight ops reaches a new state: enum
                   lead */
    unsigned *way; /* of the forward nodes; zero between walks */
    int seed;
    position_way pos;
    int n_seen, *seen;       /* nodes whose way has to be forgotten */
    int n_reached, *reached; /* hidden states, in their order */
    unsigned *by;            /* of `reached` */
    unsigned all;            /* of all of them together */
    int n_visited;           /* nodes, in all walks */
} walk;

walk walk_new(const graph *gr, bool each);

/* From SEED to w.reached, w.by and w.all.  */
void walk_from(walk *w, int seed);

/* Does what Y, in the body of the OP_loop L, gives one turn reach nothing by position in the
   next?  */
bool walk_only_last_turn(walk *w, int L, int y);

static inline bool by_position(unsigned way)
{
    return (way & (BY_POSITION | BY_STATE)) != 0;
}

#endif
