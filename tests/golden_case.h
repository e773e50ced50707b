/* SPDX-License-Identifier: Apache-2.0 */
/* A case of reference data and what of a model is compared with it.  */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include "etrace_npz.h"
#include "golden_names.h"
#include "model.h"

#include <stdio.h>

/* A piece of an array of the reference: element I of VAR stands at I * stride + offset in each
   step.  */
typedef struct {
    const etr_var *var; /* NULL: zero by definition */
    size_t n, stride, offset;
} golden_part;

typedef enum { PROBE_COMPARED, PROBE_MISSING, PROBE_SHAPE, PROBE_UNREAD } probe_state;

/* An array of the reference, and the worst of the differences met so far.  */
typedef struct {
    char name[NAME_LENGTH];
    const char *note;   /* why it could not be compared */
    probe_state state;
    etr_kind kind;
    int is_gradient, is_loss;
    const double *want;
    size_t numel, per_step;
    int n_parts;
    golden_part *part;
    double worst;       /* absolute difference */
    double largest;     /* of the reference */
    size_t n_looked;
} golden_probe;

typedef struct {
    etr_npz *npz;
    name_map map;
    name_groups groups;
    int has_groups; /* GROUPS was read; else their groups are ours, in our order */
    model *m;
    int n_steps;
    int signals;    /* the signals are compared */
    char grad[NAME_LENGTH];
    double distance; /* of the gradient, all parameters together: ||ours - theirs|| / ||theirs|| */
    int n_probes;
    golden_probe *probe;
} golden_case;

/* Open CASE.npz, and CASE.json beside it if there is one; find the number of steps.  Returns 0, or
   -1 after a message.  */
int case_open(golden_case *c, const char *path);
void case_close(golden_case *c);

/* Fill parameters, states, inputs and targets of the model with the reference's.  What has no
   counterpart becomes a probe that says so.  Then a probe for each array to be compared.  Returns
   0, or -1: no memory.  */
int case_bind(golden_case *c);

/* Compare what the model holds after step T; of a gradient or a loss only where asked.  */
void case_look(golden_case *c, unsigned kinds, int t);
void case_look_loss(golden_case *c, double loss, int t);
void case_look_total(golden_case *c, double total);
void case_look_gradient(golden_case *c);

/* One line a probe.  Returns how many are beyond TOL or could not be compared.  */
int case_report(const golden_case *c, double tol, FILE *f);

#endif
