/* SPDX-License-Identifier: Apache-2.0 */
/* In: sizes from 0 to SIZE_HUGE.  Out: their sums, products and texts.  Afterwards nothing has
   wrapped: a result that does not fit is SIZE_HUGE.  */
#include "size.h"

#include <stdlib.h>
#include <string.h>

int64_t size_plus(int64_t a, int64_t b)
{
    return a > SIZE_HUGE - b ? SIZE_HUGE : a + b;
}

int64_t size_times(int64_t a, int64_t b)
{
    return b != 0 && a > SIZE_HUGE / b ? SIZE_HUGE : a * b;
}

int64_t size_bytes(int64_t n, value_type type, int real_bits)
{
    return size_times(n, type == TYPE_INDEX ? 4 : real_bits / 8);
}

int64_t size_of_element(const ir *g, const var *v)
{
    return v->half == HALF_NONE ? size_bytes(1, v->type, g->real_bits) : 2;
}

int64_t size_of_var(const ir *g, const var *v)
{
    int64_t n = size_times(shape_numel(v->shape), ir_is_batched(v) ? g->batch : 1);
    return size_times(n, size_of_element(g, v));
}

static const char units[] = "KMGTPE";

const char *size_text(arena *a, int64_t bytes)
{
    int unit = -1;
    double x = (double)bytes;
    if (bytes == SIZE_HUGE)
        return "more than 8 EiB";
    for (; x >= 1024; x /= 1024)
        unit++;
    if (unit < 0)
        return arena_printf(a, "%d bytes", (int)bytes);
    return arena_printf(a, x < 10 && x > (int)x ? "%.1f %ciB" : "%.0f %ciB", x, units[unit]);
}

bool size_read(const char *text, int64_t *res)
{
    char *end;
    if (!strchr("0123456789", *text) || strlen(text) > 15)
        return false;
    double x = strtod(text, &end);
    size_t digits = strspn(text, "0123456789."), unit = strcspn("KMG", end);
    if ((size_t)(end - text) != digits || (*end && (strlen(end) > 1 || unit > 2)))
        return false;
    for (size_t k = 0; *end && k <= unit; k++)
        x *= 1024;
    if (!(x < 9e15))
        return false;
    *res = (int64_t)x;
    return true;
}
