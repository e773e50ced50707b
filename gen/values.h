/* SPDX-License-Identifier: Apache-2.0 */
/* What templates read: values and lists by name, as m4 definitions (templates/README.md).  Every
   text goes through quote_m4.  */
#ifndef VALUES_H
#define VALUES_H

#include "buf.h"

/* et_value(NAME).  */
void values_set(buf *values, const char *name, const char *text);

/* et_each_NAME: open it, a row of N fields as often as needed, close it.  */
void values_open(buf *values, const char *name);
void values_row(buf *values, int n, const char *const *field);

/* The same for text that comes from FROM (into ir.origin; 0: nowhere): its lines are marked.  */
void values_set_from(buf *values, int from, const char *name, const char *text);
void values_row_from(buf *values, int from, int n, const char *const *field);
void values_close(buf *values);

#endif
