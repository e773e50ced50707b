/* SPDX-License-Identifier: Apache-2.0 */
/* The language as a JSON schema (draft-07), for editors.  */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "buf.h"

void schema_write(buf *out);

#endif
