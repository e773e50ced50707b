/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and counts, never below zero.  Arithmetic on them does not wrap: what is too large becomes
   SIZE_HUGE and stays that.  */
#ifndef SIZE_H
#define SIZE_H

#include "ir.h"

#define SIZE_HUGE INT64_MAX

int64_t size_plus(int64_t a, int64_t b);
int64_t size_times(int64_t a, int64_t b);

/* N elements of TYPE in a model of REAL_BITS.  */
int64_t size_bytes(int64_t n, value_type type, int real_bits);

/* An element of V, and all of them for the whole batch.  */
int64_t size_of_element(const ir *g, const var *v);
int64_t size_of_var(const ir *g, const var *v);

/* "12", "34 KiB", "5.6 MiB": at most one digit behind the point.  */
const char *size_text(arena *a, int64_t bytes);

/* "64K", "1.5M", "2G", "4096" (bytes; K is 1024) into RES.  False: it is none of these, or too
   large.  */
bool size_read(const char *text, int64_t *res);

#endif
