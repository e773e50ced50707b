/* SPDX-License-Identifier: Apache-2.0 */
/* Between NIR's layout of arrays and names and ours.  */
#include "net.h"

#include "spec.h"

#include <ctype.h>
#include <string.h>

/* Axis of NIR's that stands at place K of ours.  */
static int axis_at(net_layout layout, int rank, int k)
{
    switch (layout) {
    case LAYOUT_UNITS: return (k + 1) % rank;
    case LAYOUT_MATRIX: return rank - 1 - k;
    case LAYOUT_KERNEL: return k + 2 < rank ? k + 2 : rank - 1 - k;
    case LAYOUT_AS_IS: break;
    }
    return k;
}

net_shape layout_shape(net_layout layout, const net_shape *shape)
{
    net_shape res = {shape->rank, {0}};
    if (layout == LAYOUT_UNITS)
        return (net_shape){1, {net_count(shape)}};
    for (int k = 0; k < shape->rank; k++)
        res.dim[k] = shape->dim[axis_at(layout, shape->rank, k)];
    return res;
}

double *layout_turn(arena *a, net_layout layout, const net_shape *shape, const double *value, bool to_ours)
{
    const int rank = shape->rank;
    const int64_t n = net_count(shape);
    double *res = ARENA_ARRAY(a, double, n + 1);
    int64_t step[NET_AXES], at[NET_AXES] = {0};
    for (int k = 0; k < rank; k++) {
        step[k] = 1;
        for (int d = axis_at(layout, rank, k) + 1; d < rank; d++)
            step[k] *= shape->dim[d];
    }
    for (int64_t i = 0; i < n; i++) { /* in our order; AT are our subscripts */
        int64_t there = 0;
        for (int k = 0; k < rank; k++)
            there += at[k] * step[k];
        if (to_ours)
            res[i] = value[there];
        else
            res[there] = value[i];
        for (int k = rank - 1; k >= 0 && ++at[k] == shape->dim[axis_at(layout, rank, k)]; k--)
            at[k] = 0;
    }
    return res;
}

/* --- names --------------------------------------------------------------------------------------- */

static const char prefix[] = "node_";

const char *name_to_ours(arena *a, const char *name)
{
    buf text = {NULL, 0, 0};
    for (const char *p = name; *p; p++)
        if (isalnum((unsigned char)*p) || (*p == '_' && p[1] != 'x'))
            buf_bytes(&text, p, 1);
        else
            buf_printf(&text, "_x%02x", (unsigned)(unsigned char)*p);
    bool bare = spec_name_fault(buf_text(&text)) == NULL
                && strncmp(buf_text(&text), prefix, strlen(prefix)) != 0;
    const char *res = arena_printf(a, "%s%s", bare ? "" : prefix, buf_text(&text));
    buf_free(&text);
    return res;
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

const char *name_to_nir(arena *a, const char *name)
{
    buf text = {NULL, 0, 0};
    const char *p = strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : name;
    while (*p) {
        bool coded = p[0] == '_' && p[1] == 'x' && digit_of(p[2]) >= 0 && digit_of(p[3]) >= 0;
        const char byte = coded ? (char)(digit_of(p[2]) * 16 + digit_of(p[3])) : *p;
        if (byte)
            buf_bytes(&text, &byte, 1);
        p += coded ? 4 : 1;
    }
    const char *res = arena_strdup(a, buf_text(&text));
    buf_free(&text);
    return res;
}
