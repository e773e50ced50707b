/* SPDX-License-Identifier: MIT-0 */
/* .safetensors files (a head of JSON, then the arrays' bytes), as PyTorch, JAX and others exchange
   weights.  For hosts: allocates.  */
#ifndef ETRACE_SAFETENSORS_H
#define ETRACE_SAFETENSORS_H

#include "etrace_info.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ETR_SAFETENSORS_OK = 0,
    ETR_SAFETENSORS_IO = -1,       /* cannot be opened, read or written */
    ETR_SAFETENSORS_FORMAT = -2,   /* not a .safetensors, or one that lies about its sizes */
    ETR_SAFETENSORS_MISMATCH = -3, /* a whole one, but not of these names, shapes and types */
    ETR_SAFETENSORS_MEMORY = -4
};

/* What went wrong in this thread's last call that failed.  Never NULL.  */
const char *etr_safetensors_error(void);

/* Write every variable of KIND in BLOCK, under its path.  The file appears whole or not at all,
   and depends on the values alone.  */
int etr_safetensors_save(const char *path, const void *block, const etr_info *info,
                         etr_kind kind);

/* Fill every variable of KIND in BLOCK from a file that has exactly these names, with their shapes
   and types.  On failure BLOCK is as it was.  */
int etr_safetensors_load(const char *path, void *block, const etr_info *info, etr_kind kind);

/* Any .safetensors.  NULL on failure.  Files may be hostile: the head is at most 16 MiB, its JSON
   and UTF-8 are read strictly, no name comes twice, and the arrays' places cover the rest of the
   file without a gap or an overlap, before anything is allocated for them.  */
typedef struct etr_safetensors etr_safetensors;
etr_safetensors *etr_safetensors_open(const char *path);
int etr_safetensors_count(const etr_safetensors *file);
const char *etr_safetensors_name(const etr_safetensors *file, int i);

/* The array NAME, in C order, as double (from any type of up to 64 bits but the 8-bit floats).  It
   belongs to FILE.  NULL: there is none, or it cannot be read.  */
const double *etr_safetensors_get(etr_safetensors *file, const char *name, int *rank,
                                  int shape[ETR_RANK_MAX]);
void etr_safetensors_close(etr_safetensors *file);

#ifdef __cplusplus
}
#endif

#endif
