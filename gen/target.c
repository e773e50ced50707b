/* SPDX-License-Identifier: Apache-2.0 */
/* In: the name of a target.  Out: what it changes in the C.  */
#include "target.h"

#include <string.h>

/* Saved registers, the return address and counters; a value may have to be saved as a whole vector
   register, or as one float.  */
#define LARGE .frame_bytes = 256, .local_bytes = 32, .driver_bytes = 192, .unrolled_by_compiler = true
#define SMALL .frame_bytes = 288, .local_bytes = 4, .driver_bytes = 96

static const target_spec targets[] = {
    {"c99", .unroll = 8, .calls = true, .doubles = true, LARGE},
    {"host", .unroll = 8, .clones = true, .calls = true, .doubles = true, LARGE},
    {"cortex-m", .unroll = 0, .tile = 1, SMALL},
};

enum { N_TARGETS = sizeof targets / sizeof targets[0] };

const char *const *target_names(void)
{
    static const char *names[N_TARGETS + 1];
    for (int i = 0; i < N_TARGETS; i++)
        names[i] = targets[i].name;
    return names;
}

const target_spec *target_named(const char *name)
{
    const target_spec *t = targets;
    while (strcmp(t->name, name) != 0)
        t++;
    return t;
}

bool target_check(const target_spec *t, int real_bits, diag *d)
{
    const loc nowhere = {NULL, 0, 0, 0};
    if (real_bits == 32 || t->doubles)
        return true;
    diag_error(d, nowhere, "E0515", "the model is float64, and %s computes no double", t->name);
    diag_note(d, nowhere, "'dtype: float32' in the spec; or --target=c99, where a core has a unit "
                          "for doubles or time does not matter");
    return false;
}
