/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of one argument that are written in the language itself, with parameters that have defaults.  */
#ifndef FORMULA_H
#define FORMULA_H

enum { FORMULA_PARAMETERS = 4 };

typedef struct {
    const char *name;
    struct {
        const char *name; /* NULL behind the last */
        double value;     /* the default */
    } parameter[FORMULA_PARAMETERS];
    const char *text; /* of the argument and the parameters */
    const char *paper;
} formula;

#endif
