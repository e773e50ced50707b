/* SPDX-License-Identifier: Apache-2.0 */
/* The options of etrace-gen.  */
#ifndef OPTION_TABLE_H
#define OPTION_TABLE_H

#include "option_set.h"

extern const option_set option_table;

#endif
