/* SPDX-License-Identifier: MIT-0
 * A program around @NAME@: it draws parameters, then reads the inputs of one step after the other
 * from standard input, as numbers, and prints the outputs of each step as a line.
 *
 *     ./program [SEED] <inputs >outputs
 */
#include "@HEADER@"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static @NAME@_params params;
static @NAME@_state state;
static @NAME@_input input;
static @NAME@_output output;

static long count(const etr_var *v)
{
    long n = 1;
    for (int i = 0; i < v->rank; i++)
        n *= v->shape[i];
    return n;
}

/* Put X into element I of V in BLOCK.  */
static void put(const etr_var *v, void *block, long i, double x)
{
    void *array = (char *)block + v->offset;
    if (v->element == ETR_INT32)
        ((int32_t *)array)[i] = (int32_t)x;
    else if (@NAME@_info.real_bytes == 8)
        ((double *)array)[i] = x;
    else
        ((float *)array)[i] = (float)x;
}

static double get(const etr_var *v, const void *block, long i)
{
    const void *array = (const char *)block + v->offset;
    if (!v->stored)
        return v->constant;
    if (@NAME@_info.real_bytes == 8)
        return ((const double *)array)[i];
    return (double)((const float *)array)[i];
}

/* The inputs of the next step, in the order of the tables; 0 at the end.  */
static int read_input(void)
{
    int any = 0;
    for (int k = 0; k < @NAME@_info.n_vars; k++) {
        const etr_var *v = &@NAME@_info.vars[k];
        for (long i = 0; v->kind == ETR_INPUT && i < count(v); i++) {
            double x;
            if (scanf("%lf", &x) != 1)
                return 0;
            put(v, &input, i, x);
            any = 1;
        }
    }
    return any;
}

static void write_output(void)
{
    const char *space = "";
    for (int k = 0; k < @NAME@_info.n_vars; k++) {
        const etr_var *v = &@NAME@_info.vars[k];
        for (long i = 0; v->kind == ETR_OUTPUT && i < count(v); i++) {
            printf("%s%.9g", space, get(v, &output, i));
            space = " ";
        }
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    @NAME@_init_params(&params, argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
    @NAME@_init_state(&state);
    while (read_input()) {
        @NAME@_step(&params, &state, &input, &output);
        write_output();
    }
    return ferror(stdout) != 0;
}
