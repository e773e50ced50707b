/* SPDX-License-Identifier: MIT-0 */
/* What the parts of the check program know of one another.  */
#ifndef COMPARE_H
#define COMPARE_H

#include "etrace_info.h"

#include <stddef.h>
#include <stdint.h>

/* One model, learning by one rule.  Figures of memory are bytes, of the real type that the spec
   asks for; flops are of one step with its learning, all samples of the batch.  */
typedef struct {
    const char *label; /* the rule, as it was asked for */
    const etr_info *info;
    void (*init_params)(void *p, uint64_t seed);
    void (*init_state)(void *s);
    void (*reset_trace)(void *e); /* NULL: there is none */
    double (*learn)(const void *p, void *s, void *e, void *tape, size_t n, const void *in,
                    const void *target, void *out, void *grad);
    size_t window;  /* steps that are differentiated at once: the tape has so many states */
    int whole;      /* the tape has the states of all steps */
    double state, trace, gradient, scratch, flops;
} compare_rule;

/* A rule that does not apply to the model, and why.  */
typedef struct {
    const char *label, *why;
} compare_refusal;

/* An input or target that is an index: its values are 0 to size - 1.  */
typedef struct {
    const char *path;
    long size;
} compare_index;

/* rules.c: of this model.  The first rule is bptt; the other lists end with a row of NULL.  */
extern const compare_rule compare_rules[];
extern const int compare_n_rules;
extern const compare_refusal compare_refusals[];
extern const compare_index compare_indices[];
extern const char compare_model[], compare_real[];

/* What was found about one rule.  */
typedef struct {
    double cosine, ratio; /* of the whole gradient, to bptt's */
    double tape;          /* bytes of states that are kept for differentiating */
} compare_result;

/* picture.c: the results as bars.  0, or -1 when the file cannot be written.  */
int picture_write(const char *path, const char *title, const compare_result *result);

#endif
