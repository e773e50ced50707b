/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a run.  They are gathered in memory, and written by commit.c when all of the run has
   gone well: all of them, or none.  */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include "diag.h"

typedef struct {
    const char *path; /* "-": standard output, in the order of adding */
    buf content;
} output_file;

typedef struct {
    arena *arena;
    size_t n, cap;
    output_file *file;
    size_t n_inputs, cap_inputs;
    const char **input; /* files that were read, and must not be written over */
    size_t n_folders, cap_folders;
    const char **folder; /* to be made, unless they are there */
} outputs;

/* CONTENT is taken over, and empty afterwards.  A path that is there already with the same content
   is one file.  */
void outputs_add(outputs *o, const char *path, buf *content);

/* Files will go into PATH, which is made if it is not there, and goes again if they are not
   written.  */
void outputs_folder(outputs *o, const char *path);

/* Everything that D has read is an input.  */
void outputs_protect(outputs *o, const diag *d);

/* Each goes to a temporary file .etrace-XXXXXX beside its target (mkstemp, then mode 0666 &
   ~umask), renamed when all are complete.  Refused is a target that is not a regular file, is
   another target too, or is an input (same device and inode).  A symbolic link is replaced, not
   followed.  An unchanged target is still replaced.  INT, TERM and HUP remove the temporary files.
   False after a message.  */
bool outputs_commit(outputs *o, diag *d);

void outputs_free(outputs *o);

#endif
