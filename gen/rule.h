/* SPDX-License-Identifier: Apache-2.0 */
/* What the spec and the command line say about learning -> one setting for each axis of a rule.  */
#ifndef RULE_H
#define RULE_H

#include "learn.h"
#include "spec.h"

/* A key of `learning:`.  */
typedef enum { FORM_RULE, FORM_WORD, FORM_WHOLE, FORM_NUMBER, FORM_PAIR, FORM_NAME, FORM_LIST } rule_form;

typedef struct {
    const char *name;
    rule_form form;
    const char *const *word;
    double min, max; /* of a number: min <= x < max */
} rule_key;

const rule_key *rule_key_row(learning_key key);

/* The names of all rules, and the words that the value of KEY may be, ended by NULL.  */
const char *const *rule_names(void);
const char *const *rule_words(learning_key key);

/* Is NAME another name of the rule before it in the table?  */
bool rule_is_second_name(const char *name);

/* Does NAME keep the whole influence matrix, so that each use of a weight has a trace for each group?  */
bool rule_is_exact(const char *name);

/* The rule NAME by itself.  Of what FROM says about the model it keeps what any rule needs (dense), and
   what NAME cannot do without (a modulator, signs); the seed of uoro is 1 unless FROM has another.  */
spec_learning rule_alone(const spec_learning *from, const char *name);

/* Read KEY=VALUE of the command line into L, over what is said there.  False after an error.  */
bool rule_override(spec_learning *l, const char *text, arena *a, diag *d);

/* The settings; false after an error: a key does not belong to the rule, or two contradict each other.  */
bool rule_settings(const spec *s, const spec_learning *l, diag *d, learning *res);

#endif
