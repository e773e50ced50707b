/* SPDX-License-Identifier: Apache-2.0 */
/* In: a seed.  Out: a spec.  Equal seeds give equal specs.  An expression is grown from the top:
   for a vector of a given size, one of the forms below with smaller expressions in it.  */
#define _POSIX_C_SOURCE 200809L
#include "random_spec.h"

#include "etrace_random.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 16, MAX_PARAMS = 24, STREAM = 7 };

typedef struct {
    uint64_t seed, next;
    int n_inputs;              /* the size of x */
    int n_values;              /* vectors that an expression may name */
    int size[MAX_VALUES];
    char name[MAX_VALUES][16];
    int n_params;
    int shape[MAX_PARAMS][2];  /* of W<i> [rows, columns], or b<i> when there are no rows */
} grower;

static int draw(grower *g, int n)
{
    return (int)(etr_uniform_f64(g->seed, STREAM, g->next++) * n);
}

static void add_value(grower *g, const char *name, int size)
{
    snprintf(g->name[g->n_values], sizeof g->name[0], "%s", name);
    g->size[g->n_values++] = size;
}

static int add_param(grower *g, int rows, int columns)
{
    g->shape[g->n_params][0] = rows;
    g->shape[g->n_params][1] = columns;
    return g->n_params++;
}

/* A value with at least SIZE elements, cut to it; a parameter if there is none.  */
static void grow_leaf(grower *g, FILE *f, int size)
{
    const int first = draw(g, g->n_values);

    for (int i = 0; i < g->n_values; i++) {
        const int v = (first + i) % g->n_values, spare = g->size[v] - size;
        if (spare < 0)
            continue;
        const int from = draw(g, spare + 1);
        fputs(g->name[v], f);
        if (spare > 0)
            fprintf(f, "[%d:%d]", from, from + size);
        return;
    }
    fprintf(f, g->n_params < MAX_PARAMS ? "b%d" : "0.5", g->n_params);
    if (g->n_params < MAX_PARAMS)
        add_param(g, 0, size);
}

static void grow(grower *g, FILE *f, int size, int depth);

/* FORM with its $ replaced by expressions.  */
static void grow_form(grower *g, FILE *f, const char *form, int size, int depth)
{
    for (; *form; form++) {
        if (*form == '$')
            grow(g, f, size, depth - 1);
        else
            fputc(*form, f);
    }
}

static void grow_product(grower *g, FILE *f, int size, int depth)
{
    const int a = 1 + draw(g, 3), b = draw(g, 3);

    if (g->n_params == MAX_PARAMS) {
        grow_leaf(g, f, size);
        return;
    }
    fputs(b ? "concat(" : "(", f);
    grow(g, f, a, depth - 1);
    if (b) {
        fputs(", ", f);
        grow(g, f, b, depth - 1);
    }
    fprintf(f, ") @ W%d", g->n_params);
    add_param(g, a + b, size);
}

static void grow(grower *g, FILE *f, int size, int depth)
{
    static const char *const forms[] = {
        "tanh($)",          "sigmoid($)",     "sin($)",      "cos($)",        "softplus($)",
        "silu($)",          "erf($)",         "exp(-square($))", "atan($)",     "($ + $)",
        "($ - $)",          "($)*($)",        "-($)",        "$ / (2 + cos($))", "0.3*($)",
        "mean($)*($)",      "square($)",      "log1p(square($))", "sqrt(1 + square($))",
    };
    const int n = sizeof forms / sizeof forms[0], kind = draw(g, n + 8);

    if (depth <= 0) {
        grow_leaf(g, f, size);
    } else if (kind < n) {
        grow_form(g, f, forms[kind], size, depth);
    } else if (kind < n + 5) {
        grow_product(g, f, size, depth);
        if (kind % 2 && g->n_params < MAX_PARAMS)
            fprintf(f, " + b%d", add_param(g, 0, size));
    } else {
        const int from = draw(g, 2);
        fputs("(", f);
        grow(g, f, size + 1 + from, depth - 1);
        fprintf(f, ")[%d:%d]", from, from + size);
    }
}

static void grow_step(grower *g, FILE *f, int n_states, const int *size)
{
    char name[16];

    fputs("step:\n", f);
    for (int i = 0; i < n_states; i++) {
        const int k = 1 + draw(g, 4);
        fprintf(f, "  - a%d = ", i);
        grow(g, f, k, 2);
        snprintf(name, sizeof name, "a%d", i);
        add_value(g, name, k);
        fprintf(f, "\n  - h%d' = 0.%d*h%d + tanh(", i, draw(g, 9), i);
        grow(g, f, size[i], 3);
        fputs(")\n", f);
        snprintf(name, sizeof name, "h%d'", i);
        add_value(g, name, size[i]);
    }
    fprintf(f, "  - y0 = h%d' @ Wout\n", n_states - 1);
}

static void put_params(const grower *g, FILE *f, int last_size)
{
    fprintf(f, "params:\n  Wout: [%d, 2]\n", last_size);
    for (int i = 0; i < g->n_params; i++) {
        if (g->shape[i][0])
            fprintf(f, "  W%d: [%d, %d]\n", i, g->shape[i][0], g->shape[i][1]);
        else
            fprintf(f, "  b%d: [%d]\n", i, g->shape[i][1]);
    }
}

void random_spec(FILE *f, uint64_t seed, int batch)
{
    grower g = {.seed = seed};
    char *step = NULL, name[16];
    size_t step_size;
    int size[3];

    g.n_inputs = 2 + draw(&g, 2);
    const int n_states = 1 + draw(&g, 3), common = 2 + draw(&g, 3);
    fprintf(f, "etrace: 1\nmodel: random\ndtype: float64\nbatch: %d\n", batch);
    fprintf(f, "inputs: {x: [%d]}\ntargets: {y: [2]}\nhidden:\n", g.n_inputs);
    add_value(&g, "x", g.n_inputs);
    for (int i = 0; i < n_states; i++) {
        size[i] = draw(&g, 3) ? common : 2 + draw(&g, 3);
        fprintf(f, "  h%d: [%d]\n", i, size[i]);
        snprintf(name, sizeof name, "h%d", i);
        add_value(&g, name, size[i]);
    }
    FILE *text = open_memstream(&step, &step_size);
    grow_step(&g, text, n_states, size);
    fclose(text);
    put_params(&g, f, size[n_states - 1]);
    fputs(step, f);
    free(step);
    fputs("outputs: {y: y0}\nloss: 0.5 * sum(square(y0 - y)) + mean(softplus(h0'))\n"
          "learning: {dense: diagonal}\n", f);
}
