/* SPDX-License-Identifier: Apache-2.0 */
/* The table of surrogate derivatives.  */
#ifndef SURROGATE_H
#define SURROGATE_H

enum { SURROGATE_PARAMETERS = 4 };

typedef struct {
    const char *name;
    struct {
        const char *name; /* NULL behind the last */
        double value;     /* the default */
    } parameter[SURROGATE_PARAMETERS];
    const char *formula; /* of v and the parameters */
    const char *paper;
} surrogate;

extern const surrogate surrogates[];
extern const int n_surrogates;

#endif
