/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a spec's parts share.  */
#ifndef SPEC_READ_H
#define SPEC_READ_H

#include "spec.h"

typedef struct {
    arena *arena;
    diag *diag;
    spec *spec;
} reader;

/* One key of a mapping, and who reads its value.  CONTEXT is the reader's own.  FORM is what the value is
   in the JSON schema: one of its definitions (schema.c).  */
typedef struct {
    const char *name;
    void (*read)(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
    const char *form;
} spec_key;

/* For the schema: a mapping of the language under the name of its definition; the first keys are needed.
   Words that a value may be.  Both tables end with a row without a name.  */
typedef struct {
    const char *name;
    const spec_key *keys;
    size_t n, n_needed;
} spec_mapping;

typedef struct {
    const char *name;
    const char *const *words;
} spec_words;

extern const spec_mapping spec_top_mappings[], spec_decl_mappings[], spec_net_mappings[],
    spec_step_mappings[];
extern const spec_words spec_top_words[], spec_decl_words[];

#define SPEC_MAPPING(name, keys, n_needed) {name, keys, sizeof keys / sizeof keys[0], n_needed}

/* Read MAPPING (WHAT in messages: "a module") by KEYS; a key that is not among them is an error.  False if
   it is no mapping.  */
bool spec_read_keys(reader *r, yaml_tree *mapping, const char *what, const spec_key *keys, size_t n,
                    void *context);

/* False after an error: the node is of another kind.  */
bool spec_want_mapping(reader *r, const yaml_tree *t, const char *what);
bool spec_want_scalar(reader *r, const yaml_tree *t, const char *what);

/* One more name or equation.  False where it is one too many.  */
bool spec_count(reader *r, loc at);

/* A name that the language and C accept; NULL after an error.  */
const char *spec_name(reader *r, const yaml_tree *t);

/* False after an error: T is no whole number from MIN to MAX.  */
bool spec_whole_number(reader *r, const yaml_tree *t, long min, long max, long *res);

/* true or false, and no other word for them.  */
void spec_bool(reader *r, const yaml_tree *t, bool *res);

/* The word that T is, one of CHOICE (ended by NULL); NULL after an error.  */
const char *spec_choice(reader *r, const yaml_tree *t, const char *const *choice);

/* spec_decl.c */
void spec_read_dims(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_args(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_inputs(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_targets(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_params(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_hidden(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_states(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_consts(reader *r, const yaml_tree *key, yaml_tree *value, void *context);

/* spec_net.c */
void spec_read_functions(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_modules(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_step(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_outputs(reader *r, const yaml_tree *key, yaml_tree *value, void *context);
void spec_read_loss(reader *r, const yaml_tree *key, yaml_tree *value, void *context);


/* rule.c */
void rule_read(reader *r, const yaml_tree *key, yaml_tree *value, void *context);

#endif
