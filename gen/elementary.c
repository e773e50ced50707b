/* SPDX-License-Identifier: Apache-2.0 */
/* In: the text of runtime/etrace_math.h.  Out: the parts of it that a model calls.
   Afterwards every function that is called stands before its caller.  */
#include "elementary.h"

#include <ctype.h>
#include <string.h>

static const char MARK[] = "/* --- "; /* then NAME: and what the section's function etr_NAME does */

const char *const *math_words(void)
{
    static const char *const words[] = {[MATH_ETRACE] = "etrace", [MATH_LIBM] = "libm", NULL};
    return words;
}

math_kind elementary_math(const char *word)
{
    return strcmp(word, math_words()[MATH_LIBM]) == 0 ? MATH_LIBM : MATH_ETRACE;
}

static const op_code own[] = {OP_exp,  OP_expm1, OP_log,  OP_log1p, OP_tanh,
                              OP_sinh, OP_cosh,  OP_atan, OP_erf,   OP_sigmoid};

const char *elementary_name(op_code op)
{
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (own[i] == op)
            return op_table[op].name;
    return NULL;
}

typedef struct {
    const char *function; /* etr_exp_f32 */
    const char *comment, *end; /* of the section's text: what it does, in a comment, and the code */
    bool needed;
} section;

/* The next section from AT on into S; false: there is none.  */
static bool next_section(const char *at, arena *a, section *s)
{
    const char *name = strstr(at, MARK);
    if (!name)
        return false;
    name += strlen(MARK);
    const char *colon = strchr(name, ':'), *next = strstr(name, MARK);
    s->function = arena_printf(a, "etr_%.*s", (int)(colon - name), name);
    s->comment = colon + 2;
    s->end = next ? next : strstr(name, "#endif");
    while (isspace((unsigned char)s->end[-1]))
        s->end--;
    s->needed = false;
    return true;
}

/* Is the function of TO called in the text of FROM?  */
static bool calls(const section *from, const section *to)
{
    size_t n = strlen(to->function);
    for (const char *p = from->comment; p + n < from->end; p++)
        if (strncmp(p, to->function, n) == 0 && p[n] == '(')
            return true;
    return false;
}

void elementary_sections(const char *text, bool (*is_called)(void *context, const char *function),
                         void *context, arena *a, buf *out)
{
    section *all = NULL, s;
    size_t n = 0, cap = 0;
    for (const char *at = text; next_section(at, a, &s); at = s.end)
        ARENA_PUSH(a, all, n, cap, s);
    for (size_t i = n; i-- > 0;) {
        all[i].needed = all[i].needed || is_called(context, all[i].function);
        for (size_t k = 0; k < i && all[i].needed; k++)
            all[k].needed = all[k].needed || calls(&all[i], &all[k]);
    }
    for (size_t i = 0; i < n; i++)
        if (all[i].needed)
            buf_printf(out, "%s/* %.*s\n", out->len ? "\n" : "", (int)(all[i].end - all[i].comment),
                       all[i].comment);
}
