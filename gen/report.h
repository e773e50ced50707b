/* SPDX-License-Identifier: Apache-2.0 */
/* What a model costs: bytes and operations, counted before a line of C is written.  */
#ifndef REPORT_H
#define REPORT_H

#include "learn.h"
#include "target.h"

/* Bytes of sizeof, but for the last two: constant tables, and the arrays of the function that has
   most.  */
typedef enum {
    BLOCK_PARAMS, BLOCK_STATE, BLOCK_TRACE, BLOCK_GRADIENT, BLOCK_INPUT, BLOCK_TARGET, BLOCK_OUTPUT,
    BLOCK_JACOBIAN, BLOCK_SIGNAL, BLOCK_TABLES, BLOCK_SCRATCH, N_BLOCKS
} report_block;

/* Some bytes, and whose they are.  */
typedef struct {
    const char *what;
    int64_t bytes;
} report_share;

typedef struct {
    int n;
    size_t cap;
    report_share *share;
} report_shares;

typedef struct {
    const char *name;    /* step, learn, ... */
    bool driven;         /* learn_sequence calls it */
    bool counted;        /* in every step whose loss counts, or */
    bool once_a_window;
    int64_t array_bytes; /* of its arrays */
    int64_t frame_bytes; /* the same and an estimate of what else is on the stack */
    int64_t stack_bytes; /* the same and the frames of what it calls */
    int64_t flops;       /* a call, all of the batch; of a product, two a pair of elements */
    report_shares arrays;
} report_function;

typedef struct {
    const char *name;
    int64_t trace_bytes;
} report_relation;

enum { REPORT_FUNCTIONS_MAX = 16 };

typedef struct report report;

/* What another rule would cost.  */
typedef struct {
    const char *rule;     /* with its settings */
    const char *refused;  /* why it has no figures; NULL: it has */
    const report *report; /* NULL: refused */
    bool chosen;
    bool uncounted;       /* refused, but it applies: counting it here would take too long */
} report_rule;

struct report {
    const char *model, *rule;
    const target_spec *target;
    int real_bits, batch;
    int64_t bytes[N_BLOCKS];
    int n_functions;
    report_function function[REPORT_FUNCTIONS_MAX];
    int n_relations;
    report_relation *relation;
    int64_t other_trace_bytes; /* of no relation: what the last step left for the next */
    const ir *ir;              /* for the patterns */
    int64_t learn_flops;       /* of learning, a step; 0: there is no loss */
    int64_t stack_bytes;       /* the deepest */
    int64_t largest_count;     /* elements of the largest array: what an int must hold */
    const char *largest;       /* which one it is */
    int64_t tape_bytes;        /* states that a window keeps, the caller's; 0: none, or T steps */
    int64_t step_tape_bytes;   /* bptt: what it keeps for each step of a sequence; else 0 */
    int64_t ram_bytes;         /* to learn: all blocks but Jacobian and signals; tape, stack */
    report_shares ram;         /* what it is made of, array by array */
    int n_rules;               /* of --report: every rule on this model, the chosen one among them */
    report_rule *rules;
};

/* Schedules every function of PLAN (function_plan.schedule), and counts.  */
report *report_measure(model_plan *plan, const char *rule, const target_spec *t);

/* Of the largest block.  */
int64_t report_largest_bytes(const report *r);

/* "parameters" */
const char *report_block_name(report_block block);

/* The forms of --report, but for the page (page.h).  */
void report_text(const report *r, buf *out);
void report_json(const report *r, buf *out);

/* 0: no limit; but without one of RAM, state and trace must not be larger than 1 GiB.  */
typedef struct {
    int64_t ram, rom, stack;
} report_limits;

/* Errors for what is exceeded, with the largest shares.  */
void report_check(const report *r, const report_limits *limits, diag *d);

#endif
