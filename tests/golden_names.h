/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference data call the things of a model: names of arrays, and which states stand where
   in which hidden group.  */
#ifndef GOLDEN_NAMES_H
#define GOLDEN_NAMES_H

#include <stddef.h>

enum { NAMES_MAX = 256, NAME_LENGTH = 128 };

/* The pairs that the user gave, ours=theirs.  OURS may begin with a kind (h2w/W=lora: of that kind
   alone), and both may end in * (cell.*=*: whatever begins so).  A name without a pair is the same
   on both sides.  */
typedef struct {
    int n;
    char ours[NAMES_MAX][NAME_LENGTH], theirs[NAMES_MAX][NAME_LENGTH];
} name_map;

/* Add "ours=theirs".  Returns 0, or -1: it is none, or there are too many.  */
int name_map_add(name_map *map, const char *pair);

/* What the reference calls PATH, of the kind "param", "hidden", "input", "output", "target",
   "const" or "h2w".  */
void name_map_theirs(const name_map *map, const char *kind, const char *path,
                     char theirs[NAME_LENGTH]);

/* Is NAME of the reference what our PATH is called there?  A parameter W may be W.weight there.  */
int name_map_match(const name_map *map, const char *kind, const char *path, const char *name);

/* The hidden groups of the reference, in its order: state I is in group GROUP[I], where it is
   number ROW[I].  */
typedef struct {
    int n;
    int group[NAMES_MAX], row[NAMES_MAX];
    char state[NAMES_MAX][NAME_LENGTH];
} name_groups;

/* Read them from the text of a case's .json.  Returns 0, or -1 if they are not there.  */
int name_groups_read(name_groups *groups, const char *json);

#endif
