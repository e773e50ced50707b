/* SPDX-License-Identifier: MIT-0 */
/* What doc/scaling.md needs to know of a network: the microseconds of messages between ranks 0 and
   1, there and back halved; and of all_reduce over all ranks.  In: two processes at least.  Out: a
   table from rank 0, the least of several rounds; then the latency, which is the time of the
   smallest message, and the highest bandwidth of all.  */
#include "all_reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 22, ROUNDS = 20 }; /* floats */

static int rank;

static void there_and_back(float *x, int n)
{
    if (rank == 0) {
        MPI_Send(x, n, MPI_FLOAT, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(x, n, MPI_FLOAT, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else if (rank == 1) {
        MPI_Recv(x, n, MPI_FLOAT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(x, n, MPI_FLOAT, 0, 0, MPI_COMM_WORLD);
    }
}

static void sum(float *x, int n)
{
    all_reduce(x, (size_t)n, sizeof *x, MPI_COMM_WORLD);
}

/* The least microseconds of one RUN on N numbers.  */
static double least(void (*run)(float *, int), float *x, int n)
{
    const int turns = n < 4096 ? 200 : 2;
    double best = 1e30;

    for (int round = 0; round < ROUNDS; round++) {
        double start, took;
        MPI_Barrier(MPI_COMM_WORLD);
        start = MPI_Wtime();
        for (int i = 0; i < turns; i++)
            run(x, n);
        took = (MPI_Wtime() - start) / turns * 1e6;
        best = took < best ? took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    float *x = calloc(LARGEST, sizeof *x);
    double latency = 0, bandwidth = 0;
    int size;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size < 2 || !x) {
        fprintf(stderr, "network: two processes at least, and 16 MiB each\n");
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    }
    if (rank == 0)
        printf("%10s %12s %12s\n", "bytes", "message us", "sum us");
    for (int n = 1; n <= LARGEST; n *= 4) {
        const double one = least(there_and_back, x, n) / 2, all = least(sum, x, n);
        latency = n == 1 ? one : latency;
        bandwidth = 4e-3 * n / one > bandwidth ? 4e-3 * n / one : bandwidth;
        if (rank == 0)
            printf("%10d %12.2f %12.2f\n", n * 4, one, all);
    }
    if (rank == 0)
        printf("latency %.2f us, bandwidth %.2f GB/s, %d processes\n", latency, bandwidth, size);
    free(x);
    return MPI_Finalize() == MPI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
