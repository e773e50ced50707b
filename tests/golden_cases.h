/* SPDX-License-Identifier: Apache-2.0 */
/* The cases in tests/golden: NAME.yaml, NAME.npz and NAME.json each.  */
#ifndef GOLDEN_CASES_H
#define GOLDEN_CASES_H

#include "command.h"

extern const char *const golden_cases[];
extern const int n_golden_cases;

/* tests/golden/NAME.EXTENSION in the sources.  */
void golden_path(char path[COMMAND_PATH], const char *name, const char *extension);

#endif
