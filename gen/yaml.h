/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text -> a tree of nodes with places, through libyaml's event interface,
   within these limits (depth 64, 1,000 aliases, 1,000 anchors,
   100,000 visited nodes, 64 KiB a scalar, 16 MiB a file).  */
#ifndef YAML_TREE_H
#define YAML_TREE_H

#include "diag.h"

typedef enum { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING } yaml_kind;

typedef struct yaml_tree yaml_tree;

typedef struct {
    yaml_tree *key; /* always a scalar */
    yaml_tree *value;
} yaml_pair;

struct yaml_tree {
    yaml_kind kind;
    loc at;           /* of the node's first character */
    bool plain;       /* scalar: written without quotes */
    const char *text; /* scalar; valid UTF-8, no control characters but newline and tab */
    size_t len, points; /* bytes, and characters (0: not counted yet) */
    size_t n; /* items or pairs */
    yaml_tree **item;
    yaml_pair *pair;
};

/* The root of the one document in the file PATH, or NULL after diag_error.
   Anything that is unreadable (exit 3) sets *IO_ERROR.  */
yaml_tree *yaml_read(const char *path, arena *a, diag *d, bool *io_error);

/* The same for TEXT in memory, called NAME in messages.  */
yaml_tree *yaml_parse(const char *name, const char *text, size_t len, arena *a, diag *d);

/* The value of KEY in a mapping, or NULL.  */
yaml_tree *yaml_get(const yaml_tree *mapping, const char *key);

/* The place of the LENGTH code points at byte OFFSET of a scalar's text; the whole scalar where the
   text is not as in the file (escapes, several lines), or is long and not ASCII.  */
loc yaml_place(const yaml_tree *scalar, size_t offset, int length);

#endif
