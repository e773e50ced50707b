/* SPDX-License-Identifier: Apache-2.0 */
/* The table of targets, and what they share.  */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const fuzz_target fuzz_targets[] = {
    {"spec", fuzz_spec},
    {"expr", fuzz_expr},
    {"compile", fuzz_compile},
    {"npz", fuzz_npz},
    {"safetensors", fuzz_safetensors},
#ifdef FUZZ_NIR
    {"nir", fuzz_nir},
#endif
    {"snapshot", fuzz_snapshot},
    {NULL, NULL},
};

const fuzz_target *fuzz_find(const char *name)
{
    for (const fuzz_target *t = fuzz_targets; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

void fuzz_fail(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, text);
    abort();
}

void fuzz_write(const char *name, const void *data, size_t size)
{
    FILE *f = fopen(name, "wb");
    FUZZ_CHECK(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}
