/* SPDX-License-Identifier: MIT-0 */
/* The parts of training that the examples have in common.  */
#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

#include <stddef.h>
#include <stdint.h>

/* The numbers below N in an order that is a function of SEED and STREAM (Fisher and Yates).  */
void training_shuffle(int *order, int n, uint64_t seed, uint32_t stream);

/* Where the largest of N numbers is: of equal ones, the first.  */
int training_largest(const float *x, int n);

/* The path of FILE in the folder ARGV[1], or in "." when there is none; in a static buffer.  */
const char *training_path(int argc, char **argv, const char *file);

/* The seed in ARGV[2], or 1.  */
uint64_t training_seed(int argc, char **argv);

/* A row of the table at the end, of one column or two.  */
void training_names(const char *a, const char *b);
void training_row(const char *what, int decimals, double value);
void training_row2(const char *what, int decimals, double a, double b);

/* The curves Y of two runs A and B, N points each, as the .svg file PATH.  Y has all of A, then all
   of B; B may be NULL: there is no second one.  Returns 0, or 1 after a message.  */
int training_curves(const char *path, const char *title, const char *xlabel, const char *ylabel,
                    const char *a, const char *b, const double *y, int n);

#endif
