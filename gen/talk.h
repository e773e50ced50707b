/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says on standard error of its own work: --verbose, --trace, --progress.  */
#ifndef TALK_H
#define TALK_H

#include "options.h"

#include <time.h>

typedef struct {
    const options *options;
    const char *pass;       /* that is under way; NULL: none */
    struct timespec started, began; /* the program; this pass */
    int width;              /* of the line of progress that stands on the terminal; 0: none does */
    bool terminal;          /* there is one, and it is to be used */
} talk;

talk talk_begin(const options *o);

/* The pass NAME begins, and so the one before it ends.  NULL: all is done.  */
void talk_pass(talk *t, const char *name);

/* Each line of TEXT.  */
void talk_say(talk *t, const char *text);

#endif
