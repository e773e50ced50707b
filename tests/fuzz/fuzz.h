/* SPDX-License-Identifier: Apache-2.0 */
/* T8: what is fuzzed.  Each target takes any bytes, does with them what the product does with a file of
   them, and returns; what it finds, it finds by the sanitizers, by ir_check (--enable-checking) or by
   FUZZ_CHECK.  Files are written into the current folder.  */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void fuzz_function(const uint8_t *data, size_t size);

typedef struct {
    const char *name;
    fuzz_function *run;
} fuzz_target;

/* Ended by a row without a name.  */
extern const fuzz_target fuzz_targets[];

fuzz_function fuzz_spec;        /* the reader of specs */
fuzz_function fuzz_expr;        /* the parser of equations */
fuzz_function fuzz_compile;     /* every pass up to the plan and its report */
fuzz_function fuzz_npz;         /* .npy and .npz */
fuzz_function fuzz_safetensors; /* .safetensors, and state_dicts */
fuzz_function fuzz_nir;         /* etrace-convert's reader */
fuzz_function fuzz_snapshot;    /* snapshots */

/* The target NAME; NULL: there is none.  */
const fuzz_target *fuzz_find(const char *name);

/* Make the file NAME of the bytes.  */
void fuzz_write(const char *name, const void *data, size_t size);

/* Stop with a message unless it HOLDS.  */
#define FUZZ_CHECK(holds) ((holds) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #holds))
_Noreturn void fuzz_fail(const char *file, int line, const char *text);

#endif
