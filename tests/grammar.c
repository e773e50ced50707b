/* SPDX-License-Identifier: Apache-2.0 */
/* In: a seed.  Out: a spec.  An expression is grown from the top: for a value of a given shape, one
   of the forms below with smaller ones in it.  Every form is defined for all numbers that it may
   meet.  */
#define _POSIX_C_SOURCE 200809L
#include "grammar.h"

#include "etrace_random.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 24, MAX_PARAMS = 12, STREAM = 11, NAME = 16 };

/* A vector [n], or a matrix [m, n].  */
typedef struct {
    int m, n; /* m 0: a vector */
} extent;

typedef struct {
    uint64_t seed, next;
    FILE *f;      /* where the equations go */
    FILE *params; /* where declarations of parameters go */
    bool plain;   /* inside of a block: no texts, and weights by their names alone */
    int n_params, n_shared;
    extent shared_shape[4];
    int shared[4];
    int n_values;
    extent extent[MAX_VALUES];
    char name[MAX_VALUES][NAME];
} grower;

static int draw(grower *g, int n)
{
    return (int)(etr_uniform_f64(g->seed, STREAM, g->next++) * n);
}

static void say(grower *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(grower *g, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(g->f, format, ap);
    va_end(ap);
}

static void add_value(grower *g, extent e, const char *format, int number)
{
    if (g->n_values == MAX_VALUES)
        return;
    snprintf(g->name[g->n_values], NAME, format, number);
    g->extent[g->n_values++] = e;
}

static int param(grower *g, const char *shape, ...) __attribute__((format(printf, 2, 3)));

/* A new parameter; its number.  */
static int param(grower *g, const char *shape, ...)
{
    va_list ap;
    va_start(ap, shape);
    fprintf(g->params, "  W%d: ", g->n_params);
    vfprintf(g->params, shape, ap);
    fputc('\n', g->params);
    va_end(ap);
    return g->n_params++;
}

static void grow(grower *g, extent e, int depth);

/* FORM with its $ replaced by expressions of the shape E.  */
static void grow_form(grower *g, const char *form, extent e, int depth)
{
    for (; *form; form++) {
        if (*form == '$')
            grow(g, e, depth - 1);
        else
            fputc(*form, g->f);
    }
}

/* A value of the shape E by its name, or a part of a longer vector; a parameter if there is
   none.  */
static void grow_leaf(grower *g, extent e)
{
    const int first = draw(g, g->n_values + 1);
    for (int i = 0; i < g->n_values; i++) {
        const int v = (first + i) % g->n_values, spare = g->extent[v].n - e.n;
        const bool whole_first = spare > 0 && (e.m || i < g->n_values / 2);
        if (g->extent[v].m != e.m || spare < 0 || whole_first)
            continue;
        say(g, "%s", g->name[v]);
        const int from = draw(g, spare + 1);
        if (spare > 0)
            say(g, "[%d:%d]", from, from + e.n);
        return;
    }
    if (e.m)
        say(g, "W%d", param(g, "[%d, %d]", e.m, e.n));
    else
        say(g, "W%d", param(g, "[%d]", e.n));
}

/* --- weights ---------------------------------------------------------------------------------- */

/* K elements for a weight op to read: never made of parameters alone.  */
static void grow_x(grower *g, int k, int depth)
{
    say(g, "(");
    grow(g, (extent){0, k}, depth);
    say(g, " + x[0])");
}

/* A weight [rows, n], perhaps behind functions.  */
static void grow_weight(grower *g, int rows, int n)
{
    const int form = g->plain ? 0 : draw(g, 6), w = param(g, "[%d, %d]", rows, n);
    switch (form) {
    case 1: say(g, "abs(W%d)", w); return;
    case 2: say(g, "tanh(W%d)", w); return;
    case 3: say(g, "((W%d - mean(W%d)) / sqrt(mean(square(W%d)) + 0.1))", w, w, w); return;
    case 4:
        say(g, "(W%d * W%d)", w, param(g, "{shape: [%d, %d], trainable: false}", rows, n));
        return;
    default: say(g, "W%d", w);
    }
}

static void matmul(grower *g, int n, int depth)
{
    const int a = 1 + draw(g, 3), b = draw(g, 3);
    say(g, "(concat(");
    grow_x(g, a, depth);
    if (b) {
        say(g, ", ");
        grow(g, (extent){0, b}, depth);
    }
    say(g, ") @ ");
    grow_weight(g, a + b, n);
    say(g, ")");
    if (draw(g, 2) && g->n_params < MAX_PARAMS)
        say(g, " + W%d", param(g, "[%d]", n));
}

static void matmul_left(grower *g, int n, int depth)
{
    const int k = 1 + draw(g, 3);
    say(g, "(W%d @ ", param(g, "[%d, %d]", n, k));
    grow_x(g, k, depth);
    say(g, ")");
}

static void matmul_transposed(grower *g, int n, int depth)
{
    const int k = 1 + draw(g, 3);
    say(g, "(");
    grow_x(g, k, depth);
    say(g, " @ transpose(W%d))", param(g, "[%d, %d]", n, k));
}

static void einsum(grower *g, int n, int depth)
{
    const int k = 1 + draw(g, 3);
    if (n % 2) {
        say(g, "einsum(\"k,ok->o\", ");
        grow_x(g, k, depth);
        say(g, ", W%d)", param(g, "[%d, %d]", n, k));
        return;
    }
    say(g, "reshape(einsum(\"gk,kgo->go\", reshape(");
    grow_x(g, 2 * k, depth);
    say(g, ", [2, %d]), W%d), [%d])", k, param(g, "[%d, 2, %d]", k, n / 2), n);
}

static void grouped(grower *g, int n, int depth)
{
    const int k = 1 + draw(g, 2), groups = n % 2 ? 1 : 2;
    say(g, "reshape(grouped_matmul(reshape(");
    grow_x(g, groups * k, depth);
    say(g, ", [%d, %d]), W%d), [%d])", groups, k, param(g, "[%d, %d, %d]", groups, k, n / groups),
        n);
}

static void conv1(grower *g, int n, int depth)
{
    const int groups = n % 2 ? 1 : 1 + draw(g, 2), places = n / groups, size = 1 + draw(g, 3);
    const int dilation = 1 + draw(g, 2), stride = 1 + draw(g, 2), reach = (size - 1) * dilation + 1;
    const bool same = draw(g, 2);
    const int pad = same ? 0 : draw(g, reach > 2 ? 2 : 1);
    const int length = same ? places * stride : (places - 1) * stride + reach - 2 * pad;
    if (length < 1) {
        matmul(g, n, depth);
        return;
    }
    say(g, "reshape(conv(reshape(");
    grow_x(g, length * groups, depth);
    say(g, ", [%d, %d]), W%d, stride=%d, dilation=%d, groups=%d, padding=", length, groups,
        param(g, "[%d, 1, %d]", size, groups), stride, dilation, groups);
    if (same)
        say(g, "same), [%d])", n);
    else
        say(g, "%d), [%d])", pad, n);
}

static void conv2(grower *g, int n, int depth)
{
    const int rows = n % 2 ? 1 : 2, stride = 1 + draw(g, 2);
    say(g, "reshape(conv(reshape(");
    grow_x(g, n * stride, depth);
    say(g, ", [%d, %d, 1]), W%d, stride=[1, %d], padding=same), [%d])", rows, n / rows * stride,
        param(g, "[%d, 2, 1, 1]", 1 + draw(g, 2)), stride, n);
}

static void sparse(grower *g, int n, int depth)
{
    const int k = 2 + draw(g, 2), p = 7 + draw(g, 3), seed = 1 + draw(g, 3);
    say(g, "sparse_matmul(");
    grow_x(g, k, depth);
    const int w = param(g, "{shape: [%d, %d], sparse: {random: {p: 0.%d, seed: %d}}}", k, n, p,
                        seed);
    say(g, !g->plain && draw(g, 2) ? ", abs(W%d))" : ", W%d)", w);
}

static void embedding(grower *g, int n, int depth)
{
    (void)depth;
    say(g, "embedding(i, W%d)", param(g, "[3, %d]", n));
}

static void lora(grower *g, int n, int depth)
{
    const int k = 1 + draw(g, 3), base = draw(g, 3), rank = 1 + draw(g, 2);
    say(g, "lora(");
    grow_x(g, k, depth);
    const int A = param(g, "[%d, %d]", k, rank);
    say(g, ", W%d, W%d, alpha=2", A, param(g, "[%d, %d]", rank, n));
    if (base == 1)
        say(g, ", base=W%d", param(g, "{shape: [%d, %d], trainable: false}", k, n));
    if (base == 2)
        say(g, ", base=W%d", param(g, "[%d, %d]", k, n));
    say(g, ")");
}

static void element_wise(grower *g, int n, int depth)
{
    const int w = param(g, "[%d]", n);
    switch (draw(g, 4)) {
    case 0: say(g, "element_wise(W%d)", w); break;
    case 1: say(g, "element_wise(sigmoid(W%d))", w); break;
    case 2: say(g, "exp(-exp(W%d))", w); break;
    default: say(g, "W%d", w);
    }
    say(g, " * (");
    grow(g, (extent){0, n}, depth);
    say(g, ")");
}

/* A matrix that other products have used before, if there is one that fits.  */
static void tied(grower *g, int n, int depth)
{
    int s = 0;
    while (s < g->n_shared && g->shared_shape[s].n != n)
        s++;
    if (s == 4) {
        matmul(g, n, depth);
        return;
    }
    if (s == g->n_shared) {
        const int k = 1 + draw(g, 2);
        g->shared_shape[s] = (extent){k, n};
        g->shared[s] = param(g, "[%d, %d]", k, n);
        g->n_shared++;
    }
    say(g, "(");
    grow_x(g, g->shared_shape[s].m, depth);
    say(g, " @ W%d)", g->shared[s]);
}

static void untraced(grower *g, int n, int depth)
{
    const int k = draw(g, 2) ? n : 1 + draw(g, 3);
    const char *key = draw(g, 2) ? "trace" : "trainable";
    say(g, "(");
    grow_x(g, k, depth);
    say(g, " @ W%d)", param(g, "{shape: [%d, %d], %s: false}", k, n, key));
}

static void pooled(grower *g, int n, int depth)
{
    const bool max = draw(g, 2);
    say(g, "reshape(%s_pool(reshape(", max ? "max" : "avg");
    grow_x(g, 2 * n + 1, depth);
    say(g, ", [%d, 1]), [%d], stride=2), [%d])", 2 * n + 1, 2 + draw(g, 2), n);
}

typedef void weight_op(grower *g, int n, int depth);

static weight_op *const weight_ops[] = {
    matmul, matmul, matmul_left, matmul_transposed, einsum, grouped, conv1,  conv2,
    sparse, embedding, lora, element_wise, tied, untraced, pooled,
};

/* Those that may stand in a block.  */
static weight_op *const plain_ops[] = {matmul, matmul_left, grouped,  conv1,
                                       conv2,  sparse,      embedding};

/* --- matrices --------------------------------------------------------------------------------- */

static void grow_matrix(grower *g, extent e, int depth)
{
    const int k = 1 + draw(g, 3);
    switch (draw(g, 6)) {
    case 0:
        say(g, "reshape(");
        grow(g, (extent){0, e.m * e.n}, depth - 1);
        say(g, " + x[0], [%d, %d])", e.m, e.n);
        return;
    case 1:
        say(g, "transpose(x[0] + ");
        grow(g, (extent){e.n, e.m}, depth - 1);
        say(g, ")");
        return;
    case 2:
        say(g, "(");
        grow(g, e, depth - 1);
        say(g, " + ");
        grow(g, (extent){0, e.n}, depth - 1);
        say(g, ")");
        return;
    case 3:
        say(g, "einsum(\"bk,ko->bo\", ");
        grow(g, (extent){e.m, k}, depth - 1);
        say(g, " + x[0], W%d)", param(g, "[%d, %d]", k, e.n));
        return;
    default:
        say(g, "((");
        grow(g, (extent){e.m, k}, depth - 1);
        say(g, " + x[0]) @ W%d)", param(g, "[%d, %d]", k, e.n));
    }
}

/* --- expressions ------------------------------------------------------------------------------ */

static const char *const forms[] = {
    "tanh($)", "sigmoid($)", "sin($)", "cos($)", "tan(0.5 * tanh($))", "sinh(tanh($))",
    "cosh(tanh($))", "atan($)", "erf($)", "exp(-square($))", "log(1.5 + sigmoid($))",
    "log1p(square($))", "expm1(tanh($))", "sqrt(1 + square($))", "abs($)", "sign($) * $",
    "relu($)", "softplus($)", "silu($)", "floor(3 * $) * 0.2", "ceil(2 * $) * 0.2", "($ + $)",
    "($ - 0.7 * $)", "($) * ($)", "($) / (2 + cos($))", "-($)", "0.3 * ($)",
    "(1.2 + sigmoid($)) ** tanh($)", "(tanh($)) ** 2", "(1 + square($)) ** -0.7", "max($, $)",
    "min($, 0.4)", "maximum($, tanh($))", "minimum($, $)", "where($ > $, $, $)",
    "where(not ($ > 0 and $ <= 0.5) or $ < -0.5, $, $)", "($ >= 0.1) * ($)",
    "where($ != 0, $, $)", "where($ == 0, $, $)", "spike($)",
    "spike($, surrogate=sigmoid, alpha=2)", "spike($, surrogate=arctan)",
    "spike($, surrogate=erf(alpha=1.5))", "spike($, surrogate=multi_gaussian, sigma=0.4)",
    "spike($, surrogate=piecewise_quadratic)", "spike($, surrogate=slayer(alpha=2))",
    "spike($, surrogate=bell)", "soft($)", "product_of($, $)", "straight($)", "stop_gradient($)",
    "mean($) * ($)", "max(tanh($)) + $", "min($) * $", "sum($) * 0.2 + $", "softmax($) * $",
    "log_softmax($) * 0.3",
};

#define PICK(g, list) (list)[draw(g, (int)(sizeof(list) / sizeof *(list)))]

static void grow(grower *g, extent e, int depth)
{
    if (depth <= 0 || g->n_params >= MAX_PARAMS)
        grow_leaf(g, e);
    else if (draw(g, 2))
        grow_form(g, PICK(g, forms), e, depth);
    else if (e.m && g->plain)
        grow_leaf(g, e);
    else if (e.m)
        grow_matrix(g, e, depth);
    else if (g->plain)
        PICK(g, plain_ops)(g, e.n, depth - 1);
    else
        PICK(g, weight_ops)(g, e.n, depth - 1);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void grow_quoted(grower *g, const char *before, extent e, int depth)
{
    g->plain = true;
    say(g, "\"%s", before);
    grow(g, e, depth);
    say(g, "\"");
    g->plain = false;
}

static void grow_if(grower *g, int number, extent e)
{
    static const char *const sign[] = {"<", ">", ">="};
    char target[NAME];
    snprintf(target, sizeof target, "c%d = ", number);
    say(g, "  - if: mean(x) %s 0.%d\n    then: [", PICK(g, sign), draw(g, 4));
    grow_quoted(g, target, e, 2);
    say(g, "]\n    else: [");
    grow_quoted(g, target, e, 2);
    say(g, "]\n");
}

static void grow_loop(grower *g, int number, extent e)
{
    const int w = param(g, "[%d, %d]", e.n, e.n), bias = param(g, "[%d]", e.n);
    if (draw(g, 2))
        say(g, "  - while: mean(abs(c%d)) > 0.%d\n    max: %d\n", number, 1 + draw(g, 4),
            1 + draw(g, 3));
    else
        say(g, "  - repeat: %d\n", 1 + draw(g, 3));
    say(g, "    carry: {c%d: ", number);
    grow_quoted(g, "", e, 1);
    say(g, "}\n    do:\n      - c%d' = 0.5 * tanh(c%d @ W%d + W%d) + 0.3 * (", number, number, w,
        bias);
    g->plain = true;
    grow(g, e, 1);
    g->plain = false;
    say(g, ")\n");
}

static void grow_equation(grower *g, int number, extent e)
{
    const int kind = draw(g, 6);
    const bool room = g->n_params < MAX_PARAMS - 4 && e.m == 0;
    if (kind == 0 && room) {
        grow_if(g, number, e);
    } else if (kind == 1 && room) {
        grow_loop(g, number, e);
    } else {
        say(g, "  - c%d = ", number);
        grow(g, e, 2 + (draw(g, 6) == 0));
        say(g, "\n");
    }
    add_value(g, e, "c%d", number);
}

static void grow_states(grower *g, int n_states, const extent *e)
{
    for (int i = 0; i < n_states; i++) {
        const bool vector = draw(g, 4) || i == 0;
        grow_equation(g, i, vector ? (extent){0, 1 + draw(g, 4)} : e[i]);
        say(g, "  - h%d' = 0.%d * h%d + ", i, draw(g, 9), i);
        grow_form(g, draw(g, 2) ? "tanh($)" : "0.5 * ($)", e[i], 3 + (draw(g, 8) == 0));
        say(g, "\n");
        add_value(g, e[i], "h%d'", i);
    }
    say(g, "  - k' = 0.5 * k + mean(abs(h0'))\n  - y0 = tanh(h%d')\n", n_states - 1);
}

/* A module or two of a random cell behind x.  */
static bool put_modules(grower *g, FILE *f)
{
    static const char *const cell[] = {"rnn", "gru", "lstm",  "mgu",     "cfn",
                                       "lif", "alif", "expon", "mini_gru"};
    const int kind = draw(g, 24);
    if (kind >= 9)
        return false;
    const bool neuron = kind >= 5 && kind <= 7;
    fputs("modules:\n", f);
    if (neuron)
        fputs("  com: {cell: linear, in: x, size: 2}\n", f);
    fprintf(f, "  net: {cell: %s, in: %s, size: 2}\n", cell[kind], neuron ? "2 * com" : "x");
    if (!neuron && draw(g, 2))
        fputs("  two: {share: net, in: 0.5 * x}\n", f);
    return true;
}

static void put_shape(FILE *f, extent e)
{
    if (e.m)
        fprintf(f, "[%d, %d]\n", e.m, e.n);
    else
        fprintf(f, "[%d]\n", e.n);
}

static const char head[] =
    "state: {k: []}\n"
    "functions:\n"
    "  soft(x): x / (1 + abs(x))\n"
    "  bell(v): exp(-v * v)\n"
    "  product_of(a, b): {value: a * b, derivative: {a: b, b: 0.5 * a}}\n"
    "  straight(x): {value: \"min(max(x, -0.5), 0.5)\", derivative: 1}\n";

static void put_head(grower *g, FILE *f, int batch, int n_states, extent *e)
{
    fprintf(f, "etrace: 1\nmodel: random\ndtype: float64\nbatch: %d\n", batch);
    fprintf(f, "inputs: {x: [%d], i: {shape: [], type: index, size: 3}}\nhidden:\n",
            2 + draw(g, 2));
    add_value(g, (extent){0, 2}, "x[0:%d]", 2);
    const extent common = {draw(g, 4) ? 0 : 2, 2 + draw(g, 3)};
    for (int i = 0; i < n_states; i++) {
        e[i] = draw(g, 3) ? common : (extent){0, 2 + draw(g, 3)};
        fprintf(f, "  h%d: ", i);
        put_shape(f, e[i]);
        add_value(g, e[i], "h%d", i);
    }
    fputs("targets:\n  y: ", f);
    put_shape(f, e[n_states - 1]);
    fputs(head, f);
}

void grammar_spec(FILE *f, uint64_t seed, int batch)
{
    grower g = {.seed = seed};
    char *step = NULL, *params = NULL;
    size_t step_size, params_size;
    extent e[3];
    const int n_states = 1 + draw(&g, 3);
    put_head(&g, f, batch, n_states, e);
    if (put_modules(&g, f))
        add_value(&g, (extent){0, 2}, "net%.0d", 0);
    g.f = open_memstream(&step, &step_size);
    g.params = open_memstream(&params, &params_size);
    param(&g, "[%d]", e[0].n);
    grow_states(&g, n_states, e);
    fclose(g.f);
    fclose(g.params);
    fprintf(f, "params:\n%sstep:\n%soutputs: {y: y0, h: h0'}\n", params, step);
    fputs("loss: {fit: 0.5 * sum(square(y0 - y)), "
          "small: {value: mean(softplus(h0' * W0)), weight: 0.3}}\n", f);
    fprintf(f, "learning: {dense: %s}\n", draw(&g, 4) ? "drop" : "diagonal");
    if (draw(&g, 2))
        fputs("unroll_limit: 1\n", f);
    free(step);
    free(params);
}

char *grammar_text(uint64_t seed, int batch)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (f) {
        grammar_spec(f, seed, batch);
        fclose(f);
    }
    return text;
}
