/* SPDX-License-Identifier: Apache-2.0 */
/* In: names and texts.  Out: the m4 definitions that templates read.  */
#include "values.h"

#include "origin.h"
#include "quote.h"

#include <string.h>

void values_set(buf *values, const char *name, const char *text)
{
    values_set_from(values, 0, name, text);
}

void values_set_from(buf *values, int from, const char *name, const char *text)
{
    buf_printf(values, "m4_define(«et_value_%s», «", name);
    origin_mark(from, values);
    quote_m4(values, text, strlen(text));
    buf_puts(values, "»)m4_dnl\n");
}

void values_open(buf *values, const char *name)
{
    buf_printf(values, "m4_define(«et_each_%s», «", name);
}

void values_row(buf *values, int n, const char *const *field)
{
    values_row_from(values, 0, n, field);
}

void values_row_from(buf *values, int from, int n, const char *const *field)
{
    buf_puts(values, "$1(«");
    origin_mark(from, values);
    for (int i = 0; i < n; i++) {
        buf_puts(values, i ? "», «" : "");
        quote_m4(values, field[i], strlen(field[i]));
    }
    buf_puts(values, "»)");
}

void values_close(buf *values)
{
    buf_puts(values, "»)m4_dnl\n");
}
