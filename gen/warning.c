/* SPDX-License-Identifier: Apache-2.0 */
/* In: what -W says.  Out: which warnings are shown, and which are errors.  */
#include "warning.h"

#include <string.h>

const warning_row warning_rows[] = {
    {"dense", "the trace leaves out how a state reads another one (dense: drop)"},
    {"derivative", "differences contradict a derivative that the spec states (--check)"},
    {"mixed-path", "the trace of a parameter carries one of its ways to a state alone"},
    {"not-position-preserving", "a parameter has no trace, since positions are mixed"},
    {"sliced", "a parameter has no trace, since a slice is taken"},
    {"stack", "a function takes megabytes of stack, and no --max-stack says that they are there"},
    {"weight-to-weight", "a parameter has no trace, since another weight op follows"},
    {0}};

const char *const *warning_names(void)
{
    static const char *name[WARNINGS_MAX + 1];
    for (int i = 0; warning_rows[i].name; i++)
        name[i] = warning_rows[i].name;
    return name;
}

/* Set the level of NAME, or of all.  False: there is none of that name.  */
static bool set_level(warning_set *set, const char *name, warning_level level)
{
    bool known = false;
    for (int i = 0; warning_rows[i].name; i++)
        if (strcmp(name, "all") == 0 || strcmp(name, warning_rows[i].name) == 0) {
            set->level[i] = level;
            known = true;
        }
    return known;
}

const char *warning_flag(warning_set *set, const char *flag)
{
    bool no = strncmp(flag, "no-", 3) == 0;
    const char *name = no ? flag + 3 : flag;
    if (strcmp(name, "error") == 0) {
        set->all_errors = !no;
        return NULL;
    }
    bool error = strncmp(name, "error=", 6) == 0;
    name += error ? 6 : 0;
    warning_level level = error && !no ? WARNING_ERROR : no && !error ? WARNING_OFF : WARNING_SHOWN;
    return set_level(set, name, level) ? NULL : name;
}

warning_level warning_of(const warning_set *set, const char *name)
{
    warning_level level = WARNING_SHOWN;
    for (int i = 0; warning_rows[i].name; i++)
        if (strcmp(name, warning_rows[i].name) == 0)
            level = set->level[i];
    return level == WARNING_SHOWN && set->all_errors ? WARNING_ERROR : level;
}
