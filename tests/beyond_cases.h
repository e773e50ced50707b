/* SPDX-License-Identifier: Apache-2.0 */
/* Models for every operator, cell, surrogate and form of control flow.  */
#ifndef BEYOND_CASES_H
#define BEYOND_CASES_H

int beyond_n_cases(void);
const char *beyond_case_name(int i);

/* The spec, for free().  */
char *beyond_case_text(int i);

#endif
