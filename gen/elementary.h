/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <math.h> that we write ourselves: runtime/etrace_math.h.  */
#ifndef ELEMENTARY_H
#define ELEMENTARY_H

#include "buf.h"
#include "ir.h"

/* Where elementary functions come from, as --math says.  */
typedef enum { MATH_ETRACE, MATH_LIBM } math_kind;

/* The words of --math in the order of math_kind, ended by NULL.  */
const char *const *math_words(void);

/* WORD is one of them.  */
math_kind elementary_math(const char *word);

/* "exp" if OP is the function etr_exp_f32 (or _f64) of runtime/etrace_math.h; NULL: there is none.  */
const char *elementary_name(op_code op);

/* Append to OUT the sections of TEXT, that of etrace_math.h, for which IS_CALLED says yes, and those
   that they need, in the order of the file.  */
void elementary_sections(const char *text, bool (*is_called)(void *context, const char *function),
                         void *context, arena *a, buf *out);

#endif
