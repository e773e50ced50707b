/* SPDX-License-Identifier: Apache-2.0 */
/* usage: fuzz-replay TARGET FILE...
   What the fuzzer would do with each of the files, for compilers without one; without arguments the
   targets are listed.  A crash is for whoever called; the file under way is in the file `last`.  */
#include "fuzz.h"

#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    for (const fuzz_target *t = fuzz_targets; argc < 2 && t->name; t++)
        puts(t->name);
    const fuzz_target *target = argc < 2 ? NULL : fuzz_find(argv[1]);
    if (argc >= 2 && !target) {
        fprintf(stderr, "fuzz-replay: there is no target %s\n", argv[1]);
        return EXIT_FAILURE;
    }
    for (int i = 2; i < argc; i++) {
        buf text = {NULL, 0, 0};
        fuzz_write("last", argv[i], strlen(argv[i]));
        if (!buf_read_file(&text, argv[i])) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        target->run((const uint8_t *)buf_text(&text), text.len);
        buf_free(&text);
    }
    return EXIT_SUCCESS;
}
