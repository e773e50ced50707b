/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of etrace-convert.  */
#ifndef CONVERT_OPTIONS_H
#define CONVERT_OPTIONS_H

#include "option_set.h"

typedef enum { FORMAT_UNKNOWN, FORMAT_NIR, FORMAT_TORCH, FORMAT_SPEC } format;

typedef struct {
    diag_style style; /* of messages */
    const char *given_from, *given_dt, *given_bits; /* as they were written; NULL: not */
    format from, to;
    const char *in, *out;
    const char *weights;    /* the .npz beside the spec */
    const char *model;      /* its name in the spec */
    const char *activation; /* of torch's RNN: tanh or relu */
    double dt;              /* of forward Euler, in seconds */
    int bits;               /* 32 or 64; 0: as the input */
} convert_options;

extern const option_set convert_table;

/* Read the command line.  OPTIONS_GO_ON, or the status to exit with.  */
int convert_read_options(int argc, char **argv, convert_options *o, arena *a);

#endif
