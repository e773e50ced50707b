/* SPDX-License-Identifier: MIT-0 */
/* One model learning by one rule or another: each rule is generated code of its own, and a row of
   the program's table.  */
#ifndef EXAMPLES_RULES_H
#define EXAMPLES_RULES_H

#include "etrace_info.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name; /* of the rule */
    const etr_info *info;
    void (*init_params)(void *params, uint64_t seed);
    /* Add to GRAD the gradient of a sequence whose length the program knows: arrays of its steps'
       inputs and targets.  */
    void (*learn)(const void *params, const void *in, const void *target, void *grad);
} rules_row;

/* rules.c of the program: the default first, a name of NULL last.  */
extern const rules_row rules_table[];

/* Read --rule=NAME and --help, and take them out of ARGV, of which the program's name and what is
   no option remain.  Returns the row of TABLE, or NULL after a text: the program ends with *STATUS.  */
const rules_row *rules_choose(const rules_row *table, int *argc, char **argv, int *status);

/* A model that learns by RULE.  */
typedef struct {
    const rules_row *rule;
    float *params, *grad, *m, *v; /* blocks of parameters; m and v are Adam's */
    size_t first, n;              /* what is learned: all, until the program says less */
    long updates;
} rules_learner;

/* Begin with parameters drawn from SEED.  Returns 0, or 1 after a message.  rules_end frees them.  */
int rules_begin(rules_learner *l, const rules_row *rule, uint64_t seed);
void rules_end(rules_learner *l);

/* Learn from a sequence, and make an update with its gradient: Adam, at the learning rate RATE.  */
void rules_learn(rules_learner *l, const void *in, const void *target, float rate);

/* The functions of a row for MODEL: STEPS steps from the initial state, with a trace of zero.  A
   rule may have more parameters than another; they stand behind those of the model.  */
#define RULES_LEARNER(model, steps)                                                                \
    static void model##_begin(void *params, uint64_t seed)                                         \
    {                                                                                              \
        model##_init_params(params, seed);                                                         \
    }                                                                                              \
    static void model##_gradient(const void *params, const void *in, const void *target,           \
                                 void *grad)                                                       \
    {                                                                                              \
        model##_state state, tape[steps];                                                          \
        model##_trace trace;                                                                       \
        model##_output out;                                                                        \
        model##_real loss;                                                                         \
        const model##_sequence q = {.n_steps = (steps), .in = in, .target = target, .out = &out,   \
                                    .last_output = 1, .reset = 1, .tape = tape};                   \
        model##_learn_sequence(params, &state, &trace, &q, grad, &loss);                           \
    }

/* The row.  */
#define RULES_ROW(rule, model) {#rule, &model##_info, model##_begin, model##_gradient},

#endif
