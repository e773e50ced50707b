/* SPDX-License-Identifier: MIT-0 */
/* The .npy format, for etrace_npz.c.  */
#ifndef ETRACE_NPY_H
#define ETRACE_NPY_H

#include "etrace_info.h"

#include <stdint.h>

typedef struct {
    char type[3]; /* f2, f4, f8, i1, i2, i4, i8, u1, u2, b1: the second character is the size in bytes */
    int swapped;  /* the other byte order than this machine's */
    int fortran;  /* the first axis runs fastest */
    int rank;
    int shape[ETR_RANK_MAX];
    size_t n; /* elements; set by etr_npy_size_fits */
} etr_npy;

enum { ETR_NPY_HEAD = 256 };

/* The head of a file in C order, padded with spaces so that the data start at a multiple of 64,
   into TEXT.  Returns its length.  */
size_t etr_npy_head(const char *type, int rank, const int *shape, char text[ETR_NPY_HEAD]);

/* The dict at the head.  Objects (pickles), records and other types are refused: 0.  */
int etr_npy_parse(const char *text, size_t len, etr_npy *a);

/* Set A->n.  0 unless a head of HEAD bytes and the elements are exactly SIZE bytes.  */
int etr_npy_size_fits(etr_npy *a, size_t head, uint64_t size);

/* Where element I of the file goes in C order.  */
size_t etr_npy_place(const etr_npy *a, size_t i);

/* The element at P.  */
double etr_npy_convert(const etr_npy *a, const unsigned char *p);

#endif
