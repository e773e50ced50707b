/* SPDX-License-Identifier: Apache-2.0 */
/* Many models generated, compiled by one command and loaded together.  */
#ifndef PACK_H
#define PACK_H

#include "model.h"

enum { PACK_MAX = 64 };

typedef struct {
    char folder[COMMAND_PATH];
    void *library;
    int n;
    model m[PACK_MAX];
} pack;

void pack_begin(pack *p);

/* Add the model of TEXT, generated with OPTION (ended by NULL, or NULL).  NULL after a message: it
   was refused.  */
model *pack_add(pack *p, const char *text, const char *const *option);

/* Compile with CC (NULL: $CC) what was added, and load it.  0, or -1 after a message.  */
int pack_load(pack *p, const char *cc, int n_steps);
void pack_end(pack *p);

#endif
