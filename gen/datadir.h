/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files are that the generator reads when it runs: templates/ and runtime/.  */
#ifndef DATADIR_H
#define DATADIR_H

#include "arena.h"

/* The folder that has them: ETRACE_DATADIR; else what belongs to the prefix that the program stands
   in, which may have been moved as a whole; else the source tree above the build folder that the
   program stands in; else the folder of the configuration.  */
const char *datadir_find(arena *a);

/* Where PATH, a folder of the configuration, is for the installation whose data files are in FOUND: beside
   them where the prefix was moved.  */
const char *datadir_relative(arena *a, const char *found, const char *path);

/* What datadir_find does without the environment for the program EXE, which was to be installed into
   BIN, its data into DATA.  NULL: neither prefix nor tree has the files.  */
const char *datadir_beside(arena *a, const char *exe, const char *bin, const char *data);

#endif
