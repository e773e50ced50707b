/* SPDX-License-Identifier: MIT-0 */
/* Data-parallel training.  In: net.h, a generated model with a trace (`etrace-gen --prefix=net`);
   on the command line the number of epochs (20), how many of its sequences a process learns from
   between two sums (4), and a seed (1).  Out: from rank 0 the mean loss of each epoch, times, and
   a checksum of the parameters.

   The task is made up for whatever model it is: to know SEQUENCES random sequences by heart.  What
   a variable is like comes from the table net_info.  Each process has every size-th sequence, sums
   its gradients into one flat block, and the blocks are summed over the processes.  Then all make
   the same update, so that the parameters never have to be sent.  */
#include "net.h"
#include "all_reduce.h"
#include "etrace_random.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 32, STEPS = 16, N_PARAMS = sizeof(net_params) / sizeof(net_real) };

typedef struct {
    int rank, size;
    int every; /* sequences of one process between two sums */
    uint64_t seed;
    double compute, wait; /* seconds */
    double loss;
    net_params params;
    net_grad grad;
} trainer;

static net_input in[STEPS];
static net_target target[STEPS];
static net_state state, tape[STEPS];
static net_trace trace;
static net_output out;

/* Fill the variables of KIND in BLOCK: reals from -1 to 1; whole numbers 0, which any index may
   be.  */
static void draw(const trainer *t, etr_kind kind, void *block, uint32_t stream)
{
    for (int k = 0; k < net_info.n_vars; k++) {
        const etr_var *v = &net_info.vars[k];
        uint32_t n = 1;
        for (int i = 0; i < v->rank; i++)
            n *= (uint32_t)v->shape[i];
        for (uint32_t i = 0; v->kind == kind && v->element == ETR_REAL && i < n; i++) {
            const float x = 2 * etr_uniform_f32(t->seed, stream, (uint32_t)v->offset + i) - 1;
            ((net_real *)((char *)block + v->offset))[i] = x;
        }
    }
}

/* Add the gradient of sequence number I.  Returns its loss.  */
static double learn(trainer *t, int i)
{
    const net_sequence q = {.n_steps = STEPS, .in = in, .target = target, .tape = tape, .reset = 1,
                            .out = &out, .last_output = 1};
    net_real loss = 0;

    memset(in, 0, sizeof in);
    memset(target, 0, sizeof target);
    for (uint32_t s = 0; s < STEPS; s++) {
        const uint32_t stream = ((uint32_t)i * STEPS + s) * 2;
        draw(t, ETR_INPUT, &in[s], stream);
        draw(t, ETR_TARGET, &target[s], stream + 1);
    }
    if (net_learn_sequence(&t->params, &state, &trace, &q, &t->grad, &loss) != ETR_UPDATE_OK)
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    return (double)loss;
}

/* Sum over the processes, then the same step of gradient descent in each.  */
static void update(trainer *t)
{
    const net_real rate = (net_real)0.005;
    net_real *p = (net_real *)&t->params, *g = (net_real *)&t->grad;
    const double start = MPI_Wtime();

    all_reduce(g, N_PARAMS, net_info.real_bytes, MPI_COMM_WORLD);
    t->wait += MPI_Wtime() - start;
    for (size_t i = 0; i < N_PARAMS; i++)
        p[i] -= rate * g[i];
    net_clear_grad(&t->grad);
}

/* All sequences once; everyone makes as many updates as the one with most of them.  */
static void epoch(trainer *t)
{
    const int mine = (SEQUENCES + t->size - 1) / t->size;

    t->loss = 0;
    for (int k = 0; k < mine; k++) {
        const int i = k * t->size + t->rank;
        const double start = MPI_Wtime();
        if (i < SEQUENCES)
            t->loss += learn(t, i);
        t->compute += MPI_Wtime() - start;
        if ((k + 1) % t->every == 0 || k + 1 == mine)
            update(t);
    }
    all_reduce(&t->loss, 1, 8, MPI_COMM_WORLD);
}

/* FNV-1a of the parameters' bytes.  */
static uint64_t checksum(const trainer *t)
{
    const unsigned char *byte = (const unsigned char *)&t->params;
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < sizeof t->params; i++)
        sum = (sum ^ byte[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Word I of the command line, or OTHERWISE.  */
static int number(int argc, char **argv, int i, int otherwise)
{
    const int n = argc > i ? atoi(argv[i]) : otherwise;
    return n > 0 ? n : otherwise;
}

int main(int argc, char **argv)
{
    static trainer t;
    int epochs;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &t.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &t.size);
    epochs = number(argc, argv, 1, 20);
    t.every = number(argc, argv, 2, 4);
    t.seed = (uint64_t)number(argc, argv, 3, 1);
    net_init_params(&t.params, t.seed);
    net_clear_grad(&t.grad);
    for (int e = 0; e < epochs; e++) {
        epoch(&t);
        if (t.rank == 0)
            printf("epoch %d: loss %.9g\n", e + 1, t.loss / SEQUENCES);
    }
    if (t.rank == 0) {
        printf("checksum %016llx\n", (unsigned long long)checksum(&t));
        fprintf(stderr, "%d processes, %zu parameters: learning %.3f s, sums %.3f s\n", t.size,
                (size_t)N_PARAMS, t.compute, t.wait);
    }
    return MPI_Finalize() == MPI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
