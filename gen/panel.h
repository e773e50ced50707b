/* SPDX-License-Identifier: Apache-2.0 */
/* A product with a transposed weight for several rows: the weight is turned over, some columns at a time, so
   that the sums are vectors.  What is turned over is on the stack.  */
#ifndef PANEL_H
#define PANEL_H

#include "ir.h"

/* The columns of a panel of product N; 0: it has none.  */
int64_t panel_width(const ir *g, int n);

/* Bytes of one panel of N.  */
int64_t panel_bytes(const ir *g, int n);

#endif
