/* SPDX-License-Identifier: Apache-2.0 */
/* The names of warnings, and what -W says about each.  */
#ifndef WARNING_H
#define WARNING_H

#include <stdbool.h>

typedef enum { WARNING_SHOWN, WARNING_OFF, WARNING_ERROR } warning_level;

typedef struct {
    const char *name, *help;
} warning_row;

/* Every name that diag_warning is given, ended by a row without one.  */
extern const warning_row warning_rows[];

enum { WARNINGS_MAX = 32 };

/* A level for each row.  ALL_ERRORS: -Werror; of those that are shown.  */
typedef struct {
    warning_level level[WARNINGS_MAX];
    bool all_errors;
} warning_set;

/* Take FLAG, what follows -W: NAME, no-NAME, error, no-error, error=NAME, no-error=NAME; NAME may
   be all.  NULL, or the part of FLAG that is no name.  */
const char *warning_flag(warning_set *set, const char *flag);

/* What is to be done with the warning NAME.  */
warning_level warning_of(const warning_set *set, const char *name);

/* The names alone, ended by NULL.  */
const char *const *warning_names(void);

#endif
