/* SPDX-License-Identifier: MIT-0 */
/* The head of a .safetensors file, for etrace_safetensors.c.  */
#ifndef ETRACE_SAFETENSORS_HEAD_H
#define ETRACE_SAFETENSORS_HEAD_H

#include "etrace_info.h"

#include <stdint.h>

typedef struct {
    const char *name; /* in the text of the head */
    char type[5];     /* F32 and its like */
    int size;         /* of an element, in bytes */
    int rank;
    int shape[ETR_RANK_MAX];
    size_t n;            /* elements */
    uint64_t start, end; /* bytes, behind the head */
} etr_tensor;

enum { ETR_TENSORS_MAX = 65536 };

/* What is wrong with a head, and at which byte of it.  */
typedef struct {
    const char *why;
    size_t at;
} etr_head_error;

/* Read the head TEXT of LEN bytes, of a file with DATA_BYTES behind it; names are decoded in
   place.  Returns how many arrays there are, in the order of their names, and *TENSORS for free();
   or -1 with ERROR set.  */
int etr_head_parse(char *text, size_t len, uint64_t data_bytes, etr_tensor **tensors,
                   etr_head_error *error);

/* The element at P, which is in the byte order of the file: the lowest byte first.  */
double etr_tensor_convert(const etr_tensor *t, const unsigned char *p);

#endif
