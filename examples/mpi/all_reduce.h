/* SPDX-License-Identifier: MIT-0 */
/* The sum of a flat block over all processes, the same bits in each of them and in every run with
   so many.  */
#ifndef EXAMPLES_ALL_REDUCE_H
#define EXAMPLES_ALL_REDUCE_H

#include <mpi.h>
#include <stddef.h>

/* X[i] becomes the sum of all processes' X[i], for N numbers of REAL_BYTES (4 or 8) each.

   The numbers go up a binomial tree to rank 0, which sends the sums back: rank r adds what r + 1
   has, then r + 2, r + 4, ... (each with what it got before).  The order depends on the number of
   processes alone.  MPI_Allreduce leaves the order to the library, and so the last bits.

   Returns MPI_SUCCESS, or what MPI says.  */
int all_reduce(void *x, size_t n, int real_bytes, MPI_Comm comm);

#endif
