/* SPDX-License-Identifier: MIT-0 */
/* The .npy format (numpy's "format" versions 1 to 3).  In: the text at the head of an array, and
   its elements' bytes.  Out: its type and shape, and numbers.  What holds afterwards: a type is one
   of nine, a rank is at most ETR_RANK_MAX, and no size has overflowed.  */
#include "etrace_npy.h"
#include "etrace_half.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX = 10 };

static int host_is_big(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first == 0;
}

size_t etr_npy_head(const char *type, int rank, const int *shape, char text[ETR_NPY_HEAD])
{
    char dict[ETR_NPY_HEAD - 64];
    int at = snprintf(dict, sizeof dict, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                      host_is_big() ? '>' : '<', type);
    size_t len, total;

    for (int k = 0; k < rank; k++)
        at += snprintf(dict + at, sizeof dict - (size_t)at, k ? ", %d" : "%d", shape[k]);
    at += snprintf(dict + at, sizeof dict - (size_t)at, rank == 1 ? ",), }" : "), }");
    len = (size_t)at;
    total = (PREFIX + len + 1 + 63) / 64 * 64;
    memset(text, ' ', total);
    memcpy(text, "\x93NUMPY\1\0", 8);
    text[8] = (char)((total - PREFIX) & 255);
    text[9] = (char)((total - PREFIX) >> 8);
    memcpy(text + PREFIX, dict, len);
    text[total - 1] = '\n';
    return total;
}

/* A place in the dict at the head of a .npy file.  */
typedef struct {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

/* Take TEXT if it comes next.  */
static int take(cursor *c, const char *text)
{
    const size_t len = strlen(text);

    skip_space(c);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
        return 0;
    c->at += len;
    return 1;
}

/* '<f4' and its like.  Objects (pickles), records and other sizes are refused.  */
static int parse_type(cursor *c, etr_npy *a)
{
    static const char types[][3] = {"f4", "f8", "f2", "i4", "i8", "i2", "i1", "u2", "u1", "b1"};
    char order;

    if (!take(c, "'") || c->end - c->at < 4 || c->at[3] != '\'')
        return 0;
    order = c->at[0];
    if (!strchr("<>=|", order) || order == '\0')
        return 0;
    memcpy(a->type, c->at + 1, 2);
    a->swapped = (order == '<' && host_is_big()) || (order == '>' && !host_is_big());
    c->at += 4;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (memcmp(types[i], a->type, 2) == 0)
            return 1;
    }
    return 0;
}

/* (3, 4), (3,) or ().  */
static int parse_shape(cursor *c, etr_npy *a)
{
    if (!take(c, "("))
        return 0;
    for (a->rank = 0; !take(c, ")"); a->rank++) {
        long dim = 0;
        if (a->rank == ETR_RANK_MAX || c->at == c->end || *c->at < '0' || *c->at > '9')
            return 0;
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
            dim = dim * 10 + (*c->at - '0');
            if (dim > INT32_MAX)
                return 0;
        }
        a->shape[a->rank] = (int)dim;
        if (!take(c, ",") && (c->at == c->end || *c->at != ')'))
            return 0;
    }
    return 1;
}

/* Each of the three keys once, in any order.  */
int etr_npy_parse(const char *text, size_t len, etr_npy *a)
{
    cursor c = {text, text + len};
    int seen = 0;

    if (!take(&c, "{"))
        return 0;
    while (!take(&c, "}")) {
        int key = 0;
        if (take(&c, "'descr':"))
            key = parse_type(&c, a) ? 1 : 0;
        else if (take(&c, "'shape':"))
            key = parse_shape(&c, a) ? 2 : 0;
        else if (take(&c, "'fortran_order':")) {
            a->fortran = take(&c, "True");
            key = a->fortran || take(&c, "False") ? 4 : 0;
        }
        if (!key || (seen & key))
            return 0;
        seen |= key;
        if (!take(&c, ",") && (c.at == c.end || *c.at != '}'))
            return 0;
    }
    skip_space(&c);
    return seen == 7 && c.at == c.end;
}

int etr_npy_size_fits(etr_npy *a, size_t head, uint64_t size)
{
    const uint64_t width = (uint64_t)(a->type[1] - '0');
    uint64_t n = 1;

    if (size < head)
        return 0;
    for (int k = 0; k < a->rank; k++) {
        const uint64_t dim = (uint64_t)a->shape[k];
        if (dim != 0 && n > size / dim)
            return 0;
        n *= dim;
    }
    a->n = (size_t)n;
    return n <= SIZE_MAX / sizeof(double) && n <= size / width && n * width == size - head;
}

size_t etr_npy_place(const etr_npy *a, size_t i)
{
    size_t at = 0, stride = a->n;

    if (!a->fortran)
        return i;
    for (int k = 0; k < a->rank; k++) {
        const size_t dim = (size_t)a->shape[k];
        stride /= dim;
        at += i % dim * stride;
        i /= dim;
    }
    return at;
}

double etr_npy_convert(const etr_npy *a, const unsigned char *p)
{
    const size_t size = (size_t)(a->type[1] - '0');
    unsigned char b[8];
    float f4;
    double f8;
    uint16_t f2;
    int16_t i2;
    int32_t i4;
    int64_t i8;

    for (size_t k = 0; k < size; k++)
        b[k] = p[a->swapped ? size - 1 - k : k];
    switch (a->type[0] << 8 | a->type[1]) {
    case 'f' << 8 | '4': memcpy(&f4, b, 4); return (double)f4;
    case 'f' << 8 | '8': memcpy(&f8, b, 8); return f8;
    case 'i' << 8 | '4': memcpy(&i4, b, 4); return (double)i4;
    case 'i' << 8 | '8': memcpy(&i8, b, 8); return (double)i8;
    case 'f' << 8 | '2': memcpy(&f2, b, 2); return (double)etr_f32_from_f16(f2);
    case 'i' << 8 | '2': memcpy(&i2, b, 2); return (double)i2;
    case 'i' << 8 | '1': return (double)(b[0] < 128 ? b[0] : b[0] - 256);
    case 'u' << 8 | '2': memcpy(&f2, b, 2); return (double)f2;
    case 'u' << 8 | '1': return (double)b[0];
    default: return b[0] != 0 ? 1.0 : 0.0;
    }
}
