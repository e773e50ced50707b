/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of libFuzzer.  FUZZ_TARGET in the environment says what is fuzzed.  */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_target *target;
    const char *name = getenv("FUZZ_TARGET");
    if (!target && !(target = fuzz_find(name ? name : ""))) {
        fputs("FUZZ_TARGET names no target\n", stderr);
        exit(EXIT_FAILURE);
    }
    target->run(data, size);
    return 0;
}
