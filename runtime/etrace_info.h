/* SPDX-License-Identifier: MIT-0 */
/* Tables of a generated model: what lies where in its blocks of memory.
   Generated headers carry a copy of this text behind the same guard.  */
#ifndef ETRACE_INFO_H
#define ETRACE_INFO_H

#include <stddef.h>

enum { ETR_RANK_MAX = 9, ETR_ABI = 2 };

typedef enum {
    ETR_PARAM,    /* in the block of parameters, and at the same offset of the gradient */
    ETR_HIDDEN,   /* in the state block: differentiated through time */
    ETR_STATE,    /* in the state block: carried, not differentiated */
    ETR_INPUT,    /* in the input block */
    ETR_TARGET,   /* in the target block */
    ETR_OUTPUT,   /* in the output block */
    ETR_TRACE,    /* in the trace block */
    ETR_H2H,      /* in the Jacobian block: D[row][col] of one group, d s_row(t) / d s_col(t-1) */
    ETR_H2W,      /* in the Jacobian block: df[row] of one relation, d s_row(t) / d y */
    ETR_H2W_X,    /* in the Jacobian block: x of one relation */
    ETR_SIGNAL    /* in the signal block: d loss / d s_row(t) of one group */
} etr_kind;

/* What elements are in memory.  */
typedef enum {
    ETR_REAL,     /* the model's real type: real_bytes of the info */
    ETR_INT32,    /* int32_t */
    ETR_BFLOAT16, /* the bits of a bfloat16, in a uint16_t (etrace_half.h) */
    ETR_FLOAT16   /* of an IEEE 754 binary16 */
} etr_element;

/* An array of `shape` (a leading axis of the batch, when it is larger than 1, is part of it;
   parameters have none).  Where `stored` is 0 the array is structurally constant, every element
   is `constant`, and `offset` means nothing.  */
typedef struct {
    const char *path; /* rnn.h; of ETR_H2W and ETR_H2W_X the relation's parameter (rnn.W, and
                         rnn.W#2 for its second use); of ETR_H2H and ETR_SIGNAL "" */
    etr_kind kind;
    etr_element element;
    int stored;
    double constant;
    int group;    /* of ETR_HIDDEN, ETR_H2H, ETR_H2W and ETR_SIGNAL, else -1 */
    int row, col; /* positions of states inside the group; -1 where they mean nothing */
    int rank;
    int shape[ETR_RANK_MAX];
    size_t offset; /* bytes from the start of the block */
} etr_var;

typedef struct {
    const char *name;      /* of the model */
    const char *hash;      /* SHA-256 of the spec and its cells, 64 hexadecimal digits; NULL: not
                              known */
    const char *rule;      /* d_rtrl, bptt, ... */
    int abi;               /* ETR_ABI */
    int real_bytes;        /* 4 or 8 */
    int batch;
    int n_groups;
    size_t params_bytes, state_bytes, trace_bytes, input_bytes, target_bytes, output_bytes;
    size_t jacobian_bytes, signal_bytes;
    int n_vars;
    const etr_var *vars;
} etr_info;

/* What has become of learning from a sequence, or of an update.  */
typedef enum {
    ETR_UPDATE_OK = 0,
    ETR_UPDATE_BAD_LOSS = -1,  /* the loss is NaN or infinite */
    ETR_UPDATE_BAD_GRAD = -2,  /* an element of the gradient is */
    ETR_UPDATE_BAD_INPUT = -3, /* an input, target or weight is, or an index is out of its range */
    ETR_UPDATE_STOPPED = -4    /* the caller's update wanted no more */
} etr_update_status;

/* What a snapshot is of (etrace_label.h).  The last two have the size of the parameters: momentum,
   Adam's m and v, a smoothed gradient.  */
typedef enum {
    ETR_BLOCK_PARAMS = 1,
    ETR_BLOCK_STATE = 2,
    ETR_BLOCK_TRACE = 3,
    ETR_BLOCK_MOMENT_1 = 4,
    ETR_BLOCK_MOMENT_2 = 5
} etr_block_kind;

enum { ETR_SNAPSHOT_MORE = 172 }; /* bytes of a snapshot besides those of its block */

/* What has become of reading one.  */
typedef enum {
    ETR_SNAPSHOT_OK = 0,
    ETR_SNAPSHOT_LENGTH = -1,     /* not as many bytes as a snapshot of this block has */
    ETR_SNAPSHOT_MAGIC = -2,      /* no snapshot */
    ETR_SNAPSHOT_CRC = -3,        /* damaged */
    ETR_SNAPSHOT_VERSION = -4,    /* of another format */
    ETR_SNAPSHOT_ABI = -5,        /* of another version of the runtime */
    ETR_SNAPSHOT_BYTE_ORDER = -6, /* of a machine with the other byte order */
    ETR_SNAPSHOT_MODEL = -7,      /* of a model of another name */
    ETR_SNAPSHOT_SPEC = -8,       /* of another spec */
    ETR_SNAPSHOT_KIND = -9,       /* of another kind of block */
    ETR_SNAPSHOT_LAYOUT = -10,    /* of this spec with other sizes, another type or another rule */
    ETR_SNAPSHOT_IO = -11,        /* the file cannot be read or written; errno says why */
    ETR_SNAPSHOT_MEMORY = -12,
    ETR_SNAPSHOT_STEP = -13       /* blocks in a row that are not of one step */
} etr_snapshot_status;

#endif
