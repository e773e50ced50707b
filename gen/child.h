/* SPDX-License-Identifier: Apache-2.0 */
/* Run a program on one text and take what it prints.  No shell, no environment but LC_ALL=C;
   whatever it does, it can write into no file.  */
#ifndef CHILD_H
#define CHILD_H

#include "buf.h"

/* What the child may use.  */
typedef struct {
    unsigned cpu_seconds;
    size_t memory_bytes; /* of address space */
    int wall_ms;         /* then it is killed */
} child_limits;

typedef enum {
    CHILD_EXITED,      /* DETAIL is the exit status */
    CHILD_SIGNALLED,   /* DETAIL is the signal */
    CHILD_TIMED_OUT,   /* killed by us */
    CHILD_NOT_STARTED, /* DETAIL is the errno: there is no such program, or it is none */
    CHILD_FAILED       /* DETAIL is the errno of our own call */
} child_end;

/* Run ARGV (searched in PATH if ARGV[0] has no slash, and ended by NULL) with INPUT on its
   standard input.  OUT and ERRORS are given what it prints; of ERRORS only the first part is kept.
   The child has ended when this returns.  */
child_end child_run(const char *const *argv, const buf *input, const child_limits *limits, buf *out,
                    buf *errors, int *detail);

#endif
