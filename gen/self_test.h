/* SPDX-License-Identifier: Apache-2.0 */
/* --with-test: a program that compares the compiled model with numbers that are known beforehand.  */
#ifndef SELF_TEST_H
#define SELF_TEST_H

#include "lower.h"
#include "options.h"

/* The spec S, learning by SET, is interpreted on data of its own, and the program is appended to OUT.
   False after an error.  */
bool self_test_write(const options *o, const spec *s, const lower_options *lo, const learning *set,
                     arena *a, diag *d, buf *out);

#endif
