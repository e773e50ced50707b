/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make nodes of calls share.  */
#ifndef BUILTIN_H
#define BUILTIN_H

#include "scope.h"

typedef struct {
    lowering *lo;
    scope *sc;
    const expr *e;
    const int *arg; /* NO_NODE for a list or a text */
    int n;          /* positional arguments */
} call;

shape builtin_shape(const call *c, int i);

/* Report that NAME what it says in WHAT; the shapes of the first two arguments.  Return NO_NODE.  */
int builtin_refuse(const call *c, const char *code, const char *what);
int builtin_misfit(const call *c);

/* The value of the argument NAME=, or NULL.  */
const expr *builtin_keyword(const call *c, const char *name);

/* weight_ops.c */
int weight_einsum(const call *c);
int weight_grouped_matmul(const call *c);
int weight_conv(const call *c);
int weight_sparse_matmul(const call *c);
int weight_events(const call *c);
int weight_embedding(const call *c);
int weight_lora(const call *c);
int weight_element_wise(const call *c);
int weight_max_pool(const call *c);
int weight_avg_pool(const call *c);

/* adaptive_pool.c */
int adaptive_max_pool(const call *c);
int adaptive_avg_pool(const call *c);

/* random.c */
int random_dropout(const call *c);
int random_uniform(const call *c);

#endif
