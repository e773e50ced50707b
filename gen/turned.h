/* SPDX-License-Identifier: Apache-2.0 */
/* A product with a transposed weight for several rows, y[m][q] = sum over o of x[m][o] W[q][o]: the rows are turned over,
   so that the sums of all rows are a vector.  What is turned over is on the stack.  */
#ifndef TURNED_H
#define TURNED_H

#include "ir.h"

/* The rows that product N turns over at a time, if it has so many ROWS: a divisor; 0: it turns none.  */
int64_t turned_rows(const ir *g, int n, int64_t rows);

/* Of so many COLUMNS of the result, those whose sums are on the way at a time: a divisor.  */
int64_t turned_sums(int64_t columns);

/* Bytes that N has on the stack meanwhile, at most.  */
int64_t turned_bytes(const ir *g, int n);

#endif
