/* SPDX-License-Identifier: Apache-2.0 */
/* Small random models over the whole language.  */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <stdint.h>
#include <stdio.h>

/* Write the spec of model SEED to F.  Equal seeds give equal specs.  Its indices have three
   values.  */
void grammar_spec(FILE *f, uint64_t seed, int batch);

/* The same as a text, for free().  */
char *grammar_text(uint64_t seed, int batch);

#endif
