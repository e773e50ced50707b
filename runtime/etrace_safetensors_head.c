/* SPDX-License-Identifier: MIT-0 */
/* The head of a .safetensors file.  In: its text, which may be anything.  Out: the arrays that it
   names.  What holds afterwards: names are UTF-8 and differ; each array's bytes are as many as its
   type and shape say; together they are all the bytes behind the head, each once.

   head   = { entry , entry ... } spaces
   entry  = "__metadata__" : { string : string , ... }
          | name : { "dtype" : "F32", "shape" : [2, 3], "data_offsets" : [0, 24] }
   in any order; the JSON of RFC 8259, and nothing that it does not need.  */
#include "etrace_safetensors_head.h"
#include "etrace_half.h"

#include <stdlib.h>
#include <string.h>

/* A place in the text, and the first thing that was wrong.  */
typedef struct {
    char *start, *at, *end;
    const char *why;
} cursor;

static int refuse(cursor *c, const char *why)
{
    if (!c->why)
        c->why = why;
    return 0;
}

/* The next character that is no space; 0 at the end.  */
static char peek(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

static int take(cursor *c, char want, const char *why)
{
    if (peek(c) != want)
        return refuse(c, why);
    c->at++;
    return 1;
}

/* After an element of a list that ends in CLOSE: 1 when another one follows, 0 at the end of the
   list or when neither is there.  */
static int more(cursor *c, char close)
{
    if (peek(c) == ',') {
        c->at++;
        return 1;
    }
    return take(c, close, "',' or the end of the list expected") && 0;
}

/* --- strings ------------------------------------------------------------------------------- */

static int hex4(cursor *c, uint32_t *code)
{
    if (c->end - c->at < 4)
        return refuse(c, "escape cut short");
    *code = 0;
    for (int k = 0; k < 4; k++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = memchr(digits, *c->at++, sizeof digits - 1);
        if (!digit)
            return refuse(c, "\\u needs four hexadecimal digits");
        *code = *code << 4 | (uint32_t)(digit - digits < 16 ? digit - digits : digit - digits - 6);
    }
    return 1;
}

/* Behind "\u".  A pair of surrogates is one character.  */
static int unicode_escape(cursor *c, uint32_t *code)
{
    uint32_t low;

    if (!hex4(c, code))
        return 0;
    if (*code == 0 || (*code >= 0xdc00 && *code < 0xe000))
        return refuse(c, "no character has this number");
    if (*code < 0xd800 || *code >= 0xe000)
        return 1;
    if (c->end - c->at < 2 || c->at[0] != '\\' || c->at[1] != 'u')
        return refuse(c, "half of a pair of surrogates");
    c->at += 2;
    if (!hex4(c, &low))
        return 0;
    if (low < 0xdc00 || low >= 0xe000)
        return refuse(c, "half of a pair of surrogates");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 1;
}

/* CODE as UTF-8 at OUT.  Returns the end: never longer than the escape that it came from.  */
static char *put_utf8(char *out, uint32_t code)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (int k = n - 1; k > 0; k--) {
        out[k] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(lead[n] | code);
    return out + n;
}

/* One character behind a backslash, decoded at *OUT.  */
static int take_escape(cursor *c, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char what = c->at < c->end ? *c->at++ : '\0';
    const char *name = memchr(names, what, sizeof names - 1);
    uint32_t code;

    if (what == 'u') {
        if (!unicode_escape(c, &code))
            return 0;
        *out = put_utf8(*out, code);
        return 1;
    }
    if (!name)
        return refuse(c, "unknown escape");
    *(*out)++ = values[name - names];
    return 1;
}

/* One character as it stands, which must be whole and the shortest UTF-8 of its number.  */
static int take_utf8(cursor *c, char **out)
{
    const unsigned char first = (unsigned char)*c->at;
    const int n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? first : first & (0x7fu >> n);
    char shortest[4];

    if (first < 0x20)
        return refuse(c, "control character in a string");
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || c->end - c->at < n)
        return refuse(c, "not UTF-8");
    for (int k = 1; k < n; k++)
        code = code << 6 | ((unsigned char)c->at[k] & 0x3f);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return refuse(c, "not UTF-8");
    put_utf8(shortest, code);
    if (memcmp(shortest, c->at, (size_t)n) != 0)
        return refuse(c, "not UTF-8");
    memmove(*out, c->at, (size_t)n);
    *out += n;
    c->at += n;
    return 1;
}

