/* SPDX-License-Identifier: Apache-2.0 */
/* In: a subject; the number of steps of its data as the only argument; and requests, one a line:

       call N            learn from N calls of one step (or window) each
       sequence N        learn from N sequences
       save FILE         write the parameters, as they lie in memory
       load FILE         read them
       gradient FILE     begin anew, learn from one sequence, write the gradient
       gradient-calls FILE   the same, step by step
       memory            the most memory that was resident so far

   Out: an answer to each, one number a line: microseconds a step, a count, or kilobytes.  */
#define _XOPEN_SOURCE 700

#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static size_t n_steps;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void call_all(void)
{
    for (size_t t = 0; t < n_steps; t += subject_steps_a_call())
        subject_call(t);
}

static double time_calls(size_t n)
{
    const size_t step = subject_steps_a_call();
    size_t t = 0;
    double start;

    subject_restart();
    start = now();
    for (size_t i = 0; i < n; i++) {
        subject_call(t);
        t = t + step < n_steps ? t + step : 0;
    }
    return (now() - start) / (double)(n * step) * 1e6;
}

static double time_sequences(size_t n)
{
    double start;

    subject_restart();
    start = now();
    for (size_t i = 0; i < n; i++)
        subject_sequence();
    return (now() - start) / (double)(n * n_steps) * 1e6;
}

/* Write or read N numbers; the number that was.  */
static double put(const char *path, const float *x, size_t n)
{
    FILE *f = fopen(path, "wb");
    const size_t done = f ? fwrite(x, sizeof *x, n, f) : 0;

    return f && fclose(f) == 0 ? (double)done : 0;
}

static double get(const char *path, float *x, size_t n)
{
    FILE *f = fopen(path, "rb");
    const size_t done = f ? fread(x, sizeof *x, n, f) : 0;

    if (f)
        fclose(f);
    return (double)done;
}

static double gradient(const char *path, void (*learn)(void))
{
    subject_restart();
    learn();
    return put(path, subject_grad(), subject_n_params());
}

static double peak_kilobytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss;
}

/* Below 0: no such request.  */
static double answer(const char *what, const char *argument)
{
    const size_t n = strtoul(argument, NULL, 10);

    if (!strcmp(what, "call") && n > 0)
        return time_calls(n);
    if (!strcmp(what, "sequence") && n > 0)
        return time_sequences(n);
    if (!strcmp(what, "save"))
        return put(argument, subject_params(), subject_n_params());
    if (!strcmp(what, "load"))
        return get(argument, subject_params(), subject_n_params());
    if (!strcmp(what, "gradient"))
        return gradient(argument, subject_sequence);
    if (!strcmp(what, "gradient-calls"))
        return gradient(argument, call_all);
    if (!strcmp(what, "memory"))
        return peak_kilobytes();
    return -1;
}

int main(int argc, char **argv)
{
    char line[4096];

    n_steps = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (n_steps == 0 || subject_begin(n_steps)) {
        fprintf(stderr, "usage: measure STEPS <requests, and enough memory\n");
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin)) {
        char what[32], argument[4000] = "";
        const int words = sscanf(line, "%31s %3999[^\n]", what, argument);
        const double said = words >= 1 ? answer(what, argument) : -1;
        if (said < 0)
            return EXIT_FAILURE;
        printf("%.9g\n", said);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
