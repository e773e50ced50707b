/* SPDX-License-Identifier: MIT-0 */
/* .npz files (zip archives of .npy arrays, as numpy writes them).  For hosts: allocates, and needs
   libzip.  */
#ifndef ETRACE_NPZ_H
#define ETRACE_NPZ_H

#include "etrace_info.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ETR_NPZ_OK = 0,
    ETR_NPZ_IO = -1,       /* cannot be opened, read or written */
    ETR_NPZ_FORMAT = -2,   /* not a .npz, or one that lies about its sizes */
    ETR_NPZ_MISMATCH = -3, /* a whole .npz, but not of these names, shapes and types */
    ETR_NPZ_MEMORY = -4
};

/* What went wrong in this thread's last call that failed.  Never NULL.  */
const char *etr_npz_error(void);

/* Write every variable of KIND in BLOCK, under its path.  The file appears whole or not at all,
   and depends on the values alone.  */
int etr_npz_save(const char *path, const void *block, const etr_info *info, etr_kind kind);

/* Fill every variable of KIND in BLOCK from a file that has exactly these names, with their shapes
   and types.  On failure BLOCK is as it was.  */
int etr_npz_load(const char *path, void *block, const etr_info *info, etr_kind kind);

/* Any .npz.  NULL on failure.  Files may be hostile: sizes are compared with the file's before
   anything is allocated, and arrays of objects (pickles) are refused.  */
typedef struct etr_npz etr_npz;
etr_npz *etr_npz_open(const char *path);
int etr_npz_count(const etr_npz *npz);
const char *etr_npz_name(const etr_npz *npz, int i);

/* The array NAME, in C order, as double (from f2, f4, f8, i1, i2, i4, i8, u1, u2 or b1).  It belongs to NPZ.  NULL:
   there is none, or it cannot be read.  */
const double *etr_npz_get(etr_npz *npz, const char *name, int *rank, int shape[ETR_RANK_MAX]);
void etr_npz_close(etr_npz *npz);

#ifdef __cplusplus
}
#endif

#endif