/* A string, decoded where it stands.  NULL: refused.  */
static const char *take_string(cursor *c)
{
    char *text, *out;

    if (!take(c, '"', "a string expected"))
        return NULL;
    text = out = c->at;
    while (c->at < c->end && *c->at != '"') {
        const int escaped = *c->at == '\\';
        c->at += escaped;
        if (!(escaped ? take_escape(c, &out) : take_utf8(c, &out)))
            return NULL;
    }
    if (c->at == c->end) {
        refuse(c, "string without an end");
        return NULL;
    }
    c->at++;
    *out = '\0';
    return text;
}

/* --- entries ------------------------------------------------------------------------------- */

static int take_number(cursor *c, uint64_t *x)
{
    const char first = peek(c);

    *x = 0;
    if (first < '0' || first > '9')
        return refuse(c, "a whole number, not negative, expected");
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (*x > (UINT64_MAX - 9) / 10)
            return refuse(c, "number too large");
        *x = *x * 10 + (uint64_t)(*c->at - '0');
        if (first == '0' && *x > 0)
            return refuse(c, "number with a zero before it");
    }
    return 1;
}

static int take_type(cursor *c, etr_tensor *t)
{
    static const struct {
        char name[5];
        int size;
    } types[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
                 {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1}};
    const char *name = take_string(c);

    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0) {
            memcpy(t->type, types[i].name, sizeof t->type);
            t->size = types[i].size;
            return 1;
        }
    }
    return refuse(c, "unknown dtype");
}

static int take_shape(cursor *c, etr_tensor *t)
{
    t->rank = 0;
    if (!take(c, '[', "a list expected"))
        return 0;
    if (peek(c) == ']')
        return take(c, ']', "");
    do {
        uint64_t dim;
        if (t->rank == ETR_RANK_MAX)
            return refuse(c, "more than 6 axes");
        if (!take_number(c, &dim))
            return 0;
        if (dim > INT32_MAX)
            return refuse(c, "axis too long");
        t->shape[t->rank++] = (int)dim;
    } while (more(c, ']'));
    return !c->why;
}

static int take_offsets(cursor *c, etr_tensor *t)
{
    return take(c, '[', "a list expected") && take_number(c, &t->start) &&
           take(c, ',', "two offsets expected") && take_number(c, &t->end) &&
           take(c, ']', "two offsets expected");
}

/* Set T->n.  Is that what lies between the offsets?  */
static int count_elements(cursor *c, etr_tensor *t, uint64_t data_bytes)
{
    uint64_t n = 1;

    if (t->start > t->end || t->end > data_bytes)
        return refuse(c, "offsets beyond the end of the file");
    for (int k = 0; k < t->rank; k++) {
        const uint64_t dim = (uint64_t)t->shape[k];
        if (dim != 0 && n > data_bytes / dim)
            return refuse(c, "shape and offsets disagree");
        n *= dim;
    }
    if (n > data_bytes || n > SIZE_MAX / sizeof(double) ||
        n * (uint64_t)t->size != t->end - t->start)
        return refuse(c, "shape and offsets disagree");
    t->n = (size_t)n;
    return 1;
}

/* Each of the three keys once.  */
static int take_tensor(cursor *c, etr_tensor *t, uint64_t data_bytes)
{
    int seen = 0;

    if (!take(c, '{', "an array's description expected"))
        return 0;
    do {
        const char *key = take_string(c);
        int which = 0;
        if (!key || !take(c, ':', "':' expected"))
            return 0;
        if (strcmp(key, "dtype") == 0)
            which = take_type(c, t) ? 1 : 0;
        else if (strcmp(key, "shape") == 0)
            which = take_shape(c, t) ? 2 : 0;
        else if (strcmp(key, "data_offsets") == 0)
            which = take_offsets(c, t) ? 4 : 0;
        if (!which || (seen & which))
            return refuse(c, "dtype, shape and data_offsets expected, each once");
        seen |= which;
    } while (more(c, '}'));
    if (!c->why && seen != 7)
        refuse(c, "dtype, shape and data_offsets expected, each once");
    return !c->why && count_elements(c, t, data_bytes);
}

static int skip_metadata(cursor *c)
{
    if (!take(c, '{', "a map of strings expected"))
        return 0;
    if (peek(c) == '}')
        return take(c, '}', "");
    do {
        if (!take_string(c) || !take(c, ':', "':' expected") || !take_string(c))
            return 0;
    } while (more(c, '}'));
    return !c->why;
}

