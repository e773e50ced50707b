/* SPDX-License-Identifier: MIT-0 */
/* Training.  In: arguments and numbers.  Out: orders, rows of a table, pictures.  */
#include "training.h"

#include "etrace_plot.h"
#include "etrace_random.h"

#include <stdio.h>
#include <stdlib.h>

void training_shuffle(int *order, int n, uint64_t seed, uint32_t stream)
{
    for (int i = 0; i < n; i++) { /* from the inside out */
        const int j = (int)(etr_uniform_f64(seed, stream, (uint64_t)i) * (i + 1));

        order[i] = order[j];
        order[j] = i;
    }
}

int training_largest(const float *x, int n)
{
    int best = 0;

    for (int k = 1; k < n; k++)
        best = x[k] > x[best] ? k : best;
    return best;
}

const char *training_path(int argc, char **argv, const char *file)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", argc > 1 ? argv[1] : ".", file);
    return path;
}

uint64_t training_seed(int argc, char **argv)
{
    return argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
}

void training_names(const char *a, const char *b)
{
    printf("%-36s %12s %12s\n", "", a, b);
}

void training_row(const char *what, int decimals, double value)
{
    printf("%-36s %12.*f\n", what, decimals, value);
}

void training_row2(const char *what, int decimals, double a, double b)
{
    printf("%-36s %12.*f %12.*f\n", what, decimals, a, decimals, b);
}

int training_curves(const char *path, const char *title, const char *xlabel, const char *ylabel,
                    const char *a, const char *b, const double *y, int n)
{
    const char *const names[] = {a, b};
    const double *const curves[] = {y, y + n};

    if (etr_plot_svg(path, title, xlabel, ylabel, b ? 2 : 1, names, curves, n) != ETR_PLOT_OK)
        return fprintf(stderr, "%s: the curve could not be drawn\n", path), 1;
    printf("\n%s: the learning curve\n", path);
    return 0;
}
