/* SPDX-License-Identifier: Apache-2.0 */
/* How much a file may hold.  The limits keep a hostile one from asking for all memory or time; a
   user who means it raises them by --limit=NAME=N.  */
#ifndef SOURCE_LIMIT_H
#define SOURCE_LIMIT_H

typedef enum {
    LIMIT_DEPTH,   /* of lists and maps in one another */
    LIMIT_ALIASES,
    LIMIT_ANCHORS,
    LIMIT_VALUES,  /* with aliases written out */
    LIMIT_TEXT,    /* bytes of one value */
    LIMIT_FILE,    /* bytes */
    LIMIT_NAMES,   /* that are declared, and equations, losses and outputs */
    LIMIT_PARTS,   /* of all expressions together */
    N_SOURCE_LIMITS
} source_limit;

typedef struct {
    const char *name;
    int standard, most;
} source_limit_row;

extern const source_limit_row source_limit_rows[N_SOURCE_LIMITS];

#endif