/* Place for one more.  */
static etr_tensor *grow(cursor *c, etr_tensor **tensors, int n)
{
    etr_tensor *larger = *tensors;

    if (n == ETR_TENSORS_MAX) {
        refuse(c, "more than 65536 arrays");
        return NULL;
    }
    if ((n & (n - 1)) == 0) {
        larger = realloc(*tensors, (n ? 2 * (size_t)n : 1) * sizeof **tensors);
        if (!larger) {
            refuse(c, "out of memory");
            return NULL;
        }
        *tensors = larger;
    }
    memset(&larger[n], 0, sizeof *larger);
    return &larger[n];
}

/* All entries; how many are arrays.  */
static int take_entries(cursor *c, etr_tensor **tensors, uint64_t data_bytes)
{
    int n = 0, n_metadata = 0;

    if (c->at == c->end || *c->at != '{')
        return refuse(c, "'{' expected");
    c->at++;
    if (peek(c) == '}')
        return take(c, '}', "") && 0;
    do {
        const char *name = take_string(c);
        etr_tensor *t;
        if (!name || !take(c, ':', "':' expected"))
            return 0;
        if (strcmp(name, "__metadata__") == 0) {
            if (n_metadata++ > 0)
                return refuse(c, "a second __metadata__");
            if (!skip_metadata(c))
                return 0;
            continue;
        }
        t = grow(c, tensors, n);
        if (!t || !take_tensor(c, t, data_bytes))
            return 0;
        t->name = name;
        n++;
    } while (more(c, '}'));
    return n;
}

static int by_place(const void *a, const void *b)
{
    const etr_tensor *s = a, *t = b;

    if (s->start != t->start)
        return s->start < t->start ? -1 : 1;
    return s->end < t->end ? -1 : s->end > t->end;
}

static int by_name(const void *a, const void *b)
{
    const etr_tensor *s = a, *t = b;

    return strcmp(s->name, t->name);
}

/* Each byte behind the head once, each name once.  Sorts by name.  */
static void check_all(cursor *c, etr_tensor *tensors, int n, uint64_t data_bytes)
{
    uint64_t at = 0;

    if (n > 0)
        qsort(tensors, (size_t)n, sizeof *tensors, by_place);
    for (int i = 0; i < n; i++) {
        if (tensors[i].start != at)
            refuse(c, tensors[i].start < at ? "arrays overlap" : "a gap between arrays");
        at = tensors[i].end;
    }
    if (at != data_bytes)
        refuse(c, "bytes behind the last array");
    if (n > 0)
        qsort(tensors, (size_t)n, sizeof *tensors, by_name);
    for (int i = 1; i < n; i++) {
        if (strcmp(tensors[i - 1].name, tensors[i].name) == 0)
            refuse(c, "a name comes twice");
    }
}

int etr_head_parse(char *text, size_t len, uint64_t data_bytes, etr_tensor **tensors,
                   etr_head_error *error)
{
    cursor c = {text, text, text + len, NULL};
    int n;

    *tensors = NULL;
    n = take_entries(&c, tensors, data_bytes);
    if (!c.why && (peek(&c), c.at != c.end))
        refuse(&c, "something behind the end");
    error->at = (size_t)(c.at - c.start);
    if (!c.why)
        check_all(&c, *tensors, n, data_bytes);
    error->why = c.why;
    if (!c.why)
        return n;
    free(*tensors);
    *tensors = NULL;
    return -1;
}

/* --- elements ------------------------------------------------------------------------------ */

static double convert_float(const etr_tensor *t, uint64_t bits)
{
    double x;

    if (t->size == 4)
        return (double)etr_f32_from_bits((uint32_t)bits);
    if (t->type[0] == 'B')
        return (double)etr_f32_from_bf16((uint16_t)bits);
    if (t->size == 2)
        return (double)etr_f32_from_f16((uint16_t)bits);
    memcpy(&x, &bits, sizeof x);
    return x;
}

double etr_tensor_convert(const etr_tensor *t, const unsigned char *p)
{
    const uint64_t sign = UINT64_C(1) << (8 * t->size - 1);
    uint64_t bits = 0;

    for (int k = t->size - 1; k >= 0; k--)
        bits = bits << 8 | p[k];
    if (t->type[0] == 'F' || t->type[1] == 'F')
        return convert_float(t, bits);
    if (t->type[0] == 'B')
        return bits != 0 ? 1.0 : 0.0;
    if (t->type[0] == 'I' && (bits & sign))
        return -(double)(sign - (bits & (sign - 1)));
    return (double)bits;
}
