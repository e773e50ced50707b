/* SPDX-License-Identifier: Apache-2.0 */
/* The table of surrogate derivatives: formulas of v.  */
#ifndef SURROGATE_H
#define SURROGATE_H

#include "formula.h"

extern const formula surrogates[];
extern const int n_surrogates;

#endif
