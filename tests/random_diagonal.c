/* SPDX-License-Identifier: Apache-2.0 */
/* In: a seed.  Out: a spec.  Some currents come out of weight ops; new states are element-wise
   expressions of currents, old states, new states before them and parameters; a readout and a loss
   see the new ones.  */
#define _POSIX_C_SOURCE 200809L
#include "random_diagonal.h"

#include "etrace_random.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM = 13, N_INPUTS = 3, MAX_LEAVES = 12 };

typedef struct {
    uint64_t seed, next;
    FILE *f, *params;
    int n;        /* the size of a state */
    int n_states, n_params;
    char leaf[MAX_LEAVES][16]; /* values of a state's shape */
    int n_leaves;
} grower;

static int draw(grower *g, int n)
{
    return (int)(etr_uniform_f64(g->seed, STREAM, g->next++) * n);
}

static void add_leaf(grower *g, const char *format, int number)
{
    snprintf(g->leaf[g->n_leaves++], sizeof g->leaf[0], format, number);
}

/* --- currents --------------------------------------------------------------------------------- */

/* What a weight op reads; returns how many elements that are.  */
static int put_read(grower *g, bool recurrent)
{
    int size = N_INPUTS;
    if (!recurrent) {
        static const char *const form[] = {"x", "tanh(x)", "(x * x)"};
        fputs(form[draw(g, 3)], g->f);
        return size;
    }
    fputs("concat(x", g->f);
    for (int i = 0; i < g->n_states; i++) {
        if (i > 0 && draw(g, 2))
            continue;
        fprintf(g->f, draw(g, 2) ? ", h%d" : ", tanh(h%d)", i);
        size += g->n;
    }
    fputs(")", g->f);
    return size;
}

static void put_current(grower *g, int number, bool recurrent)
{
    const int w = g->n_params++, kind = draw(g, 6);
    fprintf(g->f, "  - u%d = ", number);
    if (kind == 0) {
        fprintf(g->f, "embedding(i, W%d)", w);
        fprintf(g->params, "  W%d: [3, %d]\n", w, g->n);
    } else if (kind == 1) {
        fputs("sparse_matmul(", g->f);
        const int size = put_read(g, recurrent);
        fprintf(g->f, ", W%d)", w);
        fprintf(g->params, "  W%d: {shape: [%d, %d], sparse: {random: {p: 0.7, seed: %d}}}\n", w,
                size, g->n, 1 + draw(g, 5));
    } else if (kind == 2) {
        fprintf(g->f, "W%d @ ", w);
        const int size = put_read(g, recurrent);
        fprintf(g->params, "  W%d: [%d, %d]\n", w, g->n, size);
    } else {
        const int size = put_read(g, recurrent);
        fprintf(g->f, kind == 3 ? " @ tanh(W%d)" : " @ W%d + W%d", w, g->n_params);
        fprintf(g->params, "  W%d: [%d, %d]\n", w, size, g->n);
        if (kind != 3)
            fprintf(g->params, "  W%d: [%d]\n", g->n_params++, g->n);
    }
    fputc('\n', g->f);
    add_leaf(g, "u%d", number);
}

/* --- states ----------------------------------------------------------------------------------- */

static void grow(grower *g, int depth)
{
    static const char *const forms[] = {
        "tanh($)",
        "sigmoid($)",
        "sin($)",
        "softplus($)",
        "exp(-square($))",
        "($ + $)",
        "($ - $)",
        "($)*($)",
        "$ / (2 + cos($))",
        "0.3*($)",
        "where($ > $, $, $)",
        "spike($)",
        "sigmoid($) * $",
        "max($, $)",
    };
    if (depth > 0) {
        const char *form = forms[draw(g, (int)(sizeof forms / sizeof forms[0]))];
        for (; *form; form++) {
            if (*form == '$')
                grow(g, depth - 1);
            else
                fputc(*form, g->f);
        }
    } else if (draw(g, 8) == 0) {
        fprintf(g->f, "W%d", g->n_params);
        fprintf(g->params, "  W%d: [%d]\n", g->n_params++, g->n);
    } else {
        fputs(g->leaf[draw(g, g->n_leaves)], g->f);
    }
}

static void grow_states(grower *g)
{
    for (int i = 0; i < g->n_states; i++) {
        fprintf(g->f, "  - h%d' = 0.%d * h%d + 0.%d * h%d + tanh(", i, draw(g, 9), i, draw(g, 5),
                (i + 1) % g->n_states);
        grow(g, 2);
        fprintf(g->f, " + u%d)\n", draw(g, 2));
        add_leaf(g, "h%d'", i);
    }
}

void random_diagonal_spec(FILE *f, uint64_t seed, int batch, bool recurrent)
{
    grower g = {.seed = seed};
    char *step = NULL, *params = NULL;
    size_t step_size, params_size;
    g.n = 2 + draw(&g, 3);
    g.n_states = 1 + draw(&g, 3);
    g.f = open_memstream(&step, &step_size);
    g.params = open_memstream(&params, &params_size);
    fprintf(f,
            "etrace: 1\nmodel: random\ndtype: float64\nbatch: %d\n"
            "inputs: {x: [%d], i: {shape: [], type: index, size: 3}}\ntargets: {y: [2]}\nhidden:\n",
            batch, N_INPUTS);
    for (int i = 0; i < g.n_states; i++) {
        fprintf(f, "  h%d: [%d]\n", i, g.n);
        add_leaf(&g, "h%d", i);
    }
    for (int i = 0; i < 2; i++)
        put_current(&g, i, recurrent);
    grow_states(&g);
    fclose(g.f);
    fclose(g.params);
    fprintf(f, "params:\n  Wout: [%d, 2]\n%sstep:\n%s  - y0 = h%d' @ Wout\n", g.n, params, step,
            g.n_states - 1);
    fputs("outputs: {y: y0}\nloss: 0.5 * sum(square(y0 - y)) + mean(softplus(h0'))\n", f);
    free(step);
    free(params);
}
