/* SPDX-License-Identifier: Apache-2.0 */
/* The machines that C is written for: --target.  */
#ifndef TARGET_H
#define TARGET_H

#include "diag.h"

typedef struct {
    const char *name;
    int unroll;   /* loops of at most so many turns are written out */
    int tile;     /* steps of a block: 0 as sizes suggest, 1 none: their values take memory */
    bool clones;  /* each function is compiled for several processors, where the compiler can */
    bool calls;   /* large products are functions of their own, which take stack */
    bool doubles; /* the machine computes doubles */
    /* An estimate of the stack: bytes of any frame, of a value of the fullest loop, and of a function
       that calls others in turn; and whether a compiler writes out small loops.  */
    int frame_bytes, local_bytes, driver_bytes;
    bool unrolled_by_compiler;
} target_spec;

/* The names, ended by NULL; the first is the default.  */
const char *const *target_names(void);

/* NAME is one of them.  */
const target_spec *target_named(const char *name);

/* Does T compute reals of so many bits?  Says it if not.  */
bool target_check(const target_spec *t, int real_bits, diag *d);

#endif
