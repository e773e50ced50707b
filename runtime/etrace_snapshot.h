/* SPDX-License-Identifier: MIT-0 */
/* Snapshots: the blocks of a running model as bytes, to go on later or elsewhere bit for bit as if
   nothing had happened.  Nothing here allocates or opens a file, but the last two functions, which
   are for hosts (etrace_snapshot_file.c).

   A snapshot says what it is of: the format, the ABI, the byte order, the model's name and the
   hash of its spec, the kind of block, its layout and length, and a CRC-32 over all of it.  What
   does not agree, in one bit, is refused before the block is touched.  A CRC is a guard against
   damage, not against forgery.

   Bytes 0 to 7    "\x89" "ETRS" "\r\n" "\x1a"
         8 to 11   version of the format, 1
        12 to 15   ETR_ABI
        16         byte order of the block: 1 little, 2 big
        17         etr_block_kind
        18, 19     bytes of the model's real type; zero
        20 to 23   CRC-32 of the layout: rule, batch, and every variable's path, type and shape
        24 to 31   bytes of the block
        32 to 39   the caller's step
        40 to 103  the spec's hash, as 64 hexadecimal digits
       104 to 167  the model's name, zeros behind it
       168 to ...  the block as it lies in memory
       the last 4  CRC-32 of all before
   Whole numbers have their lowest byte first, on every machine.

   What PREFIX_save of a model writes are such snapshots of its parameters, its state and, where there
   is one, its trace, in a row: the contents of a file that etr_snapshot_load reads.  */
#ifndef ETRACE_SNAPSHOT_H
#define ETRACE_SNAPSHOT_H

#include "etrace_label.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a status means, in words.  */
const char *etr_snapshot_text(etr_snapshot_status status);

/* Bytes of a snapshot of a block.  A function of INFO and KIND alone; 0: there is no such block.  */
size_t etr_snapshot_size(const etr_info *info, etr_block_kind kind);

/* Write BLOCK into BYTES, which has etr_snapshot_size.  STEP is the caller's: Adam's step, or the
   place in the stream of inputs.  */
void etr_snapshot_write(const etr_info *info, etr_block_kind kind, const void *block,
                        uint64_t step, void *bytes);

/* Would SIZE BYTES be read?  */
etr_snapshot_status etr_snapshot_check(const etr_info *info, etr_block_kind kind,
                                       const void *bytes, size_t size);

/* The same, and when they would, fill BLOCK, and *STEP unless it is NULL.  Otherwise both are as
   they were.  */
etr_snapshot_status etr_snapshot_read(const etr_info *info, etr_block_kind kind, void *block,
                                      uint64_t *step, const void *bytes, size_t size);

/* The label of a block; of 0 bytes: there is no such block.  */
etr_label etr_snapshot_label(const etr_info *info, etr_block_kind kind);

/* --- files, for hosts ---------------------------------------------------------------------- */

typedef struct {
    etr_block_kind kind;
    void *data;
} etr_block;

/* Snapshots of N blocks, one after another, in the file PATH, which appears whole or not at all:
   written beside it, flushed to the disk, and renamed.  */
etr_snapshot_status etr_snapshot_save(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t step);

/* Fill all of the N blocks, which are those of the file in its order, or none.  */
etr_snapshot_status etr_snapshot_load(const char *path, const etr_info *info,
                                      const etr_block *blocks, int n, uint64_t *step);

#ifdef __cplusplus
}
#endif

#endif
