/* SPDX-License-Identifier: Apache-2.0 */
/* One file in a folder of its own, and parameters to write into it: for tests of the runtime's files.  */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "etrace_info.h"

#include <stddef.h>
#include <stdint.h>

extern char scratch_folder[32], scratch_path[64];

/* The folder is made, the file NAME in it is not yet there.  */
void scratch_begin(const char *name);

/* The file goes, and so does the folder: a temporary file that was left in it is a failure.  */
void scratch_end(void);

/* Into BYTES, at most SIZE of them.  Returns how many.  */
size_t scratch_read(char *bytes, size_t size);
void scratch_write(const char *bytes, size_t n);

/* Two arrays of reals and an integer; a constant, a state and a Jacobian, which are not in the block.  */
typedef struct {
    float W[2][3], b[3];
    int32_t count;
} scratch_block;

enum { SCRATCH_VARS = 7 };

extern const scratch_block scratch_sample;
extern const etr_info scratch_info;

#endif
