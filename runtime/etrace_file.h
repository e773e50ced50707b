/* SPDX-License-Identifier: MIT-0 */
/* Whole files, for the parts of the runtime that are for hosts.  */
#ifndef ETRACE_FILE_H
#define ETRACE_FILE_H

#include <stddef.h>
#include <stdio.h>

typedef struct {
    const void *bytes;
    size_t n;
} etr_file_part;

/* Replace the file PATH by N parts, one after another.  It is written beside PATH, flushed to the
   disk and renamed: PATH is whole or as it was, even when the power fails.  Returns 0, or -1 with
   errno set and nothing left behind.  */
int etr_file_replace(const char *path, const etr_file_part *parts, int n);

/* Open the regular file PATH for reading; a folder or a pipe is refused, not waited for.  NULL with
   errno set.  */
FILE *etr_file_open(const char *path);

/* The bytes of the regular file PATH, for free(), and their number in *N.  NULL with errno set;
   EFBIG: more than LIMIT.  */
void *etr_file_read(const char *path, size_t limit, size_t *n);

#endif
